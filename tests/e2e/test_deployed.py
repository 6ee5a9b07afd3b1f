"""The deployment without its containers and without systemd: the same commands and configurations as processes, on real servers.

What reads the files is `deployment.py`; changed is only what differs from machine to machine: addresses and folders.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from aiohttp import web

from bot.channels.webchat import new_token
from bot.config import load_config
from tests.chaos.harness import Launcher, until
from tests.e2e.deployment import DEPLOY, RUNNING, STARTS, Start
from tests.e2e.harness import eventually
from tests.fakes.road import EMERGENCY
from tests.servers.postgres import GivenServer, PostgresServer, drop_database, make_database
from tests.servers.process import free_port
from tests.servers.redis import RedisServer

START_WITHIN_S = 240.0  # five at once on a busy machine; an idle one needs five seconds
RESTARTED = {"systemd": RUNNING, "containers": ("web-1", "worker-1")}  # the same commands but for the addresses
STOPPED = "nothing that was accepted is lost"


@dataclass
class Forked:
    """One process of the program: forked by the launcher of the fault runs, so that dozens of starts do not import it anew."""

    launcher: Launcher
    pid: int

    @property
    def returncode(self) -> int | None:
        return self.launcher.code(self.pid)

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def wait(self) -> int:
        await until(lambda: self.returncode is not None, START_WITHIN_S, "the end of a process")
        assert self.returncode is not None
        return self.returncode


@dataclass
class Member:
    """One process of the deployment."""

    start: Start
    port: int
    folder: Path
    notices: socket.socket
    told: list[str] = field(default_factory=list)
    process: Forked | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def listen(self) -> None:
        """Keep what it tells its manager."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self.notices, lambda: self.told.append(self.notices.recv(4096).decode()))

    async def tells(self, word: str) -> None:
        await eventually(lambda: word in self.told, what=f"{self.start.name} says {word}")

    def said(self) -> str:
        return (self.folder / f"{self.start.name}.txt").read_text("utf-8", "replace")


@dataclass
class Deployed:
    """All of it, with what a proxy does: whoever is ready is asked, and a closed door means the next one."""

    launcher: Launcher
    members: dict[str, Member]
    config: Path
    database: str
    environment: dict[str, str]
    http: aiohttp.ClientSession
    alarms: list[Any]
    pings: list[str]
    commands: int = 0

    async def run(self, *argv: str, code: int = 0) -> str:
        """A command of the program, as the operator's; what it prints."""
        self.commands += 1
        output = self.config.parent / f"command-{self.commands}.txt"
        arguments = [*argv, "--config", str(self.config)]
        made = Forked(self.launcher, await self.launcher.start(arguments, output, self.environment, ""))
        ended = await made.wait()
        said = output.read_text("utf-8")
        assert ended == code, said
        return said

    async def begin(self, name: str) -> None:
        member = self.members[name]
        member.told.clear()
        told = {"NOTIFY_SOCKET": str(member.folder / f"{name}.socket"), "WATCHDOG_USEC": "900000"}
        output, environment = member.folder / f"{name}.txt", {**self.environment, **told}
        pid = await self.launcher.start(list(member.start.argv), output, environment, "")
        member.process = Forked(self.launcher, pid)

    async def ready(self, name: str) -> None:
        """Wait until it is; one that gives up (on a busy machine, waiting for another that makes the tables) is started again, as
        both managers do.
        """
        member, again = self.members[name], 3
        async with asyncio.timeout(START_WITHIN_S):
            while not await self.is_ready(member):
                assert member.process is not None
                if member.process.returncode is not None:
                    again -= 1
                    assert again, member.said()
                    await asyncio.sleep(2)  # RestartSec
                    await self.begin(name)
                await asyncio.sleep(0.05)

    async def is_ready(self, member: Member) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with self.http.get(f"{member.base}/readyz") as answer:
                return answer.status == 200
        return False

    async def stop(self, name: str) -> None:
        """As a service manager does; it must end well and within what the files allow."""
        member = self.members[name]
        assert member.process is not None
        member.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            assert await member.process.wait() == 0, member.said()
        assert STOPPED in member.said()
        member.process = None

    async def post(self, fields: dict[str, str]) -> dict[str, Any]:
        """What a page sends, to whichever web process is ready; sent again with the same number where the line breaks."""
        async with asyncio.timeout(30):
            while True:
                for name in ("web-1", "web-2"):
                    member = self.members[name]
                    if not await self.is_ready(member):
                        continue
                    with contextlib.suppress(aiohttp.ClientError):
                        headers = {"Accept": "application/json"}
                        async with self.http.post(f"{member.base}/", data=fields, headers=headers) as answer:
                            if answer.status == 200:
                                seen: dict[str, Any] = await answer.json()
                                return seen
                            assert answer.status == 503, answer.status
                await asyncio.sleep(0.05)

    def select(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as there:
            return there.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]


def written_for(kind: str, folder: Path, database: str, redis: str) -> Path:
    """The shipped configuration with this machine's addresses; AssertionError when it names something else than it should."""
    text = (DEPLOY / kind / "config.example.yaml").read_text("utf-8")
    changes = {
        "var: /var/lib/binhan": f"var: {folder / 'var'}",
        r"url: postgresql://binhan@\S+": f"url: {database}",
        r"url: redis://\S+": f"url: {redis}",
        r"public_url: https://\S+": "public_url: http://127.0.0.1:1",
        "drain_s: 10": "drain_s: 1",
    }
    for old, new in changes.items():
        text, count = re.subn(old, new, text)
        assert count == 1, old
    path = folder / "config.yaml"
    path.write_text(text, "utf-8")
    for secret in sorted(set(re.findall(r"^[^#\n]*CREDENTIALS_DIRECTORY}/([\w-]+)", text, re.MULTILINE))):
        assert secret.removeprefix("binhan_") in ("database-password", "alarm-url", "ping-url")
    return path


@asynccontextmanager
async def listening(alarms: list[Any], pings: list[str]) -> AsyncIterator[int]:
    """Where alarms and pings go."""

    async def alarm(request: web.Request) -> web.Response:
        alarms.append(await request.json())
        return web.Response()

    async def ping(request: web.Request) -> web.Response:
        pings.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_post("/alarm", alarm)
    app.router.add_get("/ping", ping)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield port
    finally:
        await runner.cleanup()


@asynccontextmanager
async def deployed(
    kind: str, folder: Path, server: PostgresServer | GivenServer, redis: RedisServer, launcher: Launcher
) -> AsyncIterator[Deployed]:
    database = make_database(server.url, f"binhan_deployed_{os.getpid()}")
    alarms: list[Any] = []
    pings: list[str] = []
    async with listening(alarms, pings) as port, aiohttp.ClientSession() as http:
        prefix = "binhan_" if kind == "systemd" else ""
        given = {"database-password": "unused-here", "alarm-url": f"http://127.0.0.1:{port}/alarm"}
        given["ping-url"] = f"http://127.0.0.1:{port}/ping"
        (folder / "credentials").mkdir()
        for name, value in given.items():
            (folder / "credentials" / f"{prefix}{name}").write_text(value + "\n", "utf-8")
        config = written_for(kind, folder, database, redis.url)
        members = {}
        for start in STARTS[kind]():
            notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            notices.bind(str(folder / f"{start.name}.socket"))
            notices.setblocking(False)
            assert start.option("--config") == "/etc/binhan/config.yaml"
            port = free_port()
            here = start.with_option("--config", str(config)).with_option("--listen", f"127.0.0.1:{port}")
            members[start.name] = Member(here, port, folder, notices)
            members[start.name].listen()
        environment = {"CREDENTIALS_DIRECTORY": str(folder / "credentials")}
        made = Deployed(launcher, members, config, database, environment, http, alarms, pings)
        try:
            yield made
        finally:
            for member in members.values():
                if member.process is not None and member.process.returncode is None:
                    member.process.send_signal(signal.SIGKILL)
                    await member.process.wait()
                asyncio.get_running_loop().remove_reader(member.notices)
                member.notices.close()
            drop_database(server.url, database.rsplit("/", 1)[1])


@asynccontextmanager
async def people_write(made: Deployed) -> AsyncIterator[list[str]]:
    """Two people write line after line; the numbers of what was taken from them."""
    taken: list[str] = []
    over = asyncio.Event()

    async def write(name: str) -> None:
        hers = new_token()
        while not over.is_set():
            mid = secrets.token_urlsafe(12)
            await made.post({"token": hers, "after": "0", "text": f"chào {name} {len(taken)}", "mid": mid})
            taken.append(hashlib.sha256(f"{hers}\n{mid}".encode()).hexdigest())  # as the web chat numbers it
            await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as writers:
        for name in ("an", "binh"):
            writers.create_task(write(name))
        try:
            yield taken
        finally:
            over.set()


async def restart(made: Deployed, name: str) -> None:
    await made.stop(name)
    await made.members[name].tells("STOPPING=1")
    await made.begin(name)
    await made.ready(name)


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    one = Launcher()
    yield one
    one.close()


@pytest.mark.parametrize("kind", sorted(STARTS))
async def test_the_deployment_starts_serves_restarts_one_by_one_and_stops(
    kind: str,
    tmp_path: Path,
    postgres_server: PostgresServer | GivenServer,
    redis_server: RedisServer,
    launcher: Launcher,
) -> None:
    async with deployed(kind, tmp_path, postgres_server, redis_server, launcher) as made:
        assert "configuration: fine" in await made.run("config", "check")
        # All at once, on an empty database: as a machine does after a power cut.
        for name in RUNNING:
            await made.begin(name)
        for name in RUNNING:
            await made.ready(name)
            await made.members[name].tells("READY=1")
        said = await made.run("staff", "add", "tuvan", "--alias", "Mai", "--role", "counsellor")
        assert "password" in said

        # A message goes through, and rings.
        token = new_token()
        await made.post({"token": token, "after": "0", "text": EMERGENCY, "mid": secrets.token_urlsafe(12)})

        async def answered() -> bool:
            look = await made.post({"token": token, "after": "0", "act": "look"})
            return any("Mình đang gọi" in line["text"] for line in look["lines"])

        await eventually(answered, what="she is told that somebody is called", within_s=20)
        assert made.select("SELECT count(*) FROM escalations WHERE state = 'ringing'") == [(1,)]

        # One after the other is restarted while people write: nothing is lost, nothing is doubled.
        async with people_write(made) as mids:
            for name in RESTARTED[kind]:
                await restart(made, name)
        assert len(mids) > 5

        async def all_handled() -> bool:
            return made.select("SELECT count(*) FROM inbox WHERE state = 'new'") == [(0,)]

        await eventually(all_handled, what="everything is handled", within_s=30)
        stored = made.select("SELECT message_id, state FROM inbox WHERE channel = 'web'")
        found = [message_id for message_id, _ in stored]
        assert len(found) == len(set(found))
        assert set(mids) <= set(found), "whatever was taken is there"
        assert {state for _, state in stored} == {"done"}

        # Signs of life went on, the auditor pinged or had a reason not to, and all of it stops well.
        for member in made.members.values():
            await eventually(lambda member=member: member.told.count("WATCHDOG=1") > 1, what=member.start.name)
        assert not [one for alarm in made.alarms for one in alarm["findings"] if one["code"] == "no-database"]
        for name in reversed(RUNNING):
            await made.stop(name)
        assert made.select("SELECT count(*) FROM inbox WHERE state <> 'done'") == [(0,)]
        # The tests' server writes hastily, and that is all that is wrong (the shipped one: test_backups.py).
        wrong = (await made.run("db", "check", code=1)).splitlines()
        assert [line.split(" is off")[0] for line in wrong] == ["setting: fsync", "setting: full_page_writes"]


@pytest.mark.parametrize("kind", sorted(STARTS))
def test_the_shipped_configuration_is_read_as_it_is(kind: str) -> None:
    config = load_config(DEPLOY / kind / "config.example.yaml")
    assert config.database.shared
    assert config.redis.url
    assert config.web.behind_proxy
    assert config.web.public_url.startswith("https://")
    assert str(config.var) == "/var/lib/binhan"
    assert config.auditor.alarm_url is not None
    assert config.auditor.ping_url is not None

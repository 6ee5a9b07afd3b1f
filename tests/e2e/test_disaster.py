"""The machine burns: from the copies of the data and, apart, of the keys, on a new machine, by the commands of the runbook."""

from __future__ import annotations

import asyncio
import getpass
import secrets
import shutil
import signal
import sys
import time
from pathlib import Path

import aiohttp
import psycopg

from bot.channels.webchat import new_token
from tests.e2e.copies import Kept, keeping, own
from tests.e2e.deployment import ROOT
from tests.e2e.harness import eventually
from tests.fakes.road import EMERGENCY
from tests.servers.process import free_port

RTO_S = 30 * 60


def configuration(folder: Path, name: str, url: str, second: Path | None) -> Path:
    path = folder / name
    kept = f"keys_second: '{second}'\n" if second else ""
    path.write_text(
        f"var: '{folder / 'var'}'\ndatabase: {{url: '{url}'}}\nlisten: 127.0.0.1:{free_port()}\n{kept}", "utf-8"
    )
    return path


async def program(*argv: str, code: int = 0) -> str:
    """A command of the program to its end; what it prints."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *argv, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await made.communicate()
    assert made.returncode == code, said.decode()
    return said.decode()


class Serving:
    """`serve` as a process, which may be killed."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.base = "http://" + config.read_text("utf-8").split("listen: ")[1].split("\n")[0]

    async def __aenter__(self) -> Serving:
        argv = ("serve", "--config", str(self.config))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *argv, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
        )
        async with aiohttp.ClientSession() as http:

            async def ready() -> bool:
                assert self._process.returncode is None
                try:
                    async with http.get(f"{self.base}/readyz") as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            await eventually(ready, what="it serves", within_s=90)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()


async def writes(base: str, token: str, **fields: str) -> list[str]:
    """What the page shows after this."""
    form = {"token": token, "after": "0", "mid": secrets.token_urlsafe(12), **fields}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{base}/", data=form, headers={"Accept": "application/json"}) as answer,
    ):
        assert answer.status == 200
        return [line["text"] for line in (await answer.json())["lines"]]


async def test_everything_of_the_last_minute_comes_back_on_a_new_machine_and_nothing_goes_out(tmp_path: Path) -> None:
    second, token = tmp_path / "second", new_token()
    with keeping() as old:
        old.run("make-database", BINHAN_DATABASE="hotline", BINHAN_ROLE="hotline")
        url = f"postgresql://hotline@127.0.0.1:{old.server.port}/hotline"
        (tmp_path / "old").mkdir()
        config = configuration(tmp_path / "old", "config.yaml", url, second)
        async with Serving(config) as there:
            old.run("base-backup")
            await writes(there.base, token, text=EMERGENCY)

            async def answered() -> bool:
                return any("113" in text for text in await writes(there.base, token, act="look"))

            await eventually(answered, what="she has the numbers", within_s=20)
            await program("keys", "copy", "--config", str(config))  # the service does it every two minutes
            old.archived()
        shutil.copytree(old.backups, tmp_path / "copies")  # on another machine all the time

    began = time.monotonic()
    with keeping() as new:
        copies = new.home / "old-copies"
        shutil.copytree(tmp_path / "copies", copies)
        own(copies)
        await recovers(new, copies, tmp_path / "new", second, token)
    assert time.monotonic() - began < RTO_S


async def recovers(new: Kept, copies: Path, folder: Path, second: Path, token: str) -> None:
    new.run(
        "recover", str(new.home / "recovered"),
        BINHAN_DATA_BACKUPS=str(copies), BINHAN_ACCOUNTS=f"{getpass.getuser()}=hotline",
    )  # fmt: skip
    var = folder / "var"
    var.mkdir(mode=0o700, parents=True)
    shutil.copytree(second / "secrets", var / "secrets")
    shutil.copy(max((second / "keys").glob("keys-*.db")), var / "keys.db")
    (var / "secrets").chmod(0o700)
    socket = new.home / "recovered" / "socket"
    try:
        recovered = configuration(
            folder, "recovered.yaml", f"postgresql://hotline@/hotline?host={socket}&port=5432", None
        )
        await program("backup", str(folder / "backup"), "--config", str(recovered))
    finally:
        new.stop("recovered")
    new.run("make-database", BINHAN_DATABASE="hotline", BINHAN_ROLE="hotline")
    url = f"postgresql://hotline@127.0.0.1:{new.server.port}/hotline"
    config = configuration(folder, "config.yaml", url, second)
    said = await program("restore", str(folder / "backup"), "--config", str(config))
    assert "quarantine" in said
    assert "database: fine" in await program("db", "check", "--config", str(config))
    with psycopg.connect(url) as there:
        assert there.execute("SELECT count(*) FROM escalations WHERE state = 'ringing'").fetchone() == (1,)
        going = there.execute(
            "SELECT count(*) FROM outbox WHERE contact_uid IS NOT NULL AND state IN ('pending', 'sending')"
        )
        assert going.fetchone() == (0,), "nothing is on its way to a seeker"
    async with Serving(config) as running:
        assert any("113" in text for text in await writes(running.base, token, act="look")), (
            "her talk is readable again"
        )
    assert "ended" in await program("db", "release", "--config", str(config))

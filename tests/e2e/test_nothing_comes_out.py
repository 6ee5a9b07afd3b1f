"""One talk with everything somebody could give away, and then every place it could have got to: dumps of the database, Redis
while it happened and afterwards, metrics, exports, every page of the desk for everybody who has no right to it.

What the log and the files say is looked at after every test of the suite (`tests/canaries`).
"""

from __future__ import annotations

import asyncio
import io
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis
import yaml

from bot.web.passwords import hash_password
from bot.wiring import backup_database
from handlers.model import Role
from handlers.staffing import AddStaff
from tests.canaries.cage import ROOT, Cage
from tests.canaries.places import files_of, postgres_dump, redis_dump
from tests.e2e.harness import Page, Program, eventually, program
from tests.fakes.telegram import TOKEN, Fault
from tests.servers.redis import RedisServer

CHAT = 748_190_235
WORDS = "chồng em tên Hoàng-Yến-Canary đang cầm dao đuổi em"
REPLY = "em ra cửa sau, chị Họa-Mi-Canary đang nghe đây"
NOTE = "ghi chú Sơn-Ca-Canary: gọi lại sau chợ phiên"
POINT = {"latitude": 22.386417, "longitude": 103.458213}
PHONE = "+0canary-phone-0"
ADDRESS, BROWSER = "203.0.113.77", "canary-browser/1.0"
COLLECTOR = "canary-token-of-the-collector-0123"
PASSWORD = "Chích-Chòe-Canary hót buổi sáng"


@pytest.fixture
def cage() -> Cage:
    """Everything of hers, a counsellor's and of the installation; what is made on the way is put in when it is known."""
    one = Cage()
    for kind, words in (("her words", WORDS), ("a counsellor's words", REPLY), ("a counsellor's note", NOTE)):
        one.words(kind, words)
    for kind, name in (
        ("her id", CHAT), ("her name", f"Firstname{CHAT}"), ("her username", f"username{CHAT}"), ("her phone", PHONE),
        ("her place", POINT["latitude"]), ("her place", POINT["longitude"]), ("her address", ADDRESS),
        ("her browser", BROWSER), ("a piece of her words", "Hoàng-Yến-Canary"), ("a password", PASSWORD),
    ):  # fmt: skip
        one.name(kind, name)
    one.secret("the bot's token", TOKEN)
    one.secret("the collector's token", COLLECTOR)
    return one


async def a_talk(running: Program, cage: Cage) -> str:
    """She writes on a messenger and on the page, in danger; a counsellor takes it, answers, notes. The case code."""
    for name in ("kek_1", "lookup_pepper_1", "audit_key", "session_key"):
        cage.secret(f"the secret {name}", (running.service.config.var / "secrets" / name).read_bytes())
    phone = running.telegram
    phone.faults.extend(Fault(kind) for kind in ("reset", "garbage", "429"))
    phone.types(CHAT, "/start")
    phone.types(CHAT, WORDS)
    phone.sends(CHAT, location=POINT)
    phone.sends(CHAT, contact={"phone_number": PHONE, "first_name": f"Firstname{CHAT}"})
    page = Page(running)
    cage.name("her page's token", page.token)
    headers = {"User-Agent": BROWSER, "X-Forwarded-For": ADDRESS}
    async with running.http.post(running.base, data={"token": page.token, "text": WORDS}, headers=headers) as answer:
        assert answer.status == 200
    await running.rings(2)
    card = next(one for one in (await running.queue()).cards)
    await running.claim(card)
    await running.reply(card.case_code, REPLY)
    return card.case_code


async def employ(running: Program, role: Role, name: str) -> None:
    made = AddStaff(name=name, alias=name.title(), roles=(role,), password_hash=hash_password(PASSWORD))
    await running.service.storage.door.run(running.service.staffing.add, made)


@contextmanager
def overheard(server: RedisServer) -> Iterator[list[bytes]]:
    """Everything anybody says to Redis meanwhile, as Redis itself hears it."""
    heard: list[bytes] = []
    over = threading.Event()
    with socket.create_connection(("127.0.0.1", server.port)) as there:
        there.settimeout(0.1)
        there.sendall(b"MONITOR\r\n")

        def listen() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    heard.append(there.recv(65_536))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield heard
        finally:
            over.set()
            thread.join()


def collector_file(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "collector-token").write_text(COLLECTOR)
    return {"metrics": {"token": f"file:{tmp_path}/collector-token"}, "log": {"level": "debug"}}


async def metrics_of(running: Program) -> str:
    async with running.http.get(
        f"{running.base}/metrics", headers={"Authorization": f"Bearer {COLLECTOR}"}
    ) as answer:  # fmt: skip
        assert answer.status == 200
        return await answer.text()


def sqlite_dump(path: Path) -> str:
    with sqlite3.connect(path) as there:
        return "\n".join(there.iterdump())


async def test_from_the_embedded_database_its_backup_exports_and_metrics(tmp_path: Path, cage: Cage) -> None:
    async with program(tmp_path, **collector_file(tmp_path)) as running:
        code = await a_talk(running, cage)
        await running.close(code)
        said = await metrics_of(running)
        assert 'binhan_messages_accepted_total{channel="tg"}' in said
        places: list[tuple[str, bytes | str]] = [("the metrics", said)]
        config = running.service.config
        await asyncio.to_thread(backup_database, config, tmp_path / "backup", include_secrets=False)
        places += [("a dump", sqlite_dump(config.var / "data.db")), ("a dump", sqlite_dump(config.var / "keys.db"))]
        places += files_of(tmp_path)
    places += [(f"after its end: {place}", content) for place, content in files_of(tmp_path)]
    places += await asyncio.to_thread(exports, tmp_path)
    names = {place for place, _ in places}
    assert {"a dump", "var/data.db", "backup/data.db", "backup/keys.db", "directory export hsds"} <= names
    assert [one for place, content in places for one in cage.look(content, place)] == []
    assert code in dict(places)["a dump"] or any(code in str(content) for _, content in places), (
        "it looked at this talk"
    )


def exports(tmp_path: Path) -> list[tuple[str, str]]:
    """Everything that commands write for others, over the data of this talk."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"var": "var"}))
    commands = {
        "directory export csv": ("directory", "export", str(tmp_path / "out.csv")),
        "directory export hsds": ("directory", "export", str(tmp_path / "out-hsds.json"), "--format", "hsds"),
        "staff list": ("staff", "list"),
        "db check": ("db", "check"),
        "flows versions": ("flows", "versions"),
    }
    found = []
    for name, argv in commands.items():
        ran = subprocess.run(
            [sys.executable, "-m", "bot", *argv, "--config", str(tmp_path / "config.yaml")],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        found.append((name, ran.stdout + ran.stderr))
        assert "mistake of the program" not in ran.stderr, ran.stderr
    for name in ("out.csv", "out-hsds.json"):
        found.append((f"file {name}", (tmp_path / name).read_text("utf-8")))
    return found


async def test_from_postgres_and_redis(
    tmp_path: Path, cage: Cage, empty_postgres: str, redis_server: RedisServer
) -> None:
    redis_server.flush()
    settings = {"database": {"url": empty_postgres}, "redis": {"url": redis_server.url}, **collector_file(tmp_path)}
    with overheard(redis_server) as heard:
        async with program(tmp_path, **settings) as running:
            await a_talk(running, cage)
            said = await metrics_of(running)
            rows, kept = list(postgres_dump(empty_postgres)), list(redis_dump(redis_server.url))
    monitored = b"".join(heard)
    assert b"PUBLISH" in monitored.upper(), "nobody said anything to Redis: this proves nothing"
    assert dict(rows)["table lines"], "there is something in the dump"
    places = [("the metrics", said.encode()), *rows, *kept, ("what Redis heard", monitored)]
    assert [one for place, content in places for one in cage.look(content, place)] == []


async def test_the_check_of_redis_and_dumps_would_see_it(
    tmp_path: Path, cage: Cage, empty_postgres: str, redis_server: RedisServer
) -> None:
    """The negative control: put there on purpose, each is found."""
    import psycopg

    cage.words("her words", WORDS)
    with overheard(redis_server) as heard, redis.Redis.from_url(redis_server.url) as client:
        client.publish("wakeups", WORDS)
        client.set("kept", str(CHAT))
        await asyncio.sleep(0.3)
        kept = list(redis_dump(redis_server.url))
        client.flushall()
    kinds = {one.kind for one in cage.look(b"".join(heard), "what Redis heard")}
    assert {"her words", "her id"} <= kinds, "published words are gone at once, but Redis heard them"
    assert [one.kind for place, content in kept for one in cage.look(content, place)] == ["her id"]
    with psycopg.connect(empty_postgres, autocommit=True) as there:
        there.execute("INSERT INTO settings (name, value) VALUES ('x', %s)", [WORDS])
    found = [one.kind for place, content in postgres_dump(empty_postgres) for one in cage.look(content, place)]
    with psycopg.connect(empty_postgres, autocommit=True) as there:
        there.execute("DELETE FROM settings WHERE name = 'x'")
    assert "her words" in found
    with sqlite3.connect(tmp_path / "x.sqlite") as small:
        small.execute("CREATE TABLE settings (value TEXT)")
        small.execute("INSERT INTO settings VALUES (?)", [WORDS])
    assert cage.look(sqlite_dump(tmp_path / "x.sqlite"), "a dump")


# --- the desk --------------------------------------------------------------------------------------------------------------


class Browser:
    """Somebody signed in at the desk."""

    def __init__(self, running: Program) -> None:
        self.running, self.cookie = running, ""

    async def signs_in(self, name: str) -> None:
        form = {"name": name, "password": PASSWORD}
        async with self.running.http.post(
            f"{self.running.base}/desk/sign-in", data=form, headers=self.headers, allow_redirects=False
        ) as answer:
            assert answer.status == 303
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]

    @property
    def headers(self) -> dict[str, str]:
        return {"Sec-Fetch-Site": "same-origin", "Cookie": self.cookie, "Accept": "text/html"}

    async def get(self, path: str) -> tuple[int, str]:
        with suppress(TimeoutError):
            async with asyncio.timeout(3.0), self.running.http.get(
                self.running.base + path, headers=self.headers, allow_redirects=False
            ) as answer:  # fmt: skip
                read = b""
                with suppress(TimeoutError, aiohttp.ClientError):
                    async with asyncio.timeout(0.6):  # a stream of events does not end
                        async for part in answer.content.iter_any():
                            read += part
                return answer.status, read.decode("utf-8", "replace")
        raise AssertionError(f"{path} did not answer")


def desk_paths(running: Program, code: str) -> list[str]:
    """Every page of the desk there is, and those of this case."""
    found = set()
    for resource in running.service.app.router.resources():
        for route in resource:
            where = route.resource.canonical if route.resource else ""
            if route.method == "GET" and where.startswith("/desk"):
                found.add(where.replace("{code}", code).replace("{service}", "x").replace("{name}", "x"))
    return sorted(found)


@pytest.fixture
async def at_work(tmp_path: Path, cage: Cage) -> AsyncIterator[tuple[Program, str]]:
    async with program(tmp_path, log={"level": "debug"}) as running:
        yield running, await a_talk(running, cage)


async def test_no_page_of_the_desk_shows_it_to_whoever_has_no_right(at_work: tuple[Program, str], cage: Cage) -> None:
    running, code = at_work
    paths = desk_paths(running, code)
    assert f"/desk/cases/{code}" in paths
    assert "/desk/status" in paths
    for role in (None, Role.COUNSELLOR, Role.SUPERVISOR, Role.EDITOR, Role.OPERATOR, Role.INSPECTOR):
        browser = Browser(running)
        if role is not None:
            await employ(running, role, f"other-{role.value}")
            await browser.signs_in(f"other-{role.value}")
        seen = []
        for path in paths:
            status, read = await browser.get(path)
            assert status < 500, path
            seen += cage.look(read, f"{path} for {role or 'a stranger'}")
        assert seen == []


async def test_who_holds_the_case_reads_the_words_and_never_who_she_is(
    at_work: tuple[Program, str], cage: Cage
) -> None:
    """Also the proof that the pages above are looked at rightly: here the words are found."""
    running, code = at_work
    await employ(running, Role.COUNSELLOR, "holder")
    other = next(card for card in (await running.queue()).cards if card.case_code != code)
    await running.claim(other, "holder")
    browser = Browser(running)
    await browser.signs_in("holder")

    async def reads() -> bool:
        return WORDS in (await browser.get(f"/desk/cases/{other.case_code}"))[1]

    await eventually(reads)
    _, read = await browser.get(f"/desk/cases/{other.case_code}")
    kinds = {one.kind for one in cage.look(read, "her case")}
    assert kinds == {"her words", "a piece of her words"}, "no id, name, phone, address"


async def test_tracebacks_of_the_command_line_name_class_and_place_only(tmp_path: Path, cage: Cage) -> None:
    """Commands that are given something broken quote nothing of it."""
    from bot.__main__ import main

    (tmp_path / "texts.csv").write_text(f"wrong\n{WORDS}\n")
    (tmp_path / "roster.yaml").write_text(f"shifts: {{{WORDS}: [}}\n")
    (tmp_path / "config.yaml").write_text(f"roster: roster.yaml\nchannels: [{{name: tg, token: '{TOKEN}'}}]\n")
    said = ""
    for argv in (
        ("triage", "--csv", str(tmp_path / "texts.csv"), "--out", str(tmp_path / "out.csv")),
        ("config", "check", str(tmp_path / "config.yaml")),
        ("restore", str(tmp_path), "--config", str(tmp_path / "config.yaml")),
    ):
        out, err = io.StringIO(), io.StringIO()
        before, sys.argv = sys.argv, ["binhan", *argv]
        try:
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit):
                main()
        finally:
            sys.argv = before
        assert err.getvalue(), argv
        said += out.getvalue() + err.getvalue()
    assert "Traceback" not in said
    assert cage.look(said, "an error") == []

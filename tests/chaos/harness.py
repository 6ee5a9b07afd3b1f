"""The real program as a process that is killed, a fake Telegram that survives it, and a count of what was lost or doubled."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bot.config import Config
from bot.wiring import duty_of
from handlers.escalation import Escalations
from handlers.model import Role
from handlers.staffing import AddStaff, Staffing
from handlers.stays import Ending
from storage.open import open_storage
from tests.fakes.pager import SECRET as PAGER_SECRET
from tests.fakes.telegram import TOKEN, FakeTelegram, Fault
from tests.servers.process import free_port

ROOT = Path(__file__).resolve().parents[2]
START_WITHIN_S = 60.0
DIE_WITHIN_S = 30.0
DRAIN_WITHIN_S = 60.0
CHANNEL = "tg"
FAULTS_AT_MOST, FORGETS_AT_MOST = 20, 3
FIRST_CHAT = 748_190_100  # long, so that it can be looked for in everything a run leaves behind


class Launcher:
    """The process that forks the program for us (see `launcher.py`). Blocking inside, looked at by polling."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = {
            **os.environ,
            "PYTHONPATH": path,
            "PYTHONFAULTHANDLER": "1",
        }  # a crash of the interpreter says where
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.launcher"],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._started: list[int] = []
        self._ended: dict[int, int] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if "started" in said:
                self._ended.pop(said["started"], None)  # numbers of processes come round again within a long run
                self._started.append(said["started"])
            else:
                self._ended[said["ended"]] = said["code"]

    async def start(self, argv: list[str], output: Path, environment: dict[str, str], mistake: str) -> int:
        """Start the program; its process id."""
        assert self._process.stdin is not None
        before = len(self._started)
        order = {"argv": argv, "output": str(output), "environment": environment, "mistake": mistake}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        await until(lambda: len(self._started) > before, START_WITHIN_S, "the launcher answers")
        return self._started[-1]

    def code(self, pid: int) -> int | None:
        """How the process ended, None while it lives."""
        return self._ended.get(pid)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._reader.join(10)
        self._process.stdout.close()


async def until(condition, within_s: float, what: str) -> None:  # type: ignore[no-untyped-def]
    """Wait until the condition holds; AssertionError saying what did not happen."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    while not condition():
        if loop.time() > end:
            raise AssertionError(f"within {within_s} s did not happen: {what}")
        await asyncio.sleep(0.01)


@dataclass
class Program:
    """`serve` on a folder of its own; started, killed and started again. Several of them may share folder and database."""

    launcher: Launcher
    folder: Path
    fake: FakeTelegram
    port: int = 0
    pid: int = 0
    kills: int = 0
    database: str = ""  # "": SQLite in the folder
    redis: str = ""
    keys: str = ""  # "": in the folder
    pager: str = ""  # where calls to staff go, besides the desk
    role: str = "all"
    name: str = ""  # tells those of one folder apart

    @property
    def var(self) -> Path:
        return self.folder / "var"

    @property
    def output(self) -> Path:
        return self.folder / f"output{self.name}.txt"

    @property
    def url(self) -> str:
        """Where the data lies."""
        return self.database or f"sqlite:///{self.var / 'data.db'}"

    def select(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        if not self.database:
            with contextlib.closing(sqlite3.connect(self.var / "data.db", timeout=5)) as connection:
                return connection.execute(query).fetchall()
        with psycopg.connect(self.database, connect_timeout=2) as there:
            return there.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]

    def prepare(self, log_level: str = "debug") -> None:
        """Write the configuration: the loudest log there is, so that every fault run shows what it must not say."""
        self.port = free_port()
        (self.folder / "token").write_text(TOKEN)
        (self.folder / "config.yaml").write_text(
            f"var: var\nlisten: 127.0.0.1:{self.port}\nchannels:\n"
            f"  - {{name: {CHANNEL}, platform: telegram, token: 'file:{self.folder}/token', "
            f"base_url: '{self.fake.base_url}', poll_timeout_s: 1}}\nlog: {{level: {log_level}}}\n"
            f"database: {{url: '{self.database}', keys_url: '{self.keys}'}}\nredis: {{url: '{self.redis}'}}\n"
            + (f"pager: {{url: '{self.pager}', secret: 'file:{self.folder}/pager'}}\n" if self.pager else "")
        )
        (self.folder / "pager").write_text(PAGER_SECRET)

    async def employ(self) -> None:
        """A counsellor and a supervisor, so that there is somebody to call."""
        config = Config()
        storage = open_storage(self.url, self.var, keys_url=self.keys)
        try:
            staffing = Staffing(Escalations(duty_of(config), None, Ending(config.zone)).staff_disabled)  # type: ignore[arg-type]
            for name, role in (("tuvan", Role.COUNSELLOR), ("giamsat", Role.SUPERVISOR)):
                await storage.door.run(
                    staffing.add, AddStaff(name=name, alias=name, roles=(role,), password_hash="none")
                )
        finally:
            await storage.close()

    async def begin(self, failpoint: str = "", mistake: str = "") -> None:
        """Start it, and do not wait."""
        self.fake.life += 1
        argv = ["serve", "--config", str(self.folder / "config.yaml")]
        if self.role != "all":
            argv += ["--role", self.role, "--listen", f"127.0.0.1:{self.port}"]
        self.pid = await self.launcher.start(argv, self.output, {"FAILPOINT": failpoint}, mistake)

    async def start(self, failpoint: str = "", mistake: str = "") -> None:
        """Start and wait until it answers, or has died of the failpoint already."""
        await self.begin(failpoint, mistake)
        end = asyncio.get_running_loop().time() + START_WITHIN_S
        while self.launcher.code(self.pid) is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(f"the service did not start: {self.said()}")
            await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """SIGKILL, wherever it is."""
        self.kills += 1
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        code = await self.died()
        assert code == -signal.SIGKILL, f"it had ended by itself with {code}: {self.said()[-4000:]}"

    async def stop(self) -> int:
        """SIGTERM: the graceful end; its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return await self.died()

    async def died(self) -> int:
        """Wait for its end; the exit code (negative: the signal)."""
        await until(
            lambda: self.launcher.code(self.pid) is not None, DIE_WITHIN_S, f"the end of the process; {self.said()}"
        )
        code = self.launcher.code(self.pid)
        assert code is not None
        return code

    def is_frozen(self) -> bool:
        """Has it been stopped (SIGSTOP)?"""
        return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"

    def said(self) -> str:
        """What it wrote to its terminal."""
        return self.output.read_text("utf-8", "replace") if self.output.exists() else ""

    async def drained(self) -> None:
        """Wait until everything is confirmed, handled and sent, for as long as it goes on: long runs leave thousands."""
        least, end = None, 0.0
        loop = asyncio.get_running_loop()
        while left := self.fake.unconfirmed() + self.open_rows():
            if least is None or left < least:
                least, end = left, loop.time() + DRAIN_WITHIN_S
            if loop.time() > end:
                raise AssertionError(f"nothing has moved for {DRAIN_WITHIN_S} s; {self.left()}")
            await asyncio.sleep(0.05)

    def left(self) -> str:
        """What waits, and for what: counts and states."""
        messages = self.select("SELECT state, count(*) FROM inbox WHERE state <> 'done' GROUP BY state")
        lines = self.select(
            "SELECT kind, state, error_class, count(DISTINCT lane), count(*), min(attempts), max(attempts), min(next_attempt_at),"
            " max(next_attempt_at), max(fresh_until), max(lease_until) FROM outbox WHERE contact_uid IS NOT NULL"
            " AND state IN ('pending', 'sending') GROUP BY kind, state, error_class"
        )
        brought = f"{self.fake.unconfirmed()} unconfirmed, {self.fake.forgetful} times forgotten"
        return f"{brought}; messages {messages}; lines {lines}; now {time.time():.0f}; {self.said()[-3000:]}"

    def open_rows(self) -> int:
        """Messages not handled and lines to seekers not sent."""
        ((count,),) = self.select(
            "SELECT (SELECT count(*) FROM inbox WHERE state = 'new') + (SELECT count(*) FROM outbox"
            " WHERE contact_uid IS NOT NULL AND state IN ('pending', 'sending'))"
        )
        return int(count)

    def overdue_s(self) -> float:
        """By how much the most overdue escalation is late, by this machine's clock; 0 when none is."""
        due = "extract(epoch FROM min(next_due_at))" if self.database else "min(next_due_at) / 1e6"
        ((at,),) = self.select(f"SELECT {due} FROM escalations WHERE state <> 'ended'")
        return max(0.0, time.time() - float(at)) if at is not None else 0.0


CALM = "tin {number} của người {chat}"
IN_DANGER = "chồng đang cầm dao đánh em, cứu em với, tin {number} của người {chat}"


@dataclass
class Load:
    """People who write: numbered texts, so that every single one can be found again. Every twelfth is in danger."""

    fake: FakeTelegram
    chats: int
    seed: int
    written: dict[int, list[str]] = field(default_factory=dict)
    in_danger: dict[int, float] = field(default_factory=dict)  # chat -> when it first said so, monotonic

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._next = 1000  # not 113, which is a cry for help

    def write(self, count: int, *, newcomers: int = 0) -> None:
        """`count` messages from random chats, and `newcomers` more, each from somebody who writes for the first time."""
        chosen = [FIRST_CHAT + self._random.randrange(self.chats) for _ in range(count)]
        for _ in range(newcomers):
            self.chats += 1
            chosen.append(FIRST_CHAT - 1 + self.chats)
        for chat in chosen:
            self._next += 1
            danger = self._next % 12 == 0
            text = (IN_DANGER if danger else CALM).format(number=self._next, chat=chat)
            if danger:
                self.in_danger.setdefault(chat, time.monotonic())
            self.written.setdefault(chat, []).append(text)
            self.fake.types(chat, text)

    def disturb(self, rate: float) -> None:
        """Sometimes put a fault before one of the platform's next answers, or make it forget what was confirmed. Never many
        ahead: a program that is killed three times a second meets few of them, and would face hundreds in a row at the end.
        """
        if self._random.random() < rate:
            kind = self._random.choice(["429", "500", "lost", "reset", "forget"])
            if kind == "forget":
                self.fake.forgetful = min(self.fake.forgetful + 1, FORGETS_AT_MOST)
            elif len(self.fake.faults) < FAULTS_AT_MOST:
                self.fake.faults.append(Fault(kind, retry_after=1))

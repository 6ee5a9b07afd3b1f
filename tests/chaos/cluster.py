"""Several processes of the real program on one PostgreSQL and one Redis, each of which may be killed, stopped or frozen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.chaos.harness import DRAIN_WITHIN_S, Launcher, Program
from tests.fakes.telegram import FakeTelegram
from tests.servers.postgres import PostgresServer, make_database
from tests.servers.redis import RedisServer


@dataclass
class Cluster:
    """Web and worker processes over one set of servers. The servers belong to the test and are started from its main thread."""

    launcher: Launcher
    folder: Path
    fake: FakeTelegram
    postgres: PostgresServer
    redis: RedisServer
    members: list[Program] = field(default_factory=list)

    @classmethod
    async def prepared(
        cls, launcher: Launcher, folder: Path, fake: FakeTelegram, postgres: PostgresServer, redis: RedisServer,
        *roles: str, keys_apart: bool = False, pager: str = "",
    ) -> Cluster:  # fmt: skip
        """With an empty database and staff; nothing runs yet. `pager`: where calls to staff go, besides the desk."""
        database = make_database(postgres.url, "binhan_chaos")
        keys = make_database(postgres.url, "binhan_chaos_keys") if keys_apart else ""
        made = cls(launcher, folder, fake, postgres, redis)
        for number, role in enumerate(roles):
            member = Program(
                launcher, folder, fake, database=database, redis=redis.url, keys=keys, role=role, name=f"-{number}",
                pager=pager,
            )  # fmt: skip
            member.prepare()
            made.members.append(member)
        await made.members[0].employ()
        return made

    @property
    def workers(self) -> list[Program]:
        """Those that handle and send."""
        return [member for member in self.members if member.role == "worker"]

    @property
    def web(self) -> Program:
        """The one with pages."""
        return next(member for member in self.members if member.role == "web")

    async def start(self, *members: Program, failpoint: str = "", mistake: str = "") -> None:
        """Start these, or all, and wait until they answer."""
        for member in members or self.members:
            await member.start(failpoint, mistake)

    async def kill(self, member: Program) -> None:
        """SIGKILL; whatever is on the phones from now on was sent in another life."""
        self.fake.life += 1
        await member.kill()

    async def freeze(self, member: Program, seconds: float) -> None:
        """Nothing of it moves for a while."""
        os.kill(member.pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        os.kill(member.pid, signal.SIGCONT)

    async def database_away(self, seconds: float, *, killed: bool = False) -> None:
        """The database is stopped (or killed) and comes back. What is sent meanwhile cannot be written down before it is back:
        a life of its own, whose messages may come again.
        """
        self.fake.life += 1
        self.postgres.kill() if killed else self.postgres.stop()
        await asyncio.sleep(seconds)
        self.postgres.start()
        self.fake.life += 1

    async def redis_away(self, seconds: float) -> None:
        """Redis is killed and comes back, empty."""
        self.redis.kill()
        await asyncio.sleep(seconds)
        self.redis.start()

    async def drained(self, within_s: float = DRAIN_WITHIN_S) -> float:
        """Wait until everything is confirmed, handled and sent; the seconds it took."""
        began = time.monotonic()
        while True:
            with contextlib.suppress(psycopg.Error):
                if not self.fake.unconfirmed() and not self.members[0].open_rows():
                    return time.monotonic() - began
            if time.monotonic() - began > within_s:
                said = {member.name: member.said()[-800:] for member in self.members}
                raise AssertionError(f"not drained within {within_s} s: {self.fake.unconfirmed()} unconfirmed; {said}")
            await asyncio.sleep(0.05)

    async def stop(self) -> list[int]:
        """SIGTERM to all; their exit codes."""
        return [await member.stop() for member in self.members if self.launcher.code(member.pid) is None]

    async def end(self) -> None:
        """After a test, whatever became of it."""
        for member in self.members:
            if member.pid and self.launcher.code(member.pid) is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(member.pid, signal.SIGCONT)
                await member.kill()

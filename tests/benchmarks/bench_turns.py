"""Durable turns a second on SQLite: a message stored, acknowledged, handled, its answers sent and recorded, all on disk.

Run: `make bench NAME=turns`. One conversation, then 64 side by side; p50 and p99 of a whole turn. Beside each, in the same
run, a bare loop: the very statements and commits the program made, with nothing around them but Python's sqlite3.
The network is a stub that accepts at once; everything else is the product, `synchronous=FULL`.
"""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import statistics
import sys
import tempfile
from itertools import count
from pathlib import Path
from time import perf_counter, process_time, time_ns
from zoneinfo import ZoneInfo

from sqlalchemy import NullPool, create_engine

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bot.observe import set_up_logs  # noqa: E402
from bot.serve import COLLECT  # noqa: E402
from bot.workers.inbox import InboxWorker  # noqa: E402
from bot.workers.outbox import OutboxWorker  # noqa: E402
from bot.worlds import WorldSource  # noqa: E402
from flows.platforms import Capabilities  # noqa: E402
from handlers.duty import EverybodyByRole  # noqa: E402
from handlers.escalation import Escalations  # noqa: E402
from handlers.inbound import Inbound  # noqa: E402
from handlers.model import Address, InboundMessage, MessageKind, Outcome, Outgoing  # noqa: E402
from handlers.ports import Receive, SendResult, Surface  # noqa: E402
from handlers.rules.windows import ALWAYS_OPEN  # noqa: E402
from handlers.stays import Ending  # noqa: E402
from storage import prepared  # noqa: E402
from storage.door import SqliteDoor  # noqa: E402
from storage.open import Storage, open_storage  # noqa: E402

set_up_logs("error")
gc.set_threshold(*COLLECT)  # as `serve` does
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
TYPED = ("1", "nhắc lại", "quay lại", "nhắc lại")
"""Each gets an answer of its own, wherever one stands and however quickly they follow one another."""
ROUNDS = 3
ANSWERED_WITHIN_S = 120
TURNS = {1: 300, 64: 1920}
COMMIT = ("COMMIT", ())


class Phones:
    """The network as a stub: every message arrives at once, and whoever waits for an answer is told when it is whole."""

    name = "tg"
    capabilities = Capabilities(buttons=True, max_buttons=20, max_text=4096)
    window = ALWAYS_OPEN
    secret_fields: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[None]] = {}

    async def send(self, address: Address, outgoing: Outgoing, key: str = "") -> SendResult:
        # An answer may have several lines; the buttons are under its last one.
        waiter = self.waiting.pop(address.platform_id, None) if outgoing.buttons else None
        if waiter is not None and not waiter.done():  # whoever waited may have been stopped meanwhile
            waiter.set_result(None)
        return SendResult(outcome=Outcome.SENT)

    async def run(self, receive: Receive) -> None:
        """Nothing is received here: the benchmark writes."""

    async def close(self) -> None:
        """Nothing is open."""


class Bench:
    """The product's storage, operations and loops, with people who write as soon as they are answered."""

    def __init__(self, folder: Path) -> None:
        self.storage: Storage = open_storage(f"sqlite:///{folder / 'data.db'}", folder)
        self.numbers = count(time_ns())  # never those of an earlier run on the same database
        self.cpu_ms = (
            0.0  # a turn of the last `load`, all threads; moved less than wall time by what else the machine does
        )

    async def begin(self, surfaces: dict[str, Surface] | None = None) -> None:
        door, wakeups = self.storage.door, self.storage.wakeups
        worlds = await WorldSource(door, ZONE).begin()
        ending = Ending(ZONE)
        self.ending = ending
        self.inbound = Inbound(worlds, Escalations(EverybodyByRole(), worlds, ending), ending)
        self.phones = Phones()
        outbox = OutboxWorker(door, wakeups, {self.phones.name: self.phones}, surfaces or {})
        self.inbox = InboxWorker(door, wakeups, self.inbound, outbox.look)
        self.loops = [asyncio.create_task(self.inbox.run()), asyncio.create_task(outbox.run())]

    async def end(self) -> None:
        for loop in self.loops:
            loop.cancel()
        await asyncio.gather(*self.loops, return_exceptions=True)
        await self.storage.close()

    async def turn(self, chat: str, text: str) -> float:
        """She writes and is answered; seconds until the answer is with the platform."""
        answered = self.phones.waiting[chat] = asyncio.get_running_loop().create_future()
        number = str(next(self.numbers))
        started = perf_counter()
        message = InboundMessage(address=Address("tg", chat), message_id=number, kind=MessageKind.TEXT, text=text)
        accepted = await self.storage.door.run(self.inbound.accept, message)
        self.inbox.nudge(accepted.contact_uid)
        await asyncio.wait_for(answered, ANSWERED_WITHIN_S)
        return perf_counter() - started

    async def conversation(self, chat: str, turns: int, took: list[float]) -> None:
        for number in range(turns):
            took.append(await self.turn(chat, TYPED[number % len(TYPED)]))

    async def load(self, chats: int, turns: int) -> tuple[float, list[float]]:
        """`turns` turns in all by `chats` people at once: turns a second, and how long each took."""
        took: list[float] = []
        first = next(self.numbers)
        people = [f"{first}-{number}" for number in range(chats)]
        await asyncio.gather(*(self.conversation(chat, 1, []) for chat in people))  # contacts and keys exist
        started, spent = perf_counter(), process_time()
        await asyncio.gather(*(self.conversation(chat, turns // chats, took) for chat in people))
        self.cpu_ms = (process_time() - spent) / len(took) * 1e3
        return len(took) / (perf_counter() - started), took


class Recorder:
    """Notes every statement and commit the writer makes, to run them again bare."""

    def __init__(self) -> None:
        self.log: list[tuple[str, object]] = []

    def __enter__(self) -> Recorder:
        self._execute, self._commit = prepared.Runner.execute, SqliteDoor._commit
        log = self.log

        def execute(runner, statement, values=None):  # type: ignore[no-untyped-def]
            one = values is None or not isinstance(values, list | tuple)
            plan = runner._plan(statement, (values or {}) if one else values[0])
            log.append((plan.sql, plan.parameters(values or {}) if one else [plan.parameters(each) for each in values]))
            return self._execute(runner, statement, values)

        def commit(door, connection, batch):  # type: ignore[no-untyped-def]
            log.append(("BEGIN IMMEDIATE", ()))
            before = connection.total_changes
            result = self._commit(door, connection, batch)
            log.append(COMMIT if connection.total_changes != before else ("ROLLBACK", ()))
            return result

        prepared.Runner.execute, SqliteDoor._commit = execute, commit  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        prepared.Runner.execute, SqliteDoor._commit = self._execute, self._commit  # type: ignore[method-assign]


def bare(database: Path, log: list[tuple[str, object]], *, core: bool) -> float:
    """Seconds for the same statements and commits with nothing around them: on the driver, or through SQLAlchemy's own
    cheapest path (`exec_driver_sql`), which is what a plain program on this stack would pay.
    """
    engine = create_engine(f"sqlite:///{database}", isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        driver: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]
        run = connection.exec_driver_sql if core else driver.execute
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            driver.execute(f"PRAGMA {pragma}")
        started = perf_counter()
        for sql, values in log:
            many = isinstance(values, list) and bool(values) and isinstance(values[0], list)
            if many and core:
                run(sql, [tuple(each) for each in values])  # type: ignore[union-attr]
            elif many:
                driver.executemany(sql, values)  # type: ignore[arg-type]
            else:
                answer = run(sql, tuple(values))  # type: ignore[arg-type]
                if sql.startswith("SELECT"):
                    answer.fetchall()
        return perf_counter() - started


def one_commit_a_turn(log: list[tuple[str, object]], turns: int) -> list[tuple[str, object]]:
    """The same statements, but one transaction for each turn."""
    statements = [each for each in log if each[0] not in ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")]
    length, grouped = max(1, len(statements) // turns), []
    for start in range(0, len(statements), length):
        grouped += [("BEGIN IMMEDIATE", ()), *statements[start : start + length], COMMIT]
    return grouped


async def measure(chats: int) -> dict[str, float]:
    """One round: turns a second of the program and of the bare loops, and how long a turn took."""
    with tempfile.TemporaryDirectory() as name:
        folder, turns = Path(name), TURNS[chats]
        bench = Bench(folder)
        await bench.begin()
        await bench.load(chats, chats * 4)  # warm: plans compiled, keys cached
        rate, took = await bench.load(chats, turns)
        cpu_ms = bench.cpu_ms
        copies = [folder / f"bare-{number}.db" for number in range(3)]
        for copy in copies:
            await asyncio.to_thread(_copy, folder / "data.db", copy)
        with Recorder() as recorder:
            await bench.load(chats, turns)
            await asyncio.sleep(0.1)
        await bench.end()
        recorded = turns + chats
        took.sort()
        return {
            "rate": rate,
            "p50": took[len(took) // 2] * 1e3,
            "p99": took[int(len(took) * 0.99)] * 1e3,
            "cpu": cpu_ms,
            "commits": recorder.log.count(COMMIT) / recorded,
            "core": recorded / bare(copies[0], recorder.log, core=True),
            "driver": recorded / bare(copies[1], recorder.log, core=False),
            "alone": recorded / bare(copies[2], one_commit_a_turn(recorder.log, recorded), core=True),
        }


def _copy(source: Path, target: Path) -> None:
    with sqlite3.connect(source) as one, sqlite3.connect(target) as other:
        one.backup(other)
    one.close()
    other.close()


def main() -> int:
    """Measure and print."""
    for chats in (1, 64):
        rounds = [asyncio.run(measure(chats)) for _ in range(ROUNDS)]
        middle = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        ratios = {
            key: statistics.median(each["rate"] / each[key] for each in rounds) for key in ("core", "driver", "alone")
        }
        print(
            f"turns, {chats} conversation{'s' if chats > 1 else ''}: {middle['rate']:,.0f} turns/s, p50 {middle['p50']:.2f} ms, "
            f"p99 {middle['p99']:.2f} ms, {middle['cpu']:.2f} ms of processor time and {middle['commits']:.2f} commits a turn"
        )
        print(
            f"  the same statements bare, same commits: through SQLAlchemy {middle['core']:,.0f}/s (ratio {ratios['core']:.2f}), "
            f"on the driver {middle['driver']:,.0f}/s (ratio {ratios['driver']:.2f})"
        )
        print(f"  one commit a turn, through SQLAlchemy: {middle['alone']:,.0f}/s (ratio {ratios['alone']:.2f})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Durable turns a second on SQLite: a message stored, acknowledged, handled, its answers sent and recorded, all on disk.

Run: `make bench NAME=turns`. One conversation, then 64 side by side; p50 and p99 of a whole turn. Beside each, in the same
run, a bare loop: the very statements and commits the program made, with nothing around them but Python's sqlite3.
The network is a stub that accepts at once; everything else is the product, `synchronous=FULL`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bot.workers.inbox import InboxWorker  # noqa: E402
from bot.workers.outbox import OutboxWorker  # noqa: E402
from bot.worlds import WorldSource  # noqa: E402
from handlers.duty import EverybodyByRole  # noqa: E402
from handlers.escalation import Escalations  # noqa: E402
from handlers.inbound import Inbound  # noqa: E402
from handlers.model import Address, InboundMessage, MessageKind, Outcome, Outgoing  # noqa: E402
from handlers.ports import Capabilities, Receive, SendResult  # noqa: E402
from handlers.stays import Ending  # noqa: E402
from storage import prepared  # noqa: E402
from storage.door import SqliteDoor  # noqa: E402
from storage.open import Storage, open_storage  # noqa: E402

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
TYPED = ("chào bạn", "nhắc lại", "tôi không biết nói sao nữa", "quay lại")  # each gets an answer, wherever one stands
ROUNDS = 3
TURNS = {1: 400, 64: 3200}
COMMIT = ("COMMIT", ())


class Phones:
    """The network as a stub: every message arrives at once, and whoever waits for one is told."""

    name = "tg"
    capabilities = Capabilities(buttons=True, max_buttons=20, max_text=4096)
    secret_fields: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[None]] = {}

    async def send(self, address: Address, outgoing: Outgoing) -> SendResult:
        waiter = self.waiting.pop(address.platform_id, None)
        if waiter is not None:
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
        self.numbers = iter(range(10**9))

    async def begin(self) -> None:
        door, wakeups = self.storage.door, self.storage.wakeups
        worlds = await WorldSource(door, ZONE).begin()
        ending = Ending(ZONE)
        self.inbound = Inbound(worlds, Escalations(EverybodyByRole(), worlds, ending), ending)
        self.phones = Phones()
        self.inbox = InboxWorker(door, wakeups, self.inbound)
        outbox = OutboxWorker(door, wakeups, {self.phones.name: self.phones}, {})
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
        await answered
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
        started = perf_counter()
        await asyncio.gather(*(self.conversation(chat, turns // chats, took) for chat in people))
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


def bare(database: Path, log: list[tuple[str, object]]) -> float:
    """Seconds for the same statements and commits with nothing around them."""
    connection = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
    started = perf_counter()
    for sql, values in log:
        if isinstance(values, list) and values and isinstance(values[0], list):
            connection.executemany(sql, values)
        else:
            connection.execute(sql, values).fetchall()  # type: ignore[arg-type]
    seconds = perf_counter() - started
    connection.close()
    return seconds


async def measure(chats: int) -> tuple[float, float, float, float, float]:
    """(turns/s, p50 ms, p99 ms, bare turns/s, commits a turn) of one round."""
    with tempfile.TemporaryDirectory() as name:
        folder, turns = Path(name), TURNS[chats]
        bench = Bench(folder)
        await bench.begin()
        await bench.load(chats, chats * 4)  # warm: plans compiled, keys cached
        rate, took = await bench.load(chats, turns)
        await asyncio.to_thread(_copy, folder / "data.db", folder / "bare.db")
        with Recorder() as recorder:
            await bench.load(chats, turns)
            await asyncio.sleep(0.1)
        await bench.end()
        recorded = turns + chats
        bare_rate = recorded / bare(folder / "bare.db", recorder.log)
        took.sort()
        commits = recorder.log.count(COMMIT) / recorded
        return rate, took[len(took) // 2] * 1e3, took[int(len(took) * 0.99)] * 1e3, bare_rate, commits


def _copy(source: Path, target: Path) -> None:
    with sqlite3.connect(source) as one, sqlite3.connect(target) as other:
        one.backup(other)
    one.close()
    other.close()


def main() -> int:
    """Measure and print."""
    rates: dict[int, float] = {}
    bare_rates: dict[int, float] = {}
    for chats in (1, 64):
        rounds = [asyncio.run(measure(chats)) for _ in range(ROUNDS)]
        rate, p50, p99, bare_rate, commits = (statistics.median(each) for each in zip(*rounds, strict=True))
        rates[chats], bare_rates[chats] = rate, bare_rate
        ratio = statistics.median(each[0] / each[3] for each in rounds)
        print(
            f"turns, {chats} conversation{'s' if chats > 1 else ''}: {rate:,.0f} turns/s, p50 {p50:.2f} ms, p99 {p99:.2f} ms; "
            f"{commits:.2f} commits a turn; bare loop, same statements and commits: {bare_rate:,.0f} turns/s "
            f"(ratio {ratio:.2f})"
        )
    print(f"64 conversations against the bare loop of one: {rates[64] / bare_rates[1]:.2f} times as many turns")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

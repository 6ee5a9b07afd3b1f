"""Durable turns a second on PostgreSQL with 1, 2 and 4 worker processes, and on SQLite in the same run for comparison.

Run: `make bench NAME=turns_postgres`. A web process stores what people write, workers handle and send (processes of their own),
Redis rings between them; the network is a stub that accepts at once. The database is a real one with fsync on. People write as
soon as they are answered. One machine carries everything, the database included: on two cores, four workers share two.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bot.workers.inbox import InboxWorker  # noqa: E402
from bot.workers.outbox import OutboxWorker  # noqa: E402
from bot.worlds import WorldSource  # noqa: E402
from handlers.duty import EverybodyByRole  # noqa: E402
from handlers.escalation import Escalations  # noqa: E402
from handlers.inbound import Inbound  # noqa: E402
from handlers.model import Address, InboundMessage, MessageKind, Outcome, Outgoing  # noqa: E402
from handlers.ports import Reach, SendResult  # noqa: E402
from handlers.stays import Ending  # noqa: E402
from storage.open import Storage, open_storage  # noqa: E402
from tests.benchmarks import bench_turns  # noqa: E402
from tests.benchmarks.bench_turns import TYPED, ZONE, measure  # noqa: E402
from tests.servers.postgres import PostgresServer, make_database  # noqa: E402
from tests.servers.redis import RedisServer  # noqa: E402

ROUNDS = 3
TURNS = {1: 200, 64: 1920}
WORKERS = (1, 2, 4)


class Phones(bench_turns.Phones):
    """The network as a stub: whoever waits for an answer, in another process, is told when it is whole."""

    def __init__(self, heard_at: str) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.connect(heard_at)

    async def send(self, address: Address, outgoing: Outgoing, key: str = "") -> SendResult:
        if outgoing.buttons:  # they are under the last line of an answer
            self._socket.send(address.platform_id.encode())
        return SendResult(outcome=Outcome.SENT)


async def work(given: dict[str, Any], started: Any, stop: Any) -> None:
    """One worker process, until told to stop."""
    storage = open_storage(given["database"], Path(given["var"]), redis_url=given["redis"])
    worlds = await WorldSource(storage.door, ZONE).begin()
    ending = Ending(ZONE)
    inbound = Inbound(worlds, Escalations(EverybodyByRole(), worlds, ending), ending)
    phones = Phones(given["heard_at"])
    outbox = OutboxWorker(storage.door, storage.wakeups, {phones.name: phones}, {}, reach=lambda: Reach(letters=True))  # type: ignore[dict-item]
    inbox = InboxWorker(storage.door, storage.wakeups, inbound, outbox.look, nudged=False)
    loops = [asyncio.create_task(inbox.run()), asyncio.create_task(outbox.run())]
    started.release()
    await asyncio.to_thread(stop.wait)
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    await storage.close()


def worker(given: dict[str, Any], started: Any, stop: Any) -> None:
    """The entry of a worker process."""
    asyncio.run(work(given, started, stop))


def spent_s(pid: int) -> float:
    """Processor time of this process and everything below it that lives, in seconds; Linux only, 0 elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") + sum(spent_s(int(child)) for child in below)


def spent_by(workers: Sequence[Any]) -> tuple[float, float, float]:
    """Processor time in seconds so far: of this process (the web), of the workers, of everything else (database, Redis)."""
    web, theirs = process_time(), sum(spent_s(worker.pid) for worker in workers)
    return web, theirs, spent_s(os.getpid()) - web - theirs


class People:
    """The web process: stores what people write and hears when they are answered."""

    def __init__(self, storage: Storage, inbound: Inbound, heard_at: str) -> None:
        self._storage, self._inbound = storage, inbound
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._numbers = iter(range(10**9))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(heard_at)
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._hear)

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                waiter = self._waiting.pop(self._socket.recv(200).decode(), None)
                if waiter is not None and not waiter.done():
                    waiter.set_result(None)

    async def turn(self, chat: str, text: str) -> float:
        answered = self._waiting[chat] = asyncio.get_running_loop().create_future()
        started = perf_counter()
        number = f"{os.getpid()}-{next(self._numbers)}"
        message = InboundMessage(address=Address("tg", chat), message_id=number, kind=MessageKind.TEXT, text=text)
        await self._storage.door.run(self._inbound.accept, message)
        await asyncio.wait_for(answered, 60)
        return perf_counter() - started

    async def conversation(self, chat: str, turns: int, took: list[float]) -> None:
        for number in range(turns):
            took.append(await self.turn(chat, TYPED[number % len(TYPED)]))

    async def load(self, chats: int, turns: int) -> tuple[float, list[float]]:
        took: list[float] = []
        first = next(self._numbers)
        people = [f"{first}-{number}" for number in range(chats)]
        await asyncio.gather(*(self.conversation(chat, 1, []) for chat in people))
        started = perf_counter()
        await asyncio.gather(*(self.conversation(chat, turns // chats, took) for chat in people))
        return len(took) / (perf_counter() - started), took

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


async def measure_workers(given: dict[str, Any], count: int) -> dict[int, dict[str, float]]:
    """One round with so many workers: for each number of conversations the rate and how long a turn took."""
    storage = open_storage(given["database"], Path(given["var"]), redis_url=given["redis"])
    worlds = await WorldSource(storage.door, ZONE).begin()
    ending = Ending(ZONE)
    people = People(storage, Inbound(worlds, Escalations(EverybodyByRole(), worlds, ending), ending), given["heard_at"])
    spawn = multiprocessing.get_context("spawn")
    started, stop = spawn.Semaphore(0), spawn.Event()
    processes = [spawn.Process(target=worker, args=(given, started, stop)) for _ in range(count)]
    for process in processes:
        process.start()
    for _ in processes:
        await asyncio.to_thread(started.acquire)
    found = {}
    try:
        await people.load(64, 64 * 4)  # warm: plans prepared, keys cached
        for chats, turns in TURNS.items():
            before = spent_by(processes)
            rate, took = await people.load(chats, turns)
            web, workers, rest = (
                (now - then) / len(took) for now, then in zip(spent_by(processes), before, strict=True)
            )
            took.sort()
            found[chats] = {"rate": rate, "p50": took[len(took) // 2] * 1e3, "p99": took[int(len(took) * 0.99)] * 1e3}
            found[chats] |= {"web": web * 1e3, "workers": workers * 1e3, "rest": rest * 1e3}
    finally:
        stop.set()
        for process in processes:
            process.join(20)
        people.close()
        await storage.close()
    return found


def rounds(server: PostgresServer, redis: RedisServer, count: int) -> list[dict[int, dict[str, float]]]:
    """Each on an empty database of its own."""
    measured = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            database = make_database(server.url, "binhan_bench")
            given = {"database": database, "redis": redis.url, "var": name, "heard_at": f"{name}/heard"}
            measured.append(asyncio.run(measure_workers(given, count)))
    return measured


def main() -> int:
    """Measure and print."""
    server, redis = PostgresServer(), RedisServer()
    try:
        embedded = {
            chats: statistics.median(asyncio.run(measure(chats))["rate"] for _ in range(ROUNDS)) for chats in TURNS
        }
        for chats, rate in embedded.items():
            print(f"turns on SQLite, one process, {chats} conversation(s): {rate:,.0f}/s")
        for count in WORKERS:
            measured = rounds(server, redis, count)
            for chats in TURNS:
                middle = {key: statistics.median(each[chats][key] for each in measured) for key in measured[0][chats]}
                print(
                    f"turns on PostgreSQL, {count} worker(s), {chats} conversation(s): {middle['rate']:,.0f}/s, p50 "
                    f"{middle['p50']:.1f} ms, p99 {middle['p99']:.1f} ms ({middle['rate'] / embedded[chats]:.2f} of SQLite); "
                    f"processor ms a turn: web {middle['web']:.2f}, workers {middle['workers']:.2f}, database and Redis "
                    f"{middle['rest']:.2f}"
                )
    finally:
        redis.close()
        server.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

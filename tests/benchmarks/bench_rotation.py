"""The key-encryption key changed every few seconds, as `keys rotate` does it, while several processes write and read.

Run: `make bench NAME=rotation` (with FOR_S=300 EVERY_S=10 in the environment the promise of docs/keys-and-backups.md; 20 and 2
without). On SQLite, on PostgreSQL with the keys in a file, and with the keys in a database. Each process keeps 16 unwrapped keys
only, so that nearly every read asks the key store, and destroys a key now and then. In the end everything is opened once more.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bot import wiring  # noqa: E402
from bot.config import load_config  # noqa: E402
from handlers.errors import KeyMissing  # noqa: E402
from handlers.model import Address, Case, Direction, Line, new_uid  # noqa: E402
from handlers.ports import UnitOfWork  # noqa: E402
from storage.installation import Installation  # noqa: E402
from storage.open import Storage, open_storage  # noqa: E402
from storage.secrets import kek_ids, load_secrets  # noqa: E402
from tests.servers.postgres import PostgresServer, make_database  # noqa: E402

FOR_S = float(os.environ.get("FOR_S", "20"))
EVERY_S = float(os.environ.get("EVERY_S", "2"))
PROCESSES = 3
READS = 4
DESTROY = 0.05


@dataclass
class Tally:
    """What one process did."""

    written: dict[str, str] = field(default_factory=dict)  # case -> text
    destroyed: list[str] = field(default_factory=list)
    reads: int = 0
    failed: int = 0
    back: int = 0  # destroyed ones that could be read again
    refused: int = 0  # writes that were not stored, and whose writer heard so
    took_ms: list[float] = field(default_factory=list)


def write(number: str, text: str) -> Any:
    """A new person, her case and a line: two new data keys."""

    def work(uow: UnitOfWork, items: Any) -> list[str]:
        (contact,) = uow.contacts.open([Address("tg", number)])
        case = Case(
            uid=new_uid(), contact_uid=contact.uid, code=number[-16:], opened_at=uow.now, channel="tg", next_seq=2
        )
        uow.cases.add(case)
        line = Line(
            uid=new_uid(), case_uid=case.uid, seq=1, direction=Direction.IN, author="seeker", text=text,
            created_at=uow.now,
        )  # fmt: skip
        uow.lines.add(line)
        return [case.uid for _ in items]

    return work


async def traffic(storage: Storage, name: str, until: float) -> Tally:
    """Write, read at random what was written before, destroy now and then."""
    tally, chance, number = Tally(), random.Random(name), 0
    while time.time() < until:
        number += 1
        text = f"{name} {number}"
        began = time.perf_counter()
        try:
            uid = await storage.door.run(write(f"{name}-{number}", text), None)
            tally.written[uid] = text
        except Exception:
            tally.refused += 1
        tally.took_ms.append((time.perf_counter() - began) * 1000)
        for uid in chance.sample(sorted(tally.written), min(READS, len(tally.written))):
            tally.reads += 1
            lines = await storage.door.read(lambda uow, uid=uid: uow.lines.of_case(uid))
            tally.failed += [line.text for line in lines] != [tally.written[uid]]
        if chance.random() < DESTROY and tally.written:
            gone = chance.choice(sorted(tally.written))
            del tally.written[gone]
            await asyncio.to_thread(storage.keys.destroy, [gone])
            tally.destroyed.append(gone)
    for uid in tally.destroyed:
        try:
            storage.keys.get(uid)
            tally.back += 1
        except KeyMissing:
            continue
    return tally


def worker(here: Installation, name: str, ready: Any, done: Any) -> None:
    """The entry of a process; all begin together."""

    async def run() -> Tally:
        storage = open_storage(here.database, here.var, keys_url=here.keys_url)
        storage.keys._cached = 16
        try:
            await asyncio.to_thread(ready.wait)
            return await traffic(storage, name, time.time() + FOR_S)
        finally:
            await storage.close()

    done.put(asyncio.run(run()))


def rotator(folder: Path, ready: Any, done: Any) -> None:
    """What the command `keys rotate` does, again and again in a process of its own; how long each took."""
    config = load_config(folder / "config.yaml")
    took = []
    ready.wait()
    until = time.time() + FOR_S
    while time.time() < until:
        began = time.perf_counter()
        wiring.rotate_keys(config)
        took.append(time.perf_counter() - began)
        time.sleep(max(0.0, EVERY_S - took[-1]))
    done.put(took)


def measure(name: str, folder: Path, here: Installation, *, rotating: bool) -> float:
    """Run it and print; the median time of a write in ms."""
    load_secrets(here.var)
    asyncio.run(open_storage(here.database, here.var, keys_url=here.keys_url).close())
    written = f"var: {here.var}\ndatabase: {{url: '{here.database}', keys_url: '{here.keys_url}'}}\n"
    (folder / "config.yaml").write_text(written)
    spawn = multiprocessing.get_context("spawn")
    done = spawn.Queue()
    ready = spawn.Barrier(PROCESSES + rotating)
    started = [spawn.Process(target=worker, args=(here, f"p{n}", ready, done)) for n in range(PROCESSES)]
    for each in started:
        each.start()
    rotations = spawn.Queue()
    if rotating:
        started.append(spawn.Process(target=rotator, args=(folder, ready, rotations)))
        started[-1].start()
    tallies: list[Tally] = [done.get(timeout=FOR_S + 120) for _ in range(PROCESSES)]
    took: list[float] = rotations.get(timeout=120) if rotating else []
    for each in started:
        each.join()
    times = sorted(ms for tally in tallies for ms in tally.took_ms)
    p50, p99 = statistics.median(times), times[int(len(times) * 0.99)]
    if not rotating:
        print(f"{name:<34} no rotation: write p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        return p50
    expected = {uid: text for tally in tallies for uid, text in tally.written.items()}
    lost = lost_of(here, expected)
    print(
        f"{name:<34} {len(took)} rotations ({statistics.median(took):.1f} s each, {len(kek_ids(here.secrets))} keys), "
        f"{PROCESSES} processes, {len(expected)} written, {sum(one.reads for one in tallies)} reads: "
        f"failed reads {sum(one.failed for one in tallies)}, lost {lost}, refused writes "
        f"{sum(one.refused for one in tallies)}, came back after destroying {sum(one.back for one in tallies)}; "
        f"write p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    )
    return p50


def lost_of(here: Installation, expected: dict[str, str]) -> int:
    """Everything once more, by a program that has just started."""

    async def run() -> int:
        storage = open_storage(here.database, here.var, keys_url=here.keys_url)
        try:
            lost = 0
            for uid, text in expected.items():
                lines = await storage.door.read(lambda uow, uid=uid: uow.lines.of_case(uid))
                lost += [line.text for line in lines] != [text]
            return lost
        finally:
            await storage.close()

    with closing(here.open_keys(load_secrets(here.var, needed=True), lambda: datetime.now(UTC))) as keys:
        keys.opens()
    return asyncio.run(run())


def main() -> None:
    """One line for each way to keep the data."""
    server = PostgresServer()
    try:
        for name in ("SQLite", "PostgreSQL, keys in a file", "PostgreSQL, keys in a database"):
            for rotating in (False, True):
                with tempfile.TemporaryDirectory() as made:
                    folder = Path(made)
                    here = Installation(folder / "var", f"sqlite:///{folder / 'var' / 'data.db'}")
                    if name != "SQLite":
                        here = Installation(folder / "var", make_database(server.url, "bench_rotation"))
                    if name.endswith("database"):
                        keys = make_database(server.url, "bench_rotation_keys")
                        here = Installation(here.var, here.database, keys_url=keys)
                    measure(name, folder, here, rotating=rotating)
    finally:
        server.close()


if __name__ == "__main__":
    main()

"""What a durable turn costs when 1,000, 100,000 and 1,000,000 conversations are stored: nothing more, it should be.

Run: `make bench NAME=stored` (about ten minutes and 10 GB of disk for the million; `STORED=1000,100000` for less). 64 people
write as soon as they are answered, as in `bench_turns`; the sizes take turns, so
that the machine's moods fall on all of them. Target: within 20 % of 1,000.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from handlers.model import Address, Disposition  # noqa: E402
from handlers.ports import UnitOfWork  # noqa: E402
from tests.benchmarks.bench_turns import Bench  # noqa: E402
from tests.benchmarks.stored import fill  # noqa: E402

SIZES = tuple(int(size) for size in os.environ.get("STORED", "1000,100000,1000000").split(","))
ROUNDS, CHATS, TURNS = 5, 64, 1280


SOMEBODY = "somebody"


async def prepare(folder: Path, stored: int) -> int:
    """One real conversation of four turns, closed, and its copies; bytes of the database."""
    bench = Bench(folder)
    await bench.begin()
    await bench.conversation(SOMEBODY, 4, [])
    await asyncio.sleep(0.2)  # the last send is recorded

    def close(uow: UnitOfWork, items: list[None]) -> list[None]:
        contact = uow.contacts.find(Address("tg", SOMEBODY))
        assert contact is not None
        bench.ending.close(uow, uow.cases.open_of([contact.uid])[contact.uid], Disposition.HELPED, None)
        return items

    await bench.storage.door.run(close, None)
    await bench.end()
    return fill(folder, stored)


async def measure(folder: Path) -> tuple[float, float, float, float]:
    """Turns a second, p50 and p99 in ms, and ms of processor time a turn, over what is stored there."""
    bench = Bench(folder)
    await bench.begin()
    await bench.load(CHATS, CHATS * 2)  # warm: plans compiled
    rate, took = await bench.load(CHATS, TURNS)
    await bench.end()
    took.sort()
    return rate, took[len(took) // 2] * 1e3, took[int(len(took) * 0.99)] * 1e3, bench.cpu_ms


def _dearer(figures: dict[int, tuple[float, float, float, float]], stored: int) -> tuple[float, float]:
    """How much longer a turn takes than with the smallest number stored, and how much more processor time."""
    least = figures[SIZES[0]]
    return least[0] / figures[stored][0], figures[stored][3] / least[3]


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folders = {stored: Path(name) / str(stored) for stored in SIZES}
        bytes_ = {}
        for stored, folder in folders.items():
            folder.mkdir()
            bytes_[stored] = asyncio.run(prepare(folder, stored))
        rounds = [{stored: asyncio.run(measure(folder)) for stored, folder in folders.items()} for _ in range(ROUNDS)]
    first = SIZES[0]
    for stored in SIZES:
        rate, p50, p99, cpu = (statistics.median(each[stored][figure] for each in rounds) for figure in range(4))
        took, spent = (
            statistics.median(ratio) for ratio in zip(*(_dearer(each, stored) for each in rounds), strict=True)
        )
        print(
            f"stored: {stored:,} conversations ({bytes_[stored] / 1e9:.2f} GB): {rate:,.0f} turns/s, p50 {p50:.0f} ms, "
            f"p99 {p99:.0f} ms, {cpu:.2f} ms of processor time a turn; a turn takes {took:.2f} of one with {first:,} "
            f"stored, and costs {spent:.2f} of its processor time"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

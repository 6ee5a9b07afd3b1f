"""Somebody floods the hotline with 10,000 messages: what it costs the people who write at the same time.

Run: `make bench NAME=flood`. Sixteen people write, are answered, read a moment and write again; first alone, then beside one
contact whose 10,000 messages are stored as fast as the program takes them. Target: the others' p95 grows by under 1 s (part 2,
row 11 of the security reference), nothing of the flood is lost, and nobody is paged for it.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from handlers.model import Address, InboundMessage, MessageKind  # noqa: E402
from tests.benchmarks.bench_page import Pager, add_counsellor  # noqa: E402
from tests.benchmarks.bench_turns import TYPED, Bench  # noqa: E402

FLOOD = 10_000
AT_ONCE = 200
PEOPLE = 16
READS_S = 0.2
ALONE_S = 10.0
ROUNDS = 1
TARGET_S = 1.0
FLOODER = "flooder"


async def talks(bench: Bench, chat: str, took: list[float], over: asyncio.Event) -> None:
    """One ordinary person, until it is over."""
    number = 0
    while not over.is_set():
        took.append(await bench.turn(chat, TYPED[number % len(TYPED)]))
        number += 1
        await asyncio.sleep(READS_S)


async def floods(bench: Bench) -> float:
    """All its messages, many at once; seconds until the last one is stored."""
    door, started = bench.storage.door, perf_counter()
    for first in range(0, FLOOD, AT_ONCE):
        messages = [
            InboundMessage(
                address=Address("tg", FLOODER), message_id=f"f{number}", kind=MessageKind.TEXT, text=f"alo {number}"
            )
            for number in range(first, first + AT_ONCE)
        ]
        accepted = await asyncio.gather(*(door.run(bench.inbound.accept, message) for message in messages))
        bench.inbox.nudge(accepted[0].contact_uid)
    return perf_counter() - started


async def measure() -> dict[str, float]:
    """One round: p50 and p95 of the others alone and beside the flood, and what became of the flood."""
    with tempfile.TemporaryDirectory() as name:
        bench, pager = Bench(Path(name)), Pager()
        await bench.begin({pager.name: pager})
        await bench.storage.door.run(add_counsellor, "hoa")
        found: dict[str, float] = {}
        for phase in ("alone", "beside"):
            over, took = asyncio.Event(), []
            people = [asyncio.create_task(talks(bench, f"{phase}-{number}", took, over)) for number in range(PEOPLE)]
            if phase == "alone":
                await asyncio.sleep(ALONE_S)
            else:
                found["stored_s"] = await floods(bench)
                found["handled_s"] = found["stored_s"] + await _handled(bench)
            over.set()
            await asyncio.gather(*people)
            took.sort()
            found[f"{phase} p50"], found[f"{phase} p95"] = took[len(took) // 2], took[int(len(took) * 0.95)]
            found[f"{phase} turns"] = len(took)
        found["pages"] = len(pager.paged)
        await bench.end()
        return found


async def _handled(bench: Bench) -> float:
    """Wait until nothing of the flood is unhandled; seconds."""
    started = perf_counter()
    while await bench.storage.door.read(_pending):  # noqa: ASYNC110 (it is the database that is asked)
        await asyncio.sleep(0.05)
    return perf_counter() - started


def _pending(uow):  # type: ignore[no-untyped-def]
    contact = uow.contacts.find(Address("tg", FLOODER))
    return contact is not None and contact.pending


def main() -> int:
    """Measure and print."""
    rounds = [asyncio.run(measure()) for _ in range(ROUNDS)]
    middle = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
    more = statistics.median(each["beside p95"] - each["alone p95"] for each in rounds)
    print(
        f"flood: {FLOOD:,} messages of one contact stored in {middle['stored_s']:.1f} s, handled after "
        f"{middle['handled_s']:.1f} s, {middle['pages']:.0f} people paged for it"
    )
    in_ms = {key: value * 1e3 for key, value in middle.items()}
    print(
        f"  {PEOPLE} others: alone p50 {in_ms['alone p50']:.0f} ms, p95 {in_ms['alone p95']:.0f} ms; beside it p50 "
        f"{in_ms['beside p50']:.0f} ms, p95 {in_ms['beside p95']:.0f} ms: {more * 1e3:+.0f} ms "
        f"(target: under {TARGET_S:.0f} s)"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

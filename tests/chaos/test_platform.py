"""A platform that is away: nothing is lost, and what would arrive too late waits until she writes again.

In `make test` for seconds, in `make chaos` for half an hour.
"""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from tests.chaos.checker import check
from tests.chaos.harness import FIRST_CHAT, Load, Program, until
from tests.fakes.telegram import Fault

FULL = os.environ.get("CHAOS") == "full"
REFUSES_S = 600.0 if FULL else 2.0
"""So long it brings what people write and refuses what we say."""
AWAY_S = 1200.0 if FULL else 2.0
"""So long after that nobody answers at all. Past the 15 minutes for which a line is fresh."""
CAUGHT_UP_WITHIN_S = 60.0  # the longest wait between two tries is 24 s
MANY = 1_000_000
WRITERS, SILENT = range(FIRST_CHAT, FIRST_CHAT + 4), range(FIRST_CHAT + 4, FIRST_CHAT + 8)

pytestmark = pytest.mark.crash


async def test_a_platform_that_is_away_loses_nothing_and_hears_nothing_too_late(program: Program) -> None:
    fake, load = program.fake, Load(program.fake, chats=8, seed=6)
    await program.start()
    load.write(24)
    await program.drained()
    fake.faults.extend([Fault("500")] * MANY)
    until_s = time.monotonic() + REFUSES_S
    while time.monotonic() < until_s:
        load.write(2)
        await asyncio.sleep(REFUSES_S / 20)
    fake.away = True
    load.chats = len(WRITERS)
    until_s = time.monotonic() + AWAY_S
    while time.monotonic() < until_s:
        load.write(2)
        await asyncio.sleep(AWAY_S / 20)
    assert fake.unconfirmed() > 0, "it keeps what we cannot fetch"
    seen = {chat: len(fake.of(chat)) for chat in SILENT}
    fake.faults.clear()
    fake.away = False
    back_at = time.monotonic()
    await until(lambda: not fake.unconfirmed() and not program.open_rows(), CAUGHT_UP_WITHIN_S, "all is caught up")
    took = time.monotonic() - back_at
    if FULL:
        assert {chat: len(fake.of(chat)) for chat in SILENT} == seen, "nothing comes late to who has not written since"
    load.chats = 8
    load.write(80)  # everybody
    await program.drained()
    assert await program.stop() == 0
    count = await check(program, load)
    away = f"a platform refuses for {REFUSES_S:.0f} s, then is away for {AWAY_S:.0f} s"
    print(f"figure: {away}: caught up after {took:.1f} s; {count}")
    count.left = [one for one in count.left if one != "outbox waiting held"]  # an old "we are still looking"
    assert count.wrong() == {}
    assert fake.violations == []

"""`kill -9` at named places and at random, under load: nothing lost, nothing doubled, nothing out of order, nobody mixed up.

In `make test` 40 random kills and each failpoint twice; `make chaos` runs the full counts (2 000 and 25; KILLS: other ones).
"""

from __future__ import annotations

import asyncio
import os
import random
import signal

import pytest

from handlers import failpoints
from tests.chaos.checker import check
from tests.chaos.harness import Load, Program

FULL = os.environ.get("CHAOS") == "full"
KILLS = int(os.environ.get("KILLS", "2000" if FULL else "40"))
EACH = 25 if FULL else 2
KILL_AFTER_S = (0.01, 0.35)
WHILE_STARTING = 0.15  # share of kills that do not wait for the start
MOST_CHATS = 400
SOMEBODY_IN_DANGER = 12  # so many messages hold one of somebody in danger
OVERDUE_AT_MOST_S = 30.0  # in a storm
LATER_S = 70.0  # past the first rung, so that there is something to tick

pytestmark = pytest.mark.crash


async def test_killed_at_every_named_place(program: Program) -> None:
    load = Load(program.fake, chats=3, seed=1)
    load.write(SOMEBODY_IN_DANGER)
    ticks = 0
    for nth in range(EACH):
        for name in sorted(failpoints.NAMES, key=lambda name: name.startswith("tick")):
            ticks += name.startswith("tick")  # somebody rings since an earlier life; a rung later something is due
            passing = 1 if name.startswith("tick") else 1 + nth % 2
            load.write(4)
            await program.start(failpoint=f"{name}:kill:{passing}", mistake=f"later:{LATER_S * ticks}")
            assert await _killed(program, load), f"{name} was not passed {passing} times"
    await program.start(mistake=f"later:{LATER_S * ticks}")
    await program.drained()
    assert await program.stop() == 0
    count = await check(program, load)
    print(f"figure: {EACH} kills at each of {len(failpoints.NAMES)} places; {count}")
    assert count.wrong() == {}
    assert program.fake.violations == []


async def _killed(program: Program, load: Load) -> bool:
    """Go on writing, some of it by people who never wrote before, until the failpoint has struck."""
    for _ in range(200):
        if program.launcher.code(program.pid) is not None:
            return await program.died() == -signal.SIGKILL
        load.write(1, newcomers=1 if load.chats < MOST_CHATS else 0)
        await asyncio.sleep(0.1)
    return False


async def test_killed_at_random_under_load(program: Program) -> None:
    load = Load(program.fake, chats=12, seed=20261123)
    chance = random.Random(7)
    overdue = 0.0
    for number in range(KILLS):
        overdue = max(overdue, program.overdue_s() if number else 0.0)
        load.write(6)
        load.disturb(0.5)
        if chance.random() < WHILE_STARTING:
            await program.begin()
            await asyncio.sleep(chance.uniform(0.0, 0.5))
        else:
            await program.start()
            load.write(6)
            await asyncio.sleep(chance.uniform(*KILL_AFTER_S))
        await program.kill()
    await program.start()
    await program.drained()
    assert await program.stop() == 0
    count = await check(program, load)
    print(f"figure: {KILLS} random kills; {count}; most overdue escalation {overdue:.1f} s")
    assert count.wrong() == {}
    assert program.fake.violations == []
    assert overdue < OVERDUE_AT_MOST_S
    assert program.fake.worst_in_flight == 1, "two sends to one person at once"

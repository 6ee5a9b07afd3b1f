"""Two workers and a web process on PostgreSQL, with everything that can be killed being killed: the same count, all zeros.

In `make test` a short run, in `make chaos` the full counts. What may appear twice on a phone is what was in flight when its
sender died, when its answer was lost, or when the database could not be told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time

import aiohttp
import psycopg
import pytest

from bot.channels.webchat import new_token
from handlers import failpoints
from handlers.delivery import LEASE
from tests.chaos.checker import check, pages_took
from tests.chaos.cluster import Cluster
from tests.chaos.harness import DRAIN_WITHIN_S, Load, until
from tests.fakes.pager import FakePager

FULL = os.environ.get("CHAOS") == "full"
TROUBLES = int(os.environ.get("TROUBLES", "1500" if FULL else "24"))
EACH = 10 if FULL else 1
ONLY = os.environ["ONLY"].split(",") if os.environ.get("ONLY") else []  # of the random troubles, "kill" for example
AROUND_COMMITS = (
    "accept.after_commit",
    "handle.after_commit",
    "claim.after_commit",
    "send.called",
    "tick.after_commit",
)
"""Where two processes meet; the short run kills at each of these alone, the full one at every named place."""
AWAY_S = 60.0 if FULL else 4.0
PAGED_WITHIN_S = 10.0  # promised in a storm of kills
OVERDUE_AT_MOST_S = 30.0
MOST_CHATS = 400
LATER_S = 70.0

pytestmark = pytest.mark.crash


async def test_killed_at_random_with_the_database_and_redis(cluster: Cluster, pager: FakePager) -> None:
    load, chance = Load(cluster.fake, chats=12, seed=20261128), random.Random(11)
    troubles = ONLY or ["kill"] * 8 + ["freeze"] * 2 + ["database", "database killed", "redis", "flush", "redis frozen"]
    overdue = 0.0
    await cluster.start()
    for number in range(TROUBLES):
        load.write(6, newcomers=1 if load.chats < MOST_CHATS else 0)
        load.disturb(0.4)
        await asyncio.sleep(chance.uniform(0.05, 0.4))
        trouble = troubles[number % len(troubles)] if number < len(troubles) else chance.choice(troubles)
        victim = chance.choice(cluster.members)
        if trouble == "kill":
            await cluster.kill(victim)
            await cluster.start(victim)
        elif trouble == "freeze":
            await cluster.freeze(victim, chance.uniform(0.2, 1.0))
        elif trouble.startswith("database"):
            await cluster.database_away(chance.uniform(0.2, 1.5), killed=trouble.endswith("killed"))
        elif trouble == "redis":
            await cluster.redis_away(chance.uniform(0.0, 1.0))
        elif trouble == "flush":
            cluster.redis.flush()
        else:
            cluster.redis.freeze()
            await asyncio.sleep(0.7)
            cluster.redis.thaw()
        with contextlib.suppress(psycopg.Error):
            overdue = max(overdue, await asyncio.to_thread(cluster.web.overdue_s))
    await cluster.drained(120)
    await until(lambda: len(pager.first_at) >= len(load.in_danger), DRAIN_WITHIN_S, "all in danger were called for")
    await cluster.drained(120)  # meanwhile some were told that we are still looking
    assert await cluster.stop() == [0, 0, 0]
    count = await check(cluster.members[0], load)
    what = f"random troubles ({', '.join(ONLY)})" if ONLY else "random troubles of processes, database and Redis"
    print(f"figure: {TROUBLES} {what}; {count}")
    took = await pages_took(cluster.members[0], load, pager.first_at)
    in_time = sum(one <= PAGED_WITHIN_S for one in took)
    print(
        f"figure: {TROUBLES} {what}, {len(took)} people in danger: first call within {PAGED_WITHIN_S:.0f} s for "
        f"{in_time}, p50 {took[len(took) // 2]:.1f} s, slowest {took[-1]:.1f} s; most overdue escalation {overdue:.1f} s"
    )
    assert count.wrong() == {}
    assert took[len(took) // 2] < PAGED_WITHIN_S, (
        "half of them; how long the slowest waits depends on the machine as well"
    )
    assert overdue < OVERDUE_AT_MOST_S
    assert pager.violations == []
    assert cluster.fake.violations == []


async def test_killed_at_every_named_place_while_another_worker_lives(cluster: Cluster) -> None:
    load = Load(cluster.fake, chats=3, seed=1)
    load.write(12)
    armed, other = cluster.workers
    await cluster.start(cluster.web)
    ticks = 0
    for _ in range(EACH):
        names = failpoints.NAMES if FULL else AROUND_COMMITS
        for name in sorted(names, key=lambda name: name.startswith("tick")):
            ticks += name.startswith("tick")
            later = f"later:{LATER_S * ticks}"
            load.write(4)
            await armed.start(failpoint=f"{name}:kill", mistake=later)
            for _ in range(300):
                if cluster.launcher.code(armed.pid) is not None:
                    break
                load.write(1, newcomers=1 if load.chats < MOST_CHATS else 0)
                await asyncio.sleep(0.05)
            assert cluster.launcher.code(armed.pid) == -signal.SIGKILL, f"{name} was not passed"
            await other.start(mistake=later)  # it goes on where the dead one was
            await cluster.drained()
            await cluster.kill(other)
    await cluster.start(*cluster.workers, mistake=f"later:{LATER_S * ticks}")
    await cluster.drained()
    await cluster.stop()
    count = await check(cluster.members[0], load)
    print(f"figure: {EACH} kills at each of {len(names)} places beside a living worker; {count}")
    assert count.wrong() == {}
    assert cluster.fake.violations == []


async def test_a_database_that_is_away_loses_nothing_and_nobody_hears_a_lie(cluster: Cluster) -> None:
    load = Load(cluster.fake, chats=8, seed=3)
    await cluster.start()
    load.write(20)
    await cluster.drained()
    page, asked = f"http://127.0.0.1:{cluster.web.port}", {"Accept": "application/json"}
    form = {"token": new_token(), "mid": "kept-by-the-page", "text": "em cần giúp"}
    async with aiohttp.ClientSession() as http:
        cluster.postgres.stop()
        gone_at, slowest = time.monotonic(), 0.0
        while time.monotonic() - gone_at < AWAY_S:
            load.write(2)
            began = time.monotonic()
            async with http.post(page, data=form, headers=asked) as answer:
                assert answer.status == 503, "what cannot be stored must not be confirmed"
            async with http.get(f"{page}/readyz") as answer:
                assert answer.status == 503
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.2)
        assert cluster.fake.unconfirmed() > 0, "the platform keeps what we could not store"
        cluster.postgres.start()
        back_at = time.monotonic()
        await cluster.drained(15 * 5)
        took = time.monotonic() - back_at
        async with http.post(page, data=form, headers=asked) as answer:
            assert answer.status == 200
    await cluster.drained()
    assert await cluster.stop() == [0, 0, 0]
    count = await check(cluster.members[0], load)
    print(
        f"figure: database away {AWAY_S:.0f} s: slowest answer {slowest:.2f} s, caught up {took:.1f} s after its return; {count}"
    )
    assert count.wrong() == {}
    assert slowest < 2 * 1.5 + 1.0  # two answers, with slack
    assert count.surplus == 0, "nothing was in flight: nothing may come twice"


@pytest.mark.parametrize(
    ("failpoint", "where"),
    [("send.claimed", "with lines in its hand"), ("handle.before_commit", "inside a transaction")],
)
async def test_a_frozen_worker_delays_its_lanes_and_writes_nothing_late(
    cluster: Cluster, failpoint: str, where: str
) -> None:
    load = Load(cluster.fake, chats=6, seed=4)
    freezes, web, other = cluster.workers[0], cluster.web, cluster.workers[1]
    await cluster.start(web)
    load.write(30)
    await freezes.start(failpoint=f"{failpoint}:freeze")
    await until(freezes.is_frozen, 30, f"{failpoint} is passed")
    frozen_at = time.monotonic()
    await other.start()
    cluster.fake.life += 1  # what it has claimed will be taken over, and what it sent may come again
    load.write(12)
    await cluster.drained(60)
    took = time.monotonic() - frozen_at
    os.kill(freezes.pid, signal.SIGCONT)
    load.write(6)
    await cluster.drained()
    await asyncio.sleep(1.0)
    assert await cluster.stop() == [0, 0, 0]
    count = await check(cluster.members[0], load)
    print(f"figure: a worker frozen {where}: all was caught up after {took:.1f} s; {count}")
    assert count.wrong() == {}
    assert took < LEASE.total_seconds(), "nobody waits for a lease to run out"


@pytest.mark.parametrize("mistake", ["mark-first", "two-commits"])
async def test_the_count_is_red_when_a_mistake_is_made_on_purpose(cluster: Cluster, mistake: str) -> None:
    """The negative control, on this database too."""
    failpoint = {"mark-first": "send.claimed", "two-commits": "handle.before_commit"}[mistake]
    load = Load(cluster.fake, chats=3, seed=5)
    load.write(6)
    worker = cluster.workers[0]
    await worker.start(failpoint=f"{failpoint}:kill", mistake=mistake)
    assert await worker.died() < 0
    cluster.fake.life += 1
    await worker.start(mistake=mistake)
    load.write(3)
    await cluster.drained()
    assert await worker.stop() == 0
    count = await check(worker, load)
    print(f"figure: {mistake} on purpose: {len(count.lost)} lost, {len(count.unsent)} unsent")
    assert count.lost or count.unsent

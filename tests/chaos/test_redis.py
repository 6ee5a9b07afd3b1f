"""Redis killed, emptied, frozen, absent at a start: nothing is lost, nobody waits long, and nobody is called late.

In `make test` each once, in `make chaos` 50 times.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.chaos.checker import check, pages_took
from tests.chaos.cluster import Cluster
from tests.chaos.harness import FIRST_CHAT, Load, until
from tests.fakes.pager import FakePager

EACH = 50 if os.environ.get("CHAOS") == "full" else 1
NOT_LATER_S = 3.0
SLACK = 5.0
TROUBLES = ("killed", "emptied", "frozen", "absent at a start")
IN_DANGER_EVERY = 12  # newcomers

pytestmark = pytest.mark.crash


@asynccontextmanager
async def trouble_with_redis(cluster: Cluster, trouble: str) -> AsyncIterator[None]:
    """Within it Redis is as the word says."""
    if trouble == "emptied":
        cluster.redis.flush()
        yield
        return
    if trouble == "frozen":
        cluster.redis.freeze()
        yield
        cluster.redis.thaw()
        return
    cluster.redis.kill()
    if trouble == "absent at a start":
        await cluster.kill(cluster.workers[0])
        await cluster.start(cluster.workers[0])
    yield
    cluster.redis.start()


async def test_whatever_happens_to_redis_nobody_waits(cluster: Cluster, pager: FakePager) -> None:
    load = Load(cluster.fake, chats=0, seed=19)
    took: dict[str, list[float]] = defaultdict(list)
    await cluster.start()
    for _ in range(EACH):
        for trouble in TROUBLES:
            async with trouble_with_redis(cluster, trouble):
                for _ in range(IN_DANGER_EVERY):
                    load.write(0, newcomers=1)
                    chat, began = FIRST_CHAT - 1 + load.chats, time.monotonic()
                    await until(
                        lambda chat=chat: bool(cluster.fake.of(chat)), 30, f"an answer while redis is {trouble}"
                    )
                    took[trouble].append(time.monotonic() - began)
                    await asyncio.sleep(0.02)
    await cluster.drained()
    await until(lambda: len(pager.first_at) >= len(load.in_danger), 30, "everybody in danger was called for")
    assert await cluster.stop() == [0, 0, 0]
    count = await check(cluster.members[0], load)
    slowest = {trouble: round(max(each), 1) for trouble, each in took.items()}
    called = await pages_took(cluster.members[0], load, pager.first_at)
    print(
        f"figure: redis in trouble, {EACH} times each: slowest answer in s {slowest}, slowest call {called[-1]:.1f} s; {count}"
    )
    assert count.wrong() == {}
    assert max(slowest.values()) < NOT_LATER_S * SLACK
    assert called[-1] < NOT_LATER_S * SLACK

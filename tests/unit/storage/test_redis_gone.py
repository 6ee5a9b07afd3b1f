"""Redis killed, emptied, frozen, absent at the start, back again: nobody waits for it, and it is found again by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
import redis

from handlers.ports import Budget
from storage.redis.budgets import RedisBudgets
from storage.redis.link import RedisLink
from storage.redis.wakeups import RedisWakeups
from storage.wakeups import LocalWakeups
from tests.contract.test_nerves import listening
from tests.servers.fixtures import no_server
from tests.servers.process import Missing
from tests.servers.redis import RedisServer

BUDGET = Budget(per_second=100.0, burst=10.0)


@pytest.fixture
def mortal() -> Iterator[RedisServer]:
    try:
        server = RedisServer()
    except Missing as missing:
        no_server(missing)
        raise
    yield server
    server.close()


class Pair:
    """Two processes' wake-ups."""

    def __init__(self, url: str) -> None:
        self.local = LocalWakeups(), LocalWakeups()
        self.links = [RedisLink(url, "test", local) for local in self.local]
        self.one, self.other = (RedisWakeups(*both) for both in zip(self.local, self.links, strict=True))

    async def hear(self, within_s: float = 10.0) -> None:
        """Until a ring of the one reaches the other again."""
        end = time.monotonic() + within_s
        while True:
            waiting = asyncio.create_task(self.other.wait("outbox", 0.3))
            await asyncio.sleep(0)
            self.one.ring("outbox")
            if await waiting:
                return
            assert time.monotonic() < end

    async def rings_at_home(self) -> None:
        """Whatever Redis does: those in the same process are woken at once."""
        waiting = asyncio.create_task(self.one.wait("inbox", 2))
        await asyncio.sleep(0)
        began = time.monotonic()
        self.one.ring("inbox")
        assert await waiting
        assert time.monotonic() - began < 0.2

    async def close(self) -> None:
        for link in self.links:
            await asyncio.to_thread(link.close)


async def test_killed_and_back(mortal: RedisServer) -> None:
    pair = Pair(mortal.url)
    await listening(mortal, 2)
    await pair.hear()
    mortal.kill()
    for _ in range(2000):  # far more than may wait
        pair.one.ring("outbox", "desk")
    await pair.rings_at_home()
    assert pair.links[0].who() == frozenset()
    mortal.start()
    await pair.hear()
    await pair.close()


async def test_absent_at_the_start(mortal: RedisServer) -> None:
    mortal.kill()
    pair = Pair(mortal.url)
    await pair.rings_at_home()
    mortal.start()
    await pair.hear()
    await pair.close()


async def test_frozen_and_back(mortal: RedisServer) -> None:
    pair = Pair(mortal.url)
    await listening(mortal, 2)
    mortal.freeze()
    await pair.rings_at_home()
    await asyncio.sleep(1.0)
    await pair.rings_at_home()
    mortal.thaw()
    await pair.hear()
    await pair.close()


async def test_emptied(mortal: RedisServer) -> None:
    pair = Pair(mortal.url)
    await listening(mortal, 2)
    mortal.flush()
    await pair.hear()
    await pair.close()


async def test_closing_does_not_wait_for_a_dead_or_frozen_one(mortal: RedisServer) -> None:
    pair = Pair(mortal.url)
    await listening(mortal, 2)
    mortal.freeze()
    began = time.monotonic()
    await pair.close()
    assert time.monotonic() - began < 4
    mortal.thaw()


@pytest.mark.parametrize("trouble", ["kill", "freeze"])
async def test_without_it_every_process_counts_for_itself_at_once(mortal: RedisServer, trouble: str) -> None:
    budgets = RedisBudgets(mortal.url, "test")
    assert await budgets.take("bot", BUDGET) == 0.0
    getattr(mortal, trouble)()
    began = time.monotonic()
    waits = [await budgets.take("bot", BUDGET) for _ in range(10)]
    assert time.monotonic() - began < 1.0
    assert waits == [0.0] * 10
    assert await budgets.take("bot", BUDGET, 10) > 0
    if trouble == "freeze":
        mortal.thaw()
    else:
        mortal.start()
    await budgets.close()


async def test_everything_in_it_has_an_end_and_no_name_of_anybody(mortal: RedisServer) -> None:
    pair = Pair(mortal.url)
    budgets = RedisBudgets(mortal.url, "test")
    pair.links[0].here(["a" * 32])
    await budgets.take("bot", BUDGET, 5)
    await pair.hear()
    with redis.Redis.from_url(mortal.url, decode_responses=True) as asking:
        end = time.monotonic() + 10
        while "test:present" not in (keys := set(asking.keys("*"))):  # type: ignore[arg-type]
            assert time.monotonic() < end
            await asyncio.sleep(0.05)
        assert keys <= {"test:present", "test:budget:bot"}
        assert all(0 < asking.pttl(key) <= 60_000 for key in keys)  # type: ignore[operator]
    await budgets.close()
    await pair.close()

"""What `handlers/ports` says of wake-ups, presence and budgets: in one process, and through Redis between two."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from handlers.ports import Budget, Budgets, Presence, Wakeups
from storage.budgets import LocalBudgets
from storage.presence import LocalPresence
from storage.redis import link as link_module
from storage.redis.budgets import RedisBudgets
from storage.redis.link import RedisLink, client
from storage.redis.wakeups import RedisWakeups
from storage.wakeups import LocalWakeups
from tests.servers.redis import RedisServer


@dataclass
class Nerves:
    """The three as one process has them, and as another process of the same installation has them."""

    wakeups: Wakeups
    others_wakeups: Wakeups
    presence: Presence
    others_presence: Presence
    budgets: Budgets
    others_budgets: Budgets


@pytest.fixture(params=["one process", "redis"])
async def nerves(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Nerves]:
    if request.param == "one process":
        wakeups, presence, budgets = LocalWakeups(), LocalPresence(), LocalBudgets()
        yield Nerves(wakeups, wakeups, presence, presence, budgets, budgets)
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    server.flush()
    monkeypatch.setattr(link_module, "PRESENCE_EVERY_S", 0.1)
    locals_ = LocalWakeups(), LocalWakeups()
    links = [RedisLink(server.url, "test", local) for local in locals_]
    budgets_ = [RedisBudgets(server.url, "test") for _ in range(2)]
    await listening(server, 2)
    yield Nerves(
        RedisWakeups(locals_[0], links[0]), RedisWakeups(locals_[1], links[1]),
        links[0], links[1], budgets_[0], budgets_[1],
    )  # fmt: skip
    for one in links:
        await asyncio.to_thread(one.close)
    for each in budgets_:
        await each.close()


async def listening(server: RedisServer, count: int) -> None:
    """Until so many listen."""
    with client(server.url) as asking:
        await until(lambda: dict(asking.pubsub_numsub("test:rings")).get("test:rings", 0) >= count)  # type: ignore[arg-type]


async def until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


# --- wake-ups --------------------------------------------------------------------------------------------------------


async def test_a_ring_wakes_everybody_who_waits_here_and_elsewhere(nerves: Nerves) -> None:
    waiting = [asyncio.create_task(each.wait("outbox", 5)) for each in (nerves.wakeups, nerves.others_wakeups)]
    other = asyncio.create_task(nerves.others_wakeups.wait("desk", 0.3))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    threading.Thread(target=nerves.wakeups.ring, args=("outbox",)).start()
    assert await asyncio.gather(*waiting) == [True, True]
    assert time.monotonic() - began < 2
    assert await other is False


async def test_a_ring_nobody_heard_is_remembered_once(nerves: Nerves) -> None:
    nerves.wakeups.ring("inbox", "inbox")
    await asyncio.sleep(0.2)
    assert await nerves.others_wakeups.wait("inbox", 0.5) is True
    assert await nerves.others_wakeups.wait("inbox", 0.01) is False


async def test_many_rings_at_once_reach_everybody(nerves: Nerves) -> None:
    names = [f"n{number}" for number in range(200)]
    waiting = [asyncio.create_task(nerves.others_wakeups.wait(name, 5)) for name in names]
    await asyncio.sleep(0.05)
    for name in names:
        nerves.wakeups.ring(name)
    assert all(await asyncio.gather(*waiting))


# --- presence -----------------------------------------------------------------------------------------------------------


async def test_who_has_a_page_open_is_known_everywhere(nerves: Nerves) -> None:
    nerves.presence.here(["mai", "an"])
    assert nerves.presence.who() >= {"mai", "an"}
    await until(lambda: nerves.others_presence.who() >= {"mai", "an"})


async def test_who_has_left_is_forgotten(nerves: Nerves, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "PRESENT_FOR_S", 1.0)
    nerves.presence.here(["mai"])
    await until(lambda: "mai" in nerves.others_presence.who())
    nerves.presence.here([])
    await until(lambda: "mai" not in nerves.others_presence.who())
    await until(lambda: "mai" not in nerves.presence.who())


async def test_everybody_everywhere_is_known_only_through_redis(
    nerves: Nerves, monkeypatch: pytest.MonkeyPatch
) -> None:
    nerves.presence.here(["mai"])
    if isinstance(nerves.presence, LocalPresence):
        assert nerves.presence.everywhere() is None, "nobody tells this process of the others"
        return
    await until(lambda: nerves.others_presence.everywhere() == {"mai"})
    assert isinstance(nerves.others_presence, RedisLink)
    monkeypatch.setattr(nerves.others_presence, "_learnt_at", time.monotonic() - 60)
    monkeypatch.setattr(link_module, "PRESENT_FOR_S", 0.0)  # as when Redis has been silent for that long
    assert nerves.others_presence.everywhere() is None
    assert nerves.others_presence.who() == frozenset()


# --- budgets ------------------------------------------------------------------------------------------------------------

FIVE = Budget(per_second=10.0, burst=5.0)


async def test_a_burst_is_shared_by_all_and_then_one_waits(nerves: Nerves) -> None:
    waits = [await (nerves.budgets, nerves.others_budgets)[number % 2].take("bot", FIVE) for number in range(5)]
    assert waits == [0.0] * 5
    wait = await nerves.others_budgets.take("bot", FIVE)
    assert 0 < wait <= 0.1
    await asyncio.sleep(wait + 0.02)
    assert await nerves.budgets.take("bot", FIVE) == 0.0


async def test_names_have_budgets_of_their_own_and_costs_count(nerves: Nerves) -> None:
    assert await nerves.budgets.take("a", FIVE, 5) == 0.0
    assert await nerves.budgets.take("a", FIVE) > 0
    assert await nerves.budgets.take("b", FIVE, 3) == 0.0
    wait = await nerves.budgets.take("b", FIVE, 5)
    assert 0.2 < wait <= 0.3
    for cost in (0, 6, -1):
        with pytest.raises(ValueError, match="does not fit"):
            await nerves.budgets.take("b", FIVE, cost)


async def test_over_a_while_no_more_than_the_rate_is_given_out(nerves: Nerves) -> None:
    budget = Budget(per_second=50.0, burst=10.0)
    began, taken = time.monotonic(), 0

    async def sender(budgets: Budgets) -> None:
        nonlocal taken
        while (now := time.monotonic() - began) < 1.0:
            wait = await budgets.take("bot", budget)
            if wait == 0.0:
                taken += 1
            else:
                await asyncio.sleep(min(wait, 1.0 - now))

    await asyncio.gather(*(sender(one) for one in (nerves.budgets, nerves.others_budgets) for _ in range(3)))
    lasted = time.monotonic() - began
    assert 10 <= taken <= 10 + 50 * lasted + 1

"""How fast a platform is asked: never more than it takes, and not at all while it wants to be left alone."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.pacing import Pace, at_most
from handlers.ports import Budget
from storage.budgets import LocalBudgets


class Hours:
    """A clock in seconds that moves when told, and buckets that run by it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.local = LocalBudgets()

    def __call__(self) -> float:
        return self.now

    async def take(self, name: str, budget: Budget, cost: float = 1.0) -> float:
        return self.local.take_now(name, budget, cost, self.now)


def pace_of(hours: Hours) -> Pace:
    return Pace(hours, hours)


@given(
    acts=st.integers(2, 8),
    in_s=st.integers(1, 10),
    at_once=st.integers(1, 7),
    gaps=st.lists(st.floats(0, 4), max_size=60),
)
def test_never_more_than_so_many_in_any_window(acts: int, in_s: int, at_once: int, gaps: list[float]) -> None:
    hours = Hours()
    pace, budget = pace_of(hours), at_most(acts, in_s, at_once=min(at_once, acts - 1))
    spent: list[float] = []

    async def go() -> None:
        for gap in gaps:
            hours.now += gap
            wait = await pace.take({"k": budget})
            if wait > 0:
                hours.now += wait + 1e-6  # for rounding
                assert await pace.take({"k": budget}) == 0.0, "who waits as long as told may go"
            spent.append(hours.now)

    asyncio.run(go())
    for index, at in enumerate(spent):
        assert sum(1 for other in spent[index:] if other < at + in_s - 1e-6) <= acts


@pytest.mark.parametrize(("acts", "at_once"), [(1, 1), (4, 0), (4, 5)])
def test_a_budget_that_makes_no_sense_is_a_mistake(acts: int, at_once: int) -> None:
    with pytest.raises(ValueError, match="at once"):
        at_most(acts, 1.0, at_once=at_once)


async def test_the_narrowest_refuses_first_and_costs_the_others_nothing() -> None:
    hours = Hours()
    pace = pace_of(hours)
    chat, all_of_it = Budget(0.1, 1), Budget(0.1, 2)
    assert await pace.take({"chat": chat, "all": all_of_it}) == 0.0
    assert await pace.take({"chat": chat, "all": all_of_it}) == pytest.approx(10.0)
    assert await pace.take({"other": chat, "all": all_of_it}) == 0.0, "the refused try has spent nothing of the rest"
    assert await pace.take({"third": chat, "all": all_of_it}) > 0


async def test_a_pause_is_kept_and_never_shortened() -> None:
    hours = Hours()
    pace = pace_of(hours)
    pace.pause("chat", 30)
    pace.pause("chat", 5)
    assert await pace.take({"chat": Budget(9, 9)}) == 30.0
    assert dict(pace.paused()) == {"chat": 30.0}
    hours.now += 30
    assert await pace.take({"chat": Budget(9, 9)}) == 0.0
    pace.pause("other", 1)
    assert dict(pace.paused()) == {"other": 1.0}

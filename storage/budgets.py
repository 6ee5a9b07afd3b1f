"""How much may still be sent, within one process: a bucket of tokens for each name."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from handlers.ports import Budget

if TYPE_CHECKING:
    from handlers.ports import Budgets

REMEMBERED = 20_000
"""So many buckets are kept; one that was not asked for the longest is full again anyway."""


def refuse_more_than_fits(budget: Budget, cost: float) -> None:
    """A cost the bucket could never pay is a mistake of the caller, not a reason to wait for ever."""
    if not 0 < cost <= budget.burst:
        raise ValueError(f"a cost of {cost} does not fit into a burst of {budget.burst}")


class LocalBudgets:
    """`handlers.ports.Budgets` within one process."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name -> (tokens, at), monotonic

    async def take(self, name: str, budget: Budget, cost: float = 1.0) -> float:
        """Take `cost` tokens: 0.0, or how many seconds to wait before trying again."""
        refuse_more_than_fits(budget, cost)
        return self.take_now(name, budget, cost, time.monotonic())

    def take_now(self, name: str, budget: Budget, cost: float, now: float) -> float:
        """The same at a given moment."""
        tokens, at = self._buckets.pop(name, (budget.burst, now))
        tokens = min(budget.burst, tokens + max(0.0, now - at) * budget.per_second)
        wait = 0.0 if tokens >= cost else (cost - tokens) / budget.per_second
        self._buckets[name] = (tokens if wait else tokens - cost, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return wait


if TYPE_CHECKING:

    def _are_budgets(budgets: LocalBudgets) -> Budgets:
        return budgets

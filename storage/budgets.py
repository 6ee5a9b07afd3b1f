"""Rate budgets inside one process: at most so many acts in any so many seconds, by name."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from handlers.ports import Budget

if TYPE_CHECKING:
    from handlers.ports import Budgets

KEPT_NAMES = 10_000
"""Beyond so many names those whose acts are all over are forgotten."""


class LocalBudgets:
    """`handlers.ports.Budgets` within one process. Times are monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is for tests."""
        self._clock = clock
        self._acts: dict[str, deque[float]] = {}
        self._paused: dict[str, float] = {}

    async def take(self, wanted: Mapping[str, Budget]) -> float:
        """Spend one act of each key, or none and say how long to wait."""
        now = self._clock()
        wait = max((self._wait(key, budget, now) for key, budget in wanted.items()), default=0.0)
        if wait > 0:
            return wait
        for key in wanted:
            self._acts.setdefault(key, deque()).append(now)
        if len(self._acts) > KEPT_NAMES:
            longest = max(budget.per_s for budget in wanted.values())
            self._acts = {key: acts for key, acts in self._acts.items() if acts and acts[-1] > now - longest}
        return 0.0

    async def pause(self, key: str, seconds: float) -> None:
        """Nothing of this key for so long."""
        now = self._clock()
        self._paused = {name: until for name, until in self._paused.items() if until > now}
        self._paused[key] = max(self._paused.get(key, 0.0), now + seconds)

    def _wait(self, key: str, budget: Budget, now: float) -> float:
        paused = self._paused.get(key, 0.0) - now
        acts = self._acts.get(key)
        if not acts:
            return max(0.0, paused)
        while acts and acts[0] <= now - budget.per_s:
            acts.popleft()
        full = acts[-budget.limit] + budget.per_s - now if len(acts) >= budget.limit else 0.0
        return max(0.0, paused, full)


if TYPE_CHECKING:

    def _are_budgets(budgets: LocalBudgets) -> Budgets:
        return budgets

"""How fast a platform may be asked: shared budgets (`handlers.ports.Budgets`), and pauses the platform has asked for itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from handlers.ports import Budget, Budgets


def at_most(acts: int, in_s: float, *, at_once: int) -> Budget:
    """Never more than `acts` in any `in_s` seconds, `at_once` of them side by side."""
    if not 0 < at_once < acts:
        raise ValueError(f"{at_once} at once of {acts}")
    return Budget(per_second=(acts - at_once) / in_s, burst=at_once)


class Pace:
    """One platform account's pace. Names are this account's own, and hold no id of anybody."""

    def __init__(self, budgets: Budgets, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is for tests; monotonic seconds."""
        self._budgets, self._clock = budgets, clock
        self._paused: dict[str, float] = {}  # name -> end

    async def take(self, wanted: Mapping[str, Budget]) -> float:
        """Spend one act of each, in this order: 0.0, else how many seconds to wait. The narrowest comes first, because what
        is spent before a refusal is lost.
        """
        now = self._clock()
        paused = max((self._paused.get(name, 0.0) - now for name in wanted), default=0.0)
        if paused > 0:
            return paused
        for name, budget in wanted.items():
            wait = await self._budgets.take(name, budget)
            if wait > 0:
                return wait
        return 0.0

    def pause(self, name: str, seconds: float) -> None:
        """Nothing of this name for so long, as the platform has asked; a longer pause under way stays."""
        now = self._clock()
        self._paused = {kept: until for kept, until in self._paused.items() if until > now}
        self._paused[name] = max(self._paused.get(name, 0.0), now + seconds)

    def paused(self) -> Mapping[str, float]:
        """What is paused now, and for how many more seconds."""
        now = self._clock()
        return {name: until - now for name, until in self._paused.items() if until > now}

"""One listener per wake-up name, however many pages wait: rings reach all of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from handlers.ports import Wakeups


class Bell:
    """Passes the rings of one wake-up on to any number of waiting pages. Only a hint: pages also look by themselves."""

    def __init__(self, wakeups: Wakeups, name: str) -> None:
        """Listens only inside `listening`."""
        self._wakeups = wakeups
        self._name = name
        self._rings = 0
        self._event = asyncio.Event()

    @property
    def mark(self) -> int:
        """The rings so far: taken before looking, so that a ring in between is not missed by `after`."""
        return self._rings

    async def after(self, mark: int, timeout_s: float) -> bool:
        """Wait until it has rung since `mark` or the time is up; True when it rang."""
        if self._rings > mark:
            return True
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return self._rings > mark
        return True

    def ring(self) -> None:
        """Wake every page that waits now."""
        self._rings += 1
        self._event.set()
        self._event = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen to the wake-up for as long as this context lasts."""
        task = asyncio.create_task(self._listen(), name=f"bell {self._name}")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _listen(self) -> None:
        while True:
            if await self._wakeups.wait(self._name, 1.0):
                self.ring()

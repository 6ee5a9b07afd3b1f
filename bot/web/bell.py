"""One listener per wake-up name, however many pages wait: rings reach all of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
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
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        return self._rings > mark

    def ring(self) -> None:
        """Wake every page that waits now."""
        self._rings += 1
        self._event.set()
        self._event = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen to the wake-up for as long as this context lasts."""
        async with ringing(self._wakeups, self._name, self.ring):
            yield


@asynccontextmanager
async def ringing(wakeups: Wakeups, name: str, ring: Callable[[], None]) -> AsyncIterator[None]:
    """Call `ring` whenever the wake-up `name` rings, for as long as this context lasts."""
    over = False

    async def listen() -> None:
        while not over:  # a cancellation may be lost inside a wait that ends at the same moment
            if await wakeups.wait(name, 1.0):
                ring()

    task = asyncio.create_task(listen(), name=f"bell {name}")
    try:
        yield
    finally:
        over = True
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

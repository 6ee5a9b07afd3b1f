"""A month's allowance of messages: counted both ways, said in time, never a reason to be silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from handlers.alarms import QUOTA_GONE, QUOTA_LOW
from handlers.errors import BinhAnError
from handlers.ports import Alarms, Counters

log = structlog.get_logger()

WRITE_EVERY_S = 2.0  # counts in between are added together: a crash loses two seconds of counting
LOW = 0.8


class Quota:
    """Counts what a channel spends of its month."""

    def __init__(
        self, channel: str, limit: int, counters: Counters, alarms: Alarms, clock: Callable[[], datetime]
    ) -> None:
        """`limit` messages a month, in and out together; 0: the platform does not count."""
        self._channel, self.limit = channel, limit
        self._counters, self._alarms, self._clock = counters, alarms, clock
        self._uncounted = 0
        self._writing: asyncio.Task[None] | None = None

    def spend(self) -> None:
        """One message more. Returns at once; it is written down within seconds."""
        if not self.limit:
            return
        self._uncounted += 1
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def used(self) -> int:
        """How many are used this month."""
        return await self._counters.add(self._channel, self._month(), 0)

    async def refused(self) -> None:
        """The platform says that nothing is left, whatever we have counted."""
        await self._alarms.sound(self._channel, QUOTA_GONE)

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._writing is not None:
            self._writing.cancel()
        await self._add()

    async def _write(self) -> None:
        await asyncio.sleep(WRITE_EVERY_S)
        await self._add()

    async def _add(self) -> None:
        fresh, self._uncounted = self._uncounted, 0
        if not fresh:
            return
        try:
            used = await self._counters.add(self._channel, self._month(), fresh)
        except BinhAnError as error:
            self._uncounted += fresh
            log.warning("quota.not_counted", channel=self._channel, error=error.code)
            return
        for code, most in ((QUOTA_LOW, self.limit * LOW), (QUOTA_GONE, self.limit)):
            if used >= most:
                await self._alarms.sound(self._channel, code)
            else:
                await self._alarms.hush(self._channel, code)

    def _month(self) -> str:
        return f"{self._clock():%Y-%m}"

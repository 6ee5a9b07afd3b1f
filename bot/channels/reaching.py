"""Whether a platform answers at all: an alarm once it has not for minutes, taken back at its first answer."""

from __future__ import annotations

import time

from handlers.alarms import UNREACHABLE
from handlers.ports import Alarms

PATIENCE_S = 120.0


class Reaching:
    """Hears of every answer and every failure to get one."""

    def __init__(self, channel: str, alarms: Alarms) -> None:
        """Nothing is known yet."""
        self._channel, self._alarms = channel, alarms
        self._silent_since: float | None = None

    async def heard(self, answered: bool) -> None:
        """The platform has answered, whatever it said, or has not."""
        if answered:
            self._silent_since = None
            await self._alarms.hush(self._channel, UNREACHABLE)
            return
        now = time.monotonic()
        if self._silent_since is None:
            self._silent_since = now
        elif now - self._silent_since >= PATIENCE_S:
            await self._alarms.sound(self._channel, UNREACHABLE)

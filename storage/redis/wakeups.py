"""Wake-ups between processes: rung here at once, and everywhere else through Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.redis.link import RedisLink
from storage.wakeups import LocalWakeups

if TYPE_CHECKING:
    from handlers.ports import Wakeups


class RedisWakeups:
    """`handlers.ports.Wakeups` for several processes. While Redis is gone, the others wake by their own clocks."""

    def __init__(self, local: LocalWakeups, link: RedisLink) -> None:
        """`link` rings `local` for what the others ring."""
        self._local = local
        self._link = link

    def ring(self, *names: str) -> None:
        """Wake everybody who waits for these names, in this process at once."""
        self._local.ring(*names)
        self._link.ring(*names)

    async def wait(self, name: str, timeout_s: float = 1.0) -> bool:
        """Wait until `name` rings somewhere or the time is up; True when it rang."""
        return await self._local.wait(name, timeout_s)


if TYPE_CHECKING:

    def _are_wakeups(wakeups: RedisWakeups) -> Wakeups:
        return wakeups

"""Reads how the service stands: what the database says, and the little that only this machine knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.duty import Duty
from handlers.health import Health, health
from handlers.ports import Door

FRESH_S = 1.0  # whoever asks more often gets the same reading again


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The configured channels by the way they receive."""

    polling: tuple[str, ...] = ()
    webhook: tuple[str, ...] = ()
    page: tuple[str, ...] = ()  # read by their readers: the web page


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One reading."""

    health: Health
    channels: Channels = Channels()
    key_since: datetime | None = None  # when the newest key-encryption key was put in place here
    shared: bool = False  # several processes on one database


class Looking:
    """Reads at most once a second, whoever asks."""

    def __init__(
        self,
        door: Door,
        duty: Duty,
        channels: Channels,
        *,
        silent_here: Callable[[str], timedelta | None] | None = None,
        key_since: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        """`silent_here`: signs of life of this process, where one does everything; None: those in the database."""
        self._door, self._duty, self._channels = door, duty, channels
        self._silent_here, self._key_since = silent_here, key_since
        self._last: Standing | None = None
        self._at = 0.0

    async def standing(self) -> Standing:
        """How it stands; StorageUnavailable when the database does not answer."""
        if self._last is not None and time.monotonic() - self._at < FRESH_S:
            return self._last
        polling: Sequence[str] = self._channels.polling
        read = await self._door.read(lambda uow: health(uow, self._duty, polling, self._silent_here))
        self._last = Standing(
            health=read, channels=self._channels, key_since=self._key_since(), shared=self._silent_here is None
        )
        self._at = time.monotonic()
        return self._last

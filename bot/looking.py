"""Reads how the service stands: what the database says, and the little that only this machine knows."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.duty import Duty
from handlers.health import Health, KeyRisk, health
from handlers.ports import Door, UnitOfWork

FRESH_S = 1.0  # whoever asks more often gets the same reading again
KEYS_FRESH_S = 30.0  # so old may be what is said of the keys


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
    key_risks: tuple[KeyRisk, ...] = ()
    newer_content: bool = False  # the program brings content that was never published here


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
        key_risks: Callable[[], Sequence[KeyRisk]] = tuple,
        is_newer: Callable[[UnitOfWork], bool] = lambda uow: False,
    ) -> None:
        """`silent_here`: signs of life of this process, where one does everything; None: those in the database. `key_risks` looks
        at files and takes its time, so it is asked rarely and in a thread.
        """
        self._door, self._duty, self._channels = door, duty, channels
        self._silent_here, self._key_since = silent_here, key_since
        self._is_newer, self._key_risks = is_newer, key_risks
        self._risks: tuple[KeyRisk, ...] = ()
        self._last: Standing | None = None
        self._at, self._risks_at = 0.0, -math.inf

    async def standing(self) -> Standing:
        """How it stands; StorageUnavailable when the database does not answer."""
        if self._last is not None and time.monotonic() - self._at < FRESH_S:
            return self._last
        polling: Sequence[str] = self._channels.polling
        read, newer = await self._door.read(
            lambda uow: (health(uow, self._duty, polling, self._silent_here), self._is_newer(uow))
        )
        if time.monotonic() - self._risks_at > KEYS_FRESH_S:
            self._risks, self._risks_at = tuple(await asyncio.to_thread(self._key_risks)), time.monotonic()
        self._last = Standing(
            health=read,
            channels=self._channels,
            key_since=self._key_since(),
            shared=self._silent_here is None,
            key_risks=self._risks,
            newer_content=newer,
        )
        self._at = time.monotonic()
        return self._last

"""Fetches pictures and voice notes, has them cleaned, and stores what is let through. Only where an operator allows it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from bot.media.cleaning import cleaned
from bot.workers.loop import forever
from handlers.errors import FetchLater
from handlers.media import Fetched, settle
from handlers.model import Media, MediaKind
from handlers.ports import Door, Fetches, Wakeups

log = structlog.get_logger()

AT_ONCE = 4
FETCH_WITHIN_S = 30.0

Clean = Callable[[MediaKind, bytes], Awaitable[tuple[str, bytes] | None]]


class MediaWorker:
    """One after the other; a file that cannot be had keeps no other waiting."""

    def __init__(
        self,
        door: Door,
        wakeups: Wakeups,
        channels: Mapping[str, object],
        most_bytes: int,
        clean: Clean = cleaned,
    ) -> None:
        """Channels by name; those that fetch nothing are passed over."""
        self._door, self._wakeups, self._channels = door, wakeups, channels
        self._most, self._clean = most_bytes, clean

    async def run(self) -> None:
        """Until cancelled."""
        await forever("media", self._step, self._wakeups, "media")

    async def _step(self) -> bool:
        due = await self._door.read(lambda uow: uow.media.due(AT_ONCE))
        for media in due:
            done = await self._fetch(media)
            state = await self._door.run(settle, done)
            log.info("media.settled", kind=media.kind.value, state=state.value if state is not None else "gone")
        return len(due) == AT_ONCE

    async def _fetch(self, media: Media) -> Fetched:
        channel = self._channels.get(media.channel)
        if not isinstance(channel, Fetches) or not media.source:
            return Fetched(uid=media.uid)
        try:
            async with asyncio.timeout(FETCH_WITHIN_S):
                content = await channel.fetch(media.source, self._most)
        except (FetchLater, TimeoutError):
            return Fetched(uid=media.uid, again=True)
        except Exception as error:
            log.error("media.not_fetched", channel=media.channel, error=type(error).__name__)
            return Fetched(uid=media.uid, again=True)
        kept = await self._clean(media.kind, content) if content else None
        return Fetched(uid=media.uid) if kept is None else Fetched(uid=media.uid, mime=kept[0], body=kept[1])

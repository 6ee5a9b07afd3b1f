"""Signs of life: each loop says that it works; who looks from another process reads it in the database."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import structlog

from handlers.ports import Door
from handlers.watching import BEAT_EVERY, beat

log = structlog.get_logger()


class Pulse:
    """The loops of this process and when each last said that it works."""

    def __init__(self) -> None:
        """Nobody has said anything yet."""
        self._at: dict[str, float] = {}

    def beats(self, part: str) -> None:
        """This part works."""
        self._at[part] = time.monotonic()

    def living(self, within_s: float) -> frozenset[str]:
        """The parts that have said so within these seconds."""
        now = time.monotonic()
        return frozenset(part for part, at in self._at.items() if now - at <= within_s)

    def silent(self, part: str) -> timedelta | None:
        """How long this part has not said so; None: it never has."""
        at = self._at.get(part)
        return None if at is None else timedelta(seconds=time.monotonic() - at)

    async def tell(self, door: Door) -> None:
        """Write it down for the others, until cancelled."""
        every_s = BEAT_EVERY.total_seconds()
        while True:
            living = self.living(every_s)
            if living:
                try:
                    await door.run(beat, living)
                except Exception as error:
                    log.error("pulse.failed", error=type(error).__name__)
            await asyncio.sleep(every_s)

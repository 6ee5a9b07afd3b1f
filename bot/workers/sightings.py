"""Who was at the desk and is not any more. A hint in memory: lost with the process, and then nobody counts as gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import timedelta

FORGOTTEN_AFTER_S = 12 * 3600.0  # a session ends by then


def nobody_knows() -> None:
    """Without any information on who is there."""
    return None


class Sightings:
    """Remembers when each staff member was last seen at the desk."""

    def __init__(
        self, present: Callable[[], Collection[str] | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`present`: uids of those with an open desk page anywhere, None while that is not known."""
        self._present, self._clock = present, clock
        self._seen: dict[str, float] = {}

    def gone(self) -> dict[str, timedelta]:
        """Looks once. Staff uid -> how long ago she was seen, for everybody who was there and is not. While nobody knows who is
        there, everybody counts as where she was: what is not known must not shorten anything, nor look like an absence later.
        """
        now, present = self._clock(), self._present()
        there = list(self._seen) if present is None else present
        self._seen |= dict.fromkeys(there, now)
        self._seen = {uid: at for uid, at in self._seen.items() if now - at < FORGOTTEN_AFTER_S}
        return {uid: timedelta(seconds=now - at) for uid, at in self._seen.items() if at < now}

"""One loop: run a step again and again, wait for its wake-up in between, never die of an exception."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from handlers.model import OutboxRow, Outcome
from handlers.ports import Wakeups

log = structlog.get_logger()

POLL_S = 1.0  # wake-ups are only hints: every loop looks at least this often
PAUSE_AFTER_ERROR_S = 0.5


def silent() -> None:
    """Nobody asks whether this loop lives."""


class Tally(Protocol):
    """Counts what the loops do, for the metrics."""

    def handled(self, seconds: float) -> None:
        """One message was handled."""

    def failed(self, *, dead: bool) -> None:
        """A try at a message failed; `dead`: a human reads it now."""

    def sent(self, row: OutboxRow, outcome: Outcome, seconds: float) -> None:
        """One attempt to send ended."""


class NoTally:
    """Nobody counts (tests, the terminal)."""

    def handled(self, seconds: float) -> None:
        """See `Tally`."""

    def failed(self, *, dead: bool) -> None:
        """See `Tally`."""

    def sent(self, row: OutboxRow, outcome: Outcome, seconds: float) -> None:
        """See `Tally`."""


async def forever(
    name: str,
    step: Callable[[], Awaitable[bool]],
    wakeups: Wakeups,
    wakeup: str,
    beats: Callable[[], None] = silent,
) -> None:
    """Run `step` until cancelled: at once again while it says there is more, else after the wake-up or `POLL_S`.

    An exception is logged by its class alone (its text could quote a message) and the loop goes on. `beats` is called after
    every step that succeeded.
    """
    while True:
        try:
            more = await step()
            beats()
        except Exception as error:
            log.error("loop.failed", loop=name, error=type(error).__name__)
            await asyncio.sleep(PAUSE_AFTER_ERROR_S)
            continue
        if not more:
            await wakeups.wait(wakeup, POLL_S)

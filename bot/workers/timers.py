"""Whatever is due: escalations, owners who go, cases, silence timers of flows, erasures, clock jumps. A timer is a column; this
only looks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from bot.observe import mark
from bot.workers.loop import forever, silent
from bot.workers.sightings import Sightings, nobody_knows
from handlers.alarms import NOBODY_PAGED
from handlers.closing import Closing
from handlers.escalation import Escalations
from handlers.housekeeping import Housekeeping
from handlers.inbound import Inbound
from handlers.leaving import Leavers, Look
from handlers.ports import Door, UnitOfWork, Wakeups
from handlers.relaying import Relaying
from handlers.reminders import Reminders
from handlers.stays import Stays
from handlers.unheard import CALLS, Unheard

log = structlog.get_logger()

BATCH = 64
CHECK_WAITS_EVERY_S = 60.0
WATCH_CALLS_EVERY_S = 10.0
WATCH_OWNERS_EVERY_S = 5.0
CHECK_WAITS_TOGETHER_S = 10.0  # where several processes decide at the same time
CLOCK_JUMP = timedelta(seconds=2)

Row = TypeVar("Row", str, Look)


class TimersWorker:
    """Looks for due rows once a second (and at each ring) and runs one operation per row, so that a bad one stops no other."""

    def __init__(
        self,
        door: Door,
        wakeups: Wakeups,
        escalations: Escalations,
        stays: Stays,
        inbound: Inbound,
        housekeeping: Housekeeping,
        reminders: Reminders,
        beats: Callable[[], None] = silent,
        *,
        closing: Closing,
        unheard: Unheard,
        leavers: Leavers,
        relaying: Relaying | None = None,
        present: Callable[[], Collection[str] | None] = nobody_knows,
        check_waits_every_s: float = CHECK_WAITS_EVERY_S,
    ) -> None:
        """The use-cases whose rows carry timers; `relaying` where an operator shows talks in a staff group. `beats` is the loop's
        sign of life. `present`: who has a desk page open anywhere, None while that is not known. `check_waits_every_s`: how soon
        a duty that began while another process was deciding is noticed.
        """
        self._check_waits_every_s = check_waits_every_s
        self._beats = beats
        self._door, self._wakeups = door, wakeups
        self._escalations, self._stays, self._inbound, self._housekeeping = escalations, stays, inbound, housekeeping
        self._closing, self._unheard, self._relaying = closing, unheard, relaying
        self._leavers, self._sightings = leavers, Sightings(present)
        self._watched_at = self._owners_watched_at = float("-inf")
        self._reminders = reminders
        self._checked_at = time.monotonic()
        self._wall = datetime.now(UTC)

    async def run(self) -> None:
        """Until cancelled."""
        await forever("timers", self._step, self._wakeups, "escalations", self._beats)

    async def _step(self) -> bool:
        await self._watch_clock()
        await self._watch_calls()
        await self._watch_owners()
        if self._relaying is not None:
            await self._door.run(self._relaying.look, None)
        more = [
            await self._each(lambda uow: self._escalations.due(uow, BATCH), self._escalations.tick),
            await self._each(lambda uow: self._stays.due(uow, BATCH), self._stays.tick),
            await self._each(
                lambda uow: [contact.uid for contact in uow.contacts.due_timers(BATCH)], self._inbound.silence
            ),
            await self._each(lambda uow: self._reminders.due(uow, BATCH), self._reminders.tick),
            await self._each(
                lambda uow: [contact.uid for contact in uow.contacts.due_erasure(BATCH)], self._housekeeping.erase
            ),
        ]
        return any(more)

    async def _each(
        self, due: Callable[[UnitOfWork], Sequence[Row]], operation: Callable[[UnitOfWork, Sequence[Row]], list[Any]]
    ) -> bool:
        """Run the operation for every due row; True when there may be more at once."""
        uids = await self._door.read(due)
        if not uids:
            return False
        runs: list[Awaitable[Any]] = [self._door.run(operation, uid) for uid in uids]
        results = await asyncio.gather(*runs, return_exceptions=True)
        failed = [(uid, result) for uid, result in zip(uids, results, strict=True) if isinstance(result, Exception)]
        for uid, error in failed:
            row = uid if isinstance(uid, str) else uid.escalation_uid
            log.error("timers.row_failed", row=mark(row), error=type(error).__name__)
        return len(uids) >= BATCH and not failed

    async def _watch_calls(self) -> None:
        """Does every call reach somebody?"""
        if time.monotonic() - self._watched_at >= WATCH_CALLS_EVERY_S:
            self._watched_at = time.monotonic()
            if await self._door.run(self._unheard.look, None):
                log.error("alarm", what=CALLS, code=NOBODY_PAGED)

    async def _watch_owners(self) -> None:
        """Does whoever holds a call stay, or is she leaving, or gone?"""
        if time.monotonic() - self._owners_watched_at >= WATCH_OWNERS_EVERY_S:
            self._owners_watched_at = time.monotonic()
            await self._each(partial(self._leavers.due, gone=self._sightings.gone()), self._leavers.look)

    async def _watch_clock(self) -> None:
        """A clock that jumped must not make anybody wait longer than the step's own time."""
        elapsed = time.monotonic() - self._checked_at
        wall = datetime.now(UTC)
        jumped = abs((wall - self._wall) - timedelta(seconds=elapsed)) > CLOCK_JUMP
        if not jumped and elapsed < self._check_waits_every_s:
            return
        if jumped:
            log.warning("timers.clock_jumped", seconds=round((wall - self._wall).total_seconds() - elapsed))
        self._checked_at, self._wall = time.monotonic(), wall
        await self._door.run(self._escalations.check_waits, None)
        await self._each(lambda uow: self._closing.due(uow, BATCH), self._closing.offer)
        await self._door.run(self._housekeeping.sweep, None)

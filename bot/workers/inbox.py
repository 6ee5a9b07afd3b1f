"""Hop 3: takes lanes, one message at a time each, many lanes side by side; the guard when a message fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from bot.observe import is_debug, mark
from bot.workers.loop import NoTally, Tally, forever, silent
from handlers.errors import StorageUnavailable
from handlers.inbound import Failure, Inbound
from handlers.ports import Door, Wakeups

log = structlog.get_logger()

LANES = 64  # handled side by side; the door puts them into one commit
RETRY_STORAGE_S = 0.5
LOOK_PAUSE_S = 0.01  # a nudge has begun what was just stored; the look behind it may take in many wake-ups at once
FINISH_WITHIN_S = 3.0  # at a stop; what is not handled then is in the database, for the next start


async def nothing() -> None:
    """No sender beside (tests)."""


class InboxWorker:
    """Handles what was accepted. Which lanes wait is read from the database; a nudge only saves that reading."""

    def __init__(
        self,
        door: Door,
        wakeups: Wakeups,
        inbound: Inbound,
        then: Callable[[], Awaitable[None]] = nothing,
        beats: Callable[[], None] = silent,
        *,
        nudged: bool = True,
        tally: Tally | None = None,
    ) -> None:
        """`inbound` decides; this class only runs it. `then` is queued behind every handled message, into the same commit:
        the sender's `look`. `beats` is the loop's sign of life. `nudged` False: messages are stored by other processes, so
        that the first look after a quiet moment is the quickest way to them.
        """
        self._nudged_here = nudged
        self._tally: Tally = tally or NoTally()
        self._looked_at = 0.0
        self._beats = beats
        self._door, self._wakeups, self._inbound, self._then = door, wakeups, inbound, then
        self._ended_since_look: set[str] = set()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._nudged: set[str] = set()
        self._stopping = False

    def nudge(self, contact_uid: str) -> None:
        """A message of this contact has just been stored: handle it without waiting for the next look."""
        if self._stopping:
            return
        if contact_uid in self._busy:
            self._nudged.add(contact_uid)
        elif len(self._busy) < LANES:
            self._start(contact_uid)

    async def run(self) -> None:
        """Until cancelled; every lane finishes the message it has in hand, so that its answers are claimed by a living sender."""
        self._stopping = False
        try:
            await forever("inbox", self._look, self._wakeups, "inbox", self._beats)
        finally:
            self._stopping = True
            lanes = set(self._busy.values())
            if lanes:
                _, late = await asyncio.wait(lanes, timeout=FINISH_WITHIN_S)
                for task in late:
                    task.cancel()

    async def _look(self) -> bool:
        if self._nudged_here or time.monotonic() - self._looked_at < LOOK_PAUSE_S:
            await asyncio.sleep(LOOK_PAUSE_S)
        self._looked_at = time.monotonic()
        free = LANES - len(self._busy)
        if free <= 0:
            return False
        self._ended_since_look.clear()
        uids = await self._door.read(lambda uow: uow.contacts.ready(LANES + free))
        # What ended while we read is still "ready" on the snapshot we read.
        for uid in [uid for uid in uids if uid not in self._busy and uid not in self._ended_since_look][:free]:
            self._start(uid)
        return False

    def _start(self, contact_uid: str) -> None:
        task = asyncio.get_running_loop().create_task(self._lane(contact_uid))
        self._busy[contact_uid] = task
        task.add_done_callback(lambda done: self._ended(contact_uid, done))

    def _ended(self, contact_uid: str, task: asyncio.Task[None]) -> None:
        self._busy.pop(contact_uid, None)
        self._ended_since_look.add(contact_uid)
        if not task.cancelled() and task.exception() is not None:
            log.error("inbox.lane_failed", error=type(task.exception()).__name__)
        if contact_uid in self._nudged and not task.cancelled() and not self._stopping:
            self._nudged.discard(contact_uid)
            self._start(contact_uid)

    async def _lane(self, contact_uid: str) -> None:
        """Handle this lane until it is empty or backs off, or until the stop."""
        while not self._stopping:
            self._nudged.discard(contact_uid)
            try:
                if not await self._handle(contact_uid):
                    return
            except StorageUnavailable:
                await asyncio.sleep(RETRY_STORAGE_S)  # not the message's fault: no try is counted
            except Exception as error:
                if not await self._guard(contact_uid, type(error).__name__):
                    return

    async def _handle(self, contact_uid: str) -> bool:
        """Handle the oldest message and let the sender look in the same commit; True when the lane has more."""
        began = time.monotonic()
        handling = self._door.run(self._inbound.handle, contact_uid)
        handled, looked = await asyncio.gather(handling, self._then(), return_exceptions=True)
        if isinstance(looked, Exception):
            log.error("inbox.look_failed", error=type(looked).__name__)  # the sender's own loop looks within a second
        if isinstance(handled, BaseException):
            raise handled
        took = time.monotonic() - began
        self._tally.handled(took)
        if is_debug():
            log.debug("inbox.handled", lane=mark(contact_uid), ms=round(took * 1000), more=handled)
        return handled

    async def _guard(self, contact_uid: str, error_class: str) -> bool:
        """Count the failure; True when the lane can go on at once (the first failure, or the message is dead)."""
        log.error("inbox.message_failed", lane=mark(contact_uid), error=error_class)
        dead = await self._door.run(self._inbound.fail, Failure(contact_uid, error_class))
        self._tally.failed(dead=dead)
        if dead:
            log.error("inbox.message_dead", lane=mark(contact_uid), error=error_class)
        return True

"""Hop 7: claims due rows, sends them with no transaction open, records what became of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog

from bot.observe import is_debug, mark
from bot.workers.loop import NoTally, Tally, forever, silent
from handlers import failpoints
from handlers.delivery import Claiming, Ours, Report, claim, may_still_go, record, take_back
from handlers.model import OutboxKind, Outcome, SendJob
from handlers.ports import Channel, Door, Reach, SendResult, Surface, Wakeups

log = structlog.get_logger()

IN_FLIGHT = 64  # sends side by side
SEND_LIMIT_S = 10.0  # a send that takes longer counts as ambiguous; below the lease
RETRY_RECORD_S = 0.5
WINDOW_SHUT = "WindowShut"  # the platform takes no more answers to her: nothing is asked of it
TAKE_BACK_EVERY_S = 1.0  # where others send too, some of them may die or freeze
LOOK_PAUSE_S = 0.01  # who writes an answer looks in the same commit; the loop's own look takes in many wake-ups at once


class TooLate(Exception):
    """We were frozen between claiming and sending; what is still to be done is asked for anew."""


def clocks() -> tuple[float, float]:
    """One that nobody can set, and one that goes on while the machine sleeps; in seconds."""
    return time.monotonic(), time.time()


class OutboxWorker:
    """Sends what is in the outbox; the only place from which anything leaves us."""

    def __init__(
        self,
        door: Door,
        wakeups: Wakeups,
        channels: Mapping[str, Channel],
        surfaces: Mapping[str, Surface],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        reach: Callable[[], Reach] | None = None,
        beats: Callable[[], None] = silent,
        tally: Tally | None = None,
    ) -> None:
        """Channels by name (seekers), surfaces by name (staff). `reach`: what this process can deliver at this moment, where
        others send from the same outbox; None where nobody else does. `clock` decides whether a reply window has shut.
        `beats` is the loop's sign of life.
        """
        self._beats = beats
        self._tally: Tally = tally or NoTally()
        self._door, self._wakeups, self._channels, self._surfaces = door, wakeups, channels, surfaces
        self._clock = clock
        self._pulled = frozenset(name for name, channel in channels.items() if channel.capabilities.pulled)
        self._reach = reach
        self._taken_back_at = 0.0
        self._sending: set[asyncio.Task[None]] = set()
        self._tokens: set[str] = set()  # of the leases we are sending under
        self._looking: set[asyncio.Task[None]] = set()  # whoever has a claim under way, which may become sends
        self._looked = False  # in this round of the loop: its claim is behind all that the round has queued
        self._open = False  # between the start and the stop of `run`

    async def run(self) -> None:
        """Until cancelled; sends under way are finished first, so that a stop doubles nothing."""
        await self._take_back()
        self._open = True
        try:
            await forever("outbox", self._step, self._wakeups, "outbox", self._beats)
        finally:
            self._open = False
            await self._finish()

    async def _finish(self) -> None:
        """Wait for what is under way: a claim may still become sends, and a send must be recorded before storage closes."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SEND_LIMIT_S
        while (busy := self._sending | self._looking) and (left := until - loop.time()) > 0:
            await asyncio.wait(busy, timeout=left)

    async def _take_back(self) -> None:
        """Nobody waits for the leases of the dead. On an embedded database, which `serve` has for itself, everybody who was
        sending before is dead; on a shared one the door knows who lives.
        """
        self._taken_back_at = time.monotonic()
        try:
            taken = await self._door.run(take_back, Ours(self._tokens, lambda: bool(self._looking)))
        except Exception as error:
            log.error("outbox.take_back_failed", error=type(error).__name__)  # the leases run out by themselves
            return
        if taken:
            log.info("outbox.taken_back", rows=taken)

    async def _step(self) -> bool:
        if self._reach is not None and time.monotonic() - self._taken_back_at >= TAKE_BACK_EVERY_S:
            await self._take_back()
        await asyncio.sleep(LOOK_PAUSE_S)
        if len(self._sending) >= IN_FLIGHT:
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
        # A task of its own: what it has claimed when we are told to stop is sent all the same.
        await asyncio.shield(asyncio.get_running_loop().create_task(self.look()))
        return False  # whatever makes more due rings "outbox", and a finished send looks again by itself

    async def look(self) -> None:
        """Claim what is due and start sending it. Queued beside another operation it shares that one's commit, so that an
        answer is leased in the very commit that wrote it.
        """
        free = IN_FLIGHT - len(self._sending)
        if free <= 0 or not self._open or self._looked:
            return
        self._looked = True
        loop = asyncio.get_running_loop()
        loop.call_soon(self._look_again)
        me = asyncio.current_task()
        assert me is not None
        self._looking.add(me)
        try:
            reach = self._reach() if self._reach is not None else None
            asked_at = clocks()
            for job in await self._door.run(claim, Claiming(free, self._pulled, reach)):
                self._tokens.add(job.row.lease_token or "")
                task = loop.create_task(self._send(job, asked_at))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
        finally:
            self._looking.discard(me)

    def _look_again(self) -> None:
        self._looked = False

    async def _send(self, job: SendJob, asked_at: tuple[float, float]) -> None:
        failpoints.passing("send.claimed")
        waited = timedelta(seconds=max(now - then for now, then in zip(clocks(), asked_at, strict=True)))
        began = time.monotonic()
        try:
            if not may_still_go(job.row, waited):
                raise TooLate
            async with asyncio.timeout(SEND_LIMIT_S):
                result = await self._hand_over(job)
        except Exception as error:
            # A channel should answer, never raise; whatever it was, the row must not be lost.
            log.error(
                "outbox.send_failed", lane=mark(job.row.contact_uid), kind=job.row.kind, error=type(error).__name__
            )
            result = SendResult(outcome=Outcome.RETRY, error_class=type(error).__name__)
        failpoints.passing("send.called")
        took = time.monotonic() - began
        self._tally.sent(job.row, result.outcome, took)
        if is_debug():
            log.debug(
                "outbox.called", lane=mark(job.row.contact_uid), row=mark(job.row.uid), kind=job.row.kind,
                outcome=result.outcome, error=result.error_class, attempts=job.row.attempts, ms=round(took * 1000),
            )  # fmt: skip
        report = Report(job, result)
        try:
            while True:
                if await self._record(report):
                    break
                await asyncio.sleep(RETRY_RECORD_S)  # until it stands: nobody else may have the row meanwhile
        finally:
            self._tokens.discard(job.row.lease_token or "")
        failpoints.passing("send.recorded")

    async def _record(self, report: Report) -> bool:
        """Write what happened and, in the same commit, claim what comes next; False when it could not be written."""
        writing = self._door.run(record, report)
        written, looked = await asyncio.gather(writing, self.look(), return_exceptions=True)
        if isinstance(looked, Exception):
            log.error("outbox.look_failed", error=type(looked).__name__)  # the loop looks again within a second
        if isinstance(written, Exception):
            # It must be written down: until the lease runs out nobody else can have the row.
            log.error("outbox.record_failed", kind=report.job.row.kind, error=type(written).__name__)
        return not isinstance(written, BaseException)

    async def _hand_over(self, job: SendJob) -> SendResult:
        row = job.row
        if row.kind is OutboxKind.PAGE:
            surface = self._surfaces.get(row.surface)
            if surface is None:
                return SendResult(outcome=Outcome.FAILED, error_class="NoSuchSurface")
            return await surface.page(job)
        if job.address is None or row.outgoing is None:
            return SendResult(outcome=Outcome.FAILED, error_class="NoAddress")
        channel = self._channels.get(job.address.channel)
        if channel is None:
            return SendResult(outcome=Outcome.FAILED, error_class="NoSuchChannel")
        if channel.window.is_shut(job.heard_at, self._clock()):
            return SendResult(outcome=Outcome.FAILED, error_class=WINDOW_SHUT)
        return await channel.send(job.address, row.outgoing, row.uid)

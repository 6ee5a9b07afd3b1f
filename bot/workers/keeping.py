"""The daily run: begins at its hour (or soon, when it is late), in one process; then the audit log's head is kept elsewhere.

Once an hour the whole audit log is checked: an edit that is found only when somebody happens to ask is found too late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, time, timedelta, tzinfo
from pathlib import Path

import structlog

from bot.heads import append_head
from handlers.audit_log import check_log
from handlers.audit_signing import HeadSigner
from handlers.errors import StorageUnavailable
from handlers.keeping import Keeping, is_due, scheduled_at
from handlers.ports import Door
from handlers.watching import audit_looked_at

log = structlog.get_logger()

LOOK_EVERY_S = 60.0
RUNS_LOOKED_AT = 20
LOG_LOOKED_AT_EVERY = timedelta(hours=1)


class KeepingWorker:
    """Looks once a minute whether a run is due."""

    def __init__(
        self,
        door: Door,
        keeping: Keeping,
        signer: HeadSigner,
        alone: Callable[[str, Callable[[], Awaitable[None]]], Awaitable[None]],
        *,
        at: time,
        zone: tzinfo,
        heads: Sequence[Path] = (),
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """`alone` does work in one process of all. `at`: when a run begins, by the clock of `zone`. `heads`: files that get the
        signed head after each run.
        """
        self._door, self._keeping, self._signer, self._alone = door, keeping, signer, alone
        self._at, self._zone, self._heads, self._look_every_s = at, zone, heads, look_every_s
        self._log_looked_at: datetime | None = None

    async def run(self) -> None:
        """Until cancelled. A run that fails is tried again, and the auditor says so when none succeeds."""
        await self._alone("keeping", self._look_for_ever)

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(
                self._look_every_s
            )  # first of all: a start, as after a crash, has more urgent things to do
            try:
                await self.look()
                await self.look_at_log()
            except Exception as error:
                log.error("keeping.failed", error=type(error).__name__)

    async def look(self) -> bool:
        """Do what is due; False when nothing is."""
        runs, now = await self._door.read(lambda uow: (uow.keeping.runs(RUNS_LOOKED_AT), uow.now))
        if not is_due(runs, scheduled_at(self._at, self._zone, now), now):
            return False
        done = await self._keeping.run(self._door)
        removed = sum(one.removed for one in done.found)
        log.info("keeping.done", removed=removed, left=sum(one.left for one in done.found), clean=done.clean)
        await self._keep_head()
        return True

    async def look_at_log(self) -> bool:
        """Check the audit log when an hour has passed, and note for the auditor how it stands; False when it is not time yet."""
        now = await self._door.read(lambda uow: uow.now)
        if self._log_looked_at is not None and now - self._log_looked_at < LOG_LOOKED_AT_EVERY:
            return False
        holds = await self._log_holds() or await self._log_holds()  # a handover between two of its reads is no finding
        await self._door.run(audit_looked_at, holds)
        self._log_looked_at = now
        return True

    async def _log_holds(self) -> bool:
        """Nothing is wrong with it but what somebody has acknowledged. What cannot even be checked does not hold."""
        try:
            report = await check_log(self._door, self._signer.keys)
        except StorageUnavailable:
            raise
        except Exception as error:
            log.error("audit.unreadable", error=type(error).__name__)
            return False
        if report.flaws:
            log.error("audit.changed", problems=len(report.flaws), known=len(report.known))
        return not report.flaws

    async def _keep_head(self) -> None:
        head = await self._door.run(self._signer.sign, None)
        if head is None:
            return
        for path in self._heads:
            try:
                await asyncio.to_thread(append_head, path, head)
            except OSError as error:
                log.error("keeping.head_not_kept", path=str(path), error=error.strerror)

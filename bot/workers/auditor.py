"""Looks every few seconds whether anything is later than it may be, and raises the alarm by a way of its own.

It shares nothing with what it watches but the database, and not even that is needed for an alarm: a database that does not answer
is one. When all is well it pings a dead-man switch outside, which rings when the pings stop: then it was the auditor who died.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from bot.alarm import Alarm
from bot.workers.gap_warning import GapWarning
from handlers.health import Looked, keep_watched
from handlers.ports import Door, Presence
from handlers.rules.roster import Gap
from handlers.watching import AUDIT_CHANGED, NO_BEAT_FOR, PARTS, Finding, findings

log = structlog.get_logger()

LOOK_EVERY_S = 5.0
SETTLES_S = 10.0  # a finding must last so long: what is being caught up with is no alarm
SAY_AGAIN_S = 600.0
PING_EVERY_S = 60.0
SAY_STATE_EVERY_S = 15.0  # written down for the status page and the metrics of the others
NO_DATABASE = "no-database"
NOBODY_AT_DESK = "nobody-at-desk"
NO_REASON_FOR_SILENCE = frozenset({AUDIT_CHANGED})
"""What was written into the log cannot be undone; a ping that stops for good would tell nobody that people wait."""


class Auditor:
    """One watcher. `living`: the parts that work in this very process (role `all`); None: signs of life in the database count."""

    def __init__(
        self,
        door: Door,
        alarm: Alarm,
        presence: Presence,
        *,
        living: Callable[[float], frozenset[str]] | None = None,
        look_every_s: float = LOOK_EVERY_S,
        settles_s: float = SETTLES_S,
        ping_every_s: float = PING_EVERY_S,
        gap_ahead: Callable[[datetime], Gap | None] | None = None,
    ) -> None:
        """`alarm` is the way out; the times are in seconds; `gap_ahead`: where the roster is asked for its next gap."""
        self._gaps = GapWarning(gap_ahead, alarm) if gap_ahead is not None else None
        self._door, self._alarm, self._presence, self._living = door, alarm, presence, living
        self._look_every_s, self._settles_s, self._ping_every_s = look_every_s, settles_s, ping_every_s
        self._since: dict[str, float] = {}  # code -> since when it is found, monotonic
        self._told: frozenset[str] = frozenset()
        self._told_at = 0.0
        self._pinged_at = -ping_every_s
        self._arrived_at: float | None = None  # the last ping that arrived
        self._said: tuple[object, ...] = ()
        self._said_at = 0.0

    async def run(self) -> None:
        """Until cancelled. Whatever goes wrong in a look is a finding, never an end."""
        while True:
            await self.look()
            await self._say_state()
            await asyncio.sleep(self._look_every_s)

    def state(self) -> Looked:
        """What this auditor says of itself."""
        pinged_s = None if self._arrived_at is None else time.monotonic() - self._arrived_at
        told = tuple(sorted(self._told))
        return Looked(told=told, alarm=self._alarm.alarm, ping=self._alarm.ping_state, pinged_s=pinged_s)

    async def _say_state(self) -> None:
        """Write it down, at once when it has changed. A database that does not take it is a finding already."""
        state, now = self.state(), time.monotonic()
        said = (state.told, state.alarm, state.ping)
        if said == self._said and now - self._said_at < SAY_STATE_EVERY_S:
            return
        try:
            await self._door.run(keep_watched, state)
        except Exception as error:
            log.warning("auditor.state_not_kept", error=type(error).__name__)
            return
        self._said, self._said_at = said, now

    async def look(self) -> list[Finding]:
        """One look: what is wrong now and has been for a while; told when that has changed or lasts."""
        found = await self._found()
        now = time.monotonic()
        self._since = {one.code: self._since.get(one.code, now) for one in found}
        lasting = [one for one in found if now - self._since[one.code] >= self._settles_s]
        await self._tell(lasting, now)
        served = all(one.code in NO_REASON_FOR_SILENCE for one in found)
        if served and now - self._pinged_at >= self._ping_every_s:
            self._pinged_at = now
            if await self._alarm.ping():
                self._arrived_at = time.monotonic()
        return lasting

    async def _found(self) -> list[Finding]:
        try:
            now, found = await self._door.read(
                lambda uow: (uow.now, findings(uow, PARTS if self._living is None else ()))
            )
        except Exception as error:
            log.error("auditor.no_database", error=type(error).__name__)
            return [Finding(NO_DATABASE, 1, 0)]
        if self._gaps is not None:
            await self._gaps.look(now)
        if self._living is not None:
            silent = frozenset(PARTS) - self._living(NO_BEAT_FOR.total_seconds())
            found += [Finding(f"no-{part}", 1, 0) for part in sorted(silent)]
        if any(one.code == "nobody-paged" for one in found) and not self._presence.who():
            found.append(Finding(NOBODY_AT_DESK, 1, 0))
        return found

    async def _tell(self, lasting: Sequence[Finding], now: float) -> None:
        codes = frozenset(one.code for one in lasting)
        if codes == self._told and (not codes or now - self._told_at < SAY_AGAIN_S):
            return
        if await self._alarm.send("alarm" if codes else "over", lasting):
            self._told, self._told_at = codes, now

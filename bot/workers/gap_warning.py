"""Says a day and two hours before nobody is on duty by plan that the roster has a gap, by the auditor's way out. No names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.alarm import Alarm
from handlers.rules.roster import SAY_GAP_AHEAD, Gap
from handlers.watching import Finding

ROSTER_GAP = "roster-gap"
_NOW = timedelta(0)


class GapWarning:
    """What has been said already; a restart says it again."""

    def __init__(self, gap_ahead: Callable[[datetime], Gap | None], alarm: Alarm) -> None:
        """`gap_ahead`: the first gap within a day of a moment (`handlers.duty.Duty`)."""
        self._gap_ahead, self._alarm = gap_ahead, alarm
        self._said: set[tuple[datetime | None, timedelta]] = set()

    async def look(self, now: datetime) -> None:
        """Say what is due; what does not arrive is said again at the next look."""
        due = self._due(now)
        if due is None:
            return
        begins_at, within, ahead = due
        if await self._alarm.send("notice", [Finding(ROSTER_GAP, 1, -round(ahead.total_seconds()))]):
            self._said.add((begins_at, within))

    def _due(self, now: datetime) -> tuple[datetime | None, timedelta, timedelta] | None:
        gap = self._gap_ahead(now)
        if gap is None:
            self._said.clear()
            return None
        ahead = gap.period.begins_at - now
        if ahead <= _NOW:  # it has begun: said once, and what was said of its beginning is of no use any more
            self._said = {one for one in self._said if one[0] is None}
            key: tuple[datetime | None, timedelta] = (None, _NOW)
            return None if key in self._said else (*key, _NOW)
        self._said.discard((None, _NOW))
        within = min(within for within in SAY_GAP_AHEAD if ahead <= within)
        return None if (gap.period.begins_at, within) in self._said else (gap.period.begins_at, within, ahead)

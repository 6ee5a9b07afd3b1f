"""Who is on duty when: weekly shifts, holidays, gaps. Pure: the roster is a value, the time an argument.

Shifts and holidays are written in the local time of the roster; every answer is in UTC. A shift that ends at or before its
beginning runs over midnight (equal times: the whole day round). A holiday replaces all shifts that begin on its date.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from handlers.rules.ladder import BACKUP, ON_DUTY, SUPERVISOR

ROSTER_RUNGS = (ON_DUTY, BACKUP, SUPERVISOR)
LOOK_AHEAD = timedelta(days=30)
SAY_GAP_AHEAD = (timedelta(hours=24), timedelta(hours=2))
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One weekly shift: on these days (0 is Monday) these people, by sign-in name, stand on this rung."""

    rung: str
    days: frozenset[int]
    begins: time
    ends: time
    staff: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """One date whose shifts are these instead (their `days` are ignored); none at all: nobody is on duty."""

    day: date
    shifts: tuple[Shift, ...] = ()


@dataclass(frozen=True, slots=True)
class Period:
    """A time from `begins_at` up to, not including, `ends_at`."""

    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody stands on the rung during this time."""

    rung: str
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The duty roster of one desk."""

    zone: tzinfo
    shifts: tuple[Shift, ...]
    holidays: tuple[Holiday, ...] = ()

    def on_rung(self, rung: str, at: datetime) -> frozenset[str]:
        """Sign-in names (casefolded) on this rung at `at`."""
        return frozenset(
            name.casefold()
            for period, shift in self._around(at, at)
            if shift.rung == rung and period.begins_at <= at < period.ends_at
            for name in shift.staff
        )

    def next_change(self, name: str, at: datetime) -> datetime | None:
        """When the next shift of this person begins or ends after `at`, within 30 days; None when none does."""
        wanted = name.casefold()
        edges = [
            edge
            for period, shift in self._around(at, at + LOOK_AHEAD)
            if wanted in {one.casefold() for one in shift.staff}
            for edge in (period.begins_at, period.ends_at)
            if edge > at
        ]
        return min(edges, default=None)

    def edges(self, begins_at: datetime, ends_at: datetime) -> list[datetime]:
        """Every moment within (begins_at, ends_at) at which any shift begins or ends, in order."""
        found = {
            edge
            for period, _ in self._around(begins_at, ends_at)
            for edge in (period.begins_at, period.ends_at)
            if begins_at < edge < ends_at
        }
        return sorted(found)

    def gaps(self, begins_at: datetime, ends_at: datetime, rung: str = ON_DUTY) -> list[Gap]:
        """The times within [begins_at, ends_at) in which nobody is on this rung, joined, in order."""
        marks = [begins_at, *self.edges(begins_at, ends_at), ends_at]
        gaps: list[Gap] = []
        for start, stop in itertools.pairwise(marks):
            if start >= stop or self.on_rung(rung, start):
                continue
            if gaps and gaps[-1].period.ends_at == start:
                gaps[-1] = Gap(rung, Period(gaps[-1].period.begins_at, stop))
            else:
                gaps.append(Gap(rung, Period(start, stop)))
        return gaps

    def gap_ahead(self, at: datetime, within: timedelta = SAY_GAP_AHEAD[0]) -> Gap | None:
        """The first gap of the first rung that touches the time from now until `within`."""
        return next(iter(self.gaps(at, at + within)), None)

    def names(self) -> frozenset[str]:
        """Every sign-in name the roster mentions, as written."""
        everywhere = [*self.shifts, *(shift for holiday in self.holidays for shift in holiday.shifts)]
        return frozenset(name for shift in everywhere for name in shift.staff)

    def unknown(self, known: Collection[str]) -> list[str]:
        """Names of the roster that are nobody's sign-in name, in order."""
        sign_ins = {name.casefold() for name in known}
        return sorted(name for name in self.names() if name.casefold() not in sign_ins)

    def _around(self, begins_at: datetime, ends_at: datetime) -> Iterator[tuple[Period, Shift]]:
        """Every shift that may touch [begins_at, ends_at], with its time in UTC."""
        replaced = {holiday.day: holiday.shifts for holiday in self.holidays}
        day = begins_at.astimezone(self.zone).date() - _DAY
        last = ends_at.astimezone(self.zone).date()
        while day <= last:
            weekly = tuple(shift for shift in self.shifts if day.weekday() in shift.days)
            for shift in replaced.get(day, weekly):
                yield self._period(day, shift), shift
            day += _DAY

    def _period(self, day: date, shift: Shift) -> Period:
        last = day if shift.ends > shift.begins else day + _DAY
        begins = datetime.combine(day, shift.begins, self.zone)
        return Period(begins.astimezone(UTC), datetime.combine(last, shift.ends, self.zone).astimezone(UTC))

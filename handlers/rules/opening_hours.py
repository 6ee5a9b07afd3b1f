"""Opening hours as the directory's editors write them: `Mo-Fr 07:30-11:30,13:30-17:00; Sa 08:00-11:00; PH off`, `24/7`, or empty.

A small, strict part of the notation OpenStreetMap uses, so that hours can be copied from there and back. `PH` is a public
holiday: a rule for it replaces the weekday's. Without one nobody knows whether the place is open on a holiday, and we say so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
HOLIDAY = "PH"
OFF = "off"
ALWAYS = "24/7"
NIGHT = (22 * 60, 6 * 60)
"""What `directory check` calls the night, from and to in minutes: when somebody is most alone and offices are closed."""
_RULE = re.compile(r"(?P<days>[A-Za-z,-]+) (?P<times>[0-9:,-]+|off)")
_TIMES = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When a service is open in a week, and on public holidays when that is said."""

    spans: tuple[tuple[int, int, int], ...]  # (weekday, first minute, minute after the last), local time
    always: bool = False
    holiday: tuple[tuple[int, int], ...] | None = None  # spans of a public holiday; None: not said

    def open_at(self, now_local: datetime, *, holiday: bool = False) -> bool | None:
        """Open at this local time? None on a public holiday for which no hours are written."""
        if self.always:
            return True
        minute = now_local.hour * 60 + now_local.minute
        if holiday:
            return None if self.holiday is None else any(first <= minute < last for first, last in self.holiday)
        return self._open_in_week(now_local.weekday(), minute)

    def covers_night(self) -> bool:
        """Open all night (`NIGHT`), every night of the week, as far as whole half hours tell."""
        night = [minute % _DAY_MINUTES for minute in range(NIGHT[0], NIGHT[1] + _DAY_MINUTES, 30)]
        return self.always or all(self._open_in_week(day, minute) for day in range(7) for minute in night)

    def _open_in_week(self, weekday: int, minute: int) -> bool:
        return any(day == weekday and first <= minute < last for day, first, last in self.spans)


@lru_cache(maxsize=512)
def parse_hours(text: str) -> OpeningHours | None:
    """Read opening hours; None for an empty text (not known).

    Raises:
        ValueError: not in the notation above. The text is the directory's own, so the message may show it.
    """
    text = text.strip()
    if not text:
        return None
    if text == ALWAYS:
        return OpeningHours((), always=True)
    spans: list[tuple[int, int, int]] = []
    holiday: tuple[tuple[int, int], ...] | None = None
    for rule in text.split(";"):
        match = _RULE.fullmatch(rule.strip())
        if match is None:
            raise ValueError(
                f"opening hours {rule.strip()!r}: write for example Mo-Fr 07:30-11:30,13:30-17:00; PH off, or 24/7"
            )
        times = [] if match["times"] == OFF else [time for part in match["times"].split(",") for time in _times(part)]
        if match["days"] == HOLIDAY:
            if any(start > end for start, end in times):
                raise ValueError("opening hours: a holiday's hours end on the same day")
            holiday = tuple(sorted(times))
            continue
        days = [day for part in match["days"].split(",") for day in _days(part)]
        spans = [span for span in spans if span[0] not in days] if not times else spans + _over_midnight(days, times)
    return OpeningHours(tuple(sorted(spans)), holiday=holiday)


def _days(part: str) -> list[int]:
    first, _, last = part.partition("-")
    if first not in DAYS or (last or first) not in DAYS:
        raise ValueError(f"opening hours: {part!r} is no day; use Mo Tu We Th Fr Sa Su, or PH alone")
    start, end = DAYS.index(first), DAYS.index(last or first)
    return [day % 7 for day in range(start, end + 1 if end >= start else end + 8)]


def _times(part: str) -> list[tuple[int, int]]:
    match = _TIMES.fullmatch(part)
    if match is None:
        raise ValueError(f"opening hours: {part!r} is no span of time; write for example 07:30-11:30")
    start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if end > _DAY_MINUTES or start == end:
        raise ValueError(f"opening hours: {part!r} does not fit into a day")
    return [(start, end)]


def _over_midnight(days: list[int], times: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """A span such as 22:00-06:00 ends on the next day."""
    spans: list[tuple[int, int, int]] = []
    for day in days:
        for start, end in times:
            if start < end:
                spans.append((day, start, end))
            else:
                spans += [(day, start, _DAY_MINUTES), ((day + 1) % 7, 0, end)]
    return [span for span in spans if span[1] < span[2]]

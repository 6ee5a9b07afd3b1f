"""Days as people write them: "hôm qua", "5/11", "ngày 5 tháng 11 năm 2026", "3 ngày trước".

A day that cannot be told for sure (lunar dates, two days in one answer, the wrong side of today) is no answer.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

from flows.text import fold

_OFFSETS: tuple[tuple[str, int], ...] = (
    (r"(?:hom|sang|trua|chieu|toi|dem) nay", 0),
    (r"(?:hom|toi|dem|chieu|sang|ngay) qua", -1),
    (r"(?:hom|toi|dem|chieu|sang) kia", -2),
    (r"(?:ngay|sang|chieu|toi) mai|mai", 1),
    (r"ngay kia", 2),
)
_DAYS_AGO = re.compile(
    r"(\d{1,3}|mot|hai|ba|bon|nam|sau|bay) (?:ngay|hom) (truoc|nua|toi)|cach day (\d{1,3}|mot|hai|ba|bon|nam|sau|bay) ngay"
)
_NUMBERS = {"mot": 1, "hai": 2, "ba": 3, "bon": 4, "nam": 5, "sau": 6, "bay": 7}
_WRITTEN = re.compile(r"(?<!\d)(\d{1,2})\s*[/.-]\s*(\d{1,2})(?:\s*[/.-]\s*(\d{4}|\d{2}))?(?!\d)")
_IN_WORDS = re.compile(r"(?<!\d)(\d{1,2}) thang (\d{1,2})(?: (?:nam )?(\d{4}))?(?!\d)")
_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_LUNAR = re.compile(r"\b(?:am lich|al|tet|mung|mong|ram)\b")


def today(now: datetime, utc_offset: str) -> date:
    """The day it is where the service lives; `utc_offset` is written "+07:00"."""
    hours, minutes = int(utc_offset[1:3]), int(utc_offset[4:])
    sign = -1 if utc_offset[0] == "-" else 1
    return now.astimezone(timezone(sign * timedelta(hours=hours, minutes=minutes))).date()


def day_meant(text: str, today: date, side: str) -> str | None:
    """The one day of an answer as "YYYY-MM-DD", on the `side` of today ("past" and "future" include today); else None."""
    folded = fold(text[:200])
    if not folded or _LUNAR.search(folded):
        return None
    found = {*_relative(folded, today), *_written(text[:200], folded, today, side)}
    if len(found) != 1:
        return None
    (day,) = found
    if (side == "past" and day > today) or (side == "future" and day < today):
        return None
    return day.isoformat()


def _relative(folded: str, today: date) -> set[date]:
    counted = _DAYS_AGO.search(folded)
    if counted is not None:
        number = counted[1] or counted[3]
        days = _NUMBERS.get(number) or int(number)
        return {today + timedelta(days=days if counted[2] in ("nua", "toi") else -days)}
    return {today + timedelta(days=days) for words, days in _OFFSETS if re.search(rf"\b(?:{words})\b", folded)}


def _written(text: str, folded: str, today: date, side: str) -> set[date]:
    found = {_day(int(one[3]), int(one[2]), one[1], today, side) for one in _ISO.finditer(text)}
    rest = _ISO.sub(" ", text)
    found |= {_day(int(one[1]), int(one[2]), one[3], today, side) for one in _WRITTEN.finditer(rest)}
    found |= {_day(int(one[1]), int(one[2]), one[3], today, side) for one in _IN_WORDS.finditer(folded)}
    return {day for day in found if day is not None}


def _day(day: int, month: int, year: str | None, today: date, side: str) -> date | None:
    """A day; without a year the nearest on the side that is asked for. None when there is no such day."""
    if year is not None:
        return _date(int(year) + (2000 if len(year) == 2 else 0), month, day)
    years = (today.year, today.year - 1, today.year + 1)
    days = [one for one in (_date(year, month, day) for year in years) if one is not None]
    if side == "past":
        days = [one for one in days if one <= today]
    elif side == "future":
        days = [one for one in days if one >= today]
    return min(days, key=lambda one: abs(one - today), default=None)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None

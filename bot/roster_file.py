"""`roster.yaml`, read strictly into `handlers.rules.roster.Roster`; every mistake is named with file, line and column."""

from __future__ import annotations

import re
from datetime import date, time, tzinfo
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from bot.config import ConfigError
from flows.source import parse
from handlers.rules.roster import Holiday, Roster, Shift

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY = {"every_day": DAYS, "weekdays": DAYS[:5], "weekend": DAYS[5:]}
_CLOCK = re.compile(r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
_DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")

_WORDS = {
    "extra_forbidden": "unknown key; see docs/roster.example.yaml for the known ones",
    "missing": "this key is needed here",
}


def _clock(written: object) -> object:
    if not isinstance(written, str) or not _CLOCK.match(written):
        raise ValueError("write a time of day like 07:00")
    return time.fromisoformat(written)


def _date(written: object) -> object:
    if not isinstance(written, str) or not _DAY.match(written):
        raise ValueError("write a date like 2027-02-06")
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise ValueError("there is no such date") from None


def _some(names: list[str]) -> list[str]:
    if not names:
        raise ValueError("name at least one person, or leave the shift out")
    return names


Clock = Annotated[time, BeforeValidator(_clock)]
Day = Annotated[date, BeforeValidator(_date)]
Rung = Literal["on_duty", "backup", "supervisor"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Names = Annotated[list[Name], AfterValidator(_some)]
DayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "every_day", "weekdays", "weekend"]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _WrittenTurn(_Written):
    """Who stands on which rung, from when to when."""

    rung: Rung
    begins: Clock
    ends: Clock
    staff: Names

    def shift(self, days: frozenset[int]) -> Shift:
        return Shift(rung=self.rung, days=days, begins=self.begins, ends=self.ends, staff=frozenset(self.staff))


class _WrittenShift(_WrittenTurn):
    days: list[DayName]


class _WrittenHoliday(_Written):
    day: Day
    shifts: list[_WrittenTurn] = []


class _WrittenRoster(_Written):
    shifts: list[_WrittenShift]
    holidays: list[_WrittenHoliday] = []


def load_roster(file: str, content: bytes, zone: tzinfo) -> Roster:
    """The roster written in `content`; times of day are those of `zone`. Raises ConfigError with every mistake."""
    source = parse(file, content)
    if source.findings:
        raise ConfigError([finding.in_language("en") for finding in source.findings])
    if not isinstance(source.tree, dict):
        raise ConfigError([f"{file}:1:1: a roster has the keys `shifts` and `holidays`; see docs/roster.example.yaml"])
    try:
        written = _WrittenRoster.model_validate(source.tree)
    except ValidationError as error:
        problems = []
        for item in error.errors(include_input=False, include_url=False):
            line, column = source.position(tuple(item["loc"]))
            where = ".".join(str(part) for part in item["loc"])
            said = _WORDS.get(item["type"], item["msg"].removeprefix("Value error, "))
            problems.append(f"{file}:{line}:{column}: {where}: {said}")
        raise ConfigError(problems) from None
    twice = _first_twice([holiday.day for holiday in written.holidays])
    if twice is not None:
        line, column = source.position(("holidays", twice))
        raise ConfigError([f"{file}:{line}:{column}: holidays.{twice}: this date is written twice; join the two"])
    return Roster(
        zone=zone,
        shifts=tuple(shift.shift(_days(shift.days)) for shift in written.shifts),
        holidays=tuple(
            Holiday(day=holiday.day, shifts=tuple(turn.shift(frozenset()) for turn in holiday.shifts))
            for holiday in written.holidays
        ),
    )


def _days(names: list[DayName]) -> frozenset[int]:
    return frozenset(DAYS.index(day) for name in names for day in EVERY.get(name, (name,)))


def _first_twice(days: list[date]) -> int | None:
    return next((index for index, day in enumerate(days) if day in days[:index]), None)

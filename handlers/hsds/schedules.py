"""Opening hours as HSDS schedules (RFC 5545 rules, one for each span of a day), and back when they are simply weekly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from handlers.rules.opening_hours import ALWAYS, DAYS, parse_hours

_OFFSET = "+07:00"
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)(?::00)?(?:Z|[+-]\d{2}:\d{2})?")
_LIMITS = ("valid_from", "valid_to", "dtstart", "until", "count", "byweekno", "bymonthday", "byyearday")


def schedules_of(hours: str, new_id: Callable[[int], str]) -> list[dict[str, Any]]:
    """One schedule for each span, with the days it holds for; none when the hours are not known. Holidays are left to notes."""
    parsed = parse_hours(hours)
    if parsed is None:
        return []
    spans = [(day, 0, 24 * 60) for day in range(7)] if parsed.always else list(parsed.spans)
    days_of: dict[tuple[int, int], list[int]] = {}
    for day, first, last in spans:
        days_of.setdefault((first, last), []).append(day)
    return [
        {
            "id": new_id(number),
            "freq": "WEEKLY",
            "byday": ",".join(DAYS[day].upper() for day in sorted(days)),
            "opens_at": f"{_clock(first)}{_OFFSET}",
            "closes_at": f"{_clock(last)}{_OFFSET}",
            "timezone": 7,
            "description": hours,
        }
        for number, ((first, last), days) in enumerate(sorted(days_of.items()))
    ]


def hours_from(schedules: Sequence[Mapping[str, Any]], ours: str) -> tuple[str, bool]:
    """The hours in our notation, and whether something could not be read. `ours`: the hours as we wrote them ourselves."""
    if ours:
        return ours, False
    rules = [_rule(schedule) for schedule in schedules]
    read = [rule for rule in rules if rule]
    if len(read) != len(rules):
        return "", bool(rules)  # part of the truth would be worse than none: she would stand before a closed door
    text = "; ".join(read)
    return (ALWAYS, False) if text == "Mo,Tu,We,Th,Fr,Sa,Su 00:00-24:00" else (text, False)


def _rule(schedule: Mapping[str, Any]) -> str:
    """One weekly rule, or "" for anything else."""
    if schedule.get("freq") != "WEEKLY" or schedule.get("interval") not in (None, 1):
        return ""
    if any(schedule.get(name) for name in _LIMITS):
        return ""
    days = [part.strip().capitalize() for part in str(schedule.get("byday", "")).split(",")]
    opens, closes = _read_clock(schedule.get("opens_at")), _read_clock(schedule.get("closes_at"))
    if not days or not set(days) <= set(DAYS) or not opens or not closes or opens == closes:
        return ""
    rule = f"{','.join(days)} {opens}-{closes}"
    try:
        parse_hours(rule)
    except ValueError:
        return ""
    return rule


def _read_clock(written: object) -> str:
    match = _CLOCK.fullmatch(str(written))
    return f"{match[1]}:{match[2]}" if match else ""


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"

"""A service of the directory: what is known of it, how long that holds, and its form as a flat row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from handlers.rules.opening_hours import ALWAYS, parse_hours
from handlers.rules.places_text import word_set

STALE_AFTER = timedelta(days=180)
"""An entry whose last check is older counts as unverified: its phone hides, and its owner is reminded."""

KINDS = word_set(
    """shelter trusted_address safe_house hospital health_centre health_station police border_post commune_committee
    legal_aid social_work womens_union club hotline school union"""
)
NEEDS = word_set("medical specialist_care sexual_violence_care police shelter legal counselling social child work")
SECRET_KINDS = frozenset({"shelter", "trusted_address", "safe_house"})
"""Where somebody may be hiding: always `staff_only`."""
PUBLIC_KINDS = frozenset({"hospital", "health_centre", "health_station", "police", "border_post", "commune_committee"})
"""Public buildings: shown, without phone and marked, also before anybody has verified them."""
RETIRED_PHONES = frozenset({"18001567"})
"""Numbers that answer no more, though lists still carry them (1800 1567 became 111)."""


class Disclosure(StrEnum):
    """Who may learn of a service."""

    PUBLIC = "public"  # seekers and staff
    STAFF_ONLY = "staff_only"  # staff alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One place or line that helps. Times are local; the point is in degrees; unknown is empty or None, never guessed."""

    id: str
    name: str
    kind: str  # one of KINDS
    needs: frozenset[str] = frozenset()  # what it really offers, of NEEDS
    takes: frozenset[str] = frozenset()  # whom it takes: women, men, children …; empty: not said
    languages: frozenset[str] = frozenset()
    hours: str = ""  # see rules/opening_hours.py
    phones: tuple[str, ...] = ()
    commune: str = ""  # post-2025 code, also outside Lai Châu
    commune_name: str = ""  # "xã Bình Lư"
    province: str = ""
    point: tuple[float, float] | None = None
    capacity: int | None = None
    disclosure: Disclosure = Disclosure.STAFF_ONLY
    verified_on: date | None = None
    verified_by: str = ""  # office or role, never a person's name
    source: str = ""
    confidence: str = ""
    point_source: str = ""

    @property
    def always_open(self) -> bool:
        """Open day and night."""
        return self.hours == ALWAYS

    def open_at(self, now_local: datetime) -> bool | None:
        """Open at this local time? None when the hours are not known."""
        hours = parse_hours(self.hours)
        return None if hours is None else hours.open_at(now_local)

    def verified_at(self, today: date) -> bool:
        """Whether somebody has checked it within `STALE_AFTER`. A check dated in the future does not count."""
        if self.verified_on is None or not self.verified_by:
            return False
        return timedelta(0) <= today - self.verified_on <= STALE_AFTER

    def shown_to_seekers(self, today: date) -> bool:
        """Public, and either checked lately or a public building."""
        return self.disclosure is Disclosure.PUBLIC and (self.verified_at(today) or self.kind in PUBLIC_KINDS)

    def to_row(self) -> dict[str, str]:
        """As a flat row of texts, for the store and for CSV; lists are joined with `|`."""
        lat, lon = ("", "") if self.point is None else (str(self.point[0]), str(self.point[1]))
        return {
            "id": self.id, "name": self.name, "kind": self.kind, "needs": "|".join(sorted(self.needs)),
            "takes": "|".join(sorted(self.takes)), "languages": "|".join(sorted(self.languages)), "hours": self.hours,
            "phones": "|".join(self.phones), "commune": self.commune, "commune_name": self.commune_name,
            "province": self.province, "lat": lat, "lon": lon,
            "capacity": "" if self.capacity is None else str(self.capacity), "disclosure": self.disclosure.value,
            "verified_on": "" if self.verified_on is None else self.verified_on.isoformat(),
            "verified_by": self.verified_by, "source": self.source, "confidence": self.confidence,
            "point_source": self.point_source,
        }  # fmt: skip

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> Service:
        """Read a row of `to_row`; missing columns are empty, and without `disclosure` it is for staff only.

        Raises:
            ValueError: naming the service's id, the column and what would be right.
        """
        service_id = row.get("id", "").strip()
        try:
            return _from_row(service_id, row)
        except ValueError as wrong:
            raise ValueError(f"service {service_id or '(no id)'}: {wrong}") from wrong


def _from_row(service_id: str, row: Mapping[str, str]) -> Service:
    def cell(name: str) -> str:
        return (row.get(name) or "").strip()

    if not service_id or not cell("name"):
        raise ValueError("id and name must be filled")
    parse_hours(cell("hours"))
    kind = _one_of("kind", cell("kind"), KINDS)
    disclosure = Disclosure(_one_of("disclosure", cell("disclosure") or "staff_only", frozenset(Disclosure)))
    if kind in SECRET_KINDS and disclosure is not Disclosure.STAFF_ONLY:
        raise ValueError(f"disclosure: a {kind} is staff_only; nobody may learn where people hide")
    return Service(
        id=service_id, name=cell("name"), kind=kind,
        needs=frozenset(_one_of("needs", need, NEEDS) for need in _list(cell("needs"))),
        takes=frozenset(_list(cell("takes"))), languages=frozenset(_list(cell("languages"))), hours=cell("hours"),
        phones=tuple(map(_phone, _list(cell("phones")))), commune=cell("commune"), commune_name=cell("commune_name"),
        province=cell("province"), point=_point(cell("lat"), cell("lon")), capacity=_capacity(cell("capacity")),
        disclosure=disclosure, verified_on=_day(cell("verified_on")), verified_by=cell("verified_by"),
        source=cell("source"), confidence=cell("confidence"), point_source=cell("point_source"),
    )  # fmt: skip


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split("|") if part.strip()]


def _one_of(column: str, value: str, allowed: frozenset[str]) -> str:
    if value not in allowed:
        raise ValueError(f"{column}: {value!r} is not known; use one of {', '.join(sorted(allowed))}")
    return value


def _phone(text: str) -> str:
    digits = "".join(text.replace(".", " ").split()).removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or not 3 <= len(digits) <= 15:
        raise ValueError("phones: only digits and blanks, 3 to 15 digits, several joined with |")
    if digits in RETIRED_PHONES:
        raise ValueError(f"phones: {digits} answers no more")
    return text


def _point(lat: str, lon: str) -> tuple[float, float] | None:
    if not lat and not lon:
        return None
    try:
        point = float(lat), float(lon)
    except ValueError:
        raise ValueError("lat, lon: both in degrees with a decimal point, or both empty") from None
    if not all(map(math.isfinite, point)) or abs(point[0]) > 90 or abs(point[1]) > 180:
        raise ValueError("lat, lon: no point on earth")
    return point


def _capacity(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError("capacity: a whole number, or empty")
    return int(text) if text else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError("verified_on: write the day as 2026-11-23") from None

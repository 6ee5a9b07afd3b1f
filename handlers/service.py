"""A service of the directory: what is known of it, how long that holds, and its form as a flat row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from handlers.rules.opening_hours import ALWAYS, parse_hours
from handlers.rules.places_text import word_set

STALE_AFTER = timedelta(days=180)
"""An entry whose last check is older counts as unverified: its phone hides, and its owner is reminded."""
FREE_HOLDS = timedelta(hours=24)
"""How long "so many places are free" is believed; after that only the capacity is known."""

KINDS = word_set(
    """shelter trusted_address safe_house hospital health_centre health_station police border_post commune_committee
    legal_aid social_work womens_union club hotline school union"""
)
NEEDS = word_set("medical specialist_care sexual_violence_care police shelter legal counselling social child work")
TAKES = word_set("women men children women_with_children boys_over_12 lgbt elderly disabled foreigners")
"""Whom a service may say it takes; an empty list says nothing, not everybody."""
SECRET_KINDS = frozenset({"shelter", "trusted_address", "safe_house"})
"""Where somebody may be hiding: always `staff_only`."""
PUBLIC_KINDS = frozenset({"hospital", "health_centre", "health_station", "police", "border_post", "commune_committee"})
"""Public buildings: shown, without phone and marked, also before anybody has verified them."""
RETIRED_PHONES = frozenset({"18001567"})
"""Numbers that answer no more, though lists still carry them (1800 1567 became 111)."""
EVERYWHERE = "*"
"""In `covers`: the service takes people from every commune of the table."""
MAX_ID_CHARS, MAX_TEXT_CHARS = 64, 2_000


class Disclosure(StrEnum):
    """Who may learn of a service."""

    PUBLIC = "public"  # seekers and staff
    STAFF_ONLY = "staff_only"  # staff alone


class Status(StrEnum):
    """Whether a service works at all; nothing is ever deleted from the directory."""

    ACTIVE = "active"
    PAUSED = "paused"  # closed for a while
    GONE = "gone"  # does not exist any more


class Cost(StrEnum):
    """What it costs her, as far as somebody has checked."""

    UNKNOWN = ""
    FREE = "free"
    INSURANCE = "insurance"  # less with a health insurance card
    PAID = "paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One place or line that helps. Times are local; the point is in degrees; unknown is empty or None, never guessed."""

    id: str
    name: str
    kind: str  # one of KINDS
    needs: frozenset[str] = frozenset()  # what it really offers, of NEEDS
    takes: frozenset[str] = frozenset()  # whom it takes, of TAKES; empty: not said
    languages: frozenset[str] = frozenset()  # ISO 639 codes: vi, hmn, tai …; empty: not said
    hours: str = ""  # see rules/opening_hours.py
    phones: tuple[str, ...] = ()
    email: str = ""
    url: str = ""
    address: str = ""
    commune: str = ""  # post-2025 code, also outside the province
    commune_name: str = ""  # "xã Bình Lư"
    province: str = ""
    covers: frozenset[str] = frozenset()  # communes whose people it takes; EVERYWHERE; empty: not said
    point: tuple[float, float] | None = None
    capacity: int | None = None  # places or beds in all
    free: int | None = None  # places free at `free_at`
    free_at: datetime | None = None
    cost: Cost = Cost.UNKNOWN
    about: str = ""  # for staff: how to get in, whom to ask for
    organization: str = ""  # who runs it, where that is another name
    disclosure: Disclosure = Disclosure.STAFF_ONLY
    status: Status = Status.ACTIVE
    verified_on: date | None = None
    verified_by: str = ""  # office or role, never a person's name
    source: str = ""
    confidence: str = ""
    point_source: str = ""
    hsds_service: str = ""  # ids under which another directory knows it
    hsds_organization: str = ""
    hsds_location: str = ""

    @property
    def working(self) -> bool:
        """Not closed for a while, and not gone."""
        return self.status is Status.ACTIVE

    @property
    def counts_places(self) -> bool:
        """Is there a number of beds or places that can be taken? Where one may hide or stay, and where somebody has said so."""
        return (
            self.kind in SECRET_KINDS or "shelter" in self.needs or self.capacity is not None or self.free is not None
        )

    @property
    def always_open(self) -> bool:
        """Open day and night."""
        return self.hours == ALWAYS

    @property
    def alike(self) -> tuple[str, datetime | None, frozenset[str]]:
        """Services with the same value here are open at the same times, and take people from the same communes."""
        return self.hours, self.free_at if self.free == 0 else None, self.covers

    def open_at(self, now_local: datetime, *, holiday: bool = False) -> bool | None:
        """Open, and not known to be full, at this local time? None when that is not known."""
        if self.full_at(now_local):
            return False
        hours = parse_hours(self.hours)
        return None if hours is None else hours.open_at(now_local, holiday=holiday)

    def free_now(self, now: datetime) -> int | None:
        """Places free, as somebody said within `FREE_HOLDS`; None when nobody did. `now` is aware."""
        if self.free is None or self.free_at is None:
            return None
        return self.free if timedelta(0) <= now - self.free_at <= FREE_HOLDS else None

    def full_at(self, now: datetime) -> bool:
        """Somebody said within `FREE_HOLDS` that there is no place left. A naive time cannot say that."""
        return now.tzinfo is not None and self.free_now(now) == 0

    @property
    def room(self) -> int:
        """Places to rank by: the free ones when some are, else all; 0 when unknown. Full is a matter of `open_at`."""
        return self.free or self.capacity or 0

    def verified_at(self, today: date) -> bool:
        """Whether somebody has checked it within `STALE_AFTER`. A check dated in the future does not count."""
        if self.verified_on is None or not self.verified_by:
            return False
        return timedelta(0) <= today - self.verified_on <= STALE_AFTER

    def shown_to_seekers(self, today: date) -> bool:
        """Public, working, and either checked lately or a public building. Where people hide is never shown."""
        public = self.disclosure is Disclosure.PUBLIC and self.kind not in SECRET_KINDS
        known = self.verified_at(today) or self.kind in PUBLIC_KINDS
        return public and known and self.working

    def turns_away(self, commune: str) -> bool:
        """Whether it says that it takes people from elsewhere only. Nothing is known of somebody whose commune is ""."""
        return bool(commune and self.covers) and not self.serves(commune)

    def serves(self, commune: str) -> bool:
        """Whether it says, or being in the commune implies, that it takes people from there."""
        return commune in self.covers or EVERYWHERE in self.covers or (not self.covers and self.commune == commune)

    def to_row(self) -> dict[str, str]:
        """As a flat row of texts, for the store and for CSV; lists are joined with `|`."""
        lat, lon = ("", "") if self.point is None else (str(self.point[0]), str(self.point[1]))
        return {
            "id": self.id, "name": self.name, "kind": self.kind, "needs": _joined(self.needs),
            "takes": _joined(self.takes), "languages": _joined(self.languages), "hours": self.hours,
            "phones": "|".join(self.phones), "email": self.email, "url": self.url, "address": self.address,
            "commune": self.commune, "commune_name": self.commune_name, "province": self.province,
            "covers": _joined(self.covers), "lat": lat, "lon": lon, "capacity": _figure(self.capacity),
            "free": _figure(self.free), "free_at": "" if self.free_at is None else self.free_at.isoformat(),
            "cost": self.cost.value, "about": self.about, "organization": self.organization,
            "disclosure": self.disclosure.value, "status": self.status.value,
            "verified_on": "" if self.verified_on is None else self.verified_on.isoformat(),
            "verified_by": self.verified_by, "source": self.source, "confidence": self.confidence,
            "point_source": self.point_source, "hsds_service": self.hsds_service,
            "hsds_organization": self.hsds_organization, "hsds_location": self.hsds_location,
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
        text = (row.get(name) or "").strip()
        if len(text) > MAX_TEXT_CHARS:
            raise ValueError(f"{name}: longer than {MAX_TEXT_CHARS} characters")
        return text

    if not service_id or not cell("name"):
        raise ValueError("id and name must be filled")
    if len(service_id) > MAX_ID_CHARS or not service_id.isprintable() or any(sign.isspace() for sign in service_id):
        raise ValueError(f"id: at most {MAX_ID_CHARS} characters, no blanks")
    parse_hours(cell("hours"))
    kind = _one_of("kind", cell("kind"), KINDS)
    disclosure = _enum(Disclosure, "disclosure", cell("disclosure") or "staff_only")
    if kind in SECRET_KINDS and disclosure is not Disclosure.STAFF_ONLY:
        raise ValueError(f"disclosure: a {kind} is staff_only; nobody may learn where people hide")
    return Service(
        id=service_id, name=cell("name"), kind=kind,
        needs=frozenset(_one_of("needs", need, NEEDS) for need in _list(cell("needs"))),
        takes=frozenset(_one_of("takes", whom, TAKES) for whom in _list(cell("takes"))),
        languages=frozenset(map(_language, _list(cell("languages")))), hours=cell("hours"),
        phones=tuple(map(_phone, _list(cell("phones")))), email=_email(cell("email")), url=_url(cell("url")),
        address=cell("address"), commune=_code(cell("commune")), commune_name=cell("commune_name"),
        province=cell("province"), covers=frozenset(map(_code, _list(cell("covers")))),
        point=_point(cell("lat"), cell("lon")), capacity=_count("capacity", cell("capacity")),
        free=_count("free", cell("free")), free_at=_moment(cell("free_at")), cost=_enum(Cost, "cost", cell("cost")),
        about=cell("about"), organization=cell("organization"), disclosure=disclosure,
        status=_enum(Status, "status", cell("status") or "active"), verified_on=_day(cell("verified_on")),
        verified_by=cell("verified_by"), source=cell("source"), confidence=cell("confidence"),
        point_source=cell("point_source"), hsds_service=_uuid("hsds_service", cell("hsds_service")),
        hsds_organization=_uuid("hsds_organization", cell("hsds_organization")),
        hsds_location=_uuid("hsds_location", cell("hsds_location")),
    )  # fmt: skip


E_ = TypeVar("E_", bound=StrEnum)


def _enum(kind: type[E_], column: str, value: str) -> E_:
    return kind(_one_of(column, value, frozenset(member.value for member in kind)))


def _joined(values: frozenset[str]) -> str:
    return "|".join(sorted(values))


def _figure(value: int | None) -> str:
    return "" if value is None else str(value)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split("|") if part.strip()]


def _one_of(column: str, value: str, allowed: frozenset[str]) -> str:
    if value not in allowed:
        raise ValueError(f"{column}: {value!r} is not known; use one of {', '.join(sorted(filter(None, allowed)))}")
    return value


def _language(text: str) -> str:
    if not (2 <= len(text) <= 3 and text.isascii() and text.islower() and text.isalpha()):
        raise ValueError(f"languages: {text!r} is no ISO 639 code such as vi or hmn")
    return text


def _phone(text: str) -> str:
    digits = "".join(text.replace(".", " ").split()).removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or not 3 <= len(digits) <= 15:
        raise ValueError("phones: only digits and blanks, 3 to 15 digits, several joined with |")
    if digits in RETIRED_PHONES:
        raise ValueError(f"phones: {digits} answers no more")
    return text


def _email(text: str) -> str:
    if text and (text.count("@") != 1 or text[0] == "@" or text[-1] == "@" or any(sign.isspace() for sign in text)):
        raise ValueError("email: write one address such as ten@noi.vn, or nothing")
    return text


def _url(text: str) -> str:
    if text and not text.startswith(("https://", "http://")):
        raise ValueError("url: begin with https://")
    return text


def _code(text: str) -> str:
    if text and text != EVERYWHERE and not (text.isascii() and text.isdigit() and len(text) == 5):
        raise ValueError(f"commune: {text!r} is no commune code of five digits")
    return text


def _uuid(column: str, text: str) -> str:
    try:
        return str(UUID(text)) if text else ""
    except ValueError:
        raise ValueError(f"{column}: no UUID") from None


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


def _count(column: str, text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise ValueError(f"{column}: a whole number, or empty")
    return int(text) if text else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError("verified_on: write the day as 2026-11-23") from None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        moment = None
    if text and (moment is None or moment.tzinfo is None):
        raise ValueError("free_at: write the moment with its offset, such as 2026-11-23T08:00:00+07:00")
    return None if moment is None else moment.astimezone(UTC)


COLUMNS: tuple[str, ...] = tuple(Service(id="x", name="x", kind="club").to_row())
"""The columns of a row, in the order of files."""

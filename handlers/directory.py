"""The service directory: who can help, where, when, and what of it a seeker may be told.

Two rules protect people here (invariants 5 and 8 of the design): what is `staff_only` never reaches a seeker, and a phone
number does so only while somebody's check of it is younger than `service.STALE_AFTER`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from handlers.rules.nearest import BandIndex, Ranked, rank
from handlers.rules.places import Gazetteer
from handlers.service import Service

__all__ = ["Directory", "Offer", "Say", "Service", "about_km", "describe", "find", "load_seed"]


class Say(Protocol):
    """Speaks a phrase of the content set (`Library.say`)."""

    def __call__(self, phrase_key: str, /, **values: str) -> str:
        """The phrase with its placeholders filled."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A service as one seeker may see it now."""

    ranked: Ranked[Service]
    phones: tuple[str, ...]  # empty unless verified
    verified: bool
    same_commune: bool
    elsewhere: str  # the province, when it is another one


class Directory:
    """All services, ready to be searched. Immutable; a changed directory is a new one."""

    def __init__(self, services: Iterable[Service]) -> None:
        self.services: tuple[Service, ...] = tuple(sorted(services, key=lambda service: service.id))
        self._ready: tuple[Gazetteer, date, BandIndex[Service]] | None = None

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, str]]) -> Directory:
        """From the rows of the store. Raises ValueError naming the first wrong one."""
        return cls(map(Service.from_row, rows))

    def stale(self, today: date) -> tuple[Service, ...]:
        """Entries once verified whose check is too old: for the nagging list."""
        return tuple(one for one in self.services if one.verified_on is not None and not one.verified_at(today))

    def index(self, gazetteer: Gazetteer, today: date) -> BandIndex[Service]:
        """What seekers may be shown today, indexed; a service without a point stands at its commune's centre."""
        if self._ready is None or self._ready[0] is not gazetteer or self._ready[1] != today:
            shown = (service for service in self.services if service.shown_to_seekers(today))
            self._ready = gazetteer, today, BandIndex((service, _point(service, gazetteer)) for service in shown)
        return self._ready[2]


def find(
    directory: Directory,
    gazetteer: Gazetteer,
    near: str,
    needs: Collection[str],
    now_local: datetime,
    limit: int = 3,
    *,
    at: tuple[float, float] | None = None,
) -> list[Offer]:
    """The services a seeker in commune `near` ("" when unknown) may be told of, best first; at most `limit`.

    Nothing `staff_only` is among them, and phones only where they are verified and fresh. `at` is a point to start from
    instead of the commune's centre, for staff tools; a seeker's point is dropped before anybody could pass it here.
    """
    today = now_local.date()
    centre = at or (gazetteer.centre(near) if near in gazetteer.codes else None)
    ranked = rank(directory.index(gazetteer, today), centre, needs, now_local, limit)
    return [_offer(one, gazetteer, near, today) for one in ranked]


def describe(offers: Sequence[Offer], say: Say) -> list[dict[str, str]]:
    """Each offer as `{"id", "name", "text"}`, the text in plain words, made of the content's phrases."""
    return [{"id": one.ranked.service.id, "name": one.ranked.service.name, "text": _text(one, say)} for one in offers]


def about_km(road_km: float) -> int:
    """An estimated distance said honestly: whole kilometres when short, steps of five beyond ten."""
    return max(1, round(road_km)) if road_km < 10 else 5 * round(road_km / 5)


def load_seed(files: Mapping[str, bytes]) -> tuple[Service, ...]:
    """The directory's seed: `services.csv`, and points from OpenStreetMap out of `osm.csv` (id, lat, lon, source).

    Keys may carry folders (`directory/services.csv`). Without `services.csv` the seed is empty.

    Raises:
        ValueError: file, line and what is wrong; also for an id that stands twice, or a point of no service.
    """
    by_name = {name.rsplit("/", 1)[-1]: content for name, content in files.items()}
    points = {row["id"]: row for row in _rows(by_name.get("osm.csv", b""))}
    services: dict[str, Service] = {}
    for line, row in enumerate(_rows(by_name.get("services.csv", b"")), start=2):
        point = points.pop(row.get("id", ""), None)
        if point is not None:
            row |= {"lat": point["lat"], "lon": point["lon"], "point_source": point["source"]}
        try:
            service = Service.from_row(row)
        except ValueError as wrong:
            raise ValueError(f"services.csv:{line}: {wrong}") from wrong
        if service.id in services:
            raise ValueError(f"services.csv:{line}: the id {service.id} stands twice")
        services[service.id] = service
    if points:
        raise ValueError(f"osm.csv: no service has the id {min(points)}")
    return tuple(services.values())


def _offer(ranked: Ranked[Service], gazetteer: Gazetteer, near: str, today: date) -> Offer:
    service = ranked.service
    verified = service.verified_at(today)
    elsewhere = service.province if service.commune and service.commune not in gazetteer.codes else ""
    phones = service.phones if verified else ()
    return Offer(ranked, phones, verified, bool(near) and service.commune == near, elsewhere)


def _text(offer: Offer, say: Say) -> str:
    service = offer.ranked.service
    where = [service.name, service.commune_name, f"tỉnh {offer.elsewhere}" if offer.elsewhere else ""]
    said: list[str] = []
    if offer.same_commune:
        said.append(say("service_same_commune"))
    elif offer.ranked.road_km is not None:
        said.append(say("service_about_km", km=str(about_km(offer.ranked.road_km))))
    said.append(say(_hours_phrase(offer)))
    if not offer.verified:
        said.append(say("service_unverified"))
    phones = f": {', '.join(offer.phones)}" if offer.phones else ""
    return f"{', '.join(part for part in where if part)}{phones} ({', '.join(said)})"


def _hours_phrase(offer: Offer) -> str:
    if offer.ranked.service.always_open:
        return "service_hours_247"
    return {True: "service_open", False: "service_closed", None: "service_hours_unknown"}[offer.ranked.open]


def _point(service: Service, gazetteer: Gazetteer) -> tuple[float, float] | None:
    if service.point is not None:
        return service.point
    return gazetteer.centre(service.commune) if service.commune in gazetteer.codes else None


def _rows(content: bytes) -> list[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    return [{key: value or "" for key, value in row.items() if isinstance(key, str)} for row in reader]

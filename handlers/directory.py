"""The service directory: who can help, where, when, and what of it a seeker may be told.

Two rules protect people here (invariants 5 and 8 of the design): what is `staff_only` never reaches a seeker, and a phone
number does so only while somebody's check of it is younger than `service.STALE_AFTER`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from handlers.rules.nearest import BandIndex, Ranked, Travel, rank
from handlers.rules.places import Gazetteer
from handlers.service import Service

__all__ = ["MOST_OFFERS", "Directory", "Offer", "Service", "find"]

MOST_OFFERS = 3
"""So many places at most are named to a seeker at once: more is no help to somebody who is frightened."""
_NO_TABLE: Mapping[str, Travel] = {}


@dataclass(frozen=True, slots=True)
class Offer:
    """A service as one person may see it now."""

    ranked: Ranked[Service]
    phones: tuple[str, ...]  # empty unless verified
    verified: bool
    same_commune: bool
    elsewhere: str  # the province, when it is another one
    full: bool = False  # somebody said so lately; what was said yesterday is no reason for what is closed today


class Directory:
    """All services, ready to be searched. Immutable; a changed directory is a new one."""

    def __init__(
        self,
        services: Iterable[Service],
        holidays: Collection[date] = (),
        travel: Mapping[str, Travel] = _NO_TABLE,
    ) -> None:
        """`holidays` are public holidays; `travel` gives, by commune, the minutes to services and other communes."""
        self.services: tuple[Service, ...] = tuple(sorted(services, key=lambda service: service.id))
        self.holidays = frozenset(holidays)
        self.travel = travel
        self._by_id = {service.id: service for service in self.services}
        self._ready: dict[bool, tuple[Gazetteer, date, BandIndex[Service]]] = {}

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, str]]) -> Directory:
        """From the rows of the store. Raises ValueError naming the first wrong one."""
        return cls(map(Service.from_row, rows))

    def get(self, service_id: str) -> Service | None:
        """The service with this id, or None."""
        return self._by_id.get(service_id)

    def stale(self, today: date) -> tuple[Service, ...]:
        """Entries once verified whose check is too old: for the nagging list."""
        return tuple(one for one in self.services if one.verified_on is not None and not one.verified_at(today))

    def index(self, gazetteer: Gazetteer, today: date, *, staff: bool = False) -> BandIndex[Service]:
        """What seekers (or `staff`) may be shown today, indexed; without a point it stands at its commune's centre."""
        ready = self._ready.get(staff)
        if ready is None or ready[0] is not gazetteer or ready[1] != today:
            shown = (one for one in self.services if (one.working if staff else one.shown_to_seekers(today)))
            ready = gazetteer, today, BandIndex((service, _point(service, gazetteer)) for service in shown)
            self._ready[staff] = ready
        return ready[2]

    def is_open(self, service: Service, now_local: datetime) -> bool | None:
        """Open, and not known to be full, at this local time? None when nobody knows."""
        return service.open_at(now_local, holiday=now_local.date() in self.holidays)


def find(
    directory: Directory,
    gazetteer: Gazetteer,
    near: str,
    needs: Collection[str],
    now_local: datetime,
    limit: int = MOST_OFFERS,
    *,
    at: tuple[float, float] | None = None,
    staff: bool = False,
) -> list[Offer]:
    """The services a seeker in commune `near` ("" when unknown) may be told of, best first; at most `limit`.

    Nothing `staff_only` is among them, nothing that takes people of other communes only (`covers`), and phones only where
    they are verified and fresh. `staff` finds for staff: also what is `staff_only`. `at` is a point to start from instead of
    the commune's centre, for staff tools; a seeker's point is dropped before anybody could pass it here.
    """
    today = now_local.date()
    centre = at or (gazetteer.centre(near) if near in gazetteer.codes else None)
    ranked = rank(
        directory.index(gazetteer, today, staff=staff),
        centre,
        needs,
        lambda service: directory.is_open(service, now_local),
        limit,
        {} if at else directory.travel.get(near, {}),
        lambda service: not service.turns_away(near),
    )
    return [_offer(one, gazetteer, near, now_local) for one in ranked]


def _offer(ranked: Ranked[Service], gazetteer: Gazetteer, near: str, now_local: datetime) -> Offer:
    service = ranked.service
    verified = service.verified_at(now_local.date())
    elsewhere = service.province if service.commune and service.commune not in gazetteer.codes else ""
    phones = service.phones if verified else ()
    here = bool(near) and service.commune == near
    return Offer(ranked, phones, verified, here, elsewhere, service.full_at(now_local))


def _point(service: Service, gazetteer: Gazetteer) -> tuple[float, float] | None:
    if service.point is not None:
        return service.point
    return gazetteer.centre(service.commune) if service.commune in gazetteer.codes else None

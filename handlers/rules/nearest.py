"""Which services come first for a seeker: fit for the need, then not closed, then time to get there, then room.

Pure: the place and the local time are given. The index is a list sorted by latitude, walked outwards in a widening band; it
answers in microseconds what a scan of 20 000 services would take many milliseconds for, and always the same as the scan.
"""

from __future__ import annotations

import heapq
import itertools
import math
from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeAlias, TypeVar

from handlers.rules.distance import KM_PER_DEGREE, distance_km

WINDING = 1.7
"""The mountain factor: kilometres of road per kilometre of straight line.

Why: between the valleys of Lai Châu the road follows rivers and passes; a straight line would call a place near that lies
behind a mountain. Source: none measured. It is our ASSUMPTION, a middle between main valleys (about 1.4) and ways over a
pass (above 2). Where the department gives travel times (`directory/travel.csv`), they count instead.
"""

SPEED_KMH = 30.0
"""Kilometres of road per hour, by motorbike or ambulance. An ASSUMPTION of ours too: it scales all times, orders none."""

TIME_STEP_MIN = 5
"""Times nearer to each other than this step (minutes) count as equal: the estimate is not finer, so room decides."""

UNSURE_MIN = 60
"""A place whose hours nobody has written down counts as so many minutes farther than one that is open.

Why: a door that is surely open is worth a longer way, but not any way. Without a limit one hospital far away that is open day
and night would come before the hospital of her own district. An ASSUMPTION of ours.
"""

Point: TypeAlias = tuple[float, float]
Travel: TypeAlias = Mapping[str, float]
"""Minutes from her commune, by the id of a service or the code of the commune a service stands in; the id counts first."""
_Key: TypeAlias = tuple[int, int, float, str]
_NOWHERE: Travel = {}


class Rankable(Protocol):
    """What ranking must know of a service."""

    @property
    def id(self) -> str:
        """Unique; the last word between equals, so that the order never depends on the order of rows."""

    @property
    def needs(self) -> frozenset[str]:
        """The needs it really serves."""

    @property
    def alike(self) -> Hashable:
        """Services for which this is equal are open at the same times and take the same people."""

    @property
    def room(self) -> int:
        """Places or beds to rank by; 0 when unknown."""

    @property
    def commune(self) -> str:
        """The commune it stands in, or ""."""


S = TypeVar("S", bound=Rankable)


@dataclass(frozen=True, slots=True)
class Ranked(Generic[S]):
    """A service in its place of the order, with what the order rests on."""

    service: S
    fits: int  # how many of the needs it serves, at least 1
    open: bool | None
    road_km: float | None  # estimated; None when either place is unknown
    minutes: float | None  # travel time
    measured: bool = False  # the time comes from the table of travel times; otherwise it is an estimate


@dataclass(frozen=True, slots=True)
class _Bucket(Generic[S]):
    """Services with the same needs and the same hours: open or closed together, fitting alike."""

    lats: tuple[float, ...]  # ascending
    placed: tuple[tuple[float, float, S], ...]  # (lat, lon, service) in the order of `lats`
    by_room: tuple[S, ...]  # all, most room first, for when her place is unknown
    unplaced: tuple[S, ...]  # without any point, most room first
    of_commune: Mapping[str, tuple[S, ...]]  # most room first
    by_id: Mapping[str, S] = field(repr=False)
    points: Mapping[str, Point] = field(repr=False)  # by service id

    @property
    def sample(self) -> S:
        """Any one of them: what it says of needs and hours holds for all."""
        return self.by_room[0]


@dataclass(frozen=True, slots=True)
class _Known(Generic[S]):
    """A bucket, and whether it is open at the moment of the question."""

    bucket: _Bucket[S]
    opened: bool | None

    @property
    def later_min(self) -> int:
        """By how much its services count as farther away."""
        return UNSURE_MIN if self.opened is None else 0


@dataclass(frozen=True, slots=True)
class _Found(Generic[S]):
    """A service on its way into the answer."""

    key: _Key
    service: S
    opened: bool | None
    km: float | None = None  # straight
    minutes: float | None = None
    measured: bool = False


class BandIndex(Generic[S]):
    """Services made ready for ranking. Immutable; building takes about 1 µs per service and sort step."""

    def __init__(self, services: Iterable[tuple[S, Point | None]]) -> None:
        grouped: dict[tuple[frozenset[str], Hashable], list[tuple[S, Point | None]]] = {}
        for service, point in services:
            grouped.setdefault((service.needs, service.alike), []).append((service, point))
        self._buckets: tuple[_Bucket[S], ...] = tuple(map(_bucket, grouped.values()))

    def classes(
        self, needs: Collection[str], is_open: Callable[[S], bool | None], takes: Callable[[S], bool]
    ) -> list[tuple[int, list[_Known[S]]]]:
        """Buckets that serve a need, together where they fit alike and are closed or are not; best class first."""
        found: dict[tuple[int, bool], tuple[int, list[_Known[S]]]] = {}
        for bucket in self._buckets:
            fits = len(bucket.sample.needs.intersection(needs))
            if fits and takes(bucket.sample):
                opened = is_open(bucket.sample)
                found.setdefault((-fits, opened is False), (fits, []))[1].append(_Known(bucket, opened))
        return [found[key] for key in sorted(found)]


def rank(
    index: BandIndex[S],
    near: Point | None,
    needs: Collection[str],
    is_open: Callable[[S], bool | None],
    limit: int,
    travel: Travel = _NOWHERE,
    takes: Callable[[S], bool] = lambda _: True,
) -> list[Ranked[S]]:
    """The first `limit` services for somebody at `near` (latitude, longitude in degrees; None when unknown).

    Services that serve none of the needs, or do not take her (`takes`), are left out. Order: more needs served; closed ones
    last (`is_open`); shorter time in steps of `TIME_STEP_MIN`, from `travel` where it says one and else estimated, and longer
    by `UNSURE_MIN` where it is not known whether it is open; more room; the shorter time itself; id. Those without a point
    or a time come last in their class, open ones first. `is_open` and `takes` must say the same of services whose `alike` is
    equal.
    """
    ranked: list[Ranked[S]] = []
    for fits, known in index.classes(needs, is_open, takes):
        wanted = limit - len(ranked)
        if wanted <= 0:
            break
        for one in _first(known, near, wanted, travel):
            road_km = None if one.km is None else one.km * WINDING
            ranked.append(Ranked(one.service, fits, one.opened, road_km, one.minutes, one.measured))
    return ranked


def estimated_minutes(km: float) -> float:
    """Travel time for a straight distance: the road winds, and nobody drives fast on it."""
    return km * WINDING / SPEED_KMH * 60


def time_step(minutes: float) -> int:
    """A travel time in steps of `TIME_STEP_MIN`."""
    return int(minutes / TIME_STEP_MIN)


def _first(known: Sequence[_Known[S]], near: Point | None, wanted: int, travel: Travel) -> list[_Found[S]]:
    """The best of one class, best first."""
    if near is None:
        return _without_time([(one, one.bucket.by_room) for one in known], wanted)
    best: list[_Found[S]] = []
    for one in known:
        if travel:
            _by_table(one, near, wanted, travel, best)
        _search(one, near, wanted, travel, best)
    rest = [(one, [two for two in one.bucket.unplaced if _told(two, travel) is None]) for one in known]
    return best + _without_time(rest, wanted - len(best))


def _without_time(known: Sequence[tuple[_Known[S], Sequence[S]]], wanted: int) -> list[_Found[S]]:
    """Those to which no time is known: open ones first, then the roomiest."""
    found: list[_Found[S]] = []
    for opened in (True, None, False):
        ordered = [services for one, services in known if one.opened is opened]
        merged = heapq.merge(*ordered, key=_room_key)
        left = max(0, wanted - len(found))
        found += [_Found((0, 0, 0.0, service.id), service, opened) for service in itertools.islice(merged, left)]
    return found


def _told(service: Rankable, travel: Travel) -> float | None:
    """The minutes to it that the table of travel times tells, or None."""
    minutes = travel.get(service.id)
    return travel.get(service.commune) if minutes is None else minutes


def _by_table(known: _Known[S], near: Point, wanted: int, travel: Travel, best: list[_Found[S]]) -> None:
    """Those the table knows. In one commune all take equally long, so only the roomiest can be among the best."""
    bucket = known.bucket

    def keep(service: S, minutes: float) -> None:
        point = bucket.points.get(service.id)
        km = None if point is None else distance_km(*near, *point)
        _keep(best, wanted, _found(known, service, km, minutes, measured=True))

    for where, minutes in travel.items():
        if where in bucket.by_id:
            keep(bucket.by_id[where], minutes)
        alike = (service for service in bucket.of_commune.get(where, ()) if service.id not in travel)
        for service in itertools.islice(alike, wanted):
            keep(service, minutes)


def _search(known: _Known[S], near: Point, wanted: int, travel: Travel, best: list[_Found[S]]) -> None:
    """Walk the bucket outwards from her latitude, keeping the `wanted` best; stop when latitude alone is too far."""
    bucket, later = known.bucket, known.later_min
    lat, lon = near
    above = bisect_left(bucket.lats, lat)
    below = above - 1
    while below >= 0 or above < len(bucket.lats):
        to_above = bucket.lats[above] - lat if above < len(bucket.lats) else math.inf
        to_below = lat - bucket.lats[below] if below >= 0 else math.inf
        at_least_km = min(to_above, to_below) * KM_PER_DEGREE * (1 - 1e-9)
        if len(best) == wanted and time_step(estimated_minutes(at_least_km) + later) > best[-1].key[0]:
            return
        if to_above <= to_below:
            placed, above = bucket.placed[above], above + 1
        else:
            placed, below = bucket.placed[below], below - 1
        km = distance_km(lat, lon, placed[0], placed[1])
        minutes = estimated_minutes(km)
        too_far = len(best) == wanted and time_step(minutes + later) > best[-1].key[0]
        if not too_far and not (travel and _told(placed[2], travel) is not None):
            _keep(best, wanted, _found(known, placed[2], km, minutes, measured=False))


def _found(known: _Known[S], service: S, km: float | None, minutes: float, *, measured: bool) -> _Found[S]:
    counted = minutes + known.later_min
    key = time_step(counted), -service.room, counted, service.id
    return _Found(key, service, known.opened, km, minutes, measured)


def _keep(best: list[_Found[S]], wanted: int, found: _Found[S]) -> None:
    insort(best, found, key=lambda kept: kept.key)
    del best[wanted:]


def _room_key(service: Rankable) -> tuple[int, str]:
    return -service.room, service.id


def _bucket(members: list[tuple[S, Point | None]]) -> _Bucket[S]:
    placed = [(point[0], point[1], service) for service, point in members if point is not None]
    placed.sort(key=lambda one: (one[0], one[2].id))
    by_room = sorted((service for service, _ in members), key=_room_key)
    of_commune: dict[str, list[S]] = {}
    for service in by_room:
        of_commune.setdefault(service.commune, []).append(service)
    return _Bucket(
        lats=tuple(one[0] for one in placed),
        placed=tuple(placed),
        by_room=tuple(by_room),
        unplaced=tuple(sorted((service for service, point in members if point is None), key=_room_key)),
        of_commune={commune: tuple(services) for commune, services in of_commune.items()},
        by_id={service.id: service for service in by_room},
        points={service.id: point for service, point in members if point is not None},
    )

"""Which services come first for a seeker: fit for the need, then open now, then time to get there, then room.

Pure: the place and the local time are given. The index is a list sorted by latitude, walked outwards in a widening band; it
answers in microseconds what a scan of 20 000 services would take many milliseconds for, and always the same as the scan.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
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


class BandIndex(Generic[S]):
    """Services made ready for ranking. Immutable; building takes about 1 µs per service and sort step."""

    def __init__(self, services: Iterable[tuple[S, Point | None]]) -> None:
        grouped: dict[tuple[frozenset[str], Hashable], list[tuple[S, Point | None]]] = {}
        for service, point in services:
            grouped.setdefault((service.needs, service.alike), []).append((service, point))
        self._buckets: tuple[_Bucket[S], ...] = tuple(map(_bucket, grouped.values()))

    def classes(
        self, needs: Collection[str], is_open: Callable[[S], bool | None], takes: Callable[[S], bool]
    ) -> list[tuple[int, bool | None, list[_Bucket[S]]]]:
        """Buckets that serve a need, together where they fit alike and are open alike; best class first."""
        found: dict[tuple[int, int], tuple[int, bool | None, list[_Bucket[S]]]] = {}
        for bucket in self._buckets:
            fits = len(bucket.sample.needs.intersection(needs))
            if fits and takes(bucket.sample):
                opened = is_open(bucket.sample)
                rank_of_open = 0 if opened else 1 if opened is None else 2
                found.setdefault((-fits, rank_of_open), (fits, opened, []))[2].append(bucket)
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

    Services that serve none of the needs, or do not take her (`takes`), are left out. Order: more needs served; open, then
    not known, then closed (`is_open`); shorter time in steps of `TIME_STEP_MIN`, from `travel` where it says one and else
    estimated; more room; the shorter time itself; id. Those without a point or a time come last in their class. `is_open`
    and `takes` must say the same of services whose `alike` is equal.
    """
    ranked: list[Ranked[S]] = []
    for fits, opened, buckets in index.classes(needs, is_open, takes):
        wanted = limit - len(ranked)
        if wanted <= 0:
            break
        for service, km, minutes, measured in _first(buckets, near, wanted, travel):
            road_km = None if km is None else km * WINDING
            ranked.append(Ranked(service, fits, opened, road_km, minutes, measured))
    return ranked


def estimated_minutes(km: float) -> float:
    """Travel time for a straight distance: the road winds, and nobody drives fast on it."""
    return km * WINDING / SPEED_KMH * 60


def time_step(minutes: float) -> int:
    """A travel time in steps of `TIME_STEP_MIN`."""
    return int(minutes / TIME_STEP_MIN)


def _first(
    buckets: Sequence[_Bucket[S]], near: Point | None, wanted: int, travel: Travel
) -> Iterator[tuple[S, float | None, float | None, bool]]:
    """(service, straight km, minutes, measured), best first."""
    if near is None:
        yield from ((service, None, None, False) for service in _merged([one.by_room for one in buckets], wanted))
        return
    best: list[tuple[_Key, S, float | None, bool]] = []
    for bucket in buckets:
        if travel:
            _by_table(bucket, near, wanted, travel, best)
        _search(bucket, near, wanted, travel, best)
    yield from ((service, km, key[2], measured) for key, service, km, measured in best)
    left = wanted - len(best)
    if left > 0:
        rest = [[one for one in bucket.unplaced if _told(one, travel) is None] for bucket in buckets]
        yield from ((service, None, None, False) for service in _merged(rest, left))


def _told(service: Rankable, travel: Travel) -> float | None:
    """The minutes to it that the table of travel times tells, or None."""
    minutes = travel.get(service.id)
    return travel.get(service.commune) if minutes is None else minutes


def _by_table(
    bucket: _Bucket[S], near: Point, wanted: int, travel: Travel, best: list[tuple[_Key, S, float | None, bool]]
) -> None:
    """Those the table knows. In one commune all take equally long, so only the roomiest can be among the best."""

    def keep(service: S, minutes: float) -> None:
        point = bucket.points.get(service.id)
        km = None if point is None else distance_km(*near, *point)
        _keep(best, wanted, (time_step(minutes), -service.room, minutes, service.id), service, km, measured=True)

    for where, minutes in travel.items():
        if where in bucket.by_id:
            keep(bucket.by_id[where], minutes)
        alike = (service for service in bucket.of_commune.get(where, ()) if service.id not in travel)
        for service, _ in zip(alike, range(wanted), strict=False):
            keep(service, minutes)


def _search(
    bucket: _Bucket[S], near: Point, wanted: int, travel: Travel, best: list[tuple[_Key, S, float | None, bool]]
) -> None:
    """Walk the bucket outwards from her latitude, keeping the `wanted` best; stop when latitude alone is too far."""
    lat, lon = near
    above = bisect_left(bucket.lats, lat)
    below = above - 1
    while below >= 0 or above < len(bucket.lats):
        to_above = bucket.lats[above] - lat if above < len(bucket.lats) else math.inf
        to_below = lat - bucket.lats[below] if below >= 0 else math.inf
        at_least_km = min(to_above, to_below) * KM_PER_DEGREE * (1 - 1e-9)
        if len(best) == wanted and time_step(estimated_minutes(at_least_km)) > best[-1][0][0]:
            return
        if to_above <= to_below:
            placed, above = bucket.placed[above], above + 1
        else:
            placed, below = bucket.placed[below], below - 1
        km = distance_km(lat, lon, placed[0], placed[1])
        minutes = estimated_minutes(km)
        step = time_step(minutes)
        if (len(best) == wanted and step > best[-1][0][0]) or (travel and _told(placed[2], travel) is not None):
            continue
        _keep(best, wanted, (step, -placed[2].room, minutes, placed[2].id), placed[2], km, measured=False)


def _keep(
    best: list[tuple[_Key, S, float | None, bool]],
    wanted: int,
    key: _Key,
    service: S,
    km: float | None,
    *,
    measured: bool,
) -> None:
    insort(best, (key, service, km, measured), key=lambda kept: kept[0])
    del best[wanted:]


def _merged(ordered: Sequence[Sequence[S]], wanted: int) -> list[S]:
    merged = heapq.merge(*ordered, key=_room_key)
    return [service for service, _ in zip(merged, range(wanted), strict=False)]


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

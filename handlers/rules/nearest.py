"""Which services come first for a seeker: fit for the need, then open now, then time to get there, then room.

Pure: the place and the local time are given. The index is a list sorted by latitude, walked outwards in a widening band; it
answers in microseconds what a scan of 20 000 services would take many milliseconds for, and always the same as the scan.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from handlers.rules.distance import KM_PER_DEGREE, distance_km

WINDING = 1.7
"""Kilometres of road per kilometre of straight line.

Why: between the valleys of Lai Châu the road follows rivers and passes; a straight line would call a place near that lies
behind a mountain. Source: none measured. It is our ASSUMPTION, a middle between main valleys (about 1.4) and ways over a
pass (above 2), until the department gives a table of travel times per commune.
"""

SPEED_KMH = 30.0
"""Kilometres of road per hour, by motorbike or ambulance. An ASSUMPTION of ours too: it scales all times, orders none."""

TIME_STEP_MIN = 5
"""Times nearer to each other than this step (minutes) count as equal: the estimate is not finer, so room decides."""


class Rankable(Protocol):
    """What ranking must know of a service."""

    @property
    def id(self) -> str:
        """Unique; the last word between equals, so that the order never depends on the order of rows."""

    @property
    def needs(self) -> frozenset[str]:
        """The needs it really serves."""

    @property
    def hours(self) -> str:
        """Opening hours as written; services with the same hours are open at the same times."""

    @property
    def capacity(self) -> int | None:
        """Places or beds; None when unknown."""

    def open_at(self, now_local: datetime) -> bool | None:
        """Open at this local time? None when the hours are not known."""


S = TypeVar("S", bound=Rankable)


@dataclass(frozen=True, slots=True)
class Ranked(Generic[S]):
    """A service in its place of the order, with what the order rests on."""

    service: S
    fits: int  # how many of the needs it serves, at least 1
    open: bool | None
    road_km: float | None  # estimated; None when either place is unknown
    minutes: float | None  # estimated travel time


@dataclass(frozen=True, slots=True)
class _Bucket(Generic[S]):
    """Services with the same needs and the same hours: open or closed together, fitting alike."""

    lats: tuple[float, ...]  # ascending
    placed: tuple[tuple[float, float, S], ...]  # (lat, lon, service) in the order of `lats`
    by_room: tuple[S, ...]  # all, most room first, for when her place is unknown
    unplaced: tuple[S, ...]  # without any point, most room first

    @property
    def sample(self) -> S:
        """Any one of them: what it says of needs and hours holds for all."""
        return self.by_room[0]


class BandIndex(Generic[S]):
    """Services made ready for ranking. Immutable; building takes about 1 µs per service and sort step."""

    def __init__(self, services: Iterable[tuple[S, tuple[float, float] | None]]) -> None:
        grouped: dict[tuple[frozenset[str], str], list[tuple[S, tuple[float, float] | None]]] = {}
        for service, point in services:
            grouped.setdefault((service.needs, service.hours), []).append((service, point))
        self._buckets: tuple[_Bucket[S], ...] = tuple(map(_bucket, grouped.values()))

    def classes(self, needs: Collection[str], now_local: datetime) -> list[tuple[int, bool | None, list[_Bucket[S]]]]:
        """Buckets that serve a need, together where they fit alike and are open alike; best class first."""
        found: dict[tuple[int, int], tuple[int, bool | None, list[_Bucket[S]]]] = {}
        for bucket in self._buckets:
            fits = len(bucket.sample.needs.intersection(needs))
            if fits:
                is_open = bucket.sample.open_at(now_local)
                rank_of_open = 0 if is_open else 1 if is_open is None else 2
                found.setdefault((-fits, rank_of_open), (fits, is_open, []))[2].append(bucket)
        return [found[key] for key in sorted(found)]


def rank(
    index: BandIndex[S],
    near: tuple[float, float] | None,
    needs: Collection[str],
    now_local: datetime,
    limit: int,
) -> list[Ranked[S]]:
    """The first `limit` services for somebody at `near` (latitude, longitude in degrees; None when unknown).

    Services that serve none of the needs are left out. Order: more needs served; open, then hours unknown, then closed;
    shorter estimated time in steps of `TIME_STEP_MIN`; more room; nearer; id. Those without a point come last in their class.
    """
    ranked: list[Ranked[S]] = []
    for fits, is_open, buckets in index.classes(needs, now_local):
        wanted = limit - len(ranked)
        if wanted <= 0:
            break
        for service, km in _first(buckets, near, wanted):
            road_km = None if km is None else km * WINDING
            minutes = None if road_km is None else road_km / SPEED_KMH * 60
            ranked.append(Ranked(service, fits, is_open, road_km, minutes))
    return ranked


def time_step(km: float) -> int:
    """Estimated travel time for a straight distance, in steps of `TIME_STEP_MIN`."""
    return int(km * WINDING / SPEED_KMH * 60 / TIME_STEP_MIN)


def _first(
    buckets: Sequence[_Bucket[S]], near: tuple[float, float] | None, wanted: int
) -> Iterator[tuple[S, float | None]]:
    if near is None:
        yield from ((service, None) for service in _merged([bucket.by_room for bucket in buckets], wanted))
        return
    best: list[tuple[tuple[int, int, float, str], S]] = []
    for bucket in buckets:
        _search(bucket, near, wanted, best)
    yield from ((service, key[2]) for key, service in best)
    left = wanted - len(best)
    if left > 0:
        yield from ((service, None) for service in _merged([bucket.unplaced for bucket in buckets], left))


def _search(
    bucket: _Bucket[S], near: tuple[float, float], wanted: int, best: list[tuple[tuple[int, int, float, str], S]]
) -> None:
    """Walk the bucket outwards from her latitude, keeping the `wanted` best; stop when latitude alone is too far."""
    lat, lon = near
    above = bisect_left(bucket.lats, lat)
    below = above - 1
    while below >= 0 or above < len(bucket.lats):
        to_above = bucket.lats[above] - lat if above < len(bucket.lats) else math.inf
        to_below = lat - bucket.lats[below] if below >= 0 else math.inf
        at_least_km = min(to_above, to_below) * KM_PER_DEGREE * (1 - 1e-9)
        if len(best) == wanted and time_step(at_least_km) > best[-1][0][0]:
            return
        if to_above <= to_below:
            placed, above = bucket.placed[above], above + 1
        else:
            placed, below = bucket.placed[below], below - 1
        km = distance_km(lat, lon, placed[0], placed[1])
        step = time_step(km)
        if len(best) == wanted and step > best[-1][0][0]:
            continue
        service = placed[2]
        insort(best, ((step, -(service.capacity or 0), km, service.id), service), key=lambda kept: kept[0])
        del best[wanted:]


def _merged(ordered: Sequence[Sequence[S]], wanted: int) -> list[S]:
    merged = heapq.merge(*ordered, key=_room_key)
    return [service for service, _ in zip(merged, range(wanted), strict=False)]


def _room_key(service: Rankable) -> tuple[int, str]:
    return -(service.capacity or 0), service.id


def _bucket(members: list[tuple[S, tuple[float, float] | None]]) -> _Bucket[S]:
    placed = [(point[0], point[1], service) for service, point in members if point is not None]
    placed.sort(key=lambda one: (one[0], one[2].id))
    return _Bucket(
        lats=tuple(one[0] for one in placed),
        placed=tuple(placed),
        by_room=tuple(sorted((service for service, _ in members), key=_room_key)),
        unplaced=tuple(sorted((service for service, point in members if point is None), key=_room_key)),
    )

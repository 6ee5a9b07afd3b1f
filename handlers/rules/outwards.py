"""Points on the earth, walked from a place outwards: the nearest first, without looking at all of them."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from handlers.rules.distance import KM_PER_DEGREE, distance_km

T = TypeVar("T")


class Outwards(Generic[T]):
    """Things with a latitude and a longitude (degrees), sorted by latitude once. Immutable."""

    def __init__(self, points: Iterable[tuple[float, float, T]]) -> None:
        self._points = sorted(points, key=lambda point: point[:2])
        self._lats = [point[0] for point in self._points]

    def nearest_first(self, lat: float, lon: float) -> Iterator[tuple[float, T]]:
        """Everything with its straight distance in kilometres, in ascending order; equal distances in table order.

        Walks up and down from the latitude: what is known to be nearer than the next latitude may be given out.
        """
        above = bisect_left(self._lats, lat)
        below = above - 1
        waiting: list[tuple[float, int]] = []
        while below >= 0 or above < len(self._lats):
            up = self._lats[above] - lat if above < len(self._lats) else math.inf
            down = lat - self._lats[below] if below >= 0 else math.inf
            at, above, below = (above, above + 1, below) if up <= down else (below, above, below - 1)
            at_least_km = min(up, down) * KM_PER_DEGREE * (1 - 1e-9)
            while waiting and waiting[0][0] <= at_least_km:
                yield self._given(heapq.heappop(waiting))
            heapq.heappush(waiting, (distance_km(lat, lon, *self._points[at][:2]), at))
        while waiting:
            yield self._given(heapq.heappop(waiting))

    def _given(self, waiting: tuple[float, int]) -> tuple[float, T]:
        return waiting[0], self._points[waiting[1]][2]

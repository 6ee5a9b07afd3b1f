"""Distances over the earth."""

from __future__ import annotations

import math

EARTH_KM = 6371.0088
KM_PER_DEGREE = EARTH_KM * math.pi / 180


def distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Straight distance over the earth in kilometres (haversine); degrees in."""
    half_lat = math.radians(other_lat - lat) / 2
    half_lon = math.radians(other_lon - lon) / 2
    chord = (
        math.sin(half_lat) ** 2
        + math.cos(math.radians(lat)) * math.cos(math.radians(other_lat)) * math.sin(half_lon) ** 2
    )
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(chord)))

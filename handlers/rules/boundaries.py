"""Commune boundaries that an operator has loaded: read strictly from GeoJSON, and asked which commune a point lies in.

None are shipped, because the terms for reusing the state's are not settled (docs/places.md). Only the shape of RFC 7946 is
read: a FeatureCollection of Polygons and MultiPolygons in degrees, longitude first, a commune's code in each feature.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

MAX_BYTES = 64_000_000
"""Larger files are refused before they are read: a country at 0.001 degrees takes about 5 MB."""
MAX_POINTS = 500_000
"""Corners of all boundaries together; more than that is finer than a question that is confirmed anyway has use for."""
MAX_AWAY_DEGREES = 0.5
"""So far may a commune's known centre lie outside its boundary's frame: beyond, latitude and longitude were swapped, or
the code is another commune's."""
CODE_PROPERTIES = ("code", "ma_xa", "commune_code", "maxa")
_DIGITS = 5  # of a degree: about a metre

Ring: TypeAlias = tuple[tuple[float, float], ...]
"""Corners as (longitude, latitude), the last one equal to the first."""


@dataclass(frozen=True, slots=True)
class Polygon:
    """One area: its outer ring, and the rings cut out of it."""

    outer: Ring
    holes: tuple[Ring, ...]
    frame: tuple[float, float, float, float]  # west, south, east, north

    @classmethod
    def of(cls, rings: Sequence[Ring]) -> Polygon:
        """From an outer ring and its holes."""
        lons, lats = zip(*rings[0], strict=True)
        return cls(rings[0], tuple(rings[1:]), (min(lons), min(lats), max(lons), max(lats)))

    def holds(self, lat: float, lon: float) -> bool:
        """Whether the point lies inside and in none of the holes. A point on an edge may count either way."""
        west, south, east, north = self.frame
        if not (south <= lat <= north and west <= lon <= east):
            return False
        return _inside(self.outer, lat, lon) and not any(_inside(hole, lat, lon) for hole in self.holes)


class Boundaries:
    """The boundaries of communes of today, by code. Immutable."""

    def __init__(self, areas: Mapping[str, Sequence[Polygon]]) -> None:
        self._areas = {code: tuple(areas[code]) for code in sorted(areas)}
        self.codes: frozenset[str] = frozenset(self._areas)

    def communes_at(self, lat: float, lon: float) -> tuple[str, ...]:
        """The communes the point lies in: one, none, or several where boundaries overlap; by code."""
        return tuple(code for code, area in self._areas.items() if any(part.holds(lat, lon) for part in area))

    def points(self) -> int:
        """How many corners they have together."""
        return sum(len(ring) for area in self._areas.values() for part in area for ring in (part.outer, *part.holes))

    def to_rows(self) -> dict[str, str]:
        """Each commune's area as compact JSON, for the store."""
        return {
            code: json.dumps([[part.outer, *part.holes] for part in area], separators=(",", ":"))
            for code, area in self._areas.items()
        }

    @classmethod
    def from_rows(cls, rows: Mapping[str, str]) -> Boundaries:
        """From the rows of `to_rows`."""
        return cls({code: [_polygon(rings) for rings in json.loads(area)] for code, area in rows.items()})


class Unreadable(ValueError):
    """The file cannot be used: the message says where in it, and what would be right."""


def read_geojson(
    content: bytes, centres: Mapping[str, tuple[float, float]], code_property: str = ""
) -> tuple[Boundaries, tuple[str, ...]]:
    """The boundaries in a file, and the codes of `centres` (commune -> latitude, longitude) that it leaves out.

    Raises:
        Unreadable: too large, no GeoJSON, another kind of geometry, an unclosed ring, a corner that is none, a code that
            is no commune of today or stands twice, or an area nowhere near its commune.
    """
    if len(content) > MAX_BYTES:
        raise Unreadable(
            f"the file has {len(content):,} bytes, at most {MAX_BYTES:,} are read; simplify the boundaries"
        )
    try:
        document = json.loads(content.decode("utf-8-sig"), parse_constant=_no_constant)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise Unreadable("this is no JSON in UTF-8; export the boundaries as GeoJSON") from None
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or not features or document.get("type") != "FeatureCollection":
        raise Unreadable("this is no GeoJSON FeatureCollection with features in it")
    areas: dict[str, list[Polygon]] = {}
    left = MAX_POINTS
    for number, feature in enumerate(features, start=1):
        code = _code(number, feature, centres, code_property)
        if code in areas:
            raise Unreadable(f"feature {number}: {code} stands twice; join its areas into one MultiPolygon")
        areas[code] = list(_polygons(f"feature {number} ({code})", feature.get("geometry"), left))
        left -= sum(len(ring) for part in areas[code] for ring in (part.outer, *part.holes))
        if left < 0:
            raise Unreadable(f"more than {MAX_POINTS:,} corners; simplify the boundaries to about 0.001 degrees")
        _near_its_commune(f"feature {number} ({code})", areas[code], centres[code])
    return Boundaries(areas), tuple(sorted(set(centres) - set(areas)))


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _code(number: int, feature: object, centres: Collection[str], code_property: str) -> str:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise Unreadable(f"feature {number} is no GeoJSON Feature")
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    for name in (code_property,) if code_property else CODE_PROPERTIES:
        if isinstance(value := properties.get(name), str | int):
            code = str(value).zfill(5)
            if code not in centres:
                raise Unreadable(f"feature {number}: {name} {code!r} is no commune of today in the table of places")
            return code
    looked = code_property or ", ".join(CODE_PROPERTIES)
    there = ", ".join(sorted(str(name) for name in properties)[:12]) or "none"
    raise Unreadable(
        f"feature {number} has no property {looked} with a commune's code (its properties: {there}); "
        "name the right one with --code-property"
    )


def _polygons(where: str, geometry: object, left: int) -> Iterator[Polygon]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    coordinates: Any = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if kind == "Polygon":
        parts = [coordinates]
    elif kind == "MultiPolygon":
        parts = coordinates
    else:
        raise Unreadable(f"{where}: the geometry must be a Polygon or a MultiPolygon, not {kind or 'missing'}")
    if not isinstance(parts, list) or not parts:
        raise Unreadable(f"{where}: the geometry has no coordinates")
    for part in parts:
        if not isinstance(part, list) or not part:
            raise Unreadable(f"{where}: a polygon has no rings")
        rings = [_ring(where, ring, left) for ring in part]
        yield Polygon.of(rings)


def _ring(where: str, ring: object, left: int) -> Ring:
    if not isinstance(ring, list) or len(ring) < 4:
        raise Unreadable(f"{where}: a ring has fewer than four corners")
    if len(ring) > left:
        raise Unreadable(f"more than {MAX_POINTS:,} corners; simplify the boundaries to about 0.001 degrees")
    corners = tuple(_corner(where, corner) for corner in ring)
    if corners[0] != corners[-1]:
        raise Unreadable(f"{where}: a ring is not closed: its last corner must be its first")
    return corners


def _corner(where: str, corner: object) -> tuple[float, float]:
    if isinstance(corner, list) and len(corner) >= 2:
        lon, lat = corner[0], corner[1]
        numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (lon, lat))
        if numbers and math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90:
            return round(float(lon), _DIGITS), round(float(lat), _DIGITS)
    raise Unreadable(f"{where}: a corner is no [longitude, latitude] in degrees (projected coordinates cannot be read)")


def _near_its_commune(where: str, area: Sequence[Polygon], centre: tuple[float, float]) -> None:
    lat, lon = centre
    west, south = min(part.frame[0] for part in area), min(part.frame[1] for part in area)
    east, north = max(part.frame[2] for part in area), max(part.frame[3] for part in area)
    away = max(west - lon, lon - east, south - lat, lat - north)
    if away > MAX_AWAY_DEGREES:
        raise Unreadable(
            f"{where}: the area lies nowhere near that commune; are longitude and latitude swapped, or the codes old ones?"
        )


def _polygon(rings: Sequence[Sequence[Sequence[float]]]) -> Polygon:
    return Polygon.of([tuple((corner[0], corner[1]) for corner in ring) for ring in rings])


def _inside(ring: Ring, lat: float, lon: float) -> bool:
    """Count how often a line eastwards from the point crosses the ring: odd is inside."""
    inside = False
    lon_a, lat_a = ring[-1]
    for lon_b, lat_b in ring:
        if (lat_a > lat) != (lat_b > lat) and lon < lon_a + (lat - lat_a) / (lat_b - lat_a) * (lon_b - lon_a):
            inside = not inside
        lon_a, lat_a = lon_b, lat_b
    return inside

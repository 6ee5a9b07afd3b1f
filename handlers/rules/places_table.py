"""The gazetteer's tables, read from the project's own CSV files: units of both eras, merges, villages, outside places."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from handlers.rules.places_text import Syllable, joined, sound, syllables

T = TypeVar("T")

PRE, POST = "pre2025", "post2025"
OUTSIDE = "outside"
VILLAGE = "bản"
DISTRICT_TYPES = ("huyện", "thành phố")
SLIP_LETTERS = 7
"""A slip of one letter is looked for in names of at least so many letters."""
SHORT_LETTERS = 5
"""Shorter names still, down to so many letters, only behind "xã" and the like or where a word is none; then we ask."""
FILES = ("units.csv", "merges.csv", "villages.csv", "ordinary.csv", "compounds.csv", "outside_places.csv")


@dataclass(frozen=True, slots=True)
class Unit:
    """An administrative unit. Its key is (era, code): codes were used again for other communes in 2025."""

    era: str
    code: str
    name: str
    type: str  # xã, phường, thị trấn, huyện, thành phố
    parent: str  # code of the district (old communes) or of the province
    lat: float
    lon: float
    radius_km: float  # centre to the farthest point of the boundary
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing a spelling may mean, and the communes of today it leads to (none: outside the province)."""

    spelling: tuple[Syllable, ...]
    type: str
    era: str  # PRE, POST or OUTSIDE
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ordinary:
    """A name that is also ordinary words or a person's name."""

    strength: str  # "bare": without marks only; "hard": even after "ở"; "same": with all marks too
    readings: frozenset[str]  # the ordinary words, accented, lower case


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Everything the gazetteer knows, indexed for look-up. Immutable."""

    units: Mapping[tuple[str, str], Unit]
    merged_into: Mapping[str, str]  # old commune code -> code of today
    index: Mapping[str, tuple[Reading, ...]]  # by joined folded spelling
    by_sound: Mapping[str, tuple[str, ...]]  # sound key -> joined folded spellings
    ordinary: Mapping[str, Ordinary]  # by joined folded spelling
    compounds: Mapping[str, tuple[Syllable, ...]]  # words that never belong to a name, folded, blank between
    longest: int  # letters of the longest key
    short_slip_keys: tuple[str, ...]  # shorter ones, of the province, looked for where nothing else can be meant
    slip_keys: tuple[str, ...]  # keys long enough to look for a slip of one letter
    long_slip_keys: tuple[str, ...]  # those of three syllables and more, looked for anywhere in a text


def read_table(files: Mapping[str, bytes]) -> Table:
    """Build the table from the six files of `FILES`, by name.

    Raises:
        ValueError: a file or column is missing, or an old commune leads nowhere; names file and row, for the operator.
    """
    missing = [name for name in FILES if name not in files]
    if missing:
        raise ValueError(f"gazetteer: missing {', '.join(missing)}; restore handlers/rules/data")
    units = {(unit.era, unit.code): unit for unit in map(_unit, _rows(files, "units.csv"))}
    merged_into = {row["old_code"]: row["new_code"] for row in _rows(files, "merges.csv")}
    for (era, code), unit in units.items():
        leads_to = merged_into.get(code, "") if era == PRE else code
        if unit.type not in DISTRICT_TYPES and (POST, leads_to) not in units:
            raise ValueError(f"gazetteer: merges.csv: old commune {code} leads to no commune of today")
    readings = list(_readings_of_units(units, merged_into))
    for row in _rows(files, "villages.csv"):
        readings.append(Reading(syllables(row["name"]), VILLAGE, POST, (row["code"],)))
    ordinary = {row["folded"].replace(" ", ""): _ordinary(row) for row in _rows(files, "ordinary.csv")}
    for row in _rows(files, "outside_places.csv"):
        spelling = syllables(row["name"])
        readings.append(Reading(spelling, row["kind"], OUTSIDE, ()))
        if row["strength"]:
            ordinary.setdefault(joined(spelling), Ordinary(row["strength"], frozenset()))
    index = _grouped((joined(reading.spelling), reading) for reading in readings)
    sounds = _grouped(
        ("".join(sound(part.folded) for part in reading.spelling), joined(reading.spelling)) for reading in readings
    )
    slip_keys = tuple(key for key in index if len(key) >= SLIP_LETTERS)
    return Table(
        units=units,
        merged_into=merged_into,
        index=index,
        by_sound={key: tuple(dict.fromkeys(names)) for key, names in sounds.items()},
        ordinary=ordinary,
        compounds={row["folded"]: syllables(row["reading"]) for row in _rows(files, "compounds.csv")},
        longest=max(map(len, index)),
        short_slip_keys=tuple(key for key, found in index.items() if _short(key, found)),
        slip_keys=slip_keys,
        long_slip_keys=tuple(key for key in slip_keys if len(index[key][0].spelling) >= 3),
    )


def _readings_of_units(units: Mapping[tuple[str, str], Unit], merged_into: Mapping[str, str]) -> Iterable[Reading]:
    for unit in sorted(units.values(), key=_namesake_first):
        if unit.type in DISTRICT_TYPES:
            codes = _codes_of_district(unit, units, merged_into)
        else:
            codes = (unit.code if unit.era == POST else merged_into[unit.code],)
        for name in (unit.name, *unit.aliases):
            yield Reading(syllables(name), unit.type, unit.era, codes)


def _short(key: str, found: Iterable[Reading]) -> bool:
    return SHORT_LETTERS <= len(key) < SLIP_LETTERS and any(one.era != OUTSIDE and one.type != VILLAGE for one in found)


def _namesake_first(unit: Unit) -> tuple[bool, bool, str]:
    """Communes of today first, whole districts last: the order in which they are offered."""
    return unit.type in DISTRICT_TYPES, unit.era == PRE, unit.code


def _codes_of_district(
    district: Unit, units: Mapping[tuple[str, str], Unit], merged_into: Mapping[str, str]
) -> tuple[str, ...]:
    communes = (unit for unit in units.values() if unit.era == PRE and unit.parent == district.code)
    return tuple(sorted({merged_into[commune.code] for commune in communes}))


def _unit(row: Mapping[str, str]) -> Unit:
    aliases = tuple(alias for alias in row["aliases"].split("|") if alias)
    place = float(row["lat"]), float(row["lon"]), float(row["radius_km"])
    return Unit(row["era"], row["code"], row["name"], row["type"], row["parent"], *place, aliases)


def _ordinary(row: Mapping[str, str]) -> Ordinary:
    words = (words.split("(")[0].strip().lower() for words in row["reading"].split(","))
    return Ordinary(row["strength"], frozenset(words))


def _rows(files: Mapping[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[name].decode("utf-8-sig"))))


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    grouped: dict[str, list[T]] = {}
    for key, value in pairs:
        grouped.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in grouped.items()}

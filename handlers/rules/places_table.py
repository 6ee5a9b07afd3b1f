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
FILES = ("units.csv", "merges.csv")
"""Without these there is no gazetteer; `FILES_BESIDE` make it better."""
FILES_BESIDE = ("provinces.csv", "villages.csv", "ordinary.csv", "compounds.csv", "outside_places.csv")
PROVINCE = "tỉnh"


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
    merged_into: Mapping[str, tuple[str, ...]]  # old commune code -> codes of today: several when it was split
    provinces: Mapping[str, str]  # code of today's province -> name
    index: Mapping[str, tuple[Reading, ...]]  # by joined folded spelling
    by_sound: Mapping[str, tuple[str, ...]]  # sound key -> joined folded spellings
    ordinary: Mapping[str, Ordinary]  # by joined folded spelling
    compounds: Mapping[str, tuple[Syllable, ...]]  # words that never belong to a name, folded, blank between
    longest: int  # letters of the longest key
    near_keys: Mapping[str, tuple[str, ...]]  # a key with one letter left out -> the keys, to find slips of one letter


def read_table(files: Mapping[str, bytes]) -> Table:
    """Build the table from the files of `FILES` and those of `FILES_BESIDE` that are there, by name.

    Any province, or several: the columns are the same everywhere (docs/places.md). With several provinces in one table their
    names narrow a place down and are told with it.

    Raises:
        ValueError: a file or column is missing, a figure is none, or an old commune leads nowhere; names file and row.
    """
    missing = [name for name in FILES if name not in files]
    if missing:
        raise ValueError(f"gazetteer: missing {', '.join(missing)}; restore the folder of place tables")
    try:
        return _read(files)
    except KeyError as missed:
        raise ValueError(f"gazetteer: a table has no column {missed}; see docs/places.md for the columns") from None


def _read(files: Mapping[str, bytes]) -> Table:
    units = {(unit.era, unit.code): unit for unit in map(_unit, _rows(files, "units.csv"))}
    merged_into = _grouped((row["old_code"], row["new_code"]) for row in _rows(files, "merges.csv"))
    _whole(units, merged_into)
    provinces = {row["code"]: row["name"] for row in _rows(files, "provinces.csv") if row["era"] == POST}
    readings = list(_readings_of_units(units, merged_into))
    if len(provinces) > 1:
        readings += _readings_of_provinces(files, units, merged_into)
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
    return Table(
        units=units,
        merged_into=merged_into,
        provinces=provinces,
        index=index,
        by_sound={key: tuple(dict.fromkeys(names)) for key, names in sounds.items()},
        ordinary=ordinary,
        compounds={row["folded"]: syllables(row["reading"]) for row in _rows(files, "compounds.csv")},
        longest=max(map(len, index), default=0),
        near_keys=_grouped((short, key) for key in index if len(key) >= SHORT_LETTERS for short in one_left_out(key)),
    )


def one_left_out(key: str) -> set[str]:
    """The key, and every way to leave one letter out: two keys that share one of these are a slip or two apart."""
    return {key, *(key[:at] + key[at + 1 :] for at in range(len(key)))}


def _whole(units: Mapping[tuple[str, str], Unit], merged_into: Mapping[str, tuple[str, ...]]) -> None:
    for (era, code), unit in units.items():
        leads_to = merged_into.get(code, ()) if era == PRE else (code,)
        known = leads_to and all((POST, one) in units for one in leads_to)
        if unit.type not in DISTRICT_TYPES and not known:
            raise ValueError(f"gazetteer: merges.csv: old commune {code} leads to no commune of today")


def _readings_of_provinces(
    files: Mapping[str, bytes], units: Mapping[tuple[str, str], Unit], merged_into: Mapping[str, tuple[str, ...]]
) -> Iterable[Reading]:
    """Provinces of both eras, with the communes of today that lie in them."""
    inside: dict[tuple[str, str], dict[str, None]] = {}
    for (era, code), unit in units.items():
        if era == POST:
            inside.setdefault((POST, unit.parent), {})[code] = None
        elif unit.type not in DISTRICT_TYPES and (PRE, unit.parent) in units:
            province = units[PRE, unit.parent].parent
            inside.setdefault((PRE, province), {}).update(dict.fromkeys(merged_into[code]))
    for row in _rows(files, "provinces.csv"):
        codes = tuple(sorted(inside.get((row["era"], row["code"]), ())))
        yield Reading(syllables(row["name"]), PROVINCE, row["era"], codes)


def _readings_of_units(
    units: Mapping[tuple[str, str], Unit], merged_into: Mapping[str, tuple[str, ...]]
) -> Iterable[Reading]:
    within = _communes_within(units, merged_into)
    for unit in sorted(units.values(), key=_namesake_first):
        if unit.type in DISTRICT_TYPES:
            codes = within.get(unit.code, ())
        else:
            codes = (unit.code,) if unit.era == POST else merged_into[unit.code]
        for name in (unit.name, *unit.aliases):
            yield Reading(syllables(name), unit.type, unit.era, codes)


def _namesake_first(unit: Unit) -> tuple[bool, bool, str]:
    """Communes of today first, whole districts last: the order in which they are offered."""
    return unit.type in DISTRICT_TYPES, unit.era == PRE, unit.code


def _communes_within(
    units: Mapping[tuple[str, str], Unit], merged_into: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """The communes of today that each old district went into, by the district's code."""
    found: dict[str, set[str]] = {}
    for (era, code), unit in units.items():
        if era == PRE and unit.type not in DISTRICT_TYPES:
            found.setdefault(unit.parent, set()).update(merged_into[code])
    return {district: tuple(sorted(codes)) for district, codes in found.items()}


def _unit(row: Mapping[str, str]) -> Unit:
    aliases = tuple(alias for alias in row["aliases"].split("|") if alias)
    try:
        place = float(row["lat"]), float(row["lon"]), float(row["radius_km"])
    except ValueError:
        raise ValueError(
            f"gazetteer: units.csv: {row['era']} {row['code']}: lat, lon and radius_km are figures"
        ) from None
    return Unit(row["era"], row["code"], row["name"], row["type"], row["parent"], *place, aliases)


def _ordinary(row: Mapping[str, str]) -> Ordinary:
    words = (words.split("(")[0].strip().lower() for words in row["reading"].split(","))
    return Ordinary(row["strength"], frozenset(words))


def _rows(files: Mapping[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files.get(name, b"").decode("utf-8-sig"))))


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    grouped: dict[str, list[T]] = {}
    for key, value in pairs:
        grouped.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in grouped.items()}

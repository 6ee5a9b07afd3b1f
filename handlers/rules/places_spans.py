"""A stretch of a text that is spelled like a name, and which communes of today it may mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.rules.places_cues import Before
from handlers.rules.places_table import DISTRICT_TYPES, OUTSIDE, PRE, PROVINCE, VILLAGE, Reading


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Span:
    """A stretch of words spelled like a name, with all that tells whether the name is meant."""

    start: int
    end: int
    key: str
    readings: tuple[Reading, ...]
    typed: str  # the words as typed, lower case, blank between; compared with ordinary words, kept nowhere
    before: Before
    conflicts: int = 0  # syllables whose marks say another word
    affirmed: bool = False  # at least one typed mark is the name's own, and none is wrong
    exact: bool = False  # typed with every mark of the name
    near: bool = False  # a slip of spelling away, or spaced otherwise
    short: bool = False  # a slip in a name so short that other words are as near
    broken: bool = False  # a slip, and some word of it is no syllable, so it was no other word either ("hoag then")
    capital: bool = False  # every word of it begins with a capital letter
    ends: bool = False  # nothing that matters follows in the clause
    alone: bool = False  # the clause says nothing else ("Bình Lư, ngay quốc lộ")
    leads_on: bool = False  # a word follows that goes on after a place ("xuống", "nhất")

    @property
    def outside(self) -> bool:
        """Whether it can only mean a place outside the province."""
        return all(reading.era == OUTSIDE for reading in self.readings)


def codes_of(span: Span, era: str = "", within_namesake: bool = False) -> tuple[str, ...]:
    """The communes of today a span may mean, best first, heeding the unit named before it and the era, if one is said.

    `within_namesake`: the district of the same name is named beside it ("Sìn Hồ, huyện Sìn Hồ"), so it is not the district.
    """
    readings: Sequence[Reading] = [
        reading for reading in span.readings if reading.era != OUTSIDE and reading.type != PROVINCE
    ]
    unit = span.before.unit
    if unit != VILLAGE:
        readings = [reading for reading in readings if reading.type != VILLAGE] or readings
        readings = [reading for reading in readings if reading.type == unit] or readings
    if within_namesake:
        readings = [reading for reading in readings if reading.type not in DISTRICT_TYPES] or readings
    wanted = PRE if span.before.old else era
    readings = [reading for reading in readings if reading.era == wanted] or readings
    return tuple(dict.fromkeys(code for reading in readings for code in reading.codes))

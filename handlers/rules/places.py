"""The gazetteer: from what a seeker types, or the point she shares, to one of the communes of today.

Precision comes before recall. Being confidently wrong sends her to the wrong valley; asking costs one message. So a name
that is also ordinary words counts only behind "xã", "ở" and the like or as the whole message, and everything unsure is
`ambiguous`. How it decides is described in docs/places.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flows.effects import PlaceAnswer
from handlers.rules.boundaries import Boundaries
from handlers.rules.outwards import Outwards
from handlers.rules.places_certainty import Certainty, certainty
from handlers.rules.places_context import (
    address_to,
    era_behind,
    era_of_text,
    follows,
    in_one_list,
    said_before,
    without_address,
)
from handlers.rules.places_cues import LEADING, TRAILING, Cue
from handlers.rules.places_search import parted, spans
from handlers.rules.places_spans import Span, codes_of
from handlers.rules.places_table import DISTRICT_TYPES, POST, PRE, PROVINCE, Table, Unit, read_table
from handlers.rules.places_text import Token, joined, syllables, tokens, word_set

BORDER_SLACK_KM = 0.5
"""Beyond the farthest boundary point of every old commune by so much, a shared point is outside the province."""

_BORN_OR_NEAR = word_set("quê que gốc goc người nguoi sinh gần gan giáp giap sát sat cách cach")
_CAME_FROM = _BORN_OR_NEAR | word_set("từ tu đi di sang qua ra về ve đến den")
"""Words before a place where she was born, goes to, comes from, or that lies near: not where she is."""
NONE = PlaceAnswer("none")
OUTSIDE = PlaceAnswer("outside")


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """A span accepted as a place."""

    span: Span
    certainty: Certainty


class Gazetteer:
    """The communes of today, the names people know them by, and their centres. Immutable; made by `load`."""

    def __init__(self, table: Table, boundaries: Boundaries | None = None) -> None:
        """`boundaries`: those an operator has loaded; without them a shared point is matched by centres alone."""
        self._table = table
        self._boundaries = boundaries or Boundaries({})
        self._communes = {code: unit for (era, code), unit in table.units.items() if era == POST}
        old = [unit for (era, _), unit in table.units.items() if era == PRE and unit.type not in DISTRICT_TYPES]
        self._old_centres = Outwards((unit.lat, unit.lon, unit) for unit in old)
        self._reach_km = max((unit.radius_km for unit in old), default=0.0) + BORDER_SLACK_KM
        self._took_in: dict[str, list[Unit]] = {}
        for unit in old:
            for code in table.merged_into[unit.code]:
                self._took_in.setdefault(code, []).append(unit)
        self._province_keys = frozenset(joined(syllables(name)) for name in table.provinces.values())
        self.codes: tuple[str, ...] = tuple(sorted(self._communes))

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Gazetteer:
        """Read the tables, given by file name (`places_table.FILES`). Raises ValueError when they are not whole."""
        return cls(read_table(files))

    def with_boundaries(self, boundaries: Boundaries) -> Gazetteer:
        """The same places, with these boundaries to match shared points by."""
        return Gazetteer(self._table, boundaries)

    def name(self, code: str) -> str:
        """The commune as people write it: "xã Mường Than". Raises KeyError for a code that is no commune of today."""
        unit = self._communes[code]
        return f"{unit.type} {unit.name}"

    def name_with_old(self, code: str) -> str:
        """The commune with the old names it took in, to choose by: "xã Mường Than (Phúc Than, Mường Mít cũ)".

        Where the table holds several provinces, the province stands with it.
        """
        unit = self._communes[code]
        old = [
            f"thị trấn {one.name}" if one.type == "thị trấn" else one.name
            for one in self._took_in.get(code, ())
            if one.name != unit.name
        ]
        name = self.name(code)
        if len(self._table.provinces) > 1:
            name = f"{name}, {self._table.provinces.get(unit.parent, '')}"
        return f"{name} ({', '.join(old)} cũ)" if old else name

    def province(self, code: str) -> str:
        """The name of the province a commune lies in, or ""."""
        return self._table.provinces.get(self._communes[code].parent, "")

    @property
    def provinces(self) -> frozenset[str]:
        """The names of the provinces whose communes are in the table."""
        return frozenset(self._table.provinces.values())

    def centre(self, code: str) -> tuple[float, float]:
        """Latitude and longitude of a commune's centroid, in degrees: good for ranking, not where anybody lives."""
        unit = self._communes[code]
        return unit.lat, unit.lon

    def resolve(self, text: str) -> PlaceAnswer:
        """Which commune does this text mean? Offline, about 0.1 ms; the text is kept nowhere.

        `exact` has one code; `ambiguous` has the possible ones, best first, maybe only one when that is unsure; `outside`
        and `none` have none.
        """
        words = parted(self._table, tokens(text))
        found = spans(self._table, words)
        accepted = self._as_whole(words, found) or self._in_sentence(words, found)
        return self._judge(words, accepted)

    def nearest_communes(self, lat: float, lon: float, limit: int = 3) -> PlaceAnswer:
        """The communes a shared point may lie in, likeliest first; always `ambiguous`, for she has to confirm.

        First those whose loaded boundary holds the point, then by the centres of the old communes, which are finer than
        those of today. `outside` when the point lies in no boundary and all are loaded, or is farther from every old
        commune's centre than that commune reaches; `none` when it is no point on earth.
        """
        if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
            return NONE
        inside = self._boundaries.communes_at(lat, lon)
        if not inside and (self._boundaries.codes.issuperset(self.codes) or not self._within_reach(lat, lon)):
            return OUTSIDE
        codes = dict.fromkeys(inside)
        for _, old in self._old_centres.nearest_first(lat, lon):
            codes.update(dict.fromkeys(self._table.merged_into[old.code]))
            if len(codes) >= limit:
                break
        return self._answer("ambiguous", tuple(codes)[:limit])

    def _within_reach(self, lat: float, lon: float) -> bool:
        """Whether some old commune reaches as far as the point."""
        for km, old in self._old_centres.nearest_first(lat, lon):
            if km > self._reach_km:
                return False
            if km <= old.radius_km + BORDER_SLACK_KM:
                return True
        return False

    def unit(self, code: str) -> Unit:
        """The commune of today with this code. Raises KeyError."""
        return self._communes[code]

    def _as_whole(self, words: Sequence[Token], found: Sequence[Span]) -> list[_Judged]:
        """The names, when the message says nothing else."""
        judged = [_Judged(one, certainty(self._table, one, max(one.before.cue, Cue.WHOLE))) for one in found]
        chosen = _without_overlaps(judged)
        covered = _positions(chosen)
        first = min(covered, default=len(words))
        last = without_address(words)
        rest = ((at, word.folded) for at, word in enumerate(words[:last]) if at not in covered)
        says_only_this = all(word in (LEADING if at < first else TRAILING) or word.isdecimal() for at, word in rest)
        return chosen if says_only_this else []

    def _in_sentence(self, words: Sequence[Token], found: Sequence[Span]) -> list[_Judged]:
        """The names that stand out of a sentence, and those that lean on one of them ("… bản bo, tam đường")."""
        chosen = _without_overlaps([_Judged(one, certainty(self._table, one, one.before.cue)) for one in found])
        taken = _positions(chosen)
        for one in found:
            if taken.isdisjoint(range(one.start, one.end)) and _leans(words, one, chosen):
                leaning = _Judged(one, certainty(self._table, one, Cue.WHOLE))
                if leaning.certainty > Certainty.NO:
                    chosen.append(leaning)
                    taken |= _positions([leaning])
        return sorted(chosen, key=lambda judged: judged.span.start)

    def _judge(self, words: Sequence[Token], accepted: Sequence[_Judged]) -> PlaceAnswer:
        inside = [one for one in accepted if not one.span.outside]
        elsewhere = [one for one in accepted if one.span.outside and one.certainty is Certainty.SURE]
        taken = _positions(inside)
        named_outside = [
            one for one in inside if any(address_to(words, one.span, out.span, taken) for out in elsewhere)
        ]
        if elsewhere and len(named_outside) == len(inside):
            return OUTSIDE
        inside = [one for one in inside if one not in named_outside]
        unsure = any(not said_before(words, one.span, _CAME_FROM) for one in elsewhere)
        provinces = [one for one in inside if self._is_province(one.span)]
        communes = [one for one in inside if one not in provinces]
        if not communes and any(one.span.before.unit == PROVINCE for one in provinces):
            return NONE
        codes, sure = _combine(words, _without_origins(words, communes or provinces))
        for one in provinces if communes else ():
            within = {code for reading in one.span.readings if reading.type == PROVINCE for code in reading.codes}
            codes = tuple(code for code in codes if code in within) or codes
        if not codes:
            return NONE
        return self._answer("exact" if sure and len(codes) == 1 and not unsure else "ambiguous", codes)

    def _is_province(self, span: Span) -> bool:
        """Whether the name alone, or with "tỉnh", is a whole province's."""
        named = span.key in self._province_keys or any(reading.type == PROVINCE for reading in span.readings)
        return named and span.before.unit in ("", PROVINCE)

    def _answer(self, kind: str, codes: tuple[str, ...]) -> PlaceAnswer:
        return PlaceAnswer(kind, codes, {code: self.name_with_old(code) for code in codes})


def _combine(words: Sequence[Token], places: Sequence[_Judged]) -> tuple[tuple[str, ...], bool]:
    """Narrow the places named down to what they have in common; what contradicts itself is kept whole, and unsure."""
    codes: tuple[str, ...] = ()
    sure = False
    contradicted = False
    era = era_of_text(words) if places else ""
    districts = {one.span.key for one in places if one.span.before.unit in DISTRICT_TYPES}
    for one in places:
        in_namesake = one.span.key in districts and one.span.before.unit not in DISTRICT_TYPES
        named = codes_of(one.span, era or era_behind(words, one.span), in_namesake)
        both = set(named)
        common = tuple(code for code in codes if code in both)
        if codes and not common:
            contradicted = True
            codes = tuple(dict.fromkeys((*codes, *named)))
        else:
            codes = common or named
        sure = sure or one.certainty is Certainty.SURE
    return codes, sure and not contradicted


def _without_origins(words: Sequence[Token], places: Sequence[_Judged]) -> Sequence[_Judged]:
    """Where she was born, or what lies near, gives way to where she is ("quê Khoen On, giờ ở Phúc Khoa")."""
    staying = [one for one in places if not said_before(words, one.span, _BORN_OR_NEAR)]
    here = {code for one in staying for code in codes_of(one.span)}
    return [one for one in places if one in staying or not here or here.intersection(codes_of(one.span))]


def _without_overlaps(judged: Sequence[_Judged]) -> list[_Judged]:
    chosen: list[_Judged] = []
    taken: set[int] = set()
    for one in sorted(judged, key=_worth):
        if one.certainty > Certainty.NO and taken.isdisjoint(range(one.span.start, one.span.end)):
            chosen.append(one)
            taken |= _positions([one])
    return sorted(chosen, key=lambda one: one.span.start)


def _positions(judged: Sequence[_Judged]) -> set[int]:
    return {at for one in judged for at in range(one.span.start, one.span.end)}


def _worth(one: _Judged) -> tuple[bool, int, int, int, bool, bool, int]:
    """Names spelled rightly before slips and wrong marks, longer before shorter, surer before less sure; then inside before
    outside, and the one that leaves no word over ("o tan phong tho" is Phong Thổ).
    """
    span = one.span
    length = span.end - span.start
    return span.near, span.conflicts, -length, -one.certainty, span.outside, not span.ends, span.start


def _leans(words: Sequence[Token], one: Span, chosen: Sequence[_Judged]) -> bool:
    """Whether a place already found stands beside it and agrees with it, or in one list with it ("… hoặc Quyết Tiến")."""
    beside = (other.span for other in chosen if follows(words, one, other.span) or follows(words, other.span, one))
    if any(set(codes_of(one)) & set(codes_of(other)) for other in beside):
        return True
    inside = (other.span for other in chosen if not other.span.outside)
    return not one.outside and not one.near and any(in_one_list(words, one, other) for other in inside)

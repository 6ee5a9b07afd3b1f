"""Find the names in a text: every stretch of words that is spelled like one, and how sure it is that a place is meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from rapidfuzz import process
from rapidfuzz.distance import OSA

from handlers.rules.places_cues import LEADING, TRAILING, Before, Company, Cue, before
from handlers.rules.places_table import DISTRICT_TYPES, OUTSIDE, PRE, SLIP_LETTERS, VILLAGE, Ordinary, Reading, Table
from handlers.rules.places_text import INITIALS, Marks, Token, marks, sound, syllable, tone_fits

MAX_WORDS = 5  # words of the longest name
JOINED_LETTERS = 5  # names written as one word, or split wrongly, are read from so many letters on ("pau" is not Pa Ủ)
SLIP_WORDS = 80  # longer messages are searched for slips only behind a cue
_ADDS_NOTHING = LEADING | TRAILING
_NO_ORDINARY = Ordinary("", frozenset())


class Certainty(IntEnum):
    """Whether a stretch of words is meant as a place."""

    NO = 0
    ASK = 1
    SURE = 2


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of words spelled like a name."""

    start: int
    end: int
    key: str
    readings: tuple[Reading, ...]
    conflicts: int  # syllables whose marks say another word
    affirmed: bool  # at least one typed mark is the name's own, and none is wrong
    near: bool  # a slip of spelling away, or spaced otherwise
    before: Before
    ends: bool  # nothing that matters follows in the clause
    typed: str  # the words as typed, lower case, blank between; compared with ordinary words, kept nowhere

    @property
    def outside(self) -> bool:
        """Whether it can only mean a place outside the province."""
        return all(reading.era == OUTSIDE for reading in self.readings)


def spans(table: Table, words: Sequence[Token]) -> list[Span]:
    """Every stretch of words spelled like a name, also overlapping ones; slips only where no name was found."""
    marked = any(word.syllable.marked for word in words)
    blocked = _compounds(table, words)
    found = []
    for start, end in _stretches(words):
        span = _spelled(table, words, start, end, marked)
        if span is not None and not _cut_by(blocked, start, end):
            found.append(span)
    taken = {at for span in found for at in range(span.start, span.end)}
    found += [span for span in _slips(table, words, marked, taken) if not _cut_by(blocked, span.start, span.end)]
    return found


def certainty(table: Table, span: Span, cue: Cue) -> Certainty:
    """How sure it is that a place is meant, given the strongest cue around it (`span.before.cue`, or WHOLE)."""
    ordinary = table.ordinary.get(span.key, _NO_ORDINARY)
    if span.before.company is Company.DENIAL:
        return Certainty.NO
    if span.typed in ordinary.readings and not (ordinary.strength == "same" and cue >= Cue.PLACE):
        return Certainty.NO
    if ordinary.strength and span.before.company is not Company.NONE and cue < Cue.UNIT:
        return Certainty.NO
    if span.readings and all(reading.type == VILLAGE for reading in span.readings):
        return _of_village(span, cue)
    if span.near:
        return _of_slip(span, cue, ordinary)
    if span.conflicts:
        return _of_conflict(span, cue, ordinary)
    if span.affirmed:
        if ordinary.strength != "same":
            return Certainty.SURE
        if span.before.unit == VILLAGE or (cue is Cue.NEAR and span.ends):
            return Certainty.ASK  # a bản may well be called Đoàn Kết in any commune
        return Certainty.SURE if cue >= Cue.PLACE else Certainty.NO
    return _of_bare(span, cue, ordinary)


def _of_bare(span: Span, cue: Cue, ordinary: Ordinary) -> Certainty:
    if not ordinary.strength:
        return Certainty.SURE
    if cue is Cue.UNIT and span.before.unit == VILLAGE:
        return Certainty.ASK
    if ordinary.strength == "hard" and Cue.NONE < span.before.cue < Cue.UNIT:
        # "o can ho": in Can Hồ, or in a flat
        return Certainty.ASK if span.ends or cue is Cue.PLACE else Certainty.NO
    if cue >= Cue.PLACE:
        return Certainty.SURE
    return Certainty.ASK if cue is Cue.NEAR and span.ends else Certainty.NO


def _of_conflict(span: Span, cue: Cue, ordinary: Ordinary) -> Certainty:
    one = span.conflicts == 1
    if ordinary.strength:
        if cue is Cue.UNIT and span.before.unit != VILLAGE:
            return Certainty.SURE if one else Certainty.ASK
        return Certainty.ASK if one and cue >= Cue.PLACE else Certainty.NO
    if cue >= Cue.PLACE:
        return Certainty.SURE if one else Certainty.ASK
    return Certainty.ASK if one else Certainty.NO


def _of_slip(span: Span, cue: Cue, ordinary: Ordinary) -> Certainty:
    if ordinary.strength:
        meant = span.affirmed and cue >= Cue.PLACE
        return Certainty.ASK if meant or (cue is Cue.UNIT and span.before.unit != VILLAGE) else Certainty.NO
    if span.conflicts > 1:
        return Certainty.NO
    if cue >= Cue.PLACE:
        return Certainty.SURE
    long = len(span.readings[0].spelling) >= 3
    return Certainty.ASK if long or cue is Cue.NEAR else Certainty.NO


def _of_village(span: Span, cue: Cue) -> Certainty:
    """The list of villages is far from complete: another commune may have one of the same name."""
    several = len(span.readings[0].spelling) > 1
    if span.before.unit == VILLAGE:
        return Certainty.ASK if several or (span.affirmed and not span.before.bare_unit) else Certainty.NO
    return Certainty.ASK if several and cue >= Cue.PLACE and not span.conflicts else Certainty.NO


def _stretches(words: Sequence[Token]) -> Iterator[tuple[int, int]]:
    for start in range(len(words)):
        for end in range(start + 1, min(start + MAX_WORDS, len(words)) + 1):
            if end - 1 > start and words[end - 1].starts_clause:
                break
            yield start, end


def _spelled(table: Table, words: Sequence[Token], start: int, end: int, marked: bool) -> Span | None:
    stretch = words[start:end]
    key = "".join(word.folded for word in stretch)
    readings = table.index.get(key, ()) if len(key) <= table.longest else ()
    if readings and (len(key) >= JOINED_LETTERS or any(len(one.spelling) == len(stretch) for one in readings)):
        return _span(words, start, end, key, readings, marked)
    retyped = "".join(word.retyped for word in stretch)
    if retyped != key and len(retyped) <= table.longest and retyped in table.index and len(retyped) > JOINED_LETTERS:
        return replace(_span(words, start, end, retyped, table.index[retyped], marked), conflicts=0)
    return None


def _span(words: Sequence[Token], start: int, end: int, key: str, readings: tuple[Reading, ...], marked: bool) -> Span:
    stretch = words[start:end]
    same_words = [
        reading
        for reading in readings
        if len(reading.spelling) == len(stretch)
        and all(part.folded == word.folded for part, word in zip(reading.spelling, stretch, strict=True))
    ]
    typed = " ".join(word.text for word in stretch)
    ahead = _with_unit(before(words, start, marked), readings, words, start)
    ends = _ends(words, end)
    if not same_words:  # joined or split: "sinho", "sinsuoi ho"; the marks are read as one word
        whole = syllable("".join(word.text for word in stretch))
        affirmed = any(whole.letters == "".join(part.letters for part in reading.spelling) for reading in readings)
        affirmed = affirmed and any(word.syllable.marked for word in stretch)
        near = len(stretch) > 1 and len(key) < SLIP_LETTERS
        return Span(start, end, key, readings, 0, affirmed, near, ahead, ends, typed)
    fits = [tuple(marks(word.syllable, part) for word, part in zip(stretch, reading.spelling, strict=True))
            for reading in same_words]  # fmt: skip
    least = min(fit.count(Marks.CONFLICT) for fit in fits)
    typed_marks = any(word.syllable.marked for word in stretch)
    exact = [reading for reading, fit in zip(same_words, fits, strict=True) if set(fit) == {Marks.EXACT}]
    if exact and (typed_marks or marked):
        kept, affirmed = exact, True
    else:
        kept = [reading for reading, fit in zip(same_words, fits, strict=True) if fit.count(Marks.CONFLICT) == least]
        affirmed = typed_marks and least == 0
    return Span(start, end, key, tuple(kept), least, affirmed, False, ahead, ends, typed)


def _ends(words: Sequence[Token], end: int) -> bool:
    return end == len(words) or words[end].starts_clause or words[end].folded in TRAILING


def _with_unit(ahead: Before, readings: Sequence[Reading], words: Sequence[Token], start: int) -> Before:
    """Initials such as "h." count only before a name of that type ("h" alone is "giờ")."""
    if ahead.unit == "tỉnh" and all(reading.type in ("xã", "phường", "thị trấn", VILLAGE) for reading in readings):
        return Before(Cue.NONE)  # "tinh" is "tình" then, or "tính"
    if ahead.cue is Cue.UNIT and words[start - 1].text in INITIALS:
        known = {"thành phố", "tỉnh"} if ahead.unit == "thành phố" else {ahead.unit}
        if not any(reading.type in known or reading.era == OUTSIDE for reading in readings):
            return Before(Cue.NONE)
    return ahead


def _slips(table: Table, words: Sequence[Token], marked: bool, taken: set[int]) -> Iterator[Span]:
    """Names one letter, or one way of saying, away: behind a cue, as the whole message, or long ones anywhere."""
    free = [at for at, word in enumerate(words) if at not in taken and word.folded not in _ADDS_NOTHING]
    whole = (free[0], free[-1] + 1) if free else (0, 0)
    cues = [before(words, start, marked).cue for start in range(len(words))]
    for start, end in _stretches(words):
        meant = cues[start] >= Cue.NEAR or (start, end) == whole
        if not (meant or (end - start == 3 and len(words) <= SLIP_WORDS)) or not taken.isdisjoint(range(start, end)):
            continue
        keys = _close(table, words[start:end], meant)
        readings = tuple(reading for key in keys for reading in table.index[key])
        if readings:
            yield _slip(words, start, end, keys[0], readings, marked)


def _slip(words: Sequence[Token], start: int, end: int, key: str, readings: tuple[Reading, ...], marked: bool) -> Span:
    stretch = words[start:end]
    parts = readings[0].spelling
    conflicts, affirmed = 0, False
    if len(parts) == len(stretch):
        conflicts = sum(
            word.syllable.marked and not tone_fits(word.syllable, part)
            for word, part in zip(stretch, parts, strict=True)
        )
        affirmed = all(word.syllable.tone == part.tone for word, part in zip(stretch, parts, strict=True))
        affirmed = affirmed and any(part.tone for part in parts)
    typed = " ".join(word.text for word in stretch)
    ahead = _with_unit(before(words, start, marked), readings, words, start)
    return Span(start, end, key, readings, conflicts, affirmed, True, ahead, _ends(words, end), typed)


def _close(table: Table, stretch: Sequence[Token], meant: bool) -> list[str]:
    """Keys that differ from a stretch in one letter, or only in how they are said; without `meant` long names only."""
    key = "".join(word.folded for word in stretch)
    if not 5 <= len(key) <= table.longest + 1:
        return []
    said = "".join(sound(word.folded) for word in stretch)
    keys = list(table.by_sound.get(said, ()))
    if not keys and len(key) >= SLIP_LETTERS - 1:
        among = table.slip_keys if meant else table.long_slip_keys
        keys = [str(hit[0]) for hit in process.extract(key, among, scorer=OSA.distance, score_cutoff=1, limit=4)]
    if not meant:
        keys = [one for one in keys if any(reading.era != OUTSIDE for reading in table.index[one])]
    return [one for one in keys if any(reading.type != VILLAGE for reading in table.index[one])]


def _compounds(table: Table, words: Sequence[Token]) -> list[tuple[int, int]]:
    found = []
    for start in range(len(words)):
        for length in (2, 3, 4):
            if " ".join(word.folded for word in words[start : start + length]) in table.compounds:
                found.append((start, start + length))
    return found


def _cut_by(blocked: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Whether a compound such as "hỗ trợ" begins or ends inside the name, or holds it."""
    return any(first < end and start < last and not (start <= first and last <= end) for first, last in blocked)


def codes_of(span: Span, era: str = "", within_namesake: bool = False) -> tuple[str, ...]:
    """The communes of today a span may mean, best first, heeding the unit named before it and the era, if one is said.

    `within_namesake`: the district of the same name is named beside it ("Sìn Hồ, huyện Sìn Hồ"), so it is not the district.
    """
    readings: Sequence[Reading] = [reading for reading in span.readings if reading.era != OUTSIDE]
    unit = span.before.unit
    if unit != VILLAGE:
        readings = [reading for reading in readings if reading.type != VILLAGE] or readings
        readings = [reading for reading in readings if reading.type == unit] or readings
    if within_namesake:
        readings = [reading for reading in readings if reading.type not in DISTRICT_TYPES] or readings
    wanted = PRE if span.before.old else era
    readings = [reading for reading in readings if reading.era == wanted] or readings
    return tuple(dict.fromkeys(code for reading in readings for code in reading.codes))

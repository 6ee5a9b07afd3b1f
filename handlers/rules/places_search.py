"""Find the names in a text: every stretch of words that is spelled like one, and slips where no name was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rapidfuzz.distance import OSA

from handlers.rules.places_cues import LEADING, LEADS_ON, TRAILING, Before, Company, Cue, before, behind
from handlers.rules.places_spans import Span
from handlers.rules.places_table import OUTSIDE, SHORT_LETTERS, SLIP_LETTERS, VILLAGE, Reading, Table, one_left_out
from handlers.rules.places_text import INITIALS, Marks, Syllable, Token, marks, syllable, token, tone_fits
from handlers.rules.reading.letters import is_syllable

MAX_WORDS = 5  # words of the longest name
JOINED_LETTERS = 5  # names written as one word, or split wrongly, are read from so many letters on ("pau" is not Pa Ủ)
_JOINED_UNITS = ("xa", "phuong", "huyen", "tp", "tx", "tt")
MAX_NEAR = 4  # names one slip away that are offered together
SLIP_WORDS = 80  # longer messages are searched for slips only behind a cue
_ADDS_NOTHING = LEADING | TRAILING


def spans(table: Table, words: Sequence[Token]) -> list[Span]:
    """Every stretch of words spelled like a name, also overlapping ones; slips only where no name was found."""
    marked = any(word.syllable.marked and (not word.keys or not word.keys.isascii()) for word in words)
    blocked = _compounds(table, words)
    as_keys = [_as_keys(word) for word in words] if any(word.keys for word in words) else []
    found = []
    for start, end in _stretches(words):
        span = _spelled(table, words, start, end, marked)
        if span is None and any(word.keys for word in words[start:end]):
            span = _spelled(table, as_keys, start, end, marked)  # "sapa" is no Telex for "sâp"
        if span is not None and (span.exact or not _cut_by(blocked, start, end)):
            found.append(span)
    taken = {at for span in found for at in range(span.start, span.end)}
    found += [span for span in _slips(table, words, marked, taken) if not _cut_by(blocked, span.start, span.end)]
    return [_freed(span, found) for span in found]


def parted(table: Table, words: Sequence[Token]) -> Sequence[Token]:
    """The words, with a unit that was joined to a name taken apart again ("tplaichau", "xabanbo")."""
    return [part for word in words for part in _parts(table, word)]


def _parts(table: Table, word: Token) -> tuple[Token, ...]:
    typed = word.keys or word.text
    key = syllable(typed).folded
    if len(typed) == len(key) and key not in table.index:
        for unit in _JOINED_UNITS:
            name = key.removeprefix(unit)
            if name != key and len(name) >= JOINED_LETTERS and name in table.index:
                ahead = token(typed[: len(unit)], starts_clause=word.starts_clause, capital=word.capital)
                return ahead, token(typed[len(unit) :], capital=word.capital)
    return (word,)


def _freed(span: Span, found: Sequence[Span]) -> Span:
    """Words of the name before it say nothing: in "Tam Đường Lai Châu" there is no "đường Lai Châu"."""
    if span.before.company is not Company.STREET or not any(one.end == span.start and not one.near for one in found):
        return span
    return replace(span, before=Before(Cue.NONE))


def _stretches(words: Sequence[Token]) -> Iterator[tuple[int, int]]:
    breaks = [word.starts_clause for word in words]
    for start in range(len(words)):
        for end in range(start + 1, min(start + MAX_WORDS, len(words)) + 1):
            if end - 1 > start and breaks[end - 1]:
                break
            yield start, end


def _spelled(table: Table, words: Sequence[Token], start: int, end: int, marked: bool) -> Span | None:
    key = "".join([word.folded for word in words[start:end]])
    readings = table.index.get(key, ()) if len(key) <= table.longest else ()
    if readings and (len(key) >= JOINED_LETTERS or any(len(one.spelling) == end - start for one in readings)):
        return _span(words, start, end, key, readings, marked)
    return None


def _as_keys(word: Token) -> Token:
    return token(word.keys, starts_clause=word.starts_clause, capital=word.capital) if word.keys else word


def _span(
    words: Sequence[Token], start: int, end: int, key: str, readings: tuple[Reading, ...], marked: bool
) -> Span | None:
    stretch = words[start:end]
    span = _surrounded(words, (start, end), key, readings, before(words, start, marked))
    same_words = [
        reading
        for reading in readings
        if len(reading.spelling) == len(stretch)
        and all(part.folded == word.folded for part, word in zip(reading.spelling, stretch, strict=True))
    ]
    if same_words:
        return _fitted(span, stretch, same_words, marked)
    if any(len(reading.spelling) == len(stretch) > 1 for reading in readings):
        return None  # "khu nhà" is no Khun Há
    whole = syllable("".join(word.text for word in stretch))  # joined or split: "sinho", "sinsuoi ho": read as one word
    affirmed = any(whole.letters == "".join(part.letters for part in reading.spelling) for reading in readings)
    affirmed = affirmed and any(word.syllable.marked for word in stretch)
    return replace(span, affirmed=affirmed, near=len(stretch) > 1 and len(key) < SLIP_LETTERS)


def _fitted(span: Span, stretch: Sequence[Token], same_words: Sequence[Reading], marked: bool) -> Span:
    """The span with the readings whose marks fit best to what was typed."""
    fits = [
        (reading, [marks(word.syllable, part) for word, part in zip(stretch, reading.spelling, strict=True)])
        for reading in same_words
    ]
    typed_marks = any(word.syllable.marked for word in stretch)
    exact = tuple(reading for reading, fit in fits if set(fit) == {Marks.EXACT})
    if exact and (typed_marks or marked):
        return replace(span, readings=exact, affirmed=True, exact=True)
    least = min(fit.count(Marks.CONFLICT) for _, fit in fits)
    kept = tuple(reading for reading, fit in fits if fit.count(Marks.CONFLICT) == least)
    return replace(span, readings=kept, conflicts=least, affirmed=typed_marks and least == 0)


def _surrounded(
    words: Sequence[Token], at: tuple[int, int], key: str, readings: tuple[Reading, ...], ahead: Before
) -> Span:
    """A span with what stands around it; how well it is spelled is still to be told."""
    start, end = at
    stretch = words[start:end]
    return Span(
        start=start,
        end=end,
        key=key,
        readings=readings,
        typed=" ".join(word.text for word in stretch),
        before=_with_unit_behind(_with_unit(ahead, readings, words, start), words, end),
        capital=all(word.capital for word in stretch),
        ends=end == len(words) or words[end].starts_clause or words[end].folded in TRAILING,
        alone=_alone(words, start, end),
        leads_on=end < len(words) and words[end].folded in LEADS_ON,
    )


def _with_unit_behind(ahead: Before, words: Sequence[Token], end: int) -> Before:
    unit = behind(words, end) if ahead.cue < Cue.UNIT and ahead.company is not Company.DENIAL else ""
    return Before(Cue.UNIT, unit, old=ahead.old) if unit else ahead


def _alone(words: Sequence[Token], start: int, end: int) -> bool:
    first, last = start, end
    while first > 0 and not words[first].starts_clause and words[first - 1].folded in LEADING:
        first -= 1
    while last < len(words) and not words[last].starts_clause and words[last].folded in TRAILING:
        last += 1
    return (first == 0 or words[first].starts_clause) and (last == len(words) or words[last].starts_clause)


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
    broken = [not is_syllable(word.folded) for word in words]
    ahead = [before(words, start, marked) for start in range(len(words))]
    for start, end in _stretches(words):
        if start in taken or end - 1 in taken or not taken.isdisjoint(range(start, end)):
            continue
        if any(word.respelled for word in words[start:end]):
            continue  # chat spelling and a slip besides: that far from a name are too many words
        surely = (start, end) == whole or ahead[start].cue >= Cue.PLACE or behind(words, end) != ""
        meant = surely or ahead[start].cue is Cue.NEAR
        if not (meant or (end - start == 3 and len(words) <= SLIP_WORDS)):
            continue
        in_unit = (ahead[start].cue is Cue.UNIT and ahead[start].unit != VILLAGE) or behind(words, end) != ""
        unlike_words = any(broken[start:end])
        toned = surely and any(word.syllable.tone for word in words[start:end])
        keys, short = _close(table, words[start:end], meant, meant and (in_unit or unlike_words or toned))
        readings = tuple(reading for key in keys for reading in table.index[key])
        if readings:
            slip = _slip(words, (start, end), keys[0], readings, ahead[start], short=short, broken=unlike_words)
            if not short or in_unit or unlike_words or slip.affirmed:
                yield slip


def _slip(
    words: Sequence[Token],
    at: tuple[int, int],
    key: str,
    readings: tuple[Reading, ...],
    ahead: Before,
    *,
    short: bool,
    broken: bool,
) -> Span:
    span = replace(_surrounded(words, at, key, readings, ahead), near=True, short=short, broken=broken)
    stretch, parts = words[at[0] : at[1]], readings[0].spelling
    if len(parts) != len(stretch):
        return span
    pairs = [(word.syllable, part) for word, part in zip(stretch, parts, strict=True)]
    conflicts = sum(typed.marked and not tone_fits(typed, part) for typed, part in pairs)
    affirmed = all(typed.tone == part.tone for typed, part in pairs) and any(part.tone for _, part in pairs)
    return replace(span, conflicts=conflicts, affirmed=affirmed)


def _close(table: Table, stretch: Sequence[Token], meant: bool, short_too: bool) -> tuple[list[str], bool]:
    """Keys that differ from a stretch in one letter, or only in how they are said; without `meant` long names only.

    With `short_too` also names of five and six letters, when no other is near; then the second value is True.
    """
    key = "".join([word.folded for word in stretch])
    if not SHORT_LETTERS - 1 <= len(key) <= table.longest + 1:
        return [], False
    by_sound = table.by_sound.get("".join([word.said for word in stretch]), ())
    keys = list(by_sound) if len(key) >= SHORT_LETTERS or short_too else []
    short = False
    if not keys and (short_too or len(key) >= SLIP_LETTERS - 1):
        near = _one_letter_away(table, key)
        keys = [one for one in near if len(one) >= SLIP_LETTERS and (meant or len(table.index[one][0].spelling) >= 3)]
        short = short_too and not keys
        if short:
            keys = [one for one in near if len(one) < SLIP_LETTERS and _inside(table, one)]
    # The same letters, split otherwise, are no slip: "khu nhà" is no Khun Há.
    kept = [one for one in keys if one != key and any(reading.type != VILLAGE for reading in table.index[one])]
    return (kept if meant else [one for one in kept if _inside(table, one)]), short


def _one_letter_away(table: Table, key: str) -> list[str]:
    near = table.near_keys
    found = {one for short in one_left_out(key) if short in near for one in near[short]}
    return sorted(one for one in found if OSA.distance(key, one, score_cutoff=1) <= 1)[:MAX_NEAR]


def _inside(table: Table, key: str) -> bool:
    return any(reading.era != OUTSIDE for reading in table.index[key])


def _compounds(table: Table, words: Sequence[Token]) -> list[tuple[int, int]]:
    """Where words such as "hỗ trợ" stand, from left to right: in "trung tam than uyen" there is no "tâm thần"."""
    found: list[tuple[int, int]] = []
    free_from = 0
    for start in range(len(words)):
        for length in (2, 3, 4):
            stretch = words[start : start + length]
            reading = table.compounds.get(" ".join(word.folded for word in stretch), ())
            if start >= free_from and reading and _may_be(stretch, reading):
                found.append((start, start + length))
                free_from = start + length
    return found


def _may_be(stretch: Sequence[Token], reading: Sequence[Syllable]) -> bool:
    return all(marks(word.syllable, part) is not Marks.CONFLICT for word, part in zip(stretch, reading, strict=True))


def _cut_by(blocked: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Whether a compound such as "hỗ trợ" begins or ends inside the name, or holds it."""
    return any(first < end and start < last and not (start <= first and last <= end) for first, last in blocked)

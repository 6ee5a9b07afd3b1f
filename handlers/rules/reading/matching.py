"""Finds the lexicon's groups and patterns in the tokens of a text, and drops what is denied or part of an idiom.

Work grows with the length of the text only: patterns look at neighbours within their gaps, never at all pairs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from handlers.rules.reading.lexicon import NOT_KNOWN, Lexicon, Pattern
from handlers.rules.reading.phrase_index import BRIDGE, FILLER, MASK, NEGATABLE, NEGATOR, NOTHING, OPENER
from handlers.rules.reading.weighing import Met, Span
from handlers.rules.reading.words import Tokens

_COMMA = 2  # a comma keeps words as far apart as two words would
_LONGEST_DENIAL = 4  # words between "không" and what it denies
_MOST_FILLERS = 6  # words without weight between two pieces of a pattern, beside its gap
_FEW = 12  # ways to have come so far, up to which trying each is faster than looking back word by word


class Hit(NamedTuple):
    """A sign found: which, and from which token to which (one past the last)."""

    sign: int
    start: int
    end: int
    is_guess: bool = False  # every word of it is short and typed without accents, so it may be another word


class Found(NamedTuple):
    """What stands in a text: each sign once, and the phrases of named groups in the order of their first tokens."""

    hits: list[Hit]
    phrases: list[Met]


def find_signs(lexicon: Lexicon, tokens: Tokens) -> Found:
    """All signs and named groups in the tokens."""
    phrases = _without_denied(_without_masked(_find_phrases(lexicon, tokens)), tokens)
    patterns = lexicon.patterns_among([groups for _, _, groups in phrases])
    spans = _spans_of({element for pattern in patterns for element in pattern.elements}, phrases)
    weight = _weights(tokens, _covered(phrases, FILLER))
    sentences = tokens.sentences
    hits: dict[int, Hit] = {}
    for pattern in patterns:
        sign = pattern.sign
        if sign not in hits:  # one pattern is enough for a sign
            place = _place_of(pattern, spans, weight, sentences)
            if place is not None:
                hits[sign] = Hit(sign, *place, _is_guess(lexicon.people, pattern, place, spans, tokens.exact))
    return Found(list(hits.values()), [met for met in phrases if met[2].names])


def _spans_of(wanted: set[int], phrases: Sequence[Met]) -> dict[int, list[Span]]:
    """Where the groups wanted stand, in the order of their first tokens; most groups found belong to no pattern that may hold."""
    spans: dict[int, list[Span]] = {group: [] for group in wanted}
    for start, end, groups in phrases:
        span = (start, end)
        for group in wanted & groups.numbers:
            spans[group].append(span)
    return spans


def _is_guess(
    people: Container[int], pattern: Pattern, place: Span, spans: Mapping[int, list[Span]], exact: Sequence[bool]
) -> bool:
    """Does nothing but single words without accents carry the pattern? Who it is about does not count."""
    begin, stop = place
    for element in pattern.elements:
        if element in people:
            continue
        for start, end in spans[element]:
            if begin <= start and end <= stop and (end - start > 2 or True in exact[start:end]):
                return False
    return True


def _find_phrases(lexicon: Lexicon, tokens: Tokens) -> list[Met]:
    """Every phrase of the lexicon in the text, in the order of its first token, with the groups it belongs to."""
    found: list[Met] = []
    openings, clauses, exacts, count = lexicon.openings, tokens.clauses, tokens.exact, len(tokens)
    row = [reading.words for reading in tokens.readings]
    for start, words in enumerate(row):
        if not words:
            continue
        step = openings.get(words) or lexicon.opening(words)
        clause, exact = clauses[start], exacts[start]
        at = start
        while True:
            groups = step.exact if exact else step.loose
            at += 1
            if groups is not NOTHING:
                found.append((start, at, groups))
            if at == count or clauses[at] != clause:
                break
            words = row[at]
            known = step.then.get(words, NOT_KNOWN)
            if known is NOT_KNOWN:
                known = lexicon.step(step, words)
            if known is None:
                break
            step, exact = known, exact and exacts[at]
    return found


def _without_masked(phrases: list[Met]) -> list[Met]:
    """Without the phrases that a longer idiom covers or cuts."""
    masks = [(start, end) for start, end, _ in _of_roles(phrases, MASK)]
    if not masks:
        return phrases
    covered = {at for start, end in masks for at in range(start, end)}
    found = []
    for met in phrases:
        start, end, _ = met
        if start in covered or end - 1 in covered:  # otherwise a mask can only be shorter
            size = end - start
            if any([start < to and begin < end and to - begin > size for begin, to in masks]):
                continue
        found.append(met)
    return found


def _without_denied(phrases: list[Met], tokens: Tokens) -> list[Met]:
    """Without the acts that are denied: after "không", "chưa từng", "hết" and the words that carry these on."""
    special = _of_roles(phrases, NEGATOR | BRIDGE | OPENER)
    ends = [end for _, end, _ in _of_roles(special, NEGATOR)]
    if not ends:
        return phrases
    bridges = _covered(special, BRIDGE)
    openers = {start for start, _, _ in _of_roles(special, OPENER)}
    clauses = tokens.clauses
    denied: set[int] = set()
    for end in ends:
        for at in range(end, min(end + _LONGEST_DENIAL, len(tokens))):
            if clauses[at] != clauses[end - 1] or at in openers:
                break
            denied.add(at)
            if at not in bridges:
                break
    return [met for met in phrases if met[0] not in denied or not met[2].roles & NEGATABLE]


def _of_roles(phrases: Sequence[Met], roles: int) -> list[Met]:
    """The phrases that have one of these roles."""
    return [met for met in phrases if met[2].roles & roles]


def _covered(phrases: Sequence[Met], role: int) -> set[int]:
    """The tokens that phrases of a role cover."""
    return {at for start, end, _ in _of_roles(phrases, role) for at in range(start, end)}


def _weights(tokens: Tokens, fillers: set[int]) -> list[int]:
    """Running distance before each token: fillers weigh nothing, a comma as much as two words."""
    weights = [0]
    clause = 0
    for at, here in enumerate(tokens.clauses):
        if here != clause:
            clause = here
            if at:
                weights[-1] += _COMMA
        weights.append(weights[-1] + (at not in fillers))
    return weights


def _pair(
    first: Sequence[Span], second: Sequence[Span], gap: int, weight: Sequence[int], sentences: Sequence[int]
) -> Span | None:
    """Where two elements stand with no more than the gap between; the spans are in the order of their first tokens."""
    for start, end in first:
        furthest = end + gap + _MOST_FILLERS
        begin = bisect_left(second, (start,)) if len(second) > _FEW else 0
        for other, last in islice(second, begin, None) if begin else second:
            if other > furthest:
                break
            if other >= end and weight[other] - weight[end] <= gap and sentences[other] == sentences[start]:
                return start, last
    return None


def _place_of(
    pattern: Pattern, spans: Mapping[int, list[Span]], weight: Sequence[int], sentences: Sequence[int]
) -> Span | None:
    """Where the pattern stands first (start, end), or nothing."""
    elements, gaps = pattern.elements, pattern.gaps
    first = spans[elements[0]]
    if len(elements) == 1:
        return first[0]
    if len(elements) == 2:
        return _pair(first, spans[elements[1]], gaps[1], weight, sentences)
    if _pair(first, spans[elements[1]], gaps[1], weight, sentences) is None:  # true of most, and soon known
        return None
    reached = {end: start for start, end in first}  # for each end only the latest start is kept
    for element, gap in zip(elements[1:], gaps[1:], strict=True):
        reached = _further(reached, spans[element], gap, weight, sentences)
        if not reached:
            return None
    return min([(start, end) for end, start in reached.items()])


def _further(
    reached: Mapping[int, int], spans: Sequence[Span], gap: int, weight: Sequence[int], sentences: Sequence[int]
) -> dict[int, int]:
    """One element further: end -> latest start, from where the elements before it end (and began)."""
    found: dict[int, int] = {}
    for start, end in spans:
        earliest = start - gap - _MOST_FILLERS
        ways = reached if len(reached) <= _FEW else [at for at in range(max(earliest, 0), start + 1) if at in reached]
        for before in ways:
            if earliest <= before <= start and weight[start] - weight[before] <= gap:
                begin = reached[before]
                if found.get(end, -1) < begin and sentences[begin] == sentences[start]:
                    found[end] = begin
    return found

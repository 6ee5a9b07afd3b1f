"""Finds the lexicon's groups and patterns in the tokens of a text, and drops what is denied or part of an idiom.

Work grows with the length of the text only: patterns look at neighbours within their gaps, never at all pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

from handlers.rules.reading.lexicon import NOT_KNOWN, Lexicon, Pattern
from handlers.rules.reading.phrase_index import BRIDGE, FILLER, MASK, NEGATABLE, NEGATOR, OPENER, Groups
from handlers.rules.reading.words import Token

Span: TypeAlias = "tuple[int, int]"  # first token, and one past the last
Phrases: TypeAlias = "dict[Span, Groups]"
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
    """What stands in a text: each sign once; of each phrase the named groups and its tokens, in the order of the first."""

    hits: list[Hit]
    groups: list[tuple[tuple[str, ...], int, int]]


def find_signs(lexicon: Lexicon, tokens: Sequence[Token]) -> Found:
    """All signs and named groups in the tokens."""
    phrases = _without_denied(_without_masked(_find_phrases(lexicon, tokens)), tokens)
    weight = _weights(tokens, _covered(phrases, FILLER))
    patterns = lexicon.patterns_among(phrases.values())
    spans = _spans_of({element for pattern in patterns for element in pattern.elements}, phrases)
    hits: dict[int, Hit] = {}
    for pattern in patterns:
        if pattern.sign not in hits:  # one pattern is enough for a sign
            place = _place_of(pattern, spans, weight, tokens)
            if place is not None:
                hits[pattern.sign] = Hit(pattern.sign, *place, _is_guess(lexicon, pattern, place, spans, tokens))
    named = [(groups.names, *span) for span, groups in phrases.items() if groups.names]
    return Found(list(hits.values()), named)


def _spans_of(wanted: set[int], phrases: Phrases) -> dict[int, list[Span]]:
    """Where the groups wanted stand, in the order of their first tokens; most groups found belong to no pattern that may hold."""
    spans: dict[int, list[Span]] = {group: [] for group in wanted}
    for span, groups in phrases.items():
        for group in wanted.intersection(groups.numbers):
            spans[group].append(span)
    return spans


def _is_guess(
    lexicon: Lexicon, pattern: Pattern, place: Span, spans: Mapping[int, list[Span]], tokens: Sequence[Token]
) -> bool:
    """Does nothing but single words without accents carry the pattern? Who it is about does not count."""
    begin, stop = place
    for element in pattern.elements:
        if lexicon.people >> element & 1:
            continue
        for start, end in spans[element]:
            if (
                begin <= start
                and end <= stop
                and (end - start > 2 or any([tokens[at].is_exact for at in range(start, end)]))
            ):
                return False
    return True


def _find_phrases(lexicon: Lexicon, tokens: Sequence[Token]) -> Phrases:
    """Every phrase of the lexicon in the text, in the order of its first token, with the groups it belongs to."""
    found: Phrases = {}
    openings, count = lexicon.openings, len(tokens)
    for start, first in enumerate(tokens):
        words, clause, exact = first.words, first.clause, first.is_exact
        if not words:
            continue
        step = openings.get(words) or lexicon.opening(words)
        at = start
        while True:
            groups = step.exact if exact else step.loose
            at += 1
            if groups.mask:
                found[start, at] = groups
            if at == count:
                break
            token = tokens[at]
            if token.clause != clause:
                break
            words = token.words
            known = step.then.get(words, NOT_KNOWN)
            if known is NOT_KNOWN:
                known = lexicon.step(step, words)
            if known is None:
                break
            step, exact = known, exact and token.is_exact
    return found


def _without_masked(phrases: Phrases) -> Phrases:
    """Without the phrases that a longer idiom covers or cuts."""
    masks = [span for span, groups in phrases.items() if groups.roles & MASK]
    if not masks:
        return phrases
    covered = {at for start, end in masks for at in range(start, end)}
    found = {}
    for (start, end), groups in phrases.items():
        if start in covered or end - 1 in covered:  # otherwise a mask can only be shorter
            size = end - start
            if any([start < to and begin < end and to - begin > size for begin, to in masks]):
                continue
        found[start, end] = groups
    return found


def _without_denied(phrases: Phrases, tokens: Sequence[Token]) -> Phrases:
    """Without the acts that are denied: after "không", "chưa từng", "hết" and the words that carry these on."""
    ends = [end for (_, end), groups in phrases.items() if groups.roles & NEGATOR]
    if not ends:
        return phrases
    bridges = _covered(phrases, BRIDGE)
    openers = {start for (start, _), groups in phrases.items() if groups.roles & OPENER}
    denied: set[int] = set()
    for end in ends:
        for at in range(end, min(end + _LONGEST_DENIAL, len(tokens))):
            if tokens[at].clause != tokens[end - 1].clause or at in openers:
                break
            denied.add(at)
            if at not in bridges:
                break
    return {span: groups for span, groups in phrases.items() if span[0] not in denied or not groups.roles & NEGATABLE}


def _covered(phrases: Phrases, role: int) -> set[int]:
    """The tokens that phrases of a role cover."""
    return {at for (start, end), groups in phrases.items() if groups.roles & role for at in range(start, end)}


def _weights(tokens: Sequence[Token], fillers: set[int]) -> list[int]:
    """Running distance before each token: fillers weigh nothing, a comma as much as two words."""
    weight = [0]
    clause = 0
    for at, token in enumerate(tokens):
        if token.clause != clause:
            clause = token.clause
            if at:
                weight[-1] += _COMMA
        weight.append(weight[-1] + (at not in fillers))
    return weight


def _pair(
    first: Sequence[Span], second: Sequence[Span], gap: int, weight: Sequence[int], tokens: Sequence[Token]
) -> Span | None:
    """Where two elements stand with no more than the gap between; the spans are in the order of their first tokens."""
    furthest = gap + _MOST_FILLERS
    begin = 0
    for start, end in first:
        while begin < len(second) and second[begin][0] < start:
            begin += 1
        for other, last in islice(second, begin, None):
            if other > end + furthest:
                break
            if other >= end and weight[other] - weight[end] <= gap and tokens[other].sentence == tokens[start].sentence:
                return start, last
    return None


def _place_of(
    pattern: Pattern, spans: Mapping[int, list[Span]], weight: Sequence[int], tokens: Sequence[Token]
) -> Span | None:
    """Where the pattern stands first (start, end), or nothing."""
    first = spans[pattern.elements[0]]
    if len(pattern.elements) == 1:
        return first[0]
    if len(pattern.elements) == 2:
        return _pair(first, spans[pattern.elements[1]], pattern.gaps[1], weight, tokens)
    reached = {end: start for start, end in first}  # for each end only the latest start is kept
    for element, gap in zip(pattern.elements[1:], pattern.gaps[1:], strict=True):
        forward: dict[int, int] = {}
        for start, end in spans[element]:
            earliest = start - gap - _MOST_FILLERS
            ways = reached if len(reached) <= _FEW else range(max(earliest, 0), start + 1)
            for before in ways:
                if before > start or before < earliest or before not in reached:
                    continue
                if weight[start] - weight[before] <= gap:
                    begin = reached[before]
                    if forward.get(end, -1) < begin and tokens[begin].sentence == tokens[start].sentence:
                        forward[end] = begin
        if not forward:
            return None
        reached = forward
    return min((start, end) for end, start in reached.items())

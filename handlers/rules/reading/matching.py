"""Finds the lexicon's groups and patterns in the tokens of a text, and drops what is denied or part of an idiom.

Work grows with the length of the text only: patterns look at neighbours within their gaps, never at all pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from handlers.rules.reading.lexicon import Lexicon, Pattern
from handlers.rules.reading.phrase_index import END, Groups
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
    """What stands in a text: each sign once, and the named groups with their tokens, in the order of the first."""

    hits: list[Hit]
    groups: list[tuple[str, int, int]]


def find_signs(lexicon: Lexicon, tokens: Sequence[Token]) -> Found:
    """All signs and named groups in the tokens."""
    phrases = _without_denied(lexicon, _without_masked(lexicon, _find_phrases(lexicon, tokens)), tokens)
    present, numbers = 0, set[int]()
    for groups in phrases.values():
        present |= groups.mask
        numbers |= groups.numbers
    patterns = lexicon.patterns_among(present, numbers)
    wanted = {element for pattern in patterns for element in pattern.elements}
    spans: dict[int, list[Span]] = {element: [] for element in wanted}
    for span, groups in phrases.items():
        for group in groups.numbers & wanted:
            spans[group].append(span)
    weight = _weights(tokens, _covered(phrases, 1 << lexicon.group_numbers["fillers"]))
    hits: dict[int, Hit] = {}
    for pattern in patterns:
        if pattern.sign not in hits:  # one pattern is enough for a sign
            places = _matches(pattern, spans, weight, tokens)
            if places:
                place = min(places)
                hits[pattern.sign] = Hit(pattern.sign, *place, _is_guess(lexicon, pattern, place, spans, tokens))
    named = [(name, *span) for span, groups in phrases.items() for name in groups.names]
    return Found(list(hits.values()), named)


def _is_guess(
    lexicon: Lexicon, pattern: Pattern, place: Span, spans: Mapping[int, list[Span]], tokens: Sequence[Token]
) -> bool:
    """Does nothing but single words without accents carry the pattern? Who it is about does not count."""
    begin, stop = place
    for element in pattern.elements:
        if lexicon.people >> element & 1:
            continue
        for start, end in spans[element]:
            if begin <= start and end <= stop and (end - start > 1 or tokens[start].is_exact):
                return False
    return True


def _find_phrases(lexicon: Lexicon, tokens: Sequence[Token]) -> Phrases:
    """Every phrase of the lexicon in the text, in the order of its first token, with the groups it belongs to."""
    found: Phrases = {}
    for start, first in enumerate(tokens):
        if not first.words:
            continue
        frontier = [lexicon.trie]
        exact = True
        for at in range(start, len(tokens)):
            token = tokens[at]
            if token.clause != first.clause:
                break
            frontier = [node[word] for node in frontier for word in token.words if word in node]
            if not frontier:
                break
            exact = exact and token.is_exact
            for node in frontier:
                if END in node:
                    groups = node[END].exact if exact else node[END].loose
                    if groups.mask:
                        span = (start, at + 1)
                        found[span] = _both(lexicon, found[span], groups) if span in found else groups
    return found


def _both(lexicon: Lexicon, one: Groups, other: Groups) -> Groups:
    """The groups of two words that one token may be."""
    key = (id(one), id(other))  # both live as long as the lexicon
    union = lexicon.unions.get(key)
    if union is None:
        union = Groups(one.mask | other.mask, one.numbers | other.numbers, one.names + other.names)
        lexicon.unions[key] = union
    return union


def _without_masked(lexicon: Lexicon, phrases: Phrases) -> Phrases:
    """Without the phrases that a longer idiom covers or cuts."""
    masks = [span for span, groups in phrases.items() if groups.mask & lexicon.masks]
    if not masks:
        return phrases
    return {
        (start, end): groups
        for (start, end), groups in phrases.items()
        if not any(start < to and begin < end and to - begin > end - start for begin, to in masks)
    }


def _without_denied(lexicon: Lexicon, phrases: Phrases, tokens: Sequence[Token]) -> Phrases:
    """Without the acts that are denied: after "không", "chưa từng", "hết" and the words that carry these on."""
    negator = 1 << lexicon.group_numbers["negators"]
    ends = [end for (_, end), groups in phrases.items() if groups.mask & negator]
    if not ends:
        return phrases
    bridges = _covered(phrases, 1 << lexicon.group_numbers["bridges"])
    opener = 1 << lexicon.group_numbers["openers"]
    openers = {start for (start, _), groups in phrases.items() if groups.mask & opener}
    denied: set[int] = set()
    for end in ends:
        for at in range(end, min(end + _LONGEST_DENIAL, len(tokens))):
            if tokens[at].clause != tokens[end - 1].clause or at in openers:
                break
            denied.add(at)
            if at not in bridges:
                break
    return {
        span: groups for span, groups in phrases.items() if span[0] not in denied or not groups.mask & lexicon.negatable
    }


def _covered(phrases: Phrases, group: int) -> set[int]:
    """The tokens that phrases of a group cover."""
    return {at for (start, end), groups in phrases.items() if groups.mask & group for at in range(start, end)}


def _weights(tokens: Sequence[Token], fillers: set[int]) -> list[int]:
    """Running distance before each token: fillers weigh nothing, a comma as much as two words."""
    weight = [0]
    for at, token in enumerate(tokens):
        if at and token.clause != tokens[at - 1].clause:
            weight[-1] += _COMMA
        weight.append(weight[-1] + (at not in fillers))
    return weight


def _matches(
    pattern: Pattern, spans: Mapping[int, list[Span]], weight: Sequence[int], tokens: Sequence[Token]
) -> list[Span]:
    """Where the pattern stands (start, end). For each end only the latest start is kept."""
    reached = {end: start for start, end in spans[pattern.elements[0]]}
    for element, gap in zip(pattern.elements[1:], pattern.gaps[1:], strict=True):
        forward: dict[int, int] = {}
        for start, end in spans[element]:
            earliest = start - gap - _MOST_FILLERS
            ways = reached if len(reached) <= _FEW else range(max(earliest, 0), start + 1)
            for before in ways:
                if not earliest <= before <= start or before not in reached:
                    continue
                begin = reached[before]
                near = weight[start] - weight[before] <= gap and tokens[begin].sentence == tokens[start].sentence
                if near and forward.get(end, -1) < begin:
                    forward[end] = begin
        if not forward:
            return []
        reached = forward
    return [(start, end) for end, start in reached.items()]

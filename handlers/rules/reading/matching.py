"""Finds the lexicon's groups and patterns in the tokens of a text, and drops what is denied or part of an idiom.

Work grows with the length of the text only: patterns look at neighbours within their gaps, never at all pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.rules.reading.lexicon import Lexicon, Pattern
from handlers.rules.reading.phrase_index import END
from handlers.rules.reading.words import Token

Span = tuple[int, int]  # first token, and one past the last
_COMMA = 2  # a comma keeps words as far apart as two words would
_LONGEST_DENIAL = 4  # words between "không" and what it denies


@dataclass(frozen=True, slots=True)
class Hit:
    """A sign found: which, and from which token to which (one past the last)."""

    sign: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in a text: the signs, in no particular order, and the named groups with their first tokens."""

    hits: list[Hit]
    groups: list[tuple[str, int]]


def find_signs(lexicon: Lexicon, tokens: Sequence[Token]) -> Found:
    """All signs and named groups in the tokens."""
    spans, present = _find_groups(lexicon, tokens)
    fillers = {at for start, end in spans.get(lexicon.group_numbers["fillers"], ()) for at in range(start, end)}
    weight = [0]
    for at, token in enumerate(tokens):
        crosses = at > 0 and token.clause != tokens[at - 1].clause
        weight[-1] += _COMMA * crosses
        weight.append(weight[-1] + (at not in fillers))
    hits: list[Hit] = []
    for pattern in lexicon.patterns:
        if pattern.needs & present == pattern.needs:
            for start, end in _matches(pattern, spans, weight, tokens):
                hits.append(Hit(pattern.sign, start, end))
    named = [
        (lexicon.cue_groups[group], start)
        for group, found in spans.items()
        if group in lexicon.cue_groups
        for start, _ in found
    ]
    return Found(hits, named)


def _find_groups(lexicon: Lexicon, tokens: Sequence[Token]) -> tuple[dict[int, list[Span]], int]:
    """Spans per group, sorted by start, and the bit mask of groups present, after idioms and denials are taken out."""
    found: list[tuple[int, int, dict[int, bool]]] = []
    masked: list[Span] = []
    root = lexicon.trie
    for start in range(len(tokens)):
        frontier = [root]
        sentence = tokens[start].sentence
        for at in range(start, len(tokens)):
            token = tokens[at]
            if token.sentence != sentence:
                break
            frontier = [node[word] for node in frontier for word in token.words if word in node]
            if not frontier:
                break
            for node in frontier:
                ends = node.get(END)
                if ends is not None:
                    found.append((start, at + 1, ends))
    strict_from = [0]
    for token in tokens:
        strict_from.append(strict_from[-1] + (not token.is_exact))
    kept: dict[int, list[Span]] = {}
    for start, end, ends in found:
        loose = strict_from[end] - strict_from[start]
        for group, needs_accents in ends.items():
            if needs_accents and loose:
                continue
            if group in lexicon.masks:
                masked.append((start, end))
            spans = kept.setdefault(group, [])
            if not spans or spans[-1] != (start, end):
                spans.append((start, end))
    if masked:
        kept = {group: _unmasked(spans, masked) for group, spans in kept.items()}
    denied = _denied_starts(lexicon, kept, tokens)
    gone = {
        span
        for group, spans in kept.items()
        if denied and lexicon.negatable >> group & 1
        for span in spans
        if span[0] in denied
    }
    present = 0
    for group, spans in kept.items():
        if gone:
            kept[group] = spans = [span for span in spans if span not in gone]
        if spans:
            present |= 1 << group
    return kept, present


def _unmasked(spans: list[Span], masked: list[Span]) -> list[Span]:
    """Without the spans that a longer idiom covers or cuts."""
    left = []
    for start, end in spans:
        hidden = any(start < to and begin < end and to - begin > end - start for begin, to in masked)
        if not hidden:
            left.append((start, end))
    return left


def _denied_starts(lexicon: Lexicon, kept: dict[int, list[Span]], tokens: Sequence[Token]) -> set[int]:
    """Token positions where a denied act would start: after "không", "chưa từng", "hết" and words that carry them on."""
    negators = kept.get(lexicon.group_numbers["negators"], [])
    if not negators:
        return set()
    bridge = {at for start, end in kept.get(lexicon.group_numbers["bridges"], ()) for at in range(start, end)}
    openers = {start for start, _ in kept.get(lexicon.group_numbers["openers"], ())}
    denied: set[int] = set()
    for _, end in negators:
        for at in range(end, min(end + _LONGEST_DENIAL, len(tokens))):
            if tokens[at].clause != tokens[end - 1].clause or at in openers:
                break
            denied.add(at)
            if at not in bridge:
                break
    return denied


def _matches(
    pattern: Pattern, spans: dict[int, list[Span]], weight: Sequence[int], tokens: Sequence[Token]
) -> list[Span]:
    """Where the pattern stands (start, end). For each end only the latest start is kept."""
    reached = {end: start for start, end in spans[pattern.elements[0]]}
    for element, gap in zip(pattern.elements[1:], pattern.gaps[1:], strict=True):
        forward: dict[int, int] = {}
        for start, end in spans[element]:
            sentence = tokens[start].sentence
            for before in range(start, max(-1, start - gap - 7), -1):
                begin = reached.get(before)
                if begin is None:
                    continue
                if weight[start] - weight[before] <= gap and tokens[begin].sentence == sentence:
                    if forward.get(end, -1) < begin:
                        forward[end] = begin
        if not forward:
            return []
        reached = forward
    return [(start, end) for end, start in reached.items()]

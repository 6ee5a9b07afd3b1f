"""A second opinion beside the rules: words, groups and pairs of groups carry points, and enough of them raise a text.

Rules know what somebody thought of; points also see what is said in words nobody wrote a pattern for. The table is learnt
from the development set by one command (`make points`), stands in the content set as plain text, and works on words
without accents, so that all spellings weigh the same. It can only raise what the rules found.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from flows.findings import Finding
from handlers.rules.reading.items import LexiconError
from handlers.rules.reading.words import Token

START = "(start)"  # the row every text begins with
LEVELS = ("emergency", "urgent", "standard")  # one column each: points that the text deserves at least this level
SIGNS = tuple(f"points_{level}" for level in LEVELS)  # what the rules call it when a column ends above zero
POSSIBLE = "points_possible"  # the emergency column ends not far below zero: enough beside a sign that is weak alone
SHORT = "short_text"  # the text has so few words that one of them may be all there is to say
SHORT_TOKENS = 6
PAIRED = "w_"  # groups whose name begins so are weighed in pairs too: who with what with when
NEAR = 8  # tokens between the two groups of a pair
_NOT_FAR = 150  # hundredths
_WINDOW, _STEP = 60, 30  # tokens weighed together, so that a long letter is not judged by its length
_TOP = 3  # cues quoted as the reason

GroupAt: TypeAlias = "tuple[str, int, int]"  # a named group, and from which token to which (one past the last)
Span: TypeAlias = "tuple[int, int]"
Row: TypeAlias = "tuple[int, ...]"
Weighed: TypeAlias = "tuple[Row, tuple[Span, ...]]"  # the points of a cue, and the pieces of the text it stands in


class Points:
    """The table of points."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        """`rows`: cue -> points for each level, in hundredths."""
        self._start = rows.get(START, (-10_000,) * len(LEVELS))
        self._words: dict[str, Row] = {}
        self._groups: dict[str, Row] = {}
        self._pairs: dict[str, dict[str, Row]] = {}
        for cue, row in rows.items():
            one, plus, two = cue.partition("+")
            if plus:
                self._pairs.setdefault(one[1:-1], {})[two[1:-1]] = row
                self._pairs.setdefault(two[1:-1], {})[one[1:-1]] = row
            elif cue[0] == "<":
                self._groups[cue[1:-1]] = row
            else:
                self._words[cue] = row

    @classmethod
    def load(cls, file: str, content: bytes) -> Points:
        """From CSV: a header `cue,emergency,urgent,standard` and one line a cue; raises `LexiconError` with the line."""
        rows: dict[str, Row] = {}
        number = 1
        try:
            lines = csv.reader(io.StringIO(content.decode("utf-8-sig")), strict=True)
            if next(lines, []) != ["cue", *LEVELS]:
                raise ValueError
            for line in lines:
                number = lines.line_num
                cue, *values = line
                if not cue or len(values) != len(LEVELS):
                    raise ValueError
                rows[cue] = tuple(int(value) for value in values)
        except (ValueError, csv.Error):
            raise LexiconError([_finding(file, number)]) from None
        return cls(rows)

    def weigh(self, tokens: Sequence[Token], groups: Sequence[GroupAt]) -> dict[str, tuple[Span, ...]]:
        """The levels a text deserves by its points: the sign's name, and the pieces that weighed most.

        `groups` in the order of their first tokens.
        """
        found: dict[str, tuple[Span, ...]] = {}
        for begin in range(0, max(len(tokens) - _WINDOW, 0) + _STEP, _STEP):
            end = begin + _WINDOW
            cues = self._words_among(tokens[begin:end], begin)
            cues += self._groups_among([one for one in groups if begin <= one[1] < end])
            for column, sign in enumerate(SIGNS):
                total = self._start[column] + sum([row[column] for row, _ in cues])
                if total > 0 and sign not in found:
                    found[sign] = _heaviest(cues, column)
                if column == 0 and total > -_NOT_FAR and POSSIBLE not in found:
                    found[POSSIBLE] = _heaviest(cues, column)
        return found

    def _words_among(self, tokens: Sequence[Token], begin: int) -> list[Weighed]:
        table, seen, cues = self._words, set[str](), list[Weighed]()
        for at, token in enumerate(tokens, begin):
            for word in token.plain.split():
                if word in table and word not in seen:
                    seen.add(word)
                    cues.append((table[word], ((at, at + 1),)))
        return cues

    def _groups_among(self, groups: Sequence[GroupAt]) -> list[Weighed]:
        table, pairs, seen, cues = self._groups, self._pairs, set[object](), list[Weighed]()
        for number, (name, start, end) in enumerate(groups):
            if name in table and name not in seen:
                seen.add(name)
                cues.append((table[name], ((start, end),)))
            partners = pairs.get(name)
            if not partners:
                continue
            for other, begin, stop in islice(groups, number + 1, None):
                if begin - start > NEAR:
                    break
                if other in partners and (name, other) not in seen:
                    seen.update(((name, other), (other, name)))
                    cues.append((partners[other], ((start, end), (begin, stop))))
        return cues


def _heaviest(cues: Iterable[Weighed], column: int) -> tuple[Span, ...]:
    heavy = sorted((cue for cue in cues if cue[0][column] > 0), key=lambda cue: -cue[0][column])
    return tuple(sorted({span for _, spans in heavy[:_TOP] for span in spans}))


def cue_names(tokens: Sequence[Token], groups: Sequence[GroupAt]) -> set[str]:
    """Every cue of a text, whether the table knows it or not: what the table is learnt from."""
    names = {word for token in tokens for word in token.plain.split()}
    names.update(f"<{name}>" for name, _, _ in groups)
    paired = [one for one in groups if one[0].startswith(PAIRED)]
    for number, (name, start, _) in enumerate(paired):
        for other, begin, _ in islice(paired, number + 1, None):
            if begin - start > NEAR:
                break
            if other != name:
                one, two = sorted((name, other))
                names.add(f"<{one}>+<{two}>")
    return names


def _finding(file: str, line: int) -> Finding:
    message = "a line is a cue and one whole number a column; the header starts with cue,emergency,urgent,standard"
    return Finding(
        file,
        line,
        1,
        "bad-points",
        "mỗi dòng: một cụm và các số nguyên; dòng đầu: cue,emergency,urgent,standard",
        message,
    )

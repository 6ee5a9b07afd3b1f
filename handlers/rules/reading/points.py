"""A second opinion beside the rules: every word, pair of words and group of a text carries points, and enough of them raise it.

Rules know what somebody thought of; points also see what is said in words nobody wrote a pattern for. The table is learnt
from the tuning part of the development set (`tests/benchmarks/learn_points.py`), stands in the content set as plain text,
and works on words without accents, so that all spellings weigh the same. It can only raise what the rules found.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from flows.findings import Finding
from handlers.rules.reading.items import LexiconError
from handlers.rules.reading.words import Token

START = "(start)"  # the row every text begins with
LEVELS = ("emergency", "urgent", "standard")  # one column each: points that the text deserves at least this level
SIGNS = tuple(f"points_{level}" for level in LEVELS)  # what the rules call it when a column ends above zero
Cue: TypeAlias = "tuple[str, int]"  # something that may carry points ("danh", "danh em", "<weapon>"), and its token
_WINDOW, _STEP = 60, 30  # tokens weighed together, so that a long letter is not judged by its length
_FEWEST = 6  # tokens: a shorter text says too little for points, the rules alone judge it
_TOP = 3  # words quoted as the reason


class Points:
    """The table of points."""

    def __init__(self, rows: Mapping[str, tuple[int, ...]]) -> None:
        """`rows`: cue -> points for each level, in hundredths."""
        self._rows = rows
        self._start = rows.get(START, (-1,) * len(LEVELS))

    @classmethod
    def load(cls, file: str, content: bytes) -> Points:
        """From CSV: a header `cue,emergency,urgent,standard` and one line a cue; raises `LexiconError` with the line."""
        rows: dict[str, tuple[int, ...]] = {}
        number = 1
        try:
            lines = csv.reader(io.StringIO(content.decode("utf-8-sig")), strict=True)
            if next(lines, []) != ["cue", *LEVELS]:
                raise ValueError
            for line in lines:
                number = lines.line_num
                cue, *values = line
                if len(values) != len(LEVELS):
                    raise ValueError
                rows[cue] = tuple(int(value) for value in values)
        except (ValueError, csv.Error):
            raise LexiconError([_finding(file, number)]) from None
        return cls(rows)

    def weigh(self, cues: Sequence[Cue]) -> dict[str, tuple[int, ...]]:
        """The levels a text deserves by its points: the sign's name, and the tokens that weighed most (three at most)."""
        if max((at for _, at in cues), default=0) < _FEWEST - 1:
            return {}
        known = [cue for cue in cues if cue[0] in self._rows]
        last = max((at for _, at in known), default=0)
        found: dict[str, tuple[int, ...]] = {}
        for begin in range(0, max(last - _WINDOW, 0) + _STEP, _STEP):
            here = {name: at for name, at in known if begin <= at < begin + _WINDOW}
            rows = [self._rows[name] for name in here]
            for column, sign in enumerate(SIGNS):
                if sign not in found and self._start[column] + sum(row[column] for row in rows) > 0:
                    found[sign] = self._heaviest(here, column)
        return found

    def _heaviest(self, here: Mapping[str, int], column: int) -> tuple[int, ...]:
        heavy = sorted(here, key=lambda name: -self._rows[name][column])[:_TOP]
        return tuple(sorted({here[name] for name in heavy if self._rows[name][column] > 0}))


def cues_of(tokens: Sequence[Token], groups: Iterable[Cue]) -> list[Cue]:
    """The cues of a text: its words without accents, pairs of neighbours, and the groups found with their first token."""
    words = [(word, at) for at, token in enumerate(tokens) for word in token.plain.split()]
    pairs = [(f"{one} {two}", at) for (one, at), (two, _) in pairwise(words)]
    return words + pairs + [(f"<{name}>", at) for name, at in groups]


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

"""A second opinion beside the rules: every word, pair of words and group of a text carries points, and enough of them raise it.

Rules know what somebody thought of; points also see what is said in words nobody wrote a pattern for. The table is learnt
from the tuning part of the development set (`tests/benchmarks/learn_points.py`), stands in the content set as plain text,
and works on words without accents, so that all spellings weigh the same. It can only raise what the rules found.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flows.findings import Finding
from handlers.rules.reading.items import LexiconError

START = "(start)"  # the row every text begins with
LEVELS = ("emergency", "urgent")  # columns that raise a severity; the others are categories
_WINDOW, _STEP = 40, 20  # tokens weighed together, so that a long letter is not judged by its length
_TOP = 3  # words quoted as the reason


@dataclass(frozen=True, slots=True)
class Cue:
    """Something in the text that may carry points, and the token it stands at."""

    name: str  # "danh", "danh em", "<weapon>"
    at: int


@dataclass(frozen=True, slots=True)
class Weighed:
    """Points per column (hundredths; above zero means more likely than not), and the tokens that weighed most for each level."""

    points: Mapping[str, int]
    reasons: Mapping[str, tuple[int, ...]]


class Points:
    """The table of points."""

    def __init__(self, columns: tuple[str, ...], rows: Mapping[str, tuple[int, ...]]) -> None:
        """`rows`: cue -> points for each column, in hundredths."""
        self._columns = columns
        self._rows = rows
        self._start = rows.get(START, (0,) * len(columns))

    @classmethod
    def load(cls, file: str, content: bytes) -> Points:
        """From CSV: a header `cue,emergency,urgent,…` and one line a cue; raises `LexiconError` with the line."""
        rows: dict[str, tuple[int, ...]] = {}
        try:
            lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
        except (UnicodeDecodeError, csv.Error):
            raise LexiconError([_finding(file, 1)]) from None
        if not lines or lines[0][:3] != ["cue", *LEVELS]:
            raise LexiconError([_finding(file, 1)])
        for number, line in enumerate(lines[1:], start=2):
            try:
                rows[line[0]] = tuple(int(value or 0) for value in line[1:])
            except (ValueError, IndexError):
                raise LexiconError([_finding(file, number)]) from None
            if len(rows[line[0]]) != len(lines[0]) - 1:
                raise LexiconError([_finding(file, number)])
        return cls(tuple(lines[0][1:]), rows)

    def weigh(self, cues: Sequence[Cue]) -> Weighed:
        """The heaviest stretch of a text, per column."""
        last = max((cue.at for cue in cues), default=0)
        best: dict[str, int] = {}
        reasons: dict[str, tuple[int, ...]] = {}
        for begin in range(0, max(last - _STEP, 0) + 1, _STEP):
            here = {cue.name: cue for cue in cues if begin <= cue.at < begin + _WINDOW and cue.name in self._rows}
            for at, column in enumerate(self._columns):
                total = self._start[at] + sum(self._rows[name][at] for name in here)
                if total > best.get(column, -(10**9)):
                    best[column] = total
                    if column in LEVELS:
                        heavy = sorted(here.values(), key=lambda cue: -self._rows[cue.name][at])[:_TOP]
                        reasons[column] = tuple(sorted({cue.at for cue in heavy if self._rows[cue.name][at] > 0}))
        return Weighed(best, reasons)


def cues_of(folds: Sequence[str], groups: Iterable[tuple[str, int]]) -> list[Cue]:
    """The cues of a text: its words without accents, pairs of neighbours, and the groups found with their first token."""
    cues = [Cue(word, at) for at, word in enumerate(folds) if word]
    cues += [Cue(f"{one} {two}", at) for at, (one, two) in enumerate(zip(folds, folds[1:], strict=False)) if one and two]
    cues += [Cue(f"<{name}>", at) for name, at in groups]
    return cues


def _finding(file: str, line: int) -> Finding:
    message = "a line is a cue and one whole number a column; the header starts with cue,emergency,urgent"
    return Finding(file, line, 1, "bad-points", "mỗi dòng: một cụm và các số nguyên; dòng đầu: cue,emergency,urgent", message)

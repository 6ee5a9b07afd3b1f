"""Which kind of harm a text speaks of, weighed over all its words: for texts in which several kinds, or none, are named outright.

The table is learnt from the development set with the points (`make points`) and stands beside them as plain text. It never
touches the severity.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from flows.findings import Finding
from handlers.rules.reading.items import LexiconError
from handlers.rules.reading.lexicon import CATEGORIES

KINDS = tuple(category for category in CATEGORIES if category not in ("info_request", "unrelated"))
START = "(start)"  # the row every text begins with
_ENOUGH = 5  # hundredths below which a cell of the table is left out of the sum


class Kinds:
    """The table: cue (`<group>`, or `(category)` for what the rules say) -> points for each kind."""

    def __init__(self, rows: Mapping[str, tuple[int, ...]]) -> None:
        """`rows`: points in hundredths, in the order of `KINDS`."""
        self._start = list(rows.get(START, ()))
        self._rows = {
            cue: [(at, points) for at, points in enumerate(row) if abs(points) >= _ENOUGH] for cue, row in rows.items()
        }
        self._known: dict[tuple[str, ...], list[tuple[str, list[tuple[int, int]]]]] = {}  # by the groups of a phrase

    @classmethod
    def load(cls, file: str, content: bytes) -> Kinds:
        """From CSV: a header `cue,` and the kinds, one line a cue; raises `LexiconError` with the line."""
        rows: dict[str, tuple[int, ...]] = {}
        number = 1
        try:
            lines = csv.reader(io.StringIO(content.decode("utf-8-sig")), strict=True)
            if next(lines, []) != ["cue", *KINDS]:
                raise ValueError
            for line in lines:
                number = lines.line_num
                cue, *values = line
                if not cue or len(values) != len(KINDS):
                    raise ValueError
                rows[cue] = tuple(int(value) for value in values)
        except (ValueError, csv.Error):
            raise LexiconError([_finding(file, number)]) from None
        return cls(rows)

    def choose(self, groups: Iterable[tuple[str, ...]], by_rules: str) -> str:
        """The kind that weighs most for these groups; `by_rules`: what the rules say. Without a table, the rules' word."""
        if not self._start:
            return by_rules
        totals = list(self._start)
        for at, points in self._rows.get(f"({by_rules})", ()):
            totals[at] += points
        seen = set[str]()
        for names in groups:
            cells_of = self._known.get(names)
            if cells_of is None:
                cells_of = [(name, self._rows[f"<{name}>"]) for name in names if f"<{name}>" in self._rows]
                self._known[names] = cells_of
            for name, cells in cells_of:
                if name not in seen:
                    seen.add(name)
                    for at, points in cells:
                        totals[at] += points
        return KINDS[totals.index(max(totals))]


def cue_names(groups: Iterable[tuple[str, ...]], by_rules: str) -> set[str]:
    """Every cue of a text: what the table is learnt from."""
    return {f"<{name}>" for names in groups for name in names} | {f"({by_rules})"}


def _finding(file: str, line: int) -> Finding:
    kinds = ",".join(KINDS)
    message = f"a line is a cue and one whole number a kind; the header is cue,{kinds}"
    return Finding(file, line, 1, "bad-kinds", f"mỗi dòng: một cụm và các số nguyên; dòng đầu: cue,{kinds}", message)

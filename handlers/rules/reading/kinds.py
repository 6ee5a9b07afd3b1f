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
from handlers.rules.reading.phrase_index import Groups

KINDS = tuple(category for category in CATEGORIES if category not in ("info_request", "unrelated"))
START = "(start)"  # the row every text begins with
_ENOUGH = 5  # hundredths below which a cell of the table is left out of the sum
_BIAS, _WIDTH = (
    1 << 20,
    40,
)  # of a kind in a packed row: points stay below the bias, sums of thousands of rows in the width
_FIELD = (1 << _WIDTH) - 1


class Kinds:
    """The table: cue (`<group>`, or `(category)` for what the rules say) -> points for each kind."""

    def __init__(self, rows: Mapping[str, tuple[int, ...]]) -> None:
        """`rows`: points in hundredths, in the order of `KINDS`."""
        # All kinds of a row in one number, so that one addition adds them all.
        self._rows = {cue: _packed(row) for cue, row in rows.items()}
        self._known: dict[Groups, dict[str, int]] = {}

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
                if max(map(abs, rows[cue])) >= _BIAS:
                    raise ValueError
        except (ValueError, csv.Error):
            raise LexiconError([_finding(file, number)]) from None
        return cls(rows)

    def choose(self, found: Iterable[Groups], by_rules: str) -> str:
        """The kind that weighs most for these groups; `by_rules`: what the rules say. Without a table, the rules' word."""
        if START not in self._rows:
            return by_rules
        rules_say = f"({by_rules})"
        cues = {cue: self._rows[cue] for cue in (START, rules_say) if cue in self._rows}
        for groups in set(found):
            known = self._known.get(groups)
            if known is None:
                known = self._known[groups] = {
                    name: self._rows[f"<{name}>"] for name in groups.names if f"<{name}>" in self._rows
                }
            cues.update(known)
        total = sum(cues.values())
        totals = [total >> (_WIDTH * at) & _FIELD for at in range(len(KINDS))]
        return KINDS[totals.index(max(totals))]


def _packed(row: tuple[int, ...]) -> int:
    """The points of all kinds in one number, each lifted so that none is negative and nothing carries over."""
    kept = [points if abs(points) >= _ENOUGH else 0 for points in row]
    return sum((points + _BIAS) << (_WIDTH * at) for at, points in enumerate(kept))


def cue_names(groups: Iterable[tuple[str, ...]], by_rules: str) -> set[str]:
    """Every cue of a text: what the table is learnt from."""
    return {f"<{name}>" for names in groups for name in names} | {f"({by_rules})"}


def _finding(file: str, line: int) -> Finding:
    kinds = ",".join(KINDS)
    message = f"a line is a cue and one whole number a kind; the header is cue,{kinds}"
    return Finding(file, line, 1, "bad-kinds", f"mỗi dòng: một cụm và các số nguyên; dòng đầu: cue,{kinds}", message)

"""A second opinion beside the rules: words, two words in a row, groups and pairs of groups carry points, and enough of them
raise a text.

Rules know what somebody thought of; points also see what is said in words nobody wrote a pattern for. The table is learnt
from the development set by one command (`make points`), stands in the content set as plain text, and works on words
without accents, so that all spellings weigh the same. It can only raise what the rules found.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from flows.findings import Finding
from handlers.rules.reading.items import LexiconError
from handlers.rules.reading.words import Token

START = "(start)"  # the row every text begins with
LEVELS = ("emergency", "urgent", "standard")  # a column each: points that the text deserves at least this level
COLUMNS = (*LEVELS, "probe")  # and one for asking where a person or a shelter is, or what somebody wrote
SIGNS = tuple(f"points_{column}" for column in COLUMNS)  # what the rules call it when a column ends above zero
POSSIBLE = "points_possible"  # the emergency column ends not far below zero: enough beside a sign that is weak alone
SHORT = "short_text"  # the text has so few words that one of them may be all there is to say
SHORT_TOKENS = 6
PAIRED = "w_"  # groups whose name begins so are weighed in pairs too: who with what with when
NEAR = 8  # tokens between the two groups of a pair
STRONG = "points_strong"  # a column ends so high that signs of a story or a question do not matter
_NOT_FAR = 150  # hundredths below zero
_FAR = (150, 250, 10**9, 10**9)  # hundredths above zero, for each column
_LONGEST_STRETCH = 60  # tokens; a sentence without end is weighed in parts, so that nobody is judged by length
_LONGEST_RUN = 5  # stretches weighed together
_TOP = 3  # cues quoted as the reason
_BIAS, _WIDTH = (
    1 << 15,
    40,
)  # of a column in a packed row: points stay below the bias, sums of millions of rows in the width
_FIELD = (1 << _WIDTH) - 1

GroupsAt: TypeAlias = "tuple[tuple[str, ...], int, int]"  # the groups of a phrase, and its tokens (one past the last)
Span: TypeAlias = "tuple[int, int]"
Row: TypeAlias = int  # the points of all columns in one number, so that one addition adds them all: see `_packed`
Weighed: TypeAlias = (
    "tuple[Row, int, int] | tuple[Row, int, int, int, int]"  # points, and the tokens of the one or two pieces
)


class Weighing:
    """What the points say of one text: the signs that hold, and on demand the pieces of the text that weighed most."""

    def __init__(self, stretches: Sequence[Mapping[object, Weighed]], runs: Mapping[str, tuple[int, int, int]]) -> None:
        self._stretches = stretches
        self._runs = runs  # sign -> column, first stretch, one past the last

    @property
    def signs(self) -> Collection[str]:
        """The signs that hold: `points_emergency` …"""
        return self._runs

    def pieces(self, sign: str) -> tuple[Span, ...]:
        """The tokens that weighed most for a sign, of three cues at most, in the order of the text."""
        column, begin, end = self._runs[sign]
        cues = [cue for stretch in self._stretches[begin:end] for cue in stretch.values()]
        shift = _WIDTH * column
        lifted = [cue[0] >> shift & _FIELD for cue in cues]
        heavy = sorted([(-here, at) for at, here in enumerate(lifted) if here > _BIAS])[:_TOP]
        places = [cues[at][1:] for _, at in heavy]
        return tuple(sorted({(place[at], place[at + 1]) for place in places for at in range(0, len(place), 2)}))


class Points:
    """The table of points."""

    def __init__(self, rows: Mapping[str, tuple[int, ...]]) -> None:
        """`rows`: cue -> points for each level, in hundredths."""
        self._start = rows.get(START, (-10_000,) * len(COLUMNS))
        self._words: dict[str, Row] = {}
        self._followed: dict[str, dict[str, Row]] = {}  # word -> the word after it -> the points of the two
        self._groups: dict[str, Row] = {}
        self._pairs: dict[str, dict[str, Row]] = {}
        self._known: dict[tuple[str, ...], tuple[list[tuple[str, Row]], list[tuple[str, dict[str, Row]]]]] = {}
        for cue, points in rows.items():
            row = _packed(points)
            one, plus, two = cue.partition("+")
            if plus:
                self._pairs.setdefault(one[1:-1], {})[two[1:-1]] = row
                self._pairs.setdefault(two[1:-1], {})[one[1:-1]] = row
            elif cue[0] == "<":
                self._groups[cue[1:-1]] = row
            elif " " in cue:
                word, _, after = cue.partition(" ")
                self._followed.setdefault(word, {})[after] = row
            else:
                self._words[cue] = row

    @classmethod
    def load(cls, file: str, content: bytes) -> Points:
        """From CSV: a header `cue,emergency,urgent,standard,probe` and one line a cue; raises `LexiconError` with the line."""
        rows: dict[str, tuple[int, ...]] = {}
        number = 1
        try:
            lines = csv.reader(io.StringIO(content.decode("utf-8-sig")), strict=True)
            if next(lines, []) != ["cue", *COLUMNS]:
                raise ValueError
            for line in lines:
                number = lines.line_num
                cue, *values = line
                if not cue or len(values) != len(COLUMNS):
                    raise ValueError
                rows[cue] = tuple(int(value) for value in values)
                if max(map(abs, rows[cue])) >= _BIAS:
                    raise ValueError
        except (ValueError, csv.Error):
            raise LexiconError([_finding(file, number)]) from None
        return cls(rows)

    def weigh(self, tokens: Sequence[Token], groups: Sequence[GroupsAt]) -> Weighing:
        """The levels a text deserves by its points.

        Sentences are weighed alone and in runs, so that a calm sentence never outweighs an alarming one beside it. `groups`
        in the order of their first tokens.
        """
        stretches = self._stretches(tokens, groups)
        sums = [(sum([cue[0] for cue in cues.values()]), len(cues)) for cues in stretches]
        runs: dict[str, tuple[int, int, int]] = {}
        for column in range(len(COLUMNS)):
            total, begin, end = best_run([_column(packed, column, count) for packed, count in sums])
            total += self._start[column]
            if total > 0:
                runs[SIGNS[column]] = (column, begin, end)
            if column == 0 and total > -_NOT_FAR:
                runs[POSSIBLE] = (column, begin, end)
            if total > _FAR[column]:
                runs[STRONG] = (column, begin, end)
        return Weighing(stretches, runs)

    def _stretches(self, tokens: Sequence[Token], groups: Sequence[GroupsAt]) -> list[dict[object, Weighed]]:
        """The cues of the table in each stretch, each once."""
        stretch_of, count = stretches_of(tokens)
        cues: list[dict[object, Weighed]] = [{} for _ in range(count)]
        self._add_words(tokens, stretch_of, cues)
        known_groups = self._known
        paired: list[tuple[str, dict[str, Row], int, int, int]] = []
        for names, start, end in groups:
            known = known_groups.get(names)
            if known is None:
                known = known_groups[names] = self._look_up(names)
            stretch = stretch_of[start]
            here = cues[stretch]
            for name, row in known[0]:
                if name not in here:
                    here[name] = (row, start, end)
            for name, partners in known[1]:
                paired.append((name, partners, start, end, stretch))
        _add_pairs(paired, cues)
        return cues

    def _add_words(self, tokens: Sequence[Token], stretch_of: Sequence[int], cues: list[dict[object, Weighed]]) -> None:
        """Adds the words, and two in a row."""
        table, followed = self._words, self._followed
        stretch, before, begin = -1, "", 0
        after: dict[str, Row] | None = None
        for at, token in enumerate(tokens):
            if stretch_of[at] != stretch:
                stretch, after = stretch_of[at], None
                here = cues[stretch]
            plain = token.plain
            for word in plain.split() if " " in plain else (plain,):  # a short form may be several words
                row = table.get(word)
                if row is not None and word not in here:
                    here[word] = (row, at, at + 1)
                if after and (row := after.get(word)) is not None:
                    here.setdefault(f"{before} {word}", (row, begin, at + 1))
                after, before, begin = followed.get(word), word, at

    def _look_up(self, names: tuple[str, ...]) -> tuple[list[tuple[str, Row]], list[tuple[str, dict[str, Row]]]]:
        """What the table says of the groups of one phrase: those with points of their own, and those with partners."""
        alone = [(f"<{name}>", self._groups[name]) for name in names if name in self._groups]
        return alone, [(name, self._pairs[name]) for name in names if name in self._pairs]


def _packed(points: Sequence[int]) -> Row:
    """The points of all columns in one number, each lifted so that none is negative and nothing carries over."""
    return sum((value + _BIAS) << (_WIDTH * column) for column, value in enumerate(points))


def _column(packed: Row, column: int, count: int) -> int:
    """One column of the sum of `count` packed rows."""
    return (packed >> (_WIDTH * column) & _FIELD) - count * _BIAS


def _add_pairs(paired: Sequence[tuple[str, dict[str, Row], int, int, int]], cues: list[dict[object, Weighed]]) -> None:
    """Adds the pairs of groups that stand near each other in one stretch; `paired`: name, partners, span and stretch."""
    for number, (name, partners, start, end, stretch) in enumerate(paired):
        last, here = start + NEAR, cues[stretch]
        for other, _, begin, stop, there in islice(paired, number + 1, None):
            if begin > last or there != stretch:
                break
            if other in partners:
                key = (name, other) if name < other else (other, name)
                if key not in here:
                    here[key] = (partners[other], start, end, begin, stop)


def stretches_of(tokens: Sequence[Token]) -> tuple[list[int], int]:
    """Which stretch (a sentence, or a part of one without end) each token stands in, and how many there are."""
    found: list[int] = []
    stretch, sentence, begin = -1, -1, 0
    for at, token in enumerate(tokens):
        if token.sentence != sentence or at - begin >= _LONGEST_STRETCH:
            stretch, sentence, begin = stretch + 1, token.sentence, at
        found.append(stretch)
    return found, stretch + 1


def best_run(sums: Sequence[int]) -> tuple[int, int, int]:
    """The stretches in a row that together weigh most (at most `_LONGEST_RUN`): their sum, the first, one past the last."""
    best = (-(10**9), 0, 0)
    for begin in range(len(sums)):
        total = 0
        for end in range(begin, min(begin + _LONGEST_RUN, len(sums))):
            total += sums[end]
            if total > best[0]:
                best = (total, begin, end + 1)
    return best


def cue_names(tokens: Sequence[Token], groups: Sequence[GroupsAt]) -> list[set[str]]:
    """Every cue of a text, stretch by stretch, whether the table knows it or not: what the table is learnt from."""
    stretch_of, count = stretches_of(tokens)
    found: list[set[str]] = [set() for _ in range(count)]
    before, last = "", -1
    for token, stretch in zip(tokens, stretch_of, strict=True):
        for word in token.plain.split():
            found[stretch].add(word)
            if stretch == last:
                found[stretch].add(f"{before} {word}")
            before, last = word, stretch
    paired = []
    for names, start, _ in groups:
        found[stretch_of[start]].update(f"<{name}>" for name in names)
        paired += [(name, start) for name in names if name.startswith(PAIRED)]
    for number, (name, start) in enumerate(paired):
        for other, begin in islice(paired, number + 1, None):
            if begin - start > NEAR or stretch_of[begin] != stretch_of[start]:
                break
            if other != name:
                one, two = sorted((name, other))
                found[stretch_of[start]].add(f"<{one}>+<{two}>")
    return found


def _finding(file: str, line: int) -> Finding:
    message = (
        "a line is a cue and one whole number a column; the header starts with cue,emergency,urgent,standard,probe"
    )
    return Finding(
        file,
        line,
        1,
        "bad-points",
        "mỗi dòng: một cụm và các số nguyên; dòng đầu: cue,emergency,urgent,standard,probe",
        message,
    )

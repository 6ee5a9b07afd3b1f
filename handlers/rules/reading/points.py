"""A second opinion beside the rules: words, two words in a row, groups and pairs of groups carry points, and enough of them
raise a text.

Rules know what somebody thought of; points also see what is said in words nobody wrote a pattern for. The table is learnt
from the development set by one command (`make points`), stands in the content set as plain text, and works on words
without accents, so that all spellings weigh the same. It can only raise what the rules found.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import islice, pairwise

from flows.findings import Finding
from handlers.rules.reading.items import LexiconError
from handlers.rules.reading.phrase_index import Groups
from handlers.rules.reading.weighing import BIAS, FIELD, NEAR, WIDTH, Met, Pair, Row, Stretch, Weighing
from handlers.rules.reading.words import Tokens

START = "(start)"  # the row every text begins with
LEVELS = ("emergency", "urgent", "standard")  # a column each: points that the text deserves at least this level
COLUMNS = (*LEVELS, "probe")  # and one for asking where a person or a shelter is, or what somebody wrote
SIGNS = tuple(f"points_{column}" for column in COLUMNS)  # what the rules call it when a column ends above zero
POSSIBLE = "points_possible"  # the emergency column ends not far below zero: enough beside a sign that is weak alone
SHORT = "short_text"  # the text has so few words that one of them may be all there is to say
SHORT_TOKENS = 6
PAIRED = "w_"  # groups whose name begins so are weighed in pairs too: who with what with when
STRONG = "points_strong"  # a column ends so high that signs of a story or a question do not matter
_NOT_FAR = 150  # hundredths below zero
_FAR = (150, 250, 10**9, 10**9)  # hundredths above zero, for each column
_LONGEST_STRETCH = 60  # tokens; a sentence without end is weighed in parts, so that nobody is judged by length
_LONGEST_RUN = 5  # stretches weighed together

_Paired = tuple[int, str, dict[str, Pair]]  # first token of a phrase, one of its groups, and its partners


class Points:
    """The table of points."""

    def __init__(self, rows: Mapping[str, tuple[int, ...]]) -> None:
        """`rows`: cue -> points for each level, in hundredths."""
        self._start = rows.get(START, (-10_000,) * len(COLUMNS))
        self._words: dict[str, Row] = {}
        self._two: dict[tuple[str, str], Row] = {}  # two words in a row
        self._groups: dict[str, Row] = {}
        self._partners: dict[str, dict[str, Pair]] = {}  # group -> another -> the two
        self._known: dict[Groups, tuple[dict[str, Row], list[tuple[str, dict[str, Pair]]]]] = {}
        for cue, points in rows.items():
            row = _packed(points)
            one, plus, two = cue.partition("+")
            if plus:
                names = (one[1:-1], two[1:-1])
                pair = Pair(frozenset(names), row)
                for name, other in (names, names[::-1]):
                    self._partners.setdefault(name, {})[other] = pair
            elif cue[0] == "<":
                self._groups[cue[1:-1]] = row
            elif " " in cue:
                word, _, after = cue.partition(" ")
                self._two[word, after] = row
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
                if max(map(abs, rows[cue])) >= BIAS:
                    raise ValueError
        except (ValueError, csv.Error):
            raise LexiconError([_finding(file, number)]) from None
        return cls(rows)

    def weigh(self, tokens: Tokens, phrases: Sequence[Met]) -> Weighing:
        """The levels a text deserves by its points.

        Sentences are weighed alone and in runs, so that a calm sentence never outweighs an alarming one beside it. `phrases`
        in the order of their first tokens.
        """
        stretches = self._stretches(tokens, phrases)
        sums = [(sum(stretch.rows), len(stretch.rows)) for stretch in stretches]
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
        return Weighing(tokens, stretches, runs)

    def _stretches(self, tokens: Tokens, phrases: Sequence[Met]) -> list[Stretch]:
        """Each stretch with the cues of the table in it."""
        plains = [reading.plain for reading in tokens.readings]
        starts = [start for start, _, _ in phrases]
        table, after = self._words, self._two
        found = []
        for begin, end in stretches_of(tokens):
            words = " ".join(plains[begin:end]).split()  # a short form may be several words
            here = phrases[bisect_left(starts, begin) : bisect_left(starts, end)]
            groups, pairs = self._of_groups(here)
            single = {word: table[word] for word in words if word in table}
            two = {pair: after[pair] for pair in pairwise(words) if pair in after}
            rows = [*single.values(), *two.values(), *groups.values(), *[pair.row for pair in pairs]]
            found.append(Stretch(single, two, groups, pairs, rows, begin, end, here))
        return found

    def _of_groups(self, phrases: Sequence[Met]) -> tuple[dict[str, Row], list[Pair]]:
        """The groups of a stretch that carry points, and the pairs that stand near each other."""
        alone: dict[str, Row] = {}
        paired: list[_Paired] = []
        known = self._known
        for start, _, groups in phrases:
            rows, partners = known.get(groups) or self._look_up(groups)
            alone.update(rows)
            for name, others in partners:
                paired.append((start, name, others))
        return alone, _near(paired)

    def _look_up(self, groups: Groups) -> tuple[dict[str, Row], list[tuple[str, dict[str, Pair]]]]:
        """What the table says of the groups of a phrase: those with points of their own, and those with partners."""
        alone = {name: self._groups[name] for name in groups.names if name in self._groups}
        partners = [(name, self._partners[name]) for name in groups.names if name in self._partners]
        self._known[groups] = alone, partners
        return alone, partners


def _packed(points: Sequence[int]) -> Row:
    """The points of all columns in one number, each lifted so that none is negative and nothing carries over."""
    return sum((value + BIAS) << (WIDTH * column) for column, value in enumerate(points))


def _column(packed: Row, column: int, count: int) -> int:
    """One column of the sum of `count` packed rows."""
    return (packed >> (WIDTH * column) & FIELD) - count * BIAS


def _near(paired: Sequence[_Paired]) -> list[Pair]:
    """The pairs of groups that stand near each other, each once, in the order of the first of the two."""
    starts = [start for start, _, _ in paired]
    names = [name for _, name, _ in paired]
    found: list[Pair | None] = []
    for number, (start, _, partners) in enumerate(paired, 1):
        found += map(partners.get, names[number : bisect_right(starts, start + NEAR, number)])
    return [pair for pair in dict.fromkeys(found) if pair is not None]


def stretches_of(tokens: Tokens) -> list[tuple[int, int]]:
    """The stretches of a text (sentences, and the parts of one without end): first token, and one past the last."""
    found: list[tuple[int, int]] = []
    sentences, begin = tokens.sentences, 0
    while begin < len(sentences):
        end = min(bisect_right(sentences, sentences[begin], begin), begin + _LONGEST_STRETCH)
        found.append((begin, end))
        begin = end
    return found


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


def cue_names(tokens: Tokens, phrases: Sequence[Met]) -> list[set[str]]:
    """Every cue of a text, stretch by stretch, whether the table knows it or not: what the table is learnt from."""
    found = []
    for begin, end in stretches_of(tokens):
        words = [word for reading in tokens.readings[begin:end] for word in reading.plain.split()]
        here = [(start, name) for start, _, groups in phrases if begin <= start < end for name in groups.names]
        cues = {*words, *map(" ".join, pairwise(words)), *(f"<{name}>" for _, name in here)}
        paired = [(start, name) for start, name in here if name.startswith(PAIRED)]
        for number, (start, name) in enumerate(paired, 1):
            for later, other in islice(paired, number, None):
                if later - start > NEAR:
                    break
                if other != name:
                    cues.add("+".join(f"<{one}>" for one in sorted((name, other))))
        found.append(cues)
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

"""What the points say of one text: how much each stretch of it weighs, and which of its pieces weighed most."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TypeAlias

from handlers.rules.reading.phrase_index import Groups
from handlers.rules.reading.words import Tokens

NEAR = 8  # tokens between the two groups of a pair
TOP = 3  # cues quoted as the reason
BIAS, WIDTH = (
    1 << 15,
    40,
)  # of a column in a packed row: points stay below the bias, sums of millions of rows in the width
FIELD = (1 << WIDTH) - 1

Met: TypeAlias = "tuple[int, int, Groups]"  # a phrase in a text: its first token, one past its last, its groups
Span: TypeAlias = "tuple[int, int]"
Row: TypeAlias = int  # the points of all columns in one number, so that one addition adds them all: see `Points`


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two groups that weigh something when they stand near each other, whichever comes first."""

    names: frozenset[str]
    row: Row


@dataclass(frozen=True, slots=True)
class Stretch:
    """The cues of the table in one stretch of a text, each once, in the order in which they come there."""

    words: dict[str, Row]
    two: dict[tuple[str, str], Row]  # words in a row
    groups: dict[str, Row]
    pairs: list[Pair]
    begin: int  # its first token
    end: int  # one past its last
    phrases: Sequence[Met]  # that begin in it

    def rows(self) -> list[Row]:
        """The points of every cue."""
        pairs = [pair.row for pair in self.pairs]
        return [*self.words.values(), *self.two.values(), *self.groups.values(), *pairs]


class Weighing:
    """What the points say of one text: the signs that hold, and on demand the pieces of the text that weighed most."""

    def __init__(self, tokens: Tokens, stretches: Sequence[Stretch], runs: Mapping[str, tuple[int, int, int]]) -> None:
        self._tokens = tokens
        self._stretches = stretches
        self._runs = runs  # sign -> column, first stretch, one past the last

    @property
    def signs(self) -> Collection[str]:
        """The signs that hold: `points_emergency` …"""
        return self._runs

    def pieces(self, sign: str) -> tuple[Span, ...]:
        """The tokens that weighed most for a sign, of three cues at most, in the order of the text."""
        column, begin, end = self._runs[sign]
        field, nothing = FIELD << WIDTH * column, BIAS << WIDTH * column
        stretches = self._stretches[begin:end]
        points = sorted([here for one in stretches for row in one.rows() if (here := row & field) > nothing])
        if not points:
            return ()
        least = points[-TOP:][0]  # where a cue stands is looked up for the heaviest only
        heavy = [
            (-here, at, turn, spans)
            for at, stretch in enumerate(stretches)
            for here, turn, spans in _heavy(self._tokens, stretch, field, least)
        ]
        heavy.sort(key=lambda cue: cue[:3])
        return tuple(sorted({span for *_, spans in heavy[:TOP] for span in spans}))


_Heavy: TypeAlias = "tuple[int, tuple[int, int], list[Span]]"  # points, turn among the cues of its stretch, tokens


def _heavy(tokens: Tokens, stretch: Stretch, field: int, least: int) -> list[_Heavy]:
    """The cues with at least so many points: words and two in a row by where they end, then groups, then pairs."""
    words: list[str] = []
    owners: list[int] = []  # of each word its token; a short form may be several words
    for at in range(stretch.begin, stretch.end):
        parts = tokens.readings[at].plain.split()
        words += parts
        owners += [at] * len(parts)
    found: list[_Heavy] = []
    for word, row in stretch.words.items():
        if row & field >= least:
            at = words.index(word)
            found.append((row & field, (0, 2 * at), [(owners[at], owners[at] + 1)]))
    for two, row in stretch.two.items():
        if row & field >= least:
            at = list(pairwise(words)).index(two)
            found.append((row & field, (0, 2 * at + 3), [(owners[at], owners[at + 1] + 1)]))
    for turn, (name, row) in enumerate(stretch.groups.items()):
        if row & field >= least:
            found.append((row & field, (1, turn), [_place_of_group(stretch.phrases, name)]))
    for turn, pair in enumerate(stretch.pairs):
        if pair.row & field >= least:
            found.append((pair.row & field, (2, turn), _places_of_pair(stretch.phrases, pair)))
    return found


def _place_of_group(phrases: Sequence[Met], name: str) -> Span:
    """The first phrase of a group."""
    return next((start, end) for start, end, groups in phrases if name in groups.names)


def _places_of_pair(phrases: Sequence[Met], pair: Pair) -> list[Span]:
    """The first two phrases of a pair that stand near each other."""
    named = [(name, start, end) for start, end, groups in phrases for name in groups.names if name in pair.names]
    return next(
        [(start, end), (begin, stop)]
        for (name, start, end), (other, begin, stop) in combinations(named, 2)
        if begin - start <= NEAR and {name, other} == pair.names
    )

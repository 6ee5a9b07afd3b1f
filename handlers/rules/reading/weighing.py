"""What the points say of one text: how much each stretch of it weighs, and which of its pieces weighed most."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import chain, combinations, pairwise
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

    words: Collection[str]
    two: Collection[tuple[str, str]]  # words in a row
    groups: Collection[str]
    pairs: Collection[Pair]
    rows: list[Row]  # the points of all these, one kind after the other
    begin: int  # its first token
    end: int  # one past its last
    phrases: Sequence[Met]  # that begin in it


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
        of, begin, end = self._runs[sign]
        field, nothing = FIELD << WIDTH * of, BIAS << WIDTH * of
        stretches = self._stretches[begin:end]
        points = [[row & field for row in stretch.rows] for stretch in stretches]
        heaviest = [here for here in nlargest(TOP, chain(*points)) if here > nothing]
        if not heaviest:
            return ()
        heavy = [
            (-here, number, stretches[number], at)
            for number, column in enumerate(points)
            for at, here in enumerate(column)
            if here >= heaviest[-1]
        ]
        # Where a cue stands is looked up for these few only; of cues that weigh the same the first in the text count.
        placed = [(*cue[:2], *_placed(self._tokens, *cue[2:])) for cue in heavy]
        return tuple(sorted({span for *_, spans in sorted(placed)[:TOP] for span in spans}))


def _placed(tokens: Tokens, stretch: Stretch, at: int) -> tuple[tuple[int, int], list[Span]]:
    """The turn of a cue among those of its stretch (words by where they end, then groups, then pairs), and its tokens."""
    cues: list[str | tuple[str, str] | Pair] = [*stretch.words, *stretch.two, *stretch.groups, *stretch.pairs]
    cue = cues[at]
    if isinstance(cue, Pair):
        return (2, at), _places_of_pair(stretch.phrases, cue)
    if at >= len(stretch.words) + len(stretch.two):
        return (1, at), [next((start, end) for start, end, groups in stretch.phrases if cue in groups.names)]
    words, owners = _words(tokens, stretch)
    if isinstance(cue, str):
        place = words.index(cue)
        return (0, 2 * place), [(owners[place], owners[place] + 1)]
    place = list(pairwise(words)).index(cue)
    return (0, 2 * place + 3), [(owners[place], owners[place + 1] + 1)]


def _words(tokens: Tokens, stretch: Stretch) -> tuple[list[str], list[int]]:
    """The words of a stretch, and the token of each: a short form may be several words."""
    words: list[str] = []
    owners: list[int] = []
    for at in range(stretch.begin, stretch.end):
        parts = tokens.readings[at].plain.split()
        words += parts
        owners += [at] * len(parts)
    return words, owners


def _places_of_pair(phrases: Sequence[Met], pair: Pair) -> list[Span]:
    """The first two phrases of a pair that stand near each other."""
    named = [(name, start, end) for start, end, groups in phrases for name in groups.names if name in pair.names]
    return next(
        [(start, end), (begin, stop)]
        for (name, start, end), (other, begin, stop) in combinations(named, 2)
        if begin - start <= NEAR and {name, other} == pair.names
    )

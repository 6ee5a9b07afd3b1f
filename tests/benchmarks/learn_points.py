"""Learns the points of the lexicon (`flows/content/lexicon/points.csv`, `kinds.csv`) from the tuning sets.

Run: `make points` (or `python tests/benchmarks/learn_points.py [FOLDER]`; needs the `train` extra). Logistic regressions, one
a column, over the cues of every message in three spellings (the typed sets: in their four); beside them the kinds of harm. The
same data give the same tables. Messages held out are not read. It prints what is found in messages whose points were not learnt
from them: five folds, all spellings of a message in one; by the points alone, and of the typed sets by rules and points
together (the rules have seen them all). Look at the difference before you commit it.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from flows.severity import Severity  # noqa: E402
from handlers.rules.reading import kinds  # noqa: E402
from handlers.rules.reading.kinds import Kinds  # noqa: E402
from handlers.rules.reading.loading import load_lexicon  # noqa: E402
from handlers.rules.reading.matching import find_signs  # noqa: E402
from handlers.rules.reading.place_names import PlaceNames  # noqa: E402
from handlers.rules.reading.points import COLUMNS, START, Points, best_run, cue_names  # noqa: E402
from handlers.rules.reading.variants import VARIANTS  # noqa: E402
from handlers.rules.reading.words import clean  # noqa: E402
from handlers.rules.screening import Screening  # noqa: E402
from tests.unit.handlers.screening_sample import HARD_RULES, TYPED, Labelled, Score, messages, spelled  # noqa: E402

LEXICON = ROOT / "flows" / "content" / "lexicon"
SPELLINGS = ("accents", "none", "teencode")
FOLDS = 5
SEEN_IN = 9  # texts a cue must stand in (each message is read in three spellings)
SMALLEST = 2  # points (hundredths) below which a cue is not worth a line
SHRINK = 0.1  # inverse strength of the penalty on points
# What a mistake costs, by the level a message deserves (calm, standard, urgent, emergency). To ring for an urgent message is
# a small mistake, to ring for a calm one a large one.
COSTS = {"emergency": (4.0, 0.7, 0.45, 1.0), "urgent": (2.0, 0.5, 1.0, 1.0), "standard": (1.0, 1.0, 1.0, 1.0)}
HARMLESS_COST = 3.0  # how much more a mistake costs in calm words that sound dangerous, or that answer what was asked
# Share of calm messages that the points may raise to the level by themselves; aside: taken-back ones, which the rules guard, and
# plain answers, which are easy.
MAY_BE_RAISED = {"emergency": 0.025, "urgent": 0.07, "standard": 0.14, "probe": 0.02}
PROBE, PROBE_COST = "probe", 8.0
KIND_SEEN_IN, KIND_SHRINK = 30, 0.3


def rank(severity: Severity) -> int:
    """0 calm, 1 standard, 2 urgent, 3 emergency."""
    return max(0, severity.rank - Severity.INFO.rank)


def best_scores(weights: np.ndarray, stretches: object, owners: list[tuple[int, int]]) -> np.ndarray:
    """What each text weighs without the start: its heaviest run of stretches, as at run time."""
    sums = stretches @ weights
    return np.array([best_run(list(sums[begin:end]))[0] for begin, end in owners])


class Column(NamedTuple):
    """What one column of the table learnt: from everything, and in each fold from the other folds."""

    start: int
    points: np.ndarray
    folds: list[tuple[int, np.ndarray]]


class Sample:
    """The messages to learn from, read in several spellings: the cues of each stretch, and whose stretch it is."""

    def __init__(self) -> None:
        self.places = PlaceNames.load("places.csv", (LEXICON / "places.csv").read_bytes())
        screening = Screening(load_lexicon(lexicon_files()), Points({}), Kinds({}), places=self.places)
        self.lexicon = lexicon = screening.lexicon
        chosen = list(bases())
        random.Random(7).shuffle(chosen)
        cues: list[dict[str, int]] = []
        self.owners: list[tuple[int, int]] = []
        self.texts: list[Labelled] = []
        self.kinds: list[dict[str, int]] = []
        self.typed: list[bool] = []
        folds, spellings = [], []
        for number, base in enumerate(chosen):
            for spelling, message, text in base:
                tokens = screening.tokens_of(clean(text))
                phrases = find_signs(lexicon, tokens).phrases
                found = cue_names(tokens, phrases) or [set()]
                self.owners.append((len(cues), len(cues) + len(found)))
                cues += [dict.fromkeys(names, 1) for names in found]
                by_rules = screening.read(text).category
                self.kinds.append(
                    dict.fromkeys(kinds.cue_names([groups.names for _, _, groups in phrases], by_rules), 1)
                )
                self.texts.append(message)
                self.typed.append(len(base) == len(VARIANTS))
                folds.append(number % FOLDS)
                spellings.append(spelling)
        self.count = len(chosen)
        self.folds, self.spellings = np.array(folds), np.array(spellings)
        self.ranks = np.array([rank(message.severity) for message in self.texts])
        self.stretches, self.names = self._matrix(cues)

    def _matrix(self, cues: list[dict[str, int]]) -> tuple[csr_matrix, np.ndarray]:
        """One row a stretch, one column a cue that stands in enough texts."""
        vectorizer = DictVectorizer(dtype=np.float64)
        stretches = vectorizer.fit_transform(cues).tocsr()
        often = np.asarray((self.gathered(stretches) > 0).sum(axis=0)).ravel() >= SEEN_IN
        return stretches[:, often].tocsr(), vectorizer.get_feature_names_out()[often]

    def gathered(self, stretches: csr_matrix) -> csr_matrix:
        """One row a text: in how many of its stretches each cue stands."""
        ends = np.array([0, *(end for _, end in self.owners)])
        return (csr_matrix((np.ones(stretches.shape[0]), np.arange(stretches.shape[0]), ends)) @ stretches).tocsr()

    def where(self, chosen: Callable[[Labelled], bool]) -> np.ndarray:
        return np.array([chosen(message) for message in self.texts])


def bases() -> Iterator[list[tuple[str, Labelled, str]]]:
    """Every message to learn from: its spellings, each with the message as labelled and the text as typed."""
    for message in messages():
        if not message.held_out:
            yield [(name, message, VARIANTS[name](message.text, 0)) for name in SPELLINGS]
    for file in TYPED.values():
        for row in zip(*spelled(file).values(), strict=True):
            yield [(name, one, one.text) for name, one in zip(VARIANTS, row, strict=True)]


def lexicon_files() -> dict[str, bytes]:
    return {f"lexicon/{path.name}": path.read_bytes() for path in sorted(LEXICON.glob("*.yaml"))}


def regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=5000, tol=1e-5)


def table_of(model: LogisticRegression, shift: float) -> tuple[int, np.ndarray]:
    """The start and the points of every cue, in hundredths."""
    return round(100 * float(model.intercept_[0] - shift)), np.round(100 * model.coef_[0]).astype(int)


def learn_column(sample: Sample, matrix: csr_matrix, column: str) -> Column:
    """The start and the points of every cue for one column; prints how it does on messages it was not learnt from."""
    if column == PROBE:
        wanted = sample.where(lambda message: message.rule == "U12")
        costs, others = np.where(wanted, PROBE_COST, 1.0), ~wanted
    else:
        wanted = sample.ranks >= rank(Severity(column))
        costs = np.array(COSTS[column])[sample.ranks]
        others = (sample.ranks == 0) & sample.where(lambda message: message.rule != "N4" and not message.is_answer)
    costs = costs * np.where(
        sample.where(lambda message: message.is_answer or message.rule in HARD_RULES), HARMLESS_COST, 1.0
    )
    scores, models = np.zeros(len(wanted)), []
    for fold in range(FOLDS):
        rest = sample.folds != fold
        model = regression(SHRINK).fit(matrix[rest], wanted[rest], sample_weight=costs[rest])
        models.append(model)
        scores[~rest] = (best_scores(model.coef_[0], sample.stretches, sample.owners) + model.intercept_[0])[~rest]
    shift = np.quantile(scores[others], 1 - MAY_BE_RAISED[column])
    for spelling in VARIANTS:
        here = sample.spellings == spelling
        shares = [(scores > shift)[here & (sample.ranks == each)].mean() for each in range(4)]
        print(
            f"{column:9} {spelling:9} of messages not learnt from: found {(scores > shift)[here & wanted].mean():.1%};"
            f" calm {shares[0]:.1%}, standard {shares[1]:.1%}, urgent {shares[2]:.1%}, emergency {shares[3]:.1%}"
        )
    model = regression(SHRINK).fit(matrix, wanted, sample_weight=costs)
    return Column(*table_of(model, shift), [table_of(one, shift) for one in models])


def rows_of(sample: Sample, columns: list[tuple[int, np.ndarray]]) -> dict[str, tuple[int, ...]]:
    """The table: the start, and the cues that weigh anything."""
    rows = {START: tuple(start for start, _ in columns)}
    for at, name in enumerate(sample.names):
        row = tuple(int(points[at]) for _, points in columns)
        if max(map(abs, row)) >= SMALLEST:
            rows[name] = row
    return rows


def write_points(sample: Sample, target: Path) -> None:
    matrix = sample.gathered(sample.stretches)
    learnt = [learn_column(sample, matrix, column) for column in COLUMNS]
    print_folds(sample, learnt)
    start, *lines = rows_of(sample, [(column.start, column.points) for column in learnt]).items()
    write(target, ["cue", *COLUMNS], [[name, *row] for name, row in (start, *sorted(lines))])


def print_folds(sample: Sample, learnt: list[Column]) -> None:
    """How the typed sets are read by rules and points together, each message by points that were not learnt from it."""
    screenings = [
        Screening(
            sample.lexicon,
            Points(rows_of(sample, [one.folds[fold] for one in learnt])),
            Kinds({}),
            places=sample.places,
        )
        for fold in range(FOLDS)
    ]
    scores = {spelling: Score() for spelling in VARIANTS}
    for message, typed, spelling, fold in zip(sample.texts, sample.typed, sample.spellings, sample.folds, strict=True):
        if typed:
            scores[spelling].add(message, screenings[fold].read(message.text))
    for spelling, got in scores.items():
        print(
            f"folds     {spelling:9} typed sets, {got.messages}: found {got.recall:.1%}; lost {got.lost}; urgent lost"
            f" {got.urgent_lost}/{got.urgent}, raised {got.urgent_raised}; calm alarms {got.false_alarm_rate:.1%}, hard"
            f" {got.hard_alarms}/{got.hard}; probes {got.probes_found}/{got.probes}"
        )


def write_kinds(sample: Sample, target: Path) -> None:
    """The kinds of harm, from the messages that speak of any."""
    chosen = sample.where(lambda message: message.category in kinds.KINDS)
    vectorizer = DictVectorizer(dtype=np.float64)
    matrix = vectorizer.fit_transform([cues for cues, here in zip(sample.kinds, chosen, strict=True) if here]).tocsr()
    often = np.asarray((matrix > 0).sum(axis=0)).ravel() >= KIND_SEEN_IN
    matrix, names = matrix[:, often].tocsr(), vectorizer.get_feature_names_out()[often]
    wanted = np.array([message.category for message, here in zip(sample.texts, chosen, strict=True) if here])
    folds, right = sample.folds[chosen], []
    for fold in range(FOLDS):
        model = regression(KIND_SHRINK).fit(matrix[folds != fold], wanted[folds != fold])
        right.append((model.predict(matrix[folds == fold]) == wanted[folds == fold]).mean())
    print(f"kind of harm right, of messages not learnt from: {np.mean(right):.1%}")
    model = regression(KIND_SHRINK).fit(matrix, wanted)
    order = [list(model.classes_).index(kind) for kind in kinds.KINDS]
    table = np.round(100 * model.coef_[order]).astype(int)
    starts = [round(100 * float(model.intercept_[at])) for at in order]
    lines = [[name, *(int(points) for points in table[:, at])] for at, name in enumerate(names)]
    write(target, ["cue", *kinds.KINDS], [[kinds.START, *starts], *sorted(lines)])


def write(target: Path, header: list[str], lines: list[list[object]]) -> None:
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *lines])
    print(f"{len(lines)} lines -> {target}")


def main(target: Path) -> None:
    sample = Sample()
    print(f"{sample.count} messages, {len(sample.texts)} texts")
    write_points(sample, target / "points.csv")
    write_kinds(sample, target / "kinds.csv")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else LEXICON)

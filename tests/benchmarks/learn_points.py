"""Learns the points of the lexicon (`flows/content/lexicon/points.csv`) from the development set.

Run: `make points` (or `python tests/benchmarks/learn_points.py [OUT]`; needs the `train` extra). Three logistic regressions,
one a level, over the cues of every message in three spellings. The same data give the same table. Messages held out are not
read, nor is the blind set. It prints what the points find in messages they were not learnt from (five folds). Look at the
difference before you commit it.
"""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from flows.severity import Severity  # noqa: E402
from handlers.rules.reading.loading import load_lexicon  # noqa: E402
from handlers.rules.reading.matching import find_signs  # noqa: E402
from handlers.rules.reading.points import LEVELS, START, best_run, cue_names  # noqa: E402
from handlers.rules.reading.words import clean, cut  # noqa: E402
from tests.unit.handlers.screening_sample import messages  # noqa: E402
from tests.unit.handlers.variants import VARIANTS  # noqa: E402

LEXICON = ROOT / "flows" / "content" / "lexicon"
SPELLINGS = ("accents", "none", "teencode")
FOLDS = 5
SEEN_IN = 9  # texts a cue must stand in (each message is read in three spellings)
SMALLEST = 2  # points (hundredths) below which a cue is not worth a line
SHRINK = 0.1  # inverse strength of the penalty on points
# What a mistake costs, by the level a message deserves (calm, standard, urgent, emergency). To ring for an urgent message is
# a small mistake, to ring for a calm one a large one.
COSTS = {"emergency": (4.0, 0.7, 0.3, 1.0), "urgent": (2.0, 0.5, 1.0, 1.0), "standard": (1.0, 1.0, 1.0, 1.0)}
# Share of calm messages (taken-back ones aside: the rules guard them) that the points may raise to the level by themselves.
MAY_BE_RAISED = {"emergency": 0.03, "urgent": 0.08, "standard": 0.14}


def rank(severity: Severity) -> int:
    """0 calm, 1 standard, 2 urgent, 3 emergency."""
    return max(0, severity.rank - Severity.INFO.rank)


def fit(matrix: object, ranks: np.ndarray, level: str) -> LogisticRegression:
    costs = np.array(COSTS[level])[ranks]
    model = LogisticRegression(C=SHRINK, max_iter=2000, tol=1e-7)
    return model.fit(matrix, ranks >= rank(Severity(level)), sample_weight=costs)


def best_scores(weights: np.ndarray, stretches: object, owners: list[tuple[int, int]]) -> np.ndarray:
    """What each text weighs without the start: its heaviest run of stretches, as at run time."""
    sums = stretches @ weights
    return np.array([best_run(list(sums[begin:end]))[0] for begin, end in owners])


def main(target: Path) -> None:
    lexicon = load_lexicon({f"lexicon/{path.name}": path.read_bytes() for path in sorted(LEXICON.glob("*.yaml"))})
    sample = [message for message in messages() if not message.held_out]
    random.Random(7).shuffle(sample)
    cues, owners, ranks, folds, spellings, calm = [], [], [], [], [], []
    for number, message in enumerate(sample):
        for spelling in SPELLINGS:
            tokens = cut(clean(VARIANTS[spelling](message.text, 0)), lexicon.vocabulary)
            found = cue_names(tokens, find_signs(lexicon, tokens).groups) or [set()]
            owners.append((len(cues), len(cues) + len(found)))
            cues += [dict.fromkeys(names, 1) for names in found]
            ranks.append(rank(message.severity))
            folds.append(number % FOLDS)
            spellings.append(spelling)
            calm.append(not message.severity.at_least(Severity.STANDARD) and message.rule != "N4")
    vectorizer = DictVectorizer(dtype=np.float64)
    stretches = vectorizer.fit_transform(cues).tocsr()
    gather = csr_matrix(
        (
            np.ones(len(cues)),
            [at for begin, end in owners for at in range(begin, end)],
            np.array([0] + [end for _, end in owners]),
        )
    )
    matrix = gather @ stretches
    often = np.asarray((matrix > 0).sum(axis=0)).ravel() >= SEEN_IN
    matrix, stretches, names = (
        matrix[:, often].tocsr(),
        stretches[:, often].tocsr(),
        vectorizer.get_feature_names_out()[often],
    )
    ranks, folds, spellings, calm = map(np.array, (ranks, folds, spellings, calm))
    table = {START: [0, 0, 0], **{name: [0, 0, 0] for name in names}}
    for column, level in enumerate(LEVELS):
        scores = np.zeros(len(ranks))
        for fold in range(FOLDS):
            model = fit(matrix[folds != fold], ranks[folds != fold], level)
            scores[folds == fold] = (best_scores(model.coef_[0], stretches, owners) + model.intercept_[0])[
                folds == fold
            ]
        shift = np.quantile(scores[calm], 1 - MAY_BE_RAISED[level])
        for spelling in SPELLINGS:
            raised = scores > shift
            shares = [raised[(spellings == spelling) & (ranks == each)].mean() for each in range(4)]
            print(
                f"{level:9} {spelling:9} raised, of messages not learnt from: calm {shares[0]:.1%},"
                f" standard {shares[1]:.1%}, urgent {shares[2]:.1%}, emergency {shares[3]:.1%}"
            )
        model = fit(matrix, ranks, level)
        table[START][column] = round(100 * (model.intercept_[0] - shift))
        for name, weight in zip(names, model.coef_[0], strict=True):
            table[name][column] = round(100 * weight)
    lines = [[name, *points] for name, points in table.items() if name == START or max(map(abs, points)) >= SMALLEST]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["cue", *LEVELS], lines[0], *sorted(lines[1:])])
    print(f"{len(sample)} messages, {len(lines)} lines -> {target}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else LEXICON / "points.csv")

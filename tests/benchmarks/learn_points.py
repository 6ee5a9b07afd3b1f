"""Learns the points of the lexicon (`flows/content/lexicon/points.csv`) from the tuning part of the development set.

Run: `python tests/benchmarks/learn_points.py [OUT]`. Logistic regression by plain gradient descent, the same result every time.
Each message is learnt with and without accents. The held-out part is never read. Look at the difference before you commit it.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from flows.severity import Severity  # noqa: E402
from handlers.rules.reading.loading import load_lexicon  # noqa: E402
from handlers.rules.reading.matching import find_signs  # noqa: E402
from handlers.rules.reading.points import LEVELS, START, cues_of  # noqa: E402
from handlers.rules.reading.words import clean, cut  # noqa: E402
from tests.unit.handlers.variants import without_accents  # noqa: E402

LEXICON = ROOT / "flows" / "content" / "lexicon"
MESSAGES = ROOT / "tests" / "data" / "screening_dev.csv"
ROUNDS, STEP, SHRINK = 60, 0.15, 0.003
SEEN_AT_LEAST = 3  # texts a cue must stand in (each message is read with and without accents)
SMALLEST = 3  # points (hundredths) below which a cue is not worth a line
LEAN = {
    "emergency": 0.6,
    "urgent": -0.5,
    "standard": -0.6,
}  # added to every text: missing an emergency costs more than ringing


def cues(lexicon, text: str) -> set[str]:
    tokens = cut(clean(text), lexicon.vocabulary)
    return {name for name, _ in cues_of(tokens, find_signs(lexicon, tokens).groups)}


def learn(examples: list[tuple[set[str], bool]]) -> tuple[float, dict[str, float]]:
    """The start and the weight of each cue."""
    chance = random.Random(7)
    weights: dict[str, float] = {}
    start, order = 0.0, list(range(len(examples)))
    for number in range(ROUNDS):
        chance.shuffle(order)
        step = STEP / (1 + number / 10)
        for at in order:
            names, wanted = examples[at]
            total = start + sum(weights.get(name, 0.0) for name in names)
            wrong = 1 / (1 + math.exp(-max(-30.0, min(30.0, total)))) - wanted
            start -= step * wrong
            for name in names:
                old = weights.get(name, 0.0)
                weights[name] = old - step * (wrong + SHRINK * old)
    return start, weights


def main(target: Path) -> None:
    lexicon = load_lexicon({f"lexicon/{path.name}": path.read_bytes() for path in sorted(LEXICON.glob("*.yaml"))})
    with MESSAGES.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if "held out" not in row["notes"]]
    read = [
        (cues(lexicon, text), Severity(row["severity"]))
        for row in rows
        for text in (row["text"], without_accents(row["text"]))
    ]
    often = Counter(name for names, _ in read for name in names)
    read = [({name for name in names if often[name] >= SEEN_AT_LEAST}, severity) for names, severity in read]
    learnt = {
        level: learn([(names, severity.at_least(Severity(level))) for names, severity in read]) for level in LEVELS
    }
    lines = [[START, *(round(100 * (learnt[level][0] + LEAN[level])) for level in LEVELS)]]
    for name in sorted(often):
        points = [round(100 * learnt[level][1].get(name, 0.0)) for level in LEVELS]
        if max(map(abs, points)) >= SMALLEST:
            lines.append([name, *points])
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["cue", *LEVELS], *lines])
    print(f"{len(rows)} messages, {len(lines)} lines -> {target}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else LEXICON / "points.csv")

"""How good the gazetteer is on texts it was never mended with: right, asked rightly, missed, confidently wrong.

Run: `python tests/benchmarks/report_places.py [FILE]`. It prints numbers only, never a text: who mends the rules must not
look at that file. `FILE` has the columns text, kind, codes and case, or text, expected ("ambiguous 03472|03517") and kind as
in `tests/data/places_independent.csv`; without it `tests/data/places_blind.csv` is read.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bot import shipped  # noqa: E402
from flows.effects import PlaceAnswer  # noqa: E402
from handlers.rules.places import Gazetteer  # noqa: E402

BLIND = ROOT / "tests" / "data" / "places_blind.csv"
INDEPENDENT = ROOT / "tests" / "data" / "places_independent.csv"
CORE = ("sentence", "bare", "abbr", "ambiguous", "era", "two", "gen_plain")
"""Names spelled rightly, with or without marks, alone or in a sentence. Slips, Telex and long talks are counted apart."""
CORE_OF_INDEPENDENT = ("new", "old", "town", "district", "abbrev", "pair", "noaccent", "shared", "sentence")
"""The same in the words of the independent set, settled before its first run."""
MAX_CHOICES = 10
"""A question with more communes to choose from is no right question: the largest old district went into nine."""
WRONG_TARGET, CORE_TARGET = 0.01, 0.97


def judge(answer: PlaceAnswer, kind: str, codes: frozenset[str]) -> str:
    """`right`, `unsure` (says ambiguous, but asks about the one right commune: she reads the same question as for exact),
    `question` (asks, with what she means among the choices), `missed`, or `wrong`: sure, and not so.

    `wrong` is also a commune named surely where several could be meant, and "outside" for a place inside.
    """
    given = frozenset(answer.codes)
    if answer.kind == kind and given == codes:
        return "right"
    if answer.kind == "ambiguous":
        if given == codes and len(codes) == 1:
            return "unsure"
        asks_well = codes & given and len(given) <= MAX_CHOICES
        return "question" if asks_well else "missed"
    if answer.kind in ("exact", "outside"):
        return "wrong"
    return "missed"


def counted_by_case(path: Path) -> dict[str, Counter[str]]:
    """The verdicts on the texts of a file, by case."""
    gazetteer = Gazetteer.load(shipped.place_files())
    counted: dict[str, Counter[str]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            kind, codes, case = row["kind"], row.get("codes", ""), row.get("case") or "all"
            if "expected" in row:
                case, (kind, _, codes) = row["kind"], row["expected"].partition(" ")
            verdict = judge(gazetteer.resolve(row["text"]), kind, frozenset(filter(None, codes.split("|"))))
            counted.setdefault(case, Counter())[verdict] += 1
    return counted


def core_of(path: Path, counted: dict[str, Counter[str]]) -> Counter[str]:
    """The verdicts on names spelled rightly; on all where the file has no such cases."""
    cases = CORE_OF_INDEPENDENT if path.name == INDEPENDENT.name else CORE
    return sum((got for case, got in counted.items() if case in cases), Counter()) or sum(counted.values(), Counter())


def main() -> int:
    """Print the table; exit 1 when a target is missed."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else BLIND
    counted = counted_by_case(path)
    print(f"{'case':10} {'texts':>6} {'right':>7} {'unsure':>7} {'question':>9} {'missed':>7} {'wrong':>6}")
    for case, got in counted.items():
        print(
            f"{case:10} {got.total():6} {got['right']:7} {got['unsure']:7} {got['question']:9} {got['missed']:7} {got['wrong']:6}"
            f"   {got['right'] / got.total():6.1%} right"
        )
    every = sum(counted.values(), Counter())
    core = core_of(path, counted)
    wrong = every["wrong"] / every.total()
    right = core["right"] / core.total()
    one = (core["right"] + core["unsure"]) / core.total()
    asked = (core["right"] + core["unsure"] + core["question"]) / core.total()
    print(
        f"all {every.total()}: {every['right'] / every.total():.1%} right; confidently wrong {wrong:.2%} (at most 1 %)"
    )
    print(
        f"core {core.total()}: {right:.1%} right, {one:.1%} with the right commune to confirm (at least 97 %), "
        f"{asked:.1%} with the right question"
    )
    return int(wrong > WRONG_TARGET or one < CORE_TARGET)


if __name__ == "__main__":
    sys.exit(main())

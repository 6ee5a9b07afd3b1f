"""The labelled sets of screening, and how a part of one fares in one spelling. For tests and reports.

`screening_dev.csv` is what the lexicon and the points are made with. `screening_blind.csv`, `screening_last.csv` and
`screening_fresh.csv` come in their four spellings and are only ever counted: nobody looks at what is missed there, or they stop
telling anything. `screening_english.csv` is the English set, with a part held out. Where each comes from: `docs/screening.md`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flows.loader import read_dir
from flows.severity import Severity
from handlers.rules.reading.variants import VARIANTS
from handlers.rules.recall import Example, Figures, read_examples
from handlers.rules.screening import Screening

ROOT = Path(__file__).resolve().parents[3]
CONTENT = ROOT / "flows" / "content"
DATA = ROOT / "tests" / "data"
MESSAGES = DATA / "screening_dev.csv"
BLIND, LAST, FRESH, OUTSIDER = (DATA / f"screening_{name}.csv" for name in ("blind", "last", "fresh", "outsider"))
ENGLISH = DATA / "screening_english.csv"
HARD_RULES = ("N1", "N2", "N4")
HELD_OUT = "held out"  # in the notes: never used to write patterns or to learn points
ANSWER = "answers what it is asked"  # calm and plain: learnt from, but no measure of how often calm texts may ring


@dataclass(frozen=True, slots=True)
class Labelled(Example):
    """One message of the set, labelled by the triage guideline."""

    held_out: bool = False
    is_answer: bool = False


@dataclass(slots=True)
class Score(Figures):
    """Counts over one part and one spelling."""

    messages: int = 0
    right_level: int = 0
    right_category: int = 0
    hard: int = 0  # calm ones with the words of violence: films, cooking, idioms, greetings
    hard_alarms: int = 0  # of these called emergency
    urgent_raised: int = 0  # urgent called emergency

    @property
    def recall(self) -> float:
        return self.found / max(1, self.emergencies)

    @property
    def false_alarm_rate(self) -> float:
        return self.false_alarms / max(1, self.calm)


def shipped() -> Screening:
    return Screening.load(read_dir(CONTENT))


def messages(file: Path = MESSAGES) -> list[Labelled]:
    with file.open(encoding="utf-8", newline="") as lines:
        return [
            Labelled(
                row["text"],
                Severity(row["severity"]),
                row["category"],
                row["rule"],
                row["speaker"],
                HELD_OUT in row["notes"],
                ANSWER in row["notes"],
            )
            for row in csv.DictReader(lines)
        ]


def spelled(file: Path) -> dict[str, list[tuple[Example, str]]]:
    """A set that comes in its spellings: for each of them the examples, with the text as typed."""
    with file.open(encoding="utf-8", newline="") as lines:
        variants = [row["variant"] for row in csv.DictReader(lines)]
    found: dict[str, list[tuple[Example, str]]] = {name: [] for name in VARIANTS}
    for example, variant in zip(read_examples(file.name, file.read_bytes()), variants, strict=True):
        found[variant].append((example, example.text))
    return found


def score(screening: Screening, part: Iterable[Example], variant: str) -> Score:
    """How the part fares when typed in the given spelling."""
    return score_typed(screening, ((message, VARIANTS[variant](message.text, 0)) for message in part))


def score_typed(screening: Screening, part: Iterable[tuple[Example, str]]) -> Score:
    """The same for messages as typed."""
    result = Score()
    for message, text in part:
        verdict = screening.read(text)
        is_alarm = verdict.severity is Severity.EMERGENCY
        result.messages += 1
        result.right_level += verdict.severity is message.severity
        result.right_category += verdict.category == message.category
        if message.rule in HARD_RULES:
            result.hard += 1
            result.hard_alarms += is_alarm
        result.urgent_raised += is_alarm and message.severity is Severity.URGENT
        result.count(message, verdict.severity, verdict.category)
    return result

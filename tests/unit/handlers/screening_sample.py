"""The development set of screening, and how a part of it fares in one spelling. For tests and reports."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from flows.loader import read_dir
from flows.severity import Severity
from handlers.rules.reading.variants import VARIANTS
from handlers.rules.recall import Example, Figures
from handlers.rules.screening import Screening

ROOT = Path(__file__).resolve().parents[3]
CONTENT = ROOT / "flows" / "content"
MESSAGES = ROOT / "tests" / "data" / "screening_dev.csv"
HELD_OUT = "held out"  # in the notes: never used to write patterns or to learn points


@dataclass(frozen=True, slots=True)
class Labelled(Example):
    """One message of the set, labelled by the triage guideline."""

    held_out: bool = False


@dataclass(slots=True)
class Score(Figures):
    """Counts over one part and one spelling."""

    messages: int = 0
    right_level: int = 0
    right_category: int = 0

    @property
    def recall(self) -> float:
        return self.found / max(1, self.emergencies)

    @property
    def false_alarm_rate(self) -> float:
        return self.false_alarms / max(1, self.calm)


def shipped() -> Screening:
    return Screening.load(read_dir(CONTENT))


def messages() -> list[Labelled]:
    with MESSAGES.open(encoding="utf-8", newline="") as file:
        return [
            Labelled(
                row["text"],
                Severity(row["severity"]),
                row["category"],
                row["rule"],
                row["speaker"],
                HELD_OUT in row["notes"],
            )
            for row in csv.DictReader(file)
        ]


def score(screening: Screening, part: list[Labelled], variant: str) -> Score:
    """How the part fares when typed in the given spelling."""
    result = Score()
    for message in part:
        verdict = screening.read(VARIANTS[variant](message.text, 0))
        result.messages += 1
        result.right_level += verdict.severity is message.severity
        result.right_category += verdict.category == message.category
        result.count(message, verdict.severity, verdict.category)
    return result

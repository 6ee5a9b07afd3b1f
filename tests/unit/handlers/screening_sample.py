"""The development set of screening, and how a part of it fares in one spelling. For tests and reports."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from flows.loader import read_dir
from flows.severity import Severity
from handlers.rules.screening import Screening
from tests.unit.handlers.variants import VARIANTS

ROOT = Path(__file__).resolve().parents[3]
CONTENT = ROOT / "flows" / "content"
MESSAGES = ROOT / "tests" / "data" / "screening_dev.csv"
HELD_OUT = "held out"  # in the notes: never used to write patterns or to learn points


@dataclass(frozen=True, slots=True)
class Labelled:
    """One message of the set, labelled by the triage guideline."""

    text: str
    severity: Severity
    category: str
    rule: str
    held_out: bool


@dataclass(slots=True)
class Score:
    """Counts over one part and one spelling."""

    emergencies: int = 0
    emergencies_found: int = 0
    emergencies_lost: int = 0  # called standard, info or none
    urgent: int = 0
    urgent_lost: int = 0  # called info or none
    calm: int = 0  # none and info
    false_alarms: int = 0  # calm called emergency
    probes: int = 0
    probes_found: int = 0
    messages: int = 0
    right_level: int = 0
    right_category: int = 0

    @property
    def recall(self) -> float:
        return self.emergencies_found / max(1, self.emergencies)

    @property
    def false_alarm_rate(self) -> float:
        return self.false_alarms / max(1, self.calm)


def shipped() -> Screening:
    return Screening.load(read_dir(CONTENT))


def messages() -> list[Labelled]:
    with MESSAGES.open(encoding="utf-8", newline="") as file:
        return [
            Labelled(row["text"], Severity(row["severity"]), row["category"], row["rule"], HELD_OUT in row["notes"])
            for row in csv.DictReader(file)
        ]


def score(screening: Screening, part: list[Labelled], variant: str) -> Score:
    """How the part fares when typed in the given spelling."""
    result = Score()
    for message in part:
        verdict = screening.read(VARIANTS[variant](message.text, 0))
        found, wanted = verdict.severity, message.severity
        result.messages += 1
        result.right_level += found is wanted
        result.right_category += verdict.category == message.category
        if wanted is Severity.EMERGENCY:
            result.emergencies += 1
            result.emergencies_found += found is Severity.EMERGENCY
            result.emergencies_lost += not found.at_least(Severity.URGENT)
        elif wanted is Severity.URGENT:
            result.urgent += 1
            result.urgent_lost += not found.at_least(Severity.STANDARD)
        elif not wanted.at_least(Severity.STANDARD):
            result.calm += 1
            result.false_alarms += found is Severity.EMERGENCY
        if message.rule == "U12":
            result.probes += 1
            result.probes_found += verdict.is_place_probe
    return result

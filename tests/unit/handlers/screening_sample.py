"""The labelled sets of screening, and how a part of one fares in one spelling. For tests and reports.

`screening_dev.csv` is what the lexicon and the points are made with, and so are the sets of `TYPED`, which come in their four
spellings as somebody typed them: each was a test until it was used up. `screening_english.csv` is the English set, with a part
held out. Where each comes from, and what it said when it was first read: `docs/screening.md`.
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
from handlers.rules.screening import Screening, Verdict

ROOT = Path(__file__).resolve().parents[3]
CONTENT = ROOT / "flows" / "content"
DATA = ROOT / "tests" / "data"
MESSAGES = DATA / "screening_dev.csv"
TYPED = {
    name: DATA / f"screening_{name}.csv" for name in ("blind", "last", "fresh", "outsider", "hands", "second", "third")
}
UNSEEN = DATA / "screening_unseen.csv"
"""Nothing is learnt from it and no rule was written with it in view: figures only."""
ENGLISH = DATA / "screening_english.csv"
HARD_RULES = ("N1", "N2", "N4", "HN")
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

    def add(self, message: Example, verdict: Verdict) -> None:
        """Add one message as it was read."""
        is_alarm = verdict.severity is Severity.EMERGENCY
        self.messages += 1
        self.right_level += verdict.severity is message.severity
        self.right_category += verdict.category == message.category
        if message.rule in HARD_RULES:
            self.hard += 1
            self.hard_alarms += is_alarm
        self.urgent_raised += is_alarm and message.severity is Severity.URGENT
        self.count(message, verdict.severity, verdict.category)

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


def spelled(file: Path) -> dict[str, list[Labelled]]:
    """A set that comes in its spellings: for each of them the messages as typed; the same place in each list is one message."""
    with file.open(encoding="utf-8", newline="") as lines:
        variants = [row["variant"] for row in csv.DictReader(lines)]
    found: dict[str, list[Labelled]] = {name: [] for name in VARIANTS}
    for one, variant in zip(read_examples(file.name, file.read_bytes()), variants, strict=True):
        found[variant].append(Labelled(one.text, one.severity, one.category, one.rule, one.speaker))
    return found


def score(screening: Screening, part: Iterable[Example], variant: str) -> Score:
    """How the part fares when typed in the given spelling."""
    return score_typed(screening, ((message, VARIANTS[variant](message.text, 0)) for message in part))


def score_typed(screening: Screening, part: Iterable[tuple[Example, str]]) -> Score:
    """The same for messages as typed."""
    result = Score()
    for message, text in part:
        result.add(message, screening.read(text))
    return result

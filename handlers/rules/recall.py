"""How well a lexicon reads labelled examples: what it finds, what it misses, whom it rings for nothing; and whether an edit
made that worse than what was recorded.

Pure. The examples and the record stand in the content set (`lexicon/examples.csv`, `lexicon/recall.csv`), so that whoever
edits the lexicon sees what changed before anything is published.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

from flows.findings import Finding
from flows.severity import Severity
from handlers.rules.reading.items import LexiconError
from handlers.rules.reading.variants import VARIANTS
from handlers.rules.screening import PROBE

EXAMPLES, RECORD = "lexicon/examples.csv", "lexicon/recall.csv"
ENGLISH_EXAMPLES, ENGLISH = "lexicon/english/examples.csv", "english"
"""English is typed in one way only; among the spellings of the record it stands under a name of its own."""

ACCEPT = "python -m bot triage --report --accept"
MORE_FALSE_ALARMS = 0.01  # share of calm examples an edit may ring for beyond the record
_COLUMNS = ("text", "severity", "category", "rule", "speaker")
Screen = Callable[[str], "tuple[Severity, str]"]
"""What reads a text: gives its severity and category."""


@dataclass(frozen=True, slots=True)
class Example:
    """An invented message, labelled by the triage guideline."""

    text: str
    severity: Severity
    category: str
    rule: str  # E1 … N4
    speaker: str  # victim, bystander, child, …

    @property
    def is_probe(self) -> bool:
        """Does it ask where a person or a shelter is, or what somebody wrote?"""
        return self.rule == "U12"


@dataclass(slots=True)
class Figures:
    """Counts over some examples in one spelling."""

    emergencies: int = 0
    found: int = 0  # emergencies called so
    lost: int = 0  # emergencies called standard, info or none
    urgent: int = 0
    urgent_lost: int = 0  # called info or none
    calm: int = 0  # none and info
    false_alarms: int = 0  # calm called emergency
    probes: int = 0
    probes_found: int = 0

    def count(self, example: Example, severity: Severity, category: str) -> None:
        """Add one example as it was read."""
        if example.severity is Severity.EMERGENCY:
            self.emergencies += 1
            self.found += severity is Severity.EMERGENCY
            self.lost += not severity.at_least(Severity.URGENT)
        elif example.severity is Severity.URGENT:
            self.urgent += 1
            self.urgent_lost += not severity.at_least(Severity.STANDARD)
        elif not example.severity.at_least(Severity.STANDARD):
            self.calm += 1
            self.false_alarms += severity is Severity.EMERGENCY
        if example.is_probe:
            self.probes += 1
            self.probes_found += category == PROBE or severity is Severity.EMERGENCY


FIGURES = tuple(one.name for one in fields(Figures))


@dataclass(frozen=True, slots=True)
class Reading:
    """How one example was read in one spelling."""

    example: Example
    spelling: str
    severity: Severity

    @property
    def is_miss(self) -> bool:
        """Was an emergency called something less?"""
        return self.example.severity is Severity.EMERGENCY and self.severity is not Severity.EMERGENCY

    @property
    def is_false_alarm(self) -> bool:
        """Was a calm message called an emergency?"""
        return not self.example.severity.at_least(Severity.STANDARD) and self.severity is Severity.EMERGENCY


@dataclass(slots=True)
class Measured:
    """Everything that was read."""

    by_spelling: dict[str, Figures] = field(default_factory=dict)
    by_rule: dict[str, Figures] = field(default_factory=dict)
    by_speaker: dict[str, Figures] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)


def measure(screen: Screen, examples: Iterable[Example], spellings: Sequence[str] = tuple(VARIANTS)) -> Measured:
    """Reads every example in every spelling."""
    return measure_typed(screen, ((one, name, VARIANTS[name](one.text, 0)) for one in examples for name in spellings))


def measure_typed(screen: Screen, typed: Iterable[tuple[Example, str, str]]) -> Measured:
    """The same for examples that come with their spellings: (example, spelling, text as typed)."""
    found = Measured()
    for example, spelling, text in typed:
        severity, category = screen(text)
        found.readings.append(Reading(example, spelling, severity))
        for table, key in (
            (found.by_spelling, spelling),
            (found.by_rule, example.rule),
            (found.by_speaker, example.speaker),
        ):
            table.setdefault(key, Figures()).count(example, severity, category)
    return found


def typed_examples(files: Mapping[str, bytes]) -> list[tuple[Example, str, str]]:
    """The examples of a content set as people may type them: (example, spelling, text). Raises `LexiconError`."""
    found = [
        (one, name, write(one.text, 0))
        for one in read_examples(EXAMPLES, files[EXAMPLES])
        for name, write in VARIANTS.items()
    ]
    if ENGLISH_EXAMPLES in files:
        found += [(one, ENGLISH, one.text) for one in read_examples(ENGLISH_EXAMPLES, files[ENGLISH_EXAMPLES])]
    return found


def read_examples(file: str, content: bytes) -> list[Example]:
    """From CSV with the columns text, severity, category, rule, speaker; raises `LexiconError` with the first bad line."""
    found = []
    for line, row in _rows(file, content, _COLUMNS, "bad-examples"):
        try:
            severity = Severity(row["severity"])
        except ValueError:
            raise LexiconError([_bad(file, line, _COLUMNS, "bad-examples")]) from None
        found.append(Example(row["text"], severity, row["category"], row["rule"], row["speaker"]))
    return found


def read_record(file: str, content: bytes) -> dict[str, tuple[int, Figures]]:
    """The recorded figures of each spelling, with the line they stand in; raises `LexiconError` with the first bad line."""
    found: dict[str, tuple[int, Figures]] = {}
    columns = ("spelling", *FIGURES)
    for line, row in _rows(file, content, columns, "bad-recall"):
        try:
            found[row["spelling"]] = (line, Figures(**{name: int(row[name]) for name in FIGURES}))
        except ValueError:
            raise LexiconError([_bad(file, line, columns, "bad-recall")]) from None
    return found


def write_record(measured: Measured) -> bytes:
    """The record of what was measured, as `read_record` reads it."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["spelling", *FIGURES])
    for spelling, figures in measured.by_spelling.items():
        writer.writerow([spelling, *(getattr(figures, name) for name in FIGURES)])
    return target.getvalue().encode()


def findings(files: Mapping[str, bytes], screen: Screen) -> list[Finding]:
    """What an edit made worse than the record of the set says; nothing for a set without examples or record."""
    if EXAMPLES not in files or RECORD not in files:
        return []
    try:
        typed, record = typed_examples(files), read_record(RECORD, files[RECORD])
    except LexiconError as error:
        return list(error.findings)
    measured = measure_typed(screen, (one for one in typed if one[1] in record)).by_spelling
    return [finding for spelling, now in measured.items() for finding in _worse(spelling, *record[spelling], now)]


def _worse(spelling: str, line: int, before: Figures, now: Figures) -> Iterable[Finding]:
    """What is worse in one spelling than recorded."""
    for name, what, what_en, total in (
        ("found", "tin khẩn cấp nhận ra được", "emergencies found", now.emergencies),
        ("probes_found", "tin dò hỏi nhận ra được", "messages asking after somebody found", now.probes),
    ):
        was, is_now = getattr(before, name), getattr(now, name)
        if is_now < was:
            yield _finding("lexicon-recall-lower", line, spelling, (what, what_en), f"{is_now}/{total}", was)
    for name, what, what_en, total in (
        ("lost", "tin khẩn cấp bị coi là nhẹ", "emergencies called standard or less", now.emergencies),
        ("urgent_lost", "tin gấp bị coi là không có gì", "urgent messages called info or none", now.urgent),
    ):
        was, is_now = getattr(before, name), getattr(now, name)
        if is_now > was:
            yield _finding("lexicon-recall-lower", line, spelling, (what, what_en), f"{is_now}/{total}", was)
    if now.false_alarms > before.false_alarms + MORE_FALSE_ALARMS * now.calm:
        words = ("tin vô hại bị gọi là khẩn cấp", "calm messages called an emergency")
        shown = f"{now.false_alarms}/{now.calm}"
        yield _finding("lexicon-false-alarms", line, spelling, words, shown, before.false_alarms)


def _finding(code: str, line: int, spelling: str, what: tuple[str, str], shown: str, was: int) -> Finding:
    return Finding(
        RECORD,
        line,
        1,
        code,
        f"({spelling}) {what[0]}: {shown}, trước đây {was}; xem `python -m bot triage --report`, nếu vẫn muốn vậy thì `{ACCEPT}`",
        f"({spelling}) {what[1]}: {shown}, before {was}; see `python -m bot triage --report`, to keep it so `{ACCEPT}`",
    )


def _rows(file: str, content: bytes, columns: Sequence[str], code: str) -> list[tuple[int, dict[str, str]]]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), strict=True)
        if not set(columns) <= set(reader.fieldnames or ()):
            raise LexiconError([_bad(file, 1, columns, code)])
        found = []
        for row in reader:
            if any(row[name] is None for name in columns):
                raise LexiconError([_bad(file, reader.line_num, columns, code)])
            found.append((reader.line_num, row))
    except (UnicodeDecodeError, csv.Error):
        raise LexiconError([_bad(file, 1, columns, code)]) from None
    return found


def _bad(file: str, line: int, columns: Sequence[str], code: str) -> Finding:
    wanted = ",".join(columns)
    return Finding(file, line, 1, code, f"cần các cột: {wanted}", f"these columns are needed: {wanted}")

"""Example talks that run as tests: what an admin writes, checks and reads, and which steps no talk has passed yet.

`rehearsal` plays one talk; here stands what is written and what is told about a whole set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal, Protocol, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from flows.complaints import add_complaints
from flows.effects import Command, PlaceAnswer, Question, Value
from flows.findings import Finding
from flows.library import Library
from flows.schema import Duration, Name
from flows.severity import Severity
from flows.source import Source, parse

SUFFIX = ".transcript.yaml"
COMMANDS = tuple(command.__name__ for command in get_args(Command))
"""Names that `effects` may list."""

_HAPPENINGS = "say, choose, choose_old, silence, share, unsupported, release"

YesNo = Literal["yes", "no"]


class Host(Protocol):
    """What a transcript needs of the host: the real screening, places and directory, without a store or a network.

    Same input, same output: a transcript must not pass today and fail tomorrow.
    """

    def screen(self, text: str) -> tuple[Severity, str, tuple[str, ...]]:
        """What screening makes of a text: severity, the category's id or an empty string, and the signs of a text that asks
        something and tells of nothing else.
        """
        ...

    def answer(self, question: Question) -> Value | PlaceAnswer:
        """The answer to a question of the engine, of the type that `flows.effects` names beside it.

        What the transcript's `world` says, the runner answers itself: `AskOnDuty`, `RedeemReturnCode`, and
        `FindServices` when there are none.
        """
        ...

    def near(self, commune: str) -> PlaceAnswer:
        """The answer to a location shared inside this commune (post-2025 code): it first, then its neighbours."""
        ...


def _as_list(value: object) -> object:
    """One text is a list of one."""
    return [value] if isinstance(value, str) else value


Pieces = Annotated[list[str], BeforeValidator(_as_list)]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expect(_Written):
    """What one turn must bring; only what is written is looked at."""

    says: Pieces = []  # pieces of text that this turn's lines contain, in any order
    not_says: Pieces = []  # pieces that stand in none of them
    choices: Pieces = []  # labels that are offered after the turn; there may be more
    step: str | None = None  # where she stands then, as "flow.step"
    severity: Severity | None = None  # how urgent the case is by then: choices, steps and screening, the highest so far
    effects: Annotated[list[Literal[COMMANDS]], BeforeValidator(_as_list)] = []  # type: ignore[valid-type]
    status: Literal["waiting", "handed_over", "ended"] | None = None


class Turn(_Written):
    """One thing that happens (exactly one key beside `expect`), and what must come of it."""

    say: str | None = None  # she types
    choose: str | None = None  # she presses a button that is offered now (its label)
    choose_old: str | None = None  # she presses a button of an earlier question
    silence: Duration | None = None  # nothing comes for so long
    share: Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")] | None = None  # a location in this commune
    unsupported: Literal["yes"] | None = None  # she sends a voice note, a picture or a sticker
    release: Literal["yes"] | None = None  # the counsellor ends the talk
    expect: Expect = Expect()


class World(_Written):
    """What the host finds; anything not written is as shipped."""

    on_duty: YesNo = "yes"  # is a person on duty?
    code_known: YesNo = "yes"  # does a return code that she types lead back to a stay?
    can_remind: YesNo = "yes"  # can we write to her later by ourselves? (Not on a web page.)
    services: Annotated[list[str], Field(max_length=0)] | None = None  # `[]`: the directory has nothing that fits
    at: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "09:00"  # local time it begins


class EndState(_Written):
    """How things stand after the last turn."""

    status: Literal["waiting", "handed_over", "ended"] | None = None
    variables: dict[Name, str] = {}  # as one writes them in a flow; "empty" for nothing


class Channel(StrEnum):
    """How choices are made on a channel: every transcript is played on each kind, and must come out the same."""

    BUTTONS = "buttons"  # pressed
    NUMBERS = "numbers"  # printed as "1. …" and typed as a number


class Transcript(_Written):
    """One example talk."""

    transcript: Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")] | Literal[""] = ""  # it begins in this one
    world: World = World()
    turns: Annotated[list[Turn], Field(min_length=1, max_length=200)]
    end: EndState = EndState()


@dataclass(frozen=True, slots=True)
class Script:
    """A transcript with its file, for positions."""

    transcript: Transcript
    source: Source

    def finding(self, path: tuple[str | int, ...], code: str, message: str, message_en: str) -> Finding:
        """A finding at a place of this transcript."""
        line, column = self.source.position(path)
        return Finding(self.source.file, line, column, code, message, message_en)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a content set has, and what its transcripts pass: names as "flow.step" and "flow.step:choice"."""

    steps: tuple[str, ...]
    choices: tuple[str, ...]
    visited: frozenset[str]
    speaking: tuple[str, ...] = ()  # the steps that say something
    said: Mapping[str, frozenset[str]] = field(default_factory=dict)  # language -> the steps that spoke in it

    @property
    def missed_steps(self) -> tuple[str, ...]:
        """Steps that no transcript passes, in the order of the files."""
        return tuple(step for step in self.steps if step not in self.visited)

    @property
    def missed_choices(self) -> tuple[str, ...]:
        """Choices that no transcript takes, in the order of the files."""
        return tuple(choice for choice in self.choices if choice not in self.visited)


def scripts(files: Mapping[str, bytes]) -> tuple[list[Script], list[Finding]]:
    """All transcripts of a content set, by file name, and what is wrong with the others."""
    found: list[Script] = []
    findings: list[Finding] = []
    for file in sorted(name for name in files if name.endswith(SUFFIX)):
        source = parse(file, files[file])
        if not source.findings:
            try:
                script = Script(Transcript.model_validate(source.tree), source)
            except ValidationError as error:
                add_complaints(source, error)
            else:
                _complain_of_shapes(script)
                found += [] if source.findings else [script]
        findings += source.findings
    return found, findings


def coverage(library: Library, visited: Iterable[str], said: Iterable[tuple[str, str]] = ()) -> Coverage:
    """Which steps and choices of the set are among `visited`; `said`: which steps spoke in which language."""
    steps = [(f"{name}.{step}", part) for name, flow in library.flows.items() for step, part in flow.steps.items()]
    choices = [f"{place}:{choice}" for place, part in steps for choice in part.choices or {}]
    speaking = [place for place, part in steps if part.say]
    spoken: dict[str, set[str]] = {}
    for language, place in said:
        spoken.setdefault(language, set()).add(place)
    by_language = {language: frozenset(places) for language, places in spoken.items()}
    return Coverage(
        tuple(place for place, _ in steps), tuple(choices), frozenset(visited), tuple(speaking), by_language
    )


def uncovered(library: Library, covered: Coverage) -> list[Finding]:
    """A finding for every step that no transcript passes."""
    findings = []
    for place in covered.missed_steps:
        flow, _, step = place.partition(".")
        findings.append(
            library.finding(
                flow,
                ("steps", step),
                "uncovered-step",
                f"không có bản ghi mẫu nào đi qua bước “{step}”; viết thêm một bản trong transcripts/",
                f"no transcript passes step '{step}'; write one in transcripts/",
            )
        )
    return findings


def _complain_of_shapes(script: Script) -> None:
    """Note every turn in which not exactly one thing happens."""
    for index, turn in enumerate(script.transcript.turns):
        if len(turn.model_fields_set - {"expect"}) != 1:
            message, message_en = (
                f"mỗi lượt có đúng một việc: {_HAPPENINGS}",
                f"a turn has exactly one of: {_HAPPENINGS}",
            )
            script.source.add(("turns", index), "turn-shape", message, message_en)

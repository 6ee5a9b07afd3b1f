"""Plays one transcript against the engine: a virtual clock, and a session that is stored and read back every turn."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TypeAlias

from flows import effects, transcripts
from flows.effects import Button, PlaceAnswer, Question, Raise, Say, Value
from flows.engine import advance
from flows.findings import Finding
from flows.library import Library
from flows.schema import AskType
from flows.session import Session
from flows.severity import Severity
from flows.text import fold
from flows.transcripts import Channel, Expect, Host, Script, Turn

BETWEEN_TURNS = timedelta(seconds=20)
MAX_QUESTIONS = 50  # of the engine in one turn: more means that it goes round in circles
_DAY = date(2026, 11, 23)  # any day: only hours matter to a talk
_Path: TypeAlias = "tuple[str | int, ...]"
_LOCAL = timezone(timedelta(hours=7))  # the hours of a transcript are Vietnamese


@dataclass(frozen=True, slots=True)
class Seen:
    """How things stood after one turn."""

    said: str  # the lines it brought
    effects: tuple[str, ...]
    offered: tuple[str, ...]  # labels that could be pressed
    step: str
    severity: str
    status: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one transcript: it passed when there are no failures."""

    title: str
    failures: tuple[Finding, ...]
    visited: frozenset[str]  # "flow.step" passed and "flow.step:choice" taken
    said: frozenset[tuple[str, str]] = frozenset()  # which steps spoke in which language
    seen: tuple[Seen, ...] = ()  # of every turn that was played
    variables: Mapping[str, str] = field(default_factory=dict)  # at the end, as one writes them
    failed_in: tuple[str, ...] = ()  # the language spoken at each failure

    def failures_but(self, languages: Container[str]) -> list[Finding]:
        """The failures that did not come while one of these languages was spoken."""
        return [
            failure for failure, spoken in zip(self.failures, self.failed_in, strict=True) if spoken not in languages
        ]


def run(library: Library, script: Script, host: Host, channel: Channel = Channel.BUTTONS) -> Outcome:
    """Play one transcript on one kind of channel and tell every failure with its line and turn.

    It is played to its end whatever differs on the way, but not past a button that is not there to press.
    """
    rehearsal = _Rehearsal(library, script, host, channel)
    rehearsal.play()
    return rehearsal.outcome()


def check(library: Library, files: Mapping[str, bytes], host: Host, unfinished: Container[str] = ()) -> list[Finding]:
    """Run all transcripts among the files, on every kind of channel: broken and failing ones, and steps that none passes,
    are findings. While an `unfinished` language is spoken nothing fails: that texts are missing there has been told.
    """
    found, findings = transcripts.scripts(files)
    visited: set[str] = set()
    for script in found:
        outcome = run(library, script, host)
        findings += outcome.failures_but(unfinished)
        if not outcome.failures:  # what fails with buttons need not be told again for numbers
            findings += run(library, script, host, Channel.NUMBERS).failures_but(unfinished)
        visited |= outcome.visited
    return findings + transcripts.uncovered(library, transcripts.coverage(library, visited))


@dataclass(slots=True)
class _Brought:
    """What one turn has brought."""

    lines: list[str] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)


class _Rehearsal:
    def __init__(self, library: Library, script: Script, host: Host, channel: Channel) -> None:
        self.failures: list[Finding] = []
        self.failed_in: list[str] = []
        self.visited: set[str] = set()
        self.said: set[tuple[str, str]] = set()
        self._channel = channel
        self.seen: list[Seen] = []
        self._library = library
        self._script = script
        self._host = host
        begins = time.fromisoformat(script.transcript.world.at)
        self._now = datetime.combine(_DAY, begins, tzinfo=_LOCAL).astimezone(UTC)
        language = script.transcript.language
        self._session = Session.new(library).evolve(language="" if language == library.manifest.language else language)
        self._offered: tuple[Button, ...] = ()
        self._seen: list[Button] = []
        self._fed: list[effects.Command] = []  # by the input being played
        self._severity = Severity.NONE
        self._brought = _Brought()
        self._lost = False  # a button to press was not there

    def play(self) -> None:
        language = self._script.transcript.language
        if language and language not in (self._library.manifest.language, *self._library.languages):
            self._fail(None, ("language",), "một tiếng có trong languages/", "a language of languages/", language)
            return
        for index, turn in enumerate(self._script.transcript.turns):
            self._brought = _Brought()
            self._now += BETWEEN_TURNS
            for happening in self._happenings(index, turn):
                self._feed(index, happening)
            if self._lost:
                return  # what follows would fail only because this did
            self.seen.append(self._look())
            self._compare(index, turn.expect)
        self._compare_end()

    def outcome(self) -> Outcome:
        variables = {name: _written(value) for name, value in self._session.variables.items()}
        title = self._script.transcript.transcript
        visited, said = frozenset(self.visited), frozenset(self.said)
        return Outcome(title, tuple(self.failures), visited, said, tuple(self.seen), variables, tuple(self.failed_in))

    def _look(self) -> Seen:
        brought, session = self._brought, self._session
        labels = tuple(button.label for button in self._offered)
        said = "\n".join(brought.lines)
        return Seen(said, tuple(brought.effects), labels, session.place(), self._severity.value, session.status.value)

    # --- playing ------------------------------------------------------------------------------------------------

    def _happenings(self, index: int, turn: Turn) -> Iterator[effects.Input]:
        if turn.say is not None:
            severity, category, asks = self._host.screen(turn.say)
            called = (
                self._severity is Severity.EMERGENCY
            )  # by what came before: a person is called then, who reads along
            self._severity = Severity.highest(self._severity, severity)
            yield effects.Said(turn.say, severity, category, called, asks)
        elif turn.share is not None:
            yield effects.Shared(self._host.near(turn.share))
        elif turn.unsupported is not None:
            yield effects.Unsupported()
        elif turn.release is not None:
            yield effects.Released()
        elif turn.silence is not None:
            yield from self._silences(turn.silence)
        else:
            yield from self._press(index, turn)

    def _press(self, index: int, turn: Turn) -> Iterator[effects.Input]:
        old = turn.choose_old is not None
        label = turn.choose_old or turn.choose or ""
        pressable = [seen for seen in self._seen if seen not in self._offered] if old else self._offered
        button = _labelled(pressable, label)
        self._lost = button is None
        if button is not None:
            yield self._taken(button) if not old else effects.Chose(button.data)
        elif old:
            self._fail(index, ("choose_old",), f"nút cũ “{label}”", f"an old button '{label}'", _labels(pressable))
        else:
            self._fail(index, ("choose",), f"lựa chọn “{label}”", f"choice '{label}'", _labels(pressable))

    def _taken(self, button: Button) -> effects.Input:
        """A choice as it is made on this kind of channel: pressed, or typed as the number that stands before it."""
        if self._channel is Channel.BUTTONS:
            return effects.Chose(button.data)
        flow, _, step = self._session.place().partition(".")
        task = self._library.program.tasks.get((flow, step))
        counts = task is not None and task.question is not None and task.question.type is AskType.NUMBER
        return effects.Said(button.label if counts else str(self._offered.index(button) + 1))

    def _silences(self, length: timedelta) -> Iterator[effects.Input]:
        """The timers that fall due while nothing comes, each at its moment."""
        until = self._now + length
        while (due_at := self._session.silence_due_at) is not None and due_at <= until:
            self._now = max(self._now, due_at)
            yield effects.Silence()
            if self._session.silence_due_at == due_at:
                break  # the engine took no notice of it: it would never end
        self._now = until

    def _feed(self, index: int, given: effects.Input) -> None:
        self._fed = []
        sprint = self._advance(index, given)
        for _ in range(MAX_QUESTIONS):
            if sprint.question is None:
                break
            sprint = self._advance(index, effects.Answered(self._answer(sprint.question)))
        else:
            self._fail(index, (), "lượt này dừng lại để chờ", "that the turn comes to a wait", "")
        self._take_in()

    def _advance(self, index: int, given: effects.Input) -> effects.Sprint[Session]:
        """One sprint; the session goes through its stored form, as between two messages of a person."""
        sprint = advance(self._library, self._session, given, self._now)
        self._session = Session.load(json.loads(json.dumps(sprint.session.dump(), ensure_ascii=False)))
        if self._session != sprint.session:
            self._fail(
                index, (), "phiên đọc lại giống phiên đã lưu", "that the session reads back as it was stored", ""
            )
        self.visited |= set(sprint.visited)
        self._fed += sprint.effects
        return sprint

    def _answer(self, question: Question) -> Value | PlaceAnswer:
        world = self._script.transcript.world
        if isinstance(question, effects.AskOnDuty):
            return world.on_duty == "yes"
        if isinstance(question, effects.RedeemReturnCode):
            return world.code_known == "yes"
        if isinstance(question, effects.AskCanRemind):
            return world.can_remind == "yes"
        if isinstance(question, effects.FindServices) and world.services is not None:
            return []
        return self._host.answer(question)

    def _take_in(self) -> None:
        """Note what one input has brought: lines, names of effects, buttons, severity."""
        if self._fed:
            self._offered = ()  # a new line without buttons leaves nothing to press
        for effect in self._fed:
            self._brought.effects.append(type(effect).__name__)
            if isinstance(effect, Say):
                self._brought.lines.append(unicodedata.normalize("NFC", effect.text))
                self.said.add((effect.language or self._library.manifest.language, effect.step))
                if effect.buttons:
                    self._offered = effect.buttons
                    self._seen += effect.buttons
            elif isinstance(effect, Raise):
                self._severity = Severity.highest(self._severity, effect.severity)

    # --- comparing ----------------------------------------------------------------------------------------------

    def _compare(self, index: int, expect: Expect) -> None:
        brought = self._brought
        said = "\n".join(brought.lines)
        for position, piece in enumerate(expect.says):
            if unicodedata.normalize("NFC", piece) not in said:
                self._fail(index, ("expect", "says", position), f"câu có “{piece}”", f"a line with '{piece}'", said)
        for position, piece in enumerate(expect.not_says):
            if unicodedata.normalize("NFC", piece) in said:
                path = ("expect", "not_says", position)
                self._fail(index, path, f"không câu nào có “{piece}”", f"no line with '{piece}'", said)
        for position, label in enumerate(expect.choices):
            if _labelled(self._offered, label) is None:
                path = ("expect", "choices", position)
                self._fail(index, path, f"lựa chọn “{label}”", f"choice '{label}'", _labels(self._offered))
        for name in expect.effects:
            if name not in brought.effects:
                self._fail(index, ("expect", "effects"), name, name, ", ".join(brought.effects))
        if "Failed" in brought.effects and "Failed" not in expect.effects:
            self._fail(index, (), "luồng chạy được", "that the flow runs", "Failed")
        if expect.step is not None and expect.step != self._session.place():
            self._fail(index, ("expect", "step"), expect.step, expect.step, self._session.place())
        if expect.severity is not None and expect.severity is not self._severity:
            self._fail(index, ("expect", "severity"), expect.severity, expect.severity, self._severity)
        if expect.status is not None and expect.status != self._session.status:
            self._fail(index, ("expect", "status"), expect.status, expect.status, self._session.status)

    def _compare_end(self) -> None:
        end = self._script.transcript.end
        if end.status is not None and end.status != self._session.status:
            self._fail(None, ("end", "status"), end.status, end.status, self._session.status)
        for name, expected in end.variables.items():
            came = _written(self._session.variables.get(name))
            if came != expected:
                self._fail(None, ("end", "variables", name), f"{name}: {expected}", f"{name}: {expected}", came)

    def _fail(self, index: int | None, path: _Path, expected: str, expected_en: str, came: str) -> None:
        """Note a failure; `index` counts turns from 0, None is the end."""
        came = " / ".join(came.split("\n"))
        where, where_en = (
            (f"lượt {index + 1}", f"turn {index + 1}") if index is not None else ("lúc cuối", "at the end")
        )
        full = ("turns", index, *path) if index is not None else path
        message = f"{where}: cần {expected}; thực tế: {came or 'không có gì'}"
        message_en = f"{where_en}: expected {expected_en}; came: {came or 'nothing'}"
        self.failed_in.append(self._session.language)
        self.failures.append(self._script.finding(full, "transcript-failed", message, message_en))


def _labelled(buttons: Sequence[Button], label: str) -> Button | None:
    """The button with this label: exactly, else without regard to accents and case."""
    exact = [
        button
        for button in buttons
        if unicodedata.normalize("NFC", button.label) == unicodedata.normalize("NFC", label)
    ]
    return next(iter(exact or [button for button in buttons if fold(button.label) == fold(label)]), None)


def _labels(buttons: Sequence[Button]) -> str:
    return ", ".join(button.label for button in buttons)


def _written(value: Value) -> str:
    """A value as one writes it in a flow."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", []):
        return "empty"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(map(str, value))
    return str(value) if isinstance(value, (str, int)) else json.dumps(value, ensure_ascii=False)

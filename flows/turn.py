"""One sprint in the making: the session's fields while they change, and the effects so far.

The engine works on a `Turn` and nothing else; `sprint` freezes it. The session that came in is never touched.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flows import asking_again, effects, timers
from flows.effects import Button, Command, Ended, Failed, Question, Remember, Say, SayKind, Sprint, Value
from flows.library import Library
from flows.program import Program, Task
from flows.schema import MAX_DEPTH, MAX_STEPS_PER_SPRINT, VariableType
from flows.session import Again, Frame, Pending, Session, Stage, State, Status, Wait, mark_of
from flows.templates import Template

MAX_HISTORY = 20  # questions "back" can go to

_QUESTIONS = {
    kind.__name__: kind
    for kind in (
        effects.ResolvePlace,
        effects.FindServices,
        effects.AskOnDuty,
        effects.MakeReturnCode,
        effects.RedeemReturnCode,
        effects.AskCanRemind,
    )
}


class FlowFault(Exception):
    """The flow itself is at fault: the sprint ends with `Failed` of this code."""

    def __init__(self, code: str, place: str) -> None:
        """`code` as in `effects.Failed`; `place` is "flow.step"."""
        super().__init__(f"{code} at {place}")
        self.code, self.place = code, place


class Turn:
    """The changing state of one `advance`."""

    __slots__ = (
        "again", "alarm", "asked", "asks", "began", "called", "concern", "due_at", "effects", "frames", "heard_at",
        "history", "language", "library", "mark", "now", "origin", "outcome", "passed", "pending", "pressed",
        "program", "question", "session", "status", "variables", "visited", "wait",
    )  # fmt: skip

    def __init__(self, library: Library, session: Session, now: datetime) -> None:
        """Start from a session as it stands."""
        self.library: Library = library
        self.program: Program = library.program
        self.session = session
        self.now = now
        self.status = session.status
        self.frames: list[Frame] = list(session.frames)
        self.variables: dict[str, Value] = dict(session.variables)
        self.wait: Wait | None = session.wait
        self.pending: Pending | None = session.pending
        self.history = session.history
        self.asks = session.asks
        self.passed = session.passed if session.status is Status.ASKING_HOST else 0
        self.concern = session.concern
        self.asked = session.asked
        self.due_at = session.own_due_at
        self.heard_at = session.heard_at
        self.outcome = session.outcome
        self.language = session.language
        self.pressed = session.pressed
        self.again = session.again
        self.called = False  # is a person called who will read what she has just typed?
        self.origin = session.frames if session.wait is not None else None  # the question this sprint comes from
        self.alarm = False  # has a score just reached emergency?
        self.began = False  # did the stay begin in this sprint?
        self.effects: list[Command] = []
        self.visited: list[str] = []
        self.question: Question | None = None
        self.mark = mark_of(session.id)

    # --- where it stands --------------------------------------------------------------------------------------------

    def task(self) -> Task:
        """The step on top. Raises FlowFault when the set has no such step."""
        frame = self.frames[-1]
        task = self.program.tasks.get((frame.flow, frame.step))
        if task is None:
            raise FlowFault("no-such-step", f"{frame.flow}.{frame.step}")
        return task

    def restart(self, flow: str) -> None:
        """Begin a new stay at a flow: nothing of the last one is left but the numbers of its buttons."""
        self.frames = [Frame(flow, self.program.starts[flow])]
        self.variables = {}
        self.history, self.origin = (), None
        self.wait = self.pending = self.due_at = None
        self.concern = self.outcome = self.asked = ""
        self.again = Again()
        self.began = True

    def pass_step(self, task: Task) -> None:
        """Count and note a step. Raises FlowFault beyond the limit."""
        self.passed += 1
        if self.passed > MAX_STEPS_PER_SPRINT:
            raise FlowFault("step-limit", task.place)
        self.visited.append(task.place)

    def push(self, flow: str) -> None:
        """Put a flow on top. Raises FlowFault when the stack is full."""
        if len(self.frames) >= MAX_DEPTH:
            raise FlowFault("depth-limit", f"{flow}.{self.program.starts[flow]}")
        self.frames.append(Frame(flow, self.program.starts[flow]))

    def move(self, step: str, state: State = State.FRESH) -> None:
        """Put the flow on top at a step."""
        self.frames[-1] = Frame(self.frames[-1].flow, step, state)

    def stop_waiting(self) -> None:
        """The open question is answered or left."""
        self.wait = self.pending = self.due_at = None
        asking_again.settle(self)

    # --- what she is told and what is kept --------------------------------------------------------------------------

    def text(self, template: Template) -> str:
        """A text of a step in her language, with her answers filled in."""
        template = template.in_language(self.language)
        if len(template.parts) == 1:
            return template.parts[0]
        return template.fill({name: self.read(name) for name in template.names})

    def say(
        self,
        template: Template,
        buttons: tuple[Button, ...] = (),
        kind: SayKind = SayKind.LINE,
        location: bool = False,
    ) -> None:
        """Add one line of a step for her."""
        self._add(self.text(template), template, buttons, kind, location)

    def say_phrase(self, key: str, buttons: tuple[Button, ...] = (), location: bool = False, **values: object) -> None:
        """Add a phrase of the set as a line for her."""
        self._add(self.phrase(key, **values), self.library.templates[key], buttons, SayKind.LINE, location)

    def _add(self, text: str, spoken: Template, buttons: tuple[Button, ...], kind: SayKind, location: bool) -> None:
        frame, audio = self.frames[-1], self.recording(spoken)
        if kind is SayKind.CARD:
            asking_again.card_shown(self)
        self.effects.append(Say(text, buttons, kind, f"{frame.flow}.{frame.step}", location, audio, self.language))

    def recording(self, spoken: Template) -> str:
        """The SHA-256 (hex) of the recording of a text in her language; "" when there is none."""
        recordings = self.library.recordings
        if not recordings or not spoken.recording:
            return ""
        found = recordings.get((self.language or self.program.language, spoken.recording))
        return found.sha256 if found is not None else ""

    def consent_asked(self, purpose: str) -> tuple[str, str]:
        """The step that asked her for this consent, and what its text is known by; empty when she was never asked."""
        asked = self.variables.get(f"consent.{purpose}.asked")
        return (str(asked[0]), str(asked[1])) if isinstance(asked, list) and len(asked) == 2 else ("", "")

    def agreed(self, purpose: str) -> bool:
        """Has she agreed to this purpose, and not taken it back?"""
        return self.variables.get(f"consent.{purpose}") is True

    def template(self, key: str) -> Template:
        """A phrase without placeholders of its own, to be said with `say`."""
        return self.library.templates[key]

    def phrase(self, key: str, **values: object) -> str:
        """A phrase of the set in her language."""
        return self.library.say(key, self.language, **values)

    def keep(self, name: str, value: Value, shown: str = "") -> None:
        """Save a variable; one with a label goes to the counsellor's summary card too. `shown` is a place's name.

        What identifies her is kept only while she agrees to its purpose, whatever the flow does.
        """
        purpose = self.program.variables[name].identifying
        if purpose is not None and not self.agreed(purpose):
            return
        self.variables[name] = value
        if shown:
            self.variables[f"{name}.name"] = shown
        else:
            self.variables.pop(f"{name}.name", None)
        variable = self.program.variables[name]
        if variable.label is not None:
            self.effects.append(Remember(name, value, variable.label, self.shown(name)))

    def read(self, name: str) -> str:
        """A variable as she reads it, in her language; "" when it was never set."""
        return self._shown(name, self.language)

    def shown(self, name: str) -> str:
        """A variable as staff read it, in the language of the set; "" when it was never set."""
        return self._shown(name, "")

    def _shown(self, name: str, language: str) -> str:
        value, variable = self.variables.get(name), self.program.variables[name]
        if variable.type is VariableType.SERVICES:
            return self._services(value)
        if value is None:
            return ""
        if isinstance(value, bool):
            return self.library.say("yes" if value else "no", language)
        if variable.type in (VariableType.CHOICE, VariableType.LANGUAGE):
            return self._value_shown(name, str(value), language)
        if isinstance(value, list):
            several = ", ".join(self._value_shown(name, str(one), language) for one in value)
            return several or self.library.say("none_of_list", language)
        if variable.type is VariableType.DATE:
            return "/".join(str(int(part)) for part in reversed(str(value).split("-")))
        if variable.type is VariableType.AGE_BAND:
            return self.library.say(str(value), language)
        if variable.type is VariableType.PLACE:
            return str(self.variables.get(f"{name}.name", value))
        return str(value)

    def _value_shown(self, name: str, value: str, language: str) -> str:
        """One of the values that a variable may hold, as a person reads it."""
        written = self.program.variables[name].shown.get(value, value)
        catalog = self.library.catalogs.get(language)
        return (catalog.text(f"variables.{name}.shown.{value}", written) if catalog else None) or written

    def _services(self, value: Value) -> str:
        found = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
        texts = [str(item.get("text") or item.get("name") or "") for item in found]
        return "\n\n".join(text for text in texts if text) or self.phrase("services_none")

    # --- the open question ------------------------------------------------------------------------------------------

    def open(self, stage: Stage, *, tries: int = 0, codes: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> Wait:
        """Open a question under a new number."""
        self.asks += 1
        asking_again.settle(self)
        self.wait = Wait(stage, self.asks, tries, codes, names)
        self.move(self.frames[-1].step, State.OPEN)
        self.status = Status.WAITING
        self._note_history()
        return self.wait

    def _note_history(self) -> None:
        """Remember the question before this one; a question come back to takes what followed it out of the history."""
        frames, history = tuple(self.frames), self.history
        if frames in history:
            self.history = history[: history.index(frames)]
        elif self.origin is not None and self.origin != frames:
            self.history = (*history, self.origin)[-MAX_HISTORY:]
        self.origin = None

    def buttons(self, labels: list[str] | tuple[str, ...]) -> tuple[Button, ...]:
        """Buttons for the open question."""
        assert self.wait is not None
        front = f"{self.mark}{self.wait.ask}."
        return tuple([Button(label, f"{front}{index}") for index, label in enumerate(labels)])

    def restart_silence(self, silence: tuple[timedelta, str] | None) -> None:
        """(Re)start the timer of the open question."""
        self.due_at = None if silence is None else self.now + silence[0]

    # --- the host ---------------------------------------------------------------------------------------------------

    def put(self, question: Question, *, tries: int = 0) -> None:
        """Ask the host and suspend."""
        fields = {name: _plain(getattr(question, name)) for name in question.__dataclass_fields__}
        self.pending = Pending(type(question).__name__, fields, tries)
        if self.wait is None and self.origin is not None:
            self.history = (*self.history, self.origin)[-MAX_HISTORY:]  # the next question may open a sprint later
            self.origin = None
        self.question = question
        self.status = Status.ASKING_HOST

    def put_again(self) -> None:
        """Ask the host once more what it has not answered. Raises FlowFault when the question is unknown."""
        assert self.pending is not None
        kind = _QUESTIONS.get(self.pending.name)
        if kind is None:
            raise FlowFault("no-such-question", self.task().place)
        fields = {key: tuple(value) if isinstance(value, list) else value for key, value in self.pending.fields.items()}
        self.question = kind(**fields)  # type: ignore[arg-type]  # the fields were taken from such a question

    # --- the result -------------------------------------------------------------------------------------------------

    def end(self, outcome: str) -> None:
        """The stay is over."""
        self.effects.append(Ended(outcome))
        self.close(outcome)

    def close(self, outcome: str) -> None:
        """Leave every flow."""
        self.stop_waiting()
        self.frames, self.history = [], ()
        self.status, self.outcome = Status.ENDED, outcome

    def failed(self, fault: FlowFault) -> Sprint[Session]:
        """What is left of a sprint whose flow is at fault: what was raised and kept counts, half a talk is not sent."""
        self.effects = [effect for effect in self.effects if not isinstance(effect, Say)]
        self.effects.append(Failed(fault.code, fault.place))
        self.question = None
        self.close("failed")
        return self.sprint()

    def sprint(self) -> Sprint[Session]:
        """Freeze."""
        session = Session(
            self.session.version,
            self.session.id,
            self.status,
            tuple(self.frames),
            self.variables,
            self.wait,
            self.pending,
            self.history,
            self.asks,
            self.passed if self.status is Status.ASKING_HOST else 0,
            self.concern,
            self.asked,
            timers.next_due_at(self),
            self.outcome,
            self.pressed,
            self.due_at,
            self.heard_at,
            self.language,
            self.again,
        )
        return Sprint(session, tuple(self.effects), self.question, tuple(self.visited), session.silence_due_at)


def _plain(value: object) -> Value:
    return list(value) if isinstance(value, tuple) else value  # type: ignore[return-value]  # questions hold text and numbers


def unchanged(session: Session) -> Sprint[Session]:
    """A sprint in which nothing happened."""
    return Sprint(session, (), None, (), session.silence_due_at)

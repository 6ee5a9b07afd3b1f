"""Where a conversation stands: a value that is stored between two messages and read back as it was.

A session belongs to one version of the content (`version`) and can only be advanced with that one. It holds answers of a
person, so it is sealed wherever it is stored, and never printed: `repr` shows neither variables nor a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from flows.effects import Value

if TYPE_CHECKING:
    from flows.library import Library

FORMAT = 3  # of `dump`; raised when its shape changes
_READ = (1, 2, FORMAT)  # 1 had no time limits of calls and no `heard_at`, 2 no language


class Status(StrEnum):
    """What the session waits for."""

    WAITING = "waiting"  # for the seeker
    ASKING_HOST = "asking_host"  # for the host's answer to the last sprint's question
    HANDED_OVER = "handed_over"  # for a human: nothing is said by the flow
    ENDED = "ended"  # for nothing: any message starts anew at the entry (also before the first)


class State(StrEnum):
    """How far a frame is, and so what happens when the conversation comes back to it."""

    FRESH = "fresh"  # the step has not run yet: it runs
    OPEN = "open"  # a question is open: it is asked again
    CALLED = "called"  # it called another flow: it goes on at `next`
    HANDED = "handed"  # a human was called: quiet again
    RELEASED = "released"  # that human talk is over: it goes on at `on_release`


@dataclass(frozen=True, slots=True)
class Frame:
    """One flow being run; called and breaking-in flows lie on top of the one they left."""

    flow: str
    step: str
    state: State = State.FRESH
    due_at: datetime | None = None  # UTC; of a call with `within`: when it is over


class Stage(StrEnum):
    """What the open question of a step takes just now."""

    CHOICES = "choices"
    ANSWER = "answer"  # a typed answer
    CONFIRM_PLACE = "confirm_place"  # "is it this commune?"
    PICK_PLACE = "pick_place"  # one of several


@dataclass(frozen=True, slots=True)
class Wait:
    """The open question."""

    stage: Stage
    ask: int  # the number its buttons carry: a button of another number is stale
    tries: int = 0  # unreadable answers so far
    codes: tuple[str, ...] = ()  # of a place dialog: the communes offered
    names: tuple[str, ...] = ()  # and how they read


@dataclass(frozen=True, slots=True)
class Again:
    """What she has been told when a text was no answer, see `flows.asking_again`."""

    times: int = 0  # in this stay
    called: bool = False  # she was told that the person who is called will read it
    ask: int = 0  # the question that was put again last
    said_at: datetime | None = None  # UTC; and when
    owed_at: datetime | None = None  # UTC; when lines that came in quick succession are answered
    card_at: datetime | None = None  # UTC; when the emergency card was shown last
    quick: bool = False  # did her newest message follow another within seconds? Kept while the host is asked


@dataclass(frozen=True, slots=True)
class Pending:
    """The question the host has not answered yet, kept so that it can be put again."""

    name: str  # the class in `effects`
    fields: Mapping[str, Value] = field(default_factory=dict, repr=False)
    tries: int = 0  # of the place dialog it belongs to


class WrongVersion(Exception):
    """The session was begun with another version of the content: give `advance` the library of `session.version`."""

    code = "wrong-version"


class UnreadableSession(ValueError):
    """A stored session has a shape this program does not know; a newer program may have written it."""

    code = "unreadable-session"


@dataclass(frozen=True, slots=True)
class Session:
    """One stay in the flows. Values only: `advance` returns a new one."""

    version: str
    id: str = ""
    status: Status = Status.ENDED
    frames: tuple[Frame, ...] = ()  # the running flow last
    variables: Mapping[str, Value] = field(default_factory=dict, repr=False)
    wait: Wait | None = field(default=None, repr=False)
    pending: Pending | None = None
    history: tuple[tuple[Frame, ...], ...] = field(default=(), repr=False)  # questions before, for "back"
    asks: int = 0  # questions opened so far; never falls, so that old buttons stay stale
    passed: int = 0  # steps passed since her last input; kept while the host is asked
    concern: str = ""  # "", "pending" (offered after the next answer), "offered"
    asked: str = ""  # what she asked before she had answered anything ("law_asked"): answered after her first answer
    silence_due_at: datetime | None = None  # UTC; the next timer, of the question or of a call; None when there is none
    outcome: str = ""  # of the last end, "failed" when the flow was at fault
    pressed: str = ""  # the button taken last, to know a double press after the end
    own_due_at: datetime | None = None  # UTC; the timer of the open question itself
    heard_at: datetime | None = None  # UTC; her last message or button that the flow took
    language: str = ""  # the one she chose; "" for the one the set is written in
    again: Again = Again()

    @classmethod
    def new(cls, library: Library, session_id: str = "") -> Session:
        """A session that has not begun: its first input starts it.

        `session_id` (a uid of the host) makes its buttons its own: pressed in a later session they are stale.
        """
        return cls(version=library.version, id=session_id)

    def place(self) -> str:
        """Where it stands, as "flow.step"; "" when it stands nowhere."""
        return f"{self.frames[-1].flow}.{self.frames[-1].step}" if self.frames else ""

    def dump(self) -> dict[str, Value]:
        """The session as JSON, for the host to seal and store."""
        wait, pending = self.wait, self.pending
        return {
            "format": FORMAT,
            "version": self.version,
            "id": self.id,
            "status": self.status.value,
            "frames": _dump_frames(self.frames),
            "variables": dict(self.variables),
            "wait": None
            if wait is None
            else [wait.stage.value, wait.ask, wait.tries, list(wait.codes), list(wait.names)],
            "pending": None if pending is None else [pending.name, dict(pending.fields), pending.tries],
            "history": [_dump_frames(frames) for frames in self.history],
            "asks": self.asks,
            "passed": self.passed,
            "concern": self.concern,
            "asked": self.asked,
            "silence_due_at": _dump_time(self.silence_due_at),
            "outcome": self.outcome,
            "pressed": self.pressed,
            "own_due_at": _dump_time(self.own_due_at),
            "heard_at": _dump_time(self.heard_at),
            "language": self.language,
            "again": _dump_again(self.again),
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Session:
        """The session that `dump` wrote. Raises UnreadableSession (which quotes nothing) when it cannot be read."""
        if stored.get("format") not in _READ:
            raise UnreadableSession("a stored session has an unknown format; was it written by a newer program?")
        if stored["format"] == 1:
            stored = {**stored, "own_due_at": stored.get("silence_due_at"), "heard_at": None}
        if stored["format"] < 3:
            stored = {**stored, "language": ""}
        try:
            return cls(
                version=str(stored["version"]),
                id=str(stored["id"]),
                status=Status(stored["status"]),
                frames=_load_frames(stored["frames"]),
                variables=dict(stored["variables"]),
                wait=_load_wait(stored["wait"]),
                pending=_load_pending(stored["pending"]),
                history=tuple(_load_frames(frames) for frames in stored["history"]),
                asks=int(stored["asks"]),
                passed=int(stored["passed"]),
                concern=str(stored["concern"]),
                asked=str(stored.get("asked", "")),
                silence_due_at=_load_time(stored["silence_due_at"]),
                outcome=str(stored["outcome"]),
                pressed=str(stored["pressed"]),
                own_due_at=_load_time(stored["own_due_at"]),
                heard_at=_load_time(stored["heard_at"]),
                language=str(stored["language"]),
                again=_load_again(stored.get("again")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # The cause is named by its type only: its message could quote an answer.
            raise UnreadableSession(f"a stored session is damaged ({type(error).__name__})") from None

    def evolve(self, **changes: Any) -> Session:
        """The same session with some fields changed."""
        return replace(self, **changes)


@lru_cache(maxsize=4096)
def mark_of(session_id: str) -> str:
    """What the buttons of a session begin with, so that those of another are stale."""
    return sha256(session_id.encode()).hexdigest()[:6] + "-" if session_id else ""


def _dump_frames(frames: tuple[Frame, ...]) -> list[Value]:
    return [
        [frame.flow, frame.step, frame.state.value, *([_dump_time(frame.due_at)] if frame.due_at else [])]
        for frame in frames
    ]


def _load_frames(stored: Any) -> tuple[Frame, ...]:
    return tuple(
        Frame(str(flow), str(step), State(state), _load_time(due_at[0]) if due_at else None)
        for flow, step, state, *due_at in stored
    )


def _load_wait(stored: Any) -> Wait | None:
    if stored is None:
        return None
    stage, ask, tries, codes, names = stored
    return Wait(Stage(stage), int(ask), int(tries), tuple(map(str, codes)), tuple(map(str, names)))


def _dump_again(again: Again) -> Value:
    if again == Again():
        return None
    times = [_dump_time(at) for at in (again.said_at, again.owed_at, again.card_at)]
    return [again.times, again.called, again.ask, *times, again.quick]


def _load_again(stored: Any) -> Again:
    """Also of a session from before it was kept: an older program passes over it, so the format is still the same."""
    if stored is None:
        return Again()
    times, called, ask, said_at, owed_at, card_at, quick = stored
    said_at, owed_at, card_at = _load_time(said_at), _load_time(owed_at), _load_time(card_at)
    return Again(int(times), bool(called), int(ask), said_at, owed_at, card_at, bool(quick))


def _load_pending(stored: Any) -> Pending | None:
    if stored is None:
        return None
    name, fields, tries = stored
    return Pending(str(name), dict(fields), int(tries))


def _dump_time(time: datetime | None) -> str | None:
    return None if time is None else _in_utc(time).isoformat()


def _load_time(stored: Any) -> datetime | None:
    return None if stored is None else _in_utc(datetime.fromisoformat(stored))


def _in_utc(time: datetime) -> datetime:
    return time if time.tzinfo is UTC else time.astimezone(UTC)

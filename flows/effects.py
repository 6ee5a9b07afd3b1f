"""What a sprint asks of its host: commands (the host carries them out) and questions (the engine waits for the answer).

The union is closed: `handlers/apply.py` must name every member, and a test fails when one is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

from flows.severity import Severity

S = TypeVar("S")

Value: TypeAlias = "str | int | bool | list[Value] | dict[str, Value] | None"
"""What a variable may hold: JSON, so that a session can be stored and read back."""


@dataclass(frozen=True, slots=True)
class Button:
    """One choice offered to the seeker. `data` is opaque (`<ask>.<index>`), never content."""

    label: str
    data: str


class SayKind(StrEnum):
    """What a line is, so that channels and the outbox can treat it rightly."""

    LINE = "line"  # an ordinary line of a flow
    CARD = "card"  # the emergency card: one neutral line, then the numbers


# --- commands ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """Send one text to the seeker, with the choices of the step (at most one Say of a sprint has choices: the last)."""

    text: str
    buttons: tuple[Button, ...] = ()
    kind: SayKind = SayKind.LINE
    step: str = ""  # "flow.step", for transcripts and coverage
    wants_location: bool = False  # the step takes a shared location
    audio: str = ""  # SHA-256 (hex) of the recording that reads the text out; "" when there is none
    language: str = ""  # of the text; "" for the one the set is written in


@dataclass(frozen=True, slots=True)
class Raise:
    """The seeker's own choice (or a scored question) says how urgent this is. The case's severity only ever rises."""

    severity: Severity
    why: str  # "flow.step:choice", readable for staff through the flow's title; never the person's text
    category: str = ""  # a category of the triage guideline, when the choice names one


@dataclass(frozen=True, slots=True)
class Remember:
    """An answer the counsellor will see on the summary card; with an empty `shown` it leaves the card.

    `label` is what the variable is called in Vietnamese.
    """

    variable: str
    value: Value
    label: str
    shown: str  # the value as a person reads it


@dataclass(frozen=True, slots=True)
class Handover:
    """She asks for (or agrees to) a human: the host opens or opens up an escalation. The session then waits."""

    desk: str  # a desk's name, or "auto"
    reason: str  # "asked_for_person", "agreed", ... as the flow writes it


class LateAnswer(StrEnum):
    """How an answer may reach her when she has been silent for 15 minutes (invariant 10 of the design)."""

    ONLY_NOW = "only_now"  # the default: nothing after 15 min
    UNTIL = "until"  # until an hour she named
    ANY_TIME = "any_time"
    COME_BACK = "come_back"  # nothing by itself; she comes back and reads


@dataclass(frozen=True, slots=True)
class AllowLateAnswer:
    """Remember how a late answer may arrive; `until` is her local time of day "HH:MM" when the wish is `until`."""

    wish: LateAnswer
    until: str = ""


@dataclass(frozen=True, slots=True)
class Hush:
    """Stop: nothing more goes out until she writes again."""


@dataclass(frozen=True, slots=True)
class Erase:
    """Hide everything now, destroy it after 24 h (cancellable with the return code)."""


@dataclass(frozen=True, slots=True)
class CancelHuman:
    """She no longer wants the human she asked for. The host decides whether that may be (never at urgent or above)."""


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """She agreed to a purpose. Only from here on may what identifies her be kept for it."""

    purpose: str
    label: str  # how staff read the purpose
    step: str  # "flow.step", whose text of this version she was asked
    text: str  # 12 characters of the SHA-256 of that text, so that it can be shown later what she agreed to


@dataclass(frozen=True, slots=True)
class ConsentWithdrawn:
    """She said no: nothing was given, or what was given is taken back. The session has forgotten what it had kept for it."""

    purpose: str
    label: str
    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Remind:
    """Write this to her once, at her hour so many days from today; a newer reminder replaces an older one.

    She agreed to it; *stop*, *delete* and taking back her consent cancel it.
    """

    text: str
    at: str  # her local time of day, "HH:MM"
    days: int
    purpose: str  # the consent it leans on
    step: str  # "flow.step"
    audio: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class ForgetReminder:
    """She no longer wants to be reminded."""


@dataclass(frozen=True, slots=True)
class Refer:
    """Ask the desk to send her on to a service that meets these needs, and to tell it these answers and no others."""

    needs: tuple[str, ...]
    near: str  # commune code, or "" when unknown
    shared: tuple[tuple[str, str], ...]  # (item, how it reads in the language of the set); empty when never answered
    purpose: str  # the consent it leans on
    step: str  # "flow.step"
    asked: str = ""  # the step of that consent, "flow.step"
    text: str = ""  # 12 characters of the SHA-256 of what she was asked there


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over. `outcome` is the flow's word for how, for the figures."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The flow itself is at fault (step limit, a step that is gone). The host treats it as a dead letter."""

    code: str  # "step-limit", "no-such-step", ...
    step: str


Command: TypeAlias = (
    Say
    | Raise
    | Remember
    | Handover
    | AllowLateAnswer
    | Hush
    | Erase
    | CancelHuman
    | ConsentGiven
    | ConsentWithdrawn
    | Remind
    | ForgetReminder
    | Refer
    | Ended
    | Failed
)


# --- questions --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResolvePlace:
    """Which commune does this text mean? Answer: `PlaceAnswer`."""

    text: str


@dataclass(frozen=True, slots=True)
class FindServices:
    """Which services near a commune fit? Answer: a list of dicts, nearest fitting first, each with `name` and `text`.

    `text` is what she reads about the service, ready to send; `{services}` prints the texts with an empty line between.
    """

    near: str  # commune code (post-2025) or "" when unknown
    needs: tuple[str, ...]
    limit: int = 3
    language: str = ""  # what `text` is to be written in; "" for the language of the set


@dataclass(frozen=True, slots=True)
class AskOnDuty:
    """Is anyone on duty for this desk now? Answer: bool."""

    desk: str


@dataclass(frozen=True, slots=True)
class MakeReturnCode:
    """Make a return code for this stay. Answer: the code as she should write it down (str)."""


@dataclass(frozen=True, slots=True)
class RedeemReturnCode:
    """Does this code lead back to an earlier stay? Answer: bool; the host re-points the case when it does."""

    code: str


@dataclass(frozen=True, slots=True)
class AskCanRemind:
    """Can we write to her later by ourselves? (Not on a web page: it is read when she opens it.) Answer: bool."""


Question: TypeAlias = ResolvePlace | FindServices | AskOnDuty | MakeReturnCode | RedeemReturnCode | AskCanRemind


@dataclass(frozen=True, slots=True)
class PlaceAnswer:
    """The host's answer to `ResolvePlace`."""

    kind: str  # "exact", "ambiguous", "outside", "none"
    codes: tuple[str, ...] = ()  # post-2025 commune codes, best first
    names: Mapping[str, str] = field(default_factory=dict)  # code -> "xã Mường Than (Phúc Than, Mường Mít cũ)"


# --- inputs -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """Begin at the library's entry flow, or at `flow`. `code_known`: she has just proved a return code elsewhere."""

    flow: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """She typed a text. `danger` is what screening made of it (invariant 1): it can interrupt, never mute."""

    text: str
    danger: Severity = Severity.NONE
    category: str = ""
    called: bool = False  # a person is being called who will read this, and she knows it
    asks: tuple[
        str, ...
    ] = ()  # what screening found that she asks ("law_asked"), where it found nothing else in the text


@dataclass(frozen=True, slots=True)
class Chose:
    """She pressed a button: the opaque data of a `Button`, maybe an old one."""

    data: str


@dataclass(frozen=True, slots=True)
class Shared:
    """She shared a location; the host has already coarsened it to communes, nearest first. The point itself is gone."""

    place: PlaceAnswer


@dataclass(frozen=True, slots=True)
class Unsupported:
    """She sent something we cannot read (voice, picture, sticker). A person is there."""


@dataclass(frozen=True, slots=True)
class Silence:
    """The session's silence timer is due."""


@dataclass(frozen=True, slots=True)
class Released:
    """The human talk ended; the session goes on at the handover's `on_release`."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The host's answer to the question of the last sprint."""

    value: Value | PlaceAnswer


Input: TypeAlias = Start | Said | Chose | Shared | Unsupported | Silence | Released | Answered


@dataclass(frozen=True, slots=True)
class Sprint(Generic[S]):
    """One advance to the next wait. With a `question` the host answers and calls `advance` again with `Answered`."""

    session: S
    effects: tuple[Command, ...]
    question: Question | None = None
    visited: tuple[str, ...] = ()  # "flow.step" passed, and "flow.step:choice" taken: for coverage
    next_due_at: datetime | None = None  # when the silence timer of the step is due (also kept in the session)

"""What admins write, as types: the flows here; the manifest and the national lines from `manifest`.

The loader builds these from YAML in which every scalar is still text; here the text gets its type. Unknown keys are refused.
Nothing here knows whether a named step, variable or phrase exists: that is looked up when the set is compiled.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from flows.manifest import AGE_BANDS, Interrupts, Line, Manifest, Variable, VariableType, Words
from flows.severity import Severity
from flows.written import (
    MAX_LABEL_CHARS,
    MAX_SILENCE,
    MAX_TEXT_CHARS,
    Duration,
    Label,
    Name,
    Text,
    Texts,
    Written,
    as_list,
)

__all__ = [
    "AGE_BANDS", "MAX_DEPTH", "MAX_LABEL_CHARS", "MAX_SILENCE", "MAX_STEPS_PER_SPRINT", "MAX_TEXT_CHARS", "Ask",
    "AskType", "Branch", "Choice", "DoName", "Duration", "Flow", "HandoverPart", "Interrupts", "Label", "Line",
    "Manifest", "Name", "Resume", "Score", "Silence", "Step", "StepKind", "Text", "Unclear", "Variable", "VariableType", "Words",
]  # fmt: skip

MAX_STEPS_PER_SPRINT = 100  # steps passed between two waits; beyond it the session fails loudly
MAX_DEPTH = 60  # frames: flows called or broken into, one inside the other; each interrupt may pile its own on top

Category = Literal[
    "dv_physical", "dv_psych_econ", "sexual_violence", "child_abuse", "trafficking_forced_marriage", "workplace_harassment",
    "digital_abuse", "stalking_harassment", "suicide_self_harm", "perpetrator_help", "perpetrator_probe", "unspecified_sos",
    "other_emergency", "other_distress", "info_request", "unrelated",
]  # fmt: skip


def _true(value: object) -> object:
    """`return: true` (or `yes`) is the only thing that can be written there."""
    return value in (True, "true", "yes")


# --- flows/*.yaml -----------------------------------------------------------------------------------------------


class Score(Written):
    """What a choice adds to a score, with the reason staff read."""

    name: Name
    add: Annotated[int, Field(ge=1, le=20)]
    why: Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]


class Choice(Written):
    """One answer of a `choices` step; `goto` may be left out when the step has `next`."""

    label: Label
    goto: Name | None = None
    severity: Severity | None = None
    category: Category | None = None
    sets: dict[Name, str] = Field(default_factory=dict, alias="set")
    score: Score | None = None
    also: Annotated[list[Label], Field(max_length=40)] = Field(default=[])  # whole messages that mean it too


class AskType(StrEnum):
    """What kind of typed answer an `ask` step waits for."""

    TEXT = "text"
    NUMBER = "number"
    PLACE = "place"
    YES_NO = "yes_no"
    AGE_BAND = "age_band"
    TIME = "time"
    DATE = "date"
    CODE = "code"
    LANGUAGE = "language"


def _ask_by_name(value: object) -> object:
    """`ask: place` is short for `ask: {type: place}`."""
    return {"type": value} if isinstance(value, str) else value


class Ask(Written):
    """A question answered by typing (or by a shared location, for a place)."""

    type: AskType
    invalid: Texts | None = None  # said when the answer could not be read, try by try; else the phrase for the type
    tries: Annotated[int, Field(ge=1, le=10)] = 3  # unreadable answers before `skip` is taken
    side: Literal["past", "future", "any"] = "past"  # of a date: which days are taken, and where a missing year lies
    skip: Name | None = None  # the step she goes to when she passes, or after the last try


class Unclear(Written):
    """Where a choices step goes after so many texts that were none of its choices."""

    tries: Annotated[int, Field(ge=1, le=10)]
    goto: Name


class Silence(Written):
    """Where a waiting step goes when nothing came for `after`."""

    after: Duration
    goto: Name


class Resume(Written):
    """What somebody reads who comes back to an open question of the flow after a while, before her message is taken."""

    after: Duration
    say: Texts


class Branch(Written):
    """One line of a branch list: a condition with its step, or the closing `else`."""

    when: dict[str, Any] | None = None
    goto: Name | None = None
    otherwise: Name | None = Field(default=None, alias="else")

    @model_validator(mode="after")
    def _one_kind(self) -> Branch:
        conditional = self.when is not None and self.goto is not None and self.otherwise is None
        closing = self.otherwise is not None and self.when is None and self.goto is None
        if not (conditional or closing):
            raise ValueError("branch-shape")
        return self


def _kind_of_next(value: object) -> str:
    return "branch-list" if isinstance(value, list) else "step-name"


Next = Annotated[
    Annotated[str, Tag("step-name")] | Annotated[list[Branch], Tag("branch-list")],
    Discriminator(_kind_of_next),
]
"""A step's name, or branches; told apart by shape, so that a mistake in a branch is told once."""


class HandoverPart(Written):
    """Calls a human; the flow goes on at `on_release` when the talk ends."""

    desk: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)] = "auto"
    reason: Name
    on_release: Name


MAX_REMINDER_DAYS = 14  # further ahead nobody knows who will hold the phone


class RemindPart(Written):
    """Writes to her once, at an hour she named: only behind her consent, and only words that anybody may read."""

    say: Text
    at: Name  # the variable that holds the hour
    days: Annotated[int, Field(ge=1, le=MAX_REMINDER_DAYS)] = 1  # so many days from today
    consent: Name  # the purpose she has agreed to


ShareItem = Literal["name", "phone", "contact", "commune", "age", "need", "situation", "children", "health", "language"]
"""One thing that may be told to a service (`handlers.referral.Item`); she agrees to it by itself."""


class ReferPart(Written):
    """Asks the desk to send her on to a service: behind her consent, and with nothing but what is named here."""

    needs: Annotated[list[Name], Field(max_length=5)] = Field(default=[])
    need: Name | None = None  # the choice variable that holds what she needs, beside or instead of `needs`
    near: Name | None = None  # the variable that holds her commune
    share: dict[ShareItem, Annotated[list[Name], BeforeValidator(as_list), Field(min_length=1, max_length=4)]] = Field(
        default={}
    )  # what may be told to the service, and the variables that hold it
    consent: Name  # the purpose she has agreed to


class DoName(StrEnum):
    """What a `do` step may ask or tell the host."""

    FIND_SERVICES = "find_services"
    ON_DUTY = "on_duty"
    MAKE_CODE = "make_code"
    REDEEM_CODE = "redeem_code"
    LATE_ANSWER = "late_answer"
    HUSH = "hush"
    ERASE = "erase"
    CANCEL_HUMAN = "cancel_human"
    SPEAK = "speak"
    CAN_REMIND = "can_remind"
    FORGET_REMINDER = "forget_reminder"


class StepKind(StrEnum):
    """The main part of a step."""

    CHOICES = "choices"
    ASK = "ask"
    DO = "do"
    CALL = "call"
    HANDOVER = "handover"
    REMIND = "remind"
    REFER = "refer"
    END = "end"
    RETURN = "return"
    PASS = "pass"  # noqa: S105 (no password) none: it only says, sets or branches

    @property
    def waits(self) -> bool:
        """Does the seeker answer here? (A handover waits too, but for a human.)"""
        return self in (StepKind.CHOICES, StepKind.ASK)


class Step(Written):
    """One step of a flow: at most one main part, and the parts any step may have."""

    say: Texts | None = None
    note: Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=True)] | None = None
    """For translators and colleagues: what the words of this step are for. Nobody else reads it."""
    card: Literal["emergency"] | None = None
    severity: Severity | None = None
    category: Category | None = None
    sets: dict[Name, str] = Field(default_factory=dict, alias="set")
    choices: Annotated[dict[Name, Choice], Field(min_length=1, max_length=12)] | None = None
    many: Annotated[Literal[True] | None, BeforeValidator(_true)] = None  # several choices may be taken
    invalid: Texts | None = None  # of a choices step: said when a text was none of them, try by try
    unclear: Unclear | None = None
    after_card: Name | None = (
        None  # of a waiting step: where she goes on when the emergency card broke in, not asked again
    )
    consent: Name | None = None  # the purpose its choices `yes` and `no` decide about
    ask: Annotated[Ask, BeforeValidator(_ask_by_name)] | None = None
    do: DoName | None = None
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    call: Name | None = None
    within: Silence | None = None  # of a call: where it goes when the called flow has not come back by then
    handover: HandoverPart | None = None
    remind: RemindPart | None = None
    refer: ReferPart | None = None
    end: Name | None = None
    returns: Annotated[Literal[True] | None, BeforeValidator(_true)] = Field(default=None, alias="return")
    save: Name | None = None
    next: Next | None = None
    silence: Silence | None = None

    @property
    def kind(self) -> StepKind:
        """The main part; a step with several (refused by the loader) counts as its first."""
        return self.main_parts[0] if self.main_parts else StepKind.PASS

    @cached_property
    def main_parts(self) -> list[StepKind]:
        """All main parts this step was given; right is none or one."""
        given = {
            StepKind.CHOICES: self.choices,
            StepKind.ASK: self.ask,
            StepKind.DO: self.do,
            StepKind.CALL: self.call,
            StepKind.HANDOVER: self.handover,
            StepKind.REMIND: self.remind,
            StepKind.REFER: self.refer,
            StepKind.END: self.end,
            StepKind.RETURN: self.returns,
        }
        return [kind for kind, part in given.items() if part is not None]

    def targets(self) -> list[tuple[str, tuple[str | int, ...]]]:
        """Every step of the same flow that may come next, each with the path (below this step) where it is written."""
        found: list[tuple[str, tuple[str | int, ...]]] = []
        for choice_id, choice in (self.choices or {}).items():
            if choice.goto is not None:
                found.append((choice.goto, ("choices", choice_id, "goto")))
        if isinstance(self.next, str):
            found.append((self.next, ("next",)))
        for index, branch in enumerate(self.next if isinstance(self.next, list) else []):
            found.append((branch.goto or branch.otherwise or "", ("next", index, "goto" if branch.goto else "else")))
        if self.ask is not None and self.ask.skip is not None:
            found.append((self.ask.skip, ("ask", "skip")))
        if self.handover is not None:
            found.append((self.handover.on_release, ("handover", "on_release")))
        if self.unclear is not None:
            found.append((self.unclear.goto, ("unclear", "goto")))
        if self.after_card is not None:
            found.append((self.after_card, ("after_card",)))
        if self.within is not None:
            found.append((self.within.goto, ("within", "goto")))
        if self.silence is not None:
            found.append((self.silence.goto, ("silence", "goto")))
        return found


class Flow(Written):
    """One flow: steps with a start."""

    flow: Name
    title: Label
    start: Name
    on_resume: Resume | None = None
    resume_within: Duration | None = (
        None  # shorter than the set's: who is in this flow is sooner greeted like someone new
    )
    questions: bool = (
        True  # False: while this flow is open, nothing that she asks leads her to the flow that answers it
    )
    steps: Annotated[dict[Name, Step], Field(min_length=1, max_length=200)]

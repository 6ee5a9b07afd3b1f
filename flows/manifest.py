"""`set.yaml` and `lines.yaml` as types: what holds for the whole set, and the national numbers."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from flows.severity import Severity
from flows.written import Duration, Label, Name, Place, Text, Written, as_list

# --- set.yaml ---------------------------------------------------------------------------------------------------


class VariableType(StrEnum):
    """What a variable holds, and how it is compared and printed."""

    CHOICE = "choice"  # one of `values`
    TEXT = "text"  # what she typed, at most 2,000 characters
    NUMBER = "number"  # a whole number in `min`..`max`
    YES_NO = "yes_no"  # true or false, asked
    AGE_BAND = "age_band"  # one of AGE_BANDS
    TIME = "time"  # local time of day "HH:MM"
    PLACE = "place"  # commune code (post-2025)
    SERVICES = "services"  # the answer of find_services
    FLAG = "flag"  # true or false, set by a flow or the host
    CODE = "code"  # a return code
    CHOICES = "choices"  # several of `values`, in their order
    DATE = "date"  # a day, "YYYY-MM-DD"
    SCORE = "score"  # a sum of what scored choices add; never set is 0
    LANGUAGE = "language"  # one of the declared languages


AGE_BANDS: dict[str, tuple[int, int]] = {
    "age_0_5": (0, 5),
    "age_6_12": (6, 12),
    "age_13_17": (13, 17),
    "age_18_59": (18, 59),
    "age_60": (60, 120),
}
"""The age bands of the official statistics, in years, both ends included."""


LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
"""ISO 639: two letters where there are (vi, en), else three (hmn, hni)."""


class Variable(Written):
    """A declared variable: nothing else can be saved, compared or printed."""

    type: VariableType
    values: list[Name] = Field(default=[])  # of a choice: the ids it may hold
    shown: dict[Name, Text] = Field(default={})  # of a choice: how an id reads in a text and on the summary card
    label: Text | None = None  # its name on the counsellor's summary card; without it the card does not show it
    min: int = 0  # of a number
    max: int = 999  # of a number
    identifying: Name | None = None  # identifies her: kept only behind the consent to this purpose
    thresholds: dict[Severity, Annotated[int, Field(ge=1)]] = Field(default={})  # of a score: raised from here on

    @model_validator(mode="after")
    def _fits_its_type(self) -> Variable:
        if (self.type in (VariableType.CHOICE, VariableType.CHOICES)) != bool(self.values):
            raise ValueError("choice-values")
        if set(self.shown) - set(self.values):
            raise ValueError("shown-unknown")
        if self.min > self.max:
            raise ValueError("min-above-max")
        if self.thresholds and self.type is not VariableType.SCORE:
            raise ValueError("thresholds-misplaced")
        bounds = [self.thresholds[severity] for severity in sorted(self.thresholds, key=lambda one: one.rank)]
        if bounds != sorted(set(bounds)) or Severity.NONE in self.thresholds:
            raise ValueError("thresholds-order")
        return self


class Interrupts(Written):
    """The flows that global words and events lead to."""

    help: Name
    human: Name
    stop: Name
    delete: Name
    danger: Name
    concern: Name
    released: Name
    language: Name | None = None  # needed as soon as there is more than one language


class Questions(Written):
    """The flows that answer what she asks, by the sign of screening that says she asks it. In the order in which they count when
    a text asks several things.
    """

    law_asked: Name | None = None
    privacy_asked: Name | None = None
    materials_asked: Name | None = None
    service_asked: Name | None = None

    def named(self) -> dict[str, str]:
        """Sign -> flow, of those that are named."""
        return {sign: str(flow) for sign, flow in self.model_dump().items() if flow is not None}


WordList = Annotated[list[Label], Field(min_length=1)]


class Words(Written):
    """Global words: whole messages, matched without regard to case and accents."""

    help: WordList
    stop: WordList
    delete: WordList
    human: WordList
    back: WordList
    repeat: WordList
    language: list[Label] = Field(default=[])


Named = Annotated[list[Label], Field(max_length=120)]


class Wishes(Written):
    """How people ask for whom they want to talk with. Whole messages as well, with the `before` and `after` words of courtesy
    left out; nothing is guessed, so that nobody is sent away by mistake.
    """

    woman: Named = Field(default=[])  # a woman, please
    another: Named = Field(default=[])  # somebody else than the person who has the talk now
    before: Named = Field(default=[])  # words that may stand before: "em muốn"
    after: Named = Field(default=[])  # words that may stand behind: "được không ạ"


class Answer(Written):
    """A group of everyday answers ("thôi", "cảm ơn"): whole messages that are no label."""

    choices: Annotated[list[Name], Field(max_length=12)] = Field(default=[])  # ids they may mean, the likeliest first
    farewell: bool = False  # said after ours, they are courtesy and begin nothing anew
    labels: bool = False  # a choice whose label is one of the words comes first
    words: Named = Field(default=[])  # groups named "yes" and "no" hold for every plain yes or no as well


class Manifest(Written):
    """`set.yaml`: what holds for the whole set."""

    set: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
    language: LanguageCode
    entry: Name
    resume_within: Duration = timedelta(minutes=30)
    utc_offset: Annotated[str, StringConstraints(pattern=r"^[+-](0[0-9]|1[0-4]):[0-5][0-9]$")] = (
        "+07:00"  # what "today" is
    )
    interrupts: Interrupts
    questions: Questions = Questions()
    words: Words
    wishes: Wishes = Wishes()
    answers: dict[Name, Answer] = Field(default={})  # everyday answers by group
    consents: dict[Name, Text] = Field(default={})  # purpose -> how staff read it
    variables: dict[Name, Variable] = Field(default={})
    moved: dict[Place, Place] = Field(default={})  # "flow.step" or "flow" of earlier versions -> where it is now
    phrases: dict[Name, Text]


# --- lines.yaml -------------------------------------------------------------------------------------------------


class Line(Written):
    """A national number. It never disappears; past `check_by` the operator is nagged."""

    number: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9 ]{1,14}$")]
    name: Label
    who: Text  # who answers, one short line for the seeker
    hours: Label
    cost: Label
    emergency: bool = False  # belongs on the emergency card
    source: Annotated[list[Text], BeforeValidator(as_list), Field(min_length=1)]
    checked_on: date
    check_by: date

"""What the engine runs: steps with everything looked up, cut and folded once, at load time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from flows.conditions import Condition
from flows.effects import LateAnswer, Raise, SayKind, Value
from flows.everyday import Everyday
from flows.languages import Spoken
from flows.schema import AskType, DoName, StepKind, Variable
from flows.templates import Template
from flows.text import Phrasebook
from flows.wishes import WishBook


@dataclass(frozen=True, slots=True)
class Way:
    """Where a step goes on: the first branch that holds, else `otherwise`."""

    otherwise: str
    branches: tuple[tuple[Condition, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """What an answer adds to a score, and why."""

    name: str
    add: int
    why: str


@dataclass(frozen=True, slots=True)
class Consent:
    """What a consent step asks for."""

    purpose: str
    label: str  # how staff read it
    text: str  # the first 12 characters of the SHA-256 of what she is asked, labels included


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a choices step, ready to take."""

    id: str
    label: str
    goto: Way
    raised: Raise | None
    sets: tuple[tuple[str, Value], ...]
    score: Scored | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """The answers of a choices step and every word that means one of them."""

    options: tuple[Option, ...]
    book: Phrasebook[int]  # labels and ids
    folded: tuple[str, ...]  # labels without accents, for close spellings; none where a slip could hide a danger
    yes_no: tuple[int | None, int | None]  # the option "no" and the option "yes" mean, when the labels say exactly that
    translations: Mapping[str, Options] = field(default_factory=dict)  # the same answers, by language

    def in_language(self, language: str) -> Options:
        """The answers as they read in a language; as they were written where there is no translation."""
        return self.translations.get(language, self) if language else self


@dataclass(frozen=True, slots=True)
class Question:
    """An `ask` step: what it takes and what it says when it cannot read the answer."""

    type: AskType
    invalid: tuple[Template, ...]  # try by try, the last for all further ones; none: the phrase for the type
    tries: int
    skip: str  # a step, or "" when the question cannot be passed
    side: str = "past"  # of a date


@dataclass(frozen=True, slots=True)
class Errand:
    """A `do` step: what to ask the host or tell it."""

    name: DoName
    variable: str = ""  # near, code or until: the variable the errand reads
    needs: tuple[str, ...] = ()
    limit: int = 3
    desk: str = "auto"
    wish: LateAnswer = LateAnswer.ONLY_NOW


@dataclass(frozen=True, slots=True)
class Reminder:
    """What a `remind` step writes, and when."""

    text: Template
    at: str  # the variable that holds the hour
    days: int
    purpose: str


@dataclass(frozen=True, slots=True)
class Referral:
    """What a `refer` step asks for, and which answers it passes on."""

    needs: tuple[str, ...]
    need: str  # the variable that holds one more, or ""
    near: str  # the variable that holds her commune, or ""
    share: tuple[tuple[str, tuple[str, ...]], ...]  # item, and the variables that hold it
    purpose: str


@dataclass(frozen=True, slots=True)
class Task:
    """One compiled step. Only the parts of its kind are filled."""

    flow: str
    name: str
    place: str  # "flow.step"
    kind: StepKind
    says: tuple[Template, ...]
    say_kind: SayKind
    raised: Raise | None
    sets: tuple[tuple[str, Value], ...]
    way: Way | None  # `next`
    options: Options | None = None
    question: Question | None = None
    errand: Errand | None = None
    call: str = ""
    desk: str = ""
    reason: str = ""
    on_release: str = ""
    outcome: str = ""
    save: str = ""
    silence: tuple[timedelta, str] | None = None
    consent: Consent | None = None
    many: bool = False
    invalid: tuple[Template, ...] = ()  # of a choices step
    within: tuple[timedelta, str] | None = None  # of a call
    unclear: tuple[int, str] | None = None  # tries, and the step after them
    after_card: str = ""  # the step after the emergency card, when that broke into this question
    reminder: Reminder | None = None
    referral: Referral | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """A whole set, ready to run."""

    entry: str
    starts: Mapping[str, str]  # flow -> its first step
    tasks: Mapping[tuple[str, str], Task]  # by flow and step
    greetings: Mapping[str, tuple[timedelta, tuple[Template, ...]]]  # flow -> after what pause, and what is said then
    interrupts: Mapping[str, str]  # "help", "danger", … -> flow
    breaking: frozenset[str]  # the flows that are led to by a global word or danger
    questions: Mapping[str, str]  # sign of screening -> the flow that answers what she asks
    closed: frozenset[
        str
    ]  # flows in which she is led to none of those: what breaks in, the answers themselves, `questions: no`
    words: Phrasebook[str]  # global words of all languages, the weightier first
    variables: Mapping[str, Variable]
    language: str  # the one that the flows are written in
    languages: Mapping[str, Spoken]  # all that can be asked for, in the order they are offered
    named: Phrasebook[str]  # names of languages -> code
    yes_no: Phrasebook[bool]  # whole answers that mean yes or no, in any language
    everyday: Everyday = field(default_factory=Everyday)  # answers that are no label, in any language
    wishes: WishBook = field(default_factory=WishBook)  # whom she wants to talk with, in any language

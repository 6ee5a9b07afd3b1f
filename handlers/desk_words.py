"""The words between a desk surface and the desk: commands and what comes back. Frozen values, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from flows.severity import Severity
from handlers.alarms import Alarm
from handlers.model import (
    DeskLine,
    Disposition,
    DutySwitch,
    EscalationState,
    Leaving,
    MediaState,
    QueueCard,
    Summary,
)
from handlers.rules.roster import Gap

# --- commands --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """'Mine': `epoch` is the one on the card the counsellor saw (1 for a case that waits without ringing)."""

    staff_uid: str
    case_code: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A line to the seeker. `client_key` is made by the page (at most 64 characters); posting it again adds nothing."""

    staff_uid: str
    case_code: str
    text: str = field(repr=False)
    client_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A line for colleagues only."""

    staff_uid: str
    case_code: str
    text: str = field(repr=False)
    client_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Give the case back: it rings anew. A supervisor may do it for a colleague."""

    staff_uid: str
    case_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassUp:
    """Not me: the next rung is called now. `epoch` is the one on the card she saw."""

    staff_uid: str
    case_code: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """My case for a colleague: it moves once she claims it."""

    staff_uid: str
    case_code: str
    to_staff_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """End the stay. `disposition` is one of `DESK_DISPOSITIONS`."""

    staff_uid: str
    case_code: str
    disposition: Disposition


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase:
    """Look at a case: its card and, where permitted, its lines. A supervisor types a `reason` for one she does not hold."""

    staff_uid: str
    case_code: str
    reason: str = field(default="", repr=False)
    after_seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLines:
    """The lines after `after_seq` of a case one holds (live updates); audited only when there are any."""

    staff_uid: str
    case_code: str
    after_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMedia:
    """A picture or a voice note of a case one may read."""

    staff_uid: str
    case_code: str
    media_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenMedia:
    """What it is (a MIME type), and its bytes; `state` says why there are none."""

    state: MediaState
    mime: str = ""
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """All open cases of the desk as content-free cards."""

    staff_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDuty:
    """*Tôi đang trực / nghỉ*: one's own switch."""

    staff_uid: str
    duty: DutySwitch


# --- results ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """The case is yours. `again`: it already was. `agreed` False: she has been asked and has not said yes yet."""

    case_code: str
    epoch: int
    again: bool = False
    agreed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The line is stored (not yet sent). `again`: this `client_key` was stored before."""

    seq: int
    again: bool = False
    held: bool = False  # she asked for silence: it goes out when she writes again


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A case as the desk shows it. `readable` False: content-free, `summary` and `lines` are empty."""

    case_code: str
    severity: Severity
    category: str
    channel: str
    opened_at: datetime
    state: EscalationState | None
    epoch: int
    mine: bool
    owner_alias: str
    readable: bool
    agreed: bool
    retracted: bool
    danger: bool
    human: bool
    reachable: bool
    in_touch: bool  # False: after a gap it is not known whether the same person writes; lines to her are held
    late_answer: str  # how a late answer may arrive: a `LateAnswer` value
    late_until_at: datetime | None
    last_inbound_at: datetime | None
    closed_at: datetime | None
    disposition: Disposition | None
    summary: Summary = field(default_factory=Summary, repr=False)
    lines: tuple[DeskLine, ...] = field(default=(), repr=False)
    leaving: Leaving = Leaving.NO  # how far I, its owner or the last one, am on my way off duty
    answers: bool = False  # a line of mine goes to her: I hold it, or held it until my shift was over
    offered: bool = False  # its owner asks me to take it
    asked: str = ""  # alias of the colleague whom I, or its owner, have asked to take it


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """The queue for one staff member: severity first, then the longest waiting, plus who is on duty."""

    cards: tuple[QueueCard, ...]
    on_duty: tuple[str, ...]  # aliases on the first rung now
    duty: DutySwitch  # my switch as it counts now
    duty_until_at: datetime | None
    me_on_duty: bool
    alarms: tuple[Alarm, ...] = ()  # what an operator must know; counsellors see it too: a channel may be silent
    gap: Gap | None = None  # nobody is on duty by the roster then: said within 24 h ahead


DESK_DISPOSITIONS: tuple[Disposition, ...] = (
    Disposition.HELPED,
    Disposition.INFORMED,
    Disposition.REFERRED,
    Disposition.DECLINED,
    Disposition.LOST,
    Disposition.FALSE_ALARM,
    Disposition.PRANK,
)
"""What a counsellor may choose when closing; the others are set by the machine."""

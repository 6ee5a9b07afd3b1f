"""The ladders as data, how long each step waits, and the small values by which an escalation moves.

`ringing` and `holding` hold one pure function per event. Each returns a `Transition`: the escalation as it stands afterwards,
what is to be done, and the word for the audit log. No clock, no storage, nobody's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from flows.severity import Severity
from handlers.model import Escalation, EscalationState, Ladder, Rung

ON_DUTY: Final = "on_duty"
BACKUP: Final = "backup"
SUPERVISOR: Final = "supervisor"
LAST_RESORT: Final = "last_resort"  # every rung is empty: whoever there is
RUNGS: Final = (ON_DUTY, BACKUP, SUPERVISOR)

ANSWERED_LOOKS_AGAIN_S: Final = 24 * 3600  # the last line is ours: look again after
SILENT_LOOKS: Final = 3  # the third look closes the case as silent


def _notices(who: str, wait_s: int, every_s: int) -> tuple[Rung, ...]:
    """One rung: a notice at once and again every `every_s` until `wait_s` is over; each notice is its own step."""
    return tuple(Rung(who=who, wait_s=every_s) for _ in range(wait_s // every_s))


EMERGENCY: Final = Ladder(
    name="emergency",
    rungs=_notices(ON_DUTY, 60, 20) + _notices(BACKUP, 60, 20) + _notices(SUPERVISOR, 60, 20),
    first_reply_s=60,
    unanswered_s=120,
    reminded_s=60,
    still_ringing_s=60,
    fallback_s=300,
    double_from_round=3,  # rounds are counted from 0: this is the fourth
    max_wait_s=15 * 60,
    away_unanswered_s=30,
    away_reminded_s=30,
    shift_grace_s=120,
)
URGENT: Final = Ladder(
    name="urgent",
    rungs=_notices(ON_DUTY, 180, 60) + _notices(BACKUP, 180, 60) + _notices(SUPERVISOR, 300, 60),
    first_reply_s=120,
    unanswered_s=300,
    reminded_s=180,
    still_ringing_s=60,
    fallback_s=300,
    double_from_round=3,
    max_wait_s=60 * 60,
    away_unanswered_s=90,
    away_reminded_s=90,
    shift_grace_s=600,
)
LADDERS: Final[Mapping[str, Ladder]] = {ladder.name: ladder for ladder in (EMERGENCY, URGENT)}

HELD: Final = frozenset({EscalationState.CLAIMED, EscalationState.OWING, EscalationState.ANSWERED})
"""The states in which somebody owns it."""


def ladder_for(severity: Severity) -> Ladder:
    """Emergency rings by its own ladder; everything else that rings at all, by the urgent one."""
    return EMERGENCY if severity is Severity.EMERGENCY else URGENT


# --- what a transition asks for ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PageStaff:
    """Call these people: one page each, known by (epoch, round, rung)."""

    staff: tuple[str, ...]
    who: str
    round: int
    rung: int


@dataclass(frozen=True, slots=True)
class RemindOwner:
    """Tell the owner that an answer is owed; `nth` numbers the reminders of one attempt's debt."""

    staff_uid: str
    nth: int


@dataclass(frozen=True, slots=True)
class AskHandOver:
    """Her shift ends, or has ended: ask the owner to hand it over, or to go on with it."""

    staff_uid: str


@dataclass(frozen=True, slots=True)
class TellAlone:
    """Her shift is over and nobody else is on duty: tell the owner that it stays hers."""

    staff_uid: str


@dataclass(frozen=True, slots=True)
class SayRinging:
    """Tell her that we are calling somebody; `nobody`: that nobody is on duty now, with the numbers."""

    nobody: bool = False


@dataclass(frozen=True, slots=True)
class SayWaiting:
    """The honest waiting line."""

    minutes: int


@dataclass(frozen=True, slots=True)
class SayFallback:
    """Nobody answers: the numbers, and that we keep calling."""


@dataclass(frozen=True, slots=True)
class CancelPages:
    """Pages up to and including this epoch are of no use any more."""

    up_to_epoch: int


@dataclass(frozen=True, slots=True)
class LeaveTalk:
    """The human who held the talk is gone from it: she is told that another is being called."""


@dataclass(frozen=True, slots=True)
class CloseSilent:
    """She has been silent for days after our last line: the case is closed as lost."""


Effect: TypeAlias = (
    "PageStaff | RemindOwner | AskHandOver | TellAlone | SayRinging | SayWaiting | SayFallback | CancelPages | LeaveTalk"
    " | CloseSilent"
)


@dataclass(frozen=True, slots=True)
class Transition:
    """What one event makes of an escalation. `action` is the audit word; empty: nothing happened."""

    escalation: Escalation
    effects: tuple[Effect, ...] = ()
    action: str = ""


Staffed: TypeAlias = Mapping[str, tuple[str, ...]]
"""Rung -> uids of the staff on it now; must answer for every rung of the ladder and for `LAST_RESORT`."""


# --- waits ------------------------------------------------------------------------------------------------------


def waiting_since(escalation: Escalation) -> datetime:
    """Since when she has been without the human she needs."""
    return escalation.unanswered_since or escalation.created_at


def wait_s(ladder: Ladder, round_: int, index: int) -> int:
    """Seconds to wait after notice `index` of round `round_`: its own figure, doubling from the ladder's round on; all
    notices of one rung together never exceed `max_wait_s`.
    """
    rung = ladder.rungs[index]
    doublings = min(max(0, round_ - ladder.double_from_round + 1), 12)
    siblings = sum(1 for other in ladder.rungs if other.who == rung.who)
    return max(1, min(rung.wait_s << doublings, max(rung.wait_s, ladder.max_wait_s // siblings)))


def longest_wait(escalation: Escalation) -> timedelta:
    """The longest time an open escalation of this state may be left alone."""
    ladder = escalation.ladder
    if escalation.state is EscalationState.RINGING:
        return timedelta(seconds=_longest_ringing_s(escalation))
    if escalation.state is EscalationState.CLAIMED:
        return timedelta(seconds=ladder.first_reply_s)
    if escalation.state is EscalationState.OWING:
        return timedelta(seconds=ladder.reminded_s if escalation.reminders else ladder.unanswered_s)
    return timedelta(seconds=ANSWERED_LOOKS_AGAIN_S)


def _longest_ringing_s(escalation: Escalation) -> int:
    """After a page its own wait; after an empty round (the next notice opens a round) that whole round's."""
    ladder = escalation.ladder
    if escalation.rung:
        return wait_s(ladder, escalation.round, escalation.rung - 1)
    last = max(0, escalation.round - 1)
    return min(sum(wait_s(ladder, last, index) for index in range(len(ladder.rungs))), ladder.max_wait_s)

"""Calling a human: the ladder and where one call stands on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EscalationState(StrEnum):
    """States of security.md 4.4 under our names."""

    RINGING = "ringing"  # looking for a counsellor
    CLAIMED = "claimed"  # somebody said "mine", has not replied yet
    OWING = "owing"  # she wrote, an answer is owed
    ANSWERED = "answered"  # the last line is ours
    ENDED = "ended"


class Leaving(StrEnum):
    """How far the owner of a call is on her way off duty."""

    NO = "no"
    TOLD = "told"  # her shift ends soon: she has been asked to hand over
    LEFT = "left"  # she is off duty, and keeps it for the grace and as long as she works in it
    ALONE = "alone"  # the grace is over, nobody else is on duty: it stays hers, she was told
    KEPT = "kept"  # she took it off duty, or took it back: her duty calls nobody any more
    GONE = "gone"  # it rings because her shift is over; until somebody has it she reads on, and a line of hers takes it back


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One notice of a ladder: whom to page and how long to wait after it (seconds)."""

    who: str  # "on_duty", "backup", "supervisor"
    wait_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """A snapshot of the rules by which an escalation rings; edits never touch a running one. All figures in seconds."""

    name: str  # "emergency" or "urgent"
    rungs: tuple[Rung, ...]
    first_reply_s: int  # a claim without a reply returns after
    unanswered_s: int  # an unanswered line is reminded after
    reminded_s: int  # and returns after this much more
    still_ringing_s: int  # honest waiting line after
    fallback_s: int  # fallback card after
    double_from_round: int  # waits double from this round on
    max_wait_s: int
    away_unanswered_s: int = 90  # the same two while its owner is gone from the desk
    away_reminded_s: int = 90
    shift_grace_s: int = 600  # her shift is over: the next one is called after


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """From calling for a human until that talk ends. Its own row is its timer: `next_due_at` is set while it is open."""

    uid: str
    case_uid: str
    state: EscalationState
    ladder: Ladder
    created_at: datetime
    next_due_at: datetime | None
    epoch: int = 1  # one attempt
    round: int = 0
    rung: int = 0  # index into ladder.rungs of the next notice
    reminders: int = 0
    owner_uid: str | None = None
    previous_owner_uid: str | None = None
    only_staff_uid: str | None = None  # a transfer: page this one first
    asked_for: bool = False  # she asked herself (may cancel below urgent)
    unanswered_since: datetime | None = None
    told_waiting_at: datetime | None = None  # last honest waiting line
    fallback_round: int = -1  # round in which the fallback was said
    first_page_at: datetime | None = None
    claimed_at: datetime | None = None
    first_reply_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: str = ""
    leaving: Leaving = Leaving.NO
    left_at: datetime | None = None  # since when its owner is off duty; told: when she will be

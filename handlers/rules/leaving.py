"""What becomes of a call whose owner goes: her shift ends, she switches herself off, she is gone from the desk. Pure.

A shift that is over calls the next one after a grace, with overlap: whoever goes reads on until somebody has it, and what she
writes meanwhile takes it back. Whoever works in it keeps it, and nobody is called twice for one and the same leaving. Who is at
the desk is only a hint: it shortens a wait, and decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from handlers import audit
from handlers.model import Escalation, EscalationState, Leaving
from handlers.rules.ladder import HELD, AskHandOver, Staffed, TellAlone, Transition
from handlers.rules.ringing import rerung

ASKED_AHEAD: Final = timedelta(minutes=10)
"""How long before her shift ends the owner is asked to hand over."""
STILL_WORKING: Final = timedelta(minutes=5)
"""A line or a note of hers keeps a case hers for this long after her shift."""
AWAY_AFTER: Final = timedelta(seconds=15)
"""Not seen at the desk for this long is gone: a phone that was locked for a moment, a page that is loaded anew, is not."""

_OFF: Final = frozenset({Leaving.LEFT, Leaving.ALONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What is known of whoever holds a call."""

    on_duty: bool  # stands on any rung
    leaves_at: datetime | None = None  # on duty: when she will stand on none, within `ASKED_AHEAD`
    worked_at: datetime | None = None  # her newest line or note in this case
    seen_ago: timedelta | None = (
        None  # gone from the desk: how long ago she was there; None: she is there, or nobody knows
    )


def looked_at(escalation: Escalation, owner: Owner, staffed: Staffed, now: datetime) -> Transition:
    """What her duty makes of it, and when it makes nothing, what her absence does. Nothing while nobody holds it."""
    if escalation.state not in HELD:
        return Transition(escalation)
    moved = _on_duty(escalation, owner) if owner.on_duty else _off_duty(escalation, owner, staffed, now)
    return moved if moved.action else _away(escalation, owner, now)


def over_at(escalation: Escalation, worked_at: datetime | None) -> datetime | None:
    """When the next shift may be called for it; None while its owner is on duty, or keeps it."""
    if escalation.leaving not in _OFF or escalation.left_at is None:
        return None
    grace = escalation.left_at + timedelta(seconds=escalation.ladder.shift_grace_s)
    return grace if worked_at is None else max(grace, worked_at + STILL_WORKING)


def may_take_back(escalation: Escalation, staff_uid: str) -> bool:
    """Does it ring only because her shift is over, so that a line of hers takes it back?"""
    return escalation.leaving is Leaving.GONE and escalation.previous_owner_uid == staff_uid


def _on_duty(escalation: Escalation, owner: Owner) -> Transition:
    assert escalation.owner_uid is not None
    if owner.leaves_at is None:
        if escalation.leaving is Leaving.NO:
            return Transition(escalation)
        return Transition(replace(escalation, leaving=Leaving.NO, left_at=None), (), audit.STAYS)
    if escalation.leaving is Leaving.TOLD:
        return Transition(escalation)
    told = replace(escalation, leaving=Leaving.TOLD, left_at=owner.leaves_at)
    return Transition(told, (AskHandOver(escalation.owner_uid),), audit.LEAVES_SOON)


def _off_duty(escalation: Escalation, owner: Owner, staffed: Staffed, now: datetime) -> Transition:
    assert escalation.owner_uid is not None
    if escalation.leaving is Leaving.TOLD:
        since = min(escalation.left_at or now, now)
        return Transition(replace(escalation, leaving=Leaving.LEFT, left_at=since), (), audit.LEFT)
    if escalation.leaving is Leaving.NO:  # unforeseen: she has switched herself off, or the roster was changed
        left = replace(escalation, leaving=Leaving.LEFT, left_at=now)
        return Transition(left, (AskHandOver(escalation.owner_uid),), audit.LEFT)
    over = over_at(escalation, owner.worked_at)
    if over is None or now < over:
        return Transition(escalation)
    if _somebody_else(escalation, staffed):
        anew = rerung(escalation, staffed, now)
        return replace(anew, escalation=replace(anew.escalation, leaving=Leaving.GONE), action=audit.SHIFT_OVER)
    if escalation.leaving is Leaving.ALONE:
        return Transition(escalation)
    return Transition(replace(escalation, leaving=Leaving.ALONE), (TellAlone(escalation.owner_uid),), audit.ALONE)


def _somebody_else(escalation: Escalation, staffed: Staffed) -> bool:
    return any(uid != escalation.owner_uid for rung in escalation.ladder.rungs for uid in staffed.get(rung.who, ()))


def _away(escalation: Escalation, owner: Owner, now: datetime) -> Transition:
    """A line waits and she is gone: shorter waits. She must have been at the desk after her last line: whoever answers from
    a phone's messenger has no page open, and is not gone for that.
    """
    waiting, seen_ago = escalation.unanswered_since, owner.seen_ago
    if escalation.state is not EscalationState.OWING or waiting is None or seen_ago is None or seen_ago < AWAY_AFTER:
        return Transition(escalation)
    if owner.worked_at is not None and now - seen_ago < owner.worked_at:
        return Transition(escalation)
    if escalation.reminders:
        latest = now + timedelta(seconds=escalation.ladder.away_reminded_s)
    else:
        latest = max(now, waiting + timedelta(seconds=escalation.ladder.away_unanswered_s))
    if (escalation.next_due_at or latest) <= latest:
        return Transition(escalation)
    return Transition(replace(escalation, next_due_at=latest), (), audit.HURRIED)

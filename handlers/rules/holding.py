"""What happens to an escalation by event: its time comes, danger, a claim, a reply, her next line, its end. Pure.

The caller compares owner and epoch first, in the same transaction; here the rules only move.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from flows.severity import Severity
from handlers import audit
from handlers.model import Escalation, EscalationState, Ladder, Leaving
from handlers.rules.ladder import (
    ANSWERED_LOOKS_AGAIN_S,
    EMERGENCY,
    HELD,
    SILENT_LOOKS,
    CancelPages,
    CloseSilent,
    RemindOwner,
    SayRinging,
    Staffed,
    Transition,
    longest_wait,
)
from handlers.rules.ringing import anybody, hurried, notice, rerung


def due(escalation: Escalation, staffed: Staffed, now: datetime) -> Transition:
    """Its time has come: ring on, remind, ring anew or close, by state. Not due or ended: nothing."""
    if escalation.state is EscalationState.ENDED or escalation.next_due_at is None or escalation.next_due_at > now:
        return Transition(escalation)
    if escalation.state is EscalationState.RINGING:
        return notice(escalation, staffed, now)
    if escalation.state is EscalationState.CLAIMED:
        return rerung(escalation, staffed, now)
    if escalation.state is EscalationState.OWING:
        return rerung(escalation, staffed, now) if escalation.reminders else _remind(escalation, now)
    return _look_again(escalation, now)


def raised(escalation: Escalation, staffed: Staffed, now: datetime) -> Transition:
    """It has become an emergency. Ringing more slowly: a new round by the emergency ladder begins at once, with the first
    rung, who have not heard of danger yet. Held: the owner is reminded now and owes an answer.
    """
    if escalation.state is EscalationState.ENDED or escalation.ladder.name == EMERGENCY.name:
        return Transition(escalation)
    if escalation.state is EscalationState.RINGING:
        faster = replace(escalation, ladder=EMERGENCY, round=escalation.round + 1, rung=0, next_due_at=now)
        noticed = notice(faster, staffed, now, silent=True)
        said = SayRinging(nobody=not anybody(EMERGENCY, staffed))
        return Transition(noticed.escalation, (said, *noticed.effects), audit.RAISED)
    return replace(_danger_held(replace(escalation, ladder=EMERGENCY), now), action=audit.RAISED)


def in_danger(escalation: Escalation, staffed: Staffed, now: datetime) -> Transition:
    """A danger sign came in. Ringing: the next page goes out after one plain notice's wait at the latest (not at once each
    time: writing quickly must not run the ladder through). Held: the owner is reminded now.
    """
    if escalation.ladder.name != EMERGENCY.name:
        return raised(escalation, staffed, now)
    if escalation.state in HELD:
        return _danger_held(escalation, now)
    if escalation.state is EscalationState.RINGING:
        return hurried(escalation, now + timedelta(seconds=EMERGENCY.rungs[0].wait_s))
    return Transition(escalation)


def claimed(escalation: Escalation, staff_uid: str, now: datetime, *, off_duty: bool = False) -> Transition:
    """'Mine': the caller has compared epoch and state in this very transaction. `off_duty`: she takes it although she stands on
    no rung, so that her being off duty is no reason to call anybody later.
    """
    after = replace(
        escalation,
        state=EscalationState.CLAIMED,
        owner_uid=staff_uid,
        claimed_at=escalation.claimed_at or now,
        reminders=0,
        next_due_at=now + timedelta(seconds=escalation.ladder.first_reply_s),
        leaving=_begun(off_duty),
        left_at=None,
    )
    return Transition(after, (CancelPages(escalation.epoch),), audit.CLAIMED)


def taken_over(escalation: Escalation, staff_uid: str, now: datetime, *, off_duty: bool = False) -> Transition:
    """The colleague to whom its owner has offered it takes it: as freshly claimed, what is owed to her stays owed."""
    after = replace(
        escalation,
        state=EscalationState.CLAIMED,
        owner_uid=staff_uid,
        previous_owner_uid=escalation.owner_uid,
        only_staff_uid=None,
        reminders=0,
        next_due_at=now + timedelta(seconds=escalation.ladder.first_reply_s),
        leaving=_begun(off_duty),
        left_at=None,
    )
    return Transition(after, (CancelPages(escalation.epoch),), audit.CLAIMED)


def taken_up(
    *, uid: str, case_uid: str, ladder: Ladder, staff_uid: str, now: datetime, off_duty: bool = False
) -> Transition:
    """A case that waits without ringing is taken up: the escalation begins as claimed."""
    fresh = Escalation(
        uid=uid,
        case_uid=case_uid,
        state=EscalationState.CLAIMED,
        ladder=ladder,
        created_at=now,
        next_due_at=now + timedelta(seconds=ladder.first_reply_s),
        owner_uid=staff_uid,
        claimed_at=now,
        leaving=_begun(off_duty),
    )
    return Transition(fresh, (), audit.CLAIMED)


def offered(escalation: Escalation, now: datetime) -> Transition:
    """Claimed, but she has not agreed yet: she is asked, so the last word is ours and the owner owes nothing."""
    due_at = now + timedelta(seconds=ANSWERED_LOOKS_AGAIN_S)
    return Transition(
        replace(escalation, state=EscalationState.ANSWERED, unanswered_since=None, reminders=0, next_due_at=due_at),
        (),
        audit.OFFERED,
    )


def agreed(escalation: Escalation, now: datetime) -> Transition:
    """She wants to talk with the owner who was offered to her: as freshly claimed, the first reply is owed."""
    due_at = now + timedelta(seconds=escalation.ladder.first_reply_s)
    return Transition(
        replace(escalation, state=EscalationState.CLAIMED, unanswered_since=now, reminders=0, next_due_at=due_at),
        (),
        audit.AGREED,
    )


def owed(escalation: Escalation, now: datetime) -> Transition:
    """She wrote to the human who holds the talk: the first unanswered line starts the clock, later ones do not move it."""
    if escalation.state is EscalationState.ANSWERED:
        due_at = now + timedelta(seconds=escalation.ladder.unanswered_s)
        after = replace(escalation, state=EscalationState.OWING, unanswered_since=now, reminders=0, next_due_at=due_at)
        return Transition(after, (), audit.OWED)
    if escalation.state is EscalationState.CLAIMED and escalation.unanswered_since is None:
        return Transition(replace(escalation, unanswered_since=now))
    return Transition(escalation)


def answered(escalation: Escalation, now: datetime) -> Transition:
    """The owner replied: nothing is owed."""
    after = replace(
        escalation,
        state=EscalationState.ANSWERED,
        unanswered_since=None,
        reminders=0,
        first_reply_at=escalation.first_reply_at or now,
        next_due_at=now + timedelta(seconds=ANSWERED_LOOKS_AGAIN_S),
    )
    return Transition(after, (), audit.ANSWERED)


def ended(escalation: Escalation, reason: str, now: datetime) -> Transition:
    """It is over: closed by a human, taken back where she may, silent for days, or erased."""
    after = replace(
        escalation,
        state=EscalationState.ENDED,
        owner_uid=None,
        previous_owner_uid=escalation.owner_uid or escalation.previous_owner_uid,
        next_due_at=None,
        ended_at=now,
        ended_reason=reason,
        leaving=Leaving.NO,
        left_at=None,
    )
    return Transition(after, (CancelPages(escalation.epoch),), audit.ENDED)


def may_cancel(escalation: Escalation, severity: Severity) -> bool:
    """May she take it back? Only what she asked for herself, and only below urgent."""
    return escalation.asked_for and not severity.at_least(Severity.URGENT)


def _begun(off_duty: bool) -> Leaving:
    """How a new owner begins."""
    return Leaving.KEPT if off_duty else Leaving.NO


def _remind(escalation: Escalation, now: datetime) -> Transition:
    assert escalation.owner_uid is not None
    nth = escalation.reminders + 1
    due_at = now + timedelta(seconds=escalation.ladder.reminded_s)
    return Transition(
        replace(escalation, reminders=nth, next_due_at=due_at),
        (RemindOwner(escalation.owner_uid, nth),),
        audit.REMINDED,
    )


def _danger_held(escalation: Escalation, now: datetime) -> Transition:
    """Reminded at once, once per debt; a later danger line never moves the end of the owner's time away."""
    if escalation.state is EscalationState.CLAIMED:
        soon = now + timedelta(seconds=escalation.ladder.first_reply_s)
        since = escalation.unanswered_since or now
        after = replace(escalation, unanswered_since=since, next_due_at=min(escalation.next_due_at or soon, soon))
        if after == escalation:
            return Transition(escalation)
        return Transition(after, (), audit.HURRIED)
    owing = escalation if escalation.state is EscalationState.OWING else owed(escalation, now).escalation
    if owing.reminders:
        soon = now + timedelta(seconds=owing.ladder.reminded_s)
        return Transition(replace(owing, next_due_at=min(owing.next_due_at or soon, soon)))
    return _remind(owing, now)


def _look_again(escalation: Escalation, now: datetime) -> Transition:
    assert escalation.owner_uid is not None
    nth = escalation.reminders + 1
    if nth >= SILENT_LOOKS:
        over = ended(escalation, "silent", now)
        return replace(over, effects=(*over.effects, CloseSilent()))
    due_at = now + timedelta(seconds=ANSWERED_LOOKS_AGAIN_S)
    return Transition(
        replace(escalation, reminders=nth, next_due_at=due_at),
        (RemindOwner(escalation.owner_uid, nth),),
        audit.REMINDED,
    )


def clamped(escalation: Escalation, now: datetime) -> Transition:
    """After a backward jump of the clock: no wait is longer than its own step."""
    latest = now + longest_wait(escalation)
    if escalation.state is EscalationState.ENDED or (escalation.next_due_at or latest) <= latest:
        return Transition(escalation)
    return Transition(replace(escalation, next_due_at=latest), (), audit.HURRIED)

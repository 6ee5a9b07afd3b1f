"""Looking for a human: the first page, every notice after it, and what she is told meanwhile. Pure.

`staffed` says who stands on which rung now; a rung without anybody is skipped in the same transition.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from handlers import audit
from handlers.model import Escalation, EscalationState, Ladder, Leaving
from handlers.rules.ladder import (
    LAST_RESORT,
    CancelPages,
    Effect,
    LeaveTalk,
    PageStaff,
    SayFallback,
    SayRinging,
    SayWaiting,
    Staffed,
    Transition,
    wait_s,
    waiting_since,
)


def opened(*, uid: str, case_uid: str, ladder: Ladder, asked_for: bool, staffed: Staffed, now: datetime) -> Transition:
    """Somebody must be called: a first attempt, whose first pages belong to the same commit."""
    fresh = Escalation(
        uid=uid,
        case_uid=case_uid,
        state=EscalationState.RINGING,
        ladder=ladder,
        created_at=now,
        next_due_at=now,
        asked_for=asked_for,
    )
    noticed = notice(fresh, staffed, now, silent=True)
    said = SayRinging(nobody=not anybody(ladder, staffed))
    return Transition(noticed.escalation, (said, *noticed.effects), audit.OPENED)


def rerung(escalation: Escalation, staffed: Staffed, now: datetime) -> Transition:
    """Nobody holds it any more (silent, released, disabled): a new attempt from the first rung, paged at once."""
    since = escalation.unanswered_since or (now if escalation.first_reply_at else None)
    anew = replace(
        escalation,
        state=EscalationState.RINGING,
        epoch=escalation.epoch + 1,
        round=0,
        rung=0,
        reminders=0,
        owner_uid=None,
        only_staff_uid=None,
        previous_owner_uid=escalation.owner_uid,
        unanswered_since=since,
        told_waiting_at=now,  # `LeaveTalk` has just told her
        fallback_round=-1,
        next_due_at=now,
        leaving=Leaving.NO,
        left_at=None,
    )
    noticed = notice(anew, staffed, now)
    effects = (CancelPages(escalation.epoch), LeaveTalk(), *noticed.effects)
    return Transition(noticed.escalation, effects, audit.RERUNG)


def passed_up(escalation: Escalation, staffed: Staffed, now: datetime) -> Transition:
    """Whoever is called now passes it on: the next rung with anybody on it is called at once."""
    if escalation.state is not EscalationState.RINGING:
        return Transition(escalation)
    rungs, index = escalation.ladder.rungs, escalation.rung
    called = rungs[index - 1].who if index else ""
    while index < len(rungs) and rungs[index].who == called:
        index += 1
    return replace(notice(replace(escalation, rung=index), staffed, now), action=audit.PASSED_UP)


def hurried(escalation: Escalation, at: datetime) -> Transition:
    """A ringing ladder is due at `at` at the latest (a shift begins, a danger sign, the clock has jumped)."""
    if escalation.state is not EscalationState.RINGING or (escalation.next_due_at or at) <= at:
        return Transition(escalation)
    return Transition(replace(escalation, next_due_at=at), (), audit.HURRIED)


def notice(escalation: Escalation, staffed: Staffed, now: datetime, *, silent: bool = False) -> Transition:
    """One notice: the next rung with anybody on it is paged, and the timer set to the wait after it."""
    ladder, round_, index = escalation.ladder, escalation.round, escalation.rung
    if not anybody(ladder, staffed):
        return _nobody(escalation, staffed, now, silent=silent)
    if index >= len(ladder.rungs):
        round_, index = round_ + 1, 0
    while not staffed.get(ladder.rungs[index].who):
        index += 1
        if index >= len(ladder.rungs):
            round_, index = round_ + 1, 0
    rung = ladder.rungs[index]
    page = PageStaff(tuple(staffed[rung.who]), rung.who, round_, index)
    waiting, words = (escalation, ()) if silent else _words(escalation, now, new_round=round_ > escalation.round)
    after = replace(
        waiting,
        round=round_,
        rung=index + 1,
        next_due_at=now + timedelta(seconds=wait_s(ladder, round_, index)),
    )
    return Transition(after, (page, *words), audit.PAGED)


def _nobody(escalation: Escalation, staffed: Staffed, now: datetime, *, silent: bool) -> Transition:
    """Every rung is empty: the numbers to her once a round, a page to whoever there is, and a whole round's wait."""
    ladder, round_ = escalation.ladder, escalation.round
    if escalation.rung:  # the round had begun with somebody; nobody is left for the rest of it
        round_ += 1
    effects: tuple[Effect, ...] = ()
    if escalation.fallback_round != round_ and not silent:
        effects = (SayFallback(),)
    if staffed.get(LAST_RESORT):
        effects = (PageStaff(tuple(staffed[LAST_RESORT]), LAST_RESORT, round_, 0), *effects)
    wait = sum(wait_s(ladder, round_, index) for index in range(len(ladder.rungs)))
    after = replace(
        escalation,
        round=round_ + 1,
        rung=0,
        told_waiting_at=now,
        fallback_round=round_,
        next_due_at=now + timedelta(seconds=min(wait, ladder.max_wait_s)),
    )
    return Transition(after, effects, audit.NOBODY)


def _words(escalation: Escalation, now: datetime, *, new_round: bool) -> tuple[Escalation, tuple[Effect, ...]]:
    """What she is told while it rings: the honest line after a while and then once a round, the fallback once."""
    ladder, waited, told = escalation.ladder, now - waiting_since(escalation), escalation.told_waiting_at
    pause = timedelta(seconds=ladder.still_ringing_s)
    if told is not None and now - told < pause:
        return escalation, ()
    if escalation.fallback_round < 0 and waited >= timedelta(seconds=ladder.fallback_s):
        return replace(escalation, told_waiting_at=now, fallback_round=escalation.round), (SayFallback(),)
    if waited >= pause and (told is None or new_round):
        return replace(escalation, told_waiting_at=now), (SayWaiting(minutes=int(waited.total_seconds() // 60)),)
    return escalation, ()


def anybody(ladder: Ladder, staffed: Staffed) -> bool:
    """Is there anybody on any rung of this ladder?"""
    return any(staffed.get(rung.who) for rung in ladder.rungs)

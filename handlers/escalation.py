"""Calling a human: from the first page to the end of the talk. The rules move in `rules.ringing` and `rules.holding`; here
their transitions become rows: one escalation, its pages, her lines, one audit row, all in the caller's transaction.

Functions that take a `Case` return the new one, already saved: the caller goes on with the returned value, never with its
old one. `contact` None means that her record is gone; the staff side goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from flows.effects import Value
from flows.severity import Severity
from handlers import audit
from handlers.calling import Calling, may_be_read, open_of
from handlers.evolving import evolve
from handlers.model import (
    AuditEntry,
    Case,
    Contact,
    Disposition,
    Escalation,
    EscalationState,
    OutboxKind,
    new_uid,
)
from handlers.operation import operation
from handlers.outgoing import to_seeker
from handlers.ports import UnitOfWork
from handlers.rules import holding, ringing
from handlers.rules.ladder import EMERGENCY, HELD, RUNGS, Transition, ladder_for
from handlers.stays import case_due_at, contact_of
from handlers.voice import language_of

_SEEN_ON_DUTY = "escalation.on_duty_seen"


class Reason(StrEnum):
    """Why something is said about how urgent a case is."""

    SCREENED = "screened"  # words of hers
    CHOSE = "chose"  # a choice or a score of the flow
    ASKED = "asked"  # she asks for a person, or agrees to one
    DEAD_LETTER = "dead_letter"  # we failed three times: a human reads what she wrote


@dataclass(frozen=True, slots=True)
class Call:
    """What is known now: how urgent, which category, and where that comes from."""

    severity: Severity = Severity.NONE
    category: str = ""
    reason: Reason = Reason.SCREENED
    agreed: bool = False  # she has agreed that a person reads


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of her wish to take it back: `ended`, or it keeps ringing and staff see *retracted*."""

    case: Case
    ended: bool


@dataclass(frozen=True, slots=True)
class Escalations(Calling):
    """Opens, raises, rings, hands over and ends escalations. Built from who is on duty, the voice and the ending."""

    # --- what the seeker does ---------------------------------------------------------------------------------------

    def open_or_raise(self, uow: UnitOfWork, contact: Contact | None, case: Case, call: Call) -> Case:
        """Take in what is known now: severity only rises; from urgent up, or when she asks for a person, somebody is called
        at once, first pages in this very transaction.
        """
        case = self._taken_in(uow, case, call)
        escalation = open_of(uow, case)
        if escalation is None:
            asked = case.asked_at is not None and call.reason is Reason.ASKED
            if asked or call.reason is Reason.DEAD_LETTER or case.severity.at_least(Severity.URGENT):
                case = self._open(uow, contact, case, call)
            return case
        if call.reason is not Reason.ASKED and (
            call.severity is Severity.EMERGENCY or call.reason is Reason.DEAD_LETTER
        ):
            transition = holding.in_danger(escalation, self.staffed_for(uow, case, escalation), uow.now)
            case = self.carry_out(uow, contact, case, transition)
        escalation = open_of(uow, case) or escalation
        if escalation.state in HELD and may_be_read(case) and not case.human:
            if escalation.state is EscalationState.ANSWERED:
                case = self.carry_out(uow, contact, case, holding.agreed(escalation, uow.now), audit.SEEKER)
            case = self.introduce(uow, contact, case)
        return case

    def seeker_wrote(self, uow: UnitOfWork, contact: Contact | None, case: Case, call: Call) -> Case:
        """For every message of hers, after its line is stored: an answer is owed from now on; a danger sign during a talk
        raises the banner and makes the owner's time short.
        """
        case = evolve(case, last_inbound_at=uow.now)
        uow.cases.save(case)
        escalation = open_of(uow, case)
        if escalation is not None and case.human and escalation.state in HELD:
            if call.severity is Severity.EMERGENCY and case.danger_at is None:
                case = evolve(case, danger_at=uow.now)
                case = evolve(case, next_due_at=case_due_at(case, calling=True))
                uow.cases.save(case)
            case = self.carry_out(uow, contact, case, holding.owed(escalation, uow.now), audit.SEEKER)
        return self.open_or_raise(uow, contact, case, call)

    def agree(self, uow: UnitOfWork, contact: Contact | None, case: Case) -> Case:
        """She said yes to the person who is ready."""
        return self.open_or_raise(uow, contact, case, Call(reason=Reason.ASKED, agreed=True))

    def decline(self, uow: UnitOfWork, contact: Contact | None, case: Case) -> Case:
        """She said no to the person who is ready: at urgent the escalation stays, staff see *retracted*."""
        return self.cancel_by_seeker(uow, contact, case).case

    def cancel_by_seeker(
        self, uow: UnitOfWork, contact: Contact | None, case: Case, *, quiet: bool = False
    ) -> Cancelled:
        """She takes it back, stops or deletes. Only what she asked for herself below urgent ends; everything else keeps
        ringing while her side is quiet. `quiet`: say nothing (stop, delete).
        """
        escalation = open_of(uow, case)
        if escalation is None:
            return Cancelled(case, ended=False)
        if not holding.may_cancel(escalation, case.severity):
            if case.retracted_at is None:
                case = evolve(case, retracted_at=uow.now)
                uow.cases.save(case)
                self.note_down(uow, case, escalation, audit.RETRACTED, audit.SEEKER)
            return Cancelled(case, ended=False)
        case = evolve(case, human=False, asked_at=None, danger_at=None)
        case = evolve(case, listed_at=case.listed_at if case.severity.at_least(Severity.STANDARD) else None)
        case = evolve(case, next_due_at=case_due_at(case, calling=False))
        uow.cases.save(case)
        if contact is not None:
            uow.outbox.cancel_waiting(contact.uid)
        case = self.carry_out(uow, contact, case, holding.ended(escalation, "cancelled", uow.now), audit.SEEKER)
        if not quiet:
            said = self.voice.say("human_cancelled", language_of(contact))
            case = to_seeker(uow, contact, case, OutboxKind.BOT, said)
        return Cancelled(case, ended=True)

    def erased(self, uow: UnitOfWork, case: Case) -> Case:
        """Her day to think it over has passed, her key is about to be destroyed: the call ends, the case closes."""
        escalation = open_of(uow, case)
        if escalation is not None:
            case = self.carry_out(uow, None, case, holding.ended(escalation, "erased", uow.now))
        return self.ending.close(uow, case, Disposition.ERASED, escalation)

    # --- what time and staff do -------------------------------------------------------------------------------------

    def due(self, uow: UnitOfWork, limit: int) -> list[str]:
        """Uids of escalations whose time has come, most overdue first; for `Door.read`."""
        return [escalation.uid for escalation in uow.escalations.due(limit)]

    @operation("tick")
    def tick(self, uow: UnitOfWork, items: Sequence[str]) -> list[bool]:
        """Do what is due for each escalation uid; False where nothing was (any more). Safe to repeat. Run every uid as an
        item of its own, so that one that fails cannot keep the others from ringing.
        """
        return [self._tick(uow, uid) for uid in items]

    @operation("tick")
    def check_waits(self, uow: UnitOfWork, items: Sequence[None]) -> list[int]:
        """Once a minute and after a jump of the clock: no wait is longer than its own step, and when somebody has come on
        duty everything that rings is due. Returns how many were hurried.
        """
        return [self._check_waits(uow) for _ in items]

    def shift_began(self, uow: UnitOfWork) -> int:
        """Somebody has come on duty: everything that rings is due now. Returns how many were hurried."""
        return sum(self._hurry(uow, ringing.hurried(one, uow.now)) for one in uow.escalations.ringing())

    def staff_disabled(self, uow: UnitOfWork, staff_uid: str) -> None:
        """What she holds rings anew, in the transaction that disabled her."""
        for escalation in uow.escalations.owned_by(staff_uid):
            case = uow.cases.get(escalation.case_uid)
            self.ring_anew(uow, contact_of(uow, case), case, escalation, audit.SYSTEM)

    def ring_anew(
        self, uow: UnitOfWork, contact: Contact | None, case: Case, escalation: Escalation, actor: str
    ) -> Case:
        """Nobody holds it any more: the next attempt begins with the first rung, at once."""
        anew = ringing.rerung(escalation, self.staffed_for(uow, case, escalation), uow.now)
        return self.carry_out(uow, contact, case, anew, actor)

    def _taken_in(self, uow: UnitOfWork, case: Case, call: Call) -> Case:
        """What the call changes in the case itself; nothing ever falls."""
        dead, asked, now = call.reason is Reason.DEAD_LETTER, call.reason is Reason.ASKED, uow.now
        severity = Severity.highest(case.severity, call.severity, Severity.URGENT if dead else Severity.NONE)
        rises = severity is not case.severity
        reads = asked or dead or call.agreed or call.severity is Severity.EMERGENCY
        listed = asked or dead or severity.at_least(Severity.STANDARD)
        after = evolve(
            case,
            severity=severity,
            category=call.category if call.category and (rises or not case.category) else case.category,
            asked_at=now if asked else case.asked_at,
            agreed_at=now if reads else case.agreed_at,
            listed_at=case.listed_at or (now if listed else None),
            retracted_at=None if asked else case.retracted_at,
        )
        if open_of(uow, case) is None and (case.listed_at is None or case.next_due_at is None):
            after = evolve(after, next_due_at=case_due_at(after, calling=False))
        if after != case:
            uow.cases.save(after)
        if after.listed_at is not None and case.listed_at is None:
            detail: dict[str, Value] = {"severity": after.severity.value, "reason": call.reason.value}
            uow.audit.add(AuditEntry(actor=audit.SYSTEM, action=audit.CASE_LISTED, object=case.code, detail=detail))
            uow.ring("desk")
        return after

    def _open(self, uow: UnitOfWork, contact: Contact | None, case: Case, call: Call) -> Case:
        dead = call.reason is Reason.DEAD_LETTER
        case = evolve(case, next_due_at=None)
        uow.cases.save(case)
        transition = ringing.opened(
            uid=new_uid(),
            case_uid=case.uid,
            ladder=EMERGENCY if dead else ladder_for(case.severity),
            asked_for=call.reason is Reason.ASKED,
            staffed=self.staffed_for(uow, case),
            now=uow.now,
        )
        actor = audit.SEEKER if call.reason is Reason.ASKED else audit.SYSTEM
        return self.carry_out(uow, contact, case, transition, actor, new=True)

    def _tick(self, uow: UnitOfWork, uid: str) -> bool:
        try:
            escalation = uow.escalations.get(uid)
        except KeyError:
            return False
        try:
            case = uow.cases.get(escalation.case_uid)
        except KeyError:  # its key is destroyed: nobody can help here any more
            uow.escalations.save(holding.ended(escalation, "erased", uow.now).escalation)
            return True
        transition = holding.due(escalation, self.staffed_for(uow, case, escalation), uow.now)
        if not transition.action:
            return False
        self.carry_out(uow, contact_of(uow, case), case, transition)
        return True

    def _check_waits(self, uow: UnitOfWork) -> int:
        held = [one for staff in uow.staff.all() for one in uow.escalations.owned_by(staff.uid)]
        hurried = 0
        for escalation in [*uow.escalations.ringing(), *held]:
            hurried += self._hurry(uow, holding.clamped(escalation, uow.now))
        staffed = self.staffed(uow)
        on_duty = {f"{rung}:{uid}" for rung in RUNGS for uid in staffed[rung]}
        seen = uow.get_setting(_SEEN_ON_DUTY)
        before = on_duty if seen is None else set(seen.split())  # the very first look has nothing to compare with
        if seen is None or on_duty != before:
            uow.set_setting(_SEEN_ON_DUTY, " ".join(sorted(on_duty)))
        if on_duty - before:
            hurried += self.shift_began(uow)
        return hurried

    def _hurry(self, uow: UnitOfWork, transition: Transition) -> int:
        if not transition.action:
            return 0
        uow.escalations.save(transition.escalation)
        detail: dict[str, Value] = {"escalation": transition.escalation.uid}
        uow.audit.add(AuditEntry(actor=audit.SYSTEM, action=transition.action, detail=detail))
        uow.ring("escalations")
        return 1

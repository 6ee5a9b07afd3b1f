"""A transition of the rules becomes rows: one escalation, its pages, her lines, one audit row, all in the caller's transaction.

Functions that take a `Case` return the new one, already saved. `contact` None means that her record is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flows.effects import Button, Value
from flows.severity import Severity
from handlers import audit, paging
from handlers.duty import Duty
from handlers.model import AuditEntry, Case, Contact, Disposition, Escalation, OutboxKind
from handlers.outgoing import AGREE, DECLINE, to_seeker
from handlers.paging import DESK_ONLY, Surfaces
from handlers.ports import UnitOfWork
from handlers.rules import wishes
from handlers.rules.ladder import (
    EMERGENCY,
    LAST_RESORT,
    RUNGS,
    AskHandOver,
    CancelPages,
    CloseSilent,
    Effect,
    LeaveTalk,
    PageStaff,
    RemindOwner,
    SayFallback,
    SayRinging,
    SayWaiting,
    Staffed,
    TellAlone,
    Transition,
    ladder_for,
)
from handlers.rules.screening import PROBE
from handlers.rules.wishes import Wish
from handlers.stays import Ending
from handlers.voice import Voice, language_of


@dataclass(frozen=True, slots=True)
class Calling:
    """The hands of an escalation: who is there to be called, what is said, what is written."""

    duty: Duty
    voice: Voice
    ending: Ending
    surfaces: Surfaces = DESK_ONLY

    def introduce(self, uow: UnitOfWork, contact: Contact | None, case: Case) -> Case:
        """The owner and the seeker may talk: she is told who writes from now on, and the bot is silent."""
        escalation = open_of(uow, case)
        owner = uow.staff.get(escalation.owner_uid) if escalation and escalation.owner_uid else None
        case = replace(case, human=True)
        uow.cases.save(case)
        if contact is not None:
            uow.outbox.cancel_waiting(contact.uid)
        said = self.voice.say("human_joined", language_of(contact), alias=owner.alias if owner else "")
        return to_seeker(uow, contact, case, OutboxKind.RELAY, said)

    def offer(self, uow: UnitOfWork, contact: Contact | None, case: Case) -> Case:
        """Somebody is ready, but she has not agreed that a person reads: she is asked."""
        language = language_of(contact)
        buttons = (Button(self.voice.say("yes", language), AGREE), Button(self.voice.say("no", language), DECLINE))
        return to_seeker(uow, contact, case, OutboxKind.WAITING, self.voice.say("human_ready", language), buttons)

    def staffed_for(self, uow: UnitOfWork, case: Case, escalation: Escalation | None = None) -> Staffed:
        """Who may be called for this case now: who stands on which rung, as far as she wishes to talk with them."""
        standing = wishes.ahead(escalation, ladder_for(case.severity))
        return wishes.narrowed(self.staffed(uow), wish_of(uow, case), standing)

    def fits(self, uow: UnitOfWork, case: Case, escalation: Escalation | None, staff_uid: str) -> bool:
        """May this staff member take the case, by what she wishes?"""
        standing = wishes.called(escalation, ladder_for(case.severity))
        return wishes.fits(staff_uid, self.staffed(uow), wish_of(uow, case), standing)

    def staffed(self, uow: UnitOfWork) -> Staffed:
        """Who stands on which rung, as this transaction sees it, whatever anybody wishes."""
        staff = uow.staff.all()
        rungs = (*RUNGS, LAST_RESORT)
        return {rung: tuple(one.uid for one in self.duty.on_rung(rung, staff, uow.now)) for rung in rungs}

    def off_duty(self, uow: UnitOfWork, staff_uid: str) -> bool:
        """Does she stand on no rung now?"""
        staffed = self.staffed(uow)
        return not any(staff_uid in staffed[rung] for rung in RUNGS)

    def carry_out(
        self,
        uow: UnitOfWork,
        contact: Contact | None,
        case: Case,
        transition: Transition,
        actor: str = audit.SYSTEM,
        *,
        new: bool = False,
    ) -> Case:
        """Write the escalation, do what the transition asks for, and note it down once."""
        escalation = transition.escalation
        if new:
            uow.escalations.add(escalation)
        else:
            uow.escalations.save(escalation)
        for effect in transition.effects:
            case = self._do(uow, contact, case, escalation, effect)
        if transition.action:
            self.note_down(uow, case, escalation, transition.action, actor)
            self._tell_groups(uow, case, escalation, transition.action)
        uow.ring("escalations", "desk")
        return case

    def _tell_groups(self, uow: UnitOfWork, case: Case, escalation: Escalation, action: str) -> None:
        """A group's page must not go on calling for what somebody has taken, or what is over."""
        note = {audit.CLAIMED: paging.TAKEN, audit.ENDED: paging.OVER}.get(action)
        if note is not None and self.surfaces.groups:
            step = f"{note} {uow.now.isoformat()}"
            paging.to_groups(uow, self.surfaces, case, step=step, escalation=escalation, note=note)

    def _do(self, uow: UnitOfWork, contact: Contact | None, case: Case, escalation: Escalation, effect: Effect) -> Case:
        match effect:
            case PageStaff(staff=staff, who=who, round=round_, rung=rung):
                step, group_step = f"{round_}:{rung}", f"{round_}:{who}"
                paging.page(uow, self.surfaces, case, staff, step=step, group_step=group_step, escalation=escalation)
            case RemindOwner(staff_uid=uid):
                step = f"remind {uow.now.isoformat()}"
                paging.page(uow, self.surfaces, case, [uid], step=step, escalation=escalation, note=paging.OWED)
            case AskHandOver(staff_uid=uid):
                step = f"{paging.LEAVES} {uow.now.isoformat()}"
                paging.page(uow, self.surfaces, case, [uid], step=step, escalation=escalation, note=paging.LEAVES)
            case TellAlone(staff_uid=uid):
                step = f"{paging.ALONE} {uow.now.isoformat()}"
                paging.page(uow, self.surfaces, case, [uid], step=step, escalation=escalation, note=paging.ALONE)
            case CancelPages(up_to_epoch=epoch):
                uow.outbox.cancel_pages(escalation.uid, epoch)
            case LeaveTalk():
                return self._leave_talk(uow, contact, case)
            case CloseSilent():
                return self.ending.close(uow, case, Disposition.LOST, escalation)
            case SayRinging() | SayWaiting() | SayFallback() if not is_quiet(case):
                said = self._words(language_of(contact), escalation, effect)
                return to_seeker(uow, contact, case, OutboxKind.WAITING, said)
        return case

    def _words(self, language: str, escalation: Escalation, effect: SayRinging | SayWaiting | SayFallback) -> str:
        match effect:
            case SayWaiting(minutes=minutes):
                return self.voice.say("still_ringing", language, minutes=str(minutes))
            case SayFallback():
                return self.voice.say("fallback", language)
            case SayRinging(nobody=True):
                return self.voice.say("nobody_on_duty", language)
            case _:
                return self.voice.say("ringing_emergency" if escalation.ladder == EMERGENCY else "ringing", language)

    def _leave_talk(self, uow: UnitOfWork, contact: Contact | None, case: Case) -> Case:
        """Only somebody who was told that a person writes is told that this changes."""
        if not case.human:
            return case
        case = replace(case, human=False)
        uow.cases.save(case)
        return to_seeker(uow, contact, case, OutboxKind.WAITING, self.voice.say("human_changed", language_of(contact)))

    def note_down(self, uow: UnitOfWork, case: Case, escalation: Escalation, action: str, actor: str) -> None:
        """One audit row about this escalation: figures and enums only."""
        detail: dict[str, Value] = {
            "epoch": escalation.epoch,
            "round": escalation.round,
            "rung": escalation.rung,
            "state": escalation.state.value,
            "ladder": escalation.ladder.name,
        }
        uow.audit.add(AuditEntry(actor=actor, action=action, object=case.code, detail=detail))


def open_of(uow: UnitOfWork, case: Case) -> Escalation | None:
    """The open escalation of this case, if there is one."""
    return uow.escalations.open_of([case.uid]).get(case.uid)


def wish_of(uow: UnitOfWork, case: Case) -> Wish:
    """Whom she wants to talk with."""
    summary = case.summary
    women = frozenset(one.uid for one in uow.staff.all() if one.woman) if summary.woman else frozenset()
    return Wish(summary.woman, summary.avoid, women)


def is_quiet(case: Case) -> bool:
    """Is somebody called without a word to the writer? She took it back, or the writer only asks after somebody else."""
    if case.asked_at is not None or case.severity is Severity.EMERGENCY:
        return False
    return case.retracted_at is not None or case.category == PROBE


def may_be_read(case: Case) -> bool:
    """May a person read along? She agreed, or it is an emergency (which says so at once), or we failed her."""
    return case.agreed_at is not None or case.severity is Severity.EMERGENCY

"""Passing a case on: to the next rung while it rings, or to one colleague, who must accept before it moves."""

from __future__ import annotations

from flows.effects import Value
from handlers import audit, paging
from handlers.calling import may_be_read, open_of
from handlers.desk_views import alias_of, holds
from handlers.errors import AlreadyClaimed, NoSuchCase, NotAllowed, NotWished, StaleClaim
from handlers.escalation import Escalations
from handlers.evolving import evolve
from handlers.model import AuditEntry, Case, Escalation, EscalationState, Staff
from handlers.permissions import Action, may
from handlers.ports import UnitOfWork
from handlers.rules import holding, ringing
from handlers.stays import contact_of


def pass_up(escalations: Escalations, uow: UnitOfWork, me: Staff, case: Case, epoch: int) -> None:
    """Not me: the next rung is called now. AlreadyClaimed, StaleClaim, NoSuchCase (nothing rings)."""
    escalation = open_of(uow, case)
    if escalation is None:
        raise NoSuchCase(case.code)
    if escalation.state is not EscalationState.RINGING:
        raise AlreadyClaimed(alias_of(uow, escalation.owner_uid))
    if escalation.epoch != epoch:
        raise StaleClaim(case.code)
    moved = ringing.passed_up(escalation, escalations.staffed_for(uow, case, escalation), uow.now)
    escalations.carry_out(uow, contact_of(uow, case), case, moved, me.uid)


def offer(
    escalations: Escalations, uow: UnitOfWork, me: Staff, case: Case, escalation: Escalation, to_uid: str
) -> None:
    """My case for this colleague: she is called, and it stays mine until she takes it. NotAllowed: she could not take it.
    NotWished: the seeker does not want to talk with her.
    """
    colleague = uow.staff.get(to_uid)
    if colleague is None or colleague.uid == me.uid or not may(colleague, Action.CLAIM):
        raise NotAllowed(to_uid)
    if to_uid in case.summary.avoid:
        raise NotWished(case.code)
    escalation = evolve(escalation, only_staff_uid=to_uid)
    uow.escalations.save(escalation)
    step = f"offered {uow.now.isoformat()}"
    paging.page(uow, escalations.surfaces, case, [to_uid], step=step, escalation=escalation, note=paging.OFFERED)
    detail: dict[str, Value] = {"to": to_uid, "epoch": escalation.epoch}
    uow.audit.add(AuditEntry(actor=me.uid, action=audit.HANDED, object=case.code, detail=detail))
    uow.ring("desk")


def colleagues(uow: UnitOfWork, me: Staff) -> list[Staff]:
    """Everybody else who could take a case of mine."""
    return [one for one in uow.staff.all() if one.uid != me.uid and may(one, Action.CLAIM)]


def is_offered(escalation: Escalation | None, me: Staff) -> bool:
    """Has its owner offered this to me?"""
    return escalation is not None and escalation.only_staff_uid == me.uid and not holds(escalation, me)


def take_over(escalations: Escalations, uow: UnitOfWork, me: Staff, case: Case, escalation: Escalation) -> Case:
    """I take what was offered to me: it is mine now, and she is told who writes from here on."""
    contact = contact_of(uow, case)
    moved = holding.taken_over(escalation, me.uid, uow.now, off_duty=escalations.off_duty(uow, me.uid))
    case = escalations.carry_out(uow, contact, case, moved, me.uid)
    return escalations.introduce(uow, contact, case) if may_be_read(case) else case

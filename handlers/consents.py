"""What a seeker agreed to or refused, kept where staff see it and where it can be shown later."""

from __future__ import annotations

from dataclasses import replace

from flows.effects import ConsentGiven, ConsentWithdrawn
from handlers import audit
from handlers.model import AuditEntry, Case
from handlers.ports import UnitOfWork
from handlers.world import World


def record(uow: UnitOfWork, world: World, case: Case, effect: ConsentGiven | ConsentWithdrawn) -> Case:
    """Put her answer on the summary card, and a row with the step and text she was asked into the log; saves the case."""
    given = isinstance(effect, ConsentGiven)
    answers = {**case.summary.answers, effect.label: world.library.say("yes" if given else "no")}
    case = replace(case, summary=replace(case.summary, answers=answers))
    uow.cases.save(case)
    action = audit.CONSENT_GIVEN if given else audit.CONSENT_WITHDRAWN
    asked = {"purpose": effect.purpose, "step": effect.step, "text": effect.text}
    uow.audit.add(AuditEntry(actor=audit.SEEKER, action=action, object=case.code, detail={**asked}))
    return case

"""A case's own clock, and its end: the card during a talk, the reminder of a waiting case, closing with a fact.

Functions that take a `Case` return the new one, already saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Final

from flows.effects import Value
from handlers import audit, paging
from handlers.duty import Duty
from handlers.facts import count_lines, fact_of, month_of
from handlers.model import AuditEntry, Case, Contact, Disposition, Escalation, OutboxKind
from handlers.operation import operation
from handlers.outgoing import to_seeker
from handlers.paging import DESK_ONLY, Surfaces
from handlers.ports import UnitOfWork
from handlers.rules.ladder import ON_DUTY
from handlers.voice import Voice, language_of

UNTOUCHED_FOR: Final = timedelta(hours=24)  # then a stay without a human closes by itself
REMIND_DESK_EVERY: Final = timedelta(hours=24)  # a listed case nobody has taken up
REMIND_AGAIN_WHEN_EMPTY: Final = timedelta(hours=1)  # nobody was on duty to be reminded
RELAY_CARD_AFTER: Final = timedelta(seconds=60)  # danger during a talk and no human line since


def case_due_at(case: Case, *, calling: bool) -> datetime | None:
    """When the case itself wants attention next. `calling`: an escalation is open and keeps its own time."""
    if case.closed_at is not None:
        return None
    if case.danger_at is not None and calling:
        return case.danger_at + RELAY_CARD_AFTER
    if calling:
        return None
    if case.listed_at is not None:
        return case.listed_at + REMIND_DESK_EVERY
    return (case.last_inbound_at or case.opened_at) + UNTOUCHED_FOR


@dataclass(frozen=True, slots=True)
class Ending:
    """Closes stays. `zone` decides the calendar month of the figures."""

    zone: tzinfo

    def close(
        self,
        uow: UnitOfWork,
        case: Case,
        disposition: Disposition,
        escalation: Escalation | None = None,
        actor: str = audit.SYSTEM,
    ) -> Case:
        """Close the case and write its fact. The caller has ended the escalation and said what there is to say."""
        if case.closed_at is not None:
            return case
        month = month_of(uow.now, self.zone)
        uow.facts.add(fact_of(case, escalation, disposition, lines=count_lines(uow, case), month=month))
        after = replace(case, closed_at=uow.now, disposition=disposition, human=False, danger_at=None, next_due_at=None)
        uow.cases.save(after)
        detail: dict[str, Value] = {"disposition": disposition.value, "severity": case.severity.value}
        uow.audit.add(AuditEntry(actor=actor, action=audit.CASE_CLOSED, object=case.code, detail=detail))
        uow.ring("desk")
        return after


@dataclass(frozen=True, slots=True)
class Stays:
    """What happens to a case when its own time comes."""

    duty: Duty
    voice: Voice
    ending: Ending
    surfaces: Surfaces = DESK_ONLY

    def due(self, uow: UnitOfWork, limit: int) -> list[str]:
        """Uids of cases whose time has come, most overdue first; for `Door.read`."""
        return [case.uid for case in uow.cases.due(limit)]

    @operation("tick")
    def tick(self, uow: UnitOfWork, items: Sequence[str]) -> list[bool]:
        """Do what is due for each case uid; False where nothing was (any more). Safe to repeat."""
        return [self._tick(uow, uid) for uid in items]

    def _tick(self, uow: UnitOfWork, uid: str) -> bool:
        try:
            case = uow.cases.get(uid)
        except KeyError:
            return False
        if case.closed_at is not None or case.next_due_at is None or case.next_due_at > uow.now:
            return False
        calling = uid in uow.escalations.open_of([uid])
        if case.danger_at is not None and calling:
            self._relay_card(uow, case)
        elif calling:
            uow.cases.save(replace(case, next_due_at=None))
        elif case.listed_at is not None:
            self._remind_desk(uow, case)
        else:
            self._close_untouched(uow, case)
        return True

    def _relay_card(self, uow: UnitOfWork, case: Case) -> None:
        """A minute of danger without a human line (one would have cleared `danger_at`): the numbers, once for each sign."""
        contact = contact_of(uow, case)
        said = self.voice.say("relay_card", language_of(contact))
        case = to_seeker(uow, contact, case, OutboxKind.CARD, said)
        uow.audit.add(AuditEntry(actor=audit.SYSTEM, action=audit.CASE_RELAY_CARD, object=case.code))
        uow.cases.save(replace(case, next_due_at=None))

    def _remind_desk(self, uow: UnitOfWork, case: Case) -> None:
        on_duty = self.duty.on_rung(ON_DUTY, uow.staff.all(), uow.now)
        step = f"waits:{uow.now.isoformat()}"
        paging.page(uow, self.surfaces, case, [staff.uid for staff in on_duty], step=step, note=paging.WAITS)
        wait = REMIND_DESK_EVERY if on_duty else REMIND_AGAIN_WHEN_EMPTY
        uow.cases.save(replace(case, next_due_at=uow.now + wait))
        detail: dict[str, Value] = {"reminded": len(on_duty)}
        uow.audit.add(AuditEntry(actor=audit.SYSTEM, action=audit.CASE_REMINDED, object=case.code, detail=detail))

    def _close_untouched(self, uow: UnitOfWork, case: Case) -> None:
        """She may have written since this was planned: then it is planned anew."""
        planned = case_due_at(case, calling=False)
        if planned is not None and planned > uow.now:
            uow.cases.save(replace(case, next_due_at=planned))
        else:
            self.ending.close(uow, case, Disposition.BOT_ONLY)


def contact_of(uow: UnitOfWork, case: Case) -> Contact | None:
    """The seeker of this case, or None when her record is gone."""
    try:
        return uow.contacts.get(case.contact_uid)
    except KeyError:
        return None

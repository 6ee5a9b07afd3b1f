"""What runs by itself: destroying what she erased a day ago, or what lies here 30 days after her last message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from flows.effects import Value
from handlers import audit
from handlers.model import AuditEntry, Case, Disposition
from handlers.operation import operation
from handlers.ports import UnitOfWork
from handlers.stays import Ending

LOOK_AGAIN = timedelta(hours=1)
LOOK_AGAIN_SOON = timedelta(minutes=1)


class Housekeeping:
    """Periodic duties, as operations."""

    def __init__(self, ending: Ending) -> None:
        """`ending` closes what is still open when its key is destroyed."""
        self._ending = ending

    @operation("erase")
    def erase(self, uow: UnitOfWork, contact_uids: Sequence[str]) -> list[bool]:
        """Destroy the keys of contacts whose day has come, and of all their cases; safe to repeat.

        While a human is being called or talks (erasing at urgent or above does not cancel), it waits and looks again hourly.
        """
        return [self._erase(uow, uid) for uid in contact_uids]

    def _erase(self, uow: UnitOfWork, contact_uid: str) -> bool:
        contact = uow.contacts.load([contact_uid]).get(contact_uid)
        if contact is None or contact.erase_at is None or contact.erase_at > uow.now:
            return False
        if contact.pending:  # she has just written again: that message is handled first, and begins her 30 days anew
            uow.contacts.save(replace(contact, erase_at=uow.now + LOOK_AGAIN_SOON))
            return False
        cases = uow.cases.all_of(contact_uid)
        if uow.escalations.open_of([case.uid for case in cases if case.closed_at is None]):
            uow.contacts.save(replace(contact, erase_at=uow.now + LOOK_AGAIN))
            return False
        for case in cases:
            if case.closed_at is None:
                disposition = Disposition.LOST if contact.hidden_at is None else Disposition.ERASED
                self._ending.close(uow, case, disposition)
            _destroy(uow, case, audit.SYSTEM)
        uow.contacts.forget(contact_uid)
        return True

    def destroy_talk(self, uow: UnitOfWork, case_uid: str) -> bool:
        """Destroy the key and the lines of one closed case; False when it is open or gone. Whose it was may go on writing."""
        try:
            case = uow.cases.get(case_uid)
        except KeyError:
            return False
        if case.closed_at is None:
            return False
        _destroy(uow, case, audit.SYSTEM)
        return True

    def erase_now(self, uow: UnitOfWork, case: Case, actor: str, reason: str) -> int:
        """Destroy this case and everything of whoever wrote it at once; how many cases. The caller has seen to it that nobody is
        being called for her. `reason` is a constant, never a text.
        """
        cases = uow.cases.all_of(case.contact_uid) if case.contact_uid else [case]
        detail: dict[str, Value] = {"reason": reason, "cases": len(cases)}
        uow.audit.add(AuditEntry(actor=actor, action=audit.ERASED_NOW, object=case.code, detail=detail))
        for one in cases:
            if one.closed_at is None:
                self._ending.close(uow, one, Disposition.ERASED, actor=actor)
            _destroy(uow, one, actor)
        uow.contacts.forget(case.contact_uid)
        uow.ring("desk", "seeker")
        return len(cases)


def _destroy(uow: UnitOfWork, case: Case, actor: str) -> None:
    uow.cases.destroy(case.uid)
    uow.audit.add(AuditEntry(actor=actor, action=audit.DESTROYED, object=case.code))

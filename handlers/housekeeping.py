"""What runs by itself: destroying what she erased a day ago, or what lies here 30 days after her last message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from handlers import audit, paging
from handlers.escalation import Escalations
from handlers.model import AuditEntry, Case, Disposition
from handlers.operation import operation
from handlers.ports import UnitOfWork
from handlers.wiping import sweep

LOOK_AGAIN = timedelta(hours=1)
LOOK_AGAIN_SOON = timedelta(minutes=1)


class Housekeeping:
    """Periodic duties, as operations."""

    def __init__(self, escalations: Escalations) -> None:
        """`escalations` ends what is still open when its key is destroyed."""
        self._escalations = escalations

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
                self._escalations.ending.close(uow, case, disposition)
            uow.cases.destroy(case.uid)
            self._forget_elsewhere(uow, case)  # behind it: destroying takes what waits to be sent about the case
            uow.audit.add(AuditEntry(actor=audit.SYSTEM, action=audit.DESTROYED, object=case.code))
        uow.contacts.forget(contact_uid)
        return True

    def _forget_elsewhere(self, uow: UnitOfWork, case: Case) -> None:
        """What staff groups show of it goes as well: its pages, and its topic with everything in it."""
        if uow.handles.of(case.uid, "page") or uow.handles.of(case.uid, "topic"):
            paging.to_groups(uow, self._escalations.surfaces, case, step=paging.FORGET, note=paging.FORGET)

    @operation("writer")
    def sweep(self, uow: UnitOfWork, items: Sequence[None]) -> list[int]:
        """Forget handles of messages that can no longer be taken away. Safe to repeat; once an hour is plenty."""
        return [sweep(uow) for _ in items]

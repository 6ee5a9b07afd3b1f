"""What runs by itself: destroying what she erased a day ago, or what lies here 30 days after her last message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from flows.effects import Value
from handlers import audit, paging
from handlers.model import AuditEntry, Case, Disposition
from handlers.operation import operation
from handlers.paging import DESK_ONLY, Surfaces
from handlers.ports import UnitOfWork
from handlers.stays import Ending
from handlers.wiping import sweep

LOOK_AGAIN = timedelta(hours=1)
LOOK_AGAIN_SOON = timedelta(minutes=1)


class Housekeeping:
    """Periodic duties, as operations."""

    def __init__(self, ending: Ending, surfaces: Surfaces = DESK_ONLY) -> None:
        """`ending` closes what is still open when its key is destroyed; `surfaces`: where staff groups show something of it."""
        self._ending, self._surfaces = ending, surfaces

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
            self._destroy(uow, case, audit.SYSTEM)
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
        self._destroy(uow, case, audit.SYSTEM)
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
            self._destroy(uow, one, actor)
        uow.contacts.forget(case.contact_uid)
        uow.ring("desk", "seeker")
        return len(cases)

    def _destroy(self, uow: UnitOfWork, case: Case, actor: str) -> None:
        uow.cases.destroy(case.uid)
        self._forget_elsewhere(uow, case)  # behind it: destroying takes what waits to be sent about the case
        uow.audit.add(AuditEntry(actor=actor, action=audit.DESTROYED, object=case.code))

    def _forget_elsewhere(self, uow: UnitOfWork, case: Case) -> None:
        """What staff groups show of it goes as well: its pages, and its topic with everything in it."""
        if uow.handles.of(case.uid, "page") or uow.handles.of(case.uid, "topic"):
            paging.to_groups(uow, self._surfaces, case, step=paging.FORGET, note=paging.FORGET)

    @operation("writer")
    def sweep(self, uow: UnitOfWork, items: Sequence[None]) -> list[int]:
        """Forget handles of messages that can no longer be taken away. Safe to repeat; once an hour is plenty."""
        return [sweep(uow) for _ in items]

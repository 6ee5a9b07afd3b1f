"""Escalations on SQL: every open row carries its own timer."""

from __future__ import annotations

from collections.abc import Mapping as Values
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from handlers.evolving import evolve
from handlers.model import Escalation, EscalationState
from storage.records import Buffer, Mapping, alike
from storage.tables import escalations
from storage.types import among, word

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_rows = Mapping(escalations, Escalation)
_select = select(*_rows.columns)
_is_open = escalations.c.state != word(EscalationState.ENDED)
_OPEN_OF = _select.where(_is_open, among(escalations.c.case_uid, "case_uids"))
_BY_UID = _select.where(escalations.c.uid == bindparam("uid"))
_DUE = (
    _select.where(_is_open, escalations.c.next_due_at <= bindparam("now"))
    .order_by(escalations.c.next_due_at, escalations.c.id)
    .limit(bindparam("most"))
)
_OWNED = _select.where(_is_open, escalations.c.owner_uid == bindparam("staff_uid")).order_by(escalations.c.id)
_HELD = _select.where(_is_open, escalations.c.owner_uid.is_not(None)).order_by(
    escalations.c.next_due_at, escalations.c.id
)
_RINGING = _select.where(_is_open, escalations.c.state == word(EscalationState.RINGING)).order_by(
    escalations.c.next_due_at, escalations.c.id
)
_PAGED = (
    update(escalations)
    .where(escalations.c.uid == bindparam("b_uid"), escalations.c.first_page_at.is_(None))
    .values(first_page_at=bindparam("paged_at"))
)


class Escalations:
    """`handlers.ports.EscalationStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow
        self._buffer: Buffer[Escalation] = Buffer()
        self._open: dict[str, str | None] = {}  # case uid -> its open escalation, as far as asked here

    def open_of(self, case_uids: Sequence[str]) -> dict[str, Escalation]:
        """The open escalation of each case that has one."""
        if len(case_uids) == 1 and case_uids[0] in self._open:  # asked several times a turn
            uid = self._open[case_uids[0]]
            return {} if uid is None else {case_uids[0]: self.get(uid)}
        unknown = [uid for uid in dict.fromkeys(case_uids) if uid not in self._open]
        if unknown:
            self._open.update(dict.fromkeys(unknown))
            for escalation in self._held(_OPEN_OF, {"case_uids": unknown}):
                self._note(escalation)
        found = {case_uid: self._open[case_uid] for case_uid in case_uids}
        return {case_uid: self.get(uid) for case_uid, uid in found.items() if uid is not None}

    def get(self, uid: str) -> Escalation:
        """The escalation; KeyError when there is none."""
        known = self._buffer.get(uid)
        if known is not None:
            return known
        self._uow.locks.around_escalation(uid)
        found = self._held(_BY_UID, {"uid": uid})
        if not found:
            raise KeyError(uid)
        return found[0]

    def add(self, escalation: Escalation) -> None:
        """A new one."""
        self._buffer.add(escalation)
        self._note(escalation)

    def save(self, escalation: Escalation) -> None:
        """Write all fields at the end of the unit of work."""
        self._buffer.save(escalation)
        self._note(escalation)

    def due(self, limit: int) -> list[Escalation]:
        """Open ones whose time has come, most overdue first."""
        self._uow.flush()
        rows = self._uow.execute(_DUE, {"now": self._uow.now, "most": limit})
        return [self._buffer.get(row[0]) or _rows.record(row) for row in rows]

    def paged(self, uid: str) -> None:
        """Note when its first page was handed over."""
        known = self._buffer.get(uid)
        if known is None:
            self._uow.execute(_PAGED, {"b_uid": uid, "paged_at": self._uow.now})
        elif known.first_page_at is None:
            self.save(evolve(known, first_page_at=self._uow.now))

    def owned_by(self, staff_uid: str) -> list[Escalation]:
        """Open ones this staff member holds."""
        self._uow.flush()
        self._uow.locks.around_owned(staff_uid)
        return self._held(_OWNED, {"staff_uid": staff_uid})

    def held(self) -> list[Escalation]:
        """Open ones that somebody holds."""
        self._uow.flush()
        return [self._buffer.get(row[0]) or _rows.record(row) for row in self._uow.execute(_HELD, {})]

    def ringing(self) -> list[Escalation]:
        """All that ring now."""
        self._uow.flush()
        return self._held(_RINGING, {})

    def flush(self) -> None:
        """Write buffered escalations; endings first, so that a new one of the same case finds the place free."""
        if not self._buffer:
            return
        changed, added = self._buffer.take()
        changed.sort(key=lambda pair: pair[0].state is not EscalationState.ENDED)
        for alike_ones in alike(_rows.changes(escalation, before) for escalation, before in changed):
            self._uow.execute(_rows.update, alike_ones)
        if added:
            self._uow.execute(_rows.insert, [_rows.values(escalation) for escalation in added])

    def _note(self, escalation: Escalation) -> None:
        if escalation.state is not EscalationState.ENDED:
            self._open[escalation.case_uid] = escalation.uid
        elif self._open.get(escalation.case_uid) == escalation.uid:
            self._open[escalation.case_uid] = None

    def _held(self, statement: Any, values: Values[str, Any]) -> list[Escalation]:
        """Read and lock. Whoever came on duty before we had the lock must be seen by what we decide under it."""
        found = [self._buffer.seen(_rows.record(row)) for row in self._uow.hold(statement, values)]
        if found and self._uow.shared:
            self._uow.forget_staff()
        return found

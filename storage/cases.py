"""Cases on SQL: what staff may list stands in clear columns, the summary is sealed under the case's own key."""

from __future__ import annotations

from collections.abc import Mapping as Values
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update

from handlers.model import Case, EscalationState, QueueCard, Summary
from storage.channel_tables import media
from storage.prepared import Rows
from storage.records import Buffer, Mapping, alike, pack
from storage.referrals import FORGET
from storage.registers import key_removals
from storage.tables import cases, escalations, lines, outbox, staff
from storage.types import among, word

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_rows = Mapping(cases, Case)
_summary = msgspec.json.Decoder(Summary)
_select = select(*_rows.columns, cases.c.summary_sealed).where(cases.c.erased_at.is_(None))
_OPEN_OF = _select.where(cases.c.closed_at.is_(None), among(cases.c.contact_uid, "contact_uids")).order_by(cases.c.id)
_BY_UID = _select.where(cases.c.uid == bindparam("uid"))
_BY_CODE = _select.where(cases.c.code == bindparam("code"))
_DUE = (
    _select.where(cases.c.closed_at.is_(None), cases.c.next_due_at <= bindparam("now"))
    .order_by(cases.c.next_due_at, cases.c.id)
    .limit(bindparam("most"))
)
_NEWEST_CLOSED = (
    _select.where(cases.c.contact_uid == bindparam("contact_uid"), cases.c.closed_at.is_not(None))
    .order_by(cases.c.closed_at.desc(), cases.c.id.desc())
    .limit(1)
)
_ALL_OF = _select.where(cases.c.contact_uid == bindparam("contact_uid"), cases.c.erased_at.is_(None)).order_by(
    cases.c.id
)
_QUEUE = (
    select(
        cases.c.code,
        cases.c.severity,
        cases.c.category,
        cases.c.agreed_at,
        cases.c.retracted_at,
        cases.c.danger_at,
        cases.c.practice,
        escalations.c.state,
        escalations.c.epoch,
        escalations.c.only_staff_uid,
        func.coalesce(staff.c.alias, "").label("owner_alias"),
        func.coalesce(
            escalations.c.unanswered_since, escalations.c.created_at, cases.c.listed_at, type_=cases.c.listed_at.type
        ).label("waiting_since"),
    )
    .join_from(
        cases,
        escalations,
        (escalations.c.case_uid == cases.c.uid) & (escalations.c.state != word(EscalationState.ENDED)),
        isouter=True,
    )
    .join(staff, staff.c.uid == escalations.c.owner_uid, isouter=True)
    .where(cases.c.closed_at.is_(None), cases.c.listed_at.is_not(None), cases.c.erased_at.is_(None))
)
# Only what figures and the desk's own numbering need is left of an erased case: code, severity, category, month, disposition.
_CLEAR = (
    update(cases)
    .where(cases.c.uid == bindparam("gone"))
    .values(
        contact_uid="",
        summary_sealed=None,
        opened_at=bindparam("month"),
        closed_at=bindparam("closed_month"),
        erased_at=bindparam("erased"),
        **dict.fromkeys(
            (
                "listed_at",
                "asked_at",
                "agreed_at",
                "retracted_at",
                "danger_at",
                "last_inbound_at",
                "last_human_at",
                "next_due_at",
            )
        ),
    )
)
_DESTROY = (
    *FORGET,
    delete(media).where(media.c.case_uid == bindparam("gone")),
    delete(lines).where(lines.c.case_uid == bindparam("gone")),
    delete(outbox).where(outbox.c.case_uid == bindparam("gone")),
    delete(escalations).where(
        escalations.c.case_uid == bindparam("gone"), escalations.c.state == word(EscalationState.ENDED)
    ),
)
# The identifier begins with the hour in which she began. One that was drawn afresh takes its place, as long as nothing that may
# still be needed points to the old one (a call for a human that goes on).
_RENAME = (
    update(cases)
    .where(
        cases.c.uid == bindparam("gone"),
        ~select(escalations.c.id).where(escalations.c.case_uid == bindparam("gone")).exists(),
    )
    .values(uid=bindparam("fresh"))
)
_REMOVE_KEY = insert(key_removals)


class Cases:
    """`handlers.ports.CaseStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow
        self._buffer: Buffer[Case] = Buffer()
        self._open: dict[str, str | None] = {}  # contact uid -> its open case, as far as asked here
        self._holder: dict[str, str] = {}  # the other way round; a return code may move a case to another contact

    def open_of(self, contact_uids: Sequence[str]) -> dict[str, Case]:
        """The open case of each contact that has one."""
        unknown = [uid for uid in dict.fromkeys(contact_uids) if uid not in self._open]
        if unknown:
            self._uow.locks.contacts(unknown)
            self._open.update(dict.fromkeys(unknown))
            for case in self._held(_OPEN_OF, {"contact_uids": unknown}):
                self._note(case)
        found = {contact_uid: self._open[contact_uid] for contact_uid in contact_uids}
        return {contact_uid: self.get(uid) for contact_uid, uid in found.items() if uid is not None}

    def get(self, uid: str) -> Case:
        """The case; KeyError when there is none or it is erased."""
        known = self._buffer.get(uid)
        if known is not None:
            return known
        self._uow.locks.contact_of_case(uid)
        found = self._held(_BY_UID, {"uid": uid})
        if not found:
            raise KeyError(uid)
        return found[0]

    def by_code(self, code: str) -> Case | None:
        """The case with this code, or None."""
        wanted = code.strip().upper()
        for case in self._buffer.kept():
            if case.code.upper() == wanted:
                return case
        self._uow.locks.contact_of_code(wanted)
        found = self._held(_BY_CODE, {"code": wanted})
        return found[0] if found else None

    def add(self, case: Case) -> None:
        """A new case with a key of its own."""
        self._uow.keys.make("case", case.uid)
        self._buffer.add(case)
        self._note(case)

    def save(self, case: Case) -> None:
        """Write all fields at the end of the unit of work."""
        self._buffer.save(case)
        self._note(case)

    def due(self, limit: int) -> list[Case]:
        """Open cases whose time has come, most overdue first."""
        self._uow.flush()
        return self._read(self._uow.execute(_DUE, {"now": self._uow.now, "most": limit}))

    def queue(self) -> list[QueueCard]:
        """All listed open cases as content-free cards: severity first, then the longest waiting."""
        self._uow.flush()
        cards = [
            QueueCard(
                case_code=row.code,
                severity=row.severity,
                category=row.category,
                state=row.state,
                epoch=row.epoch or 0,
                waiting_since=row.waiting_since,
                owner_alias=row.owner_alias,
                agreed=row.agreed_at is not None,
                retracted=row.retracted_at is not None,
                danger=row.danger_at is not None,
                practice=row.practice,
                offered_to=row.only_staff_uid,
            )
            for row in self._uow.execute(_QUEUE)
        ]
        return sorted(cards, key=lambda card: (-card.severity.rank, card.waiting_since))

    def newest_closed_of(self, contact_uid: str) -> Case | None:
        """The contact's case closed last, or None."""
        self._uow.flush()
        found = self._read(self._uow.execute(_NEWEST_CLOSED, {"contact_uid": contact_uid}))
        return found[0] if found else None

    def all_of(self, contact_uid: str) -> list[Case]:
        """Every case of the contact that can still be read, oldest first."""
        self._uow.flush()
        return self._read(self._uow.execute(_ALL_OF, {"contact_uid": contact_uid}))

    def destroy(self, uid: str) -> None:
        """Take lines and sealed fields away; the key is destroyed right after the commit. Safe to repeat."""
        self._uow.flush()
        row = self._uow.execute(_BY_UID, {"uid": uid}).first()
        if row is None:
            return
        for statement in _DESTROY:
            self._uow.execute(statement, {"gone": uid})
        first = {"day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}
        closed_at = row.closed_at
        months = {
            "month": row.opened_at.replace(**first),
            "closed_month": None if closed_at is None else closed_at.replace(**first),
        }
        day = self._uow.now.replace(hour=0, minute=0, second=0, microsecond=0)  # the day is enough
        self._uow.execute(_CLEAR, {"gone": uid, "erased": day, **months})
        self._uow.execute(_RENAME, {"gone": uid, "fresh": uuid4().hex})
        self._uow.execute(_REMOVE_KEY, {"uid": uid, "removed_at": self._uow.now})
        self._uow.keys.removed.append(uid)
        self._buffer.drop(uid)
        self._open = {contact_uid: known for contact_uid, known in self._open.items() if known != uid}

    def flush(self) -> None:
        """Write buffered cases."""
        if not self._buffer:
            return
        changed, added = self._buffer.take()
        for alike_ones in alike(self._changes(case, before) for case, before in changed):
            self._uow.execute(_rows.update, alike_ones)
        if added:
            rows = [_rows.values(case) | {"summary_sealed": self._seal(case)} for case in added]
            self._uow.execute(_rows.insert, rows)

    def _note(self, case: Case) -> None:
        before = self._holder.pop(case.uid, None)
        if before is not None and self._open.get(before) == case.uid:
            self._open[before] = None
        if case.closed_at is None:
            self._open[case.contact_uid] = case.uid
            self._holder[case.uid] = case.contact_uid

    def _held(self, statement: Any, values: Values[str, Any]) -> list[Case]:
        rows = self._uow.hold(statement, values)
        for row in rows:
            self._uow.locks.check(row.contact_uid)
        return self._read(rows)

    def _read(self, rows: Rows) -> list[Case]:
        """The records of these rows; remembered where they cannot change under us."""
        self._uow.keys.load(row[0] for row in rows)
        found = []
        for row in rows:
            known = self._buffer.get(row[0])
            if known is None:
                plain = self._uow.keys.try_unseal("cases", "summary", row[0], row[0], row[-1])
                summary = Summary() if plain is None else _summary.decode(plain)
                known = _rows.record(row, summary=summary)
                if self._uow.locks.has(known.contact_uid):
                    known = self._buffer.seen(known)
            found.append(known)
        return found

    def _changes(self, case: Case, before: Case | None) -> dict[str, Any]:
        changed = _rows.changes(case, before)
        if before is None or case.summary != before.summary:
            changed["summary_sealed"] = self._seal(case)
        return changed

    def _seal(self, case: Case) -> bytes:
        return self._uow.keys.seal("cases", "summary", case.uid, case.uid, pack(case.summary))

"""What is due to go, on SQL: found through indexes that hold nothing else, removed in small batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, Column, Delete, Table, and_, bindparam, delete, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from handlers.keeping import Overdue, Run
from handlers.model import EscalationState, InboxState
from handlers.order_drill import Answer
from handlers.policies import AUDIT, CASES, CONTACTS, TALKS
from storage.channel_tables import handles
from storage.order_drill import Answering
from storage.records import Mapping
from storage.registers import audit_cuts, keeping_runs, key_removals, referral_links, referrals
from storage.staff_tables import half_sign_ins, key_challenges, spare_codes
from storage.tables import audit_log, cases, contacts, escalations, failures, inbox, outbox, sign_ins
from storage.types import UtcTime, among, word

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_before = bindparam("before", type_=UtcTime())
_most: BindParameter[int] = bindparam("most")

_called = (
    select(cases.c.uid)
    .join(escalations, escalations.c.case_uid == cases.c.uid)
    .where(
        cases.c.contact_uid == contacts.c.uid,
        cases.c.closed_at.is_(None),
        escalations.c.state != word(EscalationState.ENDED),
    )
    .exists()
)
_under_way = or_(contacts.c.pending > text("0"), _called)
DUE_CONTACTS = (
    select(contacts.c.uid)
    .where(contacts.c.erase_at.is_not(None), contacts.c.erase_at < _before, ~_under_way)
    .order_by(contacts.c.erase_at)
    .limit(_most)
)
ENDLESS = select(contacts.c.uid).where(contacts.c.erase_at.is_(None), ~_under_way).order_by(contacts.c.id).limit(_most)
_due_case = and_(cases.c.closed_at.is_not(None), cases.c.erased_at.is_(None), cases.c.closed_at < _before)
DUE_CASES = select(cases.c.uid).where(_due_case).order_by(cases.c.closed_at).limit(_most)

_due_contact = and_(contacts.c.erase_at.is_not(None), contacts.c.erase_at < _before)
LEFT_CONTACTS = select(func.count()).select_from(contacts).where(_due_contact, ~_under_way)
WAITING_CONTACTS = select(func.count()).select_from(contacts).where(_due_contact, _under_way)
LEFT_ENDLESS = select(func.count()).select_from(contacts).where(contacts.c.erase_at.is_(None), ~_under_way)
LEFT_CASES = select(func.count()).select_from(cases).where(_due_case)

_DUE_REMAINS = (
    select(cases.c.uid)
    .where(cases.c.erased_at.is_not(None), cases.c.erased_at < _before)
    .order_by(cases.c.erased_at)
    .limit(_most)
)
_REMAINS = (
    delete(escalations).where(among(escalations.c.case_uid, "uids")),
    delete(referral_links).where(among(referral_links.c.case_uid, "uids")),
    delete(referrals).where(among(referrals.c.case_uid, "uids")),
    delete(outbox).where(among(outbox.c.case_uid, "uids")),
    delete(cases).where(among(cases.c.uid, "uids")),
)
LEFT_REMAINS = (
    select(func.count()).select_from(cases).where(cases.c.erased_at.is_not(None), cases.c.erased_at < _before)
)

_since_cut = audit_log.c.seq > func.coalesce(select(func.max(audit_cuts.c.seq)).scalar_subquery(), 0)
_OLD_AUDIT = select(func.count()).select_from(audit_log).where(_since_cut, audit_log.c.at < _before)


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows that need nothing but to go: those of `table` where `at` has come, and `also` holds."""

    table: Table
    key: Column[Any]
    at: Column[Any]
    also: Any = None

    @property
    def _due(self) -> Any:
        rules = [self.at < _before] if self.also is None else [self.also, self.at < _before]
        return and_(*rules)

    def remove(self) -> Delete:
        """The statement that removes a batch."""
        batch = select(self.key).where(self._due).order_by(self.at).limit(_most)
        return delete(self.table).where(self.key.in_(batch))

    def left(self) -> Any:
        """The statement that counts what is due."""
        return select(func.count()).select_from(self.table).where(self._due)


RULES = {
    "message_ids": (Rule(inbox, inbox.c.id, inbox.c.received_at, inbox.c.state == word(InboxState.DONE)),),
    "sent": (Rule(outbox, outbox.c.id, outbox.c.done_at, outbox.c.done_at.is_not(None)),),
    "handles": (Rule(handles, handles.c.id, handles.c.at),),
    "sign_ins": (
        Rule(sign_ins, sign_ins.c.token_hash, sign_ins.c.created_at),
        Rule(half_sign_ins, half_sign_ins.c.token_hash, half_sign_ins.c.created_at),
        Rule(key_challenges, key_challenges.c.token_hash, key_challenges.c.created_at),
        Rule(spare_codes, spare_codes.c.code_hash, spare_codes.c.expires_at, spare_codes.c.expires_at.is_not(None)),
    ),
    "failures": (Rule(failures, failures.c.id, failures.c.at),),
    "key_marks": (Rule(key_removals, key_removals.c.uid, key_removals.c.removed_at),),
    "runs": (Rule(keeping_runs, keeping_runs.c.id, keeping_runs.c.started_at),),
}
"""A kind of record that needs nothing but to go is one entry here, beside its policy in `handlers/policies.py`."""

_REMOVE = {kind: tuple(rule.remove() for rule in rules) for kind, rules in RULES.items()}
_LEFT = {kind: tuple(rule.left() for rule in rules) for kind, rules in RULES.items()}

_rows = Mapping(keeping_runs, Run)
_insert = insert(keeping_runs)
_NOTE = _insert.on_conflict_do_update(
    index_elements=[keeping_runs.c.uid],
    set_={name: _insert.excluded[name] for name in ("ended_at", "clean", "found")},
)
_RUNS = select(*_rows.columns).order_by(keeping_runs.c.id.desc()).limit(_most)


class KeepingRows:
    """`handlers.ports.KeepingStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def due_contacts(self, before: datetime, limit: int) -> list[str]:
        """Uids of contacts whose end comes before then and for whom nothing is under way."""
        return self._uids(DUE_CONTACTS, {"before": before, "most": limit})

    def endless_contacts(self, limit: int) -> list[str]:
        """Uids of contacts that have no end and nothing under way."""
        return self._uids(ENDLESS, {"most": limit})

    def due_cases(self, before: datetime, limit: int) -> list[str]:
        """Uids of cases closed before then that can still be read."""
        return self._uids(DUE_CASES, {"before": before, "most": limit})

    def remove(self, kind: str, before: datetime, limit: int) -> int:
        """Remove a batch of rows of this kind; how many."""
        self._uow.flush()
        if kind == CASES:
            return self._remove_remains(before, limit)
        values = {"before": before, "most": limit}
        return sum(self._uow.execute(statement, values).rowcount for statement in _REMOVE[kind])

    def overdue(self, kind: str, before: datetime) -> Overdue:
        """How many records of this kind should be gone by then."""
        self._uow.flush()
        if kind == CONTACTS:
            endless = self._count(LEFT_ENDLESS, {})
            left = self._count(LEFT_CONTACTS, {"before": before})
            return Overdue(left + endless, self._count(WAITING_CONTACTS, {"before": before}))
        if kind == TALKS:
            return Overdue(self._count(LEFT_CASES, {"before": before}))
        if kind == CASES:
            return Overdue(self._count(LEFT_REMAINS, {"before": before}))
        if kind == AUDIT:
            return self._overdue_audit(before)
        return Overdue(sum(self._count(statement, {"before": before}) for statement in _LEFT[kind]))

    def note(self, run: Run) -> None:
        """Write down a run, or its end."""
        self._uow.execute(_NOTE, _rows.values(run))

    def runs(self, limit: int) -> list[Run]:
        """The newest runs, the newest first."""
        return [_rows.record(row) for row in self._uow.execute(_RUNS, {"most": limit})]

    def answer(self, code: str) -> Answer | None:
        """What an order about the case with this code would yield."""
        return Answering(self._uow).answer(code)

    def _remove_remains(self, before: datetime, limit: int) -> int:
        uids = self._uids(_DUE_REMAINS, {"before": before, "most": limit})
        for statement in _REMAINS if uids else ():
            self._uow.execute(statement, {"uids": uids})
        return len(uids)

    def _overdue_audit(self, before: datetime) -> Overdue:
        """What lies above the newest head that was signed so long ago cannot go yet, and waits for the next one."""
        old = [one.seq for one in self._uow.audit.signed() if one.at < before and one.holds]
        cut = self._uow.audit.beginning().seq
        left = max(0, max(old, default=0) - cut)
        return Overdue(left, max(0, self._count(_OLD_AUDIT, {"before": before}) - left))

    def _count(self, statement: Any, values: dict[str, Any]) -> int:
        return int(self._uow.execute(statement, values).scalar())

    def _uids(self, statement: Any, values: dict[str, Any]) -> list[str]:
        self._uow.flush()
        return [row[0] for row in self._uow.execute(statement, values)]

"""After a restore nothing goes out to seekers by itself: what was under way then may be late, or read by another person now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, delete, update

from handlers.audit import SYSTEM
from handlers.model import AuditEntry, Disposition, EscalationState, OutboxState
from handlers.ports import UnitOfWork
from storage.data_keys import Keys
from storage.keyring import KeyRing
from storage.outbox_statements import QUARANTINE
from storage.removals import check_keys
from storage.secrets import Peppers
from storage.tables import cases, outbox, sign_ins
from storage.types import word
from storage.uow import RunsStatements, SqlUnitOfWork

ON = "on"
OFF = "off"
BEGUN = "quarantine.begun"
LIFTED = "quarantine.lifted"

_HOLD_ALL = (
    update(outbox)
    .where(
        outbox.c.contact_uid.is_not(None),
        outbox.c.state.in_((word(OutboxState.PENDING), word(OutboxState.SENDING))),
    )
    .values(state=OutboxState.HELD, lease_token=None, lease_until=None)
)

_CLOSE = (
    update(cases)
    .where(cases.c.uid == bindparam("b_uid"), cases.c.closed_at.is_(None))
    .values(closed_at=bindparam("closed_at"), disposition=bindparam("disposition"), human=bindparam("human"))
)
_SIGN_EVERYBODY_OUT = delete(sign_ins)


def begin_quarantine(runner: RunsStatements, store: Keys, peppers: Peppers, now: datetime) -> tuple[int, int]:
    """Hold every open line to a seeker and finish erasures the data do not know of yet; returns how many of each. In a
    transaction that the caller commits.
    """
    uow = SqlUnitOfWork(runner, KeyRing(store), peppers, now)
    done = _begin(uow, check_keys(runner, store).destroyed, SYSTEM)
    uow.finish()
    return done


def quarantine_now(uow: UnitOfWork, items: Sequence[tuple[Keys, str]]) -> list[tuple[int, int]]:
    """The same as an operation on a database that is in use; each item is the key store, and who wants it."""
    assert isinstance(uow, SqlUnitOfWork)  # what the door of this storage hands out
    return [_begin(uow, check_keys(uow, store).destroyed, actor) for store, actor in items]


def _begin(uow: SqlUnitOfWork, gone: frozenset[str], actor: str) -> tuple[int, int]:
    held = uow.execute(_HOLD_ALL).rowcount
    for uid in sorted(gone):
        _finish_erasure(uow, uid)
    uow.execute(_SIGN_EVERYBODY_OUT)  # a session that was ended since must not live again
    uow.set_setting(QUARANTINE, ON)
    uow.audit.add(AuditEntry(actor=actor, action=BEGUN, detail={"held": held, "erased": len(gone)}))
    return held, len(gone)


def lift_quarantine(uow: UnitOfWork, actors: Sequence[str]) -> list[bool]:
    """An operation: lines to seekers go out again; False when there was no quarantine. Held rows wait for her next line."""
    done = []
    for actor in actors:
        was_on = uow.get_setting(QUARANTINE) == ON
        if was_on:
            uow.set_setting(QUARANTINE, OFF)
            uow.audit.add(AuditEntry(actor=actor, action=LIFTED))
            uow.ring("outbox")
        done.append(was_on)
    return done


def _finish_erasure(uow: SqlUnitOfWork, uid: str) -> None:
    """Of a contact or a case; its own words do not open any more, so nothing is read of it."""
    uow.contacts.forget(uid)
    escalation = uow.escalations.open_of([uid]).get(uid)
    if escalation is not None:
        ended = replace(escalation, state=EscalationState.ENDED, next_due_at=None, owner_uid=None)
        uow.escalations.save(replace(ended, ended_at=uow.now, ended_reason="erased"))
    uow.flush()
    uow.execute(_CLOSE, {"b_uid": uid, "closed_at": uow.now, "disposition": Disposition.ERASED, "human": False})
    uow.cases.destroy(uid)

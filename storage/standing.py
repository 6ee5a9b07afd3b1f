"""Counts who stands where in the flows: sessions are opened one after the other, and nothing but the count leaves."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import bindparam, select

from flows.session import Session, Status, UnreadableSession
from storage.tables import contacts

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

AT_ONCE = 500  # contacts read together: bounds the memory, not the count
_NEXT = (
    select(
        contacts.c.id,
        contacts.c.uid,
        contacts.c.content_version,
        contacts.c.last_inbound_at,
        contacts.c.session_sealed,
    )
    .where(contacts.c.id > bindparam("after"), contacts.c.session_sealed.is_not(None), contacts.c.hidden_at.is_(None))
    .order_by(contacts.c.id)
    .limit(bindparam("most"))
)


def count_standing(uow: SqlUnitOfWork, since: datetime) -> dict[tuple[str, str], int]:
    """See `handlers.ports.ContactStore.standing`."""
    uow.flush()
    counted: Counter[tuple[str, str]] = Counter()
    after = -1
    while rows := uow.execute(_NEXT, {"after": after, "most": AT_ONCE}).all():
        after = rows[-1].id
        uow.keys.load(row.uid for row in rows)
        for row in rows:
            session = _session(uow, row.uid, row.session_sealed)
            if session is None or session.status is Status.ENDED or not session.frames:
                continue
            recent = row.last_inbound_at is not None and row.last_inbound_at >= since
            if recent or session.status is Status.HANDED_OVER:
                counted[(row.content_version, session.place())] += 1
    return dict(counted)


def _session(uow: SqlUnitOfWork, uid: str, sealed: bytes) -> Session | None:
    plain = uow.keys.try_unseal("contacts", "session", uid, uid, sealed)
    if plain is None:
        return None
    try:
        return Session.load(msgspec.json.decode(plain))
    except (UnreadableSession, msgspec.DecodeError, AttributeError):
        return None  # it greets anew at her next message: she stands nowhere

"""Taking messages away from her own phone, as far as a platform allows it: when she says *delete*, somebody may be reaching for
it already. Only handles of the last two days are kept, because older messages cannot be taken away.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from handlers.model import Contact, OutboxKind, OutboxRow, Outgoing, new_uid
from handlers.ports import UnitOfWork

WIPED_WITHIN: Final = timedelta(hours=47)
"""Telegram takes messages away for 48 hours; one that is too old could hold up the others."""

AT_ONCE: Final = 100


def wipe(uow: UnitOfWork, contact: Contact) -> int:
    """Ask the platform to take everything away that stands in her chat, before anything else is said; how many messages."""
    found = [one for one in uow.handles.of(contact.uid, "trace") if uow.now - one.at < WIPED_WITHIN]
    for start in range(0, len(found), AT_ONCE):
        chunk = tuple(one.handle for one in found[start : start + AT_ONCE])
        uid = new_uid()
        uow.outbox.add(
            OutboxRow(
                uid=uid,
                dedupe_key=f"wipe:{uid}",
                lane=f"c:{contact.uid}",
                kind=OutboxKind.CARD,  # before whatever else waits
                created_at=uow.now,
                contact_uid=contact.uid,
                outgoing=Outgoing(text="", wipe=chunk),
                next_attempt_at=uow.now,
            )
        )
    uow.handles.drop(contact.uid, "trace")
    if found:
        uow.ring("outbox")
    return len(found)


def sweep(uow: UnitOfWork) -> int:
    """Forget what can no longer be taken away."""
    return uow.handles.sweep("trace", uow.now - WIPED_WITHIN)

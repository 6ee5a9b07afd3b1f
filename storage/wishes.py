"""Wishes to be erased that are still to be carried out: noted in the second place of the keys, so that no restore forgets them.

She is hidden at once and destroyed a day later. A backup from before her wish knows nothing of it, and no key is gone yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, select, update

from storage.tables import contacts
from storage.uow import Executes, RunsStatements

_OPEN = select(contacts.c.uid, contacts.c.erase_at).where(
    contacts.c.erase_at.is_not(None), contacts.c.hidden_at.is_not(None)
)
_HONOUR = (
    update(contacts)
    .where(contacts.c.uid == bindparam("b_uid"), contacts.c.hidden_at.is_(None))
    .values(
        hidden_at=bindparam("b_now", type_=contacts.c.hidden_at.type),
        erase_at=bindparam("b_at", type_=contacts.c.erase_at.type),
        quiet=True,
        session_due_at=None,
        reminder_due_at=None,
        reminder_sealed=None,
    )
)


def open_wishes(runner: Executes) -> dict[str, datetime]:
    """Contacts that are hidden, and when they will be destroyed."""
    return {row.uid: row.erase_at for row in runner.execute(_OPEN)}


def honour(runner: RunsStatements, wishes: Mapping[str, datetime], now: datetime) -> int:
    """Hide those of these contacts that the data show; how many. At their hour the service destroys them as ever."""
    return sum(
        runner.execute(_HONOUR, {"b_uid": uid, "b_now": now, "b_at": at}).rowcount for uid, at in sorted(wishes.items())
    )

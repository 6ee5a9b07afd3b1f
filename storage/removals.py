"""Finishes what was begun with a person's keys, and says whether keys and rows belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from handlers.keeping import Tidied
from storage.channel_tables import accounts
from storage.data_keys import Keys
from storage.registers import key_removals
from storage.staff_tables import factors
from storage.tables import cases, contacts
from storage.uow import Executes, RunsStatements

_PENDING = select(key_removals.c.uid)
_PEOPLE = (select(contacts.c.uid), select(cases.c.uid).where(cases.c.erased_at.is_(None)))
_STAFF = (select(factors.c.uid), select(accounts.c.staff_uid))


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """What a comparison of rows and keys found: owners without a key, and keys without an owner (harmless)."""

    missing: frozenset[str]
    orphaned: frozenset[str]
    destroyed: frozenset[str]  # people whose key was destroyed on purpose: their erasure is not finished
    staff: frozenset[str] = frozenset()
    """Of those missing: second factors and accounts of staff. They can be made anew; what somebody wrote cannot."""


def finish_removals(runner: RunsStatements, keys: Keys) -> None:
    """Destroy the keys of everything that was removed before the process ended. How long a removal is remembered, so that a
    restored older key store loses the key again, is a policy (`handlers/policies.py`: key_marks).
    """
    keys.destroy({uid for (uid,) in runner.execute(_PENDING)} & keys.owners())


def settle_removals(runner: RunsStatements, keys: Keys) -> Tidied:
    """Destroy every key that should be gone and is not, and look whether that has worked."""
    pending = {uid for (uid,) in runner.execute(_PENDING)}
    late = pending & keys.owners()
    finish_removals(runner, keys)
    return Tidied(keys_gone=len(late), keys_left=len(late & keys.owners()))


def check_keys(runner: Executes, keys: Keys) -> KeyCheck:
    """Compare rows and keys (invariant I18): every owner of a sealed field has a key, unless it was destroyed on purpose."""
    people, staff = _uids(runner, _PEOPLE), _uids(runner, _STAFF)
    held, gone = keys.owners(), keys.destroyed()
    return KeyCheck(
        missing=frozenset((people | staff) - held - gone),
        orphaned=frozenset(held - people - staff),
        destroyed=frozenset(people & gone),
        staff=frozenset(staff - held - gone),
    )


def _uids(runner: Executes, statements: Iterable[Select[Any]]) -> set[str]:
    return {uid for statement in statements for (uid,) in runner.execute(statement)}

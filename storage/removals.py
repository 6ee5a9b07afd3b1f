"""Finishes what was begun with a person's keys, and says whether keys and rows belong together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select

from handlers.keeping import Tidied
from storage.keystore import Keys
from storage.registers import key_removals
from storage.staff_tables import factors
from storage.tables import cases, contacts
from storage.uow import RunsStatements

KEPT = timedelta(days=30)
"""How long a removal is remembered, so that a restored older key store loses the key again. Backups live as long."""

_PENDING = select(key_removals.c.uid)
_SWEEP = delete(key_removals).where(key_removals.c.removed_at < bindparam("before"))
_OWNERS = (
    select(contacts.c.uid),
    select(cases.c.uid).where(cases.c.erased_at.is_(None)),
    select(factors.c.uid),
)


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """What a comparison of rows and keys found: owners without a key, and keys without an owner (harmless)."""

    missing: frozenset[str]
    orphaned: frozenset[str]
    destroyed: frozenset[str]  # owners whose key was destroyed on purpose: their erasure is not finished


def finish_removals(runner: RunsStatements, keys: Keys, now: datetime) -> None:
    """Destroy the keys of everything that was removed before the process ended."""
    pending = {uid for (uid,) in runner.execute(_PENDING)}
    keys.destroy(pending & keys.owners())
    if pending:
        runner.execute(_SWEEP, {"before": now - KEPT})


def settle_removals(runner: RunsStatements, keys: Keys, now: datetime) -> Tidied:
    """Destroy every key that should be gone and is not, and look whether that has worked."""
    pending = {uid for (uid,) in runner.execute(_PENDING)}
    late = pending & keys.owners()
    finish_removals(runner, keys, now)
    return Tidied(keys_gone=len(late), keys_left=len(late & keys.owners()))


def check_keys(runner: RunsStatements, keys: Keys) -> KeyCheck:
    """Compare rows and keys (invariant I18): every owner of a sealed field has a key, unless it was destroyed on purpose."""
    owners = {uid for statement in _OWNERS for (uid,) in runner.execute(statement)}
    held, gone = keys.owners(), keys.destroyed()
    return KeyCheck(
        missing=frozenset(owners - held - gone),
        orphaned=frozenset(held - owners),
        destroyed=frozenset(owners & gone),
    )

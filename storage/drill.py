"""Rehearses a restore: a backup is put into an empty place, looked at from all sides, and taken away again.

Nothing of what runs is touched: keys are copies, PostgreSQL gets a database of its own, and no secret is written anywhere. What a
disaster would leave is used first: the second place of the keys before those in place.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from handlers.audit_log import check_at_once
from handlers.delivery import LEASE
from handlers.errors import KeyMissing
from storage.backup import Manifest, read_manifest
from storage.data_keys import Keys
from storage.engine import connect
from storage.installation import KEYS, SECRETS, Installation
from storage.keyring import KeyRing
from storage.keystore import KeyStore
from storage.prepared import Runner
from storage.removals import check_keys
from storage.restore import OtherDatabase, place
from storage.sealed import Opened, open_everything
from storage.second_place import newest, read_wishes
from storage.secrets import Secrets, read_secrets
from storage.uow import RunsStatements, SqlUnitOfWork

RPO: Final = timedelta(minutes=5)
RTO: Final = timedelta(minutes=30)
"""How much may be lost, and how long it may take until the service runs again."""
_MANY: Final = 1_000_000
_LOOKS_AHEAD: Final = (timedelta(0), timedelta(hours=1), timedelta(days=2))


@dataclass(frozen=True, slots=True)
class Drilled:
    """What the drill has found; times in seconds."""

    made_at: datetime
    age_s: float  # of the backup: so much would be lost
    restored_s: float  # reading, checking, filling, finishing erasures
    looked_s: float  # opening everything; a real restore does not wait for it
    rows: int
    fields: int
    opened: int
    owners: int
    keys_missing: int
    keys_from: str
    knows_erasures: bool
    erased: int
    hidden: int  # asked to be erased since, and will be at their hour
    held: int
    void_codes: int  # return codes whose lookup pepper is gone: nobody could come back with one
    sent: int  # lines to seekers that would go out by themselves
    pages: int  # pages to staff that would ring at once, as they should
    audit_holds: bool

    @property
    def passed(self) -> bool:
        """Would this backup have saved everybody in it, in time, without a line going out?"""
        whole = self.opened == self.fields and not self.keys_missing and self.audit_holds
        return whole and self.sent == 0 and self.restored_s <= RTO.total_seconds()


def drill(
    source: Path,
    here: Installation,
    *,
    secrets: Path | None = None,
    keys: Path | None = None,
    into: str = "",
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Drilled:
    """Rehearse a restore of this backup.

    `secrets` and `keys` as for a restore. `into`: an empty PostgreSQL database to rehearse in, where ours may not make one.
    Raises what a restore raises, and CannotRehearse.
    """
    began = time.monotonic()
    manifest = read_manifest(source)
    if manifest.shared != here.shared:
        raise OtherDatabase("it is of PostgreSQL" if manifest.shared else "it is of SQLite")
    held_secrets = read_secrets(_secrets_folder(source, here, secrets))
    with ExitStack() as stack:
        var = stack.enter_context(_empty_place(here))
        copy, keys_from = _copy_keys(source, manifest, here, held_secrets, keys, var, clock)
        database, password = "", ""
        if here.shared:
            from storage.postgres.rehearsing import scratch_database

            database, password = (
                stack.enter_context(scratch_database(here.database, here.password, into)),
                here.password,
            )
        there = Installation(var / "house", database, password)
        wishes = read_wishes(keys if keys is not None and keys.is_dir() else here.second)
        placed, _ = place(source, manifest, there, held_secrets, copy, clock, wishes)
        restored_s = time.monotonic() - began
        looked = _look(there, held_secrets, clock)
    return Drilled(
        made_at=manifest.made_at,
        age_s=(clock() - manifest.made_at).total_seconds(),
        restored_s=restored_s,
        looked_s=time.monotonic() - began - restored_s,
        rows=sum(manifest.rows.values()),
        fields=sum(one.fields for one in looked.opened.values()),
        opened=sum(one.opened for one in looked.opened.values()),
        owners=looked.owners,
        keys_missing=looked.missing,
        keys_from=keys_from,
        knows_erasures=copy != source / KEYS,
        erased=placed.erased,
        hidden=placed.hidden,
        held=placed.held,
        void_codes=placed.void_codes,
        sent=looked.sent,
        pages=looked.pages,
        audit_holds=looked.audit_holds,
    )


@dataclass(frozen=True, slots=True)
class _Looked:
    opened: dict[str, Opened]
    owners: int
    missing: int
    sent: int
    pages: int
    audit_holds: bool


def _secrets_folder(source: Path, here: Installation, given: Path | None) -> Path:
    second = here.second / SECRETS if here.second is not None else None
    for folder in (given, second, here.secrets, source / SECRETS):
        if folder is not None and folder.is_dir() and any(folder.iterdir()):
            return folder
    raise KeyMissing("there are no secrets here; give the directory with the secret files (--secrets)")


@contextmanager
def _empty_place(here: Installation) -> Iterator[Path]:
    here.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    var = Path(tempfile.mkdtemp(prefix=".drill-", dir=here.var))
    try:
        yield var
    finally:
        shutil.rmtree(var, ignore_errors=True)


def _copy_keys(
    source: Path, manifest: Manifest, here: Installation, secrets: Secrets, given: Path | None, var: Path,
    clock: Callable[[], datetime],
) -> tuple[Path, str]:  # fmt: skip
    """A file with the keys to rehearse with, and the words for it."""
    if given is not None:
        found = newest(given) if given.is_dir() else given
        if found is None or not found.exists():
            raise KeyMissing(f"{given} holds no copy of the key store")
        return found, found.name
    second = newest(here.second) if here.second is not None else None
    if second is not None:
        return second, f"{second.name} of the second place"
    if here.keys_url or (here.var / KEYS).exists():
        with closing(here.open_keys(secrets, clock)) as live:
            live.copy_to(var / KEYS)
        return var / KEYS, "a copy of those in place"
    if not manifest.has_keys:
        raise KeyMissing("the keys are not in this backup; give the second place of the keys with --keys")
    return source / KEYS, "those beside the data, as old as they are"


def _look(there: Installation, secrets: Secrets, clock: Callable[[], datetime]) -> _Looked:
    with closing(KeyStore(there.var / KEYS, secrets, clock)) as store:
        if not there.shared:
            with closing(connect(there.file, busy_s=1.0)) as file:
                file.execute("BEGIN IMMEDIATE")
                looked = _look_through(Runner(file), store, secrets, clock)
                file.rollback()
            return looked
        from storage.postgres.runner import Locking, PostgresRunner

        with closing(there.connect("binhan drill")) as connection:
            connection.execute("SET statement_timeout = 0")
            connection.execute("BEGIN")
            looked = _look_through(PostgresRunner(connection, Locking.ALONE), store, secrets, clock)
            connection.execute("ROLLBACK")
        return looked


def _look_through(runner: RunsStatements, store: Keys, secrets: Secrets, clock: Callable[[], datetime]) -> _Looked:
    found = check_keys(runner, store)
    opened = open_everything(runner, store)
    sent = pages = 0
    for ahead in _LOOKS_AHEAD:
        uow = SqlUnitOfWork(runner, KeyRing(store), secrets.peppers, clock() + ahead)
        jobs = uow.outbox.claim(_MANY, LEASE, frozenset())
        sent += len([job for job in jobs if job.row.contact_uid is not None])
        pages += len([job for job in jobs if job.row.contact_uid is None]) if not ahead else 0
    audit = check_at_once(SqlUnitOfWork(runner, KeyRing(store), secrets.peppers, clock()), secrets.audit)
    return _Looked(opened, len(store.owners()) - len(found.orphaned), len(found.missing), sent, pages, not audit.flaws)

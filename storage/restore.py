"""Puts a backup where nothing is, in quarantine: nothing goes out to seekers until an operator has looked.

**Erased people do not come back.** The newest key store decides: those in place, else the newest copy in the second place, else
the one beside the data. Whoever's key was destroyed since the backup is erased from the data before anybody can read them; with
the older keys nothing is known of it, and the report says so.

A crash on the way leaves nothing that could start: data appear last, in one step, already in quarantine.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from handlers.audit import SYSTEM
from handlers.audit_signing import HeadSigner
from handlers.errors import KeyMissing, SecretsMissing
from storage import schema
from storage.audit_keys import HANDOVERS, retire_audit_keys, share_handovers
from storage.backup import TABLES, BackupBroken, Manifest, NotEmpty, read_manifest
from storage.data_keys import Keys
from storage.digests import digest
from storage.engine import connect
from storage.installation import DATA, KEYS, SECRETS, Installation
from storage.keyring import KeyRing
from storage.keystore import KeyStore
from storage.lock import ServeLock
from storage.prepared import Runner
from storage.quarantine import begin_quarantine
from storage.rehashing import settle_restored
from storage.removals import check_keys
from storage.second_place import newest, read_wishes
from storage.secrets import Secrets, load_secrets, secret_names, sync_folder, write_secret
from storage.uow import RunsStatements, SqlUnitOfWork
from storage.wishes import honour

IN_PLACE = "those in place"
BESIDE = "those beside the data, as old as they are"


class OtherDatabase(BackupBroken):
    """This backup is of the other kind of database; write `database.url` as it was (docs/keys-and-backups.md)."""

    code = "other-database"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did, for the operator's eyes."""

    made_at: str  # of the backup, ISO 8601
    held: int  # lines to seekers that will not go out before they write again
    erased: int  # erasures finished that had happened after the backup's data were copied
    hidden: int  # people who had asked to be erased since, and will be at their hour
    rehashed: int  # rows that were found with a lookup pepper that is gone, or was given up since
    void_codes: int  # return codes whose lookup pepper is gone: nobody can come back with one
    void_spare_codes: int  # staff's, likewise
    keys_from: str
    knows_erasures: bool  # the keys are newer than the data: who was erased since is known
    seconds: float


@dataclass(frozen=True, slots=True)
class Placed:
    """What putting the data in place did: as in `Restored`."""

    held: int
    erased: int
    hidden: int
    rehashed: int
    void_codes: int
    void_spare_codes: int


def restore(
    source: Path,
    here: Installation,
    *,
    secrets: Path | None = None,
    keys: Path | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Restored:
    """Put a backup where no data are.

    `secrets` is a directory with the secret files when they are neither in place nor in the second place nor in the backup;
    `keys` a copy of the key store (or the folder of the second place) newer than the backup's. Raises NotEmpty, AlreadyServing,
    BackupBroken, OtherDatabase, KeyMissing, SecretExposed, SecretMalformed, NewerDatabase, Unreadable (other secrets),
    StorageUnavailable.
    """
    began = time.monotonic()
    if not here.shared and here.file.exists():
        raise NotEmpty(here.file.name)
    manifest = read_manifest(source)
    if manifest.shared != here.shared:
        raise OtherDatabase("it is of PostgreSQL" if manifest.shared else "it is of SQLite")
    with ServeLock(here.var):
        _place_secrets(source, secrets, here)
        wishes = read_wishes(keys if keys is not None and keys.is_dir() else here.second)
        done, keys_from = place(source, manifest, here, load_secrets(here.var), keys, clock, wishes)
    return Restored(
        made_at=manifest.made_at.isoformat(timespec="seconds"),
        keys_from=keys_from,
        knows_erasures=keys_from != BESIDE,
        seconds=time.monotonic() - began,
        **asdict(done),
    )


def place(
    source: Path,
    manifest: Manifest,
    here: Installation,
    secrets: Secrets,
    keys: Path | None,
    clock: Callable[[], datetime],
    wishes: Mapping[str, datetime],
) -> tuple[Placed, str]:
    """Keys, then data, in quarantine; what was done with the rows, and which keys were taken."""
    here.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = here.var / ".restoring"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    try:
        origin, keys_from = _choose_keys(source, manifest, here, secrets, keys, clock)
        if origin is not None:
            shutil.copyfile(origin, part / KEYS)
            (part / KEYS).chmod(0o600)
        if here.shared:
            done = _place_postgres(source, manifest, here, secrets, part, clock, wishes)
        else:
            done = _place_sqlite(source, manifest, here, secrets, part, clock, wishes)
        sync_folder(here.var)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return done, keys_from


def _choose_keys(
    source: Path, manifest: Manifest, here: Installation, secrets: Secrets, given: Path | None,
    clock: Callable[[], datetime],
) -> tuple[Path | None, str]:  # fmt: skip
    """The file to take the keys from (None: they are in place), and the words for it."""
    if (here.var / KEYS).exists() or (here.keys_url and _is_filled(here, secrets, clock)):
        if given is not None:
            raise NotEmpty("there are keys in place already; move them away, or leave --keys out")
        return None, IN_PLACE
    if given is not None:
        copy = newest(given) if given.is_dir() else given
        if copy is None or not copy.exists():
            raise KeyMissing(f"{given} holds no copy of the key store")
        return copy, copy.name
    copy = newest(here.second) if here.second is not None else None
    if copy is not None:
        return copy, f"{copy.name} of the second place"
    if not manifest.has_keys:
        raise KeyMissing("the keys are not in this backup; give the second place of the keys with --keys")
    return source / KEYS, BESIDE


def _is_filled(here: Installation, secrets: Secrets, clock: Callable[[], datetime]) -> bool:
    with closing(here.open_keys(secrets, clock)) as store:
        return bool(store.owners() or store.destroyed())


def _place_sqlite(
    source: Path, manifest: Manifest, here: Installation, secrets: Secrets, part: Path, clock: Callable[[], datetime],
    wishes: Mapping[str, datetime],
) -> Placed:  # fmt: skip
    shutil.copyfile(source / DATA, part / DATA)
    (part / DATA).chmod(0o600)
    if digest(part / DATA) != manifest.sha256[DATA]:
        raise BackupBroken(f"{DATA} is not as it was written")
    schema.upgrade(part / DATA)
    fresh = (part / KEYS).exists()
    with (
        closing(KeyStore(part / KEYS if fresh else here.var / KEYS, secrets, clock)) as store,
        closing(connect(part / DATA, busy_s=1.0)) as file,
    ):
        file.execute("BEGIN IMMEDIATE")
        done = _quarantined(Runner(file), store, secrets, clock, wishes)
        file.commit()
        file.execute("PRAGMA journal_mode=DELETE").fetchall()
    here.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if fresh:
        (part / KEYS).rename(here.var / KEYS)
        sync_folder(here.var)
    (part / DATA).rename(here.file)
    sync_folder(here.file.parent)
    return done


def _place_postgres(
    source: Path, manifest: Manifest, here: Installation, secrets: Secrets, part: Path, clock: Callable[[], datetime],
    wishes: Mapping[str, datetime],
) -> Placed:  # fmt: skip
    from storage.postgres.restoring import refuse_filled, restored

    refuse_filled(here.parameters("binhan restore"))
    if (part / KEYS).exists():
        _fill_keys(here, secrets, part / KEYS, clock)
    with (
        closing(here.open_keys(secrets, clock)) as store,
        restored(here.parameters("binhan restore"), source / TABLES, manifest.revision) as runner,
    ):
        return _quarantined(runner, store, secrets, clock, wishes)


def _fill_keys(here: Installation, secrets: Secrets, copy: Path, clock: Callable[[], datetime]) -> None:
    with closing(KeyStore(copy, secrets, clock)) as store:
        store.opens()
    if not here.keys_url:
        copy.rename(here.var / KEYS)
        sync_folder(here.var)
        return
    from storage.postgres.keystore import PostgresKeyStore

    with closing(here.open_keys(secrets, clock)) as target:
        assert isinstance(target, PostgresKeyStore)
        target.fill_from(copy)


def _quarantined(
    runner: RunsStatements, store: Keys, secrets: Secrets, clock: Callable[[], datetime], wishes: Mapping[str, datetime]
) -> Placed:
    store.opens()
    found = check_keys(runner, store)
    lost = found.missing - found.staff  # a second factor can be given anew; what somebody wrote cannot
    if lost:
        raise BackupBroken(
            f"{len(lost)} keys are missing: the keys are older than the data; take a newer copy of them (--keys)"
        )
    held, erased = begin_quarantine(runner, store, secrets.peppers, clock())
    uow = SqlUnitOfWork(runner, KeyRing(store), secrets.peppers, clock())
    HeadSigner(secrets.audit).keep_over_restore(uow, [SYSTEM])
    rehashed, void = settle_restored(uow)
    uow.finish()
    return Placed(held, erased, honour(runner, wishes, clock()), rehashed, void.return_codes, void.spare_codes)


def _place_secrets(source: Path, given: Path | None, here: Installation) -> None:
    """From where the operator says, else those in place, else of the second place or the backup; never overwritten."""
    target = here.secrets
    second = here.second / SECRETS if here.second is not None else None
    found = [folder for folder in (second, source / SECRETS) if folder is not None and folder.is_dir()]
    origin = given or (target if target.exists() else next(iter(found), target))
    names = secret_names(origin)
    for name in names:
        if not (origin / name).exists():
            raise SecretsMissing(f"{name} is neither in {target} nor in the backup nor in a second place")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not share_handovers(origin, target):
        raise NotEmpty(f"secrets/{HANDOVERS} here is of another installation")
    for name in names:
        value = (origin / name).read_bytes()
        if not (target / name).exists():
            write_secret(target / name, value)
        elif (target / name).read_bytes() != value:
            raise NotEmpty(f"secrets/{name} here is another one")
    retire_audit_keys(target)  # a key that was handed over since does not come back

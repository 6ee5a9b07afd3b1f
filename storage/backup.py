"""Backup and restore of the embedded pair: data and keys.

**Order.** Data first, keys second. A key is durable before the first row that uses it, so every row of a data copy finds its
key in a key copy made later; the other way round, a contact made in between would be a lost message. A key destroyed in
between is missing from the later copy as it should be: its tombstone is there, and restoring finishes that erasure.

**Secrets** are left out unless asked for: a backup without them is unreadable, and belongs on another medium than they do.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handlers.errors import BinhAnError, KeyMissing
from storage import schema
from storage.lock import ServeLock
from storage.quarantine import begin_quarantine
from storage.secrets import NAMES, load_secrets, sync_folder, write_secret

FORMAT = 1
DATA = "data.db"
KEYS = "keys.db"
MANIFEST = "manifest.json"


class NotEmpty(BinhAnError):
    """There is something there already, and nothing is overwritten; choose an empty place, or move it away yourself."""

    code = "not-empty"


class BackupBroken(BinhAnError):
    """This backup is not whole; use another one."""

    code = "backup-broken"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did, for the operator's eyes."""

    made_at: str  # of the backup, ISO 8601
    held: int  # lines to seekers that will not go out before they write again
    erased: int  # erasures finished that had happened after the backup's data were copied


def backup(
    var: Path,
    to: Path,
    *,
    database: Path | None = None,
    include_secrets: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Path:
    """Copy data and keys of a running or stopped installation into the new directory `to`; returns `to`.

    `database` is the data file when it is not `var`/data.db. Whole or not at all: `to` appears at the end. Raises NotEmpty,
    BackupBroken (a key is missing already now).
    """
    database = database or var / DATA
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise NotEmpty(to.name)
    if not database.exists():
        raise BackupBroken(f"{database.name} is not there")
    part = to.with_name(f".{to.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    try:
        _copy(database, part / DATA)
        _copy(var / KEYS, part / KEYS)
        _compare(part / DATA, part / KEYS)
        if include_secrets:
            (part / "secrets").mkdir(mode=0o700)
            for name in NAMES:
                write_secret(part / "secrets" / name, (var / "secrets" / name).read_bytes())
        manifest = {
            "format": FORMAT,
            "made_at": clock().isoformat(timespec="seconds"),
            "revision": schema.revision(part / DATA),
            "secrets": include_secrets,
            "sha256": {name: _digest(part / name) for name in (DATA, KEYS)},
        }
        _write(part / MANIFEST, json.dumps(manifest, indent=2).encode())
        sync_folder(part)
        if to.exists():
            to.rmdir()
        part.rename(to)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    sync_folder(to.parent)
    return to


def restore(
    source: Path,
    var: Path,
    *,
    secrets: Path | None = None,
    database: Path | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Restored:
    """Put a backup where no data are, in quarantine: nothing goes out to seekers until an operator lifts it.

    `secrets` is a directory with the secret files when they are neither in the backup nor in `var`. Raises NotEmpty,
    AlreadyServing, BackupBroken, KeyMissing, SecretExposed, SecretMalformed, NewerDatabase, Unreadable (other secrets).
    """
    database = database or var / DATA
    for taken in (database, var / KEYS):
        if taken.exists():
            raise NotEmpty(taken.name)
    manifest = _manifest(source)
    with ServeLock(var):
        _place_secrets(source, secrets, var)
        part = var / ".restoring"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        try:
            for name in (DATA, KEYS):
                shutil.copyfile(source / name, part / name)
                (part / name).chmod(0o600)
                if _digest(part / name) != manifest["sha256"][name]:
                    raise BackupBroken(f"{name} is not as it was written")
            _compare(part / DATA, part / KEYS)
            schema.upgrade(part / DATA)
            held, erased = begin_quarantine(part / DATA, part / KEYS, load_secrets(var), clock)
            database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (part / KEYS).rename(var / KEYS)
            (part / DATA).rename(database)
            sync_folder(var)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return Restored(str(manifest["made_at"]), held, erased)


def _manifest(source: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((source / MANIFEST).read_bytes())
        if manifest["format"] != FORMAT or set(manifest["sha256"]) != {DATA, KEYS} or "made_at" not in manifest:
            raise BackupBroken(f"{MANIFEST} is of another format")
        for name in (DATA, KEYS):
            if _digest(source / name) != manifest["sha256"][name]:
                raise BackupBroken(f"{name} is not as it was written")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupBroken(f"{MANIFEST}: {type(error).__name__}") from None
    return manifest


def _place_secrets(source: Path, given: Path | None, var: Path) -> None:
    """Secrets from where the operator says, else those already in place, else those of the backup; never overwritten."""
    target = var / "secrets"
    origin = given or (source / "secrets" if not target.exists() else target)
    for name in NAMES:
        if not (origin / name).exists():
            raise KeyMissing(
                f"secrets/{name} is neither here nor in the backup; give the directory with the secret files"
            )
    target.mkdir(mode=0o700, exist_ok=True)
    for name in NAMES:
        value = (origin / name).read_bytes()
        if not (target / name).exists():
            write_secret(target / name, value)
        elif (target / name).read_bytes() != value:
            raise NotEmpty(f"secrets/{name} here is another one")


def _compare(data: Path, keys: Path) -> None:
    """Does every row find its key (invariant I18)? Destroyed keys leave a tombstone and are no loss."""
    with closing(sqlite3.connect(data)) as rows, closing(sqlite3.connect(keys)) as held:
        owners = {
            uid
            for (uid,) in rows.execute("SELECT uid FROM contacts UNION SELECT uid FROM cases WHERE erased_at IS NULL")
        }
        known = {uid for (uid,) in held.execute("SELECT uid FROM data_keys UNION SELECT uid FROM destroyed")}
    if owners - known:
        raise BackupBroken(f"{len(owners - known)} of {len(owners)} keys are missing")


def _copy(source: Path, target: Path) -> None:
    """One consistent copy through SQLite itself, while others write; a single file without a log beside it."""
    with closing(sqlite3.connect(source, timeout=5)) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE").fetchall()
    target.chmod(0o600)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o600)

"""Backup of data and keys, of a running or a stopped installation, on SQLite and on PostgreSQL.

**Order.** Data first, keys second. A key is durable before the first row that uses it, so every row of a data copy finds its
key in a key copy made later; the other way round, a contact made in between would be a lost message. A key destroyed in
between is missing from the later copy as it should be: its tombstone is there, and restoring finishes that erasure.

**Apart.** With a second place (`storage/second_place.py`) the keys go there, and the backup holds data alone: it may be kept
for a month, and erasing still reaches it. Without one the keys lie beside the data, and erasing does not reach it before it goes.

**Secrets** are left out unless asked for: a backup without them is unreadable, and belongs on another medium than they do.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handlers.errors import BinhAnError
from storage import schema
from storage.audit_keys import share_handovers
from storage.data_keys import Keys
from storage.digests import digest, write_durably
from storage.engine import copy_file
from storage.installation import DATA, KEYS, SECRETS, Installation
from storage.second_place import copy_keys
from storage.secrets import load_secrets, secret_names, sync_folder, write_secret

FORMAT = 2
MANIFEST = "manifest.json"
TABLES = "tables"
"""The folder with the files of a PostgreSQL database, in place of `data.db`."""
_OWNERS = "SELECT uid FROM contacts UNION SELECT uid FROM cases WHERE erased_at IS NULL"


class NotEmpty(BinhAnError):
    """There is something there already, and nothing is overwritten; choose an empty place, or move it away yourself."""

    code = "not-empty"


class BackupBroken(BinhAnError):
    """This backup is not whole; use another one."""

    code = "backup-broken"


class NoBackup(BackupBroken):
    """There is no backup there; give the folder that `backup` has made."""

    code = "no-backup"


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds."""

    path: Path
    rows: int
    keys: int
    apart: bool  # the keys are in the second place, not in it
    seconds: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    made_at: datetime
    revision: str
    shared: bool  # of a PostgreSQL database
    sha256: dict[str, str]  # by file, from the backup's folder
    rows: dict[str, int]  # by table

    @property
    def has_keys(self) -> bool:
        """Do the keys lie beside the data?"""
        return KEYS in self.sha256


def backup(
    here: Installation,
    to: Path,
    *,
    include_secrets: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> BackedUp:
    """Copy data and keys into the new directory `to` (keys into the second place where there is one).

    Whole or not at all: `to` appears at the end. Raises NotEmpty, BackupBroken (data or a key are missing already now),
    NothingYet, and what opening the installation raises.
    """
    began = time.monotonic()
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise NotEmpty(to.name)
    here.must_have_begun()
    if not here.shared and not here.file.exists():
        raise BackupBroken(f"{here.file.name} is not there")
    if here.second is not None and here.second.resolve() in (to.resolve(), *to.resolve().parents):
        raise NotEmpty(f"{to.name} would lie in the second place of the keys: whoever finds both reads everything")
    keys = here.open_keys(load_secrets(here.var, needed=True), clock)
    part = to.with_name(f".{to.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    try:
        made_at = clock()
        revision, rows, owners = _copy_data(here, part)
        if here.second is None:
            keys.copy_to(part / KEYS)
        else:
            copy_keys(here.secrets, keys, here.second, made_at)
        _compare(owners, keys)
        if include_secrets:
            (part / SECRETS).mkdir(mode=0o700)
            for name in secret_names(here.secrets):
                write_secret(part / SECRETS / name, (here.secrets / name).read_bytes())
            share_handovers(here.secrets, part / SECRETS)
        _write_manifest(part, here, made_at, revision, rows, include_secrets)
        if to.exists():
            to.rmdir()
        part.rename(to)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        keys.close()
    sync_folder(to.parent)
    return BackedUp(to, sum(rows.values()), len(owners), here.second is not None, time.monotonic() - began)


def read_manifest(source: Path) -> Manifest:
    """What the backup says of itself, once every file is found as it was written; NoBackup, BackupBroken otherwise."""
    if not source.is_dir() or not any(source.iterdir()):
        raise NoBackup(source.name)
    try:
        said: dict[str, Any] = json.loads((source / MANIFEST).read_bytes())
        if said["format"] not in (1, FORMAT):
            raise BackupBroken(f"{MANIFEST} is of another format")
        manifest = Manifest(
            made_at=datetime.fromisoformat(said["made_at"]),
            revision=str(said["revision"]),
            shared=said.get("database") == "postgresql",
            sha256=dict(said["sha256"]),
            rows=dict(said.get("rows", {})),
        )
        if not manifest.sha256 or (not manifest.shared and DATA not in manifest.sha256):
            raise BackupBroken(f"{MANIFEST} names no data")
        for name, known in manifest.sha256.items():
            if Path(name).is_absolute() or ".." in Path(name).parts or digest(source / name) != known:
                raise BackupBroken(f"{name} is not as it was written")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupBroken(f"{MANIFEST}: {type(error).__name__}") from None
    return manifest


def _copy_data(here: Installation, part: Path) -> tuple[str | None, dict[str, int], set[str]]:
    """Revision, rows by table, and who must have a key."""
    if not here.shared:
        copy_file(here.file, part / DATA)
        return schema.revision(part / DATA), *_count(part / DATA)
    from storage.postgres import dump
    from storage.postgres import schema as postgres_schema

    (part / TABLES).mkdir(mode=0o700)
    with closing(here.connect("binhan backup")) as there:
        revision = postgres_schema.revision(there)
    if revision is None:
        raise BackupBroken("the database is empty")
    return revision, *dump.dump(here.parameters("binhan backup"), part / TABLES)


def _count(data: Path) -> tuple[dict[str, int], set[str]]:
    with closing(sqlite3.connect(data)) as file:
        names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        ours = [name for name in names if not name.startswith("sqlite_") and name != "alembic_version"]
        rows = {name: file.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in ours}  # noqa: S608 (our own tables)
        return rows, {uid for (uid,) in file.execute(_OWNERS)}


def _compare(owners: set[str], keys: Keys) -> None:
    """Does every row find its key (invariant I18)? Destroyed keys leave a tombstone and are no loss."""
    missing = owners - keys.owners() - keys.destroyed()
    if missing:
        raise BackupBroken(f"{len(missing)} of {len(owners)} keys are missing")


def _write_manifest(
    part: Path, here: Installation, made_at: datetime, revision: str | None, rows: dict[str, int], secrets: bool
) -> None:
    files = [path for path in sorted(part.rglob("*")) if path.is_file() and path.parent.name != SECRETS]
    manifest = {
        "format": FORMAT,
        "made_at": made_at.isoformat(timespec="seconds"),
        "database": "postgresql" if here.shared else "sqlite",
        "revision": revision,
        "secrets": secrets,
        "keys": "apart" if here.second is not None else "beside",
        "rows": rows,
        "sha256": {path.relative_to(part).as_posix(): digest(path) for path in files},
    }
    write_durably(part / MANIFEST, json.dumps(manifest, indent=2).encode())
    for folder in [path for path in part.rglob("*") if path.is_dir()]:
        sync_folder(folder)
    sync_folder(part)

"""SQLite connections with the settings that durability and secrecy rest on."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from handlers.errors import StorageUnavailable

BUSY_S = 0.05
"""How long SQLite itself waits for another process's lock before the door looks at its own deadline again."""
PRAGMAS = ("foreign_keys=ON", "secure_delete=ON", "trusted_schema=OFF", "synchronous=FULL")

_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "locked by another process",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_FULL: "disk full",
    sqlite3.SQLITE_IOERR: "input or output error",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_NOMEM: "out of memory",
    sqlite3.SQLITE_CORRUPT: "damaged",
}


def connect(path: Path | None, *, read_only: bool = False, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """A connection to the file, or to a new database in memory. Whoever uses it begins and ends its transactions."""
    if path is not None and not path.exists():
        path.touch(mode=0o600)  # SQLite gives its log beside it the same rights
    connection = sqlite3.connect(
        path or ":memory:", timeout=busy_s, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    if path is not None:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").fetchall()
    if read_only:
        connection.execute("PRAGMA query_only=ON").fetchall()
    return connection


def copy_file(source: Path, target: Path) -> None:
    """One consistent copy through SQLite itself, while others write; a single durable file without a log beside it."""
    with closing(sqlite3.connect(source, timeout=5)) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE").fetchall()
    target.chmod(0o600)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def unavailable(error: BaseException) -> StorageUnavailable | None:
    """StorageUnavailable when this error means that nothing can be stored now; None when it is about the operation."""
    if isinstance(error, sqlite3.Error):
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return StorageUnavailable(_UNAVAILABLE[primary]) if primary in _UNAVAILABLE else None
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
        return StorageUnavailable(errno.errorcode[error.errno])
    return None


def is_busy(error: BaseException) -> bool:
    """Does another process hold the lock right now?"""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )

"""Data keys (`storage/data_keys.py`) in a small SQLite file of their own, or in memory.

It is plain `sqlite3` because it stays one small file whatever database holds the rest; where several machines share the keys,
`storage/postgres/keystore.py` keeps the same two tables in a PostgreSQL database of their own.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from handlers import failpoints
from handlers.errors import KeyMissing
from storage.data_keys import Keys, Wrapped, digest_of
from storage.engine import connect, copy_file
from storage.secrets import Secrets

log = logging.getLogger(__name__)

FORMAT = 2
_SCHEMA = """
CREATE TABLE data_keys (uid TEXT PRIMARY KEY, kind TEXT NOT NULL, kek TEXT NOT NULL, wrapped BLOB NOT NULL,
  created_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE destroyed (uid TEXT PRIMARY KEY, destroyed_at INTEGER NOT NULL) WITHOUT ROWID;
"""
_FORMAT_2 = """
CREATE TABLE keks (kek TEXT PRIMARY KEY, begun_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX ix_data_keys_kek ON data_keys (kek);
INSERT INTO keks VALUES ('kek_1', 0);
"""


_EVERYTHING = (
    "SELECT uid, kek FROM data_keys ORDER BY uid",
    "SELECT uid FROM destroyed ORDER BY uid",
    "SELECT kek FROM keks ORDER BY kek",
)


def new_file(
    path: Path,
    keys: Iterable[Sequence[object]],
    destroyed: Iterable[Sequence[object]],
    keks: Iterable[Sequence[object]],
) -> None:
    """Write a key store file of these rows, durable on return."""
    db = connect(path, busy_s=1.0)
    try:
        db.execute("BEGIN IMMEDIATE")
        for statement in (_SCHEMA + _FORMAT_2).split(";"):
            db.execute(statement)
        db.executemany("INSERT INTO data_keys VALUES (?, ?, ?, ?, ?)", keys)
        db.executemany("INSERT INTO destroyed VALUES (?, ?)", destroyed)
        db.executemany("INSERT OR IGNORE INTO keks VALUES (?, ?)", keks)
        db.execute(f"PRAGMA user_version={FORMAT}")
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode=DELETE").fetchall()
    finally:
        db.close()
    path.chmod(0o600)


class KeyStore(Keys):
    """Keys in a small SQLite file of their own, or in memory."""

    def __init__(
        self,
        path: Path | None,
        secrets: Secrets,
        clock: Callable[[], datetime],
        *,
        cached: int = 8192,
        patience_s: float = 1.0,
    ) -> None:
        """`path` None keeps the keys in memory; `cached` bounds how many unwrapped keys stay in the process; `patience_s`: how
        long another process may have the file to itself before that is an error.
        """
        super().__init__(secrets, clock, cached)
        self._path = path
        self._db = connect(path, busy_s=patience_s)
        try:
            self._prepare()
        except sqlite3.Error:
            self._db.close()
            raise

    @property
    def lasting(self) -> bool:
        """Do they outlive the process?"""
        return self._path is not None

    def _prepare(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        for statement in (_SCHEMA if found < 1 else "").split(";") + (_FORMAT_2 if found < 2 else "").split(";"):
            self._db.execute(statement)
        if found < FORMAT:
            self._db.execute(f"PRAGMA user_version={FORMAT}")
        self._db.execute("COMMIT")
        if found > FORMAT:
            self.close()
            raise KeyMissing(f"keys.db has format {found}, this program reads {FORMAT}; use the newer program")

    def _insert(self, rows: Sequence[tuple[str, str, str, bytes, int]]) -> None:
        with self._transaction():
            self._db.executemany("INSERT INTO data_keys VALUES (?, ?, ?, ?, ?)", rows)

    def _find(self, uids: Sequence[str]) -> Sequence[Wrapped]:
        found: list[Wrapped] = self._db.execute(
            "SELECT uid, kind, kek, wrapped FROM data_keys WHERE uid IN (SELECT value FROM json_each(?))",
            (json.dumps(uids),),
        ).fetchall()
        return found

    def _all(self) -> Iterable[Wrapped]:
        return self._db.execute("SELECT uid, kind, kek, wrapped FROM data_keys")

    def _remove(self, uids: Sequence[str], now: int) -> None:
        with self._transaction():
            self._db.executemany("DELETE FROM data_keys WHERE uid = ?", [(uid,) for uid in uids])
            self._db.executemany("INSERT OR IGNORE INTO destroyed VALUES (?, ?)", [(uid, now) for uid in uids])
        self.leave_no_trace()

    def leave_no_trace(self) -> None:
        """The pages are overwritten (secure_delete); this empties the log beside the file."""
        (blocked, *_) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if blocked:
            # Somebody is just copying; the log is emptied by the next one, at the latest when the file is closed.
            log.warning("the log of the key store could not be emptied yet")

    def _destroyed_since(self, at: int) -> Iterable[str]:
        rows = self._db.execute("SELECT uid FROM destroyed WHERE destroyed_at >= ?", (at,))
        return [uid for (uid,) in rows]

    def _begun(self) -> list[tuple[str, int]]:
        return self._db.execute("SELECT kek, begun_at FROM keks").fetchall()

    def _begin(self, kek: str, now: int) -> None:
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO keks VALUES (?, ?)", (kek, now))

    def _under_others(self, kek: str, most: int) -> Sequence[Wrapped]:
        found: list[Wrapped] = self._db.execute(
            "SELECT uid, kind, kek, wrapped FROM data_keys WHERE kek < ?1 UNION ALL "
            "SELECT uid, kind, kek, wrapped FROM data_keys WHERE kek > ?1 LIMIT ?2",
            (kek, most),
        ).fetchall()
        return found

    def _swap(self, rows: Sequence[tuple[str, bytes, str, bytes]]) -> None:
        with self._transaction():
            self._db.executemany("UPDATE data_keys SET kek = ?, wrapped = ? WHERE uid = ? AND wrapped = ?", rows)
            failpoints.passing("keys.rewrapping")

    def wrapped_under(self) -> dict[str, int]:
        """How many data keys are wrapped under each key-encryption key."""
        with self._lock:
            return dict(self._db.execute("SELECT kek, count(*) FROM data_keys GROUP BY kek").fetchall())

    def copy_to(self, path: Path) -> None:
        """Write everything into a new key store file."""
        if self._path is None:
            raise KeyMissing("keys in memory go with the process")
        copy_file(self._path, path)

    def fingerprint(self) -> str:
        """Changes whenever anything here does."""
        if self._path is None:
            raise KeyMissing("keys in memory go with the process")
        with closing(connect(self._path, read_only=True, busy_s=1.0)) as file:  # nobody waits for this look
            file.execute("BEGIN")
            return digest_of(file.execute(statement).fetchall() for statement in _EVERYTHING)

    def owners(self) -> set[str]:
        """Everybody who has a key here."""
        with self._lock:
            return {uid for (uid,) in self._db.execute("SELECT uid FROM data_keys")}

    def close(self) -> None:
        """Give the file back and forget the unwrapped keys."""
        with self._lock:
            super().close()
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

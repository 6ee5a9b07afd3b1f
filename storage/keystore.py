"""Data keys, one per contact and one per case, wrapped, in a small SQLite file of their own.

A key is durable before the first ciphertext that uses it: an orphaned key is harmless, a missing one is a lost message.
Destroying a key makes everything sealed with it unreadable, in every backup that does not also hold an older key store.
It is plain `sqlite3` because it stays one small file whatever database holds the rest.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handlers.errors import KeyMissing
from storage.crypto import unwrap, wrap
from storage.engine import connect
from storage.secrets import KEK, Secrets
from storage.types import to_micros

log = logging.getLogger(__name__)

FORMAT = 1
LOOK_BACK_US = 60_000_000  # clocks of several processes may differ, and a destruction takes a moment
_SCHEMA = """
CREATE TABLE data_keys (uid TEXT PRIMARY KEY, kind TEXT NOT NULL, kek TEXT NOT NULL, wrapped BLOB NOT NULL,
  created_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE destroyed (uid TEXT PRIMARY KEY, destroyed_at INTEGER NOT NULL) WITHOUT ROWID;
"""


class KeyStore:
    """Makes, keeps, finds and destroys data keys. Safe to use from several threads."""

    def __init__(
        self, path: Path | None, secrets: Secrets, clock: Callable[[], datetime], *, cached: int = 8192
    ) -> None:
        """`path` None keeps the keys in memory; `cached` bounds how many unwrapped keys stay in the process."""
        self._kek = AESGCM(secrets.kek)
        self._clock = clock
        self._cached = cached
        self._cache: OrderedDict[str, AESGCM] = OrderedDict()
        self._lock = threading.RLock()
        self._looked_at = 0  # microseconds: what was destroyed before is forgotten already
        self._db = connect(path, busy_s=1.0)
        self._prepare()

    def _prepare(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found == 0:
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version={FORMAT}")
        self._db.execute("COMMIT")
        if found > FORMAT:
            self.close()
            raise KeyMissing(f"keys.db has format {found}, this program reads {FORMAT}; use the newer program")

    def add(self, keys: Mapping[str, tuple[str, bytes]]) -> None:
        """Make these keys (uid -> kind and 32 bytes) durable, all or none. Returns after the commit."""
        now = to_micros(self._clock())
        rows = [(uid, kind, KEK, wrap(self._kek, KEK, kind, uid, key), now) for uid, (kind, key) in keys.items()]
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("INSERT INTO data_keys VALUES (?, ?, ?, ?, ?)", rows)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            for uid, (_, key) in keys.items():
                self._remember(uid, AESGCM(key))

    def load(self, uids: Iterable[str]) -> None:
        """Have the keys of these owners at hand, in one query for all that are not."""
        with self._lock:
            wanted = [uid for uid in uids if uid not in self._cache]
            if not wanted:
                return
            rows = self._db.execute(
                "SELECT uid, kind, kek, wrapped FROM data_keys WHERE uid IN (SELECT value FROM json_each(?))",
                (json.dumps(wanted),),
            ).fetchall()
            for uid, kind, kek, wrapped in rows:
                self._remember(uid, AESGCM(unwrap(self._kek, kek, kind, uid, wrapped)))

    def get(self, uid: str) -> AESGCM:
        """The data key of this owner; KeyMissing when it was destroyed or never made here."""
        with self._lock:
            key = self._cache.get(uid)
            if key is None:
                self.load((uid,))
                key = self._cache.get(uid)
            else:
                self._cache.move_to_end(uid)
        if key is None:
            raise KeyMissing(f"owner {uid}")
        return key

    def destroy(self, uids: Iterable[str]) -> None:
        """Destroy these keys for good and leave no byte of them in the file or its log. Safe to repeat."""
        gone = list(uids)
        if not gone:
            return
        now = to_micros(self._clock())
        with self._lock:
            for uid in gone:
                self._cache.pop(uid, None)
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("DELETE FROM data_keys WHERE uid = ?", [(uid,) for uid in gone])
                self._db.executemany("INSERT OR IGNORE INTO destroyed VALUES (?, ?)", [(uid, now) for uid in gone])
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            (blocked, *_) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if (
            blocked
        ):  # somebody is just copying; the log is emptied by the next one, at the latest when the file is closed
            log.warning("the log of the key store could not be emptied yet")

    def forget_destroyed(self) -> int:
        """Drop the unwrapped keys that another process has destroyed meanwhile; how many."""
        with self._lock:
            gone = [
                uid
                for (uid,) in self._db.execute("SELECT uid FROM destroyed WHERE destroyed_at >= ?", (self._looked_at,))
                if uid in self._cache
            ]
            self._looked_at = to_micros(self._clock()) - LOOK_BACK_US
            for uid in gone:
                del self._cache[uid]
        return len(gone)

    def owners(self) -> set[str]:
        """Everybody who has a key here."""
        with self._lock:
            return {uid for (uid,) in self._db.execute("SELECT uid FROM data_keys")}

    def destroyed(self) -> set[str]:
        """Everybody whose key was destroyed here."""
        with self._lock:
            return {uid for (uid,) in self._db.execute("SELECT uid FROM destroyed")}

    def opens(self) -> bool:
        """Does every key here unwrap under our key-encryption key? Unreadable names the first that does not."""
        with self._lock:
            for uid, kind, kek, wrapped in self._db.execute("SELECT uid, kind, kek, wrapped FROM data_keys"):
                unwrap(self._kek, kek, kind, uid, wrapped)
        return True

    def close(self) -> None:
        """Give the file back and forget the unwrapped keys."""
        with self._lock:
            self._cache.clear()
            self._db.close()

    def _remember(self, uid: str, key: AESGCM) -> None:
        self._cache[uid] = key
        if len(self._cache) > self._cached:
            self._cache.popitem(last=False)

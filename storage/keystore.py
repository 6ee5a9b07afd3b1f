"""Data keys, one per contact and one per case, wrapped, in a small SQLite file of their own.

A key is durable before the first ciphertext that uses it: an orphaned key is harmless, a missing one is a lost message.
Destroying a key makes everything sealed with it unreadable, in every backup that does not also hold an older key store.
Each row says under which key-encryption key it is wrapped; which one wraps new ones is a row of the store itself, so that all
processes agree. Readers accept every one whose file they have, so that nothing waits for a rotation (`storage/rotation.py`).
It is plain `sqlite3` because it stays one small file whatever database holds the rest; where several machines share the keys,
`storage/postgres/keystore.py` keeps the same two tables in a PostgreSQL database of their own.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handlers import failpoints
from handlers.errors import KeyMissing
from storage.crypto import unwrap, wrap
from storage.engine import connect, copy_file
from storage.secrets import Secrets, kek_number
from storage.types import from_micros, to_micros

log = logging.getLogger(__name__)

FORMAT = 2
ACTIVE_FOR_S = 1.0
"""So long a process goes on wrapping under the key-encryption key it knows; a rotation waits for it."""
LOOK_BACK_US = 60_000_000  # clocks of several processes may differ, and a destruction takes a moment
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


def digest_of(answers: Iterable[Iterable[Sequence[str]]]) -> str:
    """One word for what some queries have answered."""
    seen = hashlib.sha256()
    for number, rows in enumerate(answers):
        seen.update(b"%d" % number)
        for row in rows:
            seen.update("|".join(row).encode())
    return seen.hexdigest()


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


Wrapped = tuple[str, str, str, bytes]
"""A row as it is kept: owner, kind, key-encryption key, wrapped key."""


class Keys:
    """Makes, keeps, finds and destroys data keys, whatever holds the rows. Safe to use from several threads."""

    def __init__(self, secrets: Secrets, clock: Callable[[], datetime], cached: int = 8192) -> None:
        """`cached` bounds how many unwrapped keys stay in the process."""
        self.keks = secrets.keks
        self._active, self._active_until = "", 0.0
        self._clock = clock
        self._cached = cached
        self._cache: OrderedDict[str, AESGCM] = OrderedDict()
        self._lock = threading.RLock()
        self._looked_at = 0  # microseconds: what was destroyed before is forgotten already

    @property
    def lasting(self) -> bool:
        """Do they outlive the process?"""
        return True

    # --- what holds the rows ------------------------------------------------------------------------------------------

    def _insert(self, rows: Sequence[tuple[str, str, str, bytes, int]]) -> None:
        """Make these rows durable, all or none."""
        raise NotImplementedError

    def _find(self, uids: Sequence[str]) -> Sequence[Wrapped]:
        """The rows of these owners."""
        raise NotImplementedError

    def _all(self) -> Iterable[Wrapped]:
        """Every row."""
        raise NotImplementedError

    def _remove(self, uids: Sequence[str], now: int) -> None:
        """Take these rows away, so that nothing of them is left, and note that they were destroyed."""
        raise NotImplementedError

    def _destroyed_since(self, at: int) -> Iterable[str]:
        """Whose keys were destroyed at or after then (microseconds)."""
        raise NotImplementedError

    def _begun(self) -> list[tuple[str, int]]:
        """The key-encryption keys that wrap or have wrapped, and since when (microseconds, 0: since the beginning)."""
        raise NotImplementedError

    def _begin(self, kek: str, now: int) -> None:
        """From now on this one wraps. Safe to repeat."""
        raise NotImplementedError

    def _under_others(self, kek: str, most: int) -> Sequence[Wrapped]:
        """Some rows that are wrapped under another one."""
        raise NotImplementedError

    def _swap(self, rows: Sequence[tuple[str, bytes, str, bytes]]) -> None:
        """Replace wrapped keys (new id, new wrapped, owner, old wrapped), all or none; those that changed meanwhile stay."""
        raise NotImplementedError

    def wrapped_under(self) -> dict[str, int]:
        """How many data keys are wrapped under each key-encryption key."""
        raise NotImplementedError

    def owners(self) -> set[str]:
        """Everybody who has a key here."""
        raise NotImplementedError

    def leave_no_trace(self) -> None:
        """Nothing of replaced rows stays in the file or its log."""

    def copy_to(self, path: Path) -> None:
        """Write everything into a new key store file, as it is at one moment, while others go on."""
        raise NotImplementedError

    def fingerprint(self) -> str:
        """Changes whenever anything here does."""
        raise NotImplementedError

    def say_held(self) -> None:
        """Tell the others which key-encryption keys this process can read, where they may lie on several machines."""

    def lacking(self, kek: str) -> list[str]:
        """Machines at work that cannot read this key-encryption key."""
        return []

    def destroyed(self) -> set[str]:
        """Everybody whose key was destroyed here."""
        with self._lock:
            return set(self._destroyed_since(0))

    def close(self) -> None:
        """Give everything back and forget the unwrapped keys."""
        with self._lock:
            self._cache.clear()

    # --- for everybody ------------------------------------------------------------------------------------------------

    def add(self, keys: Mapping[str, tuple[str, bytes]]) -> None:
        """Make these keys (uid -> kind and 32 bytes) durable, all or none. Returns after the commit."""
        now = to_micros(self._clock())
        with self._lock:
            kek_id = self.active()
            kek = self.keks.get(kek_id)
            self._insert(
                [(uid, kind, kek_id, wrap(kek, kek_id, kind, uid, key), now) for uid, (kind, key) in keys.items()]
            )
            for uid, (_, key) in keys.items():
                self._remember(uid, AESGCM(key))

    def load(self, uids: Iterable[str]) -> None:
        """Have the keys of these owners at hand, in one query for all that are not."""
        with self._lock:
            wanted = [uid for uid in uids if uid not in self._cache]
            if not wanted:
                return
            for uid, kind, kek, wrapped in self._find(wanted):
                self._remember(uid, AESGCM(unwrap(self.keks.get(kek), kek, kind, uid, wrapped)))

    def active(self, *, fresh: bool = False) -> str:
        """The key-encryption key that wraps new data keys; known for a second, `fresh` asks again."""
        with self._lock:
            if fresh or time.monotonic() >= self._active_until:
                self._active = max((kek for kek, _ in self._begun()), key=kek_number)
                self._active_until = time.monotonic() + ACTIVE_FOR_S
            return self._active

    def begun_at(self) -> dict[str, datetime | None]:
        """Since when each key-encryption key has wrapped (None: since the beginning), oldest first."""
        with self._lock:
            begun = sorted(self._begun(), key=lambda one: kek_number(one[0]))
        return {kek: from_micros(at) if at else None for kek, at in begun}

    def begin(self, kek: str) -> None:
        """Let this key-encryption key wrap from now on; KeyMissing when its file is not here."""
        self.keks.get(kek)
        with self._lock:
            self._begin(kek, to_micros(self._clock()))
            self._active_until = 0.0

    def rewrap(self, most: int = 200) -> int:
        """Wrap some data keys anew under the active key-encryption key; how many, 0 when none is left. What another process
        destroys at the same moment stays destroyed.
        """
        with self._lock:
            kek_id = self.active(fresh=True)
            kek = self.keks.get(kek_id)
            found = self._under_others(kek_id, most)
            swapped = []
            for uid, kind, old_id, old in found:
                key = unwrap(self.keks.get(old_id), old_id, kind, uid, old)
                swapped.append((kek_id, wrap(kek, kek_id, kind, uid, key), uid, old))
            if swapped:
                self._swap(swapped)
        return len(swapped)

    def require(self) -> None:
        """Is every key-encryption key here that a data key is wrapped under, and the active one? KeyMissing names the file, and
        then the store is closed.
        """
        try:
            for kek in {*self.wrapped_under(), self.active(fresh=True)}:
                self.keks.get(kek)
        except BaseException:
            self.close()
            raise

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
            self._remove(gone, now)

    def forget_destroyed(self) -> int:
        """Drop the unwrapped keys that another process has destroyed meanwhile; how many."""
        with self._lock:
            gone = [uid for uid in self._destroyed_since(self._looked_at) if uid in self._cache]
            self._looked_at = to_micros(self._clock()) - LOOK_BACK_US
            for uid in gone:
                del self._cache[uid]
        return len(gone)

    def opens(self) -> bool:
        """Does every key here unwrap under our key-encryption keys? Unreadable or KeyMissing names the first that does not."""
        with self._lock:
            for uid, kind, kek, wrapped in self._all():
                unwrap(self.keks.get(kek), kek, kind, uid, wrapped)
        return True

    def _remember(self, uid: str, key: AESGCM) -> None:
        self._cache[uid] = key
        if len(self._cache) > self._cached:
            self._cache.popitem(last=False)


class KeyStore(Keys):
    """Keys in a small SQLite file of their own, or in memory."""

    def __init__(
        self, path: Path | None, secrets: Secrets, clock: Callable[[], datetime], *, cached: int = 8192
    ) -> None:
        """`path` None keeps the keys in memory; `cached` bounds how many unwrapped keys stay in the process."""
        super().__init__(secrets, clock, cached)
        self._path = path
        self._db = connect(path, busy_s=1.0)
        self._prepare()

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

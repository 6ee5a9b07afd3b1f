"""Data keys in a PostgreSQL database of their own, where several machines share them.

It must be another database than the data's (better another server): destroying a key reaches the backups of the data only
if they do not carry the keys along. Pages of a destroyed row are vacuumed at once; the server's log keeps it until it is
recycled, so keep archived logs of this database for seven days at most.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from handlers import failpoints
from handlers.errors import KeyMissing, StorageUnavailable
from storage.data_keys import Keys, Wrapped, digest_of
from storage.engine import connect as open_file
from storage.keystore import FORMAT, new_file
from storage.postgres.connection import connect
from storage.secrets import Secrets

log = logging.getLogger(__name__)

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS key_store (one integer PRIMARY KEY CHECK (one = 1), format integer NOT NULL)",
    "CREATE TABLE IF NOT EXISTS data_keys (uid text PRIMARY KEY, kind text NOT NULL, kek text NOT NULL, wrapped bytea NOT NULL, "
    "created_at bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS destroyed (uid text PRIMARY KEY, destroyed_at bigint NOT NULL)",
    # Format 2: several key-encryption keys, and who can read which.
    "CREATE TABLE IF NOT EXISTS keks (kek text PRIMARY KEY, begun_at bigint NOT NULL)",
    "INSERT INTO keks VALUES ('kek_1', 0) ON CONFLICT DO NOTHING",
    "CREATE INDEX IF NOT EXISTS ix_data_keys_kek ON data_keys (kek)",
    "CREATE TABLE IF NOT EXISTS holders (holder text PRIMARY KEY, folder text NOT NULL, keks text[] NOT NULL, "
    "seen_at timestamptz NOT NULL)",
)
_FORMAT = "INSERT INTO key_store VALUES (1, $1::integer) ON CONFLICT DO NOTHING"
_NEWER = "UPDATE key_store SET format = $1::integer WHERE format < $1::integer"
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(7031903)"
_INSERT = "INSERT INTO data_keys SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bigint[])"
_FIND = "SELECT uid, kind, kek, wrapped FROM data_keys WHERE uid = ANY ($1::text[])"
_ALL = "SELECT uid, kind, kek, wrapped FROM data_keys"
_REMOVE = "DELETE FROM data_keys WHERE uid = ANY ($1::text[])"
_NOTE = "INSERT INTO destroyed SELECT unnest($1::text[]), $2::bigint ON CONFLICT DO NOTHING"
_EVERYTHING = (
    "SELECT uid, kind, kek, wrapped, created_at FROM data_keys",
    "SELECT uid, destroyed_at FROM destroyed",
    "SELECT kek, begun_at FROM keks",
)
_FINGERPRINT = (
    'SELECT uid, kek FROM data_keys ORDER BY uid COLLATE "C"',
    'SELECT uid FROM destroyed ORDER BY uid COLLATE "C"',
    'SELECT kek FROM keks ORDER BY kek COLLATE "C"',
)
_TAKE_DESTROYED = "INSERT INTO destroyed SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING"
_TAKE_BEGUN = "INSERT INTO keks SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING"
_BEGIN = "INSERT INTO keks VALUES ($1::text, $2::bigint) ON CONFLICT DO NOTHING"
_UNDER_OTHERS = (
    "(SELECT uid, kind, kek, wrapped FROM data_keys WHERE kek < $1::text LIMIT $2::bigint) UNION ALL "
    "(SELECT uid, kind, kek, wrapped FROM data_keys WHERE kek > $1::text LIMIT $2::bigint)"
)
_SWAP = (
    "UPDATE data_keys SET kek = fresh.kek, wrapped = fresh.wrapped "
    "FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bytea[]) AS fresh (kek, wrapped, uid, old) "
    "WHERE data_keys.uid = fresh.uid AND data_keys.wrapped = fresh.old"
)
_SAY_HELD = (
    "INSERT INTO holders VALUES ($1::text, $2::text, $3::text[], clock_timestamp()) "
    "ON CONFLICT (holder) DO UPDATE SET folder = excluded.folder, keks = excluded.keks, seen_at = excluded.seen_at"
)
_FORGET_HOLDERS = "DELETE FROM holders WHERE seen_at < clock_timestamp() - interval '1 day'"
_GONE = "DELETE FROM holders WHERE holder = $1::text"
_LACKING = (
    "SELECT holder FROM holders WHERE seen_at > clock_timestamp() - interval '45 s' "
    "AND NOT $1::text = ANY (keks) AND folder <> $2::text"
)


class PostgresKeyStore(Keys):
    """Keys in a database of their own. A connection that broke is replaced; StorageUnavailable while there is none."""

    def __init__(
        self, given: dict[str, Any], secrets: Secrets, clock: Callable[[], datetime], *, cached: int = 8192
    ) -> None:
        """`given` are libpq's parameters; the tables are made when they are not there."""
        super().__init__(secrets, clock, cached)
        self._given = given
        self._connection: psycopg.Connection[Any] | None = None
        self._closed = False
        self._holder = f"{socket.gethostname()}, process {os.getpid()}"
        with self._talking() as there, there.transaction():
            there.execute(_ONE_AT_A_TIME)
            for statement in _SCHEMA:
                there.execute(statement)
            there.execute(_FORMAT, (FORMAT,))
            there.execute(_NEWER, (FORMAT,))
            row = there.execute("SELECT format FROM key_store").fetchone()
        if row is None or row[0] > FORMAT:
            self.close()
            raise KeyMissing(f"the key store has another format than {FORMAT}, which this program reads")

    def _insert(self, rows: Sequence[tuple[str, str, str, bytes, int]]) -> None:
        columns = [list(column) for column in zip(*rows, strict=True)]
        with self._talking() as there:
            there.execute(_INSERT, columns)

    def _find(self, uids: Sequence[str]) -> Sequence[Wrapped]:
        with self._talking() as there:
            return [
                (uid, kind, kek, bytes(key)) for uid, kind, kek, key in there.execute(_FIND, (list(uids),), binary=True)
            ]

    def _all(self) -> Iterable[Wrapped]:
        with self._talking() as there:
            return [(uid, kind, kek, bytes(key)) for uid, kind, kek, key in there.execute(_ALL, binary=True)]

    def _remove(self, uids: Sequence[str], now: int) -> None:
        with self._talking() as there:
            with there.transaction():
                there.execute(_REMOVE, (list(uids),))
                there.execute(_NOTE, (list(uids), now))
            there.execute("VACUUM data_keys")

    def leave_no_trace(self) -> None:
        """Replaced rows are vacuumed; the server's log keeps them until it is recycled."""
        with self._lock, self._talking() as there:
            there.execute("VACUUM data_keys")

    def _destroyed_since(self, at: int) -> Iterable[str]:
        with self._talking() as there:
            rows = there.execute("SELECT uid FROM destroyed WHERE destroyed_at >= $1::bigint", (at,)).fetchall()
            return [row[0] for row in rows]

    def _begun(self) -> list[tuple[str, int]]:
        with self._talking() as there:
            return [(row[0], row[1]) for row in there.execute("SELECT kek, begun_at FROM keks")]

    def _begin(self, kek: str, now: int) -> None:
        with self._talking() as there:
            there.execute(_BEGIN, (kek, now))

    def _under_others(self, kek: str, most: int) -> Sequence[Wrapped]:
        with self._talking() as there:
            found = there.execute(_UNDER_OTHERS, (kek, most), binary=True).fetchall()
        return [(uid, kind, old, bytes(wrapped)) for uid, kind, old, wrapped in found[:most]]

    def _swap(self, rows: Sequence[tuple[str, bytes, str, bytes]]) -> None:
        columns = [list(column) for column in zip(*sorted(rows, key=lambda row: row[2]), strict=True)]
        with self._talking() as there, there.transaction():
            there.execute(_SWAP, columns)
            failpoints.passing("keys.rewrapping")

    def wrapped_under(self) -> dict[str, int]:
        """How many data keys are wrapped under each key-encryption key."""
        with self._lock, self._talking() as there:
            return dict(there.execute("SELECT kek, count(*) FROM data_keys GROUP BY kek").fetchall())

    def say_held(self) -> None:
        """Tell the others which key-encryption keys and lookup peppers this process can read."""
        self.peppers.learn()
        with self._lock, self._talking() as there:
            held = [*map(self.keks.mark, self.keks.ids()), *map(self.peppers.mark, self.peppers.ids())]
            there.execute(_SAY_HELD, (self._holder, self._folder(), held))
            there.execute(_FORGET_HOLDERS)

    def lacking(self, name: str) -> list[str]:
        """Processes at work elsewhere that cannot read this one: its file is not on their machine."""
        mark = self.keks.mark(name) if name.startswith("kek_") else self.peppers.mark(name)
        with self._lock, self._talking() as there:
            return sorted(row[0] for row in there.execute(_LACKING, (mark, self._folder())))

    def copy_to(self, path: Path) -> None:
        """Write everything into a new key store file, as it is at one moment."""
        with self._snapshot() as there:
            rows, gone, begun = (there.execute(statement).fetchall() for statement in _EVERYTHING)
        new_file(path, rows, gone, begun)

    def fill_from(self, path: Path) -> None:
        """Take over everything from a key store file, all or nothing; this store must be empty."""
        with closing(open_file(path, read_only=True)) as file:
            rows, gone, begun = (file.execute(statement).fetchall() for statement in _EVERYTHING)
        with self._lock, self._talking() as there, there.transaction():
            for statement, given in ((_INSERT, rows), (_TAKE_DESTROYED, gone), (_TAKE_BEGUN, begun)):
                if given:
                    there.execute(statement, [list(column) for column in zip(*given, strict=True)])
        self._active_until = 0.0

    def fingerprint(self) -> str:
        """Changes whenever anything here does."""
        with self._snapshot() as there:
            return digest_of(there.execute(statement).fetchall() for statement in _FINGERPRINT)

    def owners(self) -> set[str]:
        """Everybody who has a key here."""
        with self._lock, self._talking() as there:
            return {row[0] for row in there.execute("SELECT uid FROM data_keys")}

    def close(self) -> None:
        """Give the connection back and forget the unwrapped keys."""
        with self._lock:
            super().close()
            self._closed = True
            with suppress(psycopg.Error):
                if self._connection is not None:
                    self._connection.execute(_GONE, (self._holder,))
            self._drop()

    def _folder(self) -> str:
        """The secrets folder of this machine, as no other machine calls its own: who shares it reads what lies in it."""
        if self.keks.folder is None:
            return self._holder
        found = self.keks.folder.stat()
        return f"{socket.gethostname()}:{found.st_dev}:{found.st_ino}"

    @contextmanager
    def _snapshot(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection of its own, so that nobody waits, which sees one moment."""
        with closing(connect(self._given)) as there:
            there.execute("SET statement_timeout = 0")
            there.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield there

    @contextmanager
    def _talking(self) -> Iterator[psycopg.Connection[Any]]:
        """A living connection; one that breaks is given up, and the caller hears it. After the end there is none: a thread that
        comes late would open one that nobody closes.
        """
        if self._closed:
            raise StorageUnavailable("closed")
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._given)
        try:
            yield self._connection
        except psycopg.OperationalError:
            self._drop()
            raise

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

"""Somebody who may write everything in the database file goes at the audit log: every byte, every row, the end, all of it.

Used by the tests and by `make bench NAME=keeping`, which prints the counts (security.md part 2 row 24).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

from handlers.audit_log import AuditBreak, AuditMark
from handlers.model import AuditEntry
from storage.audit import AuditLog
from storage.keyring import KeyRing
from storage.keystore import KeyStore
from storage.prepared import Runner
from storage.secrets import throwaway
from storage.uow import SqlUnitOfWork

COLUMNS = ("seq", "at", "actor", "action", "object", "detail", "prev", "hash")
NUMBERS = ("seq", "at")
TEXTS = ("actor", "action", "object", "detail")
AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
_WRITE = "UPDATE audit_log SET {} = ? WHERE rowid = ?"
_READ = "SELECT {} FROM audit_log WHERE rowid = ?"


def log_of(connection: sqlite3.Connection, keys: KeyStore) -> AuditLog:
    """The log as the program reads it."""
    return AuditLog(SqlUnitOfWork(Runner(connection), KeyRing(keys), keys.peppers, AT))


def fill(connection: sqlite3.Connection, rows: int) -> KeyStore:
    """That many rows like real ones; the guards against changing them are taken away."""
    keys = KeyStore(None, throwaway(), lambda: AT)
    connection.execute("BEGIN")
    uow = SqlUnitOfWork(Runner(connection), KeyRing(keys), keys.peppers, AT)
    for number in range(rows):
        uow.audit.add(
            AuditEntry(actor="system", action="case.read", object=f"K1-{number:04}", detail={"lines": number})
        )
    uow.finish()
    connection.execute("COMMIT")
    for verb in ("update", "delete"):
        connection.execute(f"DROP TRIGGER audit_log_no_{verb}")
    return keys


def flips(connection: sqlite3.Connection, rows: int) -> Iterator[tuple[int, str]]:
    """Flip one byte after the other of the first `rows` rows; after each yield it is put back."""
    for row in range(1, rows + 1):
        for column in COLUMNS:
            (value,) = connection.execute(_READ.format(column), (row,)).fetchone()
            for changed in _flipped(column, value):
                rowid = changed if column == "seq" else row  # `seq` is the row's own place
                connection.execute(_WRITE.format(column), (changed, row))
                yield row, column
                connection.execute(_WRITE.format(column), (value, rowid))


def _flipped(column: str, value: object) -> Iterator[object]:
    if column in NUMBERS:
        assert isinstance(value, int)
        for place in range(8):
            if column == "at" or place < 7:  # a row's number cannot be written with its sign flipped
                # The highest bit of a row's number, so that it is not the number of another row, which the database refuses.
                bit = 0x80 if column == "seq" else 1
                yield int.from_bytes(_flip(value.to_bytes(8, "big", signed=True), 7 - place, bit), "big", signed=True)
        return
    raw = value.encode() if isinstance(value, str) else value
    assert isinstance(raw, bytes)
    for place in range(len(raw)):
        # As text where it still is one, so that nothing but the byte differs.
        flipped = _flip(raw, place)
        yield flipped.decode() if column in TEXTS else flipped


def _flip(raw: bytes, place: int, bit: int = 1) -> bytes:
    return raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :]


def notices(connection: sqlite3.Connection, keys: KeyStore, row: int, before: bytes) -> bool:
    """Does the walk stop at this row or the next one? It comes here from the row before, whose hash is `before`."""
    return isinstance(log_of(connection, keys).follow(AuditMark(row - 1, before), 2), AuditBreak)


def hashes(connection: sqlite3.Connection) -> list[bytes]:
    """The hash of every row, the beginning first."""
    return [bytes(32), *(one for (one,) in connection.execute("SELECT hash FROM audit_log ORDER BY seq"))]


def flip_every_byte(connection: sqlite3.Connection, keys: KeyStore, rows: int) -> tuple[int, list[tuple[int, str]]]:
    """How many bytes were flipped, and the flips nobody noticed."""
    known, count, missed = hashes(connection), 0, []
    for row, column in flips(connection, rows):
        count += 1
        if not notices(connection, keys, row, known[row - 1]):
            missed.append((row, column))
    return count, missed

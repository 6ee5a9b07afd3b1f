"""A database as it is after years: one real conversation of the product, copied a thousand or a million times.

Copies have uids, addresses and message numbers of their own, spread evenly over the whole range, so that new rows fall between
them everywhere, as they do in life. What is sealed stays as it is: nobody reads it, and it takes its room.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

CONTACT, CASE = "contacts", "cases"
TABLES = (CONTACT, "inbox", CASE, "lines", "escalations", "outbox")
"""What a conversation consists of, parents first."""

REFERS = {
    "contact_uid": CONTACT,
    "case_uid": CASE,
    "inbox_uid": "inbox",
    "line_uid": "lines",
    "escalation_uid": "escalations",
}
_SPREAD = 0xFFFFFFFF
_CHUNK = 20_000
"""Conversations written together, table by table: what is written next stands beside it, so that each page is written once."""

_PRAGMAS = ("foreign_keys=OFF", "journal_mode=OFF", "synchronous=OFF", "secure_delete=OFF", "cache_size=-400000")


def fill(folder: Path, wanted: int) -> int:
    """Copy the conversation that stands in the database (exactly one) until there are `wanted`; bytes of the database then."""
    database = folder / "data.db"
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as one:
        one.row_factory = sqlite3.Row
        for pragma in _PRAGMAS:
            one.execute(f"PRAGMA {pragma}").fetchall()
        rows = {table: one.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in TABLES}
        if len(rows[CONTACT]) != 1:
            raise ValueError(f"exactly one conversation is copied, but there are {len(rows[CONTACT])}")
        numbers = {
            row["uid"]: f"{place:x}{number:x}"
            for place, table in enumerate(TABLES)
            for number, row in enumerate(rows[table])
        }
        if any(len(number) != 2 for number in numbers.values()):
            raise ValueError("a conversation of at most 16 rows a table can be copied")
        copies = range(1, wanted)
        one.execute("BEGIN")
        for first in copies[::_CHUNK]:
            for table in TABLES:
                for row in rows[table]:
                    _copy(one, table, row, numbers, copies, first)
        one.execute("COMMIT")
        _keys(folder, rows, numbers, copies)
        one.execute("PRAGMA analysis_limit=10000").fetchall()
        one.execute("ANALYZE")
        one.execute("PRAGMA journal_mode=WAL").fetchall()
    return database.stat().st_size


def _copy(
    one: sqlite3.Connection, table: str, row: sqlite3.Row, numbers: Mapping[str, str], copies: range, first: int
) -> None:
    """A chunk of copies of this row, from `first` on: `i` is the number of the conversation each belongs to."""
    columns, values, given = [], [], []
    for column in row.keys():  # noqa: SIM118 (a Row iterates over values)
        value = row[column]
        if column == "id":
            continue
        columns.append(column)
        if column == "uid" or (column in REFERS and value in numbers):
            values.append(_uid(numbers[value]))
        elif column in ("lookup", "message_id", "dedupe_key", "client_key") and value is not None:
            values.append(_uid(numbers[row["uid"]]))
        elif column == "code":
            values.append("printf('%08x', at)")
        elif column == "lane" and value.startswith("c:"):
            values.append(f"'c:' || {_uid(numbers[value[2:]])}")
        else:
            values.append("?")
            given.append(value)
    last = min(first + _CHUNK, copies.stop) - 1
    spread = f"(SELECT value AS i, value * ({_SPREAD} / {copies.stop}) AS at FROM numbers)"
    sql = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {spread}"
    one.execute(
        f"WITH RECURSIVE numbers(value) AS (SELECT {first} UNION ALL SELECT value + 1 FROM numbers WHERE value < {last}) {sql}",
        given,
    )


def _uid(number: str) -> str:
    """32 characters, in the order of the copies, spread over the whole range."""
    return f"printf('%08x%022x{number}', at, i)"


def _keys(folder: Path, rows: Mapping[str, Sequence[sqlite3.Row]], numbers: Mapping[str, str], copies: range) -> None:
    """A key for each contact and each case, as large as a real one."""
    with contextlib.closing(sqlite3.connect(folder / "keys.db", isolation_level=None)) as keys:
        keys.execute("PRAGMA synchronous=OFF")
        keys.execute("BEGIN")
        for row in (*rows[CONTACT], *rows[CASE]):
            kind, kek, wrapped, at = keys.execute(
                "SELECT kind, kek, wrapped, created_at FROM data_keys WHERE uid = ?", (row["uid"],)
            ).fetchone()
            keys.execute(
                f"WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {copies.stop - 1}) "
                "INSERT OR IGNORE INTO data_keys (uid, kind, kek, wrapped, created_at) "
                f"SELECT {_uid(numbers[row['uid']])}, ?, ?, ?, ? "
                f"FROM (SELECT i, i * ({_SPREAD} / {copies.stop}) AS at FROM numbers)",
                (kind, kek, wrapped, at),
            )
        keys.execute("COMMIT")

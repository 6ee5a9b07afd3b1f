"""Every row of a PostgreSQL database as files, and back: one binary COPY a table.

Ours and not pg_dump's, because a restore must be one transaction with the quarantine it begins in: between the two no worker may
find a line to send. It also needs no program beside Python, of no version, on no machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from storage.postgres.connection import connect

SUFFIX = ".copy"
_TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' "
    "AND relname <> 'alembic_version'"
)
_REFERENCES = (
    "SELECT own.relname, other.relname FROM pg_constraint AS made "
    "JOIN pg_class AS own ON own.oid = made.conrelid JOIN pg_class AS other ON other.oid = made.confrelid "
    "WHERE made.contype = 'f' AND own.relnamespace = current_schema()::regnamespace"
)
_OWNERS = "SELECT uid FROM contacts UNION SELECT uid FROM cases WHERE erased_at IS NULL"
_COUNTERS = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() "
    "AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL"
)
_SET_COUNTER = (
    "SELECT setval(pg_get_serial_sequence({name}, {column_name}), max({column})) FROM {table} "
    "HAVING max({column}) IS NOT NULL"
)


def dump(given: Mapping[str, Any], folder: Path) -> tuple[dict[str, int], set[str]]:
    """Write every table into the folder, all as they are at one moment while others go on; rows by table, and who owns keys."""
    rows = {}
    with closing(connect(dict(given))) as there:
        there.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
        there.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        owners = {row[0] for row in there.execute(_OWNERS)}
        for table in tables(there):
            rows[table] = _write(there, table, folder / f"{table}{SUFFIX}")
    return rows, owners


def load(there: psycopg.Connection[Any], folder: Path) -> dict[str, int]:
    """Read the files of `dump` into tables of the same shape, in the caller's transaction; rows by table."""
    rows = {}
    for table in tables(there):
        name = sql.Identifier(table)
        if there.execute(sql.SQL("SELECT EXISTS (SELECT 1 FROM {})").format(name)).fetchone() == (True,):
            there.execute(sql.SQL("DELETE FROM {}").format(name))  # what a revision writes into a new database
        rows[table] = _read(there, table, folder / f"{table}{SUFFIX}")
    for table, column in there.execute(_COUNTERS).fetchall():
        there.execute(
            sql.SQL(_SET_COUNTER).format(
                name=sql.Literal(f'"{table}"'), column_name=sql.Literal(column),
                column=sql.Identifier(column), table=sql.Identifier(table),
            )
        )  # fmt: skip
    return rows


def tables(there: psycopg.Connection[Any]) -> list[str]:
    """All tables of ours, each after those it refers to."""
    order: TopologicalSorter[str] = TopologicalSorter({row[0]: set() for row in there.execute(_TABLES)})
    for own, other in there.execute(_REFERENCES):
        if own != other:
            order.add(own, other)
    return list(order.static_order())


def _write(there: psycopg.Connection[Any], table: str, path: Path) -> int:
    command = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(table))
    path.touch(mode=0o600)
    with there.cursor() as cursor, path.open("wb") as file:
        with cursor.copy(command) as copy:
            for block in copy:
                file.write(block)
        return cursor.rowcount


def _read(there: psycopg.Connection[Any], table: str, path: Path) -> int:
    command = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier(table))
    with there.cursor() as cursor, path.open("rb") as file:
        with cursor.copy(command) as copy:
            while block := file.read(1 << 16):
                copy.write(block)
        return cursor.rowcount

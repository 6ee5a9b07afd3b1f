"""The settings of every connection, and that no statement of the message path reads a whole table."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Delete, Select, Update

from storage import cases, contacts, escalations, inbox, keeping, lines, locks, outbox_statements, schema, watch
from storage.engine import connect
from storage.open import Storage, open_storage
from storage.postgres.runner import POSTGRES
from storage.prepared import Prepared

GROWING = "contacts|inbox|cases|lines|escalations|outbox"
STATEMENTS = [
    (f"{module.__name__}.{name}.{place}", statement)
    for module in (cases, contacts, escalations, inbox, keeping, lines, locks, outbox_statements, watch)
    for name, found in vars(module).items()
    if name.lstrip("_").isupper()
    for place, statement in enumerate(found if isinstance(found, tuple) else (found,))
    if isinstance(statement, Select | Update | Delete)
]


@pytest.fixture(scope="module")
def empty() -> Iterator[sqlite3.Connection]:
    with closing(connect(None)) as connection:
        schema.create(connection)
        yield connection


@pytest.mark.parametrize("statement", [one for _, one in STATEMENTS], ids=[name for name, _ in STATEMENTS])
def test_no_statement_reads_a_whole_growing_table(
    empty: sqlite3.Connection, statement: Select[tuple[object]] | Update | Delete
) -> None:
    prepared = Prepared(statement, ())
    nothing = [None] * len(prepared._order)
    plan = [row[3] for row in empty.execute(f"EXPLAIN QUERY PLAN {prepared.sql}", nothing)]
    assert plan
    assert [step for step in plan if re.fullmatch(rf"SCAN ({GROWING}|earlier|stale)", step)] == []


@pytest.fixture(scope="module")
def empty_on_postgres(migrated_postgres: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(migrated_postgres, cursor_factory=psycopg.RawCursor, autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")  # then a whole table is read only where no index serves
        yield connection


@pytest.mark.parametrize("statement", [one for _, one in STATEMENTS], ids=[name for name, _ in STATEMENTS])
def test_nor_does_it_on_postgresql(
    empty_on_postgres: psycopg.Connection[Any], statement: Select[tuple[object]] | Update | Delete
) -> None:
    prepared = Prepared(statement, (), POSTGRES)
    nothing = [None] * len(prepared._order)
    plan = [row[0] for row in empty_on_postgres.execute(f"EXPLAIN {prepared.sql}", nothing)]
    assert plan
    assert [step for step in plan if re.search(rf"Seq Scan on ({GROWING})\b", step)] == []


def test_there_are_statements_to_look_at() -> None:
    assert len(STATEMENTS) > 30


def settings(storage: Storage, folder: Path) -> Iterator[tuple[str, dict[str, object]]]:
    reader = connect(folder / "data.db", read_only=True)
    names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "trusted_schema", "query_only")
    for name, connection in (("writer", storage.door._connection), ("keys", storage.keys._db), ("reader", reader)):
        yield name, {pragma: connection.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in names}
    reader.close()


async def test_every_connection_is_durable_and_forgets_what_is_deleted(tmp_path: Path) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "trusted_schema": 0}
    storage = open_storage("", tmp_path)
    found = dict(settings(storage, tmp_path))
    await storage.close()
    assert found == {name: wanted | {"query_only": int(name == "reader")} for name in ("writer", "keys", "reader")}

"""The same migrations on PostgreSQL: they equal the models, carry the same rows, refuse the same nonsense, and may meet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Boolean, create_engine
from sqlalchemy.pool import NullPool

from storage.open import open_storage
from storage.postgres import schema
from storage.postgres.connection import UnsuitableDatabase, connect, parameters
from storage.schema import NewerDatabase, OlderDatabase, head, run_revisions
from storage.secrets import NAMES, write_secret
from storage.tables import metadata
from storage.types import UtcTime, from_micros
from tests.contract.builders import act
from tests.migrations.test_0001 import BAD, ROWS, A, C
from tests.servers.postgres import GivenServer, PostgresServer, drop_database, make_database

Server = PostgresServer | GivenServer

COLUMNS = """
SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default, is_identity
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND conrelid::regclass::text <> 'alembic_version'
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
TRIGGERS = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
GRANTS = "SELECT relname, relacl::text FROM pg_class WHERE relname = 'audit_log'"
FUNCTIONS = "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace"


@pytest.fixture
def fresh(postgres_server: Server) -> Iterator[str]:
    """An empty database; its address."""
    yield make_database(postgres_server.url, "binhan_migrations")
    drop_database(postgres_server.url, "binhan_migrations")


def shape(url: str) -> dict[str, set[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        questions = {"columns": COLUMNS, "constraints": CONSTRAINTS, "indexes": INDEXES, "triggers": TRIGGERS}
        questions |= {"grants": GRANTS, "functions": FUNCTIONS}
        return {what: set(connection.execute(question).fetchall()) for what, question in questions.items()}  # type: ignore[arg-type]


def test_the_models_equal_the_migrations(fresh: str, postgres_server: Server) -> None:
    assert schema.upgrade(parameters(fresh)) == [*_all_revisions()]
    migrated = shape(fresh)
    modelled_url = make_database(postgres_server.url, "binhan_models")
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(modelled_url), poolclass=NullPool)
    metadata.create_all(engine)
    modelled = shape(modelled_url)
    drop_database(postgres_server.url, "binhan_models")
    for what, found in migrated.items():
        assert found == modelled[what], what
    assert {row[0] for row in migrated["columns"]} == set(metadata.tables)


def _all_revisions() -> list[str]:
    from storage.schema import missing

    return missing(None)


def test_upgrading_again_does_nothing_and_two_at_once_make_one_database(fresh: str) -> None:
    done: list[list[str]] = []
    threads = [threading.Thread(target=lambda: done.append(schema.upgrade(parameters(fresh)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done, key=len) == [[], [], _all_revisions()]
    assert schema.upgrade(parameters(fresh)) == []
    with closing(connect(parameters(fresh))) as connection:
        schema.check(connection)
        assert schema.revision(connection) == head()


def test_other_versions_are_refused_in_words_and_left_alone(fresh: str, tmp_path: Path) -> None:
    schema.upgrade(parameters(fresh))
    for found, refusal in (("0999", NewerDatabase), ("0000", NewerDatabase)):
        with psycopg.connect(fresh) as connection:
            connection.execute("UPDATE alembic_version SET version_num = %s", (found,))
        with pytest.raises(refusal, match=found):
            open_storage(fresh, tmp_path)
    with psycopg.connect(fresh) as connection:
        connection.execute("DELETE FROM alembic_version")
    with closing(connect(parameters(fresh))) as connection, pytest.raises(OlderDatabase, match="db upgrade"):
        schema.check(connection)


def test_a_migration_that_fails_leaves_nothing_behind(fresh: str) -> None:
    with psycopg.connect(fresh) as connection:
        connection.execute("CREATE TABLE outbox (x int)")  # in the way of the revision
    with pytest.raises(Exception, match="outbox"):
        schema.upgrade(parameters(fresh))
    assert {row[0] for row in shape(fresh)["columns"]} == {"outbox"}


def test_a_database_that_would_mangle_vietnamese_is_refused(postgres_server: Server, tmp_path: Path) -> None:
    with psycopg.connect(f"{postgres_server.url}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS binhan_latin")
        connection.execute(
            "CREATE DATABASE binhan_latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    with pytest.raises(UnsuitableDatabase, match="UTF8"):
        open_storage(f"{postgres_server.url}/binhan_latin", tmp_path)
    drop_database(postgres_server.url, "binhan_latin")


# --- the data-carrying twin: the very rows of the SQLite twin ---------------------------------------------------------------


def as_postgres(table: str, row: dict[str, object]) -> dict[str, object]:
    """SQLite's integers as what PostgreSQL keeps in their place."""
    kept: dict[str, object] = {}
    for name, value in row.items():
        kind = metadata.tables[table].c[name].type
        if isinstance(kind, Boolean) and value is not None:
            value = bool(value)
        elif isinstance(kind, UtcTime) and isinstance(value, int):
            value = from_micros(value)
        kept[name] = value
    return kept


def insert(connection: psycopg.Connection[Any], table: str, row: dict[str, object]) -> None:
    row = as_postgres(table, row)
    names = sql.SQL(", ").join(map(sql.Identifier, row))
    marks = sql.SQL(", ").join(sql.Placeholder() * len(row))
    into = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, marks)
    connection.execute(into, list(row.values()))


async def test_rows_of_the_first_shape_are_read_by_this_program(fresh: str, tmp_path: Path) -> None:
    await open_storage(fresh, tmp_path).close()  # tables, secrets and keys of a first start
    with psycopg.connect(fresh) as connection:
        for table, row in ROWS.items():
            insert(connection, table, row)
    storage = open_storage(fresh, tmp_path)
    assert await act(storage.door, lambda uow: uow.contacts.ready(9)) == [A]
    assert (await act(storage.door, lambda uow: uow.contacts.get(A))).pending == 1
    case = await act(storage.door, lambda uow: uow.cases.by_code("k1"))
    assert case is not None
    assert (case.uid, case.opened_at) == (A, datetime(2026, 3, 8, tzinfo=UTC))
    assert (await act(storage.door, lambda uow: uow.escalations.get(A))).ladder.max_wait_s == 1
    assert (await act(storage.door, lambda uow: uow.staff.by_name("mai"))).uid == C  # type: ignore[union-attr]
    assert await act(storage.door, lambda uow: uow.get_setting("n")) == "v"
    await storage.close()


async def test_rows_of_the_first_shape_go_through_every_revision(fresh: str, tmp_path: Path) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(fresh), poolclass=NullPool)
    with engine.connect() as session:
        run_revisions(session, "0001")
        session.commit()
    with psycopg.connect(fresh) as connection:
        for table, row in ROWS.items():
            insert(connection, table, row)
    for name in NAMES:
        (tmp_path / "secrets").mkdir(mode=0o700, exist_ok=True)
        write_secret(tmp_path / "secrets" / name, bytes(32))
    with pytest.raises(OlderDatabase, match="db upgrade"):
        open_storage(fresh, tmp_path)  # other processes may be running on it
    assert schema.upgrade(parameters(fresh)) == _all_revisions()[1:]
    storage = open_storage(fresh, tmp_path)
    assert (await act(storage.door, lambda uow: uow.contacts.get(A))).pending == 1
    assert (await act(storage.door, lambda uow: uow.contacts.get(A))).reminder is None
    assert (await act(storage.door, lambda uow: uow.escalations.get(A))).ladder.max_wait_s == 1
    await storage.close()


@pytest.fixture(scope="module")
def filled(postgres_server: Server) -> Iterator[psycopg.Connection[Any]]:
    url = make_database(postgres_server.url, "binhan_filled")
    schema.upgrade(parameters(url))
    with psycopg.connect(url, autocommit=True) as connection:
        for table, row in ROWS.items():
            insert(connection, table, row)
        yield connection
    drop_database(postgres_server.url, "binhan_filled")


@pytest.mark.parametrize(("table", "change"), BAD)
def test_what_must_never_be_is_refused_by_the_database(
    filled: psycopg.Connection[Any], table: str, change: dict[str, object]
) -> None:
    with pytest.raises(psycopg.errors.IntegrityError):
        insert(filled, table, ROWS[table] | change)


AUDITED = {"at": 0, "actor": "system", "action": "a.b", "object": "", "detail": "{}", "prev": b"", "hash": b""}


@pytest.mark.parametrize(
    "words", ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log WHERE seq = 2", "TRUNCATE audit_log"]
)
def test_the_audit_log_only_grows(filled: psycopg.Connection[Any], words: str) -> None:
    if not filled.execute("SELECT 1 FROM audit_log").fetchone():
        insert(filled, "audit_log", AUDITED | {"seq": 1})
        insert(filled, "audit_log", AUDITED | {"seq": 2})
        filled.execute("INSERT INTO audit_cuts (seq, at) VALUES (1, now())")
        filled.execute("DELETE FROM audit_log WHERE seq = 1")  # its time had come
    with pytest.raises(psycopg.Error, match=r"only grows|permission denied"):
        filled.execute(words)  # type: ignore[call-overload]

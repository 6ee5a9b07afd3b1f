"""The first shape and all after it: migrations and models agree, data go in and out, other versions are refused in words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from storage import schema
from storage.engine import connect
from storage.open import open_storage
from storage.schema import NewerDatabase, OlderDatabase
from storage.tables import metadata
from storage.types import to_micros
from tests.contract.builders import act

AT = to_micros(datetime(2026, 3, 8, tzinfo=UTC))
A, B, C = "a" * 32, "b" * 32, "c" * 32

Shape = dict[tuple[str, str], tuple[str, frozenset[str]]]


def shape(connection: sqlite3.Connection) -> Shape:
    """Every table, index and trigger; the order in which columns and constraints are written means nothing."""
    found: Shape = {}
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"):
        if name == "alembic_version":
            continue
        words = " ".join(sql.split())
        head, _, rest = words.partition(" (")
        parts = _parts(rest.removesuffix(")").strip()) if kind == "table" else [words]
        found[kind, name] = (head, frozenset(parts))
    return found


def _parts(inside: str) -> list[str]:
    """The columns and constraints of a table: what stands between commas that are in no bracket."""
    parts, depth = [""], 0
    for sign in inside:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def test_the_models_equal_the_migrations(tmp_path: Path) -> None:
    assert schema.upgrade(tmp_path / "data.db") == schema._known()
    with closing(connect(tmp_path / "data.db")) as migrated, closing(connect(None)) as modelled:
        schema.create(modelled)
        ours, theirs = shape(modelled), shape(migrated)
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if ours[key] != theirs[key]] == []
    assert {name for kind, name in ours if kind == "table"} == set(metadata.tables)


def test_upgrading_again_does_nothing(tmp_path: Path) -> None:
    schema.upgrade(tmp_path / "data.db")
    assert schema.upgrade(tmp_path / "data.db") == []
    schema.check(tmp_path / "data.db")
    assert schema.revision(tmp_path / "data.db") == schema.head() == schema._known()[-1]


def test_the_file_names_say_what_alembic_says() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    config.set_main_option("path_separator", "os")
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [script.revision for script in scripts][::-1] == schema._known()


def test_a_newer_database_is_refused_in_words(tmp_path: Path) -> None:
    schema.upgrade(tmp_path / "data.db")
    with closing(connect(tmp_path / "data.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    for refused in (schema.check, schema.upgrade):
        with pytest.raises(NewerDatabase, match=rf"newer version.*0999.*{schema.head()}"):
            refused(tmp_path / "data.db")


async def test_a_start_refuses_a_newer_database_and_leaves_it_alone(tmp_path: Path) -> None:
    await open_storage(tmp_path / "data.db").close()
    with closing(connect(tmp_path / "data.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(NewerDatabase):
        open_storage(tmp_path / "data.db")


def test_an_older_database_is_upgraded_only_by_who_may(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "data.db")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    with pytest.raises(OlderDatabase, match="db upgrade"):
        schema.check(tmp_path / "data.db")
    assert schema.upgrade(tmp_path / "data.db") == schema._known()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "data.db")) as connection:
        connection.execute("CREATE TABLE outbox (x)")  # in the way of the revision
    with pytest.raises(Exception, match="outbox"):
        schema.upgrade(tmp_path / "data.db")
    with closing(connect(tmp_path / "data.db")) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables - {"alembic_version"} == {"outbox"}


# --- the data-carrying twin: rows as the first program wrote them -------------------------------------------------------------

ROWS = {
    "contacts": {
        "uid": A,
        "channel": "web",
        "lookup": "l",
        "pepper": "lookup_pepper_1",
        "address_sealed": b"x",
        "content_version": "",
        "pending": 1,
        "quiet": 0,
        "confirmed": 1,
        "late_answer": "only_now",
        "inbound_day": "",
        "inbound_count": 0,
    },
    "inbox": {
        "uid": B,
        "contact_uid": A,
        "channel": "web",
        "message_id": "1",
        "message_sealed": b"x",
        "received_at": AT,
        "state": "new",
        "attempts": 0,
        "error_class": "",
    },
    "cases": {
        "uid": A,
        "contact_uid": A,
        "code": "K1",
        "opened_at": AT,
        "channel": "web",
        "desk": "main",
        "severity": "urgent",
        "category": "",
        "next_seq": 2,
        "human": 0,
        "practice": 0,
    },
    "lines": {
        "uid": A,
        "case_uid": A,
        "seq": 1,
        "direction": "in",
        "author": "seeker",
        "body_sealed": b"x",
        "inbox_uid": B,
        "created_at": AT,
    },
    "escalations": {
        "uid": A,
        "case_uid": A,
        "state": "ringing",
        "ladder": '{"name":"urgent","rungs":[],"first_reply_s":1,"unanswered_s":1,"reminded_s":1,"still_ringing_s":1,'
        '"fallback_s":1,"double_from_round":4,"max_wait_s":1}',
        "created_at": AT,
        "next_due_at": AT,
        "epoch": 1,
        "round": 0,
        "rung": 0,
        "reminders": 0,
        "asked_for": 0,
        "fallback_round": -1,
        "ended_reason": "",
    },
    "outbox": {
        "uid": A,
        "dedupe_key": "d",
        "lane": f"c:{A}",
        "kind": "bot",
        "created_at": AT,
        "contact_uid": A,
        "surface": "",
        "state": "pending",
        "attempts": 0,
        "error_class": "",
    },
    "staff": {
        "uid": C,
        "name": "Mai",
        "name_key": "mai",
        "alias": "Mai",
        "roles": '["counsellor"]',
        "password_hash": "",
        "enabled": 1,
        "duty": "auto",
        "created_at": AT,
    },
    "settings": {"name": "n", "value": "v"},
}


def fill(connection: sqlite3.Connection) -> None:
    for table, row in ROWS.items():
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


async def test_rows_of_the_first_shape_are_read_by_this_program(tmp_path: Path) -> None:
    schema.upgrade(tmp_path / "data.db")
    with closing(connect(tmp_path / "data.db")) as connection:
        fill(connection)
    (tmp_path / "data.db").rename(tmp_path / "old.db")
    await open_storage("", tmp_path).close()  # secrets and keys of a first start
    (tmp_path / "old.db").replace(tmp_path / "data.db")
    storage = open_storage("", tmp_path)
    assert await act(storage.door, lambda uow: uow.contacts.ready(9)) == [A]
    assert (await act(storage.door, lambda uow: uow.contacts.get(A))).pending == 1
    assert (await act(storage.door, lambda uow: uow.cases.by_code("k1"))).uid == A  # type: ignore[union-attr]
    assert (await act(storage.door, lambda uow: uow.escalations.get(A))).ladder.max_wait_s == 1
    assert (await act(storage.door, lambda uow: uow.staff.by_name("mai"))).uid == C  # type: ignore[union-attr]
    assert await act(storage.door, lambda uow: uow.get_setting("n")) == "v"
    await storage.close()


BAD = [
    ("contacts", {"pending": -1}),
    ("contacts", {"lookup": "l", "uid": B}),
    ("inbox", {"message_sealed": None, "uid": C, "message_id": "2"}),
    ("inbox", {"uid": C}),
    ("inbox", {"uid": C, "message_id": "2", "contact_uid": C}),
    ("cases", {"uid": B, "code": "K2", "severity": "grave"}),
    ("cases", {"uid": B, "code": "K2", "closed_at": AT}),
    ("cases", {"uid": B}),
    ("lines", {"uid": B, "inbox_uid": None}),
    ("lines", {"uid": B, "seq": 2}),
    ("lines", {"uid": B, "seq": 2, "inbox_uid": None, "direction": "sideways"}),
    ("escalations", {"uid": B}),
    ("escalations", {"uid": B, "state": "ended"}),
    ("escalations", {"uid": B, "state": "claimed", "case_uid": A}),
    ("escalations", {"uid": B, "state": "ended", "next_due_at": None, "owner_uid": C}),
    ("escalations", {"uid": B, "state": "ended", "next_due_at": None, "leaving": "away"}),
    ("escalations", {"uid": B, "state": "ended", "next_due_at": None, "leaving": "gone"}),
    ("escalations", {"uid": B, "state": "ended", "next_due_at": None, "leaving": "kept"}),
    ("escalations", {"uid": B, "state": "ended", "next_due_at": None, "left_at": AT}),
    ("outbox", {"uid": B}),
    ("outbox", {"uid": B, "dedupe_key": "e", "state": "sending"}),
    ("outbox", {"uid": B, "dedupe_key": "e", "lease_token": C}),
    ("outbox", {"uid": B, "dedupe_key": "e", "lane": f"c:{B}"}),
    ("outbox", {"uid": B, "dedupe_key": "e", "kind": "page"}),
    ("outbox", {"uid": B, "dedupe_key": "e", "contact_uid": None}),
    ("staff", {"uid": B}),
    ("staff", {"name_key": "an"}),
]


@pytest.fixture(scope="module")
def filled() -> Iterator[sqlite3.Connection]:
    with closing(connect(None)) as connection:
        schema.create(connection)
        fill(connection)
        yield connection


@pytest.mark.parametrize(("table", "change"), BAD)
def test_what_must_never_be_is_refused_by_the_database(
    filled: sqlite3.Connection, table: str, change: dict[str, object]
) -> None:
    row = ROWS[table] | change
    marks = ", ".join("?" * len(row))
    with pytest.raises(sqlite3.IntegrityError):
        filled.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

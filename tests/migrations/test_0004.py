"""Referrals and boundaries: a database from before them keeps everything, and what must never be is refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from handlers.service import Disclosure, Service
from storage import schema
from storage.engine import connect
from storage.open import open_storage
from tests.contract.builders import act
from tests.migrations.stopping_at import migrate
from tests.migrations.test_0001 import AT, ROWS, A, B, fill

OLD_SERVICE = {
    "id": "f001", "name": "Trạm thử", "kind": "health_station", "needs": "medical", "takes": "", "languages": "",
    "hours": "", "phones": "", "commune": "03390", "commune_name": "xã Bình Lư", "province": "Lai Châu", "lat": "22.3",
    "lon": "103.6", "capacity": "", "disclosure": "public", "verified_on": "", "verified_by": "", "source": "thử",
    "confidence": "medium", "point_source": "",
}  # fmt: skip
"""A directory row as the first program wrote it, without the columns that came later."""

NEW = {
    "referrals": {
        "uid": A, "case_uid": A, "status": "sent", "need": "legal", "kind": "", "service_id": "f001", "items": '["need"]',
        "consent_step": "desk", "consent_text": "0123456789ab", "consented_at": AT, "tell": "every", "made_by": B,
        "created_at": AT, "changed_at": AT, "sent_at": AT, "details_sealed": b"x",
    },
    "referral_links": {
        "token_hash": b"t", "pin_hash": b"p", "referral_uid": A, "case_uid": A, "created_at": AT, "tries": 0,
    },
    "boundaries": {"code": "03390", "area": "[]", "updated_at": AT},
}  # fmt: skip


def insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def contents(connection: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    tables = [name for name in tables if name not in ("alembic_version", *NEW)]
    return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables}


async def test_a_database_from_before_keeps_everything_and_is_read(tmp_path: Path) -> None:
    migrate(tmp_path / "data.db", "0003")
    with closing(connect(tmp_path / "data.db")) as connection:
        fill(connection)
        insert(connection, "services", {"id": "f001", "row": json.dumps(OLD_SERVICE), "updated_at": AT})
        before = contents(connection)
    migrate(tmp_path / "data.db", "0004")
    with closing(connect(tmp_path / "data.db")) as connection:
        assert contents(connection) == before
        assert connection.execute("SELECT count(*) FROM referrals").fetchone() == (0,)
    schema.upgrade(tmp_path / "data.db")
    (tmp_path / "data.db").rename(tmp_path / "old.db")
    await open_storage("", tmp_path).close()
    (tmp_path / "old.db").replace(tmp_path / "data.db")
    storage = open_storage("", tmp_path)
    (row,) = await act(storage.door, lambda uow: uow.services.all())
    service = Service.from_row(row)
    assert (service.id, service.disclosure, service.cost, service.free) == ("f001", Disclosure.PUBLIC, "", None)
    assert await act(storage.door, lambda uow: uow.referrals.of_case(A)) == []
    assert await act(storage.door, lambda uow: uow.boundaries.all()) == {}
    await storage.close()


@pytest.fixture(scope="module")
def filled() -> Iterator[sqlite3.Connection]:
    with closing(connect(None)) as connection:
        schema.create(connection)
        fill(connection)
        for table, row in NEW.items():
            insert(connection, table, row)
        yield connection


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("referrals", {}),  # the uid is taken
        ("referrals", {"uid": B, "case_uid": B}),  # of no case
        ("referrals", {"uid": B, "status": "maybe"}),
        ("referrals", {"uid": B, "tell": "all"}),
        ("referrals", {"uid": B, "consented_at": None}),  # nothing goes out without her consent
        ("referrals", {"uid": B, "consent_text": ""}),
        ("referrals", {"uid": B, "sent_at": None}),
        ("referrals", {"uid": B, "status": "declined"}),  # said no, and the words are still there
        ("referral_links", {}),
        ("referral_links", {"token_hash": b"u", "referral_uid": B}),
        ("boundaries", {}),
    ],
)
def test_what_must_never_be_is_refused(filled: sqlite3.Connection, table: str, change: dict[str, object]) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        insert(filled, table, NEW[table] | change)


def test_a_page_goes_with_its_referral(filled: sqlite3.Connection) -> None:
    with closing(connect(None)) as connection:
        schema.create(connection)
        fill(connection)
        for table in ("referrals", "referral_links"):
            insert(connection, table, NEW[table])
        connection.execute("DELETE FROM referrals")
        assert connection.execute("SELECT count(*) FROM referral_links").fetchone() == (0,)


def test_the_rows_of_the_first_shape_are_what_its_own_test_says() -> None:
    assert not set(NEW) & set(ROWS)

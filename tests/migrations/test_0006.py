"""Second factors: a database from before them keeps its staff and their sessions, and what must never be is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage import schema
from storage.engine import connect
from storage.open import open_storage
from tests.contract.builders import act
from tests.migrations.stopping_at import migrate
from tests.migrations.test_0001 import AT, ROWS, A, B, C, fill
from tests.migrations.test_0004 import insert

NEW = {
    "factors": {
        "uid": A, "staff_uid": C, "kind": "totp", "secret_sealed": b"x", "credential": "", "last_step": 0, "sign_count": 0,
        "created_at": AT,
    },
    "spare_codes": {"code_hash": b"h", "staff_uid": C, "made_by": C, "created_at": AT},
    "half_sign_ins": {"token_hash": "t", "staff_uid": C, "created_at": AT, "tries": 0},
    "key_challenges": {"token_hash": "t", "challenge": b"x", "created_at": AT},
}  # fmt: skip


async def test_staff_and_their_sessions_stay_as_they_were(tmp_path: Path) -> None:
    await open_storage("", tmp_path).close()  # secrets and keys of an installation
    (tmp_path / "data.db").unlink()
    migrate(tmp_path / "data.db", "0005")
    with closing(connect(tmp_path / "data.db")) as connection:
        fill(connection)
        insert(connection, "sign_ins", {"token_hash": "s", "staff_uid": C, "created_at": AT, "last_seen_at": AT})
        before = connection.execute("SELECT token_hash, staff_uid, last_seen_at FROM sign_ins").fetchall()
    assert before
    assert schema.upgrade(tmp_path / "data.db")[0] == "0006"
    storage = open_storage("", tmp_path)
    (session,) = await act(storage.door, lambda uow: uow.staff.sessions(C))
    assert (session.token_hash, session.proof) == (before[0][0], None)
    assert await act(storage.door, lambda uow: uow.factors.of(C)) == []
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
        ("factors", {}),  # the uid is taken
        ("factors", {"uid": B, "staff_uid": B}),  # of nobody
        ("factors", {"uid": B, "kind": "sms"}),
        ("factors", {"uid": B, "kind": "key"}),  # which one?
        ("factors", {"uid": B, "credential": "c"}),
        ("spare_codes", {}),
        ("spare_codes", {"code_hash": b"i", "staff_uid": B}),
        ("half_sign_ins", {}),
        ("half_sign_ins", {"token_hash": "u", "staff_uid": B}),
        ("key_challenges", {}),
    ],
)
def test_what_must_never_be_is_refused(filled: sqlite3.Connection, table: str, change: dict[str, object]) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        insert(filled, table, NEW[table] | change)


def test_the_rows_of_the_first_shape_are_what_its_own_test_says() -> None:
    assert not set(NEW) & set(ROWS)

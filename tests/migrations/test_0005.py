"""Channels: a database of the first shape, with somebody in it, goes on as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from storage import schema
from storage.engine import connect
from storage.open import open_storage
from tests.contract.builders import act
from tests.migrations.test_0001 import ROWS, A, fill


def to(connection: sqlite3.Connection, revision: str) -> None:
    """Bring a database to an older revision than the newest."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as session:
        config = Config()
        config.set_main_option("script_location", str(schema._MIGRATIONS))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = session
        command.upgrade(config, revision)
        session.commit()


async def test_what_the_first_shape_held_is_there_and_the_new_tables_can_be_used(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with closing(connect(old)) as connection:
        to(connection, "0001")
        fill(connection)
    assert schema.upgrade(old) == schema._known()[1:]
    with closing(connect(old)) as connection:
        for table, row in ROWS.items():
            found = connection.execute(f"SELECT {', '.join(row)} FROM {table}").fetchone()
            assert list(found) == list(row.values()), table
    await open_storage("", tmp_path).close()  # secrets and keys of a first start
    old.replace(tmp_path / "data.db")
    storage = open_storage("", tmp_path)
    assert (await act(storage.door, lambda uow: uow.contacts.get(A))).window_told_at is None
    await act(storage.door, lambda uow: uow.vault.put("zalo", "token"))
    assert await act(storage.door, lambda uow: uow.vault.get("zalo")) == "token"
    await storage.close()

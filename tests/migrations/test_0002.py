"""Recordings: a set that was stored before there were any is read as it was, and takes them when it is published again."""

from __future__ import annotations

import zlib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from handlers.ports import ContentSet
from storage import schema
from storage.engine import connect
from storage.open import open_storage
from storage.types import to_micros
from tests.contract.builders import act
from tests.migrations.stopping_at import migrate

AT = datetime(2026, 3, 8, tzinfo=UTC)


async def test_a_stored_set_is_read_and_recordings_come_in(tmp_path: Path) -> None:
    await open_storage("", tmp_path).close()  # secrets and keys of a first start
    (tmp_path / "data.db").unlink()
    migrate(tmp_path / "data.db", "0001")
    with closing(connect(tmp_path / "data.db")) as connection:
        files = zlib.compress(msgspec.msgpack.encode({"set.yaml": b"set: old"}))
        row = ("v1", files, to_micros(AT), "An")
        connection.execute(
            "INSERT INTO content_sets (version, files, published_at, published_by) VALUES (?,?,?,?)", row
        )
        connection.execute(
            "INSERT INTO content_current (version, published_at, published_by) VALUES (?,?,?)", (row[0], *row[2:])
        )
    assert schema.upgrade(tmp_path / "data.db") == schema._known()[1:]
    storage = open_storage("", tmp_path)
    old = await act(storage.door, lambda uow: uow.content.get("v1"))
    assert old is not None
    assert dict(old.files) == {"set.yaml": b"set: old"}
    new = ContentSet(version="v2", files={"audio/hmn/a.b-000000.mp3": b"ID3..."}, published_at=AT, published_by="An")
    await act(storage.door, lambda uow: uow.content.publish(new))
    assert await act(storage.door, lambda uow: uow.content.current()) == "v2"
    await storage.close()

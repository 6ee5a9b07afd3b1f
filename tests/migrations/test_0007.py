"""Keeping: a database from before keeps everything, and the audit log lets go only of what lies below a cut."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage import schema
from storage.engine import connect
from tests.migrations.stopping_at import migrate
from tests.migrations.test_0001 import AT, fill
from tests.migrations.test_0004 import insert

ROW = {"at": AT, "actor": "system", "action": "a.b", "object": "", "detail": "{}", "prev": b"p", "hash": b"h"}


def test_a_log_from_before_is_still_there_and_lets_go_only_below_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    migrate(path, "0006")
    with closing(connect(path)) as connection:
        fill(connection)
        before = [table for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in before}
        start = connection.execute("SELECT coalesce(max(seq), 0) FROM audit_log").fetchone()[0]
        for seq in (start + 1, start + 2):
            insert(connection, "audit_log", ROW | {"seq": seq})
    assert schema.upgrade(path) == schema.missing("0006")
    with closing(connect(path)) as connection:
        counts["audit_log"] = (counts["audit_log"][0] + 2,)
        assert {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in before} == counts
        for words in ("DELETE FROM audit_log", "UPDATE audit_log SET actor = 'x'"):
            with pytest.raises(sqlite3.IntegrityError, match="only grows"):
                connection.execute(words)
        insert(connection, "audit_cuts", {"seq": start + 1, "at": AT})
        connection.execute("DELETE FROM audit_log WHERE seq <= ?", (start + 1,))
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            connection.execute("DELETE FROM audit_log")
        assert connection.execute("SELECT seq FROM audit_log").fetchall() == [(start + 2,)]

"""Owners who leave: a call that was held before the upgrade stays held, and counts as hers until the watch has looked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from handlers.model import EscalationState, Leaving
from storage import schema
from storage.engine import connect
from storage.open import open_storage
from tests.contract.builders import act
from tests.migrations.stopping_at import migrate
from tests.migrations.test_0001 import A, C, fill


async def test_a_call_that_is_held_stays_held_and_can_be_left_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    migrate(path, "0007")
    with closing(connect(path)) as connection:
        fill(connection)
        connection.execute("UPDATE escalations SET state = 'answered', owner_uid = ?", (C,))
    assert schema.upgrade(path) == schema.missing("0007")
    with closing(connect(path)) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="ck_escalations_leaving"):
            connection.execute("UPDATE escalations SET leaving = 'left'")
        connection.execute("UPDATE escalations SET leaving = 'left', left_at = created_at")
        connection.execute("UPDATE escalations SET leaving = 'no', left_at = NULL")
    await open_storage("", tmp_path).close()  # secrets and keys of a first start
    path.replace(tmp_path / "data.db")
    storage = open_storage("", tmp_path)
    held = await act(storage.door, lambda uow: uow.escalations.get(A))
    assert (held.state, held.owner_uid) == (EscalationState.ANSWERED, C)
    assert (held.leaving, held.left_at, held.ladder.shift_grace_s) == (Leaving.NO, None, 600)
    assert await act(storage.door, lambda uow: uow.escalations.held()) == [held]
    await storage.close()

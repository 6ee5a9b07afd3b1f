"""The chain of the audit log notices every change, and the database refuses to change it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handlers.model import AuditEntry
from handlers.ports import UnitOfWork
from storage.audit import chain
from storage.open import Storage, open_storage
from storage.types import from_micros
from tests.contract.builders import act


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    opened = open_storage(tmp_path / "data.db")
    for number in range(4):
        await act(
            opened.door, lambda uow, n=number: uow.audit.add(AuditEntry(actor="system", action=f"a.{n}", object="K1"))
        )
    yield opened
    await opened.close()


def run(*statements: str) -> object:
    def work(uow: UnitOfWork) -> None:
        for statement in statements:
            uow._runner._connection.execute(statement)  # type: ignore[attr-defined]

    return work


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"])
async def test_the_log_only_grows(storage: Storage, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        await act(storage.door, run(statement))  # type: ignore[arg-type]
    assert await act(storage.door, lambda uow: uow.audit.verify()) is None


@pytest.mark.parametrize(
    ("statement", "first_broken"),
    [
        ("UPDATE audit_log SET actor = 'x' WHERE seq = 2", 2),
        ("UPDATE audit_log SET at = at + 1 WHERE seq = 3", 3),
        ("UPDATE audit_log SET detail = '{\"a\":1}' WHERE seq = 1", 1),
        ("DELETE FROM audit_log WHERE seq = 2", 2),
        ("DELETE FROM audit_log WHERE seq = 4", 4),
        ("DELETE FROM audit_log", 1),
        (
            "INSERT INTO audit_log SELECT 5, at, actor, action, object, detail, hash, hash FROM audit_log WHERE seq = 4",
            5,
        ),
    ],
)
async def test_somebody_who_changes_it_anyway_is_noticed(storage: Storage, statement: str, first_broken: int) -> None:
    triggers = [f"DROP TRIGGER audit_log_no_{verb}" for verb in ("update", "delete")]
    await act(storage.door, run(*triggers, statement))  # type: ignore[arg-type]
    assert await act(storage.door, lambda uow: uow.audit.verify()) == first_broken


async def test_a_forged_row_with_a_right_hash_of_its_own_breaks_the_chain_behind_it(storage: Storage) -> None:
    def forge(uow: UnitOfWork) -> None:
        execute = uow._runner._connection.execute  # type: ignore[attr-defined]
        execute("DROP TRIGGER audit_log_no_update")
        at, prev = execute("SELECT at, prev FROM audit_log WHERE seq = 2").fetchone()
        forged = chain(prev, 2, from_micros(at), ("somebody", "a.1", "K1", "{}"))
        execute("UPDATE audit_log SET actor = 'somebody', hash = ? WHERE seq = 2", (forged,))
        execute("UPDATE audit_log SET prev = ? WHERE seq = 3", (forged,))

    await act(storage.door, forge)
    assert await act(storage.door, lambda uow: uow.audit.verify()) == 3


async def test_no_entry_without_its_effect_and_no_effect_without_its_entry(storage: Storage) -> None:
    def work(uow: UnitOfWork) -> None:
        uow.audit.add(AuditEntry(actor="system", action="a.x"))
        uow.set_setting("x", "1")
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await act(storage.door, work)
    assert await act(storage.door, lambda uow: (uow.get_setting("x"), uow.audit.verify())) == (None, None)
    rows = storage.door._connection.execute("SELECT count(*) FROM audit_log").fetchone()
    assert rows == (4,)

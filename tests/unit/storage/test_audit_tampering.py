"""Any edit, gap, swap or cut of the audit log is noticed (security.md part 2 row 24), and only what is old enough may go."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.audit_heads import SignedHead
from handlers.audit_log import AuditBreak, check_log, old_enough
from handlers.audit_signing import HeadSigner
from handlers.model import AuditEntry
from handlers.ports import UnitOfWork
from storage import schema
from storage.engine import connect
from storage.keystore import KeyStore
from storage.open import Storage, open_storage
from storage.secrets import throwaway
from tests.contract.builders import Clock, act
from tests.tampering import fill, flip_every_byte, flips, log_of

ROWS = 100
YEAR = timedelta(days=366)


@pytest.fixture
def full() -> Iterator[tuple[sqlite3.Connection, KeyStore]]:
    with closing(connect(None)) as connection:
        schema.create(connection)
        yield connection, fill(connection, ROWS)


def test_every_byte_of_a_hundred_rows(full: tuple[sqlite3.Connection, KeyStore]) -> None:
    connection, keys = full
    assert log_of(connection, keys).verify() is None
    count, missed = flip_every_byte(connection, keys, ROWS)
    assert count > 100 * ROWS
    assert missed == []
    assert log_of(connection, keys).verify() is None


def test_the_walk_over_the_whole_log_stops_where_the_byte_was_flipped(
    full: tuple[sqlite3.Connection, KeyStore],
) -> None:
    connection, keys = full
    for number, (row, column) in enumerate(flips(connection, ROWS)):
        if number % 97 == 0 and column != "seq":
            assert log_of(connection, keys).verify() == row, column


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_log SET actor = CAST(x'ff' AS TEXT) WHERE seq = 7",  # no text any more
        "UPDATE audit_log SET at = 9223372036854775807 WHERE seq = 7",  # no moment any more
    ],
)
def test_what_cannot_even_be_read_is_named(full: tuple[sqlite3.Connection, KeyStore], change: str) -> None:
    connection, keys = full
    connection.execute(change)
    found = log_of(connection, keys).follow(log_of(connection, keys).beginning(), ROWS)
    assert isinstance(found, AuditBreak)
    assert found.seq == 7


# --- signed heads -------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "postgres"])
def storage(request: pytest.FixtureRequest, clock: Clock, tmp_path) -> Iterator[Storage]:
    where = ":memory:" if request.param == "memory" else request.getfixturevalue("empty_postgres")
    return open_storage(where, tmp_path, clock=clock)


@pytest.fixture
def signer(storage: Storage) -> HeadSigner:
    return HeadSigner(storage.secrets.audit)


async def write(storage: Storage, rows: int) -> None:
    for number in range(rows):
        await act(storage.door, lambda uow, n=number: uow.audit.add(AuditEntry(actor="system", action=f"a.{n}")))


def tamper(storage: Storage, *statements: str):
    """As the owner of the database, with its guards taken away."""

    def work(uow: UnitOfWork) -> None:
        connection = uow._runner._connection  # type: ignore[attr-defined]
        if storage.shared:
            connection.execute("SET LOCAL session_replication_role = replica")
        else:
            for verb in ("update", "delete"):
                connection.execute(f"DROP TRIGGER IF EXISTS audit_log_no_{verb}")
        for statement in statements:
            connection.execute(statement)
        uow.audit.add(AuditEntry(actor="system", action="a.after"))  # the program goes on over what it finds

    return work


async def test_a_whole_log_agrees_with_every_head(storage: Storage, signer: HeadSigner) -> None:
    assert await storage.door.run(signer.sign, None) is None
    await write(storage, 3)
    first = await storage.door.run(signer.sign, None)
    assert await storage.door.run(signer.sign, None) == first
    await write(storage, 2)
    second = await storage.door.run(signer.sign, None)
    assert first is not None
    assert second is not None
    assert (first.seq, second.seq) == (3, 5)
    kept = [SignedHead.from_line(one.as_line()) for one in (first, second)]
    assert kept == [first, second]
    report = await check_log(storage.door, signer.keys, kept)
    assert (report.problems, report.rows, report.signed, report.anchors) == ((), 5, 2, 2)
    await storage.close()


async def test_a_cut_tail_is_noticed_even_when_the_note_of_the_head_is_moved_along(
    storage: Storage, signer: HeadSigner
) -> None:
    await write(storage, 5)
    await storage.door.run(signer.sign, None)
    back = (
        "DELETE FROM audit_log WHERE seq > 3",
        "UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM audit_log WHERE seq = 3)",
    )
    await act(storage.door, tamper(storage, *back))
    assert await storage.door.read(lambda uow: uow.audit.verify()) is None  # the chain alone cannot tell
    report = await check_log(storage.door, signer.keys)
    assert any("row 5 is not the one that was signed" in problem for problem in report.problems)
    await storage.close()


async def test_a_log_written_anew_with_its_signed_heads_is_noticed_by_a_head_kept_elsewhere(
    storage: Storage, signer: HeadSigner
) -> None:
    await write(storage, 5)
    kept = await storage.door.run(signer.sign, None)
    assert kept is not None
    await act(
        storage.door, tamper(storage, "DELETE FROM audit_log", "DELETE FROM audit_head", "DELETE FROM audit_signed")
    )
    assert (await check_log(storage.door, signer.keys)).problems == ()
    (problem,) = (await check_log(storage.door, signer.keys, [kept])).problems
    assert "no such row" in problem
    await write(storage, 5)
    (problem,) = (await check_log(storage.door, signer.keys, [kept])).problems
    assert "another row stands there" in problem
    await storage.close()


async def test_swapped_rows_are_noticed(storage: Storage, signer: HeadSigner) -> None:
    await write(storage, 4)
    swap = [f"UPDATE audit_log SET seq = {to} WHERE seq = {seq}" for seq, to in ((2, 99), (3, 2), (99, 3))]
    await act(storage.door, tamper(storage, *swap))
    problem, *_ = (await check_log(storage.door, signer.keys)).problems
    assert "row 2 does not follow from the row before it" in problem
    await storage.close()


async def test_a_signed_head_that_was_changed_or_made_by_somebody_else_is_named(
    storage: Storage, signer: HeadSigner
) -> None:
    await write(storage, 2)
    head = await storage.door.run(signer.sign, None)
    assert head is not None
    forged = await storage.door.read(lambda uow: uow.audit.head())
    stranger = HeadSigner(throwaway().audit)
    report = await check_log(storage.door, stranger.keys, [replace(head, seq=1), head])
    assert forged.seq == 2
    assert any("signed with another key" in problem for problem in report.problems)
    assert any("its signature does not hold; the copy was changed" in problem for problem in report.problems)
    await storage.close()


async def test_only_what_is_a_year_old_may_go_and_the_rest_is_still_proven(
    storage: Storage, signer: HeadSigner, clock: Clock
) -> None:
    await write(storage, 3)
    await storage.door.run(signer.sign, None)
    clock.move(days=10)
    await write(storage, 3)
    later = await storage.door.run(signer.sign, None)
    clock.move(days=360)
    old = await storage.door.read(lambda uow: old_enough(uow, signer.keys, uow.now - timedelta(days=365)))
    assert old is not None
    assert old.seq == 3
    assert await storage.door.read(lambda uow: old_enough(uow, signer.keys, uow.now - timedelta(days=400))) is None
    assert await act(storage.door, lambda uow: uow.audit.cut(old)) == 3
    report = await check_log(storage.door, signer.keys, [later] if later else [])
    assert (report.problems, report.first_seq, report.rows) == ((), 4, 3)
    assert await storage.door.read(lambda uow: uow.audit.verify()) is None
    # Somebody cuts more than that.
    assert later is not None
    await act(storage.door, lambda uow: uow.audit.cut(later))
    report = await check_log(storage.door, signer.keys)
    assert any("less than a year ago" in problem for problem in report.problems)
    await storage.close()


async def test_rows_that_are_gone_without_a_head_are_named(storage: Storage, signer: HeadSigner) -> None:
    await write(storage, 4)
    at = "0" if not storage.shared else "now()"
    await act(
        storage.door,
        tamper(storage, f"INSERT INTO audit_cuts (seq, at) VALUES (2, {at})", "DELETE FROM audit_log WHERE seq <= 2"),
    )
    report = await check_log(storage.door, signer.keys)
    assert any("no signed head says what they ended with" in problem for problem in report.problems)
    await storage.close()

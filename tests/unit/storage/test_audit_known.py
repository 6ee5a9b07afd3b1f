"""A finding that cannot be undone is acknowledged: it stays listed, anything new rings, and without a key nobody acknowledges."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from handlers.audit_heads import Said
from handlers.audit_log import AuditReport, check_at_once
from handlers.audit_signing import Acknowledge
from handlers.ports import UnitOfWork
from storage.open import open_storage
from storage.secrets import load_secrets
from tests.contract.builders import Clock, act
from tests.handing_over import BY, Log, stranger
from tests.unit.storage.test_audit_handover import flips
from tests.unit.storage.test_audit_tampering import tamper

EDIT = "UPDATE audit_log SET actor = 'nobody' WHERE seq = 2"


@pytest.fixture(params=["memory", "postgres"])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Log]:
    where = ":memory:" if request.param == "memory" else request.getfixturevalue("empty_postgres")
    storage = open_storage(where, tmp_path, clock=Clock())
    load_secrets(tmp_path)
    made = Log(storage, tmp_path)
    await made.write(4)
    await made.sign()
    yield made
    await storage.close()


async def edit(log: Log, *statements: str) -> None:
    await act(log.storage.door, tamper(log.storage, *statements))


async def acknowledge(log: Log, why: str = "own") -> AuditReport:
    """All that is found; what is found then."""
    found = (await log.check()).flaws
    assert found
    await log.storage.door.run(log.signer.acknowledge, Acknowledge(tuple(one.mark for one in found), why, BY))
    return await log.check()


async def test_an_edited_row_is_known_and_says_who_said_so(log: Log) -> None:
    await edit(log, EDIT)
    report = await acknowledge(log)
    assert report.flaws == ()
    (known,) = report.known
    assert known.flaw.said == "row 2 was changed after it was written"
    assert known.head.said.why == "own"
    (row,) = await log.storage.door.read(lambda uow: uow.audit.rows(known.head.seq - 1, 1))
    assert (row.actor, row.action, row.detail) == (BY, "audit.acknowledged", '{"findings":1,"why":"own"}')
    await log.write(3)
    await log.sign()
    report = await log.check()
    assert (report.flaws, len(report.known)) == ((), 1)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("UPDATE audit_log SET actor = 'somebody' WHERE seq = 2", "row 2 was changed"),  # the same row once more
        ("UPDATE audit_log SET detail = '{}' WHERE seq = 2", None),  # as it was: nothing new
        ("UPDATE audit_log SET actor = 'nobody' WHERE seq = 1", "row 1 was changed"),
        ("UPDATE audit_log SET actor = 'nobody' WHERE seq = 3", "row 3 was changed"),
        ("DELETE FROM audit_log WHERE seq = 2", "row 2 is missing"),
    ],
)
async def test_whatever_is_new_is_found(log: Log, more: str, words: str | None) -> None:
    await edit(log, EDIT)
    await acknowledge(log)
    await edit(log, more)
    problems = await log.problems()
    assert problems == "" if words is None else words in problems


async def test_swapped_rows_a_gap_and_a_cut_tail_stay_known(log: Log) -> None:
    swap = [f"UPDATE audit_log SET seq = {to} WHERE seq = {seq}" for seq, to in ((2, 99), (3, 2), (99, 3))]
    await edit(log, *swap)
    assert (await acknowledge(log)).flaws == ()
    await edit(log, "DELETE FROM audit_log WHERE seq = 1")
    assert await log.problems() == "row 1 is missing"
    assert (await acknowledge(log, "disk")).flaws == ()
    head = await log.storage.door.read(lambda uow: uow.audit.head())

    def cut(uow: UnitOfWork) -> None:  # and nobody writes a row behind it: the cut is seen at the end
        tamper(log.storage, f"DELETE FROM audit_log WHERE seq >= {head.seq - 1}")(uow)
        uow.audit._new.clear()  # type: ignore[attr-defined]
        uow.set_setting("test", "something else is written")

    await act(log.storage.door, cut)
    assert "the end was cut off" in await log.problems()
    report = await acknowledge(log, "disk")
    assert report.flaws == ()
    assert any("is missing" in one.flaw.said for one in report.known)


async def test_an_acknowledgement_needs_a_key_that_counts(log: Log) -> None:
    await edit(log, EDIT)
    (flaw,) = (await log.check()).flaws
    said = Said(known=(flaw.mark,), why="own")
    await log.put(await log.forge(stranger("audit_key"), 5, said))
    problems = await log.problems()
    assert "row 2 was changed" in problems
    assert "another key" in problems


async def test_an_old_key_acknowledges_nothing_any_more_and_what_it_did_stays(log: Log) -> None:
    thief = log.stolen()
    await edit(log, EDIT)
    await acknowledge(log)
    await log.hand_over()
    await log.write()
    assert len((await log.check()).known) == 1
    await edit(log, "UPDATE audit_log SET actor = 'nobody' WHERE seq = 3")
    (flaw,) = (await log.check()).flaws
    seq = (await log.storage.door.read(lambda uow: uow.audit.head())).seq
    await log.put(await log.forge(thief, seq, Said(known=(flaw.mark,), why="own")))
    assert "row 3 was changed" in await log.problems()


async def test_an_acknowledgement_that_is_taken_away_or_moved_is_none(log: Log) -> None:
    await edit(log, EDIT)
    await acknowledge(log)
    signed = await log.storage.door.read(lambda uow: uow.audit.signed())
    await edit(log, f"DELETE FROM audit_signed WHERE seq = {signed[-1].seq}")
    assert "row 2 was changed" in await log.problems()
    moved = signed[-1].seq + 1
    await log.put(replace(signed[-1], seq=moved))
    assert "row 2 was changed" in await log.problems()


async def test_too_much_is_not_acknowledged_row_by_row(log: Log) -> None:
    await log.write(80)
    await edit(log, "UPDATE audit_log SET actor = 'nobody'")
    report = await log.check()
    assert len(report.flaws) == 51
    assert report.flaws[-1].code == ""
    assert "the check stopped at row 51" in report.problems[-1]


@pytest.mark.parametrize("log", ["memory"], indirect=True)
async def test_a_row_that_cannot_be_read_is_known_as_it_lies_there(log: Log) -> None:
    await edit(log, "UPDATE audit_log SET actor = CAST(x'ff' AS TEXT) WHERE seq = 2")
    assert (await acknowledge(log, "disk")).flaws == ()
    await edit(log, "UPDATE audit_log SET actor = CAST(x'fe' AS TEXT) WHERE seq = 2")
    assert "row 2 cannot be read" in await log.problems()


@pytest.mark.parametrize("log", ["memory"], indirect=True)
async def test_every_byte_of_an_acknowledgement(log: Log) -> None:
    await edit(log, EDIT)
    await acknowledge(log)
    seq = (await log.storage.door.read(lambda uow: uow.audit.signed()))[-1].seq

    def work(uow: UnitOfWork) -> list[tuple[str, int]]:
        connection: sqlite3.Connection = uow._runner._connection  # type: ignore[attr-defined]
        keys = log.signer.keys
        return [
            one for one in flips(connection, seq) if "row 2 was changed" not in str(check_at_once(uow, keys).problems)
        ]

    assert await act(log.storage.door, work) == []

"""The audit key is handed over: the log is proven from the first key to the newest, and nothing but a handover counts."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.audit_heads import AuditMark, Said, SignedHead, sign_head
from handlers.audit_log import check_at_once, old_enough
from handlers.audit_signing import HandOver, HeadSigner
from handlers.errors import KeyMissing
from handlers.ports import UnitOfWork
from storage.audit_keys import HANDOVERS, prepare_audit_key, read_handovers
from storage.open import Storage, open_storage
from storage.secrets import load_secrets
from tests.contract.builders import Clock, act
from tests.handing_over import BY, Log, stranger
from tests.unit.storage.test_audit_tampering import tamper

OLD, NEW, END = 3, 6, 9
"""Rows of the log: the newest head of the first key, the first row after the handover's, the newest head of the second key."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "postgres"])
async def log(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> AsyncIterator[Log]:
    where = ":memory:" if request.param == "memory" else request.getfixturevalue("empty_postgres")
    storage = open_storage(where, tmp_path, clock=clock)
    load_secrets(tmp_path)
    yield Log(storage, tmp_path)
    await storage.close()


async def fill(log: Log, clock: Clock | None = None) -> list[SignedHead]:
    """Three rows and a head, a row, the handover, three more and a head."""
    await log.write(3)
    first = await log.sign()
    await log.write()
    handover = await log.hand_over()
    await log.write(4)
    last = await log.sign()
    assert (first.seq, handover.seq, last.seq) == (OLD, NEW - 1, END)
    return [first, handover, last]


async def test_the_log_is_proven_over_the_handover(log: Log) -> None:
    heads = await fill(log)
    report = await log.check(*heads)
    assert (report.problems, report.keys, report.signed, report.anchors) == ((), 2, 3, 3)
    first, handover, last = heads
    assert first.key == handover.key != last.key == handover.said.next_key
    assert [SignedHead.from_line(one.as_line()) for one in heads] == heads
    (row,) = await log.storage.door.read(lambda uow: uow.audit.rows(NEW - 2, 1))
    assert (row.actor, row.action, row.object) == (BY, "audit_key.handed_over", "audit_key_2")
    assert sorted(path.name for path in log.folder.glob("audit*")) == [HANDOVERS, "audit_key_2"]
    await log.hand_over()
    await log.write()
    await log.sign()
    report = await log.check(*heads)
    assert (report.problems, report.keys) == ((), 3)
    assert await old_enough_seq(log, timedelta(days=-1)) == END + 2


async def old_enough_seq(log: Log, ago: timedelta) -> int | None:
    found = await log.storage.door.read(lambda uow: old_enough(uow, log.signer.keys, uow.now - ago))
    return None if found is None else found.seq


async def test_a_process_from_before_signs_with_the_next_key(log: Log) -> None:
    long_running = log.signer
    await log.write()
    await log.hand_over()
    await log.write()
    head = await log.storage.door.run(long_running.sign, None)
    assert head is not None
    assert head.key == log.stolen("audit_key_2").public
    assert (await log.check()).problems == ()


async def test_the_key_that_is_missing_is_called_by_its_name(log: Log) -> None:
    await log.write()
    await log.hand_over()
    long_running = log.signer
    (log.folder / "audit_key_2").unlink()
    with pytest.raises(KeyMissing, match="secrets/audit_key_2 is missing"):
        await log.storage.door.run(long_running.sign, None)
    (log.var / "data.db").write_bytes(b"somebody")
    with pytest.raises(KeyMissing, match="secrets/audit_key_2 is missing"):
        load_secrets(log.var)


async def test_a_prepared_key_signs_nothing(log: Log) -> None:
    await log.write()
    name = prepare_audit_key(log.folder)
    assert prepare_audit_key(log.folder) == name == "audit_key_2"
    assert (await log.sign()).key == log.stolen().public
    assert (await log.check()).problems == ()


async def test_handing_over_again_changes_nothing(log: Log) -> None:
    await log.write()
    name = prepare_audit_key(log.folder)
    first, second = [await log.storage.door.run(log.signer.hand_over, HandOver(name, BY)) for _ in range(2)]
    assert first == second
    assert (await log.storage.door.read(lambda uow: uow.audit.head())).seq == 2


# --- the old key is stolen ------------------------------------------------------------------------------------------------


async def test_what_the_old_key_signs_later_is_refused(log: Log) -> None:
    thief = log.stolen()
    await fill(log)
    await log.put(await log.forge(thief, NEW))
    assert "signed with a key that had been handed over before" in await log.problems()
    assert await old_enough_seq(log, timedelta(days=-1)) == END
    kept = await log.forge(thief, NEW + 1)
    assert "after that was handed over" in await log.problems(kept)


async def test_the_old_key_cannot_rewrite_what_lies_before_the_handover(log: Log) -> None:
    """Rows, heads and the chain anew up to the handover, and the handover itself left as it is."""
    thief = log.stolen()
    await fill(log)
    await act(
        log.storage.door,
        tamper(
            log.storage,
            f"DELETE FROM audit_log WHERE seq > {OLD}",
            f"DELETE FROM audit_signed WHERE seq > {OLD}",
            f"UPDATE audit_head SET seq = {OLD}, hash = (SELECT hash FROM audit_log WHERE seq = {OLD})",
        ),
    )
    await log.write(NEW)
    assert "this log has not that row" in await log.problems()
    await log.put(await log.forge(thief, NEW - 2))
    assert "this log has not that row" in await log.problems()
    assert "taken" not in await log.problems()


async def test_a_backdated_head_of_the_old_key_is_noticed(log: Log, clock: Clock) -> None:
    """With it the log could be made to let go of rows that are not a year old."""
    thief = log.stolen()
    await fill(log)
    long_ago = clock.now - timedelta(days=700)
    await log.put(await log.forge(thief, OLD + 1, at=long_ago))
    assert f"(row {NEW - 1}) does not follow from the one before it" in await log.problems()


async def test_the_old_key_cannot_hand_over_to_somebody_else(log: Log) -> None:
    thief, other = log.stolen(), stranger()
    await fill(log)
    early = await log.forge(thief, OLD + 1, then=other)
    await log.put(early)
    assert "hands the audit key over to audit_key_2, which is not here" in await log.problems()
    await log.put(await log.forge(other, NEW, Said(after=early.name)))
    assert "another key than this installation's audit key" in await log.problems()


async def test_two_keys_never_sign_side_by_side(log: Log) -> None:
    """On a machine to which the next key was not copied."""
    await log.write(2)
    name = prepare_audit_key(log.folder)
    await log.storage.door.run(log.signer.hand_over, HandOver(name, BY))
    there = (log.folder / name).read_bytes()
    (log.folder / name).unlink()
    await log.write()
    with pytest.raises(KeyMissing, match="audit_key_2 is missing here"):
        await log.sign()
    prepare_audit_key(log.folder)  # of the same name, and another key
    with pytest.raises(KeyMissing, match="audit_key_2 is missing here"):
        await log.hand_over()
    assert "which is not here. Was that done on another machine?" in await log.problems()
    (log.folder / name).unlink()
    (log.folder / name).write_bytes(there)
    (log.folder / name).chmod(0o400)
    await log.sign()
    assert (await log.check()).problems == ()


async def test_what_a_restore_left_behind_is_forgotten_with_the_rows_of_that_time(log: Log, clock: Clock) -> None:
    """An older log goes on under the newer key; when the row that says so is a year old and goes, nothing is missed."""
    await log.write(OLD)
    await log.sign()
    await log.write(40)
    await log.hand_over()
    back = f"UPDATE audit_head SET seq = {OLD}, hash = (SELECT hash FROM audit_log WHERE seq = {OLD})"
    gone = [f"DELETE FROM {table} WHERE seq > {OLD}" for table in ("audit_log", "audit_signed")]
    await act(log.storage.door, tamper(log.storage, *gone, back))
    assert "this log has not that row" in await log.problems()
    kept = await log.storage.door.run(log.signer.keep_over_restore, "system")
    assert kept is not None
    assert await log.storage.door.run(log.signer.keep_over_restore, "system") is None
    assert (await log.check()).problems == ()
    clock.move(days=1)
    await log.write()
    newer = await log.sign()
    clock.move(days=366)
    await log.write()
    await log.sign()
    upto = await log.storage.door.read(lambda uow: old_enough(uow, log.signer.keys, uow.now - timedelta(days=365)))
    assert upto == newer
    await act(log.storage.door, lambda uow: uow.audit.cut(newer))
    report = await log.check()
    assert (report.problems, report.first_seq) == ((), newer.seq + 1)


# --- somebody may write to the database, and has no key -------------------------------------------------------------------


async def test_an_invented_ancestor_does_not_count(log: Log) -> None:
    """The newer key must have agreed: a handover that the older one alone has signed says nothing."""
    ours, inventor = log.stolen(), stranger("audit_key")
    await log.write(3)
    honest = await log.forge(inventor, 2, then=stranger())
    said = replace(honest.said, next_key=ours.public, next_name="audit_key")
    forged = sign_head(inventor, AuditMark(honest.seq, honest.hash), honest.at, said)
    assert not forged.holds
    await log.put(await log.forge(inventor, 1, Said()))
    await log.put(forged)
    await log.sign()
    problems = await log.problems()
    assert "its signature does not hold" in problems
    assert "another key than this installation's audit key" in problems


async def test_a_foreign_head_never_lets_the_log_go(log: Log, clock: Clock) -> None:
    await log.write(3)
    await log.put(await log.forge(stranger(), 3, at=clock.now - timedelta(days=700)))
    assert await old_enough_seq(log, timedelta(days=365)) is None


ROW = f"DELETE FROM audit_log WHERE seq = {NEW - 1}"
RECORD = f"DELETE FROM audit_signed WHERE seq = {NEW - 1}"
ALL_SINCE = (f"DELETE FROM audit_log WHERE seq >= {NEW - 1}", f"DELETE FROM audit_signed WHERE seq >= {NEW - 1}")
HEAD_BACK = f"UPDATE audit_head SET seq = {NEW - 2}, hash = (SELECT hash FROM audit_log WHERE seq = {NEW - 2})"


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        ((ROW,), f"row {NEW - 1} is missing"),
        ((RECORD,), "the signed record that the audit key was handed over to audit_key_2 (row 5) was taken out"),
        ((ROW, RECORD), "this log has not that row"),
        ((*ALL_SINCE, HEAD_BACK), "this log has not that row"),
        (("DELETE FROM audit_log", "DELETE FROM audit_signed", "DELETE FROM audit_head"), "this log has not that row"),
    ],
)
async def test_a_handover_that_was_cut_out_is_noticed(log: Log, statements: tuple[str, ...], words: str) -> None:
    await fill(log)
    await act(log.storage.door, tamper(log.storage, *statements))
    assert words in await log.problems()


async def test_without_the_note_beside_the_keys_its_record_is_proof_enough_and_missed_all_the_same(log: Log) -> None:
    await fill(log)
    (log.folder / HANDOVERS).unlink()
    assert (await log.check()).problems == ()
    await act(log.storage.door, tamper(log.storage, RECORD))
    problems = await log.problems()
    assert "another key than this installation's audit key" in problems
    assert f"(row {END}) does not follow from the one before it" in problems


async def test_a_damaged_note_is_none(log: Log) -> None:
    await fill(log)
    path = log.folder / HANDOVERS
    (noted,) = read_handovers(log.folder)
    line = path.read_text()
    for place in range(0, len(line), 7):
        path.unlink()
        path.write_text(line[:place] + chr(ord(line[place]) ^ 1) + line[place + 1 :])
        path.chmod(0o400)
        assert [one for one in read_handovers(log.folder) if one != noted] == []
        assert (await log.check()).problems == ()


# --- every byte -----------------------------------------------------------------------------------------------------------

COLUMNS = ("seq", "hash", "at", "key", "signature", "says")


def flips(connection: sqlite3.Connection, seq: int) -> Iterator[tuple[str, int]]:
    """Flip one byte after the other of a signed head; after each yield it is put back."""
    for column in COLUMNS:
        (value,) = connection.execute(f"SELECT {column} FROM audit_signed WHERE seq = ?", (seq,)).fetchone()
        raw = value.to_bytes(8, "big") if isinstance(value, int) else value.encode() if column == "says" else value
        for place in range(len(raw)):
            if column == "seq" and place == 0:
                continue  # the sign of a row's number
            changed = raw[:place] + bytes([raw[place] ^ (0x40 if column == "seq" else 1)]) + raw[place + 1 :]
            now = int.from_bytes(changed, "big") if isinstance(value, int) else changed
            written = now.decode() if column == "says" and isinstance(now, bytes) else now
            connection.execute(f"UPDATE audit_signed SET {column} = ? WHERE seq = ?", (written, seq))
            yield column, place
            at = written if column == "seq" else seq
            connection.execute(f"UPDATE audit_signed SET {column} = ? WHERE seq = ?", (value, at))


@pytest.mark.parametrize("log", ["memory"], indirect=True)
async def test_every_byte_of_the_signed_handover(log: Log) -> None:
    heads = await fill(log)

    def work(uow: UnitOfWork) -> tuple[int, list[tuple[str, int]]]:
        connection, keys = uow._runner._connection, log.signer.keys  # type: ignore[attr-defined]
        count, missed = 0, []
        for column, place in flips(connection, NEW - 1):
            count += 1
            if not check_at_once(uow, keys).flaws:
                missed.append((column, place))
        assert check_at_once(uow, keys).flaws == ()
        return count, missed

    count, missed = await act(log.storage.door, work)
    assert count == 7 + 32 + 8 + 32 + 64 + len(heads[1].says)
    assert missed == []


@pytest.mark.parametrize("log", ["memory"], indirect=True)
@pytest.mark.parametrize("column", ["says", "at", "key"])
async def test_a_signed_head_that_cannot_even_be_read_is_named(log: Log, column: str) -> None:
    await fill(log)
    broken = {"says": "CAST(x'ff' AS TEXT)", "at": "9223372036854775807", "key": "'no key'"}[column]
    await act(log.storage.door, tamper(log.storage, f"UPDATE audit_signed SET {column} = {broken} WHERE seq = {END}"))
    assert f"(row {END}) was changed" in await log.problems()


async def test_a_signer_over_a_storage_of_its_own_has_one_key(log: Log) -> None:
    storage: Storage = log.storage
    assert [one.name for one in HeadSigner(storage.secrets.audit).keys.held()] == ["audit_key"]

"""A backup comes back whole on both databases: in quarantine, with nobody in it who was erased since, or is refused in words."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from handlers.errors import KeyMissing
from handlers.factors import Factor, FactorKind
from handlers.model import (
    Address,
    InboxState,
    OutboxKind,
    OutboxState,
    SignIn,
    new_uid,
)
from handlers.ports import UnitOfWork
from storage import key_care
from storage import restore as restores
from storage.backup import BackupBroken, NotEmpty, backup
from storage.crypto import Unreadable
from storage.drill import drill
from storage.installation import Installation
from storage.keystore import KeyStore
from storage.open import Storage
from storage.quarantine import lift_quarantine
from storage.restore import BESIDE, IN_PLACE, OtherDatabase, restore
from storage.second_place import SecondPlaceGone, copy_keys, newest, note_wishes, read_wishes
from storage.secrets import load_secrets
from storage.wishes import open_wishes
from tests.contract.builders import START, Clock, act, case_of, line, outbox_row, staff
from tests.contract.houses import Houses, live, opened, problems

LEASE = timedelta(seconds=30)


async def goes_out(storage: Storage) -> list[OutboxKind]:
    jobs = await act(storage.door, lambda uow: uow.outbox.claim(99, LEASE, frozenset()))
    return [job.row.kind for job in jobs]


async def test_everything_comes_back_and_waits_in_quarantine(houses: Houses, tmp_path: Path) -> None:
    here, there = houses.new(), houses.new()
    async with opened(here) as storage:
        contact_uid, case_uid = await live(storage)
        lan = staff()
        await act(storage.door, lambda uow: uow.staff.save(lan))
        signed = SignIn(token_hash="t" * 64, staff_uid=lan.uid, created_at=START, last_seen_at=START)
        await act(storage.door, lambda uow: uow.staff.sign_in(signed))
        done = backup(here, tmp_path / "copy", include_secrets=True, clock=Clock())
    assert (done.keys, done.apart) == (2, False)
    assert done.rows >= 8
    put = restore(tmp_path / "copy", there, clock=Clock())
    assert (put.held, put.erased, put.keys_from, put.knows_erasures) == (1, 0, BESIDE, False)
    assert problems(there) == []
    async with opened(there) as again:
        (shown,) = await act(again.door, lambda uow: uow.lines.of_case(case_uid))
        assert (shown.text, shown.delivery) == ("dòng của 1", OutboxState.HELD)
        assert [one.name for one in await act(again.door, lambda uow: uow.staff.all())] == ["Mai"]
        assert await act(again.door, lambda uow: uow.staff.signed_in("t" * 64)) is None
        contact = await act(again.door, lambda uow: uow.contacts.get(contact_uid))
        assert contact.session == {"step": "a.1"}
        row = (await act(again.door, lambda uow: uow.inbox.oldest([contact_uid])))[contact_uid]
        assert (row.message.text, row.state) == ("tin của 1", InboxState.NEW)
        assert await goes_out(again) == [OutboxKind.PAGE]  # staff are called as ever
        await act(again.door, lambda uow: uow.outbox.release([contact_uid]))
        assert await goes_out(again) == []
        await live(again, 2)  # numbers go on where they were: nothing collides with what came back
        assert await goes_out(again) == [OutboxKind.PAGE]
        assert await again.door.run(lift_quarantine, "operator") is True
        assert await goes_out(again) == [OutboxKind.BOT] * 2
        assert await act(again.door, lambda uow: uow.audit.verify()) is None


async def test_who_was_erased_since_does_not_come_back(houses: Houses, tmp_path: Path) -> None:
    second = tmp_path / "second"
    here, there = houses.new(second=second), houses.new(second=second)
    async with opened(here) as storage:
        contact_uid, case_uid = await live(storage)
        kept, kept_case = await live(storage, 2)
        copy_keys(here.secrets, storage.keys, second, Clock()(), begin=True)
        done = backup(here, tmp_path / "copy", clock=Clock())
        assert done.apart
        assert not list((tmp_path / "copy").glob("keys*"))
        await act(storage.door, lambda uow: (uow.cases.destroy(case_uid), uow.contacts.forget(contact_uid)))
        later = Clock()
        later.move(minutes=2)
        assert copy_keys(here.secrets, storage.keys, second, later()).fresh
    put = restore(tmp_path / "copy", there, clock=Clock())
    assert (put.erased, put.knows_erasures) == (2, True)
    assert put.keys_from.startswith("keys-20260308T190200Z.db")
    assert problems(there) == []
    async with opened(there) as again:
        assert set(await act(again.door, lambda uow: uow.contacts.load([contact_uid, kept]))) == {kept}
        assert await act(again.door, lambda uow: uow.cases.by_code("K1")) is None
        assert await act(again.door, lambda uow: uow.lines.of_case(case_uid)) == []
        assert [one.text for one in await act(again.door, lambda uow: uow.lines.of_case(kept_case))] == ["dòng của 2"]


async def test_keys_that_are_still_in_place_are_the_newest(houses: Houses, tmp_path: Path) -> None:
    here = houses.new()
    async with opened(here) as storage:
        contact_uid, case_uid = await live(storage)
        await live(storage, 2)
        backup(here, tmp_path / "copy", clock=Clock())
        await act(storage.door, lambda uow: (uow.cases.destroy(case_uid), uow.contacts.forget(contact_uid)))
    if here.shared:  # the database alone is lost
        here = replace(here, database=houses.new().database)
    else:
        for path in here.var.glob("data.db*"):
            path.unlink()
    put = restore(tmp_path / "copy", here, clock=Clock())
    assert (put.erased, put.keys_from) == (2, IN_PLACE)
    assert problems(here) == []


async def test_nothing_is_overwritten_and_the_kind_must_fit(houses: Houses, tmp_path: Path) -> None:
    here = houses.new()
    async with opened(here) as storage:
        await live(storage)
    backup(here, tmp_path / "copy", include_secrets=True)
    with pytest.raises(NotEmpty, match=r"data\.db|holds tables"):
        restore(tmp_path / "copy", here)
    other = Installation(tmp_path / "other", database="" if here.shared else "postgresql://nobody@localhost/x")
    with pytest.raises(OtherDatabase):
        restore(tmp_path / "copy", other)
    with pytest.raises(NotEmpty):
        backup(here, tmp_path / "copy")
    with pytest.raises(NotEmpty, match="second place"):
        backup(replace(here, second=tmp_path / "s"), tmp_path / "s" / "copy")


@pytest.mark.parametrize("harm", ["changed", "cut", "gone"])
async def test_any_damaged_file_is_found_before_anything_is_made(houses: Houses, tmp_path: Path, harm: str) -> None:
    here, there = houses.new(), houses.new()
    async with opened(here) as storage:
        await live(storage)
    backup(here, tmp_path / "copy", include_secrets=True)
    files = [path for path in (tmp_path / "copy").rglob("*") if path.is_file() and path.parent.name != "secrets"]
    assert len(files) >= 3
    for path in files:
        spoilt = tmp_path / "spoilt"
        shutil.rmtree(spoilt, ignore_errors=True)
        shutil.copytree(tmp_path / "copy", spoilt)
        spoil(spoilt / path.relative_to(tmp_path / "copy"), harm)
        with pytest.raises(BackupBroken):
            restore(spoilt, there)
    assert restore(tmp_path / "copy", there).held == 1  # nothing was left behind


def spoil(path: Path, harm: str) -> None:
    content = bytearray(path.read_bytes())
    if harm == "gone":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(content[: len(content) - 1])
    else:
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)


async def test_an_interrupted_restore_leaves_nothing_that_could_start(
    houses: Houses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = houses.new(), houses.new()
    async with opened(here) as storage:
        await live(storage)
    backup(here, tmp_path / "copy", include_secrets=True)

    def fail(*_: object) -> None:
        raise OSError("no")

    with monkeypatch.context() as broken:
        broken.setattr(restores, "begin_quarantine", fail)
        with pytest.raises(OSError, match="no"):
            restore(tmp_path / "copy", there)
    if there.shared:
        with psycopg.connect(there.database) as look:
            assert look.execute("SELECT to_regclass('contacts')").fetchone() == (None,)
    else:
        assert not there.file.exists()
    assert restore(tmp_path / "copy", there).held == 1
    assert problems(there) == []


async def test_keys_older_than_the_data_are_refused_and_a_newer_copy_is_asked_for(
    houses: Houses, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    here, there = houses.new(), houses.new()
    async with opened(here) as storage:
        await live(storage)
        copy_keys(here.secrets, storage.keys, second, Clock()(), begin=True)
        await live(storage, 2)
    backup(here, tmp_path / "copy", include_secrets=True)
    with pytest.raises(BackupBroken, match="2 keys are missing: the keys are older"):
        restore(tmp_path / "copy", there, keys=newest(second))
    with pytest.raises(KeyMissing, match="no copy of the key store"):
        restore(tmp_path / "copy", houses.new(), keys=tmp_path / "nowhere")


async def test_a_second_factor_keeps_nobodys_messages_from_coming_back(houses: Houses, tmp_path: Path) -> None:
    """One was taken away since the backup, another one's key is in no copy: both are owed, nobody was erased."""
    second = tmp_path / "second"
    here, there = houses.new(), houses.new()
    lan = staff()
    gone, fresh = (
        Factor(uid=new_uid(), staff_uid=lan.uid, kind=FactorKind.TOTP, secret=b"seed", created_at=START)
        for _ in range(2)
    )
    async with opened(here) as storage:
        _, case_uid = await live(storage)
        await act(storage.door, lambda uow: (uow.staff.save(lan), uow.factors.add(gone)))
        copy_keys(here.secrets, storage.keys, second, START, begin=True)
        await act(storage.door, lambda uow: uow.factors.add(fresh))
        backup(here, tmp_path / "copy", include_secrets=True)
    with closing(KeyStore(newest(second), load_secrets(here.var), Clock())) as copy:  # as a copy of later would be
        copy.destroy([gone.uid])
    put = restore(tmp_path / "copy", there, keys=newest(second))
    assert put.erased == 0
    async with opened(there) as again:
        assert [one.text for one in await act(again.door, lambda uow: uow.lines.of_case(case_uid))] == ["dòng của 1"]
        owed = await act(again.door, lambda uow: uow.factors.of(lan.uid))
        assert [(one.uid, one.secret) for one in owed] == [(gone.uid, b""), (fresh.uid, b"")]
    (said,) = problems(there)
    assert said.startswith("key-missing: 1 records")


async def test_checking_says_that_the_data_are_older_than_the_program(houses: Houses) -> None:
    """Whoever looks before the upgrade reads one line, and meets no table that is not there yet."""
    here = houses.new()
    async with opened(here) as storage:
        await live(storage)
    if here.shared:
        with closing(here.connect("test")) as there:
            there.execute("UPDATE alembic_version SET version_num = '0001'")
            there.execute("DROP TABLE factors")
    else:
        with closing(sqlite3.connect(here.file)) as file:
            file.execute("UPDATE alembic_version SET version_num = '0001'")
            file.execute("DROP TABLE factors")
            file.commit()
    (said,) = key_care.check(here, START)
    assert said.startswith("older-database: ")
    assert "db upgrade" in said


async def test_other_secrets_open_nothing(houses: Houses, tmp_path: Path) -> None:
    here, there = houses.new(), houses.new()
    async with opened(here) as storage:
        await live(storage)
    backup(here, tmp_path / "copy")
    with pytest.raises(KeyMissing, match="kek_1"):
        restore(tmp_path / "copy", there)
    load_secrets(tmp_path / "strange")
    with pytest.raises(Unreadable):
        restore(tmp_path / "copy", there, secrets=tmp_path / "strange" / "secrets")
    manifest = json.loads((tmp_path / "copy" / "manifest.json").read_text())
    assert not manifest["secrets"]


async def test_a_backup_without_secrets_shows_none_of_a_thousand_canaries(houses: Houses, tmp_path: Path) -> None:
    here = houses.new()
    canaries = [f"chim-{new_uid()}" for _ in range(500)]

    def write(uow: UnitOfWork) -> None:
        for number, canary in enumerate(canaries):
            (contact,) = uow.contacts.open([Address("telegram", f"id-{canary}")])
            case = case_of(contact, f"C{number}")
            uow.cases.add(case)
            uow.lines.add(line(case, 1, canary))
            uow.outbox.add(outbox_row(contact, f"gửi {canary}", case_uid=case.uid))

    async with opened(here) as storage:
        await act(storage.door, write)
        backup(here, tmp_path / "copy")
        raw_keys = [here.secrets / name for name in ("kek_1", "lookup_pepper_1", "audit_key", "session_key")]
    whole = b"".join(path.read_bytes() for path in (tmp_path / "copy").rglob("*") if path.is_file())
    assert b"C499" in whole  # it was really looked at
    assert [one for one in canaries if one.encode() in whole or one[5:].encode() in whole] == []
    assert [path.name for path in raw_keys if path.read_bytes() in whole] == []


async def test_a_backup_under_load_finds_every_key(houses: Houses, tmp_path: Path) -> None:
    here = houses.new()
    async with opened(here) as storage:
        await live(storage, 0)
        stop = False

        async def write() -> int:
            number = 0
            while not stop:
                number += 1
                await live(storage, number)
            return number

        writing = asyncio.create_task(write())
        for attempt in range(2):
            await asyncio.sleep(0.05)
            await asyncio.to_thread(backup, here, tmp_path / f"copy{attempt}", include_secrets=True)
        stop = True
        assert await writing > 2
    for attempt in range(2):
        there = houses.new()
        restore(tmp_path / f"copy{attempt}", there)
        assert problems(there) == []


async def test_with_the_disk_of_the_keys_away_no_backup_is_made_that_could_not_be_read(
    houses: Houses, tmp_path: Path
) -> None:
    here = houses.new(second=tmp_path / "unplugged")
    async with opened(here) as storage:
        await live(storage)
    with pytest.raises(SecondPlaceGone):
        backup(here, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


async def test_a_wish_to_be_erased_outlives_the_backup_from_before_it(houses: Houses, tmp_path: Path) -> None:
    second, hour = tmp_path / "second", START + timedelta(hours=24)
    here, there = houses.new(second=second), houses.new(second=second)
    async with opened(here) as storage:
        asked, _ = await live(storage, 1)
        other, _ = await live(storage, 2)
        copy_keys(here.secrets, storage.keys, second, START, begin=True)
        backup(here, tmp_path / "copy", clock=Clock())

        def wish(uow: UnitOfWork) -> None:
            uow.contacts.save(replace(uow.contacts.get(asked), hidden_at=START, erase_at=hour, quiet=True))

        await act(storage.door, wish)
        note_wishes(second, await act(storage.door, lambda uow: open_wishes(uow)))  # type: ignore[arg-type]
    assert read_wishes(second) == {asked: hour}
    assert drill(tmp_path / "copy", there, clock=Clock()).hidden == 1
    assert restore(tmp_path / "copy", there, clock=Clock()).hidden == 1
    async with opened(there) as again:
        contact = await act(again.door, lambda uow: uow.contacts.get(asked))
        assert (contact.hidden_at, contact.erase_at, contact.quiet) == (START, hour, True)
        assert (await act(again.door, lambda uow: uow.contacts.get(other))).hidden_at is None

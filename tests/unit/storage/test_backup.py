"""A backup taken while others write restores to the whole of it, in quarantine, or is refused in words."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers.errors import BinhAnError, KeyMissing
from handlers.model import Address, OutboxKind, OutboxState, new_uid
from handlers.ports import UnitOfWork
from storage import backup as backups
from storage import restore as restores
from storage import schema
from storage.backup import BackupBroken, NotEmpty
from storage.checking import check_installation
from storage.crypto import Unreadable
from storage.installation import Installation
from storage.lock import AlreadyServing, ServeLock
from storage.open import Storage, open_storage
from storage.quarantine import lift_quarantine
from storage.secrets import NAMES, load_secrets
from tests.contract.builders import Clock, act, case_of, escalation, line, outbox_row, page

LEASE = timedelta(seconds=30)


def backup(var: Path, to: Path, **more: Any) -> Path:
    return backups.backup(Installation(var), to, **more).path


def restore(source: Path, var: Path, **more: Any) -> restores.Restored:
    return restores.restore(source, Installation(var), **more)


async def live(storage: Storage, number: int = 1) -> tuple[str, str]:
    def work(uow: UnitOfWork) -> tuple[str, str]:
        (contact,) = uow.contacts.open([Address("telegram", f"p{number}")])
        case = case_of(contact, f"K{number}")
        said = line(case, 1, f"dòng của {number}")
        uow.cases.add(case)
        uow.escalations.add(escalation(case))
        uow.lines.add(said)
        uow.outbox.add(outbox_row(contact, said.text, line_uid=said.uid, case_uid=case.uid))
        uow.outbox.add(page(case))
        return contact.uid, case.uid

    return await act(storage.door, work)


def parts(tmp_path: Path) -> tuple[Path, Path, Path]:
    return tmp_path / "var", tmp_path / "copy", tmp_path / "new"


@pytest.mark.parametrize("include_secrets", [True, False])
async def test_what_was_backed_up_comes_back_and_waits_in_quarantine(tmp_path: Path, include_secrets: bool) -> None:
    var, copy, new = parts(tmp_path)
    storage = open_storage("", var, clock=Clock())
    contact_uid, case_uid = await live(storage)
    assert backup(var, copy, include_secrets=include_secrets, clock=Clock()) == copy
    await storage.close()
    secrets = None if include_secrets else var / "secrets"
    done = restore(copy, new, secrets=secrets, clock=Clock())
    assert (done.held, done.erased, done.made_at) == (1, 0, "2026-03-08T19:00:00+00:00")
    assert check_installation(new) == []
    again = open_storage("", new, clock=Clock())
    (shown,) = await act(again.door, lambda uow: uow.lines.of_case(case_uid))
    assert (shown.text, shown.delivery) == ("dòng của 1", OutboxState.HELD)

    async def kinds() -> list[OutboxKind]:
        jobs = await act(again.door, lambda uow: uow.outbox.claim(9, LEASE, frozenset()))
        return [job.row.kind for job in jobs]

    assert await kinds() == [OutboxKind.PAGE]  # staff are called as ever
    await act(again.door, lambda uow: uow.outbox.release([contact_uid]))
    assert await kinds() == []
    assert await again.door.run(lift_quarantine, "operator") is True
    assert await again.door.run(lift_quarantine, "operator") is False
    assert await kinds() == [OutboxKind.BOT]
    assert await act(again.door, lambda uow: uow.audit.verify()) is None
    await again.close()


async def test_a_backup_belongs_to_its_owner_and_says_what_it_is(tmp_path: Path) -> None:
    var, copy, _ = parts(tmp_path)
    storage = open_storage("", var)
    await live(storage)
    backup(var, copy)
    await storage.close()
    assert sorted(path.name for path in listing(copy)) == ["data.db", "keys.db", "manifest.json"]
    assert not [path for path in [copy, *listing(copy)] if stat.S_IMODE(path.stat().st_mode) & 0o077]
    manifest = json.loads(listing(copy)[2].read_text())
    assert (manifest["format"], manifest["revision"], manifest["secrets"]) == (2, schema.head(), False)
    assert (manifest["database"], manifest["keys"], manifest["rows"]["lines"]) == ("sqlite", "beside", 1)
    assert b"telegram|p1" not in b"".join(path.read_bytes() for path in listing(copy))


def listing(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_a_backup_under_load_finds_every_key(tmp_path: Path) -> None:
    var, copy, new = parts(tmp_path)
    storage = open_storage("", var)
    stop = False

    async def write() -> int:
        number = 0
        while not stop:
            number += 1
            await live(storage, number)
        return number

    writing = asyncio.create_task(write())
    for attempt in range(3):
        await asyncio.sleep(0.05)
        await asyncio.to_thread(backup, var, tmp_path / f"copy{attempt}", include_secrets=True)
    stop = True
    assert await writing > 3
    await storage.close()
    for attempt in range(3):
        restore(tmp_path / f"copy{attempt}", tmp_path / f"new{attempt}")
        assert check_installation(tmp_path / f"new{attempt}") == []
    assert not copy.exists()
    assert not new.exists()


async def test_an_erasure_that_came_between_the_copies_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    var, copy, new = parts(tmp_path)
    storage = open_storage("", var, clock=Clock())
    contact_uid, case_uid = await live(storage)
    kept, _ = await live(storage, 2)
    plain = backups.copy_file

    def erase_after_the_data(source: Path, target: Path) -> None:
        plain(source, target)
        if source.name == "data.db":
            storage.keys.destroy([contact_uid, case_uid])  # what the commit of an erasure does at its end

    monkeypatch.setattr(backups, "copy_file", erase_after_the_data)
    backup(var, copy, include_secrets=True)
    await storage.close()
    done = restore(copy, new, clock=Clock())
    assert done.erased == 2
    assert check_installation(new) == []
    again = open_storage("", new)
    assert set(await act(again.door, lambda uow: uow.contacts.load([contact_uid, kept]))) == {kept}
    assert await act(again.door, lambda uow: uow.cases.by_code("K1")) is None
    assert await act(again.door, lambda uow: uow.escalations.open_of([case_uid])) == {}
    await again.close()


async def test_a_backup_with_missing_keys_is_refused(tmp_path: Path) -> None:
    var, copy, _ = parts(tmp_path)
    storage = open_storage("", var)
    contact_uid, _ = await live(storage)
    storage.keys._db.execute("DELETE FROM data_keys WHERE uid = ?", (contact_uid,))
    with pytest.raises(BackupBroken, match="1 of 2 keys are missing"):
        backup(var, copy)
    await storage.close()
    assert not copy.exists()
    assert check_installation(var) == ["key-missing: 1 records have no key; restore data and keys together"]


async def test_nothing_is_overwritten(tmp_path: Path) -> None:
    var, copy, new = parts(tmp_path)
    await open_storage("", var).close()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(NotEmpty, match="full"):
        backup(var, tmp_path / "full")
    backup(var, copy, include_secrets=True)
    with pytest.raises(NotEmpty, match=r"data\.db"):
        restore(copy, var)
    load_secrets(new)  # other secrets are there already
    with pytest.raises(NotEmpty, match="kek_1"):
        restore(copy, new, secrets=copy / "secrets")
    with ServeLock(new), pytest.raises(AlreadyServing):
        restore(copy, new)


@pytest.mark.parametrize("name", ["data.db", "keys.db", "manifest.json"])
@pytest.mark.parametrize("harm", ["changed", "gone"])
async def test_a_damaged_backup_is_refused_and_leaves_nothing(tmp_path: Path, name: str, harm: str) -> None:
    var, copy, new = parts(tmp_path)
    await open_storage("", var).close()
    backup(var, copy, include_secrets=True)
    spoil(copy / name, harm)
    with pytest.raises(BackupBroken):
        restore(copy, new)
    assert not (new / "data.db").exists()
    assert not (new / "keys.db").exists()


def spoil(path: Path, harm: str) -> None:
    if harm == "gone":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)


async def test_without_the_right_secrets_nothing_is_restored(tmp_path: Path) -> None:
    var, copy, new = parts(tmp_path)
    storage = open_storage("", var)
    await live(storage)
    await storage.close()
    backup(var, copy)
    with pytest.raises(KeyMissing, match="kek_1"):
        restore(copy, new)
    load_secrets(tmp_path / "other")
    with pytest.raises(Unreadable):
        restore(copy, new, secrets=tmp_path / "other" / "secrets")
    assert not (new / "data.db").exists()


async def test_an_interrupted_restore_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    var, copy, new = parts(tmp_path)
    storage = open_storage("", var)
    await live(storage)
    await storage.close()
    backup(var, copy, include_secrets=True)

    def fail(*_: object) -> None:
        raise OSError("no")

    with monkeypatch.context() as broken:
        broken.setattr(restores, "begin_quarantine", fail)
        with pytest.raises(OSError, match="no"):
            restore(copy, new)
    assert sorted(os.listdir(new / "secrets")) == sorted(NAMES)
    restore(copy, new)
    assert check_installation(new) == []


async def test_checking_names_what_is_wrong(tmp_path: Path) -> None:
    assert check_installation(tmp_path) == ["data.db is not there; `serve` makes it"]
    storage = open_storage("", tmp_path)
    await live(storage)
    connection = storage.door._connection
    connection.execute("INSERT INTO audit_log VALUES (1, 0, 'x', 'x', 'x', '{}', zeroblob(32), zeroblob(32))")
    await storage.close()
    problems = check_installation(tmp_path)
    assert problems[0] == "audit-changed: row 1 was changed after it was written"


async def test_a_backup_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BinhAnError, match="Nothing has been kept here yet"):
        backup(tmp_path / "var", tmp_path / "copy")


async def test_a_quiet_installation_has_nothing_to_hold(tmp_path: Path) -> None:
    var, copy, new = parts(tmp_path)
    storage = open_storage("", var)
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([Address("web", new_uid())]))
    await act(storage.door, lambda uow: uow.contacts.save(replace(contact, quiet=True)))
    await storage.close()
    backup(var, copy, include_secrets=True)
    assert restore(copy, new).held == 0

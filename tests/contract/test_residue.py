"""After erasing: no byte of hers in living files, and no field of an old backup that the keys of now open."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from handlers import failpoints
from handlers.erasing import EraseNow, EraseReason, Erasing
from handlers.hiding import hide
from handlers.housekeeping import Housekeeping
from handlers.keeping import Keeping
from handlers.model import new_uid
from handlers.order_drill import Answer, Drill, Readable, drill
from handlers.policies import POLICIES
from handlers.stays import Ending
from storage.backup import backup
from storage.data_keys import Keys
from storage.installation import Installation
from storage.keystore import KeyStore
from storage.open import Storage, open_storage
from storage.secrets import load_secrets
from storage.tables import metadata
from storage.types import to_micros
from tests.contract.builders import Clock, act
from tests.residue import OWNERS, STAFFS, Person, found_in, of, opens, plant, sealed_fields, wrapped_keys
from tests.servers.postgres import PostgresServer

PEOPLE = 6


def keeping(storage: Storage) -> Keeping:
    return Keeping(POLICIES, Housekeeping(Ending(UTC)), storage.tidy, storage.secrets.audit)


async def by_word(storage: Storage, clock: Clock, people: list[Person]) -> None:
    """She writes "xóa"; a day later the service's own clock destroys it."""
    for person in people:
        await act(storage.door, lambda uow, uid=person.contact_uid: hide(uow, uow.contacts.get(uid)))
    clock.move(days=1)
    for person in people:
        assert await storage.door.run(keeping(storage).housekeeping.erase, person.contact_uid)


async def by_time(storage: Storage, clock: Clock, people: list[Person]) -> None:
    """Nothing is done, for 30 days."""
    clock.move(days=30, seconds=1)


async def by_staff(storage: Storage, clock: Clock, people: list[Person]) -> None:
    """A supervisor, or an operator, erases at once."""
    erasing = Erasing(keeping(storage).housekeeping)
    for one in people:
        wish = EraseNow(case_code=one.code, confirm=one.code, reason=EraseReason.SHE_ASKED, command_line="Mai")
        assert await storage.door.run(erasing.erase_now, wish) == 1


async def write_again(storage: Storage, people: list[Person]) -> None:
    """These have written just now, so that they are kept."""

    def work(uow) -> None:
        for one in people:
            contact = uow.contacts.get(one.contact_uid)
            uow.contacts.save(replace(contact, erase_at=contact.erase_at.replace(year=contact.erase_at.year + 1)))

    await act(storage.door, work)


@pytest.mark.parametrize("way", [by_word, by_time, by_staff])
async def test_nothing_is_left_and_old_backups_stay_shut(storage: Storage, clock: Clock, tmp_path: Path, way) -> None:
    gone = [await plant(storage, number) for number in range(PEOPLE)]
    stay = [await plant(storage, PEOPLE + number) for number in range(PEOPLE)]
    in_a_backup, old_keys = await sealed_fields(storage), wrapped_keys(storage)
    assert {one.table for one in of(gone, in_a_backup)} == {
        "contacts",
        "inbox",
        "cases",
        "lines",
        "outbox",
        "referrals",
        "media",
    }
    assert len(opens(of(gone, in_a_backup), storage.keys)) == len(of(gone, in_a_backup))  # the test can see
    await write_again(storage, stay)
    await way(storage, clock, gone)
    run = await keeping(storage).run(storage.door)
    assert run.clean

    uids = {uid for one in gone for uid in (one.contact_uid, one.case_uid)}
    needles = [needle for one in (*gone, *stay) for needle in one.needles]
    keys = [old_keys[uid] for uid in uids]
    sealed = [one.sealed for one in of(gone, in_a_backup)]
    assert found_in(tmp_path, [*needles, *keys]) == []
    if not storage.shared:
        assert found_in(tmp_path, sealed) == []
    assert uids.isdisjoint(storage.keys.owners())
    # Of a backup of that day the keys of now open nothing of hers, and everything of those who stay (but talks whose time came).
    assert opens(of(gone, in_a_backup), storage.keys) == []
    assert {one.owner_uid for one in opens(in_a_backup, storage.keys)} >= {one.contact_uid for one in stay}


async def test_a_real_backup_and_the_key_store_of_now(tmp_path: Path) -> None:
    clock, var = Clock(), tmp_path / "var"
    storage = open_storage("", var, clock=clock)
    gone, stays = await plant(storage, 1), await plant(storage, 2)
    await asyncio.to_thread(backup, Installation(var), tmp_path / "copy", include_secrets=False, clock=clock)
    await by_staff(storage, clock, [gone])
    assert (await keeping(storage).run(storage.door)).clean
    await storage.close()

    # The backup's data beside the keys and the secrets of now.
    mixed = tmp_path / "mixed"
    shutil.copytree(var / "secrets", mixed / "secrets")
    shutil.copy(tmp_path / "copy" / "data.db", mixed / "data.db")
    shutil.copy(var / "keys.db", mixed / "keys.db")
    again = open_storage("", mixed, clock=clock)
    fields = await sealed_fields(again)
    assert of([gone], fields)
    assert opens(of([gone], fields), again.keys) == []
    assert len(opens(of([stays], fields), again.keys)) == len(of([stays], fields))
    await again.close()
    # With the key store of that day it would open: what protects her is that it is kept apart, and for a week at most.
    old = KeyStore(tmp_path / "copy" / "keys.db", load_secrets(mixed), clock)
    assert len(opens(of([gone], fields), old)) == len(of([gone], fields))
    old.close()


def test_the_files_of_postgres(postgres_server, empty_postgres: str, tmp_path: Path) -> None:
    """Also the server's own files, its write-ahead log included, hold no word and no address of anybody. Ciphertext stays in free
    space of its pages until that is used again; nothing opens it any more.
    """
    if not isinstance(postgres_server, PostgresServer):
        pytest.skip("a server of somebody else: its files are not ours to read")

    async def work() -> list[bytes]:
        clock = Clock()
        storage = open_storage(empty_postgres, tmp_path, clock=clock)
        gone = [await plant(storage, number) for number in range(PEOPLE)]
        sealed = await sealed_fields(storage)
        await by_staff(storage, clock, gone)
        assert (await keeping(storage).run(storage.door)).clean
        assert opens(sealed, storage.keys) == []
        await storage.close()
        return [needle for one in gone for needle in one.needles]

    needles = asyncio.run(work())
    with psycopg.connect(empty_postgres, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    assert found_in(postgres_server._folder / "data", needles) == []


# --- the subpoena drill -------------------------------------------------------------------------------------------------


async def asked(storage: Storage, code: str) -> Answer | None:
    return await storage.door.run(drill, Drill(code, "Mai"))


async def test_an_order_about_somebody_who_is_here_yields_what_it_says(storage: Storage, clock: Clock) -> None:
    person, _ = await plant(storage, 1), await plant(storage, 2)
    answer = await asked(storage, person.code.lower())
    assert answer is not None
    assert not answer.erased
    assert answer.cases == 1
    said = {(one.what, one.readable): one.count for one in answer.kinds}
    assert said[("her address at the platform", Readable.OPENS)] == 1
    assert said[("lines of talks", Readable.OPENS)] == 1
    assert said[("notes of staff", Readable.OPENS)] == 1
    assert said[("what services were told", Readable.OPENS)] == 1
    assert said[("messages not yet handled", Readable.OPENS)] == 1
    assert answer.readable == 11
    assert person.canary not in repr(answer)
    assert person.platform_id not in repr(answer)


async def test_a_month_later_an_order_yields_a_handful_of_coarse_fields(storage: Storage, clock: Clock) -> None:
    person = await plant(storage, 1)
    backups = await sealed_fields(storage)
    clock.move(days=31)
    assert (await keeping(storage).run(storage.door)).clean
    answer = await asked(storage, person.code)
    assert answer is not None
    assert answer.erased
    assert (answer.cases, answer.readable, answer.goes_at) == (0, 0, None)
    assert {one.what.split(":")[0] for one in answer.kinds} == {
        "what is left of a stay",
        "rows of the audit log that name her cases",
    }
    assert opens(backups, storage.keys) == []
    left = await rows_about(storage, person)
    assert set(left) == {"cases", "audit_log", "key_removals"}
    (case,) = left["cases"]
    # The old identifier tells the hour in which she began: it stands beside nothing of hers any more.
    old = {table for table, rows in left.items() if any(person.case_uid in map(str, row.values()) for row in rows)}
    assert old == {"key_removals"}
    assert len(str(case["uid"])) == len(person.case_uid)
    kept = {name for name, value in case.items() if value not in (None, "", False)}
    assert kept == {
        "id",
        "uid",
        "code",
        "opened_at",
        "closed_at",
        "channel",
        "desk",
        "severity",
        "category",
        "next_seq",
        "disposition",
        "erased_at",
    }
    assert (case["opened_at"], case["closed_at"]) == (_month(storage), _month(storage))
    clock.move(days=366)
    assert (await keeping(storage).run(storage.door)).clean
    assert await asked(storage, person.code) is None


def _month(storage: Storage) -> object:
    first = datetime(2026, 3, 1, tzinfo=UTC)
    return first if storage.shared else to_micros(first)


async def rows_about(storage: Storage, person: Person) -> dict[str, list[dict[str, object]]]:
    """Every row of every table in which anything names her: her uids, her case code."""
    needles = {person.contact_uid, person.case_uid, person.code}

    def look(uow) -> dict[str, list[dict[str, object]]]:
        execute = uow._runner._connection.execute
        found: dict[str, list[dict[str, object]]] = {}
        for table in metadata.tables:
            cursor = execute(f"SELECT * FROM {table}")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            hers = [row for row in rows if any(str(value) in needles for value in row.values())]
            if hers:
                found[table] = hers
        return found

    return await storage.door.read(look)


async def test_the_question_itself_is_in_the_audit_log(storage: Storage) -> None:
    person = await plant(storage, 1)
    assert await asked(storage, "K9-NONE") is None
    assert await asked(storage, person.code) is not None

    def look(uow) -> list[tuple[object, ...]]:
        execute = uow._runner._connection.execute
        found = execute("SELECT actor, object FROM audit_log WHERE action = 'keeping.drill' ORDER BY seq").fetchall()
        return [tuple(row) for row in found]

    assert await storage.door.read(look) == [("command line: Mai", ""), ("command line: Mai", person.code)]


def test_a_sealed_column_without_an_owner_is_noticed() -> None:
    sealed = {table.name for table in metadata.sorted_tables for one in table.columns if one.name.endswith("_sealed")}
    assert sealed == set(OWNERS) | STAFFS


async def test_the_key_store_is_written_anew(storage: Storage, clock: Clock, tmp_path: Path) -> None:
    """SQLite moves rows between its pages and may leave the old place as it was; a key that lies there would open old backups."""
    if not (tmp_path / "keys.db").exists():
        return  # in memory
    owners = [new_uid() for _ in range(400)]
    storage.keys.add({uid: ("contact", uid.encode()) for uid in owners})
    keys = wrapped_keys(storage)
    storage.keys.destroy(owners[:300])

    def free_pages() -> int:
        with closing(sqlite3.connect(tmp_path / "keys.db")) as connection:
            return int(connection.execute("PRAGMA freelist_count").fetchone()[0])

    assert free_pages() > 0
    assert (await keeping(storage).run(storage.door)).clean
    assert free_pages() == 0
    assert found_in(tmp_path, [keys[uid] for uid in owners[:300]]) == []
    assert set(owners[300:]) <= storage.keys.owners()


@pytest.mark.parametrize("nth", range(1, 9))
@pytest.mark.parametrize("where", ["writer.before_commit", "writer.after_commit", "keys.destroy"])
async def test_a_run_that_breaks_at_any_step_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, nth: int
) -> None:
    """The process dies there, another one starts on the same files: nothing of hers is left, and the figures are counted once."""
    clock = Clock()
    storage = open_storage("", tmp_path, clock=clock)
    gone = [await plant(storage, number) for number in range(3)]
    fields, keys = await sealed_fields(storage), wrapped_keys(storage)
    clock.move(days=31)
    with monkeypatch.context() as broken:
        if where == "keys.destroy":
            broken.setattr(Keys, "destroy", _dies_at(nth, Keys.destroy))
        else:
            failpoints.arm(f"{where}:raise:{nth}")
        with suppress(failpoints.Hit):
            await keeping(storage).run(storage.door)
    failpoints.arm("")
    await storage.close()
    again = open_storage("", tmp_path, clock=clock)
    assert (await keeping(again).run(again.door)).clean
    assert opens(fields, again.keys) == []
    hers = [keys[uid] for one in gone for uid in (one.contact_uid, one.case_uid)]
    assert found_in(tmp_path, [*hers, *(needle for one in gone for needle in one.needles)]) == []
    assert await again.door.read(lambda uow: uow.audit.verify()) is None
    await again.close()


def _dies_at(nth: int, destroy):
    calls = iter(range(1, 1000))

    def dies(keys: Keys, uids) -> None:
        if next(calls) >= nth:
            raise failpoints.Hit("keys.destroy")
        destroy(keys, uids)

    return dies

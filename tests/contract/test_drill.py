"""The drill says the truth: it passes what would save everybody, and nothing else; and it leaves no trace."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from handlers.errors import KeyMissing
from storage import quarantine, restore
from storage.backup import BackupBroken, backup
from storage.drill import drill
from storage.installation import Installation
from storage.outbox_statements import QUARANTINE
from storage.postgres.rehearsing import CannotRehearse
from storage.second_place import copy_keys, newest
from tests.contract.builders import Clock, act
from tests.contract.houses import Houses, live, opened, problems
from tests.servers.postgres import drop_database, make_database


def rows_of(here: Installation) -> list[str]:
    return sorted(path.name for path in here.var.iterdir())


async def test_a_good_backup_passes_and_the_figures_are_those_of_its_people(houses: Houses, tmp_path: Path) -> None:
    here = houses.new()
    clock = Clock()
    async with opened(here) as storage:
        for number in range(3):
            await live(storage, number)
        done = backup(here, tmp_path / "copy", clock=clock)
        before = rows_of(here)
        clock.move(minutes=7)
        found = drill(tmp_path / "copy", here, clock=clock)  # while it runs
        assert rows_of(here) == before
        await live(storage, 9)
    assert problems(here) == []
    assert found.passed
    assert found.age_s == 420
    assert (found.rows, found.fields, found.opened) == (
        done.rows,
        18,
        18,
    )  # of each: address, session, message, summary, body, outgoing
    assert (found.owners, found.keys_missing, found.erased) == (6, 0, 0)
    assert (found.held, found.sent, found.pages) == (3, 0, 3)
    assert found.audit_holds
    assert 0 < found.restored_s < 60


async def test_it_says_who_would_be_erased(houses: Houses, tmp_path: Path) -> None:
    here = houses.new(second=tmp_path / "second")
    async with opened(here) as storage:
        contact_uid, case_uid = await live(storage)
        await live(storage, 2)
        copy_keys(here.secrets, storage.keys, tmp_path / "second", Clock()(), begin=True)
        backup(here, tmp_path / "copy", clock=Clock())
        await act(storage.door, lambda uow: (uow.cases.destroy(case_uid), uow.contacts.forget(contact_uid)))
        later = Clock()
        later.move(minutes=2)
        copy_keys(here.secrets, storage.keys, tmp_path / "second", later())
    found = drill(tmp_path / "copy", here, clock=Clock())
    assert found.passed
    assert (found.erased, found.knows_erasures, found.owners, found.opened) == (2, True, 2, 6)
    assert found.keys_from == "keys-20260308T190200Z.db of the second place"


async def test_with_only_the_keys_of_then_it_says_that_it_does_not_know(houses: Houses, tmp_path: Path) -> None:
    here = houses.new()
    async with opened(here) as storage:
        await live(storage)
    backup(here, tmp_path / "copy", include_secrets=True)
    elsewhere = houses.new()  # a machine with nothing but the backup
    found = drill(tmp_path / "copy", replace(elsewhere, keys_url=""))
    assert (found.passed, found.knows_erasures) == (True, False)


async def test_a_field_that_does_not_open_does_not_pass(houses: Houses, tmp_path: Path) -> None:
    here = houses.new()
    async with opened(here) as storage:
        await live(storage)
        spoil = "UPDATE lines SET body_sealed = " + ("x'00'" if not here.shared else "'\\x00'")
        await act(storage.door, lambda uow: uow._runner._connection.execute(spoil))  # type: ignore[attr-defined]
        if here.shared:
            with psycopg.connect(here.database, autocommit=True) as there:
                there.execute(spoil)
    backup(here, tmp_path / "copy")
    found = drill(tmp_path / "copy", here)
    assert (found.passed, found.fields - found.opened) == (False, 1)


async def test_a_line_that_would_go_out_by_itself_does_not_pass(
    houses: Houses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = houses.new()
    async with opened(here) as storage:
        await live(storage)
    backup(here, tmp_path / "copy")
    plain = quarantine.begin_quarantine

    def forgetful(runner: Any, *rest: Any) -> tuple[int, int]:
        """A restore that neither holds nor stays in quarantine: the mistake the drill is for."""
        done = plain(runner, *rest)
        for statement in (
            "UPDATE outbox SET state = 'pending' WHERE state = 'held'",
            f"UPDATE settings SET value = 'off' WHERE name = '{QUARANTINE}'",
        ):
            runner._connection.execute(statement)
        return done

    monkeypatch.setattr(restore, "begin_quarantine", forgetful)
    found = drill(tmp_path / "copy", here)
    assert found.sent > 0
    assert not found.passed


async def test_a_broken_chain_does_not_pass(houses: Houses, tmp_path: Path) -> None:
    here = houses.new()
    forge = "UPDATE audit_log SET object = 'K9' WHERE seq = 1"
    async with opened(here) as storage:
        await live(storage)
        if not here.shared:
            storage.door._connection.execute("DROP TRIGGER audit_log_no_update")
            storage.door._connection.execute(forge)
    if here.shared:
        with psycopg.connect(here.database, autocommit=True) as there:
            there.execute("SET session_replication_role = replica")
            there.execute(forge)
    backup(here, tmp_path / "copy")
    found = drill(tmp_path / "copy", here)
    assert not found.audit_holds
    assert not found.passed


async def test_what_cannot_be_restored_is_refused_in_words(houses: Houses, tmp_path: Path) -> None:
    second = tmp_path / "second"
    here = houses.new()
    async with opened(here) as storage:
        await live(storage)
        copy_keys(here.secrets, storage.keys, second, Clock()(), begin=True)
        await live(storage, 2)
    backup(here, tmp_path / "copy")
    with pytest.raises(BackupBroken, match="the keys are older than the data"):
        drill(tmp_path / "copy", here, keys=newest(second))
    with pytest.raises(KeyMissing, match="there are no secrets here"):
        drill(tmp_path / "copy", houses.new())
    (tmp_path / "copy" / "manifest.json").unlink()
    with pytest.raises(BackupBroken):
        drill(tmp_path / "copy", here)
    assert [path.name for path in here.var.iterdir() if path.name.startswith(".drill")] == []


async def test_no_secret_is_written_for_it(houses: Houses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = houses.new()
    async with opened(here) as storage:
        await live(storage)
    backup(here, tmp_path / "copy")
    secret = [path.read_bytes() for path in here.secrets.iterdir()]
    found: list[str] = []
    plain = restore.place

    def look(*given: Any) -> Any:
        done = plain(*given)
        for path in here.var.glob(".drill-*/**/*"):
            if path.is_file() and any(value in path.read_bytes() for value in secret):
                found.append(path.name)
        found.append("looked")
        return done

    monkeypatch.setattr("storage.drill.place", look)
    drill(tmp_path / "copy", here)
    assert found == ["looked"]


async def test_a_role_that_may_make_no_database_is_told_and_given_one_is_emptied_again(
    postgres_server: Any, tmp_path: Path
) -> None:
    here = Installation(tmp_path / "var", make_database(postgres_server.url, "binhan_poor"))
    scratch = make_database(postgres_server.url, "binhan_scratch")
    async with opened(here) as storage:
        await live(storage)
    backup(here, tmp_path / "copy")
    role = f"poor_{os.getpid()}"
    with psycopg.connect(postgres_server.url + "/postgres", autocommit=True) as there:
        there.execute(f"CREATE ROLE {role} LOGIN")  # type: ignore[arg-type]
        there.execute(f"ALTER DATABASE binhan_scratch OWNER TO {role}")  # type: ignore[arg-type]
    as_poor = postgres_server.url.replace("//binhan@", f"//{role}@")
    poor = replace(here, database=f"{as_poor}/binhan_poor")
    with pytest.raises(CannotRehearse, match="CREATEDB"):
        drill(tmp_path / "copy", poor)
    with pytest.raises(CannotRehearse, match="real database"):
        drill(tmp_path / "copy", poor, into=poor.database)
    for _ in range(2):
        assert drill(tmp_path / "copy", poor, into=f"{as_poor}/binhan_scratch").passed
    with psycopg.connect(scratch) as look:
        assert look.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace").fetchone() == (
            0,
        )
        left = look.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'binhan_drill_%'").fetchone()
        assert left == (0,)
    for name in ("binhan_poor", "binhan_scratch"):
        drop_database(postgres_server.url, name)
    with psycopg.connect(postgres_server.url + "/postgres", autocommit=True) as there:
        there.execute(f"DROP ROLE {role}")  # type: ignore[arg-type]


async def test_held_for_two_days_it_still_sends_nothing(houses: Houses, tmp_path: Path) -> None:
    here = houses.new()
    async with opened(here) as storage:
        await live(storage)
    backup(here, tmp_path / "copy")
    clock = Clock()
    clock.move(days=2)
    found = drill(tmp_path / "copy", here, clock=clock)
    assert (found.sent, found.held) == (0, 1)
    assert timedelta(seconds=found.age_s) != timedelta(0)

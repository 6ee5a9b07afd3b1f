"""The audit key is changed in whole installations: beside those that work, over backups from before, and killed anywhere."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config import Config, DatabaseConfig
from bot.wiring import change_audit_key
from handlers.audit_heads import HeldKey
from handlers.audit_log import AuditReport, check_log
from handlers.audit_signing import HeadSigner
from storage.audit_keys import read_handovers
from storage.backup import backup
from storage.drill import drill
from storage.installation import Installation
from storage.open import Storage
from storage.restore import restore
from storage.second_place import copy_keys, verify
from storage.secrets import load_secrets, read_secrets
from tests.contract.builders import START
from tests.contract.houses import Houses, live, opened, problems
from tests.handing_over import BY, Log

ROOT = Path(__file__).resolve().parents[2]


def config_of(here: Installation) -> Config:
    database = DatabaseConfig(url=here.database, keys_url=here.keys_url)
    return Config(var=here.var, database=database, keys_second=here.second)


async def check(storage: Storage) -> AuditReport:
    return await check_log(storage.door, storage.secrets.audit)


def private_keys(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("audit_key"))


async def begin(here: Installation, storage: Storage) -> HeldKey:
    """Somebody has written, the log is signed, the keys are kept twice; the key that signs, as a thief has it."""
    assert here.second is not None
    await live(storage)
    await storage.door.run(HeadSigner(storage.secrets.audit).sign, None)
    copy_keys(here.secrets, storage.keys, here.second, START, begin=True)
    return Log(storage, here.var).stolen()


async def test_it_is_changed_while_others_work_and_an_older_backup_is_proven_still(
    houses: Houses, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    here, new = houses.new(second=second), houses.new(second=second)
    async with opened(here) as storage:
        thief = await begin(here, storage)
        backup(here, tmp_path / "early", include_secrets=True)
        done = await asyncio.to_thread(change_audit_key, config_of(here), BY)
        assert (done.resumed, done.destroyed) == (False, ["audit_key"])
        await live(storage, 2)
        head = await storage.door.run(HeadSigner(storage.secrets.audit).sign, None)
        assert head is not None
        assert head.key == done.handover.said.next_key
        report = await check(storage)
        assert (report.problems, report.keys) == ((), 2)
        assert verify(here.secrets, storage.keys, second, START) == [
            "2 keys were made since 2026-03-08 19:00:00 UTC and are not in the copy"
        ]
        assert drill(tmp_path / "early", here).passed
    assert problems(here) == []
    assert private_keys(here.secrets) == private_keys(second / "secrets") == ["audit_key_2"]

    restore(tmp_path / "early", new)
    assert private_keys(new.secrets) == ["audit_key_2"]
    assert problems(new) == []
    async with opened(new) as storage:
        log = Log(storage, new.var)
        report = await check(storage)
        assert (report.problems, report.keys, report.known) == ((), 2, ())
        await live(storage, 3)
        await log.sign()
        assert (await check(storage)).problems == ()
        seq = (await storage.door.read(lambda uow: uow.audit.head())).seq
        await live(storage, 4)
        await log.put(await log.forge(thief, seq + 1))
        assert "had been handed over before" in str((await check(storage)).problems)
        assert "had been handed over before" in str(problems(new))


async def test_secrets_of_an_old_backup_do_not_bring_the_old_key_back(houses: Houses, tmp_path: Path) -> None:
    here = houses.new(second=tmp_path / "second")
    async with opened(here) as storage:
        await begin(here, storage)
        backup(here, tmp_path / "early", include_secrets=True)
        await asyncio.to_thread(change_audit_key, config_of(here), BY)
    new = houses.new()
    new.var.mkdir(mode=0o700)
    (new.var / "secrets").mkdir(mode=0o700)
    for path in here.secrets.iterdir():
        (new.secrets / path.name).write_bytes(path.read_bytes())
        (new.secrets / path.name).chmod(0o400)
    restore(tmp_path / "early", new, secrets=tmp_path / "early" / "secrets", keys=tmp_path / "second")
    assert private_keys(new.secrets) == ["audit_key_2"]
    assert problems(new) == []


async def test_two_who_change_it_at_once_leave_one_chain(houses: Houses, tmp_path: Path) -> None:
    here = houses.new(second=tmp_path / "second")
    async with opened(here) as storage:
        await begin(here, storage)
        both = (asyncio.to_thread(change_audit_key, config_of(here), BY) for _ in range(2))
        done = await asyncio.gather(*both)
        report = await check(storage)
        assert report.problems == ()
        assert report.keys == 1 + len({one.handover.seq for one in done})
    assert private_keys(here.secrets) == private_keys(tmp_path / "second" / "secrets") == [f"audit_key_{report.keys}"]


async def test_on_another_machine_the_same_command_finishes(houses: Houses, tmp_path: Path) -> None:
    here = houses.new(second=tmp_path / "second")
    other = replace(here, var=tmp_path / "other machine", second=None)
    async with opened(here) as storage:
        await begin(here, storage)
        other.secrets.mkdir(mode=0o700, parents=True)
        for path in here.secrets.iterdir():
            (other.secrets / path.name).write_bytes(path.read_bytes())
            (other.secrets / path.name).chmod(0o400)
        await asyncio.to_thread(change_audit_key, config_of(here), BY)
        log = Log(storage, other.var)
        assert "which is not here. Was that done on another machine?" in await log.problems()
        (other.secrets / "audit_key_2").write_bytes((here.secrets / "audit_key_2").read_bytes())
        (other.secrets / "audit_key_2").chmod(0o400)
        assert (await log.check()).problems == ()
        if here.keys_url:  # several machines keep their keys in a database
            done = await asyncio.to_thread(change_audit_key, config_of(other), BY)
            assert (done.resumed, done.destroyed, done.handover.said.next_name) == (True, ["audit_key"], "audit_key_2")
            assert read_handovers(other.secrets) == read_handovers(here.secrets)
            assert (await log.check()).keys == 2


PLACES = (
    "audit_key.made",
    "writer.before_commit",
    "writer.after_commit",
    "audit_key.handed_over",
    "audit_key.noted",
    "audit_key.destroyed",
)
COMMAND = """
import sys
from handlers import failpoints
from bot.__main__ import main
failpoints.arm(sys.argv.pop(1))
main()
"""


@pytest.mark.crash
@pytest.mark.parametrize(
    ("place", "houses"),
    [*((place, "sqlite") for place in PLACES), *((place, "postgres") for place in PLACES[1:3])],  # its own commits
    indirect=["houses"],
)
async def test_killed_anywhere_nothing_has_changed_or_the_next_run_finishes(
    houses: Houses, tmp_path: Path, place: str
) -> None:
    here = houses.new(second=tmp_path / "second")
    url = f"database: {{url: '{here.database}'}}\n" if here.database else ""
    (tmp_path / "config.yaml").write_text(f"var: {here.var}\nkeys_second: {here.second}\n{url}")

    def command(armed: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-c", COMMAND, armed, "keys", "rotate-audit", "--config", str(tmp_path / "config.yaml")]
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)

    async with opened(here) as storage:
        await begin(here, storage)
        killed = await asyncio.to_thread(command, f"{place}:kill")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        changed = place not in PLACES[:2]
        # In between everything goes on: rows, heads, the check, the copy of the keys.
        await live(storage, 2)
        head = await storage.door.run(HeadSigner(storage.secrets.audit).sign, None)
        report = await check(storage)
        assert (report.problems, report.keys) == ((), 2 if changed else 1)
        assert head is not None
        assert head.said.next_key == b""
        if place == PLACES[4]:
            assert here.second is not None
            assert copy_keys(here.secrets, storage.keys, here.second, START).secrets == []
        finished = await asyncio.to_thread(command, "")
        assert finished.returncode == 0, finished.stderr
        assert ("it is finished here now" in finished.stdout) == changed
        report = await check(storage)
        assert (report.problems, report.keys) == ((), 2)
        await live(storage, 3)
    for folder in (here.secrets, tmp_path / "second" / "secrets"):
        assert private_keys(folder) == ["audit_key_2"]
        assert len(read_handovers(folder)) == 1
        assert read_secrets(folder) is not None
    assert problems(here) == []
    assert [one.name for one in load_secrets(here.var, needed=True).audit.held()] == ["audit_key_2"]

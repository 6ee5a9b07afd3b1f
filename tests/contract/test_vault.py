"""What the vault and its leases promise in `handlers/ports`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from handlers import alarms
from handlers.alarms import TOKEN_LOST, Alarm
from handlers.vaulting import DoorAlarms, DoorVault
from storage.open import Storage, open_storage
from tests.contract.builders import START, Clock, act


async def test_a_secret_is_kept_and_overwritten(storage: Storage) -> None:
    assert await act(storage.door, lambda uow: uow.vault.get("zalo")) is None
    await act(storage.door, lambda uow: uow.vault.put("zalo", "một"))
    await act(storage.door, lambda uow: uow.vault.put("zalo", "hai"))
    await act(storage.door, lambda uow: uow.vault.put("khac", "ba"))
    assert await act(storage.door, lambda uow: uow.vault.get("zalo")) == "hai"
    assert await act(storage.door, lambda uow: uow.vault.get("khac")) == "ba"


def bytes_under(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_a_secret_outlives_the_process_and_lies_nowhere_in_clear(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "data.db")
    await DoorVault(storage.door).put("zalo", "refresh-token-canary")
    seen = bytes_under(tmp_path)
    await storage.close()
    seen += bytes_under(tmp_path)
    assert not any(b"refresh-token-canary" in content for content in seen)
    again = open_storage(tmp_path / "data.db")
    assert await DoorVault(again.door).get("zalo") == "refresh-token-canary"
    await DoorVault(again.door).put("zalo", "neu")
    assert await DoorVault(again.door).get("zalo") == "neu"
    await again.close()


async def test_a_unit_of_work_that_fails_keeps_the_old_secret_and_the_next_one_can_write(storage: Storage) -> None:
    class Broken(Exception):
        pass

    def fails(uow: object) -> None:
        uow.vault.put("zalo", "halb")  # type: ignore[attr-defined]
        raise Broken

    with pytest.raises(Broken):
        await act(storage.door, fails)
    assert await act(storage.door, lambda uow: uow.vault.get("zalo")) is None
    await act(storage.door, lambda uow: uow.vault.put("zalo", "ganz"))
    assert await act(storage.door, lambda uow: uow.vault.get("zalo")) == "ganz"


async def test_a_lease_has_one_holder_until_it_runs_out(storage: Storage, clock: Clock) -> None:
    vault = DoorVault(storage.door)
    taken = await asyncio.gather(*(vault.take("refresh", f"process {n}", 60) for n in range(20)))
    assert taken.count(True) == 1
    winner = f"process {taken.index(True)}"
    assert await vault.take("refresh", winner, 60), "its own is prolonged"
    await vault.give_back("refresh", "somebody else")
    assert not await vault.take("refresh", "somebody else", 60)
    clock.move(seconds=61)
    assert await vault.take("refresh", "somebody else", 60)
    await vault.give_back("refresh", "somebody else")
    assert await vault.take("refresh", "a third", 60)


async def test_a_lease_and_a_secret_of_one_name_do_not_disturb_each_other(storage: Storage) -> None:
    vault = DoorVault(storage.door)
    assert await vault.take("zalo", "me", 60)
    await vault.put("zalo", "token")
    assert not await vault.take("zalo", "you", 60)
    assert await vault.get("zalo") == "token"


async def test_an_alarm_is_said_once_and_taken_back(storage: Storage, clock: Clock) -> None:
    told: list[tuple[str, str, bool]] = []
    bells = DoorAlarms(storage.door, lambda *heard: told.append(heard))
    await bells.hush("zalo", TOKEN_LOST)
    for _ in range(3):
        await bells.sound("zalo", TOKEN_LOST)
    standing = await act(storage.door, alarms.ringing)
    assert standing == [Alarm("zalo", TOKEN_LOST, START.isoformat())]
    assert standing[0].since_at == START
    clock.move(minutes=5)
    again = DoorAlarms(storage.door, lambda *heard: told.append(heard))  # the next process
    await again.hush("zalo", TOKEN_LOST)
    assert await act(storage.door, alarms.ringing) == []
    assert told == [("zalo", TOKEN_LOST, True), ("zalo", TOKEN_LOST, False)]

"""What the stores of staff accounts and of handles promise in `handlers/ports`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from handlers import accounts
from handlers.accounts import Bind, OfferCode, ShutOut, code_in
from handlers.model import Address, Staff
from handlers.ports import Handle
from handlers.staffing import NoSuchStaff
from storage.open import Storage, open_storage
from tests.contract.builders import START, Clock, act, staff

PHONE = Address("zb", "canary-platform-id-77")
OTHER = Address("zb", "another-platform-id")


async def employed(storage: Storage, *names: str) -> list[Staff]:
    people = [staff(name) for name in names]
    await act(storage.door, lambda uow: [uow.staff.save(one) for one in people])
    return people


async def code(storage: Storage, name: str) -> str:
    return (await storage.door.run(accounts.offer_code, OfferCode(name=name))).replace(" ", "")


async def bind(storage: Storage, given: str, address: Address = PHONE) -> Staff | None:
    return await storage.door.run(accounts.bind, Bind(address=address, code=given))


async def test_a_code_binds_once_and_the_account_is_known_from_then_on(storage: Storage) -> None:
    (mai,) = await employed(storage, "mai")
    given = await code(storage, "mai")
    assert await bind(storage, given) == mai
    assert await bind(storage, given, OTHER) is None, "spent"
    assert await act(storage.door, lambda uow: accounts.whose(uow, PHONE)) == mai
    assert await act(storage.door, lambda uow: accounts.whose(uow, OTHER)) is None
    assert await act(storage.door, lambda uow: uow.accounts.address_of(mai.uid, "zb")) == PHONE
    assert await act(storage.door, lambda uow: uow.accounts.address_of(mai.uid, "tg")) is None
    assert await act(storage.door, lambda uow: uow.accounts.of(mai.uid)) == ["zb"]


async def test_a_code_grows_old_and_a_newer_one_replaces_it(storage: Storage, clock: Clock) -> None:
    await employed(storage, "mai")
    old, new = await code(storage, "mai"), await code(storage, "mai")
    assert await bind(storage, old) is None
    clock.move(minutes=31)
    assert await bind(storage, new) is None


async def test_another_account_replaces_hers_and_another_person_takes_one_over(storage: Storage) -> None:
    mai, an = await employed(storage, "mai", "an")
    await bind(storage, await code(storage, "mai"))
    await bind(storage, await code(storage, "mai"), OTHER)
    assert await act(storage.door, lambda uow: accounts.whose(uow, PHONE)) is None
    assert await act(storage.door, lambda uow: uow.accounts.address_of(mai.uid, "zb")) == OTHER
    await bind(storage, await code(storage, "an"), OTHER)
    assert await act(storage.door, lambda uow: accounts.whose(uow, OTHER)) == an
    assert await act(storage.door, lambda uow: uow.accounts.of(mai.uid)) == []


async def test_who_is_disabled_is_nobody_there_and_gets_no_code(storage: Storage) -> None:
    from dataclasses import replace

    (mai,) = await employed(storage, "mai")
    given = await code(storage, "mai")
    await act(storage.door, lambda uow: uow.staff.save(replace(mai, enabled=False)))
    assert await bind(storage, given) is None
    with pytest.raises(ShutOut):
        await code(storage, "mai")
    with pytest.raises(NoSuchStaff):
        await code(storage, "nobody")


async def test_guessing_ends_soon(storage: Storage, clock: Clock) -> None:
    (mai,) = await employed(storage, "mai")
    given = await code(storage, "mai")
    for number in range(accounts.TRIES):
        await bind(storage, f"{number:08d}")
    assert await bind(storage, given) is None
    clock.move(minutes=61)
    assert await bind(storage, await code(storage, "mai")) == mai


async def test_accounts_and_codes_lie_nowhere_in_clear(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "data.db")
    await employed(storage, "mai")
    given = await code(storage, "mai")
    await bind(storage, given)
    again = await code(storage, "mai")
    await storage.close()
    whole = b"".join(_bytes_under(tmp_path))
    for secret in ("canary-platform-id-77", given, again):
        assert secret.encode() not in whole


def _bytes_under(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("gắn 1234 5678", "12345678"), ("gan 12345678", "12345678"), ("/gan@some_bot 12345678", "12345678"),
        ("Bind 1234 5678 ", "12345678"), ("gắn 1234", ""), ("gắn bó 12345678", ""), ("12345678", ""),
        ("em muốn gắn 12345678", ""),
    ],
)  # fmt: skip
def test_what_binds_is_told_from_what_people_write(text: str, found: str) -> None:
    assert code_in(text) == found


# --- handles -----------------------------------------------------------------------------------------------------------------


def handle(name: str, kind: str = "trace", owner: str = "a" * 32, **more: object) -> Handle:
    return Handle(**{"kind": kind, "owner_uid": owner, "channel": "tg", "handle": name, "at": START, **more})  # type: ignore[arg-type]


async def test_handles_are_kept_by_owner_and_kind_in_order(storage: Storage) -> None:
    mine = [handle("1"), handle("2"), handle("3", channel="other")]
    await act(storage.door, lambda uow: uow.handles.add([*mine, handle("9", kind="page"), handle("1", owner="b" * 32)]))
    assert await act(storage.door, lambda uow: uow.handles.of("a" * 32, "trace")) == mine
    assert await act(storage.door, lambda uow: uow.handles.of("a" * 32, "trace", "tg")) == mine[:2]
    assert await act(storage.door, lambda uow: uow.handles.find("page", "tg", "9")) == handle("9", kind="page")
    assert await act(storage.door, lambda uow: uow.handles.find("page", "tg", "1")) is None
    assert await act(storage.door, lambda uow: uow.handles.drop("a" * 32, "trace")) == 3
    assert await act(storage.door, lambda uow: uow.handles.drop("a" * 32)) == 1
    assert len(await act(storage.door, lambda uow: uow.handles.of("b" * 32, "trace"))) == 1


async def test_a_handle_known_already_gets_its_new_place(storage: Storage) -> None:
    await act(storage.door, lambda uow: uow.handles.add([handle("7", kind="topic")]))
    later = handle("7", kind="topic", seq=12, at=START + timedelta(hours=1))
    await act(storage.door, lambda uow: uow.handles.add([later]))
    assert await act(storage.door, lambda uow: uow.handles.of("a" * 32, "topic")) == [later]


async def test_old_handles_are_swept(storage: Storage) -> None:
    await act(storage.door, lambda uow: uow.handles.add([handle("1"), handle("2", at=START + timedelta(hours=2))]))
    assert await act(storage.door, lambda uow: uow.handles.sweep("trace", START + timedelta(hours=1))) == 1
    assert [one.handle for one in await act(storage.door, lambda uow: uow.handles.of("a" * 32, "trace"))] == ["2"]

"""What the store of pictures and voice notes promises in `handlers/ports`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from handlers.model import Media, MediaKind, MediaState, new_uid
from handlers.ports import UnitOfWork
from storage.open import Storage, open_storage
from tests.contract.builders import START, Clock, act, address, case_of

SOURCE = "canary-source-of-a-file"
BODY = b"canary-body-of-a-file" * 50


def media(case_uid: str, **changes: object) -> Media:
    made = Media(
        uid=new_uid(), case_uid=case_uid, seq=3, kind=MediaKind.VOICE, channel="tg", source=SOURCE,
        next_attempt_at=START, created_at=START,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


async def a_case(storage: Storage) -> str:
    def work(uow: UnitOfWork) -> str:
        (contact,) = uow.contacts.open([address()])
        case = case_of(contact)
        uow.cases.add(case)
        return case.uid

    return await act(storage.door, work)


async def test_it_is_due_at_its_time_with_its_source(storage: Storage, clock: Clock) -> None:
    case_uid = await a_case(storage)
    first, later = media(case_uid), media(case_uid, next_attempt_at=START + timedelta(minutes=1))
    await act(storage.door, lambda uow: [uow.media.add(one) for one in (later, first)])
    assert await storage.door.read(lambda uow: uow.media.due(5)) == [first]
    clock.move(minutes=2)
    assert await storage.door.read(lambda uow: uow.media.due(5)) == [first, later]
    assert await storage.door.read(lambda uow: uow.media.due(1)) == [first]
    assert await act(storage.door, lambda uow: uow.media.get(first.uid)) == first
    assert await act(storage.door, lambda uow: uow.media.get("nobody")) is None
    assert [one.source for one in await act(storage.door, lambda uow: uow.media.of_case(case_uid))] == ["", ""]


async def test_kept_it_has_a_body_and_no_source(storage: Storage) -> None:
    case_uid = await a_case(storage)
    one = media(case_uid)
    await act(storage.door, lambda uow: uow.media.add(one))
    assert await act(storage.door, lambda uow: uow.media.body(one.uid)) is None
    kept = replace(one, state=MediaState.KEPT, mime="audio/ogg", source="", next_attempt_at=None)
    await act(storage.door, lambda uow: uow.media.keep(kept, BODY))
    assert await storage.door.read(lambda uow: uow.media.body(one.uid)) == BODY
    assert await act(storage.door, lambda uow: uow.media.get(one.uid)) == kept
    assert await storage.door.read(lambda uow: uow.media.due(5)) == []


async def test_with_its_case_everything_goes(storage: Storage) -> None:
    case_uid = await a_case(storage)
    one = media(case_uid)
    await act(storage.door, lambda uow: uow.media.add(one))
    await act(storage.door, lambda uow: uow.cases.destroy(case_uid))
    assert await act(storage.door, lambda uow: uow.media.of_case(case_uid)) == []
    await act(storage.door, lambda uow: uow.media.keep(one, BODY))
    await act(storage.door, lambda uow: uow.media.save(one))
    assert await act(storage.door, lambda uow: uow.media.body(one.uid)) is None


async def test_nothing_of_it_lies_in_clear(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "data.db")
    case_uid = await a_case(storage)
    one = media(case_uid)
    await act(storage.door, lambda uow: uow.media.add(one))
    await act(storage.door, lambda uow: uow.media.keep(replace(one, source="x"), BODY))
    seen = await asyncio.to_thread(everything_in, tmp_path)
    await storage.close()
    assert b"canary" not in seen


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())

"""What `handlers/ports` promises about publishing: the history of content, and who stands where in the flows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from flows.session import Frame, Session, Status
from handlers.model import Contact
from handlers.ports import ContentSet, Publication, UnitOfWork
from storage import standing
from storage.open import Storage
from tests.contract.builders import START, Clock, act, address


async def test_history_tells_every_change_of_what_runs_oldest_first(storage: Storage, clock: Clock) -> None:
    assert await act(storage.door, lambda uow: uow.content.history()) == []
    expected = []
    for version, by in (("v1", "first start"), ("v2", "Mai"), ("v2", "An"), ("v1", "An")):
        content = ContentSet(version=version, files={}, published_at=clock.now, published_by=by)
        await act(storage.door, lambda uow, content=content: uow.content.publish(content))
        expected.append(Publication(version=version, published_at=clock.now, published_by=by))
        clock.move(minutes=1)
    del expected[2]  # it ran already: nothing changed
    assert await act(storage.door, lambda uow: uow.content.history()) == expected


def stands(contact: Contact, step: str, version: str = "v1", **fields: object) -> Contact:
    session = Session(version=version, status=Status.WAITING, frames=(Frame("who", "ask"), Frame("safety", step)))
    changes = {"session": session.dump(), "content_version": version, "last_inbound_at": START} | fields
    return replace(contact, **changes)


@pytest.mark.parametrize("at_once", [1, 500])
async def test_standing_counts_people_by_version_and_step(
    storage: Storage, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "AT_ONCE", at_once)

    def work(uow: UnitOfWork) -> None:
        a, b, c, d, e, f, g = uow.contacts.open([address(number) for number in range(7)])
        long_ago = START - timedelta(minutes=31)
        ended = Session(version="v1", status=Status.ENDED, frames=(Frame("leave", "over"),))
        waits = Session(version="v1", status=Status.HANDED_OVER, frames=(Frame("talk", "person"),))
        for contact in (
            stands(a, "ask"),
            stands(b, "ask"),
            stands(c, "ask", "v0"),
            stands(d, "ask", last_inbound_at=long_ago),  # would be greeted anew
            replace(stands(e, ""), session=waits.dump(), last_inbound_at=long_ago),  # a human still owes her
            replace(stands(f, ""), session=ended.dump()),
            stands(g, "ask", hidden_at=START),  # has erased everything
        ):
            uow.contacts.save(contact)

    await act(storage.door, work)
    since = START - timedelta(minutes=30)
    expected = {("v1", "safety.ask"): 2, ("v0", "safety.ask"): 1, ("v1", "talk.person"): 1}
    assert await act(storage.door, lambda uow: uow.contacts.standing(since)) == expected
    assert await storage.door.read(lambda uow: uow.contacts.standing(since)) == expected


async def test_a_session_nobody_can_read_stands_nowhere(storage: Storage) -> None:
    def work(uow: UnitOfWork) -> None:
        (contact,) = uow.contacts.open([address()])
        uow.contacts.save(replace(contact, session={"format": 0}, last_inbound_at=START))

    await act(storage.door, work)
    assert await act(storage.door, lambda uow: uow.contacts.standing(START)) == {}


async def test_a_recording_is_stored_once_over_all_versions_and_a_set_holds_its_hash(
    storage: Storage, clock: Clock
) -> None:
    sound, file = b"ID3" + bytes(50), "audio/hmn/safety.ask.say-3fa2b1.mp3"
    digest = sha256(sound).hexdigest()
    for version in ("v1", "v2"):
        content = ContentSet(
            version=version, files={file: sound, "set.yaml": b"x"}, published_at=clock.now, published_by="An"
        )
        await act(storage.door, lambda uow, content=content: uow.content.publish(content))
    stored = await act(storage.door, lambda uow: uow.content.get("v2"))
    assert stored is not None
    assert stored.files == {file: f"sha256:{digest} {len(sound)}".encode(), "set.yaml": b"x"}
    assert await act(storage.door, lambda uow: uow.content.recording(digest)) == sound
    assert await act(storage.door, lambda uow: uow.content.recording("0" * 64)) is None
    again = ContentSet(
        version="v3", files=stored.files, published_at=clock.now, published_by="An"
    )  # as a rollback does
    await act(storage.door, lambda uow: uow.content.publish(again))
    assert await act(storage.door, lambda uow: uow.content.recording(digest)) == sound

"""What the stores promise about lanes that are moved, renewed and released: nothing on its way is lost or read by another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers.model import InboxState, MessageKind, OutboxState
from handlers.ports import UnitOfWork
from storage.open import Storage
from tests.contract.builders import START, Clock, act, address, case_of, inbox_row, line, outbox_row


async def test_a_renewed_address_leads_to_somebody_new(storage: Storage) -> None:
    (old,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    fresh = await act(storage.door, lambda uow: uow.contacts.renew(old.uid))
    assert fresh is not None
    assert fresh.uid != old.uid
    assert await act(storage.door, lambda uow: uow.contacts.find(address())) == fresh
    assert await act(storage.door, lambda uow: uow.contacts.open([address()])) == [fresh]
    assert await act(storage.door, lambda uow: uow.contacts.get(old.uid)) == old
    await act(storage.door, lambda uow: uow.outbox.add(outbox_row(fresh)))
    jobs = await act(storage.door, lambda uow: uow.outbox.claim(9, timedelta(seconds=30), frozenset()))
    assert [job.address for job in jobs] == [address()]  # sealed anew: it opens under the new key
    assert await act(storage.door, lambda uow: uow.contacts.renew("nobody")) is None


async def test_waiting_messages_go_on_in_the_other_lane_in_order(storage: Storage) -> None:
    one, two = await act(storage.door, lambda uow: uow.contacts.open([address(1), address(2)]))
    rows = [inbox_row(one, f"dòng {number}") for number in range(3)]

    def accept(uow: UnitOfWork) -> int:
        uow.inbox.accept([(row, "web", row.uid) for row in rows])
        uow.inbox.save(replace(rows[0], state=InboxState.DONE))
        return uow.inbox.move(one.uid, two.uid)

    assert await act(storage.door, accept) == 2
    await act(storage.door, lambda uow: uow.contacts.forget(one.uid))  # with its key
    for row in rows[1:]:
        found = (await act(storage.door, lambda uow: uow.inbox.oldest([two.uid])))[two.uid]
        assert (found.uid, found.contact_uid, found.message) == (row.uid, two.uid, row.message)
        assert found.message.kind is MessageKind.TEXT
        done = replace(found, state=InboxState.DONE)
        await act(storage.door, lambda uow, done=done: uow.inbox.save(done))
    assert await act(storage.door, lambda uow: uow.inbox.oldest([two.uid])) == {}
    # A redelivery at the old door is still known.
    assert await act(storage.door, lambda uow: uow.inbox.accept([(inbox_row(two), "web", rows[1].uid)])) == [False]


async def test_only_what_was_held_since_then_is_released(storage: Storage, clock: Clock) -> None:
    one, two = await act(storage.door, lambda uow: uow.contacts.open([address(1), address(2)]))
    later = START + timedelta(minutes=5)
    rows = [
        outbox_row(one, "dòng trước", state=OutboxState.HELD),
        outbox_row(one, "dòng sau", state=OutboxState.HELD, created_at=later),
        outbox_row(two, "cả hai", state=OutboxState.HELD),
    ]
    await act(storage.door, lambda uow: [uow.outbox.add(row) for row in rows])
    clock.move(minutes=6)

    def release(uow: UnitOfWork) -> None:
        uow.outbox.release([one.uid], later)
        uow.outbox.release([two.uid])

    await act(storage.door, release)
    assert [row.uid for row in await act(storage.door, lambda uow: uow.outbox.fetch(one.uid))] == [rows[1].uid]
    assert [row.uid for row in await act(storage.door, lambda uow: uow.outbox.fetch(two.uid))] == [rows[2].uid]

    def release_twice(uow: UnitOfWork) -> None:
        uow.outbox.release([one.uid], later)
        uow.outbox.release([one.uid])

    await act(storage.door, release_twice)
    assert [row.uid for row in await act(storage.door, lambda uow: uow.outbox.fetch(one.uid))] == [rows[0].uid]


async def test_a_line_counts_from_when_it_reached_her(storage: Storage, clock: Clock) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    case = case_of(contact)
    held, asked = line(case, 1), line(case, 2, created_at=START + timedelta(minutes=10))

    def prepare(uow: UnitOfWork) -> None:
        uow.cases.add(case)
        uow.lines.add(held)
        uow.lines.add(asked)
        uow.outbox.add(outbox_row(contact, line_uid=held.uid, state=OutboxState.HELD))

    await act(storage.door, prepare)
    since = START + timedelta(minutes=1)
    assert await act(storage.door, lambda uow: uow.lines.shown_to_seeker([case.uid], since)) == [
        (asked.created_at, asked.uid)
    ]
    now = clock.move(minutes=20)
    await act(storage.door, lambda uow: uow.outbox.release([contact.uid]))
    await act(storage.door, lambda uow: uow.outbox.fetch(contact.uid))
    assert await act(storage.door, lambda uow: uow.lines.shown_to_seeker([case.uid], since)) == [
        (asked.created_at, asked.uid),
        (now, held.uid),
    ]

"""What the stores promise in `handlers/ports`, on every storage there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from flows.effects import Button, LateAnswer
from flows.severity import Severity
from handlers.model import (
    Direction,
    Disposition,
    EscalationState,
    InboxState,
    MessageKind,
    OutboxState,
    Summary,
    new_uid,
)
from handlers.ports import UnitOfWork
from storage import tables
from storage.open import Storage
from tests.contract.builders import (
    START,
    Clock,
    act,
    address,
    case_of,
    escalation,
    inbox_row,
    line,
    outbox_row,
    staff,
)

# --- contacts and inbox -------------------------------------------------------------------------------------------------


async def test_the_same_address_is_the_same_contact_also_within_one_call(storage: Storage) -> None:
    one, two, again = await act(storage.door, lambda uow: uow.contacts.open([address(1), address(2), address(1)]))
    later = await act(storage.door, lambda uow: uow.contacts.find(address(1)))
    assert one == again == later
    assert one.uid != two.uid
    assert await act(storage.door, lambda uow: uow.contacts.find(address(3))) is None


async def test_every_field_of_a_contact_comes_back(storage: Storage, clock: Clock) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    full = replace(
        contact,
        session={"step": "chào.hỏi", "n": 3, "list": [1, "hai", None], "yes": True},
        content_version="abc",
        session_due_at=START + timedelta(microseconds=1),
        pending=2,
        next_run_at=START,
        last_served_at=START,
        last_inbound_at=START,
        stay_started_at=START,
        quiet=True,
        confirmed=False,
        late_answer=LateAnswer.UNTIL,
        late_until_at=START,
        inbound_day="2026-03-08",
        inbound_count=7,
        blocked_at=START,
        hidden_at=START,
        erase_at=START,
    )
    await act(storage.door, lambda uow: uow.contacts.save(full))
    assert await act(storage.door, lambda uow: uow.contacts.get(contact.uid)) == full


async def test_a_hidden_contact_lets_go_of_its_address(storage: Storage, clock: Clock) -> None:
    (old,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    await act(storage.door, lambda uow: uow.contacts.save(replace(old, hidden_at=clock.now)))
    (new,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    assert new.uid != old.uid
    assert new.hidden_at is None
    assert await act(storage.door, lambda uow: uow.contacts.find(address())) == new


async def test_a_naive_time_is_refused(storage: Storage) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    with pytest.raises(ValueError, match="without a zone"):
        await act(storage.door, lambda uow: uow.contacts.save(replace(contact, erase_at=START.replace(tzinfo=None))))


async def test_lanes_are_served_longest_unserved_first_and_not_while_they_back_off(
    storage: Storage, clock: Clock
) -> None:
    def prepare(uow: UnitOfWork) -> list[str]:
        made = uow.contacts.open([address(n) for n in range(5)])
        served = [START, START - timedelta(hours=1), None, START - timedelta(hours=2), START]
        for contact, at in zip(made, served, strict=True):
            uow.contacts.save(replace(contact, pending=1, last_served_at=at))
        uow.contacts.save(replace(uow.contacts.get(made[3].uid), next_run_at=START + timedelta(seconds=5)))
        uow.contacts.save(replace(uow.contacts.get(made[4].uid), pending=0))
        return [contact.uid for contact in made]

    uids = await act(storage.door, prepare)
    assert await act(storage.door, lambda uow: uow.contacts.ready(10)) == [uids[2], uids[1], uids[0]]
    clock.move(seconds=5)
    assert await act(storage.door, lambda uow: uow.contacts.ready(2)) == [uids[2], uids[3]]


async def test_loading_many_leaves_out_who_is_gone(storage: Storage) -> None:
    one, two = await act(storage.door, lambda uow: uow.contacts.open([address(1), address(2)]))
    await act(storage.door, lambda uow: uow.contacts.forget(two.uid))
    assert await act(storage.door, lambda uow: uow.contacts.load([one.uid, two.uid, new_uid()])) == {one.uid: one}


async def test_timers_are_due_only_with_nothing_pending(storage: Storage, clock: Clock) -> None:
    def prepare(uow: UnitOfWork) -> None:
        idle, busy, later = uow.contacts.open([address(1), address(2), address(3)])
        uow.contacts.save(replace(idle, session_due_at=START))
        uow.contacts.save(replace(busy, session_due_at=START, pending=1))
        uow.contacts.save(replace(later, session_due_at=START + timedelta(seconds=1), erase_at=START))

    await act(storage.door, prepare)
    assert len(await act(storage.door, lambda uow: uow.contacts.due_timers(10))) == 1
    assert len(await act(storage.door, lambda uow: uow.contacts.due_erasure(10))) == 1
    clock.move(seconds=1)
    assert len(await act(storage.door, lambda uow: uow.contacts.due_timers(10))) == 2


async def test_a_message_is_accepted_once_per_channel_and_id(storage: Storage) -> None:
    def accept(uow: UnitOfWork) -> list[bool]:
        (contact,) = uow.contacts.open([address()])
        ids = [("web", "1"), ("web", "2"), ("web", "1"), ("telegram", "1")]
        return uow.inbox.accept([(inbox_row(contact), channel, message_id) for channel, message_id in ids])

    assert await act(storage.door, accept) == [True, True, False, True]
    assert await act(storage.door, accept) == [False, False, False, False]


@pytest.mark.parametrize("message_id", ["", "a\x00b", "9" * 5000, "ă" * 255, "' OR 1=1 --", "%s %(x)s $1 ?"])
async def test_an_id_of_any_shape_is_known_again(storage: Storage, message_id: str) -> None:
    def accept(uow: UnitOfWork) -> list[bool]:
        (contact,) = uow.contacts.open([address()])
        return uow.inbox.accept([(inbox_row(contact), "web", message_id)])

    assert await act(storage.door, accept) == [True]
    assert await act(storage.door, accept) == [False]


async def test_the_oldest_new_message_comes_first_and_keeps_its_text_until_done(storage: Storage) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    rows = [inbox_row(contact, text=f"dòng {n}") for n in range(3)]
    await act(storage.door, lambda uow: uow.inbox.accept([(row, "web", row.uid) for row in rows]))

    async def oldest() -> str | None:
        found = await act(storage.door, lambda uow: uow.inbox.oldest([contact.uid]))
        return found[contact.uid].message.text if found else None

    assert await oldest() == "dòng 0"
    await act(storage.door, lambda uow: uow.inbox.save(replace(rows[0], attempts=2, error_class="ValueError")))
    found = await act(storage.door, lambda uow: uow.inbox.oldest([contact.uid]))
    assert found[contact.uid] == replace(rows[0], attempts=2, error_class="ValueError")
    await act(storage.door, lambda uow: uow.inbox.save(replace(rows[0], state=InboxState.DONE)))
    assert await oldest() == "dòng 1"
    await act(storage.door, lambda uow: uow.inbox.save(replace(rows[1], state=InboxState.DEAD)))
    assert await oldest() == "dòng 2"


async def test_forgetting_takes_everything_and_a_redelivery_does_not_bring_her_back(storage: Storage) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))

    def prepare(uow: UnitOfWork) -> None:
        uow.inbox.accept([(inbox_row(contact), "web", "m1")])
        uow.outbox.add(outbox_row(contact))
        uow.codes.save("1234", contact.uid)

    await act(storage.door, prepare)
    for _ in range(2):
        await act(storage.door, lambda uow: uow.contacts.forget(contact.uid))
    with pytest.raises(KeyError):
        await act(storage.door, lambda uow: uow.contacts.get(contact.uid))
    assert await act(storage.door, lambda uow: uow.codes.redeem("1234")) is None
    assert await act(storage.door, lambda uow: uow.outbox.next_due_at()) is None
    assert contact.uid not in storage.keys.owners()
    (again,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    assert again.uid != contact.uid
    assert await act(storage.door, lambda uow: uow.inbox.accept([(inbox_row(again), "web", "m1")])) == [False]


# --- cases, lines, escalations --------------------------------------------------------------------------------------------


async def test_every_field_of_a_case_comes_back_by_uid_code_and_contact(storage: Storage) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    summary = Summary(
        signs=(("dao", "cầm dao"),), why=("hỏi.một:có",), answers={"Ở đâu": "xã A"}, commune="03", about="me"
    )
    case = case_of(
        contact,
        severity=Severity.URGENT,
        category="physical",
        summary=summary,
        listed_at=START,
        asked_at=START,
        agreed_at=START,
        retracted_at=START,
        danger_at=START,
        last_inbound_at=START,
        last_human_at=START,
        human=True,
        next_due_at=START,
        practice=True,
    )
    await act(storage.door, lambda uow: uow.cases.add(case))
    assert await act(storage.door, lambda uow: uow.cases.get(case.uid)) == case
    assert await act(storage.door, lambda uow: uow.cases.by_code(" k1-001 ")) == case
    assert await act(storage.door, lambda uow: uow.cases.open_of([contact.uid, new_uid()])) == {contact.uid: case}
    assert await act(storage.door, lambda uow: uow.cases.due(5)) == [case]
    closed = replace(case, closed_at=START, disposition=Disposition.HELPED, next_due_at=None)
    await act(storage.door, lambda uow: uow.cases.save(closed))
    assert await act(storage.door, lambda uow: uow.cases.open_of([contact.uid])) == {}
    assert await act(storage.door, lambda uow: uow.cases.newest_closed_of(contact.uid)) == closed
    assert await act(storage.door, lambda uow: uow.cases.all_of(contact.uid)) == [closed]


async def test_saves_are_seen_within_the_same_unit_of_work(storage: Storage) -> None:
    def work(uow: UnitOfWork) -> None:
        (contact,) = uow.contacts.open([address()])
        assert uow.cases.open_of([contact.uid]) == {}
        case = case_of(contact)
        uow.cases.add(case)
        assert uow.cases.open_of([contact.uid]) == {contact.uid: case}
        assert uow.cases.by_code(case.code) == case
        assert uow.escalations.open_of([case.uid]) == {}
        ringing = escalation(case)
        uow.escalations.add(ringing)
        assert uow.escalations.open_of([case.uid]) == {case.uid: ringing}
        assert uow.escalations.due(5) == uow.escalations.ringing() == [ringing]
        ended = replace(ringing, state=EscalationState.ENDED, next_due_at=None)
        uow.escalations.save(ended)
        assert uow.escalations.open_of([case.uid]) == {}
        assert uow.escalations.due(5) == []
        closed = replace(case, closed_at=START, disposition=Disposition.LOST)
        uow.cases.save(closed)
        assert uow.cases.open_of([contact.uid]) == {}
        assert uow.cases.get(case.uid) == closed

    await act(storage.door, work)


async def test_a_case_moves_to_another_contact(storage: Storage) -> None:
    one, two = await act(storage.door, lambda uow: uow.contacts.open([address(1), address(2)]))
    case = case_of(one)
    await act(storage.door, lambda uow: uow.cases.add(case))

    def move(uow: UnitOfWork) -> None:
        found = uow.cases.open_of([one.uid, two.uid])
        uow.cases.save(replace(found[one.uid], contact_uid=two.uid))
        assert set(uow.cases.open_of([one.uid, two.uid])) == {two.uid}

    await act(storage.door, move)
    assert set(await act(storage.door, lambda uow: uow.cases.open_of([one.uid, two.uid]))) == {two.uid}


async def test_the_queue_shows_severity_first_then_the_longest_wait_and_no_content(
    storage: Storage, clock: Clock
) -> None:
    mai = staff("Mai")

    def prepare(uow: UnitOfWork) -> None:
        uow.staff.save(mai)
        contacts = uow.contacts.open([address(n) for n in range(5)])
        urgent = {"severity": Severity.URGENT, "listed_at": START}
        cases = [
            case_of(contacts[0], "A", **urgent),
            case_of(contacts[1], "B", **urgent),
            case_of(contacts[2], "C", severity=Severity.EMERGENCY, listed_at=START, danger_at=START, agreed_at=START),
            case_of(contacts[3], "D", severity=Severity.STANDARD, listed_at=START, retracted_at=START),
            case_of(contacts[4], "E"),
        ]
        for case in cases:
            uow.cases.add(case)
        uow.escalations.add(escalation(cases[0], created_at=START + timedelta(minutes=1)))
        uow.escalations.add(
            escalation(cases[1], unanswered_since=START, state=EscalationState.OWING, owner_uid=mai.uid, epoch=3)
        )

    await act(storage.door, prepare)
    cards = await storage.door.read(lambda uow: uow.cases.queue())
    assert [card.case_code for card in cards] == ["C", "B", "A", "D"]
    assert (cards[0].danger, cards[0].agreed, cards[0].state) == (True, True, None)
    assert (cards[1].owner_alias, cards[1].epoch, cards[1].state) == ("Chị Mai", 3, EscalationState.OWING)
    assert (cards[2].waiting_since, cards[2].owner_alias) == (START + timedelta(minutes=1), "")
    assert cards[3].retracted


async def test_destroying_a_case_leaves_figures_only(storage: Storage) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    case = case_of(
        contact, summary=Summary(commune="03"), severity=Severity.URGENT, category="physical", listed_at=START
    )

    def prepare(uow: UnitOfWork) -> None:
        uow.cases.add(case)
        uow.lines.add(line(case, 1))
        uow.escalations.add(escalation(case, state=EscalationState.ENDED, next_due_at=None))

    await act(storage.door, prepare)
    for _ in range(2):
        await act(storage.door, lambda uow: uow.cases.destroy(case.uid))
    assert case.uid not in storage.keys.owners()
    assert await act(storage.door, lambda uow: uow.lines.of_case(case.uid)) == []
    assert await act(storage.door, lambda uow: uow.cases.by_code(case.code)) is None
    assert await act(storage.door, lambda uow: uow.cases.queue()) == []
    with pytest.raises(KeyError):
        await act(storage.door, lambda uow: uow.cases.get(case.uid))


async def test_the_transcript_shows_what_became_of_each_line(storage: Storage) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    case = case_of(contact)
    buttons = (Button("Có", "a.0"), Button("Không", "a.1"))
    lines = [
        line(case, 1, "cô ấy viết", direction=Direction.IN, author="seeker", inbox_uid=new_uid()),
        line(case, 2, "đã gửi", buttons=buttons),
        line(case, 3, "còn giữ"),
        line(case, 4, "ghi chú", direction=Direction.NOTE, author=new_uid(), client_key="k1"),
        line(case, 5, "không qua hộp thư", created_at=START + timedelta(hours=1)),
    ]

    def prepare(uow: UnitOfWork) -> None:
        uow.cases.add(case)
        for one in lines:
            uow.lines.add(one)
        uow.outbox.add(outbox_row(contact, line_uid=lines[1].uid, state=OutboxState.SENT))
        uow.outbox.add(outbox_row(contact, line_uid=lines[2].uid, state=OutboxState.HELD))

    await act(storage.door, prepare)
    shown = await act(storage.door, lambda uow: uow.lines.of_case(case.uid))
    assert [(one.seq, one.text, one.delivery) for one in shown] == [
        (1, "cô ấy viết", None),
        (2, "đã gửi", OutboxState.SENT),
        (3, "còn giữ", OutboxState.HELD),
        (4, "ghi chú", None),
        (5, "không qua hộp thư", None),
    ]
    assert [one.seq for one in await act(storage.door, lambda uow: uow.lines.of_case(case.uid, 2, 2))] == [3, 4]
    newest = await act(
        storage.door, lambda uow: [uow.lines.newest_by(case.uid, who) for who in ("bot", lines[3].author, "x")]
    )
    assert newest == [START + timedelta(hours=1), START, None], "lines and notes alike"
    hers = await act(storage.door, lambda uow: uow.lines.shown_to_seeker([case.uid], None))
    assert hers == [(START, lines[0].uid), (START, lines[1].uid), (lines[4].created_at, lines[4].uid)]
    later = START + timedelta(minutes=1)
    assert await act(storage.door, lambda uow: uow.lines.shown_to_seeker([case.uid], later)) == hers[2:]
    loaded = await act(storage.door, lambda uow: uow.lines.load([lines[1].uid, lines[4].uid, new_uid()]))
    assert loaded == {lines[1].uid: lines[1], lines[4].uid: lines[4]}
    assert await act(storage.door, lambda uow: uow.lines.has_client_key(case.uid, "k1"))
    assert not await act(storage.door, lambda uow: uow.lines.has_client_key(case.uid, "k2"))


async def test_a_line_number_and_a_client_key_are_used_once(storage: Storage) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    case = case_of(contact)
    await act(storage.door, lambda uow: (uow.cases.add(case), uow.lines.add(line(case, 1, client_key="k"))))
    for again in (line(case, 1), line(case, 2, client_key="k")):
        with pytest.raises(Exception, match=r"(?i)unique"):
            await act(storage.door, lambda uow, again=again: uow.lines.add(again))


async def test_a_case_has_one_open_escalation_and_an_open_one_is_always_timed(storage: Storage) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    case, first = case_of(contact), escalation(case_of(contact))
    first = replace(first, case_uid=case.uid)
    await act(storage.door, lambda uow: (uow.cases.add(case), uow.escalations.add(first)))
    for bad in (
        escalation(case),
        escalation(case, state=EscalationState.ENDED),
        escalation(case, state=EscalationState.CLAIMED),
        escalation(case, owner_uid=new_uid()),
    ):
        with pytest.raises(Exception, match=r"(?i)unique|check"):
            await act(storage.door, lambda uow, bad=bad: uow.escalations.add(bad))

    def replace_it(uow: UnitOfWork) -> None:
        uow.escalations.add(escalation(case, epoch=2))
        uow.escalations.save(replace(first, state=EscalationState.ENDED, next_due_at=None))

    await act(storage.door, replace_it)
    found = await act(storage.door, lambda uow: uow.escalations.open_of([case.uid]))
    assert found[case.uid].epoch == 2
    assert found[case.uid].ladder == first.ladder


async def test_due_escalations_come_most_overdue_first(storage: Storage, clock: Clock) -> None:
    mai = new_uid()

    def prepare(uow: UnitOfWork) -> None:
        for number, due in enumerate((2, 1, 9)):
            case = case_of(uow.contacts.open([address(number)])[0], f"K{number}")
            uow.cases.add(case)
            owned = {"state": EscalationState.CLAIMED, "owner_uid": mai} if number == 1 else {}
            uow.escalations.add(escalation(case, next_due_at=START + timedelta(seconds=due), round=number, **owned))

    await act(storage.door, prepare)
    clock.move(seconds=5)
    assert [one.round for one in await act(storage.door, lambda uow: uow.escalations.due(5))] == [1, 0]
    assert [one.round for one in await act(storage.door, lambda uow: uow.escalations.owned_by(mai))] == [1]
    assert [one.round for one in await act(storage.door, lambda uow: uow.escalations.held())] == [1]
    assert {one.round for one in await act(storage.door, lambda uow: uow.escalations.ringing())} == {0, 2}


async def test_something_that_cannot_be_read_is_still_a_message(storage: Storage) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    row = inbox_row(contact)
    await act(storage.door, lambda uow: uow.inbox.accept([(row, "web", "1")]))

    def spoil(uow: UnitOfWork) -> None:
        uow.execute(update(tables.inbox).values(message_sealed=bytes(300)))  # type: ignore[attr-defined]

    await act(storage.door, spoil)
    found = await act(storage.door, lambda uow: uow.inbox.oldest([contact.uid]))
    assert found[contact.uid].message.kind is MessageKind.UNSUPPORTED

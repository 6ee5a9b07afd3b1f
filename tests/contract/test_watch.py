"""What an auditor is told: late is late, and what is as it should be is not. On every storage there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from handlers import alarms
from handlers.alarms import TOKEN_LOST, Alarm
from handlers.model import EscalationState, OutboxState, Outcome, new_uid
from handlers.ports import Backlog, UnitOfWork
from handlers.watching import PARTS, Finding, beat, findings
from storage.open import Storage
from storage.outbox_statements import QUARANTINE
from tests.contract.builders import START, Clock, act, address, case_of, escalation, inbox_row, outbox_row, page

LEASE = timedelta(seconds=30)
LATER = START + timedelta(minutes=10)
Asked = Callable[[UnitOfWork, datetime], Backlog]


async def asked(storage: Storage, ask: Asked, before: datetime = LATER) -> tuple[int, datetime | None]:
    found = await storage.door.read(lambda uow: ask(uow, before))
    return found.count, found.oldest_at


async def test_nothing_is_late_in_an_empty_house(storage: Storage) -> None:
    assert await storage.door.read(lambda uow: findings(uow)) == []


async def test_an_alarm_of_a_channel_is_told_by_the_auditor_as_well(storage: Storage, clock: Clock) -> None:
    await act(storage.door, lambda uow: alarms.sound(uow, Alarm("zalo", TOKEN_LOST)))
    clock.move(minutes=2)
    assert await storage.door.read(lambda uow: findings(uow)) == [Finding("channel-token-lost", 1, 120)]
    await act(storage.door, lambda uow: alarms.hush(uow, Alarm("zalo", TOKEN_LOST)))
    assert await storage.door.read(lambda uow: findings(uow)) == []


async def test_escalations_and_cases_that_should_have_moved(storage: Storage) -> None:
    def prepare(uow: UnitOfWork) -> None:
        (contact,) = uow.contacts.open([address()])
        for number, due in enumerate((START, START + timedelta(minutes=1), LATER)):
            case = case_of(contact, f"K{number}", closed_at=None, next_due_at=due)
            uow.cases.add(case)
            uow.escalations.add(escalation(case, next_due_at=due, first_page_at=START))
        over = case_of(contact, "K9")
        uow.cases.add(over)
        ended = escalation(over, state=EscalationState.ENDED, next_due_at=None, ended_reason="closed")
        uow.escalations.add(ended)

    await act(storage.door, prepare)
    assert await asked(storage, lambda uow, at: uow.watch.overdue_escalations(at)) == (2, START)
    assert await asked(storage, lambda uow, at: uow.watch.overdue_cases(at)) == (2, START)
    assert await asked(storage, lambda uow, at: uow.watch.overdue_escalations(at), START) == (0, None)


async def test_what_rings_without_anybody_reached(storage: Storage) -> None:
    def prepare(uow: UnitOfWork) -> list[str]:
        (contact,) = uow.contacts.open([address()])
        uids = []
        for number, paged in enumerate((None, None, START)):
            case = case_of(contact, f"K{number}")
            uow.cases.add(case)
            ringing = escalation(case, first_page_at=paged)
            uow.escalations.add(ringing)
            uids.append(ringing.uid)
        return uids

    uids = await act(storage.door, prepare)
    assert await asked(storage, lambda uow, at: uow.watch.unpaged(at)) == (2, START)
    await act(storage.door, lambda uow: uow.escalations.paged(uids[0]))
    claimed = {"state": EscalationState.CLAIMED, "owner_uid": new_uid()}
    await act(storage.door, lambda uow: uow.escalations.save(replace(uow.escalations.get(uids[1]), **claimed)))
    assert await asked(storage, lambda uow, at: uow.watch.unpaged(at)) == (0, None)
    assert (await act(storage.door, lambda uow: uow.escalations.get(uids[0]))).first_page_at == START


async def test_the_first_page_is_noted_once_also_beside_other_changes(storage: Storage, clock: Clock) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    case = case_of(contact)
    ringing = escalation(case)

    def both(uow: UnitOfWork) -> None:
        uow.escalations.save(replace(uow.escalations.get(ringing.uid), rung=1))
        uow.escalations.paged(ringing.uid)

    await act(storage.door, lambda uow: (uow.cases.add(case), uow.escalations.add(ringing)))
    await act(storage.door, both)
    clock.move(seconds=9)
    await act(storage.door, lambda uow: uow.escalations.paged(ringing.uid))
    found = await act(storage.door, lambda uow: uow.escalations.get(ringing.uid))
    assert (found.rung, found.first_page_at) == (1, START)


async def test_messages_in_lanes_that_stand_still(storage: Storage) -> None:
    def prepare(uow: UnitOfWork) -> None:
        still, backs_off, moves, new = uow.contacts.open([address(number) for number in range(4)])
        for contact, fields in (
            (still, {}),
            (backs_off, {"next_run_at": LATER}),
            (moves, {"last_served_at": LATER}),
            (new, {}),
        ):
            uow.contacts.save(replace(contact, pending=1, **fields))
            at = LATER if contact is new else START
            uow.inbox.accept([(inbox_row(contact, received_at=at), "web", contact.uid)])

    await act(storage.door, prepare)
    assert await asked(storage, lambda uow, at: uow.watch.unhandled(at)) == (1, START)


async def test_lines_that_could_have_gone_out(storage: Storage) -> None:
    def prepare(uow: UnitOfWork) -> None:
        phones = uow.contacts.open([address(number, "telegram") for number in range(4)])
        (browser,) = uow.contacts.open([address(9, "web")])
        case = case_of(phones[0])
        uow.cases.add(case)
        for row in (
            outbox_row(phones[0]),
            outbox_row(phones[0]),  # behind the first one: only heads count
            outbox_row(phones[1], next_attempt_at=LATER),  # waits for its next try
            outbox_row(phones[2], created_at=LATER),
            outbox_row(phones[3], state=OutboxState.HELD),
            outbox_row(browser),  # lies until she looks
            page(case),
        ):
            uow.outbox.add(row)

    await act(storage.door, prepare)
    assert await asked(storage, lambda uow, at: uow.watch.unsent(at)) == (1, START)
    await act(storage.door, lambda uow: uow.set_setting(QUARANTINE, "on"))
    assert await asked(storage, lambda uow, at: uow.watch.unsent(at)) == (0, None)


async def test_leases_that_nobody_took_over(storage: Storage, clock: Clock) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address(1, "telegram")]))
    await act(storage.door, lambda uow: uow.outbox.add(outbox_row(contact)))
    (job,) = await act(storage.door, lambda uow: uow.outbox.claim(9, LEASE, frozenset()))
    assert await asked(storage, lambda uow, at: uow.watch.forsaken(at)) == (1, START + LEASE)
    assert await asked(storage, lambda uow, at: uow.watch.forsaken(at), START + LEASE) == (0, None)
    token = job.row.lease_token or ""
    await act(storage.door, lambda uow: uow.outbox.record(job.row.uid, token, Outcome.SENT))
    assert await asked(storage, lambda uow, at: uow.watch.forsaken(at)) == (0, None)


async def test_findings_say_what_how_often_and_how_old(storage: Storage, clock: Clock) -> None:
    def prepare(uow: UnitOfWork) -> None:
        (contact,) = uow.contacts.open([address()])
        case = case_of(contact)
        uow.cases.add(case)
        uow.escalations.add(escalation(case))

    await act(storage.door, prepare)
    clock.move(seconds=30)
    assert await storage.door.read(findings) == []
    clock.move(seconds=1)
    assert await storage.door.read(findings) == [Finding("escalation-overdue", 1, 31)]
    clock.move(seconds=30)
    found = await storage.door.read(findings)
    assert found == [Finding("escalation-overdue", 1, 61), Finding("nobody-paged", 1, 61)]


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_that_was_never_seen_or_has_fallen_silent(storage: Storage, clock: Clock, part: str) -> None:
    assert await storage.door.read(lambda uow: findings(uow, [part])) == [Finding(f"no-{part}", 1, 0)]
    await storage.door.run(beat, frozenset({part}))
    clock.move(seconds=15)
    assert await storage.door.read(lambda uow: findings(uow, [part])) == []
    clock.move(seconds=1)
    assert await storage.door.read(lambda uow: findings(uow, [part])) == [Finding(f"no-{part}", 1, 16)]

"""What an auditor is told: late is late, and what is as it should be is not. On every storage there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from flows.severity import Severity
from handlers import alarms
from handlers.alarms import TOKEN_LOST, Alarm
from handlers.duty import EverybodyByRole
from handlers.health import Looked, Watched, health, keep_backup, keep_watched
from handlers.model import Disposition, DutySwitch, EscalationState, OutboxState, Outcome, new_uid
from handlers.ports import Backlog, Queues, UnitOfWork
from handlers.return_codes import REFUSED_RIGHT, REFUSED_WRONG
from handlers.watching import PARTS, Finding, beat, findings
from storage.open import Storage
from storage.outbox_statements import QUARANTINE
from tests.contract.builders import START, Clock, act, address, case_of, escalation, inbox_row, outbox_row, page, staff

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


async def test_how_much_is_open_is_counted_by_word(storage: Storage) -> None:
    def prepare(uow: UnitOfWork) -> None:
        (phone, other) = uow.contacts.open([address(number, "telegram") for number in range(2)])
        (browser,) = uow.contacts.open([address(9, "web")])
        uow.contacts.save(replace(phone, pending=2))
        uow.contacts.save(replace(browser, pending=1))
        for number, (severity, state, begun) in enumerate(
            (
                (Severity.EMERGENCY, EscalationState.RINGING, START),
                (Severity.URGENT, EscalationState.RINGING, LATER),
                (Severity.URGENT, EscalationState.CLAIMED, START),
            )
        ):
            case = case_of(phone, f"K{number}", severity=severity, listed_at=START)
            uow.cases.add(case)
            owner = {"owner_uid": new_uid()} if state is EscalationState.CLAIMED else {}
            uow.escalations.add(escalation(case, state=state, created_at=begun, **owner))
            uow.outbox.add(page(case))
        uow.cases.add(case_of(other, "K8", severity=Severity.NONE))
        closed = {"closed_at": START, "disposition": Disposition.HELPED, "next_due_at": None}
        uow.cases.add(case_of(other, "K9", severity=Severity.URGENT, listed_at=START, **closed))
        for row in (
            outbox_row(phone),
            outbox_row(phone),
            outbox_row(other, state=OutboxState.HELD),
            outbox_row(other, state=OutboxState.SENT),
            outbox_row(browser),
        ):
            uow.outbox.add(row)

    empty = await storage.door.read(lambda uow: uow.watch.queues())
    assert (empty.messages, empty.letters, empty.escalations, empty.cases) == (0, {}, {}, {})
    await act(storage.door, prepare)
    assert await storage.door.read(lambda uow: uow.watch.queues()) == Queues(
        messages=3,
        letters={"telegram": 2, "web": 1},
        held=1,
        pages=3,
        escalations={"ringing": 2, "claimed": 1},
        cases={"emergency": 1, "urgent": 2},
        ringing=Backlog(count=2, oldest_at=START),
    )


async def test_right_codes_that_were_refused(storage: Storage, clock: Clock) -> None:
    def refuse(uow: UnitOfWork) -> None:
        for channel in ("web", "tg"):
            uow.staff.note_failure(f"{REFUSED_RIGHT}{channel}")
            uow.staff.note_failure(f"{REFUSED_WRONG}{channel}")
        uow.staff.note_failure("codes:web")

    await act(storage.door, refuse)
    clock.move(minutes=5)
    found = await storage.door.read(lambda uow: findings(uow))
    assert found == [Finding("codes-refused", 2, 300)]
    clock.move(minutes=6)
    assert await storage.door.read(lambda uow: findings(uow)) == []
    assert (await storage.door.read(lambda uow: uow.watch.refused_codes(START))).count == 2


async def test_what_an_auditor_says_of_itself_is_kept_for_the_others(storage: Storage, clock: Clock) -> None:
    duty = EverybodyByRole()
    first = await storage.door.read(lambda uow: health(uow, duty, ["tg"]))
    assert (first.watched, first.backup_at, first.content_version, first.quarantine) == (None, None, "", False)
    assert first.silent == {"lanes": None, "timers": None, "sender": None, "channel:tg": None}
    said = Looked(told=("no-timers",), alarm="failed", ping="arrived", pinged_s=40.0)
    await storage.door.run(keep_watched, said)
    await storage.door.run(keep_backup, START)
    await storage.door.run(beat, frozenset({"lanes", "channel:tg"}))
    await act(storage.door, lambda uow: uow.staff.save(staff(duty=DutySwitch.AUTO)))
    clock.move(seconds=7)
    seen = await storage.door.read(lambda uow: health(uow, duty, ["tg"], None))
    pinged_at = START - timedelta(seconds=40)
    assert seen.watched == Watched(at=START, told=("no-timers",), alarm="failed", ping="arrived", pinged_at=pinged_at)
    assert seen.backup_at == START
    assert seen.silent["lanes"] == seen.silent["channel:tg"] == timedelta(seconds=7)
    assert seen.on_duty == {"on_duty": 1, "backup": 0, "supervisor": 0}

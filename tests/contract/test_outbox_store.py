"""What the outbox promises in `handlers/ports`: order, leases with a token, nothing late, nothing to anybody else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from flows.effects import Button
from flows.severity import Severity
from handlers.model import Case, Contact, OutboxKind, OutboxRow, OutboxState, Outcome, Outgoing, SendJob, new_uid
from handlers.ports import UnitOfWork
from storage import tables
from storage.open import Storage
from storage.outbox_statements import QUARANTINE
from tests.contract.builders import START, Clock, act, address, case_of, escalation, line, outbox_row, page

LEASE = timedelta(seconds=30)


async def contacts(storage: Storage, count: int = 1, channel: str = "telegram") -> list[Contact]:
    addresses = [address(number, channel) for number in range(count)]
    return await act(storage.door, lambda uow: uow.contacts.open(addresses))


async def add(storage: Storage, *rows: OutboxRow) -> None:
    def work(uow: UnitOfWork) -> None:
        for row in rows:
            uow.outbox.add(row)

    await act(storage.door, work)


async def claim(storage: Storage, limit: int = 64, skip: Sequence[str] = ()) -> list[SendJob]:
    return await act(storage.door, lambda uow: uow.outbox.claim(limit, LEASE, frozenset(skip)))


async def record(
    storage: Storage, job: SendJob, outcome: Outcome = Outcome.SENT, token: str = "", **rest: object
) -> bool:
    token = token or job.row.lease_token or ""
    return await act(storage.door, lambda uow: uow.outbox.record(job.row.uid, token, outcome, **rest))  # type: ignore[arg-type]


async def states(storage: Storage, case: Case) -> list[OutboxState | None]:
    return [one.delivery for one in await act(storage.door, lambda uow: uow.lines.of_case(case.uid))]


async def case_with_lines(
    storage: Storage, contact: Contact, count: int, **fields: object
) -> tuple[Case, list[OutboxRow]]:
    case = case_of(contact)
    lines = [line(case, seq + 1, f"dòng {seq}") for seq in range(count)]
    rows = [outbox_row(contact, one.text, line_uid=one.uid, case_uid=case.uid, **fields) for one in lines]

    def work(uow: UnitOfWork) -> None:
        uow.cases.add(case)
        for one, row in zip(lines, rows, strict=True):
            uow.lines.add(one)
            uow.outbox.add(row)

    await act(storage.door, work)
    return case, rows


async def test_a_lane_is_first_in_first_out_and_lanes_go_side_by_side(storage: Storage) -> None:
    one, two = await contacts(storage, 2)
    await add(storage, outbox_row(one, "1a"), outbox_row(one, "1b"), outbox_row(two, "2a"))
    first = await claim(storage)
    assert [(job.row.outgoing or Outgoing(text="")).text for job in first] == ["1a", "2a"]
    assert [job.address for job in first] == [address(0, "telegram"), address(1, "telegram")]
    assert await claim(storage) == []
    assert await record(storage, first[0])
    (second,) = await claim(storage)
    assert second.row.outgoing == Outgoing(text="1b")


async def test_what_is_to_be_shown_comes_back_whole(storage: Storage) -> None:
    (contact,) = await contacts(storage)
    outgoing = Outgoing(text="chữ\nvà dòng", buttons=(Button("Có", "x.0"),), wants_location=True)
    row = outbox_row(contact, outgoing=outgoing, kind=OutboxKind.CARD, fresh_until=START + timedelta(minutes=1))
    await add(storage, row)
    (job,) = await claim(storage)
    leased = {
        "state": OutboxState.SENDING,
        "attempts": 1,
        "lease_until": START + LEASE,
        "lease_token": job.row.lease_token,
    }
    assert job.row == replace(row, **leased)


async def test_pages_go_before_cards_and_cards_before_the_rest(storage: Storage, clock: Clock) -> None:
    one, two = await contacts(storage, 2)
    case = case_of(one, severity=Severity.EMERGENCY)
    ringing = escalation(case, unanswered_since=START - timedelta(minutes=1))
    await act(storage.door, lambda uow: (uow.cases.add(case), uow.escalations.add(ringing)))
    early = START - timedelta(hours=1)
    await add(
        storage,
        outbox_row(one, created_at=early),
        outbox_row(two, kind=OutboxKind.CARD),
        page(case, escalation_uid=ringing.uid, epoch=1),
    )
    jobs = await claim(storage)
    assert [job.row.kind for job in jobs] == [OutboxKind.PAGE, OutboxKind.CARD, OutboxKind.BOT]
    called = jobs[0]
    assert (called.case_code, called.severity, called.address) == (case.code, Severity.EMERGENCY, None)
    assert called.waiting_since == ringing.unanswered_since
    assert called.row.outgoing is None


async def test_a_known_dedupe_key_adds_nothing(storage: Storage) -> None:
    (contact,) = await contacts(storage)
    await add(storage, outbox_row(contact, "một", dedupe_key="k"), outbox_row(contact, "hai", dedupe_key="k"))
    await add(storage, outbox_row(contact, "ba", dedupe_key="k"))
    (job,) = await claim(storage)
    assert job.row.outgoing == Outgoing(text="một")
    assert await record(storage, job)
    assert await claim(storage) == []


async def test_a_lease_that_ran_out_is_given_again_and_the_old_token_is_worth_nothing(
    storage: Storage, clock: Clock
) -> None:
    (contact,) = await contacts(storage)
    await add(storage, outbox_row(contact))
    (first,) = await claim(storage)
    clock.move(seconds=30)
    assert await claim(storage) == []
    clock.move(seconds=1)
    (second,) = await claim(storage)
    assert (second.row.uid, second.row.attempts) == (first.row.uid, 2)
    assert second.row.lease_token != first.row.lease_token
    assert not await record(storage, first)
    assert await record(storage, second)
    assert not await record(storage, second)


async def test_a_program_that_starts_alone_takes_the_leases_of_the_dead_back(storage: Storage, clock: Clock) -> None:
    (contact,) = await contacts(storage)
    case, _ = await case_with_lines(storage, contact, 2)
    clock.move(seconds=1)
    (first,) = await claim(storage)
    assert first.row.lease_token
    assert await act(storage.door, lambda uow: uow.outbox.take_back({first.row.lease_token}, LEASE)) == 0
    clock.move(seconds=6)
    assert await act(storage.door, lambda uow: uow.outbox.take_back((), LEASE)) == 1
    await act(storage.door, lambda uow: uow.outbox.cancel_seeker(contact.uid))
    assert await states(storage, case) == [OutboxState.SENDING, OutboxState.CANCELLED]  # it may have arrived
    (again,) = await claim(storage)
    assert again.row.uid == first.row.uid
    assert not await record(storage, first)
    assert await record(storage, again)


async def test_a_retry_waits_and_keeps_the_lane_behind_it(storage: Storage, clock: Clock) -> None:
    (contact,) = await contacts(storage)
    await add(storage, outbox_row(contact, "một"), outbox_row(contact, "hai"))
    (job,) = await claim(storage)
    later = START + timedelta(seconds=2)
    assert await record(storage, job, Outcome.RETRY, retry_at=later, error_class="Throttled")
    assert await claim(storage) == []
    assert await act(storage.door, lambda uow: uow.outbox.next_due_at()) == later
    clock.move(seconds=2)
    (again,) = await claim(storage)
    assert (again.row.outgoing, again.row.error_class) == (Outgoing(text="một"), "Throttled")


async def test_a_failed_head_frees_its_lane_and_a_block_fails_all_of_it(storage: Storage) -> None:
    one, two = await contacts(storage, 2)
    case, _ = await case_with_lines(storage, one, 4)
    await add(storage, outbox_row(two))
    jobs = await claim(storage)
    assert await record(storage, jobs[0], Outcome.FAILED, error_class="BadRequest")
    (second,) = await claim(storage)
    assert await record(storage, second, Outcome.BLOCKED)
    assert await states(storage, case) == [OutboxState.FAILED] * 4
    assert await record(storage, jobs[1])
    assert await claim(storage) == []


async def test_late_rows_are_held_with_all_that_follow_until_she_writes(storage: Storage, clock: Clock) -> None:
    (contact,) = await contacts(storage)
    case, rows = await case_with_lines(storage, contact, 2, fresh_until=START + timedelta(minutes=15))
    await add(storage, outbox_row(contact, "sau", fresh_until=START + timedelta(hours=9)))
    clock.move(minutes=15, seconds=1)
    assert await claim(storage) == []
    assert await states(storage, case) == [OutboxState.HELD] * 2
    assert await act(storage.door, lambda uow: uow.outbox.next_due_at()) is None
    await act(storage.door, lambda uow: uow.outbox.release([contact.uid]))
    (job,) = await claim(storage)
    assert job.row.uid == rows[0].uid
    assert job.row.fresh_until == clock.now + timedelta(minutes=15)
    assert await record(storage, job)
    assert [job.row.uid for job in await claim(storage)] == [rows[1].uid]


async def test_what_came_too_late_does_not_hold_up_what_is_said_after_she_wrote_again(
    storage: Storage, clock: Clock
) -> None:
    (contact,) = await contacts(storage)
    case, _ = await case_with_lines(storage, contact, 2, fresh_until=START + timedelta(minutes=15))
    clock.move(minutes=20)

    def she_writes(uow: UnitOfWork) -> None:
        uow.outbox.hold_late(contact.uid)
        uow.outbox.add(outbox_row(contact, "mới", fresh_until=uow.now + timedelta(minutes=15)))

    await act(storage.door, she_writes)
    assert await states(storage, case) == [OutboxState.HELD] * 2
    jobs = await claim(storage)
    assert [job.row.outgoing for job in jobs] == [Outgoing(text="mới")]


async def test_a_row_that_is_being_sent_is_not_held_before_its_lease_runs_out(storage: Storage, clock: Clock) -> None:
    (contact,) = await contacts(storage)
    await add(storage, outbox_row(contact, fresh_until=START + timedelta(seconds=5)))
    (job,) = await claim(storage)
    clock.move(seconds=10)
    assert await claim(storage) == []
    assert await record(storage, job)


async def test_a_sender_that_died_leaves_no_late_send(storage: Storage, clock: Clock) -> None:
    (contact,) = await contacts(storage)
    case, _ = await case_with_lines(storage, contact, 1, fresh_until=START + timedelta(seconds=5))
    (job,) = await claim(storage)
    clock.move(minutes=1)
    assert await claim(storage) == []
    assert await states(storage, case) == [OutboxState.HELD]
    assert not await record(storage, job)


async def test_pages_are_never_late(storage: Storage, clock: Clock) -> None:
    (contact,) = await contacts(storage)
    case = case_of(contact)
    await act(storage.door, lambda uow: uow.cases.add(case))
    await add(storage, page(case, fresh_until=START))
    clock.move(hours=1)
    assert len(await claim(storage)) == 1


async def test_pulled_channels_are_not_claimed_but_their_late_rows_are_held(storage: Storage, clock: Clock) -> None:
    (contact,) = await contacts(storage, channel="web")
    case, rows = await case_with_lines(storage, contact, 2, fresh_until=START + timedelta(minutes=15))
    assert await claim(storage, skip=["web"]) == []
    fetched = await act(storage.door, lambda uow: uow.outbox.fetch(contact.uid))
    assert [row.uid for row in fetched] == [row.uid for row in rows]
    assert [row.outgoing for row in fetched] == [row.outgoing for row in rows]
    assert await states(storage, case) == [OutboxState.SENT] * 2
    assert await act(storage.door, lambda uow: uow.outbox.fetch(contact.uid)) == []
    await add(storage, outbox_row(contact, fresh_until=START + timedelta(minutes=15)))
    clock.move(minutes=16)
    assert await claim(storage, skip=["web"]) == []
    await act(storage.door, lambda uow: uow.outbox.release([contact.uid]))
    assert len(await act(storage.door, lambda uow: uow.outbox.fetch(contact.uid))) == 1


async def test_fetching_stops_at_the_first_late_row(storage: Storage, clock: Clock) -> None:
    (contact,) = await contacts(storage, channel="web")
    fresh, late = START + timedelta(hours=1), START - timedelta(seconds=1)
    await add(
        storage,
        outbox_row(contact, "một", fresh_until=fresh),
        outbox_row(contact, "hai", fresh_until=late),
        outbox_row(contact, "ba", fresh_until=fresh),
    )
    fetched = await act(storage.door, lambda uow: uow.outbox.fetch(contact.uid))
    assert [(row.outgoing or Outgoing(text="")).text for row in fetched] == ["một"]
    assert await act(storage.door, lambda uow: uow.outbox.fetch(contact.uid)) == []


async def test_cancelling_takes_what_waits_and_nothing_else(storage: Storage) -> None:
    one, two = await contacts(storage, 2)
    waiting = {"kind": OutboxKind.WAITING}
    await add(storage, outbox_row(one, "chờ", **waiting), outbox_row(one, "bot"), outbox_row(two, "chờ", **waiting))

    def replace_waiting(uow: UnitOfWork) -> None:
        uow.outbox.add(outbox_row(one, "chờ thêm", **waiting))
        uow.outbox.cancel_waiting(one.uid)
        uow.outbox.add(outbox_row(one, "chờ mới", **waiting))

    await act(storage.door, replace_waiting)
    jobs = await claim(storage)
    assert [(job.row.outgoing or Outgoing(text="")).text for job in jobs] == ["bot", "chờ"]
    assert await record(storage, jobs[0])
    (newest,) = await claim(storage)
    assert newest.row.outgoing == Outgoing(text="chờ mới")
    await add(storage, outbox_row(one, "sau"))
    await act(storage.door, lambda uow: uow.outbox.cancel_seeker(one.uid))
    assert await record(storage, newest)  # what is on its way cannot be called back
    assert await claim(storage) == []


async def test_pages_are_cancelled_up_to_an_epoch(storage: Storage) -> None:
    (contact,) = await contacts(storage)
    case, other = case_of(contact, "A"), case_of(contact, "B")
    ringing, another = escalation(case), escalation(other)
    await act(storage.door, lambda uow: (uow.cases.add(case), uow.cases.add(other)))
    await act(storage.door, lambda uow: (uow.escalations.add(ringing), uow.escalations.add(another)))
    pages = [page(case, escalation_uid=ringing.uid, epoch=epoch) for epoch in (1, 2, 3)]
    await add(storage, *pages, page(other, escalation_uid=another.uid, epoch=1))
    await act(storage.door, lambda uow: uow.outbox.cancel_pages(ringing.uid, 2))
    assert [job.case_code for job in await claim(storage)] == ["A", "B"]


async def test_rows_move_to_the_other_lane_in_order_and_leave_the_old_one(storage: Storage, clock: Clock) -> None:
    one, two = await contacts(storage, 2)
    await add(storage, outbox_row(one, "một", state=OutboxState.HELD), outbox_row(one, "hai"))
    await act(storage.door, lambda uow: uow.outbox.move(one.uid, two.uid))
    await act(storage.door, lambda uow: uow.outbox.release([one.uid, two.uid]))
    sent = []
    while jobs := await claim(storage):
        sent += [(job.address, (job.row.outgoing or Outgoing(text="")).text) for job in jobs]
        assert all([await record(storage, job) for job in jobs])
    assert sent == [(address(1, "telegram"), "một"), (address(1, "telegram"), "hai")]


async def test_a_lane_belongs_to_its_contact(storage: Storage) -> None:
    one, two = await contacts(storage, 2)
    with pytest.raises(Exception, match="own_lane"):
        await add(storage, outbox_row(one, lane=f"c:{two.uid}"))


async def test_a_row_under_another_contact_does_not_open(storage: Storage) -> None:
    one, two = await contacts(storage, 2)
    mine, hers = outbox_row(one, "bí mật"), outbox_row(two, "khác")
    await add(storage, mine, hers)

    def swap(uow: UnitOfWork) -> None:
        run, outbox = uow.execute, tables.outbox  # type: ignore[attr-defined]
        sealed = run(select(outbox.c.outgoing_sealed).where(outbox.c.uid == mine.uid)).scalar()
        run(update(outbox).where(outbox.c.uid == hers.uid).values(outgoing_sealed=sealed))

    await act(storage.door, swap)
    (job,) = await claim(storage)
    assert job.row.uid == mine.uid  # the other one failed, visibly, and nobody got her text
    assert await record(storage, job)
    assert await claim(storage) == []


async def test_quarantine_stops_lines_to_seekers_and_lets_pages_through(storage: Storage) -> None:
    (contact,) = await contacts(storage)
    case = case_of(contact)
    await act(storage.door, lambda uow: (uow.cases.add(case), uow.set_setting(QUARANTINE, "on")))
    await add(storage, outbox_row(contact), page(case))
    assert [job.row.kind for job in await claim(storage)] == [OutboxKind.PAGE]
    await act(storage.door, lambda uow: uow.set_setting(QUARANTINE, "off"))
    assert [job.row.kind for job in await claim(storage)] == [OutboxKind.BOT]


async def test_nobody_claims_what_another_has_claimed(storage: Storage) -> None:
    many = await contacts(storage, 250)
    await add(storage, *(outbox_row(contact) for contact in many for _ in range(4)))

    async def sender() -> list[str]:
        mine: list[str] = []
        while jobs := await storage.door.run(_claim_some, 7):
            mine += [job.row.uid for job in jobs]
            kept = await asyncio.gather(*(storage.door.run(_record_sent, job) for job in jobs))
            assert all(kept)
        return mine

    sent = [uid for mine in await asyncio.gather(*(sender() for _ in range(8))) for uid in mine]
    while jobs := await storage.door.run(_claim_some, 64):  # a sender that met only busy lanes has stopped early
        sent += [job.row.uid for job in jobs]
        await asyncio.gather(*(storage.door.run(_record_sent, job) for job in jobs))
    assert len(sent) == len(set(sent)) == 1000


def _claim_some(uow: UnitOfWork, limits: Sequence[int]) -> list[list[SendJob]]:
    return [uow.outbox.claim(limit, LEASE, frozenset()) for limit in limits]


def _record_sent(uow: UnitOfWork, jobs: Sequence[SendJob]) -> list[bool]:
    return [uow.outbox.record(job.row.uid, job.row.lease_token or "", Outcome.SENT) for job in jobs]


async def test_the_next_time_to_look_is_the_head_of_a_lane(storage: Storage, clock: Clock) -> None:
    (contact,) = await contacts(storage)
    assert await act(storage.door, lambda uow: uow.outbox.next_due_at()) is None
    await add(storage, outbox_row(contact, next_attempt_at=START + timedelta(seconds=9)), outbox_row(contact))
    assert await act(storage.door, lambda uow: uow.outbox.next_due_at()) == START + timedelta(seconds=9)
    clock.move(seconds=9)
    await claim(storage)
    assert await act(storage.door, lambda uow: uow.outbox.next_due_at()) == clock.now + LEASE


async def test_rows_of_the_forgotten_do_not_go_out(storage: Storage) -> None:
    (contact,) = await contacts(storage)
    await add(storage, outbox_row(contact))
    (job,) = await claim(storage)
    await add(storage, outbox_row(contact, dedupe_key=new_uid()))
    await act(storage.door, lambda uow: uow.contacts.forget(contact.uid))
    assert not await record(storage, job)
    assert await claim(storage) == []

"""What several processes on one PostgreSQL promise each other: one owner, one effect, one order, and nobody waits for the dead.

Two storages with doors of their own stand for two processes.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from flows.severity import Severity
from handlers.delivery import LEASE, Claiming, Ours, claim, take_back
from handlers.desk import Claim, Desk, SetDuty
from handlers.duty import EverybodyByRole
from handlers.errors import AlreadyClaimed, KeyMissing
from handlers.escalation import Call, Escalations, Reason
from handlers.model import (
    Address,
    AuditEntry,
    DutySwitch,
    EscalationState,
    InboundMessage,
    MessageKind,
    Outcome,
    Role,
    SignIn,
    new_uid,
)
from handlers.ports import ContentSet, UnitOfWork
from handlers.sessions import Touch, touch
from handlers.signing_in import Knock, Known, Throttle, knock
from handlers.staffing import SetEnabled, Staffing
from handlers.stays import Ending
from storage.open import Storage, open_storage
from storage.outbox import YOUNG
from storage.postgres import alone, seats
from storage.postgres.connection import connect, parameters
from tests.contract.builders import act, address, case_of, escalation, inbox_row, outbox_row, staff
from tests.fakes.hotline import Phrases
from tests.fakes.road import shipped_world

Pair = tuple[Storage, Storage]
ESCALATIONS = Escalations(EverybodyByRole(), Phrases(), Ending(UTC))
DESK = Desk(ESCALATIONS)


@pytest.fixture
async def pair(empty_postgres: str, tmp_path: Path) -> AsyncIterator[Pair]:
    one, other = open_storage(empty_postgres, tmp_path), open_storage(empty_postgres, tmp_path)
    yield one, other
    await one.close()
    await other.close()


def gate() -> Callable[[], None]:
    """Two threads pass together, once."""
    both = threading.Barrier(2, timeout=10)

    def wait() -> None:
        try:
            both.wait()
        except threading.BrokenBarrierError:
            return  # a second try passes alone

    return wait


def inbound() -> Any:
    from handlers.inbound import Inbound
    from handlers.world import Worlds

    return Inbound(Worlds(shipped_world()), ESCALATIONS, Ending(UTC))


def message(who: int, number: int, text: str = "chào") -> InboundMessage:
    return InboundMessage(
        address=Address("tg", str(who)), message_id=f"{who}-{number}", kind=MessageKind.TEXT, text=text
    )


# --- one effect ---------------------------------------------------------------------------------


async def test_deliveries_of_one_message_at_both_doors_are_one_message_of_one_contact(pair: Pair) -> None:
    hers = inbound()
    sent = [message(who, number) for who in range(12) for number in range(4)]
    accepted = await asyncio.gather(
        *(storage.door.run(hers.accept, one) for one in sent for storage in (*pair, *pair)), return_exceptions=True
    )
    assert [one for one in accepted if isinstance(one, BaseException)] == []
    assert sum(one.fresh for one in accepted) == len(sent)  # type: ignore[union-attr]
    assert len({one.contact_uid for one in accepted}) == 12  # type: ignore[union-attr]
    waiting = await pair[0].door.read(
        lambda uow: [uow.contacts.find(Address("tg", str(who))).pending for who in range(12)]
    )  # type: ignore[union-attr]
    assert waiting == [4] * 12


async def test_lanes_are_handled_once_each_in_order_whoever_takes_them(pair: Pair) -> None:
    hers = inbound()
    for number in range(6):
        await asyncio.gather(
            *(pair[0].door.run(hers.accept, message(who, number, f"tin {number}")) for who in range(8))
        )

    async def worker(storage: Storage) -> None:
        while uids := await storage.door.read(lambda uow: uow.contacts.ready(64)):
            await asyncio.gather(*(storage.door.run(hers.handle, uid) for uid in uids))

    await asyncio.gather(*(worker(storage) for storage in (*pair, *pair)))

    def came(uow: UnitOfWork, who: int) -> list[str]:
        contact = uow.contacts.find(Address("tg", str(who)))
        assert contact is not None
        lines = [line for case in uow.cases.all_of(contact.uid) for line in uow.lines.of_case(case.uid)]
        assert [line.seq for line in lines] == list(range(1, len(lines) + 1))
        return [line.text for line in lines if line.direction.value == "in"]

    for who in range(8):
        assert await pair[0].door.read(lambda uow, who=who: came(uow, who)) == [f"tin {number}" for number in range(6)]
    assert await pair[0].door.read(lambda uow: uow.audit.verify()) is None


async def test_a_lane_somebody_works_on_is_left_alone_and_not_waited_for(pair: Pair) -> None:
    one, other = pair
    (contact,) = await act(one.door, lambda uow: uow.contacts.open([address()]))
    inside, free = threading.Event(), threading.Event()

    def hold(uow: UnitOfWork) -> None:
        uow.contacts.load([contact.uid])
        inside.set()
        free.wait(10)
        uow.contacts.save(replace(uow.contacts.get(contact.uid), quiet=True))

    holding = asyncio.create_task(act(one.door, hold))
    await asyncio.to_thread(inside.wait, 10)
    assert await act(other.door, lambda uow: uow.contacts.load([contact.uid, new_uid()])) == {}
    waits = asyncio.create_task(act(other.door, lambda uow: uow.contacts.load([contact.uid], wait=True)))
    await asyncio.sleep(0.05)
    assert not waits.done()
    free.set()
    await holding
    assert (await waits)[contact.uid].quiet  # as the other left it


async def test_numbers_and_chains_have_no_gap_whoever_writes(pair: Pair) -> None:
    (contact,) = await act(pair[0].door, lambda uow: uow.contacts.open([address()]))
    case = case_of(contact)
    await act(pair[0].door, lambda uow: uow.cases.add(case))

    def count(uow: UnitOfWork) -> None:
        found = uow.cases.get(case.uid)
        uow.cases.save(replace(found, next_seq=found.next_seq + 1))
        uow.audit.add(AuditEntry(actor="system", action="case.read", object=case.code))

    await asyncio.gather(*(act(storage.door, count) for _ in range(30) for storage in pair))
    assert (await pair[0].door.read(lambda uow: uow.cases.get(case.uid))).next_seq == 61
    assert await pair[0].door.read(lambda uow: uow.audit.verify()) is None


# --- one owner ---------------------------------------------------------------------------------


async def test_a_claim_has_one_winner_and_the_others_hear_who(pair: Pair) -> None:
    people = [staff(f"s{number}", alias=f"Chị {number}") for number in range(6)]
    await act(pair[0].door, lambda uow: [uow.staff.save(one) for one in people])
    for number in range(8):

        def call(uow: UnitOfWork, number: int = number) -> str:
            (contact,) = uow.contacts.open([address(number)])
            case = case_of(contact, f"K1-{number:03}")
            uow.cases.add(case)
            ESCALATIONS.open_or_raise(uow, contact, case, Call(Severity.EMERGENCY, reason=Reason.SCREENED))
            return case.code

        code = await act(pair[0].door, call)
        tries = await asyncio.gather(
            *(
                pair[index % 2].door.run(DESK.claim, Claim(staff_uid=one.uid, case_code=code, epoch=1))
                for index, one in enumerate(people)
            ),
            return_exceptions=True,
        )
        winners = [person for person, done in zip(people, tries, strict=True) if not isinstance(done, BaseException)]
        assert len(winners) == 1, tries
        losers = [done for done in tries if isinstance(done, BaseException)]
        assert all(isinstance(done, AlreadyClaimed) and done.detail == winners[0].alias for done in losers), losers


async def test_a_timer_fires_once_whoever_looks(pair: Pair) -> None:
    def ring(uow: UnitOfWork) -> list[str]:
        uow.staff.save(staff("mai"))
        uids = []
        for number in range(10):
            (contact,) = uow.contacts.open([address(number)])
            case = case_of(contact, f"K1-{number:03}", severity=Severity.EMERGENCY)
            uow.cases.add(case)
            due = escalation(case, next_due_at=uow.now - timedelta(seconds=1), created_at=uow.now)
            uow.escalations.add(due)
            uids.append(due.uid)
        return uids

    uids = await act(pair[0].door, ring)
    ticked = await asyncio.gather(
        *(storage.door.run(ESCALATIONS.tick, uid) for uid in uids for storage in (*pair, *pair))
    )
    assert sum(ticked) == len(uids)
    found = await pair[0].door.read(lambda uow: [uow.escalations.get(uid) for uid in uids])
    assert {one.state for one in found} == {EscalationState.RINGING}


async def test_who_comes_on_duty_is_paged_even_while_the_ladder_moves(pair: Pair) -> None:
    """Coming on duty makes every ringing escalation due, also one that another process has in hand at that moment."""
    one, other = pair
    mai = staff("mai", duty=DutySwitch.OFF)

    def ring(uow: UnitOfWork) -> str:
        uow.staff.save(mai)
        (contact,) = uow.contacts.open([address()])
        case = case_of(contact, severity=Severity.EMERGENCY)
        uow.cases.add(case)
        due = escalation(case, next_due_at=uow.now - timedelta(seconds=1))
        uow.escalations.add(due)
        return due.uid

    uid = await act(one.door, ring)
    inside, free = threading.Event(), threading.Event()

    def slow_tick(uow: UnitOfWork) -> None:
        found = uow.escalations.get(uid)
        inside.set()
        free.wait(10)
        uow.escalations.save(replace(found, next_due_at=uow.now + timedelta(minutes=15), rung=1))

    moving = asyncio.create_task(act(one.door, slow_tick))
    await asyncio.to_thread(inside.wait, 10)
    on_duty = asyncio.create_task(other.door.run(DESK.set_duty, SetDuty(staff_uid=mai.uid, duty=DutySwitch.ON)))
    await asyncio.sleep(0.05)
    free.set()
    await asyncio.gather(moving, on_duty)
    due = await one.door.read(lambda uow: (uow.escalations.get(uid).next_due_at, uow.now))
    assert due[0] is not None
    assert due[0] <= due[1]


# --- the sender ---------------------------------------------------------------------------------


async def test_nobody_sends_what_another_has_claimed_and_a_lane_stays_in_order(pair: Pair) -> None:
    def write(uow: UnitOfWork) -> None:
        for contact in uow.contacts.open([address(number) for number in range(40)]):
            for number in range(3):
                uow.outbox.add(outbox_row(contact, f"{contact.uid} {number}", created_at=uow.now))

    await act(pair[0].door, write)
    sent: list[str] = []

    async def sender(storage: Storage) -> None:
        for _ in range(100):
            (jobs,) = await asyncio.gather(storage.door.run(claim, Claiming(9)))
            if not jobs and len(sent) >= 120:
                return
            for job in jobs:
                assert job.row.outgoing is not None
                sent.append(job.row.outgoing.text)
            await asyncio.gather(
                *(
                    act(
                        storage.door,
                        lambda uow, job=job: uow.outbox.record(job.row.uid, job.row.lease_token, Outcome.SENT),
                    )
                    for job in jobs
                )
            )

    await asyncio.gather(*(sender(storage) for storage in (*pair, *pair)))
    assert Counter(sent).most_common(1)[0][1] == 1
    assert len(sent) == 120
    orders: dict[str, list[str]] = {}
    for text in sent:
        lane, number = text.split()
        orders.setdefault(lane, []).append(number)
    assert set(map(tuple, orders.values())) == {("0", "1", "2")}


async def taken_back(storage: Storage) -> int:
    """How many rows of others it takes back, the first time it takes any back at all."""
    for _ in range(100):
        if taken := await storage.door.run(take_back, Ours()):
            return taken
        await asyncio.sleep(0.05)
    return 0


async def test_the_rows_of_a_dead_process_go_out_again_within_seconds_those_of_a_living_one_do_not(
    pair: Pair, empty_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seats, "GONE_FOR_S", 0.2)
    dies = open_storage(empty_postgres, tmp_path)

    def write(uow: UnitOfWork) -> None:
        for contact in uow.contacts.open([address(1), address(2)]):
            uow.outbox.add(outbox_row(contact, created_at=uow.now))

    await act(dies.door, write)
    (living,) = await pair[1].door.run(claim, Claiming(1))
    (dead,) = await dies.door.run(claim, Claiming(1))
    assert await pair[0].door.run(take_back, Ours()) == 0  # both live
    await dies.close()
    assert await taken_back(pair[0]) == 1
    (again,) = await pair[0].door.run(claim, Claiming(9))
    assert again.row.uid == dead.row.uid
    assert await act(pair[1].door, lambda uow: uow.outbox.record(living.row.uid, living.row.lease_token, Outcome.SENT))
    assert not await act(pair[1].door, lambda uow: uow.outbox.record(dead.row.uid, dead.row.lease_token, Outcome.SENT))


async def test_a_lease_of_ours_that_we_never_heard_of_is_given_back(pair: Pair) -> None:
    """Its claim was committed, but the connection broke before the answer."""

    def write(uow: UnitOfWork) -> None:
        for contact in uow.contacts.open([address(1), address(2)]):
            uow.outbox.add(outbox_row(contact, created_at=uow.now))

    await act(pair[0].door, write)
    known, unheard = await pair[0].door.run(claim, Claiming(9))
    holding = frozenset({known.row.lease_token or ""})
    assert await pair[0].door.run(take_back, Ours(holding)) == 0  # too young: the answer may be on its way
    later = LEASE - YOUNG - timedelta(seconds=1)
    for job in (known, unheard):
        token = job.row.lease_token

        def age(uow: Any, uid: str = job.row.uid, token: str | None = token) -> None:
            from storage.outbox_statements import LEASE as LEASED

            uow.execute(LEASED, {"b_uid": uid, "token": token, "until": uow.now + later})

        await act(pair[0].door, age)
    assert await pair[0].door.run(take_back, Ours(holding, lambda: True)) == 0  # we are claiming: it may be that one's
    assert await pair[0].door.run(take_back, Ours(holding)) == 1
    assert [job.row.uid for job in await pair[1].door.run(claim, Claiming(9))] == [unheard.row.uid]


# --- staff ---------------------------------------------------------------------------------


async def test_two_who_change_the_same_person_lose_nothing(pair: Pair) -> None:
    """Somebody throws her duty switch in the very moment in which she is disabled."""
    one, other = pair
    mai = staff("mai")
    await act(one.door, lambda uow: uow.staff.save(mai))
    meet = gate()

    def switch(uow: UnitOfWork) -> None:
        found = uow.staff.get(mai.uid)
        assert found is not None
        meet()
        uow.staff.save(replace(found, duty=DutySwitch.ON))

    def disable(uow: UnitOfWork) -> None:
        found = uow.staff.get(mai.uid)
        assert found is not None
        meet()
        uow.staff.save(replace(found, enabled=False))

    await asyncio.gather(act(one.door, switch), act(other.door, disable))
    found = await one.door.read(lambda uow: uow.staff.get(mai.uid))
    assert found is not None
    assert (found.enabled, found.duty) == (False, DutySwitch.ON)


async def test_a_session_that_was_ended_stays_ended(pair: Pair) -> None:
    """Her page shows a sign of life in the very moment in which she is disabled."""
    one, other = pair
    mai = staff("mai", roles=(Role.COUNSELLOR,))

    def begin(uow: UnitOfWork) -> None:
        uow.staff.save(mai)
        uow.staff.sign_in(SignIn(token_hash="t", staff_uid=mai.uid, created_at=uow.now, last_seen_at=uow.now))

    await act(one.door, begin)
    read, ended = threading.Event(), threading.Event()

    def slow_touch(uow: UnitOfWork) -> None:
        session = uow.staff.signed_in("t")
        assert session is not None
        read.set()
        ended.wait(10)
        uow.staff.sign_in(replace(session, last_seen_at=uow.now))

    touching = asyncio.create_task(act(one.door, slow_touch))
    await asyncio.to_thread(read.wait, 10)
    staffing = Staffing(ESCALATIONS.staff_disabled)
    await other.door.run(staffing.set_enabled, SetEnabled(name="mai", enabled=False))
    ended.set()
    await touching
    assert await one.door.read(lambda uow: uow.staff.signed_in("t")) is None
    await one.door.run(touch, Touch(token_hash="t"))
    assert await one.door.read(lambda uow: uow.staff.signed_in("t")) is None


async def test_many_who_guess_at_once_do_not_slip_past_the_throttle(pair: Pair) -> None:
    tries = [Knock(name="mai", throttle=Throttle(name="n", source="p")) for _ in range(40)]
    answers = await asyncio.gather(*(pair[index % 2].door.run(knock, one) for index, one in enumerate(tries)))
    assert sum(isinstance(one, Known) for one in answers) == 8


# --- small things ---------------------------------------------------------------------------------


async def test_what_is_counted_up_by_two_is_counted_twice(pair: Pair) -> None:
    await act(pair[0].door, lambda uow: uow.set_setting("n", "0"))

    def count(uow: UnitOfWork) -> None:
        uow.set_setting("n", str(int(uow.get_setting("n") or 0) + 1))

    await asyncio.gather(*(act(storage.door, count) for _ in range(15) for storage in pair))
    assert await pair[0].door.read(lambda uow: uow.get_setting("n")) == "30"


async def test_of_two_who_publish_against_the_same_version_one_is_told(pair: Pair) -> None:
    def publish(uow: UnitOfWork, versions: Sequence[str]) -> list[bool]:
        done = []
        for version in versions:
            fits = uow.content.current() is None
            if fits:
                uow.content.publish(
                    ContentSet(version=version, files={}, published_at=uow.now, published_by="command line")
                )
            done.append(fits)
        return done

    done = await asyncio.gather(*(pair[number % 2].door.run(publish, f"v{number}") for number in range(6)))
    assert sum(done) == 1
    assert len(await pair[0].door.read(lambda uow: uow.content.history())) == 1


async def test_a_new_key_is_known_to_the_other_and_a_destroyed_one_opens_nothing(pair: Pair) -> None:
    one, other = pair

    def write(uow: UnitOfWork) -> str:
        (contact,) = uow.contacts.open([address()])
        uow.inbox.accept([(inbox_row(contact, "bí mật"), "web", "1")])
        return contact.uid

    uid = await act(one.door, write)
    found = await other.door.read(lambda uow: uow.inbox.oldest([uid]))
    assert found[uid].message.text == "bí mật"
    await act(one.door, lambda uow: uow.contacts.forget(uid))
    assert uid not in other.keys.owners()
    assert other.keys.forget_destroyed() == 1, "nor does its memory hold it any longer"
    with pytest.raises(KeyMissing):
        other.keys.get(uid)


async def test_a_machine_that_begins_with_secrets_of_its_own_is_refused_as_soon_as_there_are_staff(
    pair: Pair, empty_postgres: str, tmp_path: Path
) -> None:
    await act(pair[0].door, lambda uow: uow.staff.save(staff()))
    with pytest.raises(KeyMissing):
        open_storage(empty_postgres, tmp_path / "another machine")


@pytest.mark.parametrize("times", [1, 3], ids=["once", "again and again"])
async def test_who_is_stopped_while_asking_for_a_turn_leaves_no_connection_behind(
    empty_postgres: str, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    made: list[psycopg.Connection[Any]] = []
    connected, goes_on = threading.Event(), threading.Event()

    def slowly(given: dict[str, Any]) -> psycopg.Connection[Any]:
        made.append(connect(given))
        connected.set()
        goes_on.wait(10)
        return made[-1]

    async def work() -> None:
        raise AssertionError("it was stopped before its turn")

    monkeypatch.setattr(alone, "connect", slowly)
    asking = asyncio.create_task(alone.Alone(parameters(empty_postgres)).do("polling", work))
    await asyncio.to_thread(connected.wait, 10)
    for _ in range(times):
        asking.cancel()
        await asyncio.sleep(0.02)
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.get_running_loop().shutdown_default_executor()  # the thread has come to its end
    assert [one.closed for one in made] == [True]


async def test_who_is_stopped_twice_in_the_middle_of_the_work_gives_the_turn_back(
    empty_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[psycopg.Connection[Any]] = []
    begun, goes_on = asyncio.Event(), threading.Event()

    def kept(given: dict[str, Any]) -> psycopg.Connection[Any]:
        made.append(connect(given))
        return made[-1]

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(alone, "connect", kept)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    working = asyncio.create_task(alone.Alone(parameters(empty_postgres)).do("polling", work))
    await begun.wait()
    busy = asyncio.create_task(
        asyncio.to_thread(goes_on.wait, 10)
    )  # no thread is free for what the end would like to do
    for _ in range(5):
        await asyncio.sleep(0.01)
        working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert [one.closed for one in made] == [True]
    goes_on.set()
    await busy


async def test_a_frozen_process_loses_its_seat_and_its_rows_go_out_again(
    pair: Pair, empty_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections stay open, but it shows nothing any more: the server ends its seat, and others take its rows over."""
    monkeypatch.setattr(seats, "GONE_FOR_S", 0.2)
    monkeypatch.setattr(seats, "BEAT_EVERY_S", 0.05)
    monkeypatch.setattr(seats, "SILENT_FOR_S", 0.5)
    freezes = open_storage(empty_postgres, tmp_path)
    thawed = threading.Event()

    def write(uow: UnitOfWork) -> None:
        uow.outbox.add(outbox_row(uow.contacts.open([address(1)])[0], created_at=uow.now))

    try:
        await act(freezes.door, write)
        (held,) = await freezes.door.run(claim, Claiming(1))
        await asyncio.sleep(1.0)
        assert await pair[0].door.run(take_back, Ours()) == 0, "it shows that it works"
        seat = freezes.door.seat  # type: ignore[attr-defined]
        monkeypatch.setattr(seat, "_leaving", lambda _: thawed.wait())
        assert await taken_back(pair[0]) == 1
        (again,) = await pair[0].door.run(claim, Claiming(9))
        assert again.row.uid == held.row.uid
        monkeypatch.undo()
        thawed.set()
        assert not await act(
            freezes.door, lambda uow: uow.outbox.record(held.row.uid, held.row.lease_token, Outcome.SENT)
        )
    finally:
        thawed.set()
        await freezes.close()


async def test_a_seat_that_was_ended_is_taken_again_under_the_same_number(pair: Pair, empty_postgres: str) -> None:
    seat = pair[0].door.seat  # type: ignore[attr-defined]
    await act(pair[0].door, lambda uow: None)
    holders = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND objid = $2 AND granted"
    with closing(connect(parameters(empty_postgres))) as there:
        ((before,),) = there.execute(holders, (seats.SEATS, seat.number)).fetchall()
        there.execute("SELECT pg_terminate_backend($1)", (before,))
        ended_at = time.monotonic()
        while time.monotonic() - ended_at < 20:
            pids = [pid for (pid,) in there.execute(holders, (seats.SEATS, seat.number)).fetchall()]
            if pids and pids != [before]:
                return
            await asyncio.sleep(0.05)
    raise AssertionError("the seat stayed empty")

"""Late is dangerous (invariant 10 of the design): after an outage, a frozen process or a restore nothing lights up her screen by
itself; nothing is lost either, and it comes in order once she has written again. On every storage there is, with the real sender.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.workers import outbox as outbox_module
from bot.workers.outbox import OutboxWorker
from flows.effects import LateAnswer
from flows.platforms import Capabilities
from handlers.delivery import LEASE, STARTS_WITHIN, may_still_go
from handlers.model import Address, Contact, OutboxKind, OutboxRow, OutboxState, Outcome, Outgoing
from handlers.outgoing import FRESH_FOR, fresh_for, to_seeker
from handlers.ports import SendResult, UnitOfWork
from handlers.rules.windows import ALWAYS_OPEN
from storage.backup import backup
from storage.open import Storage
from storage.quarantine import lift_quarantine
from storage.restore import restore
from storage.wakeups import LocalWakeups
from tests.contract.builders import START, Clock, act, case_of, outbox_row
from tests.contract.houses import Houses, live, opened


class Phone:
    """Takes everything, and remembers it."""

    capabilities = Capabilities(buttons=True, max_buttons=9, max_text=4096)
    window = ALWAYS_OPEN

    def __init__(self, name: str = "telegram") -> None:
        self.name = name
        self.seen: list[str] = []

    async def send(self, address: Address, outgoing: Outgoing, key: str = "") -> SendResult:
        self.seen.append(outgoing.text)
        return SendResult(outcome=Outcome.SENT)


async def sends(storage: Storage, phone: Phone, expected: int = 0) -> list[str]:
    """Let the real sender run until so many lines are on the phone, and a moment longer; what has come by then."""
    worker = OutboxWorker(storage.door, LocalWakeups(), {phone.name: phone}, {})  # type: ignore[dict-item]
    running = asyncio.create_task(worker.run())
    for _ in range(500 if expected else 0):
        if len(phone.seen) >= expected:
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.4)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return phone.seen


def three_lines(late_answer: LateAnswer, until: datetime | None = None) -> object:
    """She wrote, and three lines are on their way to her."""

    def work(uow: UnitOfWork) -> str:
        (contact,) = uow.contacts.open([Address("telegram", "p1")])
        contact = replace(
            contact, last_inbound_at=uow.now, late_answer=late_answer, late_until_at=until, confirmed=True
        )
        uow.contacts.save(contact)
        case = case_of(contact, "K1")
        uow.cases.add(case)
        for number in (1, 2, 3):
            case = to_seeker(uow, contact, case, OutboxKind.BOT, f"dòng {number}")
        return contact.uid

    return work


@pytest.mark.parametrize(
    ("late_answer", "until", "arrives"),
    [
        (LateAnswer.ONLY_NOW, None, False),
        (LateAnswer.UNTIL, START + timedelta(hours=3), False),
        (LateAnswer.UNTIL, START + timedelta(hours=25), True),
        (LateAnswer.ANY_TIME, None, True),
        (LateAnswer.COME_BACK, None, False),
    ],
)
async def test_after_a_day_of_outage_only_what_she_wished_for_comes_by_itself(
    storage: Storage, clock: Clock, late_answer: LateAnswer, until: datetime | None, arrives: bool
) -> None:
    uid = await act(storage.door, three_lines(late_answer, until))  # type: ignore[arg-type]
    clock.move(hours=24)
    phone, lines = Phone(), ["dòng 1", "dòng 2", "dòng 3"]
    assert await sends(storage, phone, 3 if arrives else 0) == (lines if arrives else [])
    if not arrives:
        clock.move(hours=1)
        assert await sends(storage, phone) == []
        await act(storage.door, lambda uow: uow.outbox.release([uid]))  # what her next line does
        assert await sends(storage, phone, 3) == lines


async def test_what_is_still_in_time_comes(storage: Storage, clock: Clock) -> None:
    await act(storage.door, three_lines(LateAnswer.ONLY_NOW))  # type: ignore[arg-type]
    clock.now += FRESH_FOR - timedelta(seconds=1)
    assert await sends(storage, Phone(), 3) == ["dòng 1", "dòng 2", "dòng 3"]


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the process was frozen between asking for work and sending it, in seconds; used up by the first look."""
    asleep = [0.0]
    plain, slept = outbox_module.clocks, [0.0, 0.0]

    def clocks() -> tuple[float, float]:
        at = (plain()[0] + slept[0], plain()[1] + slept[1])
        slept[1] += asleep[0]  # a machine that sleeps: only the clock on the wall goes on
        asleep[0] = 0.0
        return at

    monkeypatch.setattr(outbox_module, "clocks", clocks)
    return asleep


async def test_a_machine_that_slept_with_a_line_in_its_hand_does_not_send_it_late(
    storage: Storage, clock: Clock, frozen: list[float]
) -> None:
    await act(storage.door, three_lines(LateAnswer.ONLY_NOW))  # type: ignore[arg-type]
    phone = Phone()
    frozen[0] = 3600.0
    worker = OutboxWorker(storage.door, LocalWakeups(), {phone.name: phone}, {})  # type: ignore[dict-item]
    running = asyncio.create_task(worker.run())
    for _ in range(100):
        if frozen[0] == 0.0:
            clock.move(hours=1)
            break
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.8)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert phone.seen == []
    clock.move(minutes=1)
    assert await sends(storage, phone) == []


@given(waited_s=st.floats(0, 7200), fresh_s=st.one_of(st.none(), st.floats(-100, 7200)))
def test_a_claimed_row_goes_only_under_its_lease_and_while_it_is_fresh(waited_s: float, fresh_s: float | None) -> None:
    contact = Contact(uid="0" * 32, channel="web")
    fresh = None if fresh_s is None else START + timedelta(seconds=fresh_s)
    row: OutboxRow = outbox_row(contact, state=OutboxState.SENDING, lease_until=START + LEASE, fresh_until=fresh)
    waited = timedelta(seconds=waited_s)
    goes = may_still_go(row, waited)
    assert goes == (waited < STARTS_WITHIN and (fresh is None or START + waited <= fresh))
    assert not goes or START + waited + timedelta(seconds=outbox_module.SEND_LIMIT_S) <= START + LEASE


@given(wish=st.sampled_from(list(LateAnswer)), hours=st.integers(0, 72))
def test_until_when_a_line_is_fresh_follows_her_wish(wish: LateAnswer, hours: int) -> None:
    until = START + timedelta(hours=hours)
    contact = Contact(uid="0" * 32, channel="web", last_inbound_at=START, late_answer=wish, late_until_at=until)
    fresh = fresh_for(contact, START + timedelta(minutes=10))
    if wish is LateAnswer.ANY_TIME:
        assert fresh is None
    else:
        assert fresh is not None
        assert fresh >= START + FRESH_FOR
        assert fresh == START + FRESH_FOR or (wish is LateAnswer.UNTIL and fresh == until)


async def test_a_restored_service_sends_nothing_by_itself_and_everything_in_order_later(
    houses: Houses, tmp_path: object
) -> None:
    here, there = houses.new(), houses.new()
    async with opened(here) as storage:
        contacts = [(await live(storage, number))[0] for number in range(3)]
        backup(here, houses.folder / "copy", include_secrets=True, clock=Clock())
    restore(houses.folder / "copy", there, clock=Clock())
    async with opened(there) as again:
        phone = Phone()
        assert await sends(again, phone) == []
        for number in range(3, 5):  # what comes up meanwhile stays too
            await live(again, number)
        assert await sends(again, phone) == []
        await act(again.door, lambda uow: uow.outbox.release(contacts[:1]))
        assert await sends(again, phone) == []
        assert await again.door.run(lift_quarantine, "operator")
        assert sorted(await sends(again, phone, 3)) == ["dòng của 0", "dòng của 3", "dòng của 4"]  # the others are held

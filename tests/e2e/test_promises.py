"""Two promises with figures: one winner in a thousand races of three, and a call that never gives up in seven days."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from flows.severity import Severity
from handlers.desk import Claim, Claimed
from handlers.errors import AlreadyClaimed, StorageUnavailable
from handlers.model import Address, EscalationState, InboundMessage, MessageKind, Role, Staff, new_uid
from handlers.ports import Door, Operation, UnitOfWork
from tests.e2e.harness import program
from tests.fakes.hotline import Hotline

RACES = 1000
RACERS = 3
AT_ONCE = 40
TEXT = "cuu em voi, chong em dang cam dao duoi em"
A = TypeVar("A")
T = TypeVar("T")


async def patiently(door: Door, operation: Operation[A, T], item: A) -> T:
    """As a page does it: what a busy machine refuses has had no effect, and is tried again."""
    for _ in range(50):
        try:
            return await door.run(operation, item)
        except StorageUnavailable:
            await asyncio.sleep(0.1)
    return await door.run(operation, item)


def batched(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (things[first : first + size] for first in range(0, len(things), size))


async def test_a_thousand_races_have_one_winner_each_and_the_losers_are_told_who(tmp_path: Path) -> None:
    async with program(tmp_path) as running:
        door, desk, inbound = running.service.storage.door, running.service.desk, running.service.inbound
        racers = [await door.run(_hire, f"racer{number}") for number in range(RACERS)]
        messages = [
            InboundMessage(
                address=Address("web", f"{number:043d}"), message_id=f"m{number:08d}", kind=MessageKind.TEXT, text=TEXT
            )
            for number in range(RACES)
        ]
        for some in batched(
            messages, AT_ONCE
        ):  # more in the queue than a busy machine does in a second is refused by design
            accepted = await asyncio.gather(*(patiently(door, inbound.accept, message) for message in some))
            await asyncio.gather(*(patiently(door, inbound.handle, one.contact_uid) for one in accepted))
        queue = await running.queue()
        cards = [card for card in queue.cards if card.state is EscalationState.RINGING]
        assert len(cards) == RACES

        async def races(racer: Staff, code: str, epoch: int) -> object:
            command = Claim(staff_uid=racer.uid, case_code=code, epoch=epoch)
            try:
                return await patiently(door, desk.claim, command)
            except AlreadyClaimed as error:
                return error

        ends = []
        for some in batched(cards, AT_ONCE):
            ends += await asyncio.gather(
                *(races(racer, card.case_code, card.epoch) for card in some for racer in racers)
            )
        wins = Counter(end.case_code for end in ends if isinstance(end, Claimed))
        losses = [end for end in ends if isinstance(end, AlreadyClaimed)]
        print(
            f"figure: {RACES} races of {RACERS}: {len(wins)} with a winner, {sum(n > 1 for n in wins.values())} with two"
        )
        assert set(wins.values()) == {1}
        assert len(wins) == RACES
        assert len(losses) == RACES * (RACERS - 1)
        assert all(loss.detail in {racer.alias for racer in racers} for loss in losses)


def _hire(uow: UnitOfWork, names: list[str]) -> list[Staff]:
    hired = [
        Staff(uid=new_uid(), name=name, alias=name.title(), roles=(Role.COUNSELLOR,), created_at=uow.now)
        for name in names
    ]
    for one in hired:
        uow.staff.save(one)
    return hired


def test_seven_days_without_an_answer_and_it_still_rings() -> None:
    hotline = Hotline()
    lan = hotline.hire("lan")
    case = hotline.writes(hotline.arrive(), Severity.EMERGENCY, "dv_physical")
    pages_of_days = []
    for _ in range(7):
        before = len(hotline.pages())
        hotline.passes(24 * 3600)
        pages_of_days.append(len(hotline.pages()) - before)
        escalation = hotline.escalation(case)
        assert escalation is not None
        assert escalation.state is EscalationState.RINGING
        assert escalation.next_due_at is not None
        now = hotline.do(lambda uow: uow.now)
        assert escalation.next_due_at - now <= timedelta(minutes=15)
    print(f"figure: seven days unanswered: pages a day {min(pages_of_days)} to {max(pages_of_days)}, still ringing")
    assert min(pages_of_days) >= 24 * 60 / 15  # at least one page each quarter of an hour, on every day
    hotline.claim(lan, case)
    assert hotline.escalation(case).state is EscalationState.CLAIMED  # type: ignore[union-attr]
    hotline.close()

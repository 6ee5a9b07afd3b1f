"""Makes records for tests of storage: whole, plain, and never with text from life."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from handlers.model import (
    Address,
    Case,
    Contact,
    Direction,
    Escalation,
    EscalationState,
    InboxRow,
    Ladder,
    Line,
    MessageKind,
    OutboxKind,
    OutboxRow,
    Outgoing,
    Role,
    Rung,
    Staff,
    StoredMessage,
    new_uid,
)
from handlers.ports import Door, UnitOfWork

START = datetime(2026, 3, 8, 19, 0, tzinfo=UTC)
CHANNEL = "web"
R = TypeVar("R")


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> datetime:
        """Let time pass, for example `move(minutes=15)`."""
        self.now += timedelta(**by)
        return self.now


async def act(door: Door, work: Callable[[UnitOfWork], R]) -> R:
    """Do something in one unit of work of its own."""
    return await door.run(lambda uow, items: [work(uow) for _ in items], None)


def address(number: int = 1, channel: str = CHANNEL) -> Address:
    return Address(channel, f"platform-id-{number}")


def inbox_row(contact: Contact, text: str = "một dòng", **fields: Any) -> InboxRow:
    message = StoredMessage(kind=MessageKind.TEXT, text=text)
    return InboxRow(**{"uid": new_uid(), "contact_uid": contact.uid, "message": message, "received_at": START} | fields)


def case_of(contact: Contact, code: str = "K1-001", **fields: Any) -> Case:
    made = {"uid": new_uid(), "contact_uid": contact.uid, "code": code, "opened_at": START, "channel": contact.channel}
    return Case(**made | fields)


def line(case: Case, seq: int, text: str = "một dòng", **fields: Any) -> Line:
    made = {
        "uid": new_uid(),
        "case_uid": case.uid,
        "seq": seq,
        "direction": Direction.OUT,
        "author": "bot",
        "text": text,
    }
    return Line(**made | {"created_at": START} | fields)


LADDER = Ladder(
    name="urgent",
    rungs=(Rung(who="on_duty", wait_s=60), Rung(who="backup", wait_s=60)),
    first_reply_s=120,
    unanswered_s=300,
    reminded_s=180,
    still_ringing_s=60,
    fallback_s=300,
    double_from_round=4,
    max_wait_s=3600,
)


def escalation(case: Case, **fields: Any) -> Escalation:
    made = {"uid": new_uid(), "case_uid": case.uid, "state": EscalationState.RINGING, "ladder": LADDER}
    return Escalation(**made | {"created_at": START, "next_due_at": START} | fields)


def outbox_row(contact: Contact, text: str = "một dòng", **fields: Any) -> OutboxRow:
    uid = new_uid()
    made = {"uid": uid, "dedupe_key": uid, "lane": f"c:{contact.uid}", "kind": OutboxKind.BOT, "created_at": START}
    return OutboxRow(**made | {"contact_uid": contact.uid, "outgoing": Outgoing(text=text)} | fields)


def page(case: Case, staff_uid: str = "", **fields: Any) -> OutboxRow:
    uid, staff_uid = new_uid(), staff_uid or new_uid()
    made = {"uid": uid, "dedupe_key": uid, "lane": f"s:{staff_uid}", "kind": OutboxKind.PAGE, "created_at": START}
    return OutboxRow(**made | {"staff_uid": staff_uid, "surface": "desk", "case_uid": case.uid} | fields)


def staff(name: str = "Mai", **fields: Any) -> Staff:
    made = {"uid": new_uid(), "name": name, "alias": f"Chị {name}", "roles": (Role.COUNSELLOR,), "created_at": START}
    return Staff(**made | fields)

"""What the seeker's own page may show: this stay's lines and nothing older, without a name of anybody.

Reading is delivering: lines that wait for her are marked sent in the same commit in which they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from flows.effects import Button
from handlers.arriving import KEPT_FOR
from handlers.model import Address, Contact, Direction, Line
from handlers.operation import operation
from handlers.outgoing import in_touch
from handlers.ports import UnitOfWork
from handlers.reminders import without
from handlers.voice import language_of

OPENED = "▸ mở cuộc trò chuyện"
"""How pressing *Bắt đầu* (or /start) reads in the transcript; her own page does not show it back to her."""

NUMBERED_FROM = datetime(2026, 1, 1, tzinfo=UTC)
"""Second 0 of the numbers of her lines; nine digits last until 2057."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRequest:
    """The page behind `address` has shown everything up to `after_seq` (0: nothing yet)."""

    address: Address
    after_seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewLine:
    """One line of her page. `seq` grows in the order in which lines reached her, over all her cases and stays; 1 to 10^9."""

    seq: int
    who: str  # "me", "bot" or "person"
    text: str = field(repr=False)
    buttons: tuple[Button, ...] = field(default=(), repr=False)
    wants_location: bool = False
    audio: str = ""  # SHA-256 (hex) of the recording that reads it out
    language: str = ""  # of the text; "" for Vietnamese


@dataclass(frozen=True, slots=True, kw_only=True)
class SeekerView:
    """The new lines of her page. `human`: a person talks with her now; `over`: she said stop or erased."""

    lines: tuple[ViewLine, ...] = ()
    last_seq: int = 0
    human: bool = False
    over: bool = False
    waiting: bool = False  # a message of hers is still being handled
    language: str = ""  # of the talk; "" for the language of the set


@operation("view")
def view(uow: UnitOfWork, requests: Sequence[ViewRequest]) -> list[SeekerView]:
    """Her view for each request; an address nobody has written from gives an empty one and makes nothing."""
    return [_view(uow, request) for request in requests]


def _view(uow: UnitOfWork, request: ViewRequest) -> SeekerView:
    contact = uow.contacts.find(request.address)
    if contact is None:
        return SeekerView(last_seq=request.after_seq)
    uow.outbox.fetch(contact.uid)
    cases = uow.cases.all_of(contact.uid)
    shown = uow.lines.shown_to_seeker([case.uid for case in cases], contact.stay_started_at)
    fresh = {uid: seq for seq, uid in _numbered(shown) if seq > request.after_seq}
    found = uow.lines.load(list(fresh)) if fresh else {}
    lines: list[ViewLine] = []
    for uid, seq in fresh.items():
        line = found.get(uid)
        if line is None or (line.direction is Direction.IN and line.text == OPENED):
            continue
        lines.append(_line(line, seq))
    return SeekerView(
        lines=tuple(lines),
        last_seq=max([request.after_seq, *fresh.values()]),
        human=any(case.closed_at is None and case.human and in_touch(contact, case) for case in cases),
        over=contact.quiet or contact.hidden_at is not None,
        waiting=contact.pending > 0,
        language=language_of(contact),
    )


def _numbered(shown: Sequence[tuple[datetime, str]]) -> Iterator[tuple[int, str]]:
    """Give each line that reached her its number: the second in which it did, or one more than the line before.

    A line that was held for an hour thus comes after everything the page has shown meanwhile, a later stay goes on above an
    earlier one, and a case that a return code brings along moves no number.
    """
    seq = 0
    for at, uid in shown:
        seq = max(int((at - NUMBERED_FROM).total_seconds()), seq + 1)
        yield seq, uid


def _line(line: Line, seq: int) -> ViewLine:
    who = "bot" if line.author == "bot" else "person"
    who = "me" if line.direction is Direction.IN else who
    return ViewLine(
        seq=seq,
        who=who,
        text=line.text,
        buttons=line.buttons,
        wants_location=line.wants_location,
        audio=line.audio,
        language=line.language,
    )


@operation("leave")
def leave(uow: UnitOfWork, addresses: Sequence[Address]) -> list[None]:
    """Her quick exit: from now on her address leads nowhere, whoever goes back to the page. Nothing is cancelled by it.

    The stay itself goes on: staff are called and read as before, and what they write is held, because nobody knows who would
    read it. Her return code alone leads back to it. Safe to repeat; an address nobody has written from makes nothing.
    """
    for address in addresses:
        found = uow.contacts.find(address)
        contact = uow.contacts.get(found.uid) if found is not None else None
        if contact is not None and (contact.last_inbound_at is not None or contact.pending):
            _let_go(uow, contact)
    return [None for _ in addresses]


def _let_go(uow: UnitOfWork, contact: Contact) -> None:
    fresh = uow.contacts.renew(contact.uid)
    if fresh is not None:
        uow.contacts.save(replace(fresh, erase_at=uow.now + KEPT_FOR))  # nobody is to write from there again
    # Later than anything she has agreed to, so that nothing of that time counts as said by who reads now.
    since = uow.now + timedelta(microseconds=1)
    left = replace(without(contact), confirmed=False, session_due_at=None, stay_started_at=since)
    uow.contacts.save(left)
    uow.ring("desk")

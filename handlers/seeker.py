"""What the seeker's own page may show: this stay's lines and nothing older, without a name of anybody.

Reading is delivering: lines that wait for her are marked sent in the same commit in which they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from flows.effects import Button
from handlers.model import Address, Case, Contact, Direction, Line
from handlers.operation import operation
from handlers.outgoing import in_touch
from handlers.ports import UnitOfWork

OPENED = "▸ mở cuộc trò chuyện"
"""How pressing *Bắt đầu* (or /start) reads in the transcript; her own page does not show it back to her."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRequest:
    """The page behind `address` has shown everything up to `after_seq` (0: nothing yet)."""

    address: Address
    after_seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewLine:
    """One line of her page. `seq` grows over the whole stay, also when staff close one case and she opens the next."""

    seq: int
    who: str  # "me", "bot" or "person"
    text: str = field(repr=False)
    buttons: tuple[Button, ...] = field(default=(), repr=False)
    wants_location: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeekerView:
    """The new lines of her page. `human`: a person talks with her now; `over`: she said stop or erased."""

    lines: tuple[ViewLine, ...] = ()
    last_seq: int = 0
    human: bool = False
    over: bool = False
    waiting: bool = False  # a message of hers is still being handled


@operation("view")
def view(uow: UnitOfWork, requests: Sequence[ViewRequest]) -> list[SeekerView]:
    """Her view for each request; an address nobody has written from gives an empty one and makes nothing."""
    return [_view(uow, request) for request in requests]


def _view(uow: UnitOfWork, request: ViewRequest) -> SeekerView:
    contact = uow.contacts.find(request.address)
    if contact is None:
        return SeekerView(last_seq=request.after_seq)
    fetched = {row.line_uid: row.outgoing for row in uow.outbox.fetch(contact.uid)}
    lines: list[ViewLine] = []
    offset, human = 0, False
    for case in uow.cases.all_of(contact.uid):
        if not _in_this_stay(case, contact):
            continue
        for line in uow.lines.for_seeker(case.uid, max(0, request.after_seq - offset), contact.stay_started_at):
            if line.direction is Direction.IN and line.text == OPENED:
                continue
            outgoing = fetched.get(line.uid)
            lines.append(_line(line, offset, wants_location=outgoing is not None and outgoing.wants_location))
        offset += case.next_seq - 1
        human = case.closed_at is None and case.human and in_touch(contact, case)
    return SeekerView(
        lines=tuple(lines),
        last_seq=max([request.after_seq, *(line.seq for line in lines)]),
        human=human,
        over=contact.quiet or contact.hidden_at is not None,
        waiting=contact.pending > 0,
    )


def _in_this_stay(case: Case, contact: Contact) -> bool:
    started = contact.stay_started_at
    return started is None or case.closed_at is None or case.closed_at >= started


def _line(line: Line, offset: int, *, wants_location: bool) -> ViewLine:
    if line.direction is Direction.IN:
        who = "me"
    else:
        who = "bot" if line.author == "bot" else "person"
    return ViewLine(seq=offset + line.seq, who=who, text=line.text, buttons=line.buttons, wants_location=wants_location)


@operation("leave")
def leave(uow: UnitOfWork, addresses: Sequence[Address]) -> list[None]:
    """Her quick exit: this stay's page shows nothing any more. Nothing that was asked for is cancelled by it."""
    for address in addresses:
        contact = uow.contacts.find(address)
        if contact is not None:
            uow.contacts.save(replace(contact, stay_started_at=uow.now))
    return [None for _ in addresses]

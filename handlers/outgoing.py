"""The one way out to seekers: every line becomes an outbox row here, in the caller's transaction (pages: `paging`).

Functions that take a `Case` return it with its next line number, already saved: go on with the returned one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, TypeGuard

from flows.effects import Button, LateAnswer
from handlers.evolving import evolve
from handlers.model import (
    Case,
    Contact,
    Direction,
    Line,
    OutboxKind,
    OutboxRow,
    OutboxState,
    Outgoing,
    Pin,
    new_row_uid,
)
from handlers.ports import UnitOfWork

FRESH_FOR: Final = timedelta(minutes=15)
"""How long after her last line an answer may still arrive by itself: later, somebody else may hold the phone."""

AGREE: Final = "human.yes"
DECLINE: Final = "human.no"
"""Data of the two buttons under `human_ready`; they belong to the host, no flow offers them."""


def append_line(
    uow: UnitOfWork,
    case: Case,
    *,
    direction: Direction,
    author: str,
    text: str,
    buttons: tuple[Button, ...] = (),
    wants_location: bool = False,
    audio: str = "",
    language: str = "",
    inbox_uid: str | None = None,
    client_key: str | None = None,
) -> tuple[Case, Line]:
    """Write the next transcript line of the case."""
    line = Line(
        uid=new_row_uid(),
        case_uid=case.uid,
        seq=case.next_seq,
        direction=direction,
        author=author,
        text=text,
        buttons=buttons,
        wants_location=wants_location,
        audio=audio,
        language=language,
        inbox_uid=inbox_uid,
        client_key=client_key,
        created_at=uow.now,
    )
    after = evolve(case, next_seq=case.next_seq + 1)
    uow.lines.add(line)
    uow.cases.save(after)
    uow.ring("desk")
    return after, line


def to_seeker(
    uow: UnitOfWork,
    contact: Contact | None,
    case: Case,
    kind: OutboxKind,
    text: str,
    buttons: tuple[Button, ...] = (),
    author: str = "bot",
    *,
    client_key: str | None = None,
    wants_location: bool = False,
    audio: str = "",
    language: str = "",
    pins: tuple[Pin, ...] = (),
    fresh_until: datetime | None = None,
) -> Case:
    """Say something to her: a transcript line and the row that delivers it.

    Nothing is written when she cannot be reached (gone, blocked, erased) or has asked for silence; what a human talk brings
    (kind RELAY) is kept and held until she writes again. Where it is not known whether the same person writes, lines of an
    earlier talk or call are held too. A waiting line replaces the older ones that have not gone out. `fresh_until` where
    something else than her late-answer wish says how long the line may arrive.
    """
    if not reachable(contact) or (contact.quiet and kind is not OutboxKind.RELAY):
        return case
    fresh = fresh_until or fresh_for(contact, uow.now)
    held = contact.quiet or (kind in (OutboxKind.RELAY, OutboxKind.WAITING) and not in_touch(contact, case))
    held = held or (fresh is not None and fresh < uow.now)  # too late already: it must not hold up what comes after it
    if kind is OutboxKind.WAITING:
        uow.outbox.cancel_waiting(contact.uid)
    after, line = append_line(
        uow,
        case,
        direction=Direction.OUT,
        author=author,
        text=text,
        buttons=buttons,
        wants_location=wants_location,
        audio=audio,
        language=language,
        client_key=client_key,
    )
    uow.outbox.add(
        OutboxRow(
            uid=new_row_uid(),
            dedupe_key=f"line:{line.uid}",
            lane=f"c:{contact.uid}",
            kind=kind,
            created_at=uow.now,
            contact_uid=contact.uid,
            case_uid=case.uid,
            line_uid=line.uid,
            outgoing=Outgoing(
                text=text, buttons=buttons, wants_location=wants_location, audio=audio, language=language, pins=pins
            ),
            fresh_until=fresh,
            state=OutboxState.HELD if held else OutboxState.PENDING,
            next_attempt_at=uow.now,
        )
    )
    uow.ring("outbox", "seeker")
    return after


def reachable(contact: Contact | None) -> TypeGuard[Contact]:
    """Is there still an address, and may it be written to?"""
    return contact is not None and contact.blocked_at is None and contact.hidden_at is None


def in_touch(contact: Contact, case: Case) -> bool:
    """Is the person who writes now the one this case's talk is with? Yes unless there was a gap since; after a gap, once she
    has asked, agreed or called for help again within this stay.
    """
    if contact.confirmed:
        return True
    since = contact.stay_started_at
    return since is not None and case.agreed_at is not None and case.agreed_at >= since


def fresh_for(contact: Contact, now: datetime) -> datetime | None:
    """Until when a line written now may arrive by itself, by her own wish; None: at any time."""
    if contact.late_answer is LateAnswer.ANY_TIME:
        return None
    soon = (contact.last_inbound_at or now) + FRESH_FOR
    if contact.late_answer is LateAnswer.UNTIL and contact.late_until_at is not None:
        return max(soon, contact.late_until_at)
    return soon

"""Sessions of staff at the desk: how long they live, whose they are, and signing out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from handlers.factors import Proof
from handlers.model import AuditEntry, SignIn, Staff
from handlers.ports import UnitOfWork

IDLE: Final = timedelta(minutes=20)
"""A staff session without any sign of life for longer than this is over. An open desk page is a sign of life."""
ABSOLUTE: Final = timedelta(hours=12)
"""A staff session never lasts longer than a long shift."""
TOUCH_AFTER: Final = timedelta(minutes=1)
"""How stale `last_seen_at` may get before it is written again: saves a commit per request."""

SIGNED_OUT: Final = "staff.signed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Whose session is this? Reads only."""

    token_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A living session. `touch`: time to write that it lives."""

    staff: Staff
    touch: bool
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """The session shows a sign of life."""

    token_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut:
    """End this one session."""

    token_hash: str


def resume(uow: UnitOfWork, item: Resume) -> Resumed | None:
    """The staff member of a living session, or None; for `Door.read`."""
    session = uow.staff.signed_in(item.token_hash)
    if session is None or not lives(session, uow.now):
        return None
    staff = uow.staff.get(session.staff_uid)
    if staff is None or not staff.enabled:
        return None
    return Resumed(staff=staff, touch=uow.now - session.last_seen_at >= TOUCH_AFTER, proof=session.proof)


def lives(session: SignIn, now: datetime) -> bool:
    """Is this session neither idle for too long nor older than a shift?"""
    return now - session.last_seen_at <= IDLE and now - session.created_at <= ABSOLUTE


def touch(uow: UnitOfWork, items: Sequence[Touch]) -> list[None]:
    """Write that the sessions live; one that is over stays over. Safe to repeat."""
    for item in items:
        session = uow.staff.signed_in(item.token_hash)
        if session is not None and lives(session, uow.now):
            uow.staff.sign_in(dataclasses.replace(session, last_seen_at=uow.now))
    return [None] * len(items)


def sign_out(uow: UnitOfWork, items: Sequence[SignOut]) -> list[None]:
    """End the sessions. Safe to repeat."""
    for item in items:
        session = uow.staff.signed_in(item.token_hash)
        if session is not None:
            uow.staff.sign_out(token_hash=item.token_hash)
            uow.audit.add(AuditEntry(actor=session.staff_uid, action=SIGNED_OUT, object=session.staff_uid))
    return [None] * len(items)


def end_pages(uow: UnitOfWork, staff_uid: str, *, but: str = "") -> None:
    """End her sessions (`but` one) and what she has half begun. Open pages and streams look within 2 s, rung or not."""
    uow.staff.sign_out(staff_uid=staff_uid, but=but)
    uow.ring("desk")


def cut(uow: UnitOfWork, staff_uid: str, *, but: str = "") -> None:
    """End every way in: pages, and the accounts on messengers that are bound to her, in one transaction. For a lost phone, or
    when she may come in no more; a new password alone leaves her where she is called.
    """
    end_pages(uow, staff_uid, but=but)
    uow.accounts.unbind(staff_uid)

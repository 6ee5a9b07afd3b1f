"""Staff's own accounts on platforms: bound by a one-time code that is handed over in person, so that a press of a button in a
group, or a message, is known to come from her.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from handlers import audit, paging
from handlers.command_line import COMMAND_LINE
from handlers.errors import BinhAnError
from handlers.model import Address, AuditEntry, Staff
from handlers.operation import operation
from handlers.ports import UnitOfWork
from handlers.staffing import NoSuchStaff

CODE_LIVES: Final = timedelta(minutes=30)
TRIES: Final = 20  # wrong codes on one channel
TRIES_WITHIN: Final = timedelta(hours=1)
_BINDS = re.compile(r"/?(?:gắn|gan|bind)(?:@\w+)?\s+([0-9]{4})\s?([0-9]{4})\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferCode:
    """A code for this staff member, by sign-in name."""

    name: str
    by: str = COMMAND_LINE


class ShutOut(BinhAnError):
    """This account is disabled, so nobody is called under it; `staff reset` opens it again."""

    code = "shut-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """Somebody on a platform gives a code. `told`: the surface that confirms it to her, or ""."""

    address: Address
    code: str = field(repr=False)
    told: str = ""


def code_in(text: str) -> str:
    """The eight digits of "gắn 1234 5678", or "" when this text binds nothing."""
    found = _BINDS.fullmatch(text.strip())
    return found[1] + found[2] if found is not None else ""


@operation("writer")
def offer_code(uow: UnitOfWork, items: Sequence[OfferCode]) -> list[str]:
    """Make a code that binds one account within half an hour; NoSuchStaff, ShutOut."""
    return [_offer(uow, item) for item in items]


def _offer(uow: UnitOfWork, item: OfferCode) -> str:
    staff = uow.staff.by_name(item.name)
    if staff is None:
        raise NoSuchStaff
    if not staff.enabled:
        raise ShutOut
    code = "".join(secrets.choice("0123456789") for _ in range(8))
    uow.accounts.offer(code, staff.uid, uow.now + CODE_LIVES)
    uow.audit.add(AuditEntry(actor=item.by, action=audit.BIND_OFFERED, object=staff.uid))
    return f"{code[:4]} {code[4:]}"


@operation("writer")
def bind(uow: UnitOfWork, items: Sequence[Bind]) -> list[Staff | None]:
    """Spend a code; whose account it is now, None for a wrong one (or after too many wrong ones on this channel)."""
    return [_bind(uow, item) for item in items]


def _bind(uow: UnitOfWork, item: Bind) -> Staff | None:
    lane = f"bind:{item.address.channel}"
    if uow.staff.failures(lane, uow.now - TRIES_WITHIN) >= TRIES:
        return None
    uid = uow.accounts.bind(item.code, item.address)
    staff = uow.staff.get(uid) if uid is not None else None
    if staff is None or not staff.enabled:
        uow.staff.note_failure(lane)
        return None
    uow.audit.add(
        AuditEntry(actor=staff.uid, action=audit.BOUND, object=staff.uid, detail={"channel": item.address.channel})
    )
    if item.told:
        paging.tell_account(uow, staff.uid, item.told, note=paging.BOUND)
    return staff


def whose(uow: UnitOfWork, address: Address) -> Staff | None:
    """The enabled staff member of this account, or None; a read."""
    uid = uow.accounts.staff_at(address)
    staff = uow.staff.get(uid) if uid is not None else None
    return staff if staff is not None and staff.enabled else None

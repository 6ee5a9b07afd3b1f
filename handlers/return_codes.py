"""Return codes: hers alone, they look like a phone number, and they lead back to an earlier stay from any door.

Twelve digits beginning with 0: eleven random ones are 10^11 codes, and the tries of an hour are counted.
Redeeming moves the case to the address she writes from now and forgets the old one, so that no pair of addresses ever exists.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from datetime import timedelta

from handlers import audit
from handlers.errors import TooManyTries
from handlers.model import AuditEntry, Case, Contact
from handlers.ports import UnitOfWork

TRIES = 5
TRIES_OF_ALL = 500
TRIES_WITHIN = timedelta(hours=1)
"""Wrong codes within this time: of one lane, and of a whole channel. On the web a new lane costs nothing, so the first limit
alone would let a program try on for ever; with the second one it needs 20 years for one hit among a thousand codes. Who is
refused because of it hears what a wrong code hears.
"""

REFUSED_RIGHT = "refused-right:"
REFUSED_WRONG = "refused-wrong:"
"""What was refused by these limits is noted under one of the two, before a channel's name: how often a flood of wrong codes keeps
somebody out who has the right one is seen by an operator. Both are looked up and noted alike, so that nobody can tell them apart.
"""

_WRITTEN = re.compile(r"(?<![0-9])0(?:[ .-]*[0-9]){11}(?![0-9])")
"""A code inside a text, however it is spaced; no telephone number of this country has twelve digits."""


def make(uow: UnitOfWork, contact: Contact) -> str:
    """A new code for this contact, as she should write it down: `0xxx xxxx xxxx`. An older one stops working."""
    digits = "0" + "".join(secrets.choice("0123456789") for _ in range(11))
    uow.codes.save(digits, contact.uid)
    return f"{digits[:4]} {digits[4:8]} {digits[8:]}"


def normal(text: str) -> str:
    """The twelve digits of a typed code, or "" when it has not the shape of one."""
    digits = "".join(char for char in text if char.isascii() and char.isdigit())
    return digits if len(digits) == 12 and digits.startswith("0") else ""


def is_alone(text: str) -> bool:
    """Is this whole text a code, however it is spaced?"""
    return _WRITTEN.fullmatch(text.strip()) is not None


def masked(text: str) -> str:
    """The text with every return code in it struck out, as staff see it: the code is hers alone and opens her talk."""
    return _WRITTEN.sub("0••• •••• ••••", text)


def redeem(uow: UnitOfWork, contact: Contact, text: str) -> tuple[Contact, Case | None] | None:
    """Lead this contact back to the stay of the code: (the contact, the case she comes back to or None); None: wrong code.

    Raises TooManyTries beyond the limits above. The old contact is forgotten unless it is the same one.
    """
    lane, channel = f"code:{contact.uid}", f"codes:{contact.channel}"
    since = uow.now - TRIES_WITHIN
    code = normal(text)
    old_uid = uow.codes.redeem(code) if code else None
    if uow.staff.failures(lane, since) >= TRIES or uow.staff.failures(channel, since) >= TRIES_OF_ALL:
        uow.staff.note_failure(f"{REFUSED_WRONG if old_uid is None else REFUSED_RIGHT}{contact.channel}")
        raise TooManyTries("return code")
    if old_uid is None:
        uow.staff.note_failure(lane)
        uow.staff.note_failure(channel)
        return None
    uow.staff.clear_failures(lane)
    if old_uid == contact.uid:
        contact = replace(contact, confirmed=True, hidden_at=None)
        uow.contacts.save(contact)
        uow.outbox.release([contact.uid])
        return contact, uow.cases.open_of([contact.uid]).get(contact.uid)
    return _move(uow, uow.contacts.get(old_uid), contact, code)


def _move(uow: UnitOfWork, old: Contact, contact: Contact, code: str) -> tuple[Contact, Case | None]:
    """Everything of the old address becomes this one's; erasing (if it was under way) is thereby called off.

    Not her wish about late answers: it was made for another phone. What she has written at the old door and we have not
    handled yet goes on in the new lane.
    """
    waiting = uow.inbox.move(old.uid, contact.uid)
    contact = replace(contact, confirmed=True, pending=contact.pending + waiting)
    uow.contacts.save(contact)
    case = uow.cases.open_of([old.uid]).get(old.uid)
    newest = case or uow.cases.newest_closed_of(old.uid)
    for stay in uow.cases.all_of(old.uid):
        is_open = case is not None and stay.uid == case.uid
        moved = replace(stay, contact_uid=contact.uid, channel=contact.channel if is_open else stay.channel)
        uow.cases.save(moved)
        case = moved if is_open else case
    uow.outbox.move(old.uid, contact.uid)
    uow.contacts.forget(old.uid)
    uow.codes.save(code, contact.uid)  # only now: one code leads to one contact
    uow.outbox.release([contact.uid])
    if waiting:
        uow.ring("inbox")
    if newest is not None:
        uow.audit.add(AuditEntry(actor=audit.SEEKER, action=audit.CODE_REDEEMED, object=newest.code))
    return contact, case

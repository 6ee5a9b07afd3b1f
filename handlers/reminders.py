"""Reminders: one line to a seeker at an hour she named, because she asked for it and agreed to it.

Late is dangerous: a reminder that could not go out within `FRESH_FOR` of its hour is dropped, never sent later. Stop, delete,
taking the consent back and blocking us all cancel it; a newer one takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Final

from flows.effects import Remind
from handlers import audit
from handlers.model import AuditEntry, Case, Contact, OutboxKind, Reminder
from handlers.operation import operation
from handlers.outgoing import FRESH_FOR, reachable, to_seeker
from handlers.ports import UnitOfWork

SOONEST: Final = timedelta(minutes=30)
"""An hour that comes sooner means the day after: right after the talk she needs no reminder."""


def due_at(at: str, days: int, now: datetime, zone: tzinfo) -> datetime:
    """The moment of a local hour "HH:MM" so many days from today."""
    hour, minute = (int(part) for part in at.split(":"))
    local = now.astimezone(zone) + timedelta(days=days)
    then = local.replace(hour=hour, minute=minute, second=0, microsecond=0).astimezone(now.tzinfo)
    return then if then - now >= SOONEST else then + timedelta(days=1)


def keep(uow: UnitOfWork, contact: Contact, case: Case, effect: Remind, zone: tzinfo) -> Contact:
    """Note her reminder; an older one is replaced. Returns the contact, already saved."""
    reminder = Reminder(
        text=effect.text, audio=effect.audio, language=effect.language, purpose=effect.purpose, case_uid=case.uid
    )
    then = due_at(effect.at, effect.days, uow.now, zone)
    contact = replace(contact, reminder=reminder, reminder_due_at=then)
    uow.contacts.save(contact)
    uow.audit.add(
        AuditEntry(actor=audit.SEEKER, action=audit.REMINDER_ASKED, object=case.code, detail={"step": effect.step})
    )
    return contact


def without(contact: Contact, purpose: str | None = None) -> Contact:
    """The contact without its reminder; with a purpose only when the reminder leans on that consent. Not yet saved."""
    if contact.reminder is None or (purpose is not None and contact.reminder.purpose != purpose):
        return contact
    return replace(contact, reminder=None, reminder_due_at=None)


class Reminders:
    """Sends what is due, as an operation."""

    def due(self, uow: UnitOfWork, limit: int) -> list[str]:
        """Uids of contacts whose reminder has come; for `Door.read`."""
        return [contact.uid for contact in uow.contacts.due_reminders(limit)]

    @operation("remind")
    def tick(self, uow: UnitOfWork, contact_uids: Sequence[str]) -> list[bool]:
        """Say each due reminder once; False where nothing was due (any more). Safe to repeat."""
        return [self._tick(uow, uid) for uid in contact_uids]

    def _tick(self, uow: UnitOfWork, uid: str) -> bool:
        contact = uow.contacts.load([uid]).get(uid)
        if contact is None or contact.reminder is None or contact.reminder_due_at is None:
            return False
        if contact.reminder_due_at > uow.now:
            return False
        reminder, then = contact.reminder, contact.reminder_due_at
        contact = without(contact)
        uow.contacts.save(contact)
        case = self._case_of(uow, contact, reminder)
        talking = case is not None and case.human
        if case is None or talking or not reachable(contact) or uow.now - then > FRESH_FOR:
            return True  # a person talks with her now, she cannot be reached, or it would be too late
        to_seeker(
            uow,
            contact,
            case,
            OutboxKind.BOT,
            reminder.text,
            audio=reminder.audio,
            language=reminder.language,
            fresh_until=then + FRESH_FOR,
        )
        uow.audit.add(AuditEntry(actor=audit.SYSTEM, action=audit.REMINDER_SAID, object=case.code))
        return True

    @staticmethod
    def _case_of(uow: UnitOfWork, contact: Contact, reminder: Reminder) -> Case | None:
        """The stay she asked in, also when it has been closed since; the open one when that is gone."""
        opened = uow.cases.open_of([contact.uid]).get(contact.uid)
        if opened is not None:
            return opened
        return next((case for case in uow.cases.all_of(contact.uid) if case.uid == reminder.case_uid), None)

"""Erasing, its first half: hidden now, destroyed after a day (the second half is `housekeeping`)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers.model import Contact
from handlers.ports import UnitOfWork
from handlers.referrals import close_pages
from handlers.reminders import without

ERASE_AFTER = timedelta(hours=24)


def hide(uow: UnitOfWork, contact: Contact) -> Contact:
    """Hide everything of this contact now, destroy it after a day. What she has written since then was written by somebody
    who is greeted like anybody: it goes on with a new contact.
    """
    close_pages(uow, contact.uid)
    waiting = contact.pending
    if waiting and (fresh := uow.contacts.renew(contact.uid)) is not None:
        uow.contacts.save(replace(fresh, pending=uow.inbox.move(contact.uid, fresh.uid)))
        uow.ring("inbox")
        waiting = 0
    hidden = replace(
        without(contact),
        quiet=True,
        hidden_at=uow.now,
        erase_at=uow.now + ERASE_AFTER,
        session_due_at=None,
        stay_started_at=uow.now,  # her own page shows nothing older any more
        pending=waiting,
    )
    uow.contacts.save(hidden)
    return hidden

"""Who writes: somebody within a running stay, or somebody to be greeted like anybody; and the case her line belongs to."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from flows.effects import LateAnswer
from handlers.accepting import Accepting
from handlers.evolving import evolve
from handlers.model import Case, Contact, InboxRow, Summary, new_uid
from handlers.outgoing import FRESH_FOR, in_touch
from handlers.ports import UnitOfWork
from handlers.reminders import without
from handlers.stays import case_due_at
from handlers.world import World

KEPT_FOR = timedelta(days=30)
"""How long everything of a contact is kept after her last message (invariant 12 of the design; the greeting says so)."""

CODE_ALPHABET = "ABCDEFGHKMNPRSTUVXYZ23456789"  # no letter that looks like another


class Arriving(Accepting):
    """The part of `Inbound` that every message passes, also one whose handling has failed."""

    @staticmethod
    def _blocked(uow: UnitOfWork, contact: Contact) -> None:
        """Nothing can be delivered any more. Also who has blocked us at once, without a word, is forgotten in time."""
        erase_at = contact.erase_at or uow.now + KEPT_FOR
        gone = evolve(without(contact), blocked_at=uow.now, session_due_at=None, erase_at=erase_at)
        uow.contacts.save(gone)
        uow.ring("desk")

    def _arrive(self, uow: UnitOfWork, world: World, contact: Contact, row: InboxRow, case: Case | None) -> Contact:
        """Who writes: somebody in a running talk, or somebody to be greeted like new (gap longer than `resume_within`).

        After a gap nothing of the earlier stay comes out, whoever writes: not its held lines, not its wish about late answers;
        and a call or a talk that is still open does not know her until she asks for help again.
        """
        before = contact.last_inbound_at
        if before is not None and row.received_at - before >= FRESH_FOR:
            uow.outbox.hold_late(contact.uid)
        contact = evolve(
            contact,
            last_inbound_at=max(before or row.received_at, row.received_at),
            quiet=False,
            blocked_at=None,
            erase_at=contact.erase_at if contact.hidden_at is not None else row.received_at + KEPT_FOR,
        )
        if before is None or row.received_at - before > world.resume_window(contact.session):
            contact = evolve(
                contact,
                session=None,
                session_due_at=None,
                stay_started_at=row.received_at,
                confirmed=case is None or not uow.escalations.open_of([case.uid]),
                late_answer=LateAnswer.ONLY_NOW,
                late_until_at=None,
            )
        elif contact.confirmed:
            uow.outbox.release([contact.uid], contact.stay_started_at)
        elif case is not None and in_touch(contact, case):
            uow.outbox.release([contact.uid], case.agreed_at)
        uow.contacts.save(contact)
        return contact

    def _new_case(self, uow: UnitOfWork, contact: Contact) -> Case:
        case = Case(
            uid=new_uid(),
            contact_uid=contact.uid,
            code=case_code(),
            opened_at=uow.now,
            channel=contact.channel,
            last_inbound_at=contact.last_inbound_at,
            summary=self._wishes_of(uow, contact),
        )
        case = evolve(case, next_due_at=case_due_at(case, calling=False))
        uow.cases.add(case)
        return case

    @staticmethod
    def _wishes_of(uow: UnitOfWork, contact: Contact) -> Summary:
        """Whom she did not want to talk with the last time she does not want to talk with now."""
        before = max(uow.cases.all_of(contact.uid), key=lambda case: case.opened_at, default=None)
        if before is None:
            return Summary()
        return Summary(woman=before.summary.woman, avoid=before.summary.avoid)


def served(contact: Contact, now: datetime) -> Contact:
    """One message less waits in this lane."""
    return evolve(contact, pending=max(0, contact.pending - 1), last_served_at=now, next_run_at=None)


def case_code() -> str:
    """A code staff can say on the phone, like "K7-R4M2": 20·28^5 ways, nothing about the person."""
    letters = "".join(secrets.choice(CODE_ALPHABET) for _ in range(6))
    return f"{letters[:2]}-{letters[2:]}"

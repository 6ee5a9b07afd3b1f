"""A channel on which we may answer only for some days: before that time is over, she is offered a code to come back with.

The code opens her talk, so it is never offered over a gap, when somebody else may hold the phone: she is asked while she is
still here, once in a stay, when she has been silent for some minutes and a person is called or talks with her.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from flows.effects import Button
from handlers import return_codes
from handlers.evolving import evolve
from handlers.model import Case, Contact, MessageKind, OutboxKind, StoredMessage
from handlers.operation import operation
from handlers.outgoing import FRESH_FOR, fresh_for, reachable, to_seeker
from handlers.ports import UnitOfWork
from handlers.rules.windows import ALWAYS_OPEN, ReplyWindow
from handlers.voice import Voice, language_of

OFFER_AFTER: Final = timedelta(minutes=10)
"""After so much silence she may be about to leave; and a line may still reach her (see `outgoing.FRESH_FOR`)."""

TAKE: Final = "code.make"
LEAVE: Final = "code.later"
"""Data of the two buttons; they belong to the host, no flow offers them."""


@dataclass(frozen=True, slots=True)
class Closing:
    """Offers a return code before a window shuts, and gives it. `windows` by channel name."""

    windows: Mapping[str, ReplyWindow]
    voice: Voice
    zone: tzinfo

    def due(self, uow: UnitOfWork, limit: int) -> list[str]:
        """Uids of contacts on such channels who wait for a person or talk with one, have just become silent and have not been
        told in this stay; for `Door.read`.
        """
        if not any(window.shuts_at(uow.now) is not None for window in self.windows.values()):
            return []
        held = [one for staff in uow.staff.all() for one in uow.escalations.owned_by(staff.uid)]
        cases = [uow.cases.get(escalation.case_uid) for escalation in [*uow.escalations.ringing(), *held]]
        found = uow.contacts.load([case.contact_uid for case in cases if case.channel in self.windows])
        return [contact.uid for contact in found.values() if self._is_due(contact, uow.now)][:limit]

    def _is_due(self, contact: Contact, now: datetime) -> bool:
        heard, told, began = contact.last_inbound_at, contact.window_told_at, contact.stay_started_at
        if heard is None or contact.pending or not OFFER_AFTER <= now - heard <= FRESH_FOR:
            return False
        closes = self.windows.get(contact.channel, ALWAYS_OPEN).shuts_at(heard) is not None
        return closes and (told is None or (began is not None and told < began))

    @operation("tick")
    def offer(self, uow: UnitOfWork, contact_uids: Sequence[str]) -> list[bool]:
        """Offer each of them a code where that may be said now; True where it was. Nobody is told twice in one stay."""
        return [self._offer(uow, contact) for contact in uow.contacts.load(contact_uids).values()]

    def _offer(self, uow: UnitOfWork, contact: Contact) -> bool:
        window = self.windows.get(contact.channel, ALWAYS_OPEN)
        shuts_at, case = window.shuts_at(contact.last_inbound_at), uow.cases.open_of([contact.uid]).get(contact.uid)
        due = shuts_at is not None and self._is_due(contact, uow.now)
        if shuts_at is None or case is None or not due or not self._may(uow, contact, case):
            return False
        uow.contacts.save(evolve(contact, window_told_at=uow.now))
        language = language_of(contact)
        said = self.voice.say("window_closes", language, **_spoken(shuts_at.astimezone(self.zone)))
        take, leave = self.voice.say("take_code", language), self.voice.say("code_later", language)
        buttons = (Button(take, TAKE), Button(leave, LEAVE))
        to_seeker(uow, contact, case, OutboxKind.WAITING, said, buttons)
        return True

    @staticmethod
    def _may(uow: UnitOfWork, contact: Contact, case: Case) -> bool:
        """Is somebody called or talking with her, is it surely she, and may a line still reach her by itself?"""
        fresh = fresh_for(contact, uow.now)
        here = reachable(contact) and not contact.quiet and contact.confirmed
        return here and (fresh is None or fresh > uow.now) and bool(uow.escalations.open_of([case.uid]))

    @staticmethod
    def is_answer(contact: Contact, message: StoredMessage) -> bool:
        """Is this one of the two buttons under the offer? Not over a gap: somebody else may hold the phone."""
        return message.kind is MessageKind.CHOICE and message.choice in (TAKE, LEAVE) and contact.confirmed

    def answered(self, uow: UnitOfWork, contact: Contact, case: Case, message: StoredMessage) -> Case:
        """Give her the code when she takes it; the case as it is then."""
        if not self.is_answer(contact, message) or message.choice == LEAVE:
            return case
        said = self.voice.say("code_given", language_of(contact), code=return_codes.make(uow, contact))
        return to_seeker(uow, contact, case, OutboxKind.RELAY if case.human else OutboxKind.BOT, said)


def _spoken(at: datetime) -> dict[str, str]:
    return {"time": f"{at:%H:%M}", "date": f"{at.day}/{at.month}"}

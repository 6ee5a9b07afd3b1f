"""Hop 2: a message is stored in its lane before the platform hears "received"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from flows.severity import Severity
from handlers.evolving import evolve
from handlers.media import wanted
from handlers.model import Contact, InboundMessage, InboxRow, MessageKind, OutboxKind, StoredMessage, new_row_uid
from handlers.operation import operation
from handlers.outgoing import to_seeker
from handlers.ports import Handle, UnitOfWork
from handlers.voice import language_of
from handlers.world import Worlds

MAX_A_DAY = 5000
"""Messages of one contact a day that are stored; beyond it they are not, and that is said once (security.md A7)."""

MORE_IN_DANGER = 500
"""So many more a day are stored when they hold danger words: those ring in every state (requirement 13)."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message is stored (or was before: a redelivery)."""

    contact_uid: str
    fresh: bool


class Accepting:
    """The part of `Inbound` that stores."""

    _keeps_media = False  # are pictures and voice notes fetched for staff?

    def __init__(self, worlds: Worlds) -> None:
        """The world decides what a shared point becomes and which words mean danger."""
        self._worlds = worlds

    @operation("accept")
    def accept(self, uow: UnitOfWork, messages: Sequence[InboundMessage]) -> list[Accepted]:
        """Store each message in its lane, a known (channel, message id) only once. A shared point becomes communes here."""
        contacts = uow.contacts.open([message.address for message in messages])
        kept: list[int] = []
        ahead: Counter[str] = Counter()
        for index, contact in enumerate(contacts):
            if self._is_kept(uow, contact.uid, messages[index], ahead[contact.uid]):
                ahead[contact.uid] += 1
                kept.append(index)
        rows = [
            (
                InboxRow(
                    uid=new_row_uid(),
                    contact_uid=contacts[index].uid,
                    message=self._stored(messages[index]),
                    received_at=uow.now,
                ),
                messages[index].address.channel,
                messages[index].message_id,
            )
            for index in kept
        ]
        fresh = dict(zip(kept, uow.inbox.accept(rows), strict=True)) if rows else {}
        for index, is_fresh in fresh.items():
            if is_fresh:
                self._count(uow, contacts[index].uid)
        traces = [_trace(uow, contacts[i], messages[i]) for i, is_new in fresh.items() if is_new and messages[i].handle]
        if traces:
            uow.handles.add(traces)
        if any(fresh.values()):
            uow.ring("inbox")
        return [Accepted(contact.uid, fresh.get(index, False)) for index, contact in enumerate(contacts)]

    @operation("accept")
    def accept_together(self, uow: UnitOfWork, batches: Sequence[Sequence[InboundMessage]]) -> list[list[Accepted]]:
        """`accept` for messages that must be stored together or not at all, so that none can overtake another."""
        accepted = iter(self.accept(uow, [message for batch in batches for message in batch]))
        return [[next(accepted) for _ in batch] for batch in batches]

    def _stored(self, message: InboundMessage) -> StoredMessage:
        communes: tuple[str, ...] = ()
        if message.point is not None:
            communes = self._worlds.current.gazetteer.nearest_communes(*message.point).codes
        kept = wanted(message, keeps=self._keeps_media)
        return StoredMessage(
            kind=kept.kind,
            text=kept.text,
            choice=kept.choice,
            communes=communes,
            attachment=kept.attachment,
            language=kept.language,
        )

    def _is_kept(self, uow: UnitOfWork, contact_uid: str, message: InboundMessage, ahead: int) -> bool:
        """Not beyond `MAX_A_DAY` today (with `ahead` messages of this very batch), which is said once; danger is kept longer."""
        contact = uow.contacts.get(contact_uid)
        today = _day(uow.now, self._worlds.current.zone)
        count = contact.inbound_count if contact.inbound_day == today else 0
        if count + ahead < MAX_A_DAY:
            return True
        if count == MAX_A_DAY:
            case = uow.cases.open_of([contact_uid]).get(contact_uid)
            if case is not None:
                to_seeker(uow, contact, case, OutboxKind.BOT, self._worlds.say("flood", language_of(contact)))
            uow.contacts.save(evolve(contact, inbound_count=count + 1))
        if message.kind is not MessageKind.TEXT or count + ahead > MAX_A_DAY + MORE_IN_DANGER:
            return False
        return self._worlds.current.screening.read(message.text).severity.at_least(Severity.URGENT)

    def _count(self, uow: UnitOfWork, contact_uid: str) -> None:
        contact = uow.contacts.get(contact_uid)
        today = _day(uow.now, self._worlds.current.zone)
        count = contact.inbound_count + 1 if contact.inbound_day == today else 1
        uow.contacts.save(evolve(contact, pending=contact.pending + 1, inbound_day=today, inbound_count=count))


@lru_cache(maxsize=16)
def _day(now: datetime, zone: ZoneInfo) -> str:
    """The day where the service lives, as YYYY-MM-DD; asked twice for each message of a commit."""
    return now.astimezone(zone).date().isoformat()


def _trace(uow: UnitOfWork, contact: Contact, message: InboundMessage) -> Handle:
    """Her message in her own chat, so that it can be taken away when she wants everything gone."""
    return Handle(
        kind="trace", owner_uid=contact.uid, channel=message.address.channel, handle=message.handle, at=uow.now
    )

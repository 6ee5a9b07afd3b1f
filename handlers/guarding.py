"""The guard: a message that fails three times is read by a human, and she is told so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from flows.severity import Severity
from flows.text import key_of
from handlers.arriving import Arriving, served
from handlers.escalation import Call, Escalations, Reason
from handlers.hiding import hide
from handlers.model import Contact, Direction, InboxRow, InboxState, MessageKind, OutboxKind, StoredMessage
from handlers.operation import operation
from handlers.outgoing import append_line, to_seeker
from handlers.ports import UnitOfWork
from handlers.shown import shown
from handlers.voice import language_of
from handlers.wiping import wipe
from handlers.world import World, Worlds

RETRY_AFTER = (timedelta(0), timedelta(seconds=1), timedelta(seconds=5))
"""How long a lane waits before its first, second, third try: after six seconds at most a human is called, urgent or not."""

TRIES = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """The guard's report of a failed attempt: whose lane, and the class of the exception (never its text)."""

    contact_uid: str
    error_class: str


class Guarding(Arriving):
    """The part of `Inbound` that takes failures."""

    def __init__(self, worlds: Worlds, escalations: Escalations) -> None:
        """`escalations` calls the human."""
        super().__init__(worlds)
        self._escalations = escalations

    @operation("handle")
    def fail(self, uow: UnitOfWork, failures: Sequence[Failure]) -> list[bool]:
        """Note a failed attempt in each lane; True where the message is now dead and a human has been called."""
        return [self._fail(uow, failure) for failure in failures]

    def _fail(self, uow: UnitOfWork, failure: Failure) -> bool:
        contact = uow.contacts.load([failure.contact_uid], wait=True).get(failure.contact_uid)
        row = uow.inbox.oldest([failure.contact_uid]).get(failure.contact_uid)
        if contact is None or row is None:
            return False
        row = replace(row, attempts=row.attempts + 1, error_class=failure.error_class)
        if row.attempts < TRIES:
            uow.inbox.save(row)
            uow.contacts.save(replace(contact, next_run_at=uow.now + RETRY_AFTER[row.attempts]))
            return False
        self._bury(uow, contact, row)
        return True

    def _bury(self, uow: UnitOfWork, contact: Contact, row: InboxRow) -> None:
        """The third failure: dead, loud for us, calm for her. Uses nothing of the flow; stop and delete are obeyed too."""
        uow.inbox.save(replace(row, state=InboxState.DEAD))
        contact = served(contact, uow.now)
        if row.message.kind is MessageKind.BLOCKED:
            self._blocked(uow, contact)
            return
        world = self._worlds.current
        case = uow.cases.open_of([contact.uid]).get(contact.uid)
        arrived = self._arrive(uow, world, contact, row, case)
        contact = replace(arrived, session=None, session_due_at=None)
        uow.contacts.save(contact)
        case = replace(case or self._new_case(uow, contact), last_inbound_at=row.received_at)
        text = shown(row.message, world)
        case, _ = append_line(uow, case, direction=Direction.IN, author="seeker", text=text, inbox_uid=row.uid)
        word = "delete" if row.message.kind is MessageKind.WITHDRAWN else _word_in(row.message, world)
        if word in ("stop", "delete"):
            uow.outbox.cancel_seeker(contact.uid)
            if word == "delete":
                wipe(uow, contact)
            contact = hide(uow, contact) if word == "delete" else replace(contact, quiet=True)
            uow.contacts.save(contact)
        else:
            said = self._worlds.say("safety_text", language_of(arrived))
            case = to_seeker(uow, contact, case, OutboxKind.CARD, said)
        call = Call(Severity.URGENT, case.category, Reason.DEAD_LETTER, agreed=True)
        self._escalations.open_or_raise(uow, contact, case, call)
        uow.ring("desk", "seeker")


def _word_in(message: StoredMessage, world: World) -> str:
    """The global word that this whole text is; "" also when reading it fails: it has failed three times already."""
    try:
        return world.library.program.words.find(key_of(message.text)) or ""
    except Exception:
        return ""

"""One message from the moment it is verified to the commit that answers it: hops 2 to 6 of the design.

`accept` stores; only after its commit does the platform hear "received". `handle` takes one lane (one contact, one message),
screens the text, takes the flow on unless a human talks, and writes everything in one commit. `fail` is the guard: after the
third failure the message is dead, a human is called to read it and she gets the fixed safety text.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from flows.answers import yes_or_no
from flows.effects import Chose, Input, PlaceAnswer, Released, Said, Shared, Silence, Start, Unsupported
from flows.severity import Severity
from flows.text import key_of
from handlers.calling import may_be_read
from handlers.escalation import Call, Escalations, Reason
from handlers.model import (
    Case,
    Contact,
    Direction,
    EscalationState,
    InboundMessage,
    InboxRow,
    InboxState,
    MessageKind,
    OutboxKind,
    StoredMessage,
    new_uid,
)
from handlers.operation import operation
from handlers.outgoing import AGREE, DECLINE, append_line, in_touch, to_seeker
from handlers.ports import UnitOfWork
from handlers.rules.screening import Verdict
from handlers.seeker import OPENED
from handlers.stays import Ending, case_due_at
from handlers.turn import Turn
from handlers.world import World, Worlds

MAX_A_DAY = 5000
"""Messages of one contact a day that are stored; beyond it they are counted and said so once (security.md A7)."""

RETRY_AFTER = (timedelta(0), timedelta(seconds=1), timedelta(seconds=5))
"""How long a lane backs off after its first, second … failure."""

KEPT_FOR = timedelta(days=30)
"""How long everything of a contact is kept after her last message (invariant 12 of the design; the greeting says so)."""

TRIES = 3
LONG_TEXT = 4000  # characters; a longer message is kept whole, and we say so
MAX_SIGNS = 20
CODE_ALPHABET = "ABCDEFGHKMNPRSTUVXYZ23456789"  # no letter that looks like another

THROUGH_A_TALK = frozenset({"stop", "delete", "help"})
"""Global words that work while a human talks; *human*, *back* and *repeat* would mean nothing then."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message is stored (or was before: a redelivery)."""

    contact_uid: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """The guard's report of a failed attempt: whose lane, and the class of the exception (never its text)."""

    contact_uid: str
    error_class: str


class Inbound:
    """The use-cases of a seeker's message; every public method is an operation for the door."""

    def __init__(self, worlds: Worlds, escalations: Escalations, ending: Ending) -> None:
        """What deciding needs beside the unit of work."""
        self._worlds = worlds
        self._escalations = escalations
        self._ending = ending

    # --- hop 2 -----------------------------------------------------------------------------------------------------

    @operation("accept")
    def accept(self, uow: UnitOfWork, messages: Sequence[InboundMessage]) -> list[Accepted]:
        """Store each message in its lane, a known (channel, message id) only once. A shared point becomes communes here."""
        contacts = uow.contacts.open([message.address for message in messages])
        kept: list[int] = []
        ahead: Counter[str] = Counter()
        for index, contact in enumerate(contacts):
            if not self._flooding(uow, contact.uid, ahead[contact.uid]):
                ahead[contact.uid] += 1
                kept.append(index)
        rows = [
            (
                InboxRow(
                    uid=new_uid(),
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
        return StoredMessage(kind=message.kind, text=message.text, choice=message.choice, communes=communes)

    def _flooding(self, uow: UnitOfWork, contact_uid: str, ahead: int) -> bool:
        """More than `MAX_A_DAY` today, with `ahead` messages of this very batch: not stored any more, said once."""
        contact = uow.contacts.get(contact_uid)
        today = uow.now.astimezone(self._worlds.current.zone).date().isoformat()
        if (contact.inbound_count if contact.inbound_day == today else 0) + ahead < MAX_A_DAY:
            return False
        if contact.inbound_count == MAX_A_DAY:
            uow.contacts.save(replace(contact, inbound_count=MAX_A_DAY + 1))
            case = uow.cases.open_of([contact_uid]).get(contact_uid)
            if case is not None:
                to_seeker(uow, contact, case, OutboxKind.BOT, self._worlds.say("flood"))
        return True

    def _count(self, uow: UnitOfWork, contact_uid: str) -> None:
        contact = uow.contacts.get(contact_uid)
        today = uow.now.astimezone(self._worlds.current.zone).date().isoformat()
        count = contact.inbound_count + 1 if contact.inbound_day == today else 1
        uow.contacts.save(replace(contact, pending=contact.pending + 1, inbound_day=today, inbound_count=count))

    # --- hops 3 to 6 -------------------------------------------------------------------------------------------------

    @operation("handle")
    def handle(self, uow: UnitOfWork, contact_uids: Sequence[str]) -> list[bool]:
        """Take the oldest message of each lane through; True where the lane has more. Nothing waiting is no error."""
        contacts = uow.contacts.load(contact_uids)
        rows = uow.inbox.oldest(list(contacts))
        cases = uow.cases.open_of(list(contacts))
        uow.escalations.open_of([case.uid for case in cases.values()])
        more: list[bool] = []
        for uid in contact_uids:
            contact, row = contacts.get(uid), rows.get(uid)
            if contact is None or row is None or (contact.next_run_at is not None and contact.next_run_at > uow.now):
                more.append(False)
                continue
            self._handle(uow, contact, row, cases.get(uid))
            more.append(contact.pending > 1)
        return more

    def _handle(self, uow: UnitOfWork, contact: Contact, row: InboxRow, case: Case | None) -> None:
        world = self._worlds.current
        uow.inbox.save(replace(row, state=InboxState.DONE))
        contact = replace(contact, pending=max(0, contact.pending - 1), last_served_at=uow.now, next_run_at=None)
        if row.message.kind is MessageKind.BLOCKED:
            uow.contacts.save(replace(contact, blocked_at=uow.now, session_due_at=None))
            uow.ring("desk")
            return
        contact = self._arrive(uow, world, contact, row, case)
        if case is None:
            case = self._new_case(uow, contact)
        verdict = world.screening.read(row.message.text)
        turn = Turn(uow, world, contact, case, self._escalations, self._ending)
        if self._human_talks(contact, case):
            self._through_a_talk(turn, row.message, verdict)
        else:
            self._through_the_flow(turn, row.message, verdict)
        agrees = self._answer_to_offer(turn, row.message)
        turn.case = self._note(uow, turn, row, verdict)
        self._agree_or_decline(turn, agrees)
        turn.apply()
        self._screened(turn, verdict)
        if len(row.message.text) > LONG_TEXT:
            turn.case = to_seeker(uow, turn.contact, turn.case, OutboxKind.BOT, self._worlds.say("too_long"))
        uow.ring("desk", "seeker")

    def _arrive(self, uow: UnitOfWork, world: World, contact: Contact, row: InboxRow, case: Case | None) -> Contact:
        """Who writes: somebody in a running talk, or somebody to be greeted like new (gap longer than `resume_within`)."""
        before = contact.last_inbound_at
        is_new_stay = before is None or row.received_at - before > world.resume_within
        contact = replace(
            contact,
            last_inbound_at=row.received_at,
            quiet=False,
            blocked_at=None,
            erase_at=row.received_at + KEPT_FOR,
        )
        if is_new_stay:
            contact = replace(
                contact, session=None, session_due_at=None, stay_started_at=row.received_at, confirmed=case is None
            )
        elif contact.confirmed:
            uow.outbox.release([contact.uid])
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
        )
        case = replace(case, next_due_at=case_due_at(case, calling=False))
        uow.cases.add(case)
        return case

    @staticmethod
    def _human_talks(contact: Contact, case: Case) -> bool:
        """A human talks with her, and nothing says that somebody else holds the phone now."""
        return case.human and in_touch(contact, case)

    def _through_a_talk(self, turn: Turn, message: StoredMessage, verdict: Verdict) -> None:
        """The bot is silent; stop, delete and help still work."""
        if message.kind is not MessageKind.TEXT:
            return
        if turn.global_word(message.text) in THROUGH_A_TALK:
            turn.advance(Said(message.text))

    def _through_the_flow(self, turn: Turn, message: StoredMessage, verdict: Verdict) -> None:
        if self._answer_to_offer(turn, message) is not None:
            return  # the host's own question, not the flow's
        if message.kind is MessageKind.CODE:
            self._come_back(turn, message)
            return
        turn.advance(*self._inputs(turn, message, verdict))

    def _come_back(self, turn: Turn, message: StoredMessage) -> None:
        """A return code from the page's own form: back to the earlier stay, or greeted like anybody."""
        if turn.redeem(message.text):
            if not self._human_talks(turn.contact, turn.case):
                turn.advance(Released())
            return
        turn.say_first("invalid_code")
        turn.advance(Start())

    def _place(self, communes: tuple[str, ...]) -> PlaceAnswer:
        gazetteer = self._worlds.current.gazetteer
        names = {code: gazetteer.name_with_old(code) for code in communes}
        return PlaceAnswer("exact" if communes else "outside", communes, names)

    def _inputs(self, turn: Turn, message: StoredMessage, verdict: Verdict) -> list[Input]:
        match message.kind:
            case MessageKind.START:
                return [Start()]
            case MessageKind.CHOICE:
                return [Chose(message.choice)]
            case MessageKind.LOCATION:
                return [Shared(self._place(message.communes))]
            case MessageKind.UNSUPPORTED:
                return [Unsupported()]
            case _:
                danger = verdict.severity if verdict.severity.at_least(Severity.URGENT) else Severity.NONE
                return [Said(message.text, danger, verdict.category)]

    def _note(self, uow: UnitOfWork, turn: Turn, row: InboxRow, verdict: Verdict) -> Case:
        """Her line in the transcript, and what screening saw in it."""
        case = replace(turn.case, last_inbound_at=row.received_at)
        if verdict.signs:
            found = tuple((sign.name, sign.words) for sign in verdict.signs)
            case = replace(case, summary=replace(case.summary, signs=(*case.summary.signs, *found)[-MAX_SIGNS:]))
        text = shown(row.message, turn)
        return append_line(uow, case, direction=Direction.IN, author="seeker", text=text, inbox_uid=row.uid)[0]

    def _agree_or_decline(self, turn: Turn, agrees: bool | None) -> None:
        """Carry out her answer to "a person is ready, do you want to talk?"."""
        if agrees is not None:
            answer = self._escalations.agree if agrees else self._escalations.decline
            turn.case = answer(turn.uow, turn.contact, turn.case)

    @staticmethod
    def _answer_to_offer(turn: Turn, message: StoredMessage) -> bool | None:
        """Yes, no or None (no answer): by button, or typed while the offer is the newest question."""
        if message.kind is MessageKind.CHOICE and message.choice in (AGREE, DECLINE):
            return message.choice == AGREE
        if message.kind is not MessageKind.TEXT or may_be_read(turn.case):
            return None
        escalation = turn.uow.escalations.open_of([turn.case.uid]).get(turn.case.uid)
        if escalation is None or escalation.state is not EscalationState.ANSWERED:
            return None
        return yes_or_no(key_of(message.text))

    def _screened(self, turn: Turn, verdict: Verdict) -> None:
        """Invariant 1: whatever the flow did, the verdict counts. Called for every message, also in a live talk."""
        call = Call(verdict.severity, verdict.category, Reason.SCREENED)
        if turn.case.closed_at is None:
            turn.case = self._escalations.seeker_wrote(turn.uow, turn.contact, turn.case, call)

    # --- timers and releases -------------------------------------------------------------------------------------------

    @operation("handle")
    def silence(self, uow: UnitOfWork, contact_uids: Sequence[str]) -> list[None]:
        """The silence timers of these contacts' sessions are due; re-checked, safe to repeat."""
        for contact in uow.contacts.load(contact_uids).values():
            case = uow.cases.open_of([contact.uid]).get(contact.uid)
            due = contact.session_due_at is not None and contact.session_due_at <= uow.now and contact.pending == 0
            if not due:
                continue
            if case is None or case.human or contact.quiet:
                uow.contacts.save(replace(contact, session_due_at=None))
                continue
            turn = Turn(uow, self._worlds.current, contact, case, self._escalations, self._ending)
            turn.advance(Silence())
            turn.apply()
            uow.ring("seeker")
        return [None] * len(contact_uids)

    def released(self, uow: UnitOfWork, contact: Contact, case: Case) -> Case:
        """A human talk has ended: the flow goes on where the handover says. Returns the case with the flow's lines."""
        turn = Turn(uow, self._worlds.current, contact, case, self._escalations, self._ending)
        turn.advance(Released())
        turn.apply()
        uow.ring("seeker")
        return turn.case

    # --- the guard -----------------------------------------------------------------------------------------------------

    @operation("handle")
    def fail(self, uow: UnitOfWork, failures: Sequence[Failure]) -> list[bool]:
        """Note a failed attempt in each lane; True where the message is now dead and a human has been called."""
        return [self._fail(uow, failure) for failure in failures]

    def _fail(self, uow: UnitOfWork, failure: Failure) -> bool:
        contact = uow.contacts.load([failure.contact_uid]).get(failure.contact_uid)
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
        """The third failure: dead, loud for us, calm for her. Uses nothing of the flow."""
        uow.inbox.save(replace(row, state=InboxState.DEAD))
        contact = replace(
            contact,
            pending=max(0, contact.pending - 1),
            next_run_at=None,
            last_served_at=uow.now,
            last_inbound_at=row.received_at,
            session=None,
            session_due_at=None,
            quiet=False,
        )
        uow.contacts.save(contact)
        case = uow.cases.open_of([contact.uid]).get(contact.uid) or self._new_case(uow, contact)
        case = replace(case, last_inbound_at=row.received_at)
        text = row.message.text or f"[{row.message.kind}]"
        case, _ = append_line(uow, case, direction=Direction.IN, author="seeker", text=text, inbox_uid=row.uid)
        case = to_seeker(uow, contact, case, OutboxKind.CARD, self._worlds.say("safety_text"))
        call = Call(Severity.URGENT, case.category, Reason.DEAD_LETTER, agreed=True)
        self._escalations.open_or_raise(uow, contact, case, call)
        uow.ring("desk", "seeker")


def shown(message: StoredMessage, turn: Turn) -> str:
    """How her message reads in the transcript: her text, or what she pressed or shared."""
    match message.kind:
        case MessageKind.TEXT | MessageKind.CODE:
            return message.text
        case MessageKind.CHOICE:
            return f"▸ {_chosen(message, turn)}"
        case MessageKind.LOCATION:
            names = [turn.world.gazetteer.name(code) for code in message.communes[:1]]
            return f"▸ vị trí: gần {names[0]}" if names else "▸ vị trí: ngoài tỉnh"
        case MessageKind.START:
            return OPENED
        case _:
            return "▸ gửi thứ máy không đọc được (ảnh, giọng nói …)"


def _chosen(message: StoredMessage, turn: Turn) -> str:
    if message.choice in (AGREE, DECLINE):
        return turn.world.library.say("yes" if message.choice == AGREE else "no")
    for place in turn.visited:
        step, _, choice_id = place.partition(":")
        flow_name, _, step_name = step.partition(".")
        flow = turn.world.library.flows.get(flow_name)
        written = flow.steps.get(step_name) if flow is not None else None
        if choice_id and written is not None and written.choices and choice_id in written.choices:
            return written.choices[choice_id].label
    return "một lựa chọn"


def case_code() -> str:
    """A code staff can say on the phone, like "K7-R4M2": 20·28^5 ways, nothing about the person."""
    letters = "".join(secrets.choice(CODE_ALPHABET) for _ in range(6))
    return f"{letters[:2]}-{letters[2:]}"

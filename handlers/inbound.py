"""One message from the moment it is verified to the commit that answers it: hops 2 to 6 of the design.

`accept` (in `accepting`) stores; only after its commit does the platform hear "received". `handle` takes one lane (one contact,
one message), screens the text, takes the flow on unless a human talks, and writes everything in one commit. `fail` (in
`guarding`) is the guard: after the third failure the message is dead, a human is called to read it and she gets the fixed
safety text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flows.effects import Chose, Input, PlaceAnswer, Released, Said, Shared, Silence, Start, Unsupported
from flows.severity import Severity
from handlers import media, offered, return_codes, whereabouts, wishing
from handlers.accepting import Accepted
from handlers.arriving import served
from handlers.calling import is_quiet, may_be_read, open_of
from handlers.closing import Closing
from handlers.escalation import Call, Escalations, Reason
from handlers.evolving import evolve
from handlers.guarding import Failure, Guarding
from handlers.hiding import hide
from handlers.model import (
    Case,
    Contact,
    Direction,
    InboxRow,
    InboxState,
    Ladder,
    MessageKind,
    OutboxKind,
    StoredMessage,
)
from handlers.operation import operation
from handlers.outgoing import append_line, in_touch, reachable, to_seeker
from handlers.ports import UnitOfWork
from handlers.rules.ladder import ladder_for
from handlers.rules.screening import PROBE, Verdict
from handlers.rules.standing import with_those_before
from handlers.shown import CODE_TYPED, shown
from handlers.stays import Ending
from handlers.turn import Turn
from handlers.voice import language_of
from handlers.world import World, Worlds

__all__ = ["Accepted", "Failure", "Inbound"]

DOUBLE_PRESS = timedelta(seconds=10)
"""Pressing *Bắt đầu* again so soon, while the greeting stands unanswered, is one press and not two greetings."""

NEWEST = 100_000  # lines of a transcript looked through, all of it
LONG_TEXT = 4000  # characters; a longer message is kept whole, and we say so
MAX_SIGNS = 20

THROUGH_A_TALK = frozenset({"stop", "delete", "help"})
"""Global words that work while a human talks; *human*, *back* and *repeat* would mean nothing then."""


class Inbound(Guarding):
    """The use-cases of a seeker's message; every public method is an operation for the door."""

    def __init__(
        self,
        worlds: Worlds,
        escalations: Escalations,
        ending: Ending,
        closing: Closing | None = None,
        page: str = "",
        *,
        keeps_media: bool = False,
    ) -> None:
        """What deciding needs beside the unit of work. `closing` is for channels whose reply window shuts; `page` is the seeker
        page's public address, another door for somebody whom a platform does not let us hear. `keeps_media`: pictures and voice
        notes are fetched for whoever talks with her.
        """
        super().__init__(worlds, escalations)
        self._ending = ending
        self._page = page
        self._keeps_media = keeps_media
        self._closing = closing or Closing({}, worlds, worlds.current.zone)

    # --- hops 3 to 6 -------------------------------------------------------------------------------------------------

    @operation("handle")
    def handle(self, uow: UnitOfWork, contact_uids: Sequence[str]) -> list[bool]:
        """Take the oldest message of each lane through; True where the lane has more. Nothing waiting is no error."""
        # All lanes at once; below, each is read as the lane before has left it.
        contacts = uow.contacts.load(contact_uids)
        rows = uow.inbox.oldest(list(contacts))
        cases = uow.cases.open_of(list(contacts))
        uow.escalations.open_of([case.uid for case in cases.values()])
        more: list[bool] = []
        for uid in contact_uids:
            # A return code redeemed in another lane of this very batch may have taken this contact away.
            contact, row = uow.contacts.load([uid]).get(uid), rows.pop(uid, None)
            if contact is None or row is None or (contact.next_run_at is not None and contact.next_run_at > uow.now):
                more.append(False)
                continue
            self._handle(uow, contact, row, uow.cases.open_of([uid]).get(uid))
            more.append(contact.pending > 1)
        return more

    def _handle(self, uow: UnitOfWork, contact: Contact, row: InboxRow, case: Case | None) -> None:
        world = self._worlds.current
        uow.inbox.save(evolve(row, state=InboxState.DONE))
        contact = served(contact, uow.now)
        if row.message.kind is MessageKind.BLOCKED:
            self._blocked(uow, contact)
            return
        if row.message.kind is MessageKind.WITHDRAWN:
            self._withdrawn(uow, contact, case, row)
            return
        before = contact.last_inbound_at
        contact = self._arrive(uow, world, contact, row, case)
        if case is None:
            case = self._new_case(uow, contact)
        verdict, in_a_row = self._verdict(world, contact, case, row.message)
        quick = before is not None and row.received_at - before <= DOUBLE_PRESS
        language = row.message.language
        turn = Turn(uow, world, contact, case, self._escalations, self._ending, quick=quick, language=language)
        called = open_of(uow, case) is not None
        agrees, wish = offered.answer(turn, row.message), wishing.heard(turn, row.message)
        turn.offered = offered.stands(turn)
        offer_missed = agrees is None and not wish and offered.is_missed(turn, row.message)
        if agrees is not None or self._closing.is_answer(turn.contact, row.message):
            pass  # the host's own question, not the flow's
        elif self._human_talks(contact, case):
            self._through_a_talk(turn, row.message, verdict)
        elif wish:
            wishing.lead(turn, wish)
        else:
            self._through_the_flow(turn, row.message, verdict)
        turn.case = self._note(uow, turn, row, verdict, in_a_row)
        line = turn.case.next_seq - 1
        self._agree_or_decline(turn, agrees)
        turn.case = self._closing.answered(uow, turn.contact, turn.case, row.message)
        wishing.obey(turn, wish)
        turn.apply()
        self._screened(turn, verdict)
        if offer_missed:
            offered.again(turn)
        turn.case = whereabouts.noted(turn, row.message, begins=not called)
        media.note(uow, turn.case, row.message, line)
        if len(row.message.text) > LONG_TEXT:
            said = self._worlds.say("too_long", language_of(turn.contact))
            turn.case = to_seeker(uow, turn.contact, turn.case, OutboxKind.BOT, said)
        uow.ring("desk", "seeker")

    def _withdrawn(self, uow: UnitOfWork, contact: Contact, case: Case | None, row: InboxRow) -> None:
        """She has taken her consent back on the platform: as if she had said *delete*, and not a word to her. At urgent or
        above it keeps ringing all the same (invariant 1).
        """
        if case is None or contact.hidden_at is not None:
            hide(uow, contact)
            return
        text = shown(row.message, self._worlds.current)
        case, _ = append_line(uow, case, direction=Direction.IN, author="seeker", text=text, inbox_uid=row.uid)
        uow.outbox.cancel_seeker(contact.uid)
        Turn(uow, self._worlds.current, contact, case, self._escalations, self._ending).erase()
        uow.ring("desk", "seeker")

    @staticmethod
    def _verdict(world: World, contact: Contact, case: Case, message: StoredMessage) -> tuple[Verdict, int]:
        """What screening makes of her words, those before in mind; after a gap it may be somebody else who writes."""
        before = case.summary.urgent_in_a_row if contact.confirmed else 0
        verdict = world.screening.read(message.text)
        if message.kind is MessageKind.EDITED:  # the same message, told again
            return verdict, before
        return with_those_before(verdict, message.text, before)

    @staticmethod
    def _human_talks(contact: Contact, case: Case) -> bool:
        """A human talks with her, and nothing says that somebody else holds the phone now."""
        return case.human and in_touch(contact, case)

    def _through_a_talk(self, turn: Turn, message: StoredMessage, verdict: Verdict) -> None:
        """The bot is silent; stop, delete and help still work, and *stop* on the card that help has shown."""
        if message.kind is MessageKind.CHOICE:
            turn.press_in_talk(message.choice)
        elif message.kind is MessageKind.TEXT and turn.global_word(message.text) in THROUGH_A_TALK:
            turn.advance(Said(message.text))

    def _through_the_flow(self, turn: Turn, message: StoredMessage, verdict: Verdict) -> None:
        if message.kind is MessageKind.CODE:
            self._come_back(turn, message)
        elif self._is_code(turn, message) and self._comes_back(turn, message):
            pass  # typed unasked; a wrong one is a text like any other
        elif (
            message.kind is MessageKind.EDITED and not verdict.severity.at_least(Severity.URGENT) and not turn.is_new()
        ):
            pass  # it changes an answer that the talk has left behind; whoever reads along sees it
        elif message.kind is MessageKind.WITHHELD:
            turn.say_first("withheld")
            if self._page:
                turn.say_first("withheld_page", page=self._page)
        elif message.kind is MessageKind.JOINED and not turn.is_new():
            pass  # she follows the account in the middle of a talk: that answers no question of ours
        elif not (message.kind is MessageKind.START and turn.quick and turn.is_greeting_open()):
            turn.advance(*self._inputs(turn, message, verdict))

    def _come_back(self, turn: Turn, message: StoredMessage) -> None:
        """A return code from the page's own form: back to the earlier stay; a wrong one changes nothing, and says nothing."""
        if not self._comes_back(turn, message):
            turn.say_first("invalid_code")
            turn.repeat()

    def _comes_back(self, turn: Turn, message: StoredMessage) -> bool:
        """Lead her back to the stay of her code, and go on there; False for a wrong one, and nothing has happened."""
        if not turn.redeem(message.text):
            return False
        if not self._human_talks(turn.contact, turn.case):
            turn.advance(Released())
        return True

    @staticmethod
    def _is_code(turn: Turn, message: StoredMessage) -> bool:
        """Is this whole message written like a return code, and has the flow not just asked for one (then it reads it)?"""
        typed = message.kind is MessageKind.TEXT and return_codes.is_alone(message.text)
        return typed and not turn.is_asked_for_code()

    def _place(self, communes: tuple[str, ...]) -> PlaceAnswer:
        gazetteer = self._worlds.current.gazetteer
        names = {code: gazetteer.name_with_old(code) for code in communes}
        return PlaceAnswer("exact" if communes else "outside", communes, names)

    def _inputs(self, turn: Turn, message: StoredMessage, verdict: Verdict) -> list[Input]:
        match message.kind:
            case MessageKind.START | MessageKind.JOINED:
                unspoken = turn.language_unspoken()
                return [Start(), Said(unspoken)] if unspoken else [Start()]
            case MessageKind.CHOICE:
                return [Chose(message.choice)]
            case MessageKind.LOCATION:
                return [Shared(self._place(message.communes))]
            case MessageKind.UNSUPPORTED if not message.text.strip():
                return [Unsupported()]
            case _:
                if verdict.category == PROBE:  # whoever asks after somebody hears what anybody would hear
                    return [Said(message.text)]
                danger = verdict.severity if verdict.severity.at_least(Severity.URGENT) else Severity.NONE
                return [Said(message.text, danger, verdict.category, self._is_heard(turn), verdict.asks)]

    @staticmethod
    def _is_heard(turn: Turn) -> bool:
        """Is somebody called who will read what she writes now, and has she been told so?"""
        case = turn.case
        if not may_be_read(case) or is_quiet(case) or not in_touch(turn.contact, case):
            return False
        return open_of(turn.uow, case) is not None

    def _note(self, uow: UnitOfWork, turn: Turn, row: InboxRow, verdict: Verdict, in_a_row: int) -> Case:
        """Her line in the transcript, and what screening saw in it."""
        case = evolve(turn.case, last_inbound_at=row.received_at)
        if in_a_row != case.summary.urgent_in_a_row:
            case = evolve(case, summary=evolve(case.summary, urgent_in_a_row=in_a_row))
        if verdict.signs:
            found = tuple((sign.name, sign.words) for sign in verdict.signs)
            case = evolve(case, summary=evolve(case.summary, signs=(*case.summary.signs, *found)[-MAX_SIGNS:]))
        text = CODE_TYPED if turn.redeemed else shown(row.message, turn.world, turn.visited)
        return append_line(uow, case, direction=Direction.IN, author="seeker", text=text, inbox_uid=row.uid)[0]

    def _agree_or_decline(self, turn: Turn, agrees: bool | None) -> None:
        """Carry out her answer to "a person is ready, do you want to talk?"."""
        if agrees is not None:
            answer = self._escalations.agree if agrees else self._escalations.decline
            turn.case = answer(turn.uow, turn.contact, turn.case)

    def _screened(self, turn: Turn, verdict: Verdict) -> None:
        """Invariant 1: whatever the flow did, the verdict counts. Called for every message, also in a live talk."""
        if turn.case.closed_at is not None:
            return
        call = Call(verdict.severity, verdict.category, Reason.SCREENED)
        turn.case = self._escalations.seeker_wrote(turn.uow, turn.contact, turn.case, call)
        if verdict.is_retraction and turn.case.severity.at_least(Severity.URGENT):
            turn.case = self._escalations.cancel_by_seeker(turn.uow, turn.contact, turn.case, quiet=True).case
        if verdict.category == PROBE:
            return
        if not turn.contact.confirmed and verdict.severity.at_least(Severity.URGENT):
            self._tell_anew(turn, ladder_for(verdict.severity))

    @staticmethod
    def _tell_anew(turn: Turn, ladder: Ladder) -> None:
        """After a gap, with a call of the earlier stay still open: she hears what anybody would hear, that somebody is called."""
        said, since = turn.calling_words(ladder), turn.contact.stay_started_at
        told = [line for line in turn.uow.lines.of_case(turn.case.uid, limit=NEWEST) if line.text == said]
        if not any(line.direction is Direction.OUT and (since is None or line.created_at >= since) for line in told):
            turn.case = to_seeker(turn.uow, turn.contact, turn.case, OutboxKind.BOT, said)

    # --- timers and releases -------------------------------------------------------------------------------------------

    @operation("handle")
    def silence(self, uow: UnitOfWork, contact_uids: Sequence[str]) -> list[None]:
        """The silence timers of these contacts' sessions are due; re-checked, safe to repeat."""
        for contact in uow.contacts.load(contact_uids).values():
            case = uow.cases.open_of([contact.uid]).get(contact.uid)
            due = contact.session_due_at is not None and contact.session_due_at <= uow.now and contact.pending == 0
            if not due:
                continue
            if case is None or contact.quiet or not reachable(contact) or self._human_talks(contact, case):
                uow.contacts.save(evolve(contact, session_due_at=None))
                continue
            turn = Turn(uow, self._worlds.current, contact, case, self._escalations, self._ending)
            turn.advance(Silence())
            if turn.failed:  # nobody waits for a nudge; her next message goes through the guard
                uow.contacts.save(evolve(contact, session_due_at=None))
                continue
            turn.apply()
            uow.ring("seeker")
        return [None] * len(contact_uids)

    def released(self, uow: UnitOfWork, contact: Contact, case: Case) -> Case:
        """A human talk has ended: the flow goes on where the handover says. Returns the case with the flow's lines.

        Where nothing can be said now (she said stop, has blocked us, or the flow is at fault), her next message begins anew.
        """
        turn = Turn(uow, self._worlds.current, contact, case, self._escalations, self._ending)
        if not contact.quiet and reachable(contact):
            turn.advance(Released())
        if turn.failed or contact.quiet or not reachable(contact):
            uow.contacts.save(evolve(contact, session=None, session_due_at=None))
            return case
        turn.apply()
        uow.ring("seeker")
        return turn.case

"""Her answer to "a person is ready, do you want to talk?", which the host asks and no flow, and that question once more, shorter.

The flow's own question may stand open beside it. A plain yes or no typed below a question of the flow that takes one is for the
flow: "không" to "is it safe to write?" must not send the counsellor away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flows.answers import option_number, yes_or_no
from flows.effects import Button
from flows.everyday import PERSON
from flows.schema import AskType
from flows.session import Stage, Status
from flows.text import Key, key_of
from handlers.calling import is_quiet, may_be_read, open_of
from handlers.model import Direction, EscalationState, MessageKind, OutboxKind, StoredMessage
from handlers.outgoing import AGREE, DECLINE, to_seeker
from handlers.voice import language_of

if TYPE_CHECKING:
    from handlers.turn import Turn

RECENT: Final = 20
"""Lines among which the newest one to her is looked for."""


def stands(turn: Turn) -> bool:
    """Is somebody ready who may not read yet, so that she is asked? Never over a gap: somebody else may hold the phone."""
    if may_be_read(turn.case) or not turn.contact.confirmed:
        return False
    escalation = open_of(turn.uow, turn.case)
    return escalation is not None and escalation.state is EscalationState.ANSWERED


def answer(turn: Turn, message: StoredMessage) -> bool | None:
    """Yes, no or None (no answer): by button, or typed while the offer stands. Only while somebody is called and she has not
    agreed, and never over a gap: an old button must not end or begin a talk.
    """
    if message.kind is MessageKind.CHOICE and message.choice in (AGREE, DECLINE):
        called = not may_be_read(turn.case) and turn.contact.confirmed and open_of(turn.uow, turn.case) is not None
        return message.choice == AGREE if called else None
    if message.kind is not MessageKind.TEXT or not stands(turn):
        return None
    key = key_of(message.text)
    if _asks_for_a_person(turn, key):
        return True
    lowest = _newest(turn) in (_asked(turn), _asked_again(turn))
    said = yes_or_no(key, turn.world.library.program.yes_no)
    if said is not None:
        return said if lowest or _flow_offers_too(turn) or not _flow_asks_yes_or_no(turn) else None
    number = option_number(key, 2)  # as printed where there are no buttons; it may answer another question as well
    return number == 0 if number is not None and lowest else None


def _asks_for_a_person(turn: Turn, key: Key) -> bool:
    program = turn.world.library.program
    return program.words.find(key) == "human" or program.everyday.group(key) == PERSON


def _flow_offers_too(turn: Turn) -> bool:
    """Is the open question of the flow the same one?"""
    library, session = turn.session()
    concern = library.program.interrupts["concern"]
    return session.status is Status.WAITING and any(frame.flow == concern for frame in session.frames)


def _flow_asks_yes_or_no(turn: Turn) -> bool:
    library, session = turn.session()
    if session.status is not Status.WAITING:
        return False
    if session.wait is not None and session.wait.stage in (Stage.CONFIRM_PLACE, Stage.PICK_PLACE):
        return True
    frame = session.frames[-1]
    task = library.program.tasks.get((frame.flow, frame.step))
    if task is None:
        return False
    if task.options is not None:
        return task.options.yes_no != (None, None)
    return task.question is not None and task.question.type is AskType.YES_NO


def is_missed(turn: Turn, message: StoredMessage) -> bool:
    """Is this a text, and no word that works everywhere, where the offer stands in full as the newest line to her? The flow's own
    offer says the same again by itself.
    """
    if message.kind is not MessageKind.TEXT or not stands(turn) or turn.global_word(message.text):
        return False
    return _newest(turn) == _asked(turn) and not _flow_offers_too(turn)


def again(turn: Turn) -> None:
    """Below what the flow has answered the question stands once more, as long as it is one; her words did not settle it."""
    if not stands(turn) or turn.case.closed_at is not None or is_quiet(turn.case):
        return
    language = language_of(turn.contact)
    say = turn.world.library.say
    buttons = (Button(say("yes", language), AGREE), Button(say("no", language), DECLINE))
    turn.case = to_seeker(turn.uow, turn.contact, turn.case, OutboxKind.WAITING, _asked_again(turn), buttons)


def _asked(turn: Turn) -> str:
    return turn.world.library.say("human_ready", language_of(turn.contact))


def _asked_again(turn: Turn) -> str:
    return turn.world.library.say("human_ready_again", language_of(turn.contact))


def _newest(turn: Turn) -> str:
    """The newest line to her, "" where the last ones are all hers."""
    recent = turn.uow.lines.of_case(turn.case.uid, max(0, turn.case.next_seq - RECENT))
    return next((line.text for line in reversed(recent) if line.direction is Direction.OUT), "")

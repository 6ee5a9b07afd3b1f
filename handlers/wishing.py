"""Her wish to talk with a woman, or with somebody else than the one who holds the talk: noted, said back, and obeyed at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flows.effects import Value
from flows.wishes import ANOTHER, WOMAN
from handlers import audit
from handlers.calling import open_of, wish_of
from handlers.model import AuditEntry, Escalation, EscalationState, MessageKind, OutboxKind, StoredMessage, Summary
from handlers.outgoing import to_seeker
from handlers.rules import ringing, wishes
from handlers.rules.ladder import HELD, ladder_for
from handlers.voice import language_of

if TYPE_CHECKING:
    from handlers.turn import Turn


def heard(turn: Turn, message: StoredMessage) -> str:
    """`WOMAN`, `ANOTHER` or "". Not over a gap, when somebody else may hold the phone; *another* only when there is one."""
    if message.kind is not MessageKind.TEXT or not turn.contact.confirmed:
        return ""
    wish = turn.world.library.program.wishes.find(message.text)
    if wish == ANOTHER and _owner_of(open_of(turn.uow, turn.case)) is None:
        return ""
    return wish


def lead(turn: Turn, wish: str) -> None:
    """What the flow makes of it while nobody talks with her: who wants a woman wants a person; *another* is no answer to it."""
    if wish == WOMAN:
        turn.ask_for_a_person()


def obey(turn: Turn, wish: str) -> None:
    """Note it in the case, call by it from now on, and say so; her line is in the transcript already."""
    escalation = open_of(turn.uow, turn.case)
    owner = _owner_of(escalation)
    if wish == WOMAN and not turn.case.summary.woman:
        _note(turn, wish, replace(turn.case.summary, woman=True))
        _call_women(turn, escalation, owner)
    elif wish == ANOTHER and escalation is not None and owner is not None:
        _note(turn, wish, replace(turn.case.summary, avoid=(*turn.case.summary.avoid, owner)))
        _ring_anew(turn, escalation, "wish_another")


def _call_women(turn: Turn, escalation: Escalation | None, owner: str | None) -> None:
    """Women first, if any can be called; a man who holds the talk gives it up to one. In an emergency nobody is sent away."""
    wish, staffed = wish_of(turn.uow, turn.case), turn.escalations.staffed(turn.uow)
    standing = wishes.ahead(escalation, ladder_for(turn.case.severity))
    first = wishes.women_first(staffed, wish, standing)
    if escalation is not None and owner is not None:
        if first and owner not in wish.women:
            _ring_anew(turn, escalation, "wish_woman")
        return  # a woman has it, or there is none: whoever talks with her reads it, and the card says it
    turn.say_first("wish_woman" if first else "wish_woman_all")
    if escalation is not None and escalation.state is EscalationState.RINGING:
        turn.case = turn.escalations.carry_out(
            turn.uow, turn.contact, turn.case, ringing.hurried(escalation, turn.uow.now), audit.SEEKER
        )


def _ring_anew(turn: Turn, escalation: Escalation, phrase: str) -> None:
    """The one who holds it is out; she hears that this is what she wished, not that something has gone wrong."""
    said = turn.world.library.say(phrase, language_of(turn.contact))
    turn.case = replace(turn.case, human=False)
    turn.uow.cases.save(turn.case)
    turn.case = to_seeker(turn.uow, turn.contact, turn.case, OutboxKind.WAITING, said)
    turn.case = turn.escalations.ring_anew(turn.uow, turn.contact, turn.case, escalation, audit.SEEKER)


def _note(turn: Turn, wish: str, summary: Summary) -> None:
    turn.case = replace(turn.case, summary=summary)
    turn.uow.cases.save(turn.case)
    detail: dict[str, Value] = {"wish": wish}
    turn.uow.audit.add(AuditEntry(actor=audit.SEEKER, action=audit.WISHED, object=turn.case.code, detail=detail))


def _owner_of(escalation: Escalation | None) -> str | None:
    return escalation.owner_uid if escalation is not None and escalation.state in HELD else None

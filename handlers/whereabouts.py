"""Where she may be, for whoever is called: the communes that her own words or a shared location name.

The flow's question about the place asks her back; what she writes unasked ("em ở xã Mường So, nó đang phá cửa") is only read.
So the case says which of the two it is, and words never replace what is known. Looked up only where somebody is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flows.session import Session, Stage
from handlers.calling import open_of
from handlers.evolving import evolve
from handlers.model import Case, Direction, MessageKind, StoredMessage, Summary
from handlers.outgoing import in_touch
from handlers.shown import UNSPOKEN

if TYPE_CHECKING:
    from handlers.turn import Turn

MOST_PLACES: Final = 9
"""Communes a case names as possible: as many as the largest old district became."""
NEAREST: Final = 3
"""Communes kept of a shared location: borders are crooked and points are rough."""
LINES_BEFORE: Final = 200
"""Lines before a call in which a place is looked for."""

_PLACE_DIALOG = (Stage.CONFIRM_PLACE, Stage.PICK_PLACE)


def noted(turn: Turn, message: StoredMessage, *, begins: bool) -> Case:
    """The case with what this message says about where she is. `begins`: nobody was called before it, so everything she wrote
    earlier is read too.

    Her line must be in the transcript already. Unchanged where nobody is called.
    """
    if turn.case.closed_at is not None or open_of(turn.uow, turn.case) is None:
        return turn.case
    summary = turn.case.summary
    if begins:
        for line in turn.uow.lines.of_case(turn.case.uid, max(0, turn.case.next_seq - LINES_BEFORE)):
            if line.direction is Direction.IN:
                summary = _read(turn, summary, line.text)
    elif message.kind is not MessageKind.LOCATION:
        summary = _read(turn, summary, message.text)
    if message.kind is MessageKind.LOCATION:
        summary = _may_be(summary, message.communes[:NEAREST])
    if turn.denied:
        summary = evolve(summary, places=tuple(code for code in summary.places if code not in turn.denied))
    if summary == turn.case.summary:
        return turn.case
    case = evolve(turn.case, summary=summary)
    turn.uow.cases.save(case)
    return case


def answered(summary: Summary, commune: str) -> Summary:
    """She has answered the flow's question: what her words may have meant counts no more."""
    return evolve(summary, commune=commune, commune_unasked=False, places=())


def denied(before: Session, after: Session) -> tuple[str, ...]:
    """The communes the flow has just asked her back about in vain ("is it this one?" "no")."""
    asked, now = before.wait, after.wait
    if asked is None or asked.stage not in _PLACE_DIALOG or before.place() != after.place():
        return ()
    return asked.codes if now is not None and now.stage is Stage.ANSWER and now.tries > asked.tries else ()


def _read(turn: Turn, summary: Summary, text: str) -> Summary:
    if not text.strip():
        return summary
    found = turn.world.gazetteer.resolve(text)
    # What the machine asks her back about at this moment, somebody else may have written, or stands for a press: only possible.
    sure = found.kind == "exact" and in_touch(turn.contact, turn.case)
    sure = sure and not turn.asked_place and not text.startswith(UNSPOKEN)
    if sure and not summary.commune:
        code = found.codes[0]
        left = tuple(place for place in summary.places if place != code)
        return evolve(summary, commune=code, commune_unasked=True, places=left)
    return _may_be(summary, found.codes)


def _may_be(summary: Summary, codes: tuple[str, ...]) -> Summary:
    """Possible places, the newest first."""
    new = tuple(code for code in codes if code != summary.commune)
    rest = tuple(code for code in summary.places if code not in new)
    return evolve(summary, places=(*new, *rest)[:MOST_PLACES])

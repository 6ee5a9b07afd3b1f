"""The talk about a place: a typed name or a shared location becomes a commune she has confirmed, or nothing.

An exact name is confirmed by yes or no, several are listed, one outside the province or unknown is answered kindly. A shared
location always ends in a confirmation, with its two neighbours beside it: borders are crooked and points are rough.
"""

from __future__ import annotations

from flows import questions
from flows.effects import PlaceAnswer, ResolvePlace
from flows.program import Task
from flows.session import Stage
from flows.turn import Turn

MAX_LISTED = 9  # communes offered at once: as many as the largest old district (Sìn Hồ) became
NEIGHBOURS = 2  # beside the commune a shared location lies in


def typed(turn: Turn, text: str, tries: int) -> bool | None:
    """A typed place: the host is asked which commune it means, and the conversation waits; None for an empty text."""
    if not text:
        return None
    turn.put(ResolvePlace(text), tries=tries)
    return False


def resolved(turn: Turn, task: Task, place: PlaceAnswer, *, tries: int, shared: bool) -> bool:
    """What the place turned out to be; True when the conversation goes on without her (the last try was missed)."""
    codes = tuple(code for code in place.codes if code in place.names)
    if place.kind == "outside":
        return questions.missed(turn, task, "place_outside", tries)
    if place.kind not in ("exact", "ambiguous") or not codes:
        return questions.missed(turn, task, "place_unknown", tries)
    if shared:
        stage, codes = Stage.CONFIRM_PLACE, codes[: 1 + NEIGHBOURS]
    elif place.kind == "exact" or len(codes) == 1:
        stage, codes = Stage.CONFIRM_PLACE, codes[:1]
    else:
        stage, codes = Stage.PICK_PLACE, codes[:MAX_LISTED]
    wait = turn.open(stage, tries=tries, codes=codes, names=tuple(place.names[code] for code in codes))
    questions.say_places(turn, wait)
    turn.restart_silence(task.silence)
    return False

"""The buttons of an `ask` step, and what each of them means."""

from __future__ import annotations

from typing import NamedTuple

from flows.effects import Value
from flows.program import Task
from flows.schema import AGE_BANDS, AskType
from flows.session import Stage, Wait
from flows.turn import FlowFault, Turn


class Offer(NamedTuple):
    """One button."""

    label: str
    act: str  # "value", "skip", or "none": none of these places
    value: Value = None
    shown: str = ""  # how the value reads, for a place


def offers(turn: Turn, task: Task, wait: Wait) -> list[Offer]:
    """The buttons of an `ask` step as it stands."""
    if wait.stage in (Stage.CONFIRM_PLACE, Stage.PICK_PLACE):
        return places_offered(turn, wait)
    found: list[Offer] = []
    question = task.question
    if question is None:
        raise FlowFault("no-question", task.place)
    if question.type is AskType.YES_NO:
        found += [Offer(turn.phrase("yes"), "value", True), Offer(turn.phrase("no"), "value", False)]
    elif question.type is AskType.AGE_BAND:
        found += [Offer(turn.phrase(band), "value", band) for band in AGE_BANDS]
    elif question.type is AskType.LANGUAGE:
        found += [Offer(one.name, "value", one.code) for one in turn.program.languages.values()]
    if question.skip:
        found.append(Offer(turn.phrase("skip"), "skip"))
    return found


def places_offered(turn: Turn, wait: Wait) -> list[Offer]:
    """The buttons of a place dialog: "none of these" always comes last."""
    places = [Offer(name, "value", code, name) for code, name in zip(wait.codes, wait.names, strict=True)]
    if wait.stage is Stage.CONFIRM_PLACE:
        return [places[0]._replace(label=turn.phrase("yes")), *places[1:], Offer(turn.phrase("no"), "none")]
    return [*places, Offer(turn.phrase("none_of_these"), "none")]

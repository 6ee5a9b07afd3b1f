"""What pages show of content and places: the emergency numbers, why a case was raised, and communes, in words."""

from __future__ import annotations

from bot.web.deps import ShownNumber
from flows.languages import Spoken
from handlers.world import Worlds


def emergency_numbers(worlds: Worlds) -> tuple[ShownNumber, ...]:
    """The numbers of the emergency card, in the order of `lines.yaml`."""
    lines = worlds.current.library.lines.values()
    return tuple(ShownNumber(label=line.name, number=line.number) for line in lines if line.emergency)


def spoken(worlds: Worlds, code: str) -> Spoken | None:
    """A language of the content that is current now; None when it knows none of this code."""
    return worlds.current.library.program.languages.get(code)


def why_in_words(worlds: Worlds, place: str) -> str:
    """A choice that raised a case ("flow.step:choice"), as staff read it: the flow's title and the choice's label."""
    step, _, choice = place.partition(":")
    flow_name, _, step_name = step.partition(".")
    flow = worlds.current.library.flows.get(flow_name)
    if flow is None:
        return place
    written = flow.steps.get(step_name)
    label = written.choices[choice].label if written and written.choices and choice in written.choices else step_name
    return f"{flow.title}: {label}"


def commune_in_words(worlds: Worlds, code: str) -> str:
    """The name of a commune. A code that today's table of places does not know any more is shown as it is: a case that was
    begun with another table must open at two in the morning all the same.
    """
    try:
        return worlds.current.gazetteer.name(code)
    except KeyError:
        return code

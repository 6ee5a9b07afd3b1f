"""Requirement 59: random walks through the shipped set never strand anybody. 2,000 steps here, 100,000 in `make chaos`.

Hypothesis looks for short ways to break a rule (`test_engine.py`); this walks far, as many people would over a year, and from
every place it comes to, the words for the numbers, a person, stop and delete lead where they must within two messages.
"""

from __future__ import annotations

import os
import random
from datetime import timedelta

from flows.effects import Chose, Handover, Hush, PlaceAnswer, Released, Said, SayKind, Shared, Silence, Unsupported
from flows.engine import advance
from flows.library import Library
from flows.schema import StepKind
from flows.session import Session, Status
from flows.severity import Severity
from tests.property.test_engine import TYPED, library_named
from tests.unit.flows.small_set import Talker

STEPS = 100_000 if os.environ.get("CHAOS") == "full" else 2_000
NEAR = PlaceAnswer("exact", ("1", "2", "3"), {"1": "xã A", "2": "xã B", "3": "xã C"})


def happens(talk: Talker, chance: random.Random) -> None:
    """One thing that happens; pressing a button most of the time, as people do."""
    offered = talk.said[-1].buttons if talk.effects and talk.said else ()
    if offered and chance.random() < 0.7:
        talk.give(Chose(chance.choice(offered).data))
        return
    kind = chance.randrange(7)
    if kind == 0:
        talk.wait(timedelta(minutes=chance.choice((1, 15, 200))))
        talk.give(Silence())
    elif kind == 1:
        talk.give(Released())
    elif kind == 2:
        talk.give(Shared(NEAR))
    elif kind == 3:
        talk.give(Unsupported())
    elif kind == 4:
        talk.give(Said("…", chance.choice((Severity.URGENT, Severity.EMERGENCY))))
    else:
        talk.give(Said(chance.choice(TYPED)))


def within_two(library: Library, session: Session, now: object, word: str) -> list[object]:
    """What one word brings, and what pressing or saying nothing more than one answer can still bring."""
    talk = Talker(library)
    talk.session, talk.now = session, now  # type: ignore[assignment]
    talk.give(Said(word))
    return list(talk.effects)


def test_from_wherever_a_walk_comes_help_is_near() -> None:
    library, chance = library_named("shipped"), random.Random(20261123)
    talk = Talker(library)
    places: set[str] = set()
    for _ in range(STEPS):
        happens(talk, chance)
        if talk.session.status is not Status.WAITING:
            continue
        places.add(talk.place)
        card = within_two(library, talk.session, talk.now, "cứu")
        assert any(getattr(effect, "kind", None) is SayKind.CARD for effect in card), talk.place
        assert any(isinstance(effect, Hush) for effect in within_two(library, talk.session, talk.now, "dung")), (
            talk.place
        )
        assert person_is_near(library, talk.session, talk), talk.place
    waiting = {f"{flow}.{name}" for (flow, name), task in library.program.tasks.items() if task.kind.waits}
    assert len(places & waiting) > 60, "the walk has gone nowhere"


def person_is_near(library: Library, session: Session, talk: Talker) -> bool:
    """Does "gặp người" call a person, at once or with one more answer?"""
    asked = Talker(library)
    asked.session, asked.now = session, talk.now
    asked.give(Said("gặp người"))
    if asked.of(Handover) or asked.session.status is Status.HANDED_OVER:
        return True
    task = library.program.tasks[asked.session.frames[-1].flow, asked.session.frames[-1].step]
    assert task.kind is StepKind.CHOICES
    for button in asked.said[-1].buttons:
        sprint = advance(library, asked.session, Chose(button.data), asked.now)
        if any(isinstance(effect, Handover) for effect in sprint.effects):
            return True
    return False

"""A choice typed out counts whatever screening makes of its words: it is kept first, then the card or a person is offered."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flows.effects import Raise, Said, Say, SayKind
from flows.engine import advance
from flows.library import Library
from flows.program import Task
from flows.session import Frame, Session, Stage, State, Status, Wait
from flows.severity import Severity
from handlers.world import World
from tests.fakes.road import shipped_world
from tests.unit.flows.small_set import Talker, small_library

NOW = datetime(2026, 11, 23, 13, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return shipped_world()


def standing_at(library: Library, task: Task) -> Session:
    frames = (Frame("next_steps", "ask", State.OPEN), Frame(task.flow, task.name, State.OPEN))
    return Session(
        version=library.version, id="x", status=Status.WAITING, frames=frames, wait=Wait(Stage.CHOICES, 1), asks=1
    )


def cards(effects: object) -> int:
    return sum(isinstance(effect, Say) and effect.kind is SayKind.CARD for effect in effects)  # type: ignore[attr-defined]


def test_every_label_of_the_shipped_flows_can_be_typed(world: World) -> None:
    library, lost, cardless = world.library, [], []
    for task in library.program.tasks.values():
        for option in task.options.options if task.options is not None else ():
            verdict = world.screening.read(option.label)
            danger = verdict.severity if verdict.severity.at_least(Severity.URGENT) else Severity.NONE
            sprint = advance(library, standing_at(library, task), Said(option.label, danger), NOW)
            leads_to_person = sprint.session.place().startswith("talk.")
            if f"{task.place}:{option.id}" not in sprint.visited and not leads_to_person:
                lost.append(f"{task.place}:{option.id}")
            if danger is Severity.EMERGENCY and task.flow != "emergency_card" and cards(sprint.effects) != 1:
                cardless.append(f"{task.place}:{option.id}")
    assert lost == []
    assert cardless == []


MENU = """\
flow: home
title: Nhà
start: menu
steps:
  menu:
    say: Bạn cần gì?
    choices:
      knife: {label: Có dao, goto: numbers, severity: emergency, set: {about: me}}
      pulled: {label: Bị kéo đi, goto: more, severity: urgent, set: {about: other}}
  numbers: {call: card, next: more}
  more: {say: Bạn còn cần gì?, choices: {again: {label: Nữa, goto: menu}, bye: {label: Thôi, goto: bye}}}
  bye: {end: bye}
"""


@pytest.fixture(scope="module")
def small() -> Library:
    return small_library(home=MENU)


def test_a_choice_that_leads_to_the_card_brings_it_once(small: Library) -> None:
    talk = Talker(small)
    talk.type("chào")
    assert talk.type("có dao", danger=Severity.EMERGENCY) == ["Bạn xem giúp nhé. 113"]
    assert talk.session.variables["about"] == "me"
    assert talk.of(Raise) == [Raise(Severity.EMERGENCY, "home.menu:knife", "")]
    assert talk.press("Nhắn tiếp") == ["Bạn còn cần gì?"]


def test_any_other_is_kept_and_goes_on_after_the_card(small: Library) -> None:
    talk = Talker(small)
    talk.type("chào")
    assert talk.type("bị kéo đi", danger=Severity.EMERGENCY) == ["Bạn xem giúp nhé. 113"]
    assert talk.session.variables["about"] == "other"
    assert talk.press("Nhắn tiếp") == ["Bạn còn cần gì?"]


def test_a_worrying_one_is_kept_and_a_person_offered_after_it(small: Library) -> None:
    talk = Talker(small)
    talk.type("chào")
    assert talk.type("bị kéo đi", danger=Severity.URGENT) == ["Muốn gặp người không?"]
    assert talk.session.variables["about"] == "other"
    assert talk.press("Chưa") == ["Bạn còn cần gì?"]


def test_words_around_a_choice_are_no_choice(small: Library) -> None:
    talk = Talker(small)
    talk.type("chào")
    assert talk.type("nó có dao, cứu", danger=Severity.EMERGENCY) == ["Bạn xem giúp nhé. 113"]
    assert "about" not in talk.session.variables
    assert talk.press("Nhắn tiếp") == ["Bạn cần gì?"]

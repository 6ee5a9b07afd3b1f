"""A talk begins in the language that was chosen on the page; one the machine does not speak is noted as a need."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers.model import MessageKind
from tests.fakes.road import EMERGENCY, Road

SAFE = "One short question. Is it safe for you to write right now?"


def test_a_talk_begins_in_the_language_of_the_page(road: Road) -> None:
    road.sends("a", MessageKind.START, "web", language="en")
    view = road.sees("a")
    assert view.language == "en"
    assert view.lines[-1].text == SAFE
    assert view.lines[-1].language == "en"


def test_also_when_her_first_message_is_a_text(road: Road) -> None:
    road.sends("a", MessageKind.TEXT, "web", text=EMERGENCY, language="en")
    assert road.sees("a").language == "en"
    assert road.case_of("a", "web").severity == "emergency"


@pytest.mark.parametrize("language", ["", "vi", "xx", "en\n"])
def test_without_a_choice_or_with_nonsense_it_is_the_language_of_the_set(road: Road, language: str) -> None:
    road.sends("a", MessageKind.START, "web", language=language)
    view = road.sees("a")
    assert view.language == ""
    assert {line.language for line in view.lines} == {""}


def test_a_running_talk_keeps_its_language_whatever_the_page_is_in(road: Road) -> None:
    road.starts("a", "web")
    road.sends("a", MessageKind.TEXT, "web", text="có", language="en")
    assert road.sees("a").language == ""


def test_what_she_types_changes_it_and_the_page_can_see_that(road: Road) -> None:
    road.sends("a", MessageKind.START, "web", language="vi")
    road.types("a", "english", "web")
    view = road.sees("a")
    assert view.language == "en"
    assert view.lines[-1].text == SAFE, "the open question once more, in her language"


def test_a_language_the_machine_does_not_speak_is_said_honestly_and_noted_for_staff(road: Road) -> None:
    road.sends("a", MessageKind.START, "web", language="hmn")
    view = road.sees("a")
    assert view.language == ""
    assert "chưa nói được tiếng đó" in view.lines[-1].text
    assert "Bạn đang nhắn với máy" in view.lines[0].text, "the first contact says what it always says"
    name = road.worlds.current.library.languages["hmn"].name
    assert name in road.case_of("a", "web").summary.answers.values()


def test_after_a_gap_it_begins_anew_in_the_language_of_the_page(road: Road) -> None:
    road.sends("a", MessageKind.START, "web", language="en")
    road.now += timedelta(hours=1)
    road.sends("a", MessageKind.TEXT, "web", text="chào", language="vi")
    assert road.sees("a").language == ""

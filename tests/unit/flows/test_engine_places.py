"""The talk about a place: confirmed, picked, outside, unknown, shared, passed."""

from __future__ import annotations

import pytest

from flows import effects
from flows.effects import Answered, PlaceAnswer, Remember, Said, Shared
from flows.library import Library
from tests.unit.flows.small_set import SLOWLY, Talker, at_question, small_library


@pytest.fixture(scope="module")
def library() -> Library:
    return small_library()


@pytest.fixture
def placing(library: Library) -> Talker:
    return at_question(library, "1", "chuyện", "0", "có", "65", "21:30")


def test_exact_place_is_confirmed(placing: Talker) -> None:
    assert placing.type("Mường Than") == ["confirm_place xã Mường Than"]
    assert placing.labels == ["yes", "no"]
    placing.type("ừ")
    assert placing.session.variables["place"] == "1"
    assert Remember("place", "1", "Xã", "xã Mường Than") in placing.effects
    assert placing.questions[0] == effects.FindServices("1", ("medical",), 2)


@pytest.mark.parametrize("answer", ["2", "xã Bản Lang", "xa ban lang"])
def test_ambiguous_place_is_listed_and_picked(placing: Talker, answer: str) -> None:
    assert placing.type("bản") == ["which_place"]
    assert placing.labels == ["xã Bản Bo", "xã Bản Lang", "none_of_these"]
    placing.type(answer)
    assert placing.session.variables["place"] == "3"


def test_another_place_may_be_typed_over_a_confirmation_or_list(placing: Talker) -> None:
    placing.type("bản")
    assert placing.type("Mường Than") == ["confirm_place xã Mường Than"]
    assert placing.type("bản") == ["which_place"]


def test_places_outside_and_unknown_count_as_tries_and_then_she_passes(placing: Talker) -> None:
    assert placing.type("Hà Nội") == ["place_outside"]
    assert placing.labels == ["skip"]
    assert placing.said[-1].wants_location
    placing.wait(SLOWLY)
    placing.type("đâu đó")
    assert "place" not in placing.session.variables
    assert placing.questions[-1] == effects.AskOnDuty("auto")


def test_refused_confirmation_asks_for_the_place_again(placing: Talker) -> None:
    placing.type("Mường Than")
    assert placing.press("no") == ["place_unknown"]
    assert placing.place == "home.place"
    assert placing.type("quay lại") == ["Mấy giờ?"]


def test_shared_location_is_confirmed_with_two_neighbours(placing: Talker) -> None:
    near = PlaceAnswer("exact", ("1", "2", "3", "4"), {"1": "xã A", "2": "xã B", "3": "xã C", "4": "xã D"})
    assert placing.give(Shared(near)) == ["confirm_place xã A"]
    assert placing.labels == ["yes", "xã B", "xã C", "no"]
    placing.press("xã C")
    assert placing.session.variables["place"] == "3"


def test_shared_location_outside_or_where_none_is_asked_for(placing: Talker, library: Library) -> None:
    assert placing.give(Shared(PlaceAnswer("outside"))) == ["place_outside"]
    assert at_question(library).give(Shared(PlaceAnswer("none"))) == ["choose_again", "Bạn cần gì?"]


def test_repeat_and_back_inside_the_place_dialog(placing: Talker) -> None:
    placing.type("bản")
    assert placing.type("nhắc lại") == ["which_place"]
    assert placing.type("quay lại") == ["Bạn ở xã nào?"]


def test_place_the_host_cannot_find_out_is_unknown(placing: Talker) -> None:
    placing.effects = []
    sprint = placing.step(Said("Mường Than"))
    assert sprint.question == effects.ResolvePlace("Mường Than")
    placing.effects = []
    placing.step(Answered(None))
    assert [say.text for say in placing.said] == ["place_unknown"]

"""What breaks into a conversation: words of safety, danger, worry, `back`, and a human."""

from __future__ import annotations

import pytest

from flows import effects
from flows.effects import Chose, PlaceAnswer, Raise, Released, Said, Shared, Silence
from flows.library import Library
from flows.session import State
from flows.severity import Severity
from tests.unit.flows.small_set import HOME, Talker, at_question, small_library

URGENT, EMERGENCY = Severity.URGENT, Severity.EMERGENCY


@pytest.fixture(scope="module")
def library() -> Library:
    return small_library()


# --- global words and danger -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"), [("CỨU!!", "card.show"), ("cuu", "card.show"), ("gap nguoi", "talk.ask"), ("xoá", "wipe.sure")]
)
def test_global_words_break_in_and_return_asks_the_open_question_again(library: Library, text: str, place: str) -> None:
    talk = at_question(library, "1")
    talk.type(text)
    assert talk.place == place
    assert talk.session.frames[0].state is State.OPEN
    assert talk.give(Chose(talk.said[-1].buttons[0 if place == "card.show" else 1].data)) == [
        "Chuyện gì vậy, chính mình?"
    ]


def test_right_is_not_stop(library: Library) -> None:
    talk = at_question(library)
    talk.type("đúng")
    assert talk.session.status == "waiting"
    talk.type("dung")
    assert talk.session.status == "ended"


def test_stop_hushes_and_ends(library: Library) -> None:
    talk = at_question(library, "dừng!")
    assert talk.effects[0] == effects.Hush()
    assert talk.effects[-1] == effects.Ended("left")


def test_first_message_that_is_a_global_word_or_danger_is_heard_before_the_greeting(library: Library) -> None:
    for text, danger in (("cứu với", Severity.NONE), ("nó cầm dao", EMERGENCY)):
        talk = Talker(library)
        talk.type(text, danger=danger)
        assert talk.place == "card.show"
        assert talk.press("Nhắn tiếp")[0] == "Chào bạn. Đây là máy."


def test_danger_breaks_in_anywhere_and_starts_anew_inside_its_own_flow(library: Library) -> None:
    talk = at_question(library)
    assert talk.type("nó đang đánh", danger=EMERGENCY) == ["Bạn xem giúp nhé. 113"]
    depth = len(talk.session.frames)
    assert talk.type("cứu tôi nó vào rồi", danger=EMERGENCY) == ["Bạn xem giúp nhé. 113"]
    assert len(talk.session.frames) == depth
    assert talk.press("Nhắn tiếp") == ["Dòng một.", "Bạn cần gì?"]


def test_typed_choice_of_the_danger_flow_is_an_answer_though_it_sounds_like_danger(library: Library) -> None:
    talk = at_question(library)
    talk.type("nó đang đánh", danger=EMERGENCY)
    assert talk.type("đang bị nhốt", danger=EMERGENCY)[0] == "Bạn ở yên nhé."
    assert talk.of(Raise) == [Raise(EMERGENCY, "card.show:held", "")]


def test_danger_in_a_free_text_is_kept_as_the_answer_and_not_asked_for_again(library: Library) -> None:
    talk = at_question(library, "1")
    assert talk.type("nó đang đánh", danger=EMERGENCY) == ["Bạn xem giúp nhé. 113"]
    assert talk.session.variables["story"] == "nó đang đánh"
    assert talk.press("Nhắn tiếp") == ["Mấy con?"]


def test_a_question_that_the_card_has_answered_is_not_asked_again() -> None:
    library = small_library(
        home=HOME.replace("    silence: {after: 10m", "    after_card: hurt\n    silence: {after: 10m")
    )
    for text, danger in (("nó đang đánh", EMERGENCY), ("cứu với", Severity.NONE)):
        talk = at_question(library)
        talk.type(text, danger=danger)
        assert talk.place == "card.show"
        assert talk.press("Nhắn tiếp") == ["Bạn có bị thương không?"]
    talk = at_question(library)
    talk.type("gặp người")  # nothing but the card answers it
    assert talk.press("Thôi")[-1] == "Bạn cần gì?"


def test_stop_word_is_no_answer_to_a_free_text_even_when_it_sounds_like_danger(library: Library) -> None:
    talk = at_question(library, "1")
    talk.type("dừng", danger=EMERGENCY)
    assert "story" not in talk.session.variables
    assert talk.session.status == "ended"


def test_worrying_text_offers_a_person_once(library: Library) -> None:
    talk = at_question(library)
    assert talk.type("chồng tôi hay đánh", danger=URGENT) == ["Muốn gặp người không?"]
    assert talk.press("Chưa") == ["Dòng một.", "Bạn cần gì?"]
    assert talk.type("chồng tôi hay đánh", danger=URGENT) == ["choose_again", "Bạn cần gì?"]


def test_worrying_first_message_is_greeted_first_and_a_person_offered_after_the_next_answer(library: Library) -> None:
    talk = Talker(library)
    assert talk.type("chồng tôi hay đánh", danger=URGENT)[0] == "Chào bạn. Đây là máy."
    assert talk.type("1") == ["Muốn gặp người không?"]
    assert talk.press("Chưa") == ["Chuyện gì vậy, chính mình?"]


def test_worrying_answer_is_kept_before_a_person_is_offered(library: Library) -> None:
    talk = at_question(library, "1")
    assert talk.type("chồng tôi hay đánh", danger=URGENT) == ["Muốn gặp người không?"]
    assert talk.session.variables["story"] == "chồng tôi hay đánh"
    assert talk.press("Chưa") == ["Mấy con?"]


def test_worrying_text_that_is_no_answer_or_no_place_offers_a_person_at_once(library: Library) -> None:
    talk = at_question(library, "1", "chuyện", "2")
    assert talk.type("chồng tôi hay đánh", danger=URGENT) == ["Muốn gặp người không?"]
    assert talk.press("Chưa") == ["Bạn có bị thương không?"]
    placing = at_question(library, "1", "chuyện", "0", "có", "65", "21:30")
    assert placing.type("chồng tôi hay đánh", danger=URGENT) == ["Muốn gặp người không?"]


def test_worrying_text_does_not_break_into_help(library: Library) -> None:
    talk = at_question(library, "cứu")
    assert talk.type("chồng tôi hay đánh", danger=URGENT) == ["choose_again"]  # the card stands above


def test_the_same_flow_is_not_put_on_the_stack_twice(library: Library) -> None:
    talk = at_question(library, "cứu", "gặp người", "cứu", "gặp người", "cứu")
    assert [frame.flow for frame in talk.session.frames] == ["home", "card"]


# --- back and repeat ----------------------------------------------------------------------------------------------------


def test_back_goes_through_the_questions_and_stops_at_the_first(library: Library) -> None:
    talk = at_question(library, "1", "chuyện", "2")
    assert talk.type("quay lại") == ["Mấy con?"]
    assert talk.type("quay lai") == ["Chuyện gì vậy, chính mình?"]
    assert talk.type("quay lại") == ["Dòng một.", "Bạn cần gì?"]
    assert talk.type("quay lại") == ["nothing_before", "Bạn cần gì?"]
    talk.type("2")
    assert talk.session.variables["about"] == "other"


def test_back_leads_over_an_errand_and_into_the_caller(library: Library) -> None:
    talk = at_question(library, "2")
    assert talk.place == "talk.ask"
    assert talk.type("quay lại") == ["Dòng một.", "Bạn cần gì?"]
    assert [frame.flow for frame in talk.session.frames] == ["home"]


def test_question_come_back_to_leaves_no_loop_in_the_history(library: Library) -> None:
    talk = at_question(library, "1", "cứu", "1")
    assert talk.place == "home.story"
    assert talk.type("quay lại") == ["Dòng một.", "Bạn cần gì?"]
    assert talk.type("quay lại")[0] == "nothing_before"


def test_repeat_says_the_whole_question_and_its_old_buttons_still_count(library: Library) -> None:
    talk = at_question(library)
    old = talk.data("Người khác")
    assert talk.type("nhac lai") == ["Dòng một.", "Bạn cần gì?"]
    talk.give(Chose(old))
    assert talk.session.variables["about"] == "other"


def test_label_that_is_the_same_word_wins_over_back() -> None:
    flow = (
        "flow: home\ntitle: T\nstart: a\nsteps:\n"
        "  a: {say: Một?, choices: {go: {label: Đi, goto: b}}}\n"
        "  b: {say: Hai?, choices: {back: {label: Quay lại, goto: c}, stop: {label: Dừng, goto: c}}}\n"
        "  c: {say: Ba?, choices: {go: {label: Đi, goto: c}}}\n"
    )
    talk = at_question(small_library(home=flow), "1")
    assert talk.type("quay lại") == ["Ba?"]
    other = at_question(small_library(home=flow), "1", "dừng")
    assert other.session.status == "ended", "a label never takes a word of safety away"


# --- a human ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def handed(library: Library) -> Talker:
    talk = at_question(library, "gặp người", "1")
    assert talk.effects[-1] == effects.Handover("auto", "asked_for_person")
    assert talk.session.status == "handed_over"
    return talk


@pytest.mark.parametrize(
    "given",
    [
        Said("alo"),
        Said("quay lại"),
        Said("1"),
        Said("đánh", URGENT),
        Chose("1.0"),
        effects.Unsupported(),
        Silence(),
        Shared(PlaceAnswer("none")),
    ],
)
def test_while_handed_over_the_flow_is_quiet(handed: Talker, given: effects.Input) -> None:
    before = handed.session
    assert handed.give(given) == []
    assert handed.effects == []
    assert handed.session == before


def test_words_of_safety_and_danger_work_while_handed_over_and_the_wait_goes_on_after_them(handed: Talker) -> None:
    assert handed.type("cứu") == ["Bạn xem giúp nhé. 113"]
    assert handed.session.status == "waiting"
    assert handed.press("Nhắn tiếp") == []
    assert handed.session.status == "handed_over"
    assert handed.of(effects.Handover) == []
    assert handed.type("nó cầm dao", danger=EMERGENCY) == ["Bạn xem giúp nhé. 113"]
    handed.press("Nhắn tiếp")
    handed.type("dừng")
    assert handed.session.status == "ended"


def test_release_goes_on_where_the_handover_says(handed: Talker) -> None:
    assert handed.give(Released()) == ["Người trực đã chào.", "Dòng một.", "Bạn cần gì?"]
    assert "talk.person~release" in handed.visited


def test_release_while_the_card_is_open_goes_on_too(handed: Talker) -> None:
    handed.type("cứu")
    assert handed.give(Released()) == ["Người trực đã chào.", "Dòng một.", "Bạn cần gì?"]
    assert [frame.flow for frame in handed.session.frames] == ["home"]


def test_release_of_a_talk_no_flow_waited_for(library: Library) -> None:
    talk = at_question(library, "1")
    assert talk.give(Released()) == ["Máy lại trả lời.", "Chuyện gì vậy, chính mình?"]
    ended = at_question(library, "dừng")
    assert ended.give(Released()) == ["Máy lại trả lời."]
    assert ended.session.status == "ended"


def test_back_does_not_lead_behind_a_call_for_a_human(handed: Talker) -> None:
    handed.type("cứu")
    assert handed.type("quay lại")[0] == "nothing_before"


def test_taking_back_the_wish_for_a_human_lets_the_flow_go_on() -> None:
    wipe = "flow: wipe\ntitle: T\nstart: a\nsteps:\n  a: {do: cancel_human, next: b}\n  b: {return: true}\n"
    talk = at_question(small_library(wipe=wipe), "gặp người", "1")
    assert talk.type("xóa") == ["Người trực đã chào.", "Dòng một.", "Bạn cần gì?"]
    assert talk.of(effects.CancelHuman)

"""The engine: what each kind of step and each kind of input does, and what breaks into it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flows import effects
from flows.effects import Answered, Chose, Raise, Remember, Said, SayKind, Silence, Start
from flows.engine import NoSuchFlow, NothingAsked, WrongVersion, advance
from flows.library import Library
from flows.schema import MAX_DEPTH
from flows.session import Session, State, Status
from flows.severity import Severity
from tests.unit.flows.small_set import NOW, SLOWLY, Talker, at_question, small_library

URGENT, EMERGENCY = Severity.URGENT, Severity.EMERGENCY


@pytest.fixture(scope="module")
def library() -> Library:
    return small_library()


@pytest.fixture
def talk(library: Library) -> Talker:
    return Talker(library)


# --- beginning and ending -----------------------------------------------------------------------------------------


def test_first_text_begins_at_the_entry_and_buttons_stand_on_the_last_line(talk: Talker) -> None:
    assert talk.type("chào") == ["Chào bạn. Đây là máy.", "Dòng một.", "Bạn cần gì?"]
    assert talk.labels == ["Tôi cần giúp", "Người khác"]
    assert talk.session.status == Status.WAITING == "waiting"
    assert talk.place == "home.menu"
    assert talk.visited == ["home.hello", "home.menu"]


def test_after_the_end_any_message_begins_a_new_stay_without_the_old_answers(talk: Talker) -> None:
    talk.type("chào", "1", "thoát")
    assert talk.session.status == "ended"
    assert talk.session.outcome == "left"
    assert talk.type("tôi đây")[0] == "Chào bạn. Đây là máy."
    assert talk.session.variables == {}


def test_start_begins_at_a_named_flow_and_refuses_an_unknown_one(talk: Talker) -> None:
    talk.give(Start("card"))
    assert talk.place == "card.show"
    with pytest.raises(NoSuchFlow, match="nowhere"):
        talk.give(Start("nowhere"))
    assert talk.place == "card.show"


def test_return_without_anything_below_ends_the_stay(talk: Talker) -> None:
    talk.give(Start("card"))
    talk.press("Nhắn tiếp")
    assert (talk.session.status, talk.session.outcome) == ("ended", "done")


def test_session_of_another_version_is_a_mistake_of_the_caller(talk: Talker, library: Library) -> None:
    talk.type("chào")
    other = small_library(extra="flow: extra\ntitle: Thêm\nstart: a\nsteps:\n  a: {end: done}\n")
    assert other.version != library.version
    with pytest.raises(WrongVersion):
        advance(other, talk.session, Said("1"), NOW)


def test_answer_that_nobody_asked_for_is_a_mistake_of_the_caller(talk: Talker) -> None:
    for begin in (None, "chào"):
        if begin:
            talk.type(begin)
        with pytest.raises(NothingAsked):
            talk.give(Answered(True))


def test_same_arguments_give_the_same_sprint(library: Library) -> None:
    session = Session.new(library, "one")
    first = advance(library, session, Said("chào"), NOW)
    assert first == advance(library, session, Said("chào"), NOW)


# --- choices --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["Tôi cần giúp", "toi can giup", "TÔI CẦN GIÚP!", "tôi  cân giup", "1", "1.", "số 1", "me"]
)
def test_choice_is_taken_by_label_number_or_id_with_or_without_accents(library: Library, text: str) -> None:
    talk = at_question(library, text)
    assert talk.place == "home.story"
    assert talk.session.variables["about"] == "me"
    assert talk.of(Remember) == [Remember("about", "me", "Ai cần giúp", "chính mình")]
    assert talk.of(Raise) == [Raise(Severity.STANDARD, "home.menu:me", "dv_physical")]
    assert "home.menu:me" in talk.visited


def test_accents_that_disagree_are_no_match(library: Library) -> None:
    talk = at_question(library, "tới cần giúp")
    assert talk.place == "home.menu"


def test_plain_yes_and_no_take_the_choices_that_say_so(library: Library) -> None:
    talk = Talker(library)
    talk.type("chào", "xóa")
    assert talk.place == "wipe.sure"
    assert talk.type("ko") == ["Dòng một.", "Bạn cần gì?"]
    talk.type("xoá", "dạ vâng")
    assert talk.of(effects.Erase)


@pytest.mark.parametrize("text", ["gì cơ", "", "7", "0", "👍", "\x00", "\u202egiup\u202c", "a" * 100_000])
def test_text_that_matches_nothing_is_asked_again_under_the_same_buttons(library: Library, text: str) -> None:
    talk = at_question(library)
    before = talk.data("Người khác")
    assert talk.type(text) == ["choose_again", "Bạn cần gì?"]
    assert talk.data("Người khác") == before
    talk.give(Chose(before))
    assert talk.session.variables["about"] == "other"


def test_direction_marks_and_nul_do_not_hide_a_label(library: Library) -> None:
    assert at_question(library, "\u200fngười\u200b khác\x00").session.variables["about"] == "other"


def test_button_of_an_earlier_question_is_stale_and_the_open_one_comes_again(library: Library) -> None:
    talk = at_question(library)
    old = talk.data("Người khác")
    talk.type("1")
    assert talk.give(Chose(old)) == ["stale_choice", "Chuyện gì vậy, chính mình?"]
    assert talk.place == "home.story"
    assert talk.session.variables["about"] == "me"


@pytest.mark.parametrize(
    "data", ["", "1", "1.", "1.9", "1.-1", "1.x", "x.0", "999.0", "1.0.0", "1.٣", "\x00", "1." + "0" * 5000]
)
def test_button_data_that_was_never_given_out_is_stale(library: Library, data: str) -> None:
    talk = at_question(library)
    assert talk.give(Chose(data))[0] == "stale_choice"
    assert talk.place == "home.menu"


def test_double_press_never_advances_twice(library: Library) -> None:
    talk = Talker(library)
    talk.type("chào")
    talk.wait(timedelta(minutes=11))
    talk.give(Silence())
    press = Chose(talk.data("Còn"))
    talk.give(press)
    assert talk.place == "home.menu"
    assert talk.give(press)[0] == "stale_choice"
    assert talk.place == "home.menu"


def test_double_press_that_ended_the_stay_does_not_begin_a_new_one(library: Library) -> None:
    talk = Talker(library)
    talk.type("chào", "xóa")
    press = Chose(talk.data("Có"))
    talk.give(press)
    assert talk.session.status == "ended"
    assert talk.give(press) == []
    assert talk.session.status == "ended"
    assert talk.give(Chose("1.0"))[0] == "Chào bạn. Đây là máy."


def test_buttons_of_another_session_are_stale(library: Library) -> None:
    one, two = Talker(library, "one"), Talker(library, "two")
    one.type("chào")
    two.type("chào")
    assert one.data("Tôi cần giúp") != two.data("Tôi cần giúp")
    assert two.give(Chose(one.data("Tôi cần giúp")))[0] == "stale_choice"


# --- typed answers --------------------------------------------------------------------------------------------------


def test_answers_of_every_type_are_read_kept_and_shown(library: Library) -> None:
    talk = at_question(library, "1", "anh ấy đánh", "hai đứa", "dạ có", "15 tuổi", "9h tối")
    assert talk.session.variables == {
        "about": "me",
        "story": "anh ấy đánh",
        "children": 2,
        "hurt": True,
        "age": "age_13_17",
        "hour": "21:00",
    }
    assert talk.place == "home.place"
    assert talk.said[-1].wants_location
    assert talk.labels == ["skip"]


def test_unreadable_answers_are_asked_again_with_their_own_words(library: Library) -> None:
    talk = at_question(library, "1")
    assert talk.type("👍" * 3) != []  # an emoji is a text too
    assert talk.session.variables["story"] == "👍👍👍"
    assert talk.type("nhiều") == ["invalid_number 0 12"]
    assert talk.labels == ["skip"]
    talk.type("3")
    assert talk.type("hơi hơi") == ["invalid_yes_no"]
    assert talk.labels == ["yes", "no"]
    talk.press("no")
    assert talk.session.variables["hurt"] is False
    assert talk.type("già rồi") == ["invalid_age"]
    talk.press("age_60")
    assert talk.type("9h") == ["Giờ nào vậy"]


def test_empty_text_is_no_answer_and_long_text_is_cut(library: Library) -> None:
    talk = at_question(library, "1")
    assert talk.type(" \x00\u202e ") == ["invalid_text"]
    talk.type("ă" * 100_000)
    assert talk.session.variables["story"] == "ă" * 2000


def test_after_the_last_try_the_question_is_passed_when_it_can_be(library: Library) -> None:
    talk = at_question(library, "1", "chuyện", "nhiều")
    talk.wait(SLOWLY)
    assert talk.type("nhiều lắm") == ["Bạn có bị thương không?"]
    assert "children" not in talk.session.variables
    assert "home.children~skip" in talk.visited
    for _ in range(5):
        talk.wait(SLOWLY)
        assert talk.type("hơi hơi") == ["invalid_yes_no"]  # this one cannot be passed, and waits


def test_digit_for_a_number_question_is_the_number_not_the_first_button(library: Library) -> None:
    assert at_question(library, "1", "chuyện", "1").session.variables["children"] == 1


def test_passing_a_question_by_word_or_number(library: Library) -> None:
    talk = at_question(library, "1", "chuyện", "SKIP")
    assert talk.place == "home.hurt"
    talk.type("có", "6")
    assert talk.place == "home.hour"


# --- branches, errands, calls -----------------------------------------------------------------------------------------


def test_branches_are_tried_from_the_top(library: Library) -> None:
    two = at_question(library, "1", "chuyện", "2", "có", "30", "21:30", "skip")
    assert [say.text for say in two.said[:2]] == ["Có 2 con.", "Trạm y tế xã"]
    old = at_question(library, "1", "chuyện", "2", "có", "65", "21:30", "skip")
    assert old.said[0].text == "Trạm y tế xã"
    none = Talker(library)
    none.services = []
    assert none.type("chào", "2") == ["Gọi người nhé?"]


def test_errands_ask_and_tell_the_host(library: Library) -> None:
    talk = Talker(library)
    assert talk.give(Start("code")) == ["Mã: ABCD-EFGH", "Mã của bạn?"]
    assert talk.type("ab") == ["invalid_code"]
    talk.code_known = False
    assert talk.type(" ab12  cd34 ") == ["Mã của bạn?"]
    assert talk.questions == [effects.RedeemReturnCode("ab12 cd34")]
    talk.code_known = True
    talk.type("ab12cd34")
    assert talk.of(effects.AllowLateAnswer) == [effects.AllowLateAnswer(effects.LateAnswer.UNTIL, "")]
    assert talk.of(effects.CancelHuman)
    assert talk.effects[-1] == effects.Ended("done")


def test_unanswerable_question_counts_as_nothing_and_no(library: Library) -> None:
    talk = Talker(library)
    talk.services = talk.on_duty = None
    assert talk.type("chào", "2") == ["Chưa có ai.", "Gọi người nhé?"]
    assert talk.session.variables["staffed"] is False
    assert talk.session.variables["services"] == []


def test_message_while_the_host_is_asked_puts_the_question_again(library: Library) -> None:
    talk = Talker(library)
    talk.type("chào")
    first = talk.step(Said("2"))
    assert talk.session.status == "asking_host"
    again = talk.step(Said("alo"))
    assert again.question == first.question == effects.FindServices("", ("medical",), 2)
    stopped = talk.step(Said("thoát"))
    assert stopped.question is None
    assert stopped.session.status == "ended"


def test_card_is_marked_as_card(talk: Talker) -> None:
    talk.type("cứu")
    assert [(say.kind, say.text) for say in talk.said] == [(SayKind.CARD, "Bạn xem giúp nhé. 113")]


# --- silence, things we cannot read --------------------------------------------------------------------------------------


def test_silence_goes_on_when_due_and_only_then(library: Library) -> None:
    talk = at_question(library)
    assert talk.session.silence_due_at == NOW + timedelta(minutes=10)
    talk.wait(timedelta(minutes=9))
    assert talk.give(Silence()) == []
    talk.type("gì")
    assert talk.session.silence_due_at == NOW + timedelta(minutes=19), "whoever writes is not silent"
    talk.wait(timedelta(minutes=10))
    assert talk.give(Silence()) == ["Bạn còn đó không?"]
    assert talk.session.silence_due_at is None
    talk.wait(timedelta(days=1))
    assert talk.give(Silence()) == []


def test_silence_after_the_end_or_before_the_beginning_does_nothing(library: Library) -> None:
    assert Talker(library).give(Silence()) == []
    assert at_question(library, "dừng").give(Silence()) == []


def test_unreadable_kind_is_answered_with_the_question(library: Library) -> None:
    assert at_question(library).give(effects.Unsupported()) == ["unsupported", "Bạn cần gì?"]
    assert Talker(library).give(effects.Unsupported())[:2] == ["unsupported", "Chào bạn. Đây là máy."]


# --- faults of a flow -----------------------------------------------------------------------------------------------------


def test_loop_fails_loudly_keeps_what_was_raised_and_the_session_goes_on(library: Library) -> None:
    talk = Talker(library)
    assert talk.give(Start("loop")) == []
    assert talk.effects[-1] == effects.Failed("step-limit", "loop.one")
    assert Raise(URGENT, "loop.one", "") in talk.effects
    assert (talk.session.status, talk.session.outcome) == ("ended", "failed")
    assert talk.type("alo")[0] == "Chào bạn. Đây là máy."


def test_loop_of_questions_to_the_host_fails_too(library: Library) -> None:
    talk = Talker(library)
    talk.give(Start("turning"))
    assert talk.effects[-1] == effects.Failed("step-limit", "turning.one")
    assert len(talk.questions) == 100


def test_stack_is_bounded(library: Library) -> None:
    talk = at_question(library)
    full = talk.session.evolve(frames=talk.session.frames * MAX_DEPTH)
    sprint = advance(library, full, Said("cứu"), NOW)
    assert sprint.effects == (effects.Failed("depth-limit", "card.show"),)


def test_session_at_a_step_that_is_gone_fails_loudly(library: Library) -> None:
    talk = at_question(library)
    gone = talk.session.evolve(frames=(talk.session.frames[0].__class__("home", "gone", State.OPEN),))
    assert advance(library, gone, Said("1"), NOW).effects == (effects.Failed("no-such-step", "home.gone"),)

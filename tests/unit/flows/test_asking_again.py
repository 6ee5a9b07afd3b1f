"""Texts that are no answer: said in full once, then shortly and differently; many quick lines are answered together."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from flows.asking_again import CARD_AGAIN, LONGEST_WAIT, QUICK
from flows.effects import Said, Silence, Unsupported
from flows.library import Library
from flows.loader import load
from flows.severity import Severity
from tests.unit.flows.small_set import SLOWLY, Talker, at_question, small_files, small_library

QUESTION = "Bạn cần gì?"
SOON = timedelta(seconds=3)


@pytest.fixture(scope="module")
def library() -> Library:
    return small_library()


def typed(talk: Talker, *texts: str, apart: timedelta, called: bool = False) -> list[list[str]]:
    """What each of these texts brought."""
    heard = []
    for text in texts:
        talk.wait(apart)
        heard.append(talk.give(Said(text, called=called)))
    return heard


def pauses(talk: Talker) -> list[str]:
    """What comes when she writes no more: the next timer, at its moment."""
    due_at = talk.session.silence_due_at
    if due_at is None or due_at - talk.now > QUICK:
        return []
    talk.now = due_at
    return talk.give(Silence())


def test_said_in_full_once_then_in_shorter_words_that_change(library: Library) -> None:
    heard = typed(at_question(library), *["trời ơi"] * 6, apart=SLOWLY)
    assert [lines[1:] for lines in heard] == [[QUESTION]] * 6
    first = [lines[0] for lines in heard]
    assert first[:5] == ["choose_again", "choose_again_2", "choose_again_3", "choose_again_4", "choose_again_2"]
    assert all(one != other for one, other in itertools.pairwise(first))


LIST = """\
flow: home
title: Nhà
start: menu
steps:
  menu:
    say: Chuyện nào?
    choices: {a: {label: Bị đánh, goto: sure}, b: {label: Bị chửi, goto: sure}, c: {label: Bị dọa, goto: sure}}
  sure:
    say: Có chắc không?
    choices: {a: {label: Có, goto: bye}, b: {label: Không, goto: bye}, c: {label: Không rõ, goto: bye}}
  bye: {end: bye}
"""


def test_a_list_that_speaks_for_itself_is_introduced_every_second_time_a_yes_or_no_always() -> None:
    talk = Talker(small_library(home=LIST))
    talk.type("chào")
    heard = typed(talk, *["trời ơi"] * 3, apart=SLOWLY)
    assert heard == [["choose_again", "Chuyện nào?"], ["choose_again_2"], ["choose_again_3", "Chuyện nào?"]]
    assert talk.labels == ["Bị đánh", "Bị chửi", "Bị dọa"]
    typed(talk, "bị đánh", apart=SLOWLY)
    heard = typed(talk, *["trời ơi"] * 2, apart=SLOWLY)
    assert [lines[-1] for lines in heard] == ["Có chắc không?"] * 2


def test_the_long_words_are_for_the_stay_not_for_the_question(library: Library) -> None:
    talk = at_question(library)
    typed(talk, "trời ơi", "1", "chuyện", "2", apart=SLOWLY)
    talk.type("cứu")
    talk.wait(SLOWLY)
    assert talk.type("trời ơi")[0] == "choose_again_2"
    talk.type("dừng")
    talk.type("chào")
    talk.wait(SLOWLY)
    assert talk.type("trời ơi")[0] == "choose_again"  # somebody else may hold the phone now


def test_lines_in_quick_succession_are_answered_together_with_the_question_under_them(library: Library) -> None:
    talk = at_question(library)
    heard = typed(talk, "trời ơi", "nó lại say", "em mệt lắm", "không biết làm sao", apart=SOON)
    assert heard == [["choose_again", QUESTION], [], [], []]
    assert pauses(talk) == ["choose_again_2", QUESTION]
    assert talk.labels
    assert pauses(talk) == []  # once


def test_an_answer_among_quick_lines_is_taken_at_once_and_nothing_is_owed(library: Library) -> None:
    talk = at_question(library)
    heard = typed(talk, "trời ơi", "nó lại say", "1", apart=SOON)
    assert heard[2] == ["Chuyện gì vậy, chính mình?"]
    assert pauses(talk) == []


def test_who_never_pauses_is_answered_all_the_same(library: Library) -> None:
    talk = at_question(library)
    heard = typed(talk, *["dòng nữa"] * 20, apart=timedelta(seconds=6))
    said_at = [index for index, lines in enumerate(heard) if lines]
    assert said_at[:2] == [0, LONGEST_WAIT / timedelta(seconds=6)]


def test_what_weighs_more_is_never_held_back(library: Library) -> None:
    talk = at_question(library)
    typed(talk, "trời ơi", "nó lại say", apart=SOON)
    talk.wait(SOON)
    assert talk.type("nó cầm dao", danger=Severity.EMERGENCY) == ["Bạn xem giúp nhé. 113"]
    assert pauses(talk) == []
    asking = at_question(library)
    typed(asking, "trời ơi", "nó lại say", apart=SOON)
    assert asking.type("gặp người")


def test_quick_lines_use_up_no_tries_of_a_typed_question(library: Library) -> None:
    talk = at_question(library, "1", "chuyện")
    heard = typed(talk, "nhiều", "nhiều lắm", "đông", apart=SOON)
    assert heard[1:] == [[], []]
    assert talk.place == "home.children"
    assert pauses(talk) == ["Mấy con?"]


def test_quick_lines_at_the_place_question_leave_it_open(library: Library) -> None:
    talk = at_question(library, "1", "chuyện", "0", "có", "65", "21:30")
    heard = typed(talk, "đâu đó", "chỗ cây đa", apart=SOON)
    assert heard == [["place_unknown"], []]
    assert talk.place == "home.place"
    assert talk.session.status == "waiting"
    talk.wait(SOON)
    assert talk.type("Mường Than")[-1].startswith("confirm_place")


def test_voice_notes_in_a_row_are_answered_together(library: Library) -> None:
    talk = at_question(library)
    heard = []
    for _ in range(3):
        talk.wait(SOON)
        heard.append(talk.give(Unsupported()))
    assert heard == [["unsupported", QUESTION], [], []]
    assert pauses(talk)[-1] == QUESTION


def test_while_somebody_is_called_who_reads_along_she_hears_that_once(library: Library) -> None:
    talk = at_question(library)
    heard = typed(talk, *["trời ơi"] * 3, apart=SLOWLY, called=True)
    assert [lines[0] for lines in heard] == ["choose_again_called", "choose_again_2", "choose_again_3"]
    before = at_question(library)
    heard = [*typed(before, "trời ơi", apart=SLOWLY), *typed(before, *["trời ơi"] * 2, apart=SLOWLY, called=True)]
    assert [lines[0] for lines in heard] == ["choose_again", "choose_again_called", "choose_again_3"]


def test_a_set_published_before_there_were_shorter_words_goes_on() -> None:
    files = small_files()
    lines = files["set.yaml"].decode().splitlines(keepends=True)
    older = "".join(line for line in lines if not line.startswith("  choose_again_"))
    library = load({**files, "set.yaml": older.encode()}).library
    assert library is not None
    heard = typed(at_question(library), *["trời ơi"] * 2, apart=SLOWLY, called=True)
    assert [lines[0] for lines in heard] == ["choose_again", "choose_again"]


def test_nothing_is_said_after_a_place_was_understood(library: Library) -> None:
    talk = at_question(library, "1", "chuyện", "0", "có", "65", "21:30")
    typed(talk, "đâu đó", "chỗ cây đa", apart=SOON)
    assert talk.session.again.owed_at is not None
    talk.wait(SOON)
    talk.type("Mường Than")
    assert pauses(talk) == []


# --- the emergency card ------------------------------------------------------------------------------------------------

CARD = "Bạn xem giúp nhé. 113"
DANGER = Severity.EMERGENCY


def in_danger(talk: Talker, *texts: str, apart: timedelta) -> list[list[str]]:
    heard = []
    for text in texts:
        talk.wait(apart)
        heard.append(talk.give(Said(text, DANGER, called=True)))
    return heard


def test_danger_told_twice_brings_the_card_once_and_a_word_that_it_was_heard(library: Library) -> None:
    talk = at_question(library)
    heard = in_danger(talk, "nó cầm dao", "nó phá cửa", apart=SLOWLY)
    assert heard == [[CARD], ["choose_again_called"]]
    assert talk.labels, "the buttons of the card still stand on the last line"
    assert in_danger(talk, "nó vào rồi", apart=SOON) == [[]]
    assert pauses(talk) == ["choose_again_2"]


def test_after_a_while_it_comes_again(library: Library) -> None:
    talk = at_question(library)
    heard = in_danger(talk, "nó cầm dao", "nó phá cửa", "nó vào rồi", apart=CARD_AGAIN)
    assert heard == [[CARD]] * 3


def test_danger_after_she_has_gone_on_brings_it_again(library: Library) -> None:
    talk = at_question(library)
    in_danger(talk, "nó cầm dao", apart=SLOWLY)
    talk.press(talk.labels[0])
    assert talk.place == "home.menu"
    assert in_danger(talk, "nó quay lại, cầm dao", apart=SOON) == [[CARD]]


def test_a_cry_for_help_is_answered_with_the_card_unless_it_follows_at_once(library: Library) -> None:
    talk = at_question(library, "cứu")
    assert typed(talk, "cứu với", apart=SOON) == [[CARD]], "nobody is called: she can do nothing but press"
    assert typed(talk, "cứu với", apart=SOON, called=True) == [["choose_again_called"]]
    assert typed(talk, "cứu với", apart=SLOWLY, called=True) == [[CARD]]


def test_the_choices_of_the_card_can_be_typed_in_danger(library: Library) -> None:
    talk = at_question(library)
    in_danger(talk, "nó cầm dao", apart=SLOWLY)
    assert in_danger(talk, "1", apart=SOON) != [[]]
    assert talk.place == "home.menu"


def test_who_has_been_shown_the_card_is_not_asked_after_it_whether_she_wants_a_person(library: Library) -> None:
    talk = Talker(library)
    talk.type(
        "chồng tôi hay đánh", danger=Severity.URGENT
    )  # the first message: a person would be offered after the next
    assert talk.type("nó cầm dao", danger=DANGER) == [CARD]
    assert talk.press("Nhắn tiếp") == ["Dòng một.", QUESTION]
    assert talk.type("1") == ["Chuyện gì vậy, chính mình?"]


def test_who_writes_on_while_a_person_is_called_for_her_hears_once_that_it_is_read(library: Library) -> None:
    talk = at_question(library, "gặp người", "1")
    assert talk.session.status == "handed_over"
    heard = [*typed(talk, "chị ơi", apart=SLOWLY), *typed(talk, "chị ơi", "lâu thế ạ", apart=SLOWLY, called=True)]
    assert heard == [[], ["choose_again_called"], []]
    assert talk.session.status == "handed_over"


@pytest.fixture(scope="module")
def answering() -> Library:
    """Knows how people ask whether anybody is there."""
    files = small_files()
    loaded = load({**files, "set.yaml": files["set.yaml"] + "answers: {anybody: {words: [có ai không]}}\n".encode()})
    assert loaded.library is not None, "\n".join(map(str, loaded.findings))
    return loaded.library


def test_who_asks_whether_anybody_is_there_is_told_the_truth_and_the_question_stands_below(answering: Library) -> None:
    heard = typed(at_question(answering), "có ai không", "trời ơi", "dạ có ai không ạ", apart=SLOWLY)
    assert heard == [["anybody", QUESTION], ["choose_again", QUESTION], ["anybody", QUESTION]]
    heard = typed(at_question(answering), "co ai khong", apart=SLOWLY, called=True)
    assert heard == [["anybody_called", QUESTION]]


def test_asked_again_within_seconds_it_is_answered_once_she_pauses(answering: Library) -> None:
    talk = at_question(answering)
    assert typed(talk, "trời ơi", apart=SLOWLY) == [["choose_again", QUESTION]]
    assert typed(talk, "có ai không", apart=QUICK) == [["anybody", QUESTION]]
    assert typed(talk, "có ai không", "có ai không", apart=SOON) == [[], []]
    assert pauses(talk)[-1] == QUESTION


def test_who_waits_for_a_person_is_told_each_time_she_asks_and_not_when_somebody_has_come(answering: Library) -> None:
    talk = at_question(answering, "gặp người", "1")
    assert talk.session.status == "handed_over"
    assert typed(talk, "có ai không", apart=SLOWLY) == [[]]  # whoever has the talk reads it
    heard = typed(talk, "có ai không", "chị ơi", "có ai không", apart=SLOWLY, called=True)
    assert heard == [["anybody_called"], [], ["anybody_called"]]
    assert typed(talk, "có ai không", apart=SOON, called=True) == [[]]
    assert talk.session.status == "handed_over"

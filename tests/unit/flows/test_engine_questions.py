"""What she asks instead of answering: led to the flow that answers it, and back to the question that stood before her."""

from __future__ import annotations

import json

import pytest

from flows.effects import Said
from flows.library import Library
from flows.loader import load
from flows.session import Session
from flows.severity import Severity
from tests.unit.flows.small_set import HOME, SET, Talker, small_files, small_library

LAW = """\
flow: law
title: Luật
start: ask
steps:
  ask:
    say: Hỏi luật phải không?
    choices: {yes: {label: Phải, goto: tell}, person: {label: Người thật, goto: talk}, no: {label: Nhầm, goto: back}}
  tell: {say: Luật nói thế này., next: back}
  talk: {call: talk, next: back}
  back: {return: true}
"""
PRIVACY = """\
flow: kept
title: Giữ kín
start: tell
steps:
  tell: {say: Tin được khóa., return: true}
"""
SAFE = """\
flow: safe
title: An toàn
start: ask
steps:
  ask: {say: Có an toàn không?, choices: {yes: {label: Có, goto: back}, no: {label: Không, goto: where}}}
  where: {say: Bạn ở đâu?, ask: {type: text, skip: back}, save: story, next: back}
  back: {return: true}
"""
QUESTIONS = "questions: {law_asked: law, privacy_asked: kept}\n"


def with_questions(questions: str = QUESTIONS, **flows: str) -> dict[str, str]:
    phrases = small_files()["set.yaml"].decode().partition("phrases:\n")[2]
    written = SET.replace("words:\n", questions + "words:\n") + "phrases:\n" + phrases
    home = HOME.replace("next: menu}", "next: safe}\n  safe: {call: safe, next: menu}", 1)
    return {"set": written, "home": home, "law": LAW, "kept": PRIVACY, "safe": SAFE, **flows}


@pytest.fixture(scope="module")
def library() -> Library:
    return small_library(**with_questions())


def asks(talk: Talker, *signs: str, danger: Severity = Severity.NONE, called: bool = False) -> list[str]:
    return talk.give(Said("thủ tục thế nào ạ", danger, asks=signs or ("law_asked",), called=called))


def in_menu(library: Library) -> Talker:
    talk = Talker(library)
    talk.type("xin chào nhé")
    talk.press("Có")
    assert talk.place == "home.menu"
    return talk


def test_a_question_instead_of_an_answer_is_answered_and_the_open_one_put_again(library: Library) -> None:
    talk = in_menu(library)
    assert asks(talk) == ["Hỏi luật phải không?"]
    assert talk.press("Phải") == ["Luật nói thế này.", "Dòng một.", "Bạn cần gì?"]
    assert asks(talk, "privacy_asked") == ["Tin được khóa.", "Dòng một.", "Bạn cần gì?"]


def test_at_a_typed_question_too_but_a_text_that_is_the_answer_stays_one(library: Library) -> None:
    talk = in_menu(library)
    talk.press("Tôi cần giúp")
    asks(talk)
    assert talk.place == "home.children", "what she tells is kept, whatever it asks"
    assert talk.session.variables["story"] == "thủ tục thế nào ạ"
    assert asks(talk) == ["Hỏi luật phải không?"]
    assert talk.press("Nhầm") == ["Mấy con?"]


def test_the_first_question_goes_first_and_then_hers(library: Library) -> None:
    talk = Talker(library)
    talk.type("xin chào nhé")
    assert asks(talk) == ["choose_again_asked", "Có an toàn không?"]
    assert talk.press("Có") == ["Hỏi luật phải không?"]
    assert talk.press("Nhầm") == ["Dòng một.", "Bạn cần gì?"]


def test_asked_in_the_very_first_message_it_waits_for_the_first_answer(library: Library) -> None:
    talk = Talker(library)
    assert asks(talk)[-1] == "Có an toàn không?"
    assert talk.press("Không") == ["Bạn ở đâu?"], "what follows from not being safe goes before it as well"
    assert talk.type("ở nương") == ["Hỏi luật phải không?"]


def test_how_private_it_is_belongs_to_whether_she_is_safe(library: Library) -> None:
    talk = Talker(library)
    talk.type("xin chào nhé")
    assert asks(talk, "privacy_asked") == ["Tin được khóa.", "Có an toàn không?"]


def test_danger_and_a_person_make_it_forgotten(library: Library) -> None:
    for text, danger in (("nó cầm dao", Severity.EMERGENCY), ("gặp người", Severity.NONE)):
        talk = Talker(library)
        asks(talk)
        talk.type(text, danger=danger)
        talk.press("Nhắn tiếp" if danger is Severity.EMERGENCY else "Thôi")
        assert talk.press("Có") == ["Dòng một.", "Bạn cần gì?"]


def test_nothing_weightier_is_broken_into(library: Library) -> None:
    talk = in_menu(library)
    talk.type("cứu")
    asks(talk)
    assert talk.place == "card.show"
    talk = in_menu(library)
    asks(talk, called=True)
    assert talk.place == "home.menu", "somebody is called who will read it"
    talk = in_menu(library)
    asks(talk, danger=Severity.URGENT)
    assert talk.place == "offer.ask"


def test_inside_an_answer_another_question_is_a_text_like_any_other(library: Library) -> None:
    talk = in_menu(library)
    asks(talk)
    assert asks(talk)[-1] == "Hỏi luật phải không?"
    assert [frame.flow for frame in talk.session.frames] == ["home", "law"]


def test_of_several_the_one_named_first_in_the_set_counts_and_unknown_ones_do_not(library: Library) -> None:
    talk = in_menu(library)
    assert asks(talk, "privacy_asked", "law_asked") == ["Hỏi luật phải không?"]
    talk = in_menu(library)
    assert asks(talk, "service_asked")[-1] == "Bạn cần gì?"
    assert talk.place == "home.menu"


def test_a_label_or_a_courtesy_is_no_question(library: Library) -> None:
    talk = in_menu(library)
    talk.give(Said("người khác", asks=("law_asked",)))
    assert talk.place != "law.ask"


def test_a_set_without_questions_asks_again_as_before() -> None:
    talk = Talker(small_library(**with_questions("")))
    talk.type("xin chào nhé")
    assert asks(talk) == ["choose_again", "Có an toàn không?"]


def test_a_flow_can_keep_her_questions_out() -> None:
    shut = small_library(
        **with_questions(home=with_questions()["home"].replace("start: hello\n", "start: hello\nquestions: no\n"))
    )
    talk = in_menu(shut)
    assert asks(talk)[-1] == "Bạn cần gì?"
    assert talk.place == "home.menu"


def test_a_session_of_before_is_read(library: Library) -> None:
    stored = json.loads(json.dumps(in_menu(library).session.dump()))
    del stored["asked"]
    assert Session.load(stored).asked == ""


def test_a_flow_that_is_not_there_is_found() -> None:
    loaded = load(small_files(**with_questions("questions: {law_asked: nowhere}\n")))
    assert loaded.library is None
    assert any(finding.code == "unknown-flow" for finding in loaded.findings)

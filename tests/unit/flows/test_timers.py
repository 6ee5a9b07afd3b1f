"""The silence of a question, the time limit of a call, and how they stand to each other; and a greeting after a pause."""

from __future__ import annotations

from datetime import timedelta

from flows.effects import Released, Silence
from flows.graph import Move, build, cycles
from flows.loader import load
from tests.unit.flows.small_set import NOW, Talker, small_files, small_library

HEAD = "flow: home\ntitle: Thử\nstart: outer\nsteps:\n"
HOME = """\
  outer: {call: middle, within: {after: 60m, goto: late}, next: bye}
  late: {say: Hết giờ., end: late}
  bye: {say: Chào., end: bye}
"""
MIDDLE = """\
flow: middle
title: Giữa
start: inner
steps:
  inner: {call: deep, within: {after: 20m, goto: over}, next: back}
  over: {say: Thôi câu đó nhé., next: back}
  back: {say: Giữa xong., choices: {on: {label: Tiếp, goto: home}}}
  home: {return: true}
"""
DEEP = """\
flow: deep
title: Sâu
start: ask
steps:
  ask:
    say: Hỏi gì?
    choices: {more: {label: Nữa, goto: ask}, done: {label: Xong, goto: back}}
    silence: {after: 10m, goto: nudge}
  nudge: {say: Còn đó không?, choices: {yes: {label: Còn, goto: ask}}}
  back: {return: true}
"""


def talker(home: str = HOME) -> Talker:
    talk = Talker(small_library(home=HEAD + home, middle=MIDDLE, deep=DEEP))
    talk.type("chào")
    return talk


def after(talk: Talker, minutes: int) -> list[str]:
    talk.now = NOW + timedelta(minutes=minutes)
    return talk.give(Silence())


def due_in(talk: Talker) -> int | None:
    due_at = talk.session.silence_due_at
    return None if due_at is None else int((due_at - NOW).total_seconds() // 60)


def test_the_earliest_timer_is_due_first() -> None:
    talk = talker()
    assert due_in(talk) == 10
    assert after(talk, 9) == []
    assert after(talk, 10) == ["Còn đó không?"]
    assert due_in(talk) == 20
    assert after(talk, 20) == ["Thôi câu đó nhé.", "Giữa xong."]
    assert due_in(talk) == 60
    assert after(talk, 60) == ["Hết giờ."]
    assert talk.session.outcome == "late"
    assert due_in(talk) is None


def test_an_answer_restarts_the_silence_of_the_question_but_not_the_limit_of_the_call() -> None:
    talk = talker()
    for minutes in (8, 16):
        talk.now = NOW + timedelta(minutes=minutes)
        talk.type("nữa")
    assert due_in(talk) == 20
    assert after(talk, 20) == ["Thôi câu đó nhé.", "Giữa xong."]


def test_of_several_that_are_over_the_outermost_wins() -> None:
    talk = talker()
    assert after(talk, 61) == ["Hết giờ."]


def test_what_breaks_in_suspends_the_limits_and_a_passed_one_begins_again() -> None:
    talk = talker()
    talk.type("cứu")
    assert due_in(talk) is None
    assert after(talk, 30) == []
    talk.type("nhắn tiếp")
    assert talk.session.place() == "deep.ask"
    assert due_in(talk) == 40  # silence anew: 30 + 10; the passed limit anew: 30 + 20; the outer one goes on: 60
    assert after(talk, 40) == ["Còn đó không?"]
    assert due_in(talk) == 50


def test_after_a_human_talk_every_limit_begins_again() -> None:
    deep = DEEP.replace("back: {return: true}", "back: {handover: {reason: a, on_release: ask}}")
    talk = Talker(small_library(home=HEAD + HOME, middle=MIDDLE, deep=deep))
    talk.type("chào", "xong")
    assert talk.session.status == "handed_over"
    assert due_in(talk) is None
    talk.now = NOW + timedelta(minutes=90)
    assert talk.give(Released()) == ["Hỏi gì?"]
    assert due_in(talk) == 100
    talk.type("nữa")
    assert after(talk, 111) == ["Thôi câu đó nhé.", "Giữa xong."]


def test_a_limit_that_leads_back_to_its_own_call_nags_forever() -> None:
    again = "  outer: {call: middle, within: {after: 60m, goto: late}, next: bye}\n  late: {next: outer}\n  bye: {end: bye}\n"
    library = small_library(home=HEAD + again, middle=MIDDLE, deep=DEEP)
    assert [[node.step for node in loop] for loop in cycles(build(library), Move.ON, Move.SILENCE)] == [
        ["outer", "late"],
        ["one", "two"],
        ["one"],
    ]


def test_within_goes_with_call_only() -> None:
    steps = "  outer: {say: A?, within: {after: 60m, goto: outer}, choices: {a: {label: Một, goto: outer}}}\n"
    found = load(small_files(home=HEAD + steps)).findings
    assert [finding.code for finding in found] == ["misplaced-part"]


RESUMED = HEAD.replace("start:", "on_resume: {after: 5m, say: Bạn quay lại rồi.}\nstart:") + (
    "  outer: {say: Tên gì?, choices: {a: {label: Một, goto: two}}}\n  two: {say: Hai., end: two}\n"
)


def test_somebody_who_comes_back_after_a_while_is_greeted_before_her_message_is_taken() -> None:
    talk = Talker(small_library(home=RESUMED))
    talk.type("chào")
    talk.now = NOW + timedelta(minutes=4)
    assert talk.type("trời ơi") == ["choose_again", "Tên gì?"]
    talk.now = NOW + timedelta(minutes=9)
    assert talk.type("một") == ["Bạn quay lại rồi.", "Hai."]


def test_nobody_is_greeted_when_help_is_called_or_the_talk_begins() -> None:
    talk = Talker(small_library(home=RESUMED))
    assert talk.type("chào") == ["Tên gì?"]
    talk.now = NOW + timedelta(minutes=20)
    assert "Bạn quay lại rồi." not in talk.type("cứu")


def test_a_greeting_fills_no_variables_in() -> None:
    found = load(small_files(home=RESUMED.replace("say: Bạn quay lại rồi.", 'say: "Bạn {about}."'))).findings
    assert [(finding.line, finding.code) for finding in found] == [(3, "bad-placeholder")]

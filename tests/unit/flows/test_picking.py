"""Questions where several choices may be taken, and what is said when a text was none of them."""

from __future__ import annotations

from typing import Any

import pytest

from flows.effects import Chose, Raise, Remember, Said
from flows.loader import load
from flows.severity import Severity
from tests.unit.flows.small_set import SET, SLOWLY, Talker, small_files, small_library

HEAD = "flow: home\ntitle: Thử\nstart: signs\nsteps:\n"
STEPS = """\
  signs:
    say: Điều nào đúng?
    many: yes
    save: signs
    choices:
      followed: {label: Bị đi theo, score: {name: danger, add: 1, why: bị đi theo}}
      locked: {label: Bị nhốt, severity: urgent, score: {name: danger, add: 2, why: bị nhốt}}
      weapon: {label: Có dao, severity: emergency}
    next: [{when: {signs: empty}, goto: none}, {when: {signs: locked}, goto: held}, {else: some}]
  none: {say: Không có gì., end: none}
  held: {say: "Bị nhốt: {signs}", end: held}
  some: {say: "Có: {signs}", end: some}
"""
VARIABLES = """\
  signs:
    type: choices
    values: [followed, locked, weapon]
    label: Dấu hiệu
    shown: {followed: bị đi theo, locked: bị nhốt, weapon: có dao}
  danger: {type: score, label: Nguy hiểm, thresholds: {urgent: 3}}
  day: {type: date, label: Ngày}
"""


def files(steps: str) -> dict[str, bytes]:
    phrases = small_files()["set.yaml"].decode().partition("phrases:\n")[2]
    return small_files(set=SET + VARIABLES + "phrases:\n" + phrases, home=HEAD + steps)


def talker(steps: str = STEPS) -> Talker:
    phrases = small_files()["set.yaml"].decode().partition("phrases:\n")[2]
    talk = Talker(small_library(set=SET + VARIABLES + "phrases:\n" + phrases, home=HEAD + steps))
    talk.type("chào")
    return talk


def press(talk: Talker, index: int) -> list[str]:
    return talk.give(Chose(talk.said[-1].buttons[index].data))


def labels(talk: Talker) -> list[str]:
    return [button.label for button in talk.said[-1].buttons]


def test_choices_are_ticked_one_by_one_until_she_has_enough() -> None:
    talk = talker()
    assert labels(talk) == ["Bị đi theo", "Bị nhốt", "Có dao", "none_of_list"]
    assert press(talk, 1) == ["more", "Điều nào đúng?"]
    assert labels(talk) == ["Bị đi theo", "✓ Bị nhốt", "Có dao", "enough"]
    assert [effect.severity for effect in talk.effects if isinstance(effect, Raise)] == [Severity.URGENT]
    press(talk, 0)
    assert [effect.why for effect in talk.effects if isinstance(effect, Raise)] == ["Nguy hiểm 3: bị đi theo; bị nhốt"]
    assert press(talk, 3) == ["Bị nhốt: bị đi theo, bị nhốt"]
    assert talk.session.variables["signs"] == ["followed", "locked"]


@pytest.mark.parametrize("typed", ["1, 2", "1 2", "1 and 2", "bi nhot và bị đi theo", "2; bi di theo"])
def test_several_typed_at_once_are_all_she_had_to_say(typed: str) -> None:
    talk = talker()
    assert talk.type(typed) == ["Bị nhốt: bị đi theo, bị nhốt"]


@pytest.mark.parametrize("typed", ["none_of_list", "4", "không", "hết rồi", "that's all", "none"])
def test_none_of_them_is_an_answer(typed: str) -> None:
    talk = talker()
    assert talk.type(typed) == ["Không có gì."]
    assert talk.session.variables["signs"] == []
    assert [effect.shown for effect in talk.effects if isinstance(effect, Remember)] == ["none_of_list"]


def test_a_double_press_takes_nothing_back_and_an_old_keyboard_still_counts() -> None:
    talk = talker()
    first = talk.said[-1].buttons
    for index in (0, 0, 1):
        talk.give(Chose(first[index].data))
    assert talk.session.variables["signs"] == ["followed", "locked"]
    assert [effect for effect in talk.effects if isinstance(effect, Raise)]


def test_an_emergency_among_them_brings_the_card_and_the_question_comes_back_with_its_ticks() -> None:
    talk = talker()
    press(talk, 0)
    press(talk, 2)
    assert talk.session.place() == "card.show"
    talk.type("nhắn tiếp")
    assert labels(talk) == ["✓ Bị đi theo", "Bị nhốt", "✓ Có dao", "enough"]
    assert talk.type("xong rồi") == ["Có: bị đi theo, có dao"]


def test_going_back_begins_the_question_afresh() -> None:
    talk = talker(
        STEPS.replace(
            'some: {say: "Có: {signs}", end: some}', "some: {say: Rồi?, choices: {a: {label: Rồi, goto: none}}}"
        )
    )
    talk.type("1", "xong rồi", "quay lại")
    assert labels(talk) == ["Bị đi theo", "Bị nhốt", "Có dao", "none_of_list"]


def test_what_is_no_choice_is_asked_again() -> None:
    talk = talker()
    assert talk.type("trời ơi") == ["choose_again", "Điều nào đúng?"]
    talk.wait(SLOWLY)
    assert talk.type("1, trời ơi") == ["choose_again_2", "Điều nào đúng?"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("label: Bị đi theo,", "label: Bị đi theo, goto: some,", ["misplaced-part"]),
        ("    save: signs\n", "", ["missing-save"]),
        ("    save: signs\n", "    save: about\n", ["wrong-type", "bad-value", "bad-value", "bad-value"]),
        ("none: {say: Không có gì.,", "none: {many: yes, say: Không có gì.,", ["misplaced-part"]),
        ("none: {say: Không có gì.,", "none: {invalid: A, say: Không có gì.,", ["misplaced-part"]),
        ("none: {say: Không có gì.,", "none: {unclear: {tries: 1, goto: some}, say: Không có gì.,", ["misplaced-part"]),
    ],
)
def test_mistakes_are_told_when_loaded(old: str, new: str, expected: list[str]) -> None:
    assert STEPS.count(old) == 1
    assert [finding.code for finding in load(files(STEPS.replace(old, new))).findings] == expected


UNCLEAR = """\
  signs:
    say: Bạn chọn giúp.
    invalid: [Lần một., Lần hai.]
    unclear: {tries: 4, goto: gentle}
    choices: {yes: {label: Vâng, goto: bye}, no: {label: Thôi, goto: bye}}
  gentle: {say: Không sao., end: gentle}
  bye: {say: Chào., end: bye}
"""


def test_choices_say_try_by_try_what_the_author_wrote_and_lead_on_after_the_last() -> None:
    talk = talker(UNCLEAR)
    heard = []
    for text in ("a b c", "d e f", "g h i", "k l m"):
        talk.wait(SLOWLY)
        heard.append(talk.give(Said(text))[0])
    assert heard == ["Lần một.", "Lần hai.", "Lần hai.", "Không sao."]


def test_typed_questions_say_try_by_try_what_the_author_wrote() -> None:
    asked = "{type: number, invalid: [Một., Hai.], skip: bye, tries: 3}"
    talk = talker(f"  signs: {{say: Số?, ask: {asked}, save: children, next: bye}}\n  bye: {{say: Chào., end: bye}}\n")
    heard = []
    for text in ("x", "y", "z"):
        talk.wait(SLOWLY)
        heard += talk.type(text)
    assert heard == ["Một.", "Hai.", "Chào."]


def test_tries_without_a_way_on_are_refused() -> None:
    steps = "  signs: {say: Số?, ask: {type: number, tries: 2}, save: children, next: bye}\n  bye: {end: bye}\n"
    found: list[Any] = list(load(files(steps)).findings)
    assert [finding.code for finding in found] == ["misplaced-part"]


def test_a_day_is_asked_kept_and_shown() -> None:
    talk = talker('  signs: {say: Ngày nào?, ask: date, save: day, next: bye}\n  bye: {say: "{day}", end: bye}\n')
    assert talk.type("ngày mai") == ["invalid_date"]
    assert talk.type("hôm qua") == ["22/11/2026"]
    assert talk.session.variables["day"] == "2026-11-22"


LEADING = """\
  signs:
    say: Gọi người nhé?
    unclear: {tries: 1, goto: called}
    invalid: Không muốn thì chọn Để sau.
    choices: {now: {label: Gọi ngay, goto: called}, later: {label: Để sau, goto: left}}
  called: {say: Đang gọi., end: called}
  left: {say: Vâng., end: left}
"""


def test_a_text_that_is_no_choice_leads_on_where_the_step_says_so() -> None:
    assert talker(LEADING).type("anh ấy hay chửi tôi") == ["Đang gọi."]


@pytest.mark.parametrize("no", ["không", "ko", "dạ không ạ", "Chưa", "no"])
def test_a_bare_no_is_never_taken_for_an_unclear_text_that_leads_on(no: str) -> None:
    talk = talker(LEADING)
    assert talk.type(no) == ["Không muốn thì chọn Để sau.", "Gọi người nhé?"]
    talk.wait(SLOWLY)
    assert talk.type(no) == ["Không muốn thì chọn Để sau.", "Gọi người nhé?"]
    assert talk.type("để sau") == ["Vâng."]

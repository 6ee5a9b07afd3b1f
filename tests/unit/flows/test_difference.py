"""The difference of two versions, in words: each kind of change told once, layout and comments not at all."""

from __future__ import annotations

import pytest

from flows import audio
from flows.difference import Change, Kind, difference, file_difference, touched
from tests.unit.flows.sample_set import changed, library_of
from tests.unit.flows.two_tongues import po

WELCOME = "flows/welcome.yaml"


def told(*changes: dict[str, str]) -> list[Change]:
    return difference(library_of(changed([])), library_of(changed(list(changes))))


def english(*changes: dict[str, str]) -> list[str]:
    return [change.message_en for change in told(*changes)]


def test_the_same_set_has_no_difference_and_neither_has_its_layout() -> None:
    assert told() == []
    assert told({"file": WELCOME, "old": "start: hello\n", "new": "# lời chào\nstart:   hello\n\n"}) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Bạn cứ thong thả nhé.", "Bạn cứ từ từ.", "welcome.nudge: text 'Bạn cứ thong thả nhé.' → 'Bạn cứ từ từ.'"),
        ("label: Tôi,", "label: Mình,", "welcome.who: choice me label 'Tôi' → 'Mình'"),
        ("go_on: {label: Nhắn tiếp, goto: who}", "go_on: {label: Nhắn tiếp, goto: where}",
         "welcome.nudge: choice go_on leads to 'who' → 'where'"),
        ("after: 10m", "after: 90s", "welcome.who: silence after '10m' → '90s'"),
        (", severity: emergency", "", "welcome.hello: choice danger severity removed: 'emergency'"),
        ("title: Lời chào", "title: Xin chào", "welcome: title 'Lời chào' → 'Xin chào'"),
        ("{services: empty}", "{services: {at_most: 1}}", "welcome.find: next 0 khi"),
    ],
)  # fmt: skip
def test_one_change_is_told_in_one_line(old: str, new: str, expected: str) -> None:
    found = told({"file": WELCOME, "old": old, "new": new})
    if "khi" in expected:  # its words are other tests'; what matters is that it is told at its step
        assert {change.place for change in found} == {"welcome.find"}
        return
    assert [change.message_en for change in found] == [expected]
    assert found[0].kind is Kind.CHANGED


def test_a_choice_that_comes_or_goes_is_told_once_as_a_whole() -> None:
    more = "      more: {label: Đọc thêm, goto: nothing, severity: urgent}\n"
    line = "      go_on: {label: Nhắn tiếp, goto: who}\n"
    assert english({"file": WELCOME, "old": line, "new": line + more}) == [
        "welcome.nudge: choice more added: 'Đọc thêm, nothing, urgent'"
    ]


def test_steps_that_come_go_and_get_another_name() -> None:
    new_step = "  fresh:\n    say: Một bước hoàn toàn mới, nói điều khác hẳn.\n    next: bye\n  bye:\n    call: leave\n"
    found = told(
        {"file": WELCOME, "old": "  nudge:\n", "new": "  soft_nudge:\n"},
        {"file": WELCOME, "old": "goto: nudge}", "new": "goto: soft_nudge}"},
        {"file": WELCOME, "old": "  nothing:\n    say: Mình chưa tìm được.\n    next: bye\n", "new": ""},
        {"file": WELCOME, "old": "skip: nothing", "new": "skip: fresh"},
        {"file": WELCOME, "old": "goto: nothing}", "new": "goto: fresh}"},
        {"file": WELCOME, "old": "  bye:\n    call: leave\n", "new": new_step},
    )
    kinds = {(change.kind, change.place) for change in found if change.kind is not Kind.CHANGED}
    assert kinds == {
        (Kind.RENAMED, "welcome.nudge"),
        (Kind.REMOVED, "welcome.nothing"),
        (Kind.ADDED, "welcome.fresh"),
    }
    # A way to the same step under its new name is no change of its own.
    assert "welcome.who" not in touched(found)
    assert touched(found) >= {"welcome.nudge", "welcome.nothing"}
    assert "welcome.fresh" not in touched(found)


def test_a_flow_that_goes_takes_its_steps_along() -> None:
    old = library_of(changed([{"file": WELCOME, "old": "call: leave", "new": "call: extra"}, EXTRA]))
    found = difference(old, library_of(changed([])))
    assert (Kind.REMOVED, "extra") in {(change.kind, change.place) for change in found}
    assert "extra.only" in touched(found)
    back = difference(library_of(changed([])), old)
    assert [change.message_en for change in back if change.kind is Kind.ADDED] == ["extra: new flow, steps: 1"]


EXTRA = {
    "file": "flows/extra.yaml",
    "new": "flow: extra\ntitle: Thêm\nstart: only\nsteps:\n  only:\n    return: true\n",
}


def test_what_belongs_to_the_whole_set_is_told_too() -> None:
    assert english({"file": "lines.yaml", "old": "cost: chưa rõ", "new": "cost: miễn phí"}) == [
        "lines.yaml: police cost 'chưa rõ' → 'miễn phí'"
    ]
    (change,) = told({"file": "set.yaml", "old": "help: [cứu]", "new": "help: [cứu, sos]"})
    assert change.message == "set.yaml: từ chung help “cứu” → “cứu / sos”"
    assert change.place == ""


def test_a_long_text_that_differs_only_at_its_end_is_told() -> None:
    tail = "Bạn nhắn tin lúc này có an toàn không?"
    (line,) = english({"file": WELCOME, "old": tail, "new": tail + " Cứ từ từ nhé."})
    assert line.endswith("(further on)")


def test_files_that_are_no_flows_are_told_by_their_lines() -> None:
    before = {"lexicon/acts.yaml": b"a\nb\nc\n", "lexicon/old.yaml": b"x\n", "flows/a.yaml": b"1", "set.yaml": b"1"}
    after = {"lexicon/acts.yaml": b"a\nB\nc\nd\n", "lexicon/new.yaml": b"x\n", "flows/a.yaml": b"2", "set.yaml": b"2"}
    assert [(change.kind, change.message_en) for change in file_difference(before, after)] == [
        (Kind.CHANGED, "file lexicon/acts.yaml: +2 −1 lines"),
        (Kind.ADDED, "file lexicon/new.yaml: new"),
        (Kind.REMOVED, "file lexicon/old.yaml: removed"),
    ]


def test_a_name_that_an_author_gave_is_never_translated() -> None:
    """A choice called `skip` is a choice, not where a question is skipped to."""
    before = [{"file": WELCOME, "old": "      go_on: {label: Nhắn tiếp,", "new": "      skip: {label: Nhắn tiếp,"}]
    after = [{"file": WELCOME, "old": "      go_on: {label: Nhắn tiếp,", "new": "      skip: {label: Nhắn thêm,"}]
    (change,) = difference(library_of(changed(before)), library_of(changed(after)))
    assert change.message == "welcome.nudge: lựa chọn skip nhãn “Nhắn tiếp” → “Nhắn thêm”"


def test_a_recording_is_the_same_whether_its_bytes_are_here_or_only_its_hash() -> None:
    name, sound = "audio/hmn/safety.ask.say-3fa2b1.mp3", b"ID3" + bytes(9)
    assert file_difference({name: audio.pointer(sound)}, {name: sound}) == []
    (change,) = file_difference({name: audio.pointer(sound)}, {name: sound + b"x"})
    assert change.in_language("en").endswith(f"file {name}: recorded anew")


def test_translations_are_counted_as_texts_not_as_lines() -> None:
    name = "languages/en.po"
    old = po({("a.b.say", "Một"): "One", ("a.c.say", "Hai"): "Two", ("a.d.say", "Ba"): "Three"})
    new = po({("a.b.say", "Một"): "One!", ("a.d.say", "Ba"): "Three", ("a.e.say", "Bốn"): "Four"})
    (change,) = file_difference({name: old}, {name: new})
    assert change.in_language("en").endswith("translations new 1, changed 1, gone 1")
    assert file_difference({name: old}, {name: old}) == []

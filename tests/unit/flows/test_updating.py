"""`flows test --update`: what failing transcripts expect is written anew, value by value; the rest of the file stays."""

from __future__ import annotations

import pytest

from flows.transcripts import Script, scripts
from flows.updating import Updated, update, written
from tests.unit.flows.fake_host import FakeHost
from tests.unit.flows.sample_set import changed, library_of

FILE = "transcripts/talk.transcript.yaml"
HELLO = "nhắn tin lúc này có an toàn không"


def updated(text: str, *changes: dict[str, str]) -> Updated:
    found, findings = scripts({FILE: text.encode()})
    assert not findings
    script: Script = found[0]
    return update(library_of(changed(list(changes))), script, FakeHost(), text.encode())


def rewritten(text: str, *changes: dict[str, str]) -> str:
    result = updated(text, *changes)
    assert result.changed
    assert result.outcome.failures == ()
    return result.content.decode()


def welcome(old: str, new: str) -> dict[str, str]:
    return {"file": "flows/welcome.yaml", "old": old, "new": new}


def test_a_passing_transcript_is_left_alone_to_the_byte() -> None:
    text = f"# chú thích\ntranscript:   Chào\nturns:\n  - say: chào\n    expect: {{says: '{HELLO}'}}\n"
    result = updated(text)
    assert (result.content.decode(), result.changed, result.outcome.failures) == (text, False, ())


TALK = """\
transcript: Chào  # người mới
turns:
  - say: chào
    expect:
      says:
        - đang nhắn với máy
        - "nhắn tin lúc này có an toàn không"   # câu hỏi đầu
      choices: [Có, Không]
      step: welcome.hello   # bước đầu

  # rồi đi tiếp
  - choose: Có
    expect: {choices: [Tôi, "Người khác"], step: welcome.who, status: waiting}
end: {status: waiting, variables: {about: empty}}
"""


def test_renamed_steps_labels_and_words_follow_and_comments_stay() -> None:
    new = rewritten(
        TALK,
        welcome("label: Có,", "label: Có ạ,"),
        welcome("start: hello", "start: hi"),
        welcome("  hello:\n", "  hi:\n"),
        welcome("nhắn tin lúc này có an toàn không?", "nhắn tin bây giờ có an toàn không?"),
        welcome("label: Người khác", "label: 'Người khác: bạn bè'"),
    )
    expected = (
        TALK.replace("choose: Có", "choose: Có ạ")
        .replace("[Có, Không]", "[Có ạ, Không]")
        .replace("welcome.hello", "welcome.hi")
        .replace('"nhắn tin lúc này có an toàn không"', "Bạn nhắn tin bây giờ có an toàn không?")
        .replace('"Người khác"', '"Người khác: bạn bè"')
    )
    assert new == expected


def test_the_end_is_written_anew() -> None:
    text = "transcript: a\nturns:\n  - say: chào\nend: {status: ended, variables: {about: me}}\n"
    assert "end: {status: waiting, variables: {about: empty}}" in rewritten(text)


def test_a_severity_and_effects_that_came_otherwise() -> None:
    text = (
        "transcript: a\nturns:\n  - say: chào\n  - choose: Không\n"
        "    expect: {severity: urgent, effects: [Say, Erase], not_says: [Bình An đây]}\n"
    )
    new = rewritten(text)
    assert "{severity: emergency, effects: [Say], not_says: []}" in new


def test_what_nothing_resembles_is_taken_out() -> None:
    text = "transcript: a\nturns:\n  - say: chào\n    expect: {says: [zzzz qqqq xxxx, đang nhắn với máy], choices: [Wwww]}\n"
    new = rewritten(text)
    assert "says: [đang nhắn với máy]" in new
    assert "choices: []" in new


def test_one_text_where_a_list_could_stand() -> None:
    text = "transcript: a\nturns:\n  - say: chào\n    expect: {says: zzzz qqqq xxxx}\n"
    assert "says: []" in rewritten(text)


def test_a_button_that_is_gone_is_not_guessed() -> None:
    text = "transcript: a\nturns:\n  - say: chào\n  - choose: Xyzxyz\n    expect: {step: welcome.who}\n"
    result = updated(text)
    assert (result.content.decode(), result.changed) == (text, False)
    assert len(result.outcome.failures) == 1


def test_a_flow_that_fails_cannot_be_agreed_with() -> None:
    """A transcript of a broken flow stays failing: no expectation is made out of a fault."""
    loop = welcome("go_on: {label: Nhắn tiếp, goto: who}", "go_on: {label: Nhắn tiếp, goto: spin}")
    spin = welcome("  where:\n", "  spin:\n    next: spin2\n  spin2:\n    next: spin\n  where:\n")
    text = (
        "transcript: a\nturns:\n  - say: chào\n  - choose: Có\n  - silence: 10m\n  - choose: Nhắn tiếp\n"
        "    expect: {step: welcome.who}\n"
    )
    assert updated(text, loop, spin).outcome.failures


def test_what_the_loader_reads_is_read_here_too() -> None:
    """A label that asks, written without quotes in a list: PyYAML's two parsers do not agree on it."""
    text = (
        "transcript: a\nturns:\n  - say: chào\n    expect: {says: [có an toàn không?, zzzz qqqq], step: welcome.gone}\n"
    )
    new = rewritten(text)
    assert "says: [có an toàn không?]" in new
    assert "step: welcome.hello" in new


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Có", "Có"),
        ("yes", '"yes"'),
        ("113", '"113"'),
        ("Cần gấp: gọi", '"Cần gấp: gọi"'),
        ('Gõ "dừng"', '"Gõ \\"dừng\\""'),
        ("hai\ndòng", '"hai\\ndòng"'),
        ("a, b", '"a, b"'),
        (" đầu", '" đầu"'),
        ("", '""'),
    ],
)
def test_values_are_quoted_only_when_they_must_be(text: str, expected: str) -> None:
    assert written(text) == expected

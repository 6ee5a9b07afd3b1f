"""A talk played by hand becomes a transcript that runs."""

from __future__ import annotations

from flows.recording import Recording
from flows.rehearsal import run
from flows.transcripts import scripts
from tests.unit.flows.fake_host import FakeHost
from tests.unit.flows.sample_set import changed, library_of


def test_what_was_played_runs_as_a_transcript() -> None:
    recording = Recording("Ghi lại: thử")
    recording.heard("Bình An đây. Bạn đang nhắn với máy.", ("Có", "Không"))
    recording.pressed("Có")
    recording.heard("Mình hỏi một câu ngắn nhé, bạn bỏ qua cũng được. Ai đang cần giúp?", ("Tôi", "Người khác"))
    recording.typed('gặp người: "ngay"')
    recording.typed("gặp người")
    recording.heard("Mình gọi người trực nhé?", ("Vâng", "Thôi"))
    text = recording.text()
    assert text.startswith('transcript: "Ghi lại: thử"\nturns:\n  - say: chào\n')
    (script,), findings = scripts({"transcripts/a.transcript.yaml": text.encode()})
    assert findings == []
    assert [turn.say for turn in script.transcript.turns] == ["chào", None, 'gặp người: "ngay"', "gặp người"]
    assert script.transcript.turns[1].expect.choices == ["Tôi", "Người khác"]
    assert run(library_of(changed([])), script, FakeHost()).failures == ()


def test_nothing_said_is_no_transcript() -> None:
    assert Recording("x").text() == ""


def test_a_recording_shows_no_words_of_a_talk() -> None:
    recording = Recording("x")
    recording.typed("bí mật")
    assert "bí mật" not in repr(recording)

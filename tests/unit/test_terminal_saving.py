"""`chat --content` and `chat --save`: a draft is tried in memory, and a talk played by hand becomes a transcript that passes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from bot import __main__ as command_line
from bot.config import Config
from bot.shipped import content_files
from bot.terminal import NotSaved, Talk, Wish, chat
from flows.loader import load
from flows.recording import Recording
from flows.rehearsal import run
from flows.transcripts import scripts


def nowhere(tmp_path: Path) -> Config:
    """A configuration nobody serves."""
    return Config.model_validate({"var": tmp_path / "var", "listen": "127.0.0.1:1"})


async def test_a_draft_is_played_and_nothing_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in content_files().items():
        file = tmp_path / "draft" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.replace("label: Không chắc,".encode(), "label: Tôi chưa biết,".encode()))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    await chat(nowhere(tmp_path), Wish(content=tmp_path / "draft"))
    shown = capsys.readouterr().out
    assert "nothing is published" in shown
    assert "Tôi chưa biết" in shown
    assert not (tmp_path / "var").exists()


def test_a_saved_talk_passes_as_a_transcript(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through the command itself: played against the running parts, rehearsed once, then run like any other."""
    config, save = tmp_path / "config.yaml", tmp_path / "mine.transcript.yaml"
    config.write_text(f"var: {tmp_path / 'var'}\nlisten: 127.0.0.1:1\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("cứu\n"))
    monkeypatch.setattr(command_line, "set_up_logs", lambda level: None)  # the logs of the other tests stay theirs
    command_line.chat(config, None, save)
    assert f"(saved as {save}" in capsys.readouterr().out
    (script,), findings = scripts({"transcripts/mine.transcript.yaml": save.read_bytes()})
    assert findings == []
    assert [turn.say for turn in script.transcript.turns] == ["chào", "cứu"]
    files = content_files()
    library = load(files).library
    assert library is not None
    outcome = run(library, script, command_line.rehearsal_host(files))
    assert outcome.failures == ()
    assert any(turn.expect.says for turn in script.transcript.turns)


async def test_a_file_that_is_there_is_never_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    there = tmp_path / "there"
    there.write_text("kept")
    for place in (there, tmp_path / "no" / "folder"):
        with pytest.raises(NotSaved):
            await chat(nowhere(tmp_path), Wish(save=place))
    assert there.read_text() == "kept"


def test_buttons_are_recorded_by_their_label_and_people_not_at_all() -> None:
    talk = Talk("http://x", recording=Recording("x"))
    buttons = [{"label": "Có", "data": "a.0"}]
    lines: list[dict[str, Any]] = [
        {"seq": 1, "who": "bot", "text": "Chào bạn.", "buttons": buttons},
        {"seq": 2, "who": "person", "text": "Chị đây.", "buttons": []},
    ]
    talk._show({"human": False, "lines": lines})
    talk._fields("1")
    talk._fields("không sao")
    assert talk.recording is not None
    text = talk.recording.text()
    assert "choose: Có" in text
    assert "say: không sao" in text
    assert "Chị đây" not in text

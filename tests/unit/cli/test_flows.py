"""`flows check` and `flows test`: what they print, and the exit codes that scripts rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli.flows import flows_app
from flows.findings import Finding
from flows.transcripts import Host
from handlers.errors import BinhAnError
from handlers.rules.reading.items import LexiconError
from tests.unit.flows.fake_host import FakeHost
from tests.unit.flows.sample_set import changed

NUMBER = {"file": "flows/after.yaml", "old": "Máy lại trả lời bạn.", "new": "Máy lại trả lời bạn. Gọi 113."}
TALK = "transcript: Chào\nturns:\n  - say: chào\n    expect: {step: welcome.hello}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in changed([]).items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "transcripts").mkdir()
    return tmp_path


def write(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content, encoding="utf-8")


def called(*arguments: str) -> Result:
    return CliRunner().invoke(flows_app(lambda files: FakeHost()), list(arguments))


def cover(folder: Path) -> None:
    """Transcripts that pass every step of the sample set."""
    talks = {
        "whole": [
            "say: chào",
            "choose: Có",
            "silence: 10m",
            "choose: Nhắn tiếp",
            "choose: Tôi",
            "share: '03390'",
            "choose: Có",
        ],
        "danger": ["say: chào", "choose: Không", "choose: Nhắn tiếp", "choose: Tôi", "choose: Bỏ qua"],
        "person": ["say: chào", "say: gặp người", "choose: Vâng", "release: yes", "say: xóa"],
        "worry": ["say: chào", "say: tôi lo lắm", "choose: Muốn", "choose: Thôi"],
        "after": ["say: chào", "release: yes"],
    }
    for name, turns in talks.items():
        lines = "".join(f"  - {turn}\n" for turn in turns)
        write(folder, f"transcripts/{name}.transcript.yaml", f"transcript: {name}\nturns:\n{lines}")


def test_a_clean_set_exits_0(folder: Path) -> None:
    cover(folder)
    result = called("check", str(folder))
    assert (result.exit_code, result.stdout) == (0, "Sạch: 7 luồng, 25 bước\n")
    assert called("check", str(folder), "--lang", "en").stdout == "Clean: 7 flows, 25 steps\n"
    assert json.loads(called("check", str(folder), "--format", "json").stdout) == []


def test_findings_exit_1_one_line_each(folder: Path) -> None:
    cover(folder)
    write(folder, "flows/after.yaml", changed([NUMBER])["flows/after.yaml"].decode())
    result = called("check", str(folder))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0].startswith("flows/after.yaml:6:5: written-number số “113”")
    assert result.stdout.splitlines()[1:] == ["1 điều phải sửa"]
    english = called("check", str(folder), "--lang", "en").stdout.splitlines()
    assert english[0].startswith("flows/after.yaml:6:5: written-number number '113'")


def test_json_names_every_part_of_a_finding(folder: Path) -> None:
    cover(folder)
    write(folder, "flows/after.yaml", changed([NUMBER])["flows/after.yaml"].decode())
    found = json.loads(called("check", str(folder), "--format", "json", "--lang", "en").stdout)
    assert [(f["file"], f["line"], f["column"], f["code"]) for f in found] == [
        ("flows/after.yaml", 6, 5, "written-number")
    ]
    assert found[0]["message"].startswith("number '113'")


def test_what_the_loader_finds_exits_1_too(folder: Path) -> None:
    write(folder, "flows/after.yaml", "flow: after\n")
    for command in ("check", "test"):
        result = called(command, str(folder))
        assert result.exit_code == 1
        assert "flows/after.yaml:1:1: missing-key" in result.stdout


def test_a_broken_lexicon_is_a_finding_beside_the_others(folder: Path) -> None:
    """Transcripts cannot run then, everything else is still checked."""
    write(folder, "flows/after.yaml", changed([NUMBER])["flows/after.yaml"].decode())
    broken = LexiconError([Finding("lexicon/acts.yaml", 3, 1, "unknown-sign", "không có", "none")])

    def no_host(files: dict[str, bytes]) -> Host:
        raise broken

    def no_world(files: dict[str, bytes]) -> Host:
        try:
            raise broken
        except ValueError:
            raise BinhAnError("content") from None

    for make_host in (no_host, no_world):
        for command, codes in (("check", ["written-number", "unknown-sign"]), ("test", ["unknown-sign"])):
            result = CliRunner().invoke(flows_app(make_host), [command, str(folder)])
            assert result.exit_code == 1
            assert [line.split(" ")[1] for line in result.stdout.splitlines()[:-1]] == codes


def test_a_folder_that_is_not_there_exits_2_in_one_line(folder: Path) -> None:
    for command in ("check", "test"):
        result = called(command, str(folder / "nowhere"))
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1
        assert "give the folder that holds set.yaml" in result.stderr


def test_transcripts_pass_and_coverage_is_printed(folder: Path) -> None:
    write(folder, "transcripts/hello.transcript.yaml", TALK)
    result = called("test", str(folder), "--lang", "en")
    assert result.exit_code == 0
    assert "ok   Chào" in result.stdout
    assert "1 passed, 0 failed" in result.stdout
    assert "welcome            1/9 steps, 0/5 choices; not passed: welcome.card" in result.stdout
    assert "\n= 1/25 steps, 0/10 choices\n" in result.stdout
    assert result.stdout.splitlines()[-2:] == ["buttons: 1/1 transcripts passed", "numbers: 1/1 transcripts passed"]


def test_a_failing_transcript_exits_1(folder: Path) -> None:
    write(folder, "transcripts/hello.transcript.yaml", TALK.replace("welcome.hello", "welcome.who"))
    result = called("test", str(folder))
    assert result.exit_code == 1
    assert "FAIL Chào" in result.stdout
    assert "transcripts/hello.transcript.yaml:4:14: transcript-failed lượt 1: cần welcome.who" in result.stdout


def test_a_broken_transcript_exits_1(folder: Path) -> None:
    write(folder, "transcripts/hello.transcript.yaml", "transcript: Chào\n")
    assert called("test", str(folder)).exit_code == 1
    assert "missing-key" in called("test", str(folder)).stdout


def test_a_wrong_row_of_the_directory_is_named_by_file_and_line(folder: Path) -> None:
    def host(files: dict[str, bytes]) -> Host:
        raise ValueError("services.csv:2: need: doctor; use one of medical, police")

    result = CliRunner().invoke(flows_app(host), ["check", str(folder)])
    assert result.exit_code == 1
    assert "directory/services.csv:2: need: doctor" in result.output

"""`flows draw`, `flows schema`, `flows test --update`: files written, marks shown, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli.flows import flows_app
from tests.unit.flows.fake_host import FakeHost
from tests.unit.flows.sample_set import changed

TALK = "transcript: Chào\nturns:\n  - say: chào\n    expect: {step: welcome.who}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in changed([]).items():
        file = tmp_path / "content" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "content" / "transcripts").mkdir()
    (tmp_path / "content" / "transcripts" / "hello.transcript.yaml").write_text(TALK, encoding="utf-8")
    return tmp_path / "content"


def called(*arguments: str) -> Result:
    return CliRunner().invoke(flows_app(lambda files: FakeHost()), list(arguments))


def test_draws_one_flow_or_all_to_the_terminal_or_into_a_file(folder: Path, tmp_path: Path) -> None:
    one = called("draw", "welcome", "--content", str(folder))
    assert one.exit_code == 0
    assert one.stdout.startswith("flowchart LR\n  subgraph welcome")
    assert one.stdout.count("subgraph") == 1
    assert called("draw", "--content", str(folder)).stdout.count("subgraph") == 7
    out = tmp_path / "pictures" / "all.svg"
    done = called("draw", "--format", "svg", "--out", str(out), "--content", str(folder))
    assert (done.exit_code, done.stdout) == (0, f"drawing: written to {out}\n")
    assert out.read_text(encoding="utf-8").startswith("<svg ")


def test_coverage_and_findings_are_marked_only_when_asked_for(folder: Path) -> None:
    file = folder / "flows" / "after.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("trả lời bạn.", "trả lời bạn. 113"), encoding="utf-8")
    plain = called("draw", "--content", str(folder)).stdout
    assert ":::uncovered" not in plain
    assert ":::finding" not in plain
    marked = called("draw", "--coverage", "--content", str(folder)).stdout
    assert "⚠ written-number" in marked
    assert marked.count(":::uncovered") > 10
    (hello,) = [line for line in marked.splitlines() if "s_welcome__hello(" in line]
    assert ":::uncovered" not in hello  # the one step the transcript passes


def test_what_cannot_be_drawn_is_said(folder: Path, tmp_path: Path) -> None:
    unknown = called("draw", "nowhere", "--content", str(folder))
    assert (unknown.exit_code, unknown.stderr.count("\n")) == (2, 1)
    assert "welcome" in unknown.stderr
    assert called("draw", "--content", str(tmp_path / "none")).exit_code == 2
    (tmp_path / "file").write_text("")
    blocked = called("draw", "--out", str(tmp_path / "file" / "x.svg"), "--content", str(folder))
    assert (blocked.exit_code, "choose another place" in blocked.stderr) == (2, True)
    (folder / "flows" / "after.yaml").write_text("flow: after\n")
    assert called("draw", "--content", str(folder)).exit_code == 1


def test_schemas_are_printed_or_written(tmp_path: Path) -> None:
    printed = json.loads(called("schema").stdout)
    assert called("schema", "--out", str(tmp_path / "schemas")).exit_code == 0
    for name, made in printed.items():
        assert json.loads((tmp_path / "schemas" / name).read_text(encoding="utf-8")) == made


def test_update_rewrites_what_fails_and_then_it_passes(folder: Path) -> None:
    file = folder / "transcripts" / "hello.transcript.yaml"
    assert called("test", str(folder)).exit_code == 1
    assert file.read_text(encoding="utf-8") == TALK
    done = called("test", str(folder), "--update")
    assert done.exit_code == 0
    assert "updated: transcripts/hello.transcript.yaml" in done.stdout
    assert file.read_text(encoding="utf-8") == TALK.replace("welcome.who", "welcome.hello")
    assert "updated" not in called("test", str(folder), "--update").stdout

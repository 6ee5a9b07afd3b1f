"""Every mistake that keeps a set from loading has an example file here, told in one exact line, and a place in the guide."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from flows.audio import MAX_BYTES
from flows.loader import load
from flows.source import MAX_FILE_BYTES
from tests.unit.flows.sample_set import changed

ROOT = Path(__file__).resolve().parents[3]
BROKEN = Path(__file__).parent / "broken_load"
GUIDE = (ROOT / "docs" / "flow-checks.md").read_text(encoding="utf-8")
NOT_AS_TEXT = {"not-utf8", "file-too-large", "missing-file", "audio-too-large"}  # made below
INNER = {"branch-list", "step-name", "min-above-max", "shown-unknown", "thresholds-misplaced", "thresholds-order"}
"""Names between our own modules: what they stand for is told under another code."""


def told(files: dict[str, bytes]) -> list[str]:
    return [str(finding) for finding in load(files).findings]


@pytest.mark.parametrize("example", sorted(BROKEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_mistake_is_told_exactly(example: Path) -> None:
    written = yaml.safe_load(example.read_text(encoding="utf-8"))
    found = told(changed(written["changes"]))
    assert found == written["findings"]
    assert any(f": {example.stem} " in line for line in found)


def test_a_file_that_is_no_text_is_told_with_its_line() -> None:
    files = changed([])
    files["flows/talk.yaml"] += b"# \xff"
    assert [line.partition(" ")[0] for line in told(files)] == ["flows/talk.yaml:14:3:"]
    assert "not-utf8" in told(files)[0]


def test_a_file_that_is_too_large_is_not_read() -> None:
    files = changed([]) | {"flows/talk.yaml": b"#" * (MAX_FILE_BYTES + 1)}
    assert told(files) == ["flows/talk.yaml:1:1: file-too-large tệp lớn hơn 256 KB, hãy tách ra"]


def test_a_recording_that_is_too_large_is_told() -> None:
    files = changed([]) | {"audio/vi/leave.bye.say-000000.mp3": b"ID3" + bytes(MAX_BYTES)}
    assert told(files) == [
        "audio/vi/leave.bye.say-000000.mp3:1:1: audio-too-large bản ghi âm lớn hơn 400 KB; ghi ngắn lại"
    ]


def test_translations_that_are_no_text_are_told_with_their_line() -> None:
    files = changed([]) | {
        "languages/en.yaml": b"language: en\nname: English\n",
        "languages/en.po": b'msgid "a"\nmsgstr "\xff"\n',
    }
    assert [line.partition(" ")[0] for line in told(files)] == ["languages/en.po:2:1:"]


def test_a_missing_file_is_told() -> None:
    files = changed([])
    del files["lines.yaml"]
    assert told(files) == ["lines.yaml:1:1: missing-file thiếu tệp lines.yaml"]


def test_every_code_has_an_example_and_a_place_in_the_guide() -> None:
    examples = {path.stem for path in BROKEN.glob("*.yaml")} | NOT_AS_TEXT
    table = GUIDE.partition("## Lượt một")[2].partition("\nTừ điển dấu hiệu")[0]  # the lexicon's: tests of screening
    named = {
        code for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for code in re.findall(r"`([a-z0-9-]+)`", row)
    }
    assert named == examples
    modules = "loader source compiler compile_step compile_parts compile_errand complaints conditions references catalogs audio"
    sources = [ROOT / "flows" / f"{name}.py" for name in modules.split()]
    written = {
        code for file in sources for code in re.findall(r'"([a-z]+(?:-[a-z0-9]+)+)"', file.read_text(encoding="utf-8"))
    }
    assert written - examples == INNER | {"utf-8-sig", "utf-8"} & written

"""`flows translations`: what it reports, writes and lists."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from tests.unit.flows.two_tongues import tongue_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in tongue_files().items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    return tmp_path


def run(*given: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["flows", "translations", *map(str, given)])
    return result.exit_code, result.stdout, result.stderr


def test_it_reports_every_language_and_says_by_its_exit_that_something_is_left(folder: Path) -> None:
    code, said, _ = run(folder)
    lines = said.splitlines()
    assert code == 1
    assert lines[0].startswith("vi   Tiếng Việt (đang dùng): dịch ")
    assert "English (đang dùng): dịch 12/" in lines[1]
    assert "Tiếng Mông (chưa bật): dịch 0/" in lines[2]
    assert "not enabled" in run(folder, "--lang", "en")[1]


def test_update_writes_what_is_missing_once(folder: Path) -> None:
    code, said, _ = run(folder, "--update")
    assert code == 1
    assert [line for line in said.splitlines() if "updated" in line] == ["updated: languages/en.po"]
    assert 'msgctxt "home.bye.say"' in (folder / "languages" / "en.po").read_text(encoding="utf-8")
    assert "updated" not in run(folder, "--update")[1]


def test_a_language_gets_its_file_when_somebody_begins_to_translate(folder: Path) -> None:
    assert not (folder / "languages" / "hmn.po").exists()
    assert "updated: languages/hmn.po" in run(folder, "--add", "hmn")[1]
    assert 'msgid "Bạn cần gì?"' in (folder / "languages" / "hmn.po").read_text(encoding="utf-8")
    assert run(folder, "--add", "xx")[0] == 2


def test_recordings_are_listed_as_csv(folder: Path) -> None:
    code, said, _ = run(folder, "--recordings", "hmn")
    rows = list(csv.DictReader(said.splitlines(keepends=True)))
    assert code == 0
    assert {row["recorded"] for row in rows} == {"no"}
    assert all(row["file"].startswith("audio/hmn/") and row["text"] for row in rows)


def test_an_unknown_language_and_a_folder_that_is_none_are_told_in_one_line(folder: Path) -> None:
    code, _, told = run(folder, "--recordings", "xx")
    assert (code, told.count("\n")) == (2, 1)
    assert "there are: vi, en, hmn" in told or "en" in told
    assert run(folder / "nowhere")[0] == 2

"""`triage`: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from bot.cli.triage import triage


def call(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(triage)
    return CliRunner().invoke(app, list(arguments))


def test_one_json_line_a_text():
    result = call("Chồng em đang cầm dao đuổi em", "xin chào")
    assert result.exit_code == 0
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["severity"], first["category"]) == ("emergency", "dv_physical")
    assert {"weapon"} <= {sign["name"] for sign in first["signs"]}
    assert second == {"severity": "none", "category": "unrelated", "signs": []}


def test_a_csv_gets_three_columns_more(tmp_path: Path):
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("\ufeffid,text\n1,cuu toi voi\n2,\n3\n", encoding="utf-8")
    assert call("--csv", str(source), "--out", str(target)).exit_code == 0
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "text", "severity", "category", "signs"]
    assert [row["severity"] for row in rows] == ["emergency", "none", "none"]
    assert json.loads(rows[0]["signs"])[0]["rule"] == "E10"


@pytest.mark.parametrize("content", [b"", b"name\nx\n", b"text\n\xff\xfe\n"])
def test_an_unreadable_csv_is_refused_in_one_line(tmp_path: Path, content: bytes):
    source = tmp_path / "in.csv"
    source.write_bytes(content)
    result = call("--csv", str(source))
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [(), ("cứu", "--out", "x.csv"), ("cứu", "--csv", "x.csv"), ("--csv", "no-such.csv")]
)
def test_wrong_use_is_two(arguments: tuple[str, ...]):
    result = call(*arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1

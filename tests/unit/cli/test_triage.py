"""`triage`: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from shutil import copytree

import pytest
import typer
from typer.testing import CliRunner, Result

from bot import __main__ as command_line
from bot.cli.triage import triage
from bot.shipped import CONTENT


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
    "arguments",
    [
        (),
        ("cứu", "--out", "x.csv"),
        ("cứu", "--csv", "x.csv"),
        ("--csv", "no-such.csv"),
        ("cứu", "--list"),
        ("cứu", "--accept"),
        ("--report", "cứu"),
        ("--report", "--csv", "x.csv"),
        ("--report", "--examples", "no-such.csv"),
        ("--report", "--examples", "x.csv", "--accept"),
        ("--report", "--content", "no-such-folder"),
        ("cứu", "--content", "no-such-folder"),
    ],
)
def test_wrong_use_is_two(arguments: tuple[str, ...]):
    result = call(*arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


# --- the report -------------------------------------------------------------------------------------------------------


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """A content folder of one's own: the shipped one with fewer examples, so that a test stays quick."""
    folder = tmp_path / "draft"
    copytree(CONTENT, folder)
    examples = (folder / "lexicon" / "examples.csv").read_text(encoding="utf-8").splitlines()
    kept = [examples[0], *(line for line in examples[1:] if ",E3," in line or ",N1," in line)]
    (folder / "lexicon" / "examples.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    assert call("--report", "--content", str(folder), "--accept").exit_code == 0
    return folder


def without_strangling(folder: Path) -> None:
    """An edit that takes the words for strangling out of the lexicon."""
    for path in (folder / "lexicon").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub("bóp|siết|xiết|bịt|trùm|dìm|chẹn|thít", "xoa", text), encoding="utf-8")


@pytest.mark.usefixtures("same_lexicon_once")
def test_the_report_shows_figures_by_spelling_rule_and_speaker():
    result = call("--report", "--lang", "en")
    assert result.exit_code == 0
    for part in ("By spelling", "accents", "telex", "By rule", "E11", "N4", "By speaker", "bystander"):
        assert part in result.stdout
    assert "Chồng" not in result.stdout  # figures only


@pytest.mark.usefixtures("same_lexicon_once")
def test_the_report_is_vietnamese_unless_asked_otherwise(draft: Path):
    result = call("--report", "--content", str(draft))
    assert "khẩn cấp nhận ra" in result.stdout


@pytest.mark.usefixtures("same_lexicon_once")
def test_an_edit_shows_what_it_loses_and_flows_check_refuses_it_until_it_is_accepted(draft: Path):
    check = ["flows", "check", str(draft)]
    assert "lexicon-recall-lower" not in CliRunner().invoke(command_line.app, check).stdout
    without_strangling(draft)
    shown = call("--report", "--content", str(draft), "--list", "--lang", "en")
    assert re.search(r"E3 +\d+/\d+ [\d.]+% \(-\d+\)", shown.stdout)
    assert "+ missed E3 (accents) → " in shown.stdout
    refused = CliRunner().invoke(command_line.app, check)
    assert refused.exit_code == 1
    assert "lexicon/recall.csv:2:1: lexicon-recall-lower (accents)" in refused.stdout
    assert call("--report", "--content", str(draft), "--accept").exit_code == 0
    assert "lexicon-recall-lower" not in CliRunner().invoke(command_line.app, check).stdout


def test_examples_of_ones_own_may_come_spelled(tmp_path: Path):
    own = tmp_path / "own.csv"
    own.write_text(
        "text,severity,category,rule,speaker,variant\n"
        "cuu toi voi,emergency,unspecified_sos,E10,victim,typed\n"
        "xin chào,none,unrelated,N3,other,typed\n",
        encoding="utf-8",
    )
    result = call("--report", "--examples", str(own), "--lang", "en")
    assert result.exit_code == 0
    assert re.search(r"typed +1/1 100.0% +0/1 0.0% +- +0/1 0.0%", result.stdout)


def test_another_lexicon_may_be_read_with(draft: Path):
    without_strangling(draft)
    text = "tối qua anh ấy bóp cổ em"
    ours, theirs = (json.loads(call(text, *more).stdout) for more in ((), ("--content", str(draft))))
    assert "strangling" in [sign["name"] for sign in ours["signs"]]
    assert "strangling" not in [sign["name"] for sign in theirs["signs"]]

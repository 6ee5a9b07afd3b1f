"""`place` and `nearest`: what they print, and the exit codes that scripts rely on."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

import bot.shipped
from bot.cli import directory, places
from bot.cli.places import nearest, place

BINH_LU = ["--place", "bình lư", "--need", "medical"]


def call(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(place)
    app.command()(nearest)
    return CliRunner().invoke(app, list(arguments))


def test_place_prints_one_json_line_a_text():
    result = call("place", "mường kim", "nam cha", "ở sa pa", "cần hỗ trợ")
    assert result.exit_code == 0
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"kind": "exact", "codes": ["03637"]},
        {"kind": "ambiguous", "codes": ["03472", "03517"]},
        {"kind": "outside", "codes": []},
        {"kind": "none", "codes": []},
    ]


def test_place_adds_two_columns_to_a_csv(tmp_path: Path):
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("\ufeffid,text\n1,mường than\n2,\n3\n", encoding="utf-8")
    assert call("place", "--csv", str(source), "--out", str(target)).exit_code == 0
    with target.open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"id": "1", "text": "mường than", "kind": "ambiguous", "codes": "03618|03595"},
            {"id": "2", "text": "", "kind": "none", "codes": ""},
            {"id": "3", "text": "", "kind": "none", "codes": ""},
        ]


@pytest.mark.parametrize("content", [b"", b"name\nx\n", b"text\n\xff\xfe\n"])
def test_an_unreadable_csv_is_refused_in_one_line(tmp_path: Path, content: bytes):
    source = tmp_path / "in.csv"
    source.write_bytes(content)
    result = call("place", "--csv", str(source), "--out", str(tmp_path / "out.csv"))
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    "arguments", [[], ["--csv", "/nowhere/in.csv"], ["--out", "out.csv"], ["a", "--csv", "in.csv"]]
)
def test_place_wrongly_used(arguments: list[str]):
    result = call("place", *arguments)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_nearest_names_services_for_people():
    result = call("nearest", *BINH_LU, "--limit", "1")
    assert result.exit_code == 0
    assert "Trung tâm Y tế Tam Đường, xã Bình Lư" in result.stdout
    assert "not verified" in result.stdout


def test_nearest_as_json():
    result = call("nearest", "--lat", "22.3204", "--lon", "103.6337", "--need", "medical", "--limit", "2", "--json")
    found = json.loads(result.stdout)
    assert found["commune"] == "03390"
    assert found["sure"] is False
    assert found["services"][0]["id"] == "f003"
    assert len(found["services"]) == 2
    assert found["services"][0]["phones"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--place", "sìn hồ", "--need", "medical"], 1, "xã Nậm Tăm 03517"),
        (["--place", "hà nội", "--need", "medical"], 1, "outside"),
        (["--place", "không biết", "--need", "medical"], 1, "no commune"),
        (["--place", "bình lư", "--need", "luck"], 2, "--need"),
        (["--place", "bình lư"], 2, "--need"),
        (["--need", "medical"], 2, "--lat"),
        (["--lat", "22", "--need", "medical"], 2, "--lat"),
        ([*BINH_LU, "--lat", "22", "--lon", "103"], 2, "--lat"),
        (["--lat", "99", "--lon", "103", "--need", "medical"], 2, "degrees"),
    ],
)
def test_nearest_wrongly_used(arguments: list[str], code: int, said: str):
    result = call("nearest", *arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_with_a_configuration_the_stored_directory_answers(tmp_path: Path):
    config = tmp_path / "config.yaml"
    config.write_text(f"var: {tmp_path / 'var'}\n")
    changed = CliRunner().invoke(directory.app, ["set", "f003", "name", "Trung tâm thử", "--config", str(config)])
    assert changed.exit_code == 0
    assert "Trung tâm thử" in call("nearest", *BINH_LU, "--limit", "1", "--config", str(config)).stdout
    assert "Trung tâm thử" not in call("nearest", *BINH_LU, "--limit", "1").stdout


def test_with_a_configuration_hours_are_read_by_its_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Monday(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 11, 23, 20, 0, tzinfo=UTC).astimezone(tz)  # in Lai Châu it is Tuesday, three at night

    monkeypatch.setattr(places, "datetime", Monday)
    config = tmp_path / "config.yaml"
    config.write_text(f"var: {tmp_path / 'var'}\ntimezone: UTC\n")
    hours = ["set", "f003", "hours", "Mo 19:00-21:00", "--config", str(config)]
    assert CliRunner().invoke(directory.app, hours).exit_code == 0
    asked = ("nearest", *BINH_LU, "--limit", "1", "--json", "--config", str(config))
    assert json.loads(call(*asked).stdout)["services"][0]["open"] is True
    config.write_text(f"var: {tmp_path / 'var'}\n")
    assert all(one["open"] is not True for one in json.loads(call(*asked).stdout)["services"])


def test_with_a_configuration_its_places_are_asked(tmp_path: Path):
    folder = tmp_path / "places"
    shutil.copytree(Path(bot.shipped.__file__).parents[1] / "handlers/rules/data", folder)
    units = folder / "units.csv"
    units.write_text(units.read_text(encoding="utf-8").replace("Bình Lư", "Bình Thử"), encoding="utf-8")
    config = tmp_path / "config.yaml"
    config.write_text(f"places: {folder}\n")
    assert json.loads(call("place", "xã bình thử", "--config", str(config)).stdout)["codes"] == ["03390"]
    assert json.loads(call("place", "xã bình thử").stdout)["kind"] != "exact"

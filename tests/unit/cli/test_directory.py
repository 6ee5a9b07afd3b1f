"""`directory`: out and in again, the difference before anything is written, one field, a check, boundaries, exit codes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import directory
from bot.shipped import place_files
from handlers.rules.places import Gazetteer


class House:
    """A configuration of its own and the commands on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.config.write_text(f"var: {folder / 'var'}\n")

    def call(self, *arguments: str) -> Result:
        return CliRunner().invoke(directory.app, [*arguments, "--config", str(self.config)])

    def rows(self, *options: str) -> list[dict[str, str]]:
        said = self.call("export", *options)
        assert said.exit_code == 0
        return list(csv.DictReader(io.StringIO(said.stdout.removeprefix("\ufeff"))))

    def write(self, rows: list[dict[str, str]], name: str = "d.csv") -> str:
        file = self.folder / name
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        return str(file)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def one_line(result: Result, code: int, said: str) -> None:
    assert (result.exit_code, len(result.stderr.splitlines())) == (code, 1), result.output
    assert said in result.stderr


def test_before_the_first_start_the_seed_is_what_is_there(house: House) -> None:
    assert len(house.rows()) == 16


def test_in_again_changes_nothing(house: House) -> None:
    result = house.call("import", house.write(house.rows()))
    assert (result.exit_code, result.stdout) == (0, "0 new, 0 changed, 16 unchanged, 0 not in the file\n")


def test_the_difference_is_shown_first_and_nothing_is_written_without_a_yes(house: House) -> None:
    rows = house.rows()
    rows[0]["hours"] = "24/7"
    file = house.write([*rows[:2], rows[0] | {"id": "new", "name": "Nơi mới"}])
    result = house.call("import", file)
    assert result.exit_code == 1
    assert "+ new  Nơi mới" in result.stdout
    assert "    hours: - -> 24/7" in result.stdout
    assert "= f003  not in the file, kept as it is" in result.stdout
    assert "1 new, 1 changed, 1 unchanged, 14 not in the file" in result.stdout
    assert house.rows()[0]["hours"] == ""
    assert house.call("import", file, "--yes", "--by", "Mai").exit_code == 0
    after = house.rows()
    assert len(after) == 17  # nothing was taken away
    assert after[0]["hours"] == "24/7"


def test_hsds_out_and_in_again(house: House) -> None:
    file = house.folder / "out.json"
    assert house.call("export", "--format", "hsds", "--out", str(file)).exit_code == 0
    assert len(json.loads(file.read_text(encoding="utf-8"))["contents"]) == 16
    result = house.call("import", str(file))
    assert (result.exit_code, result.stdout) == (0, "0 new, 0 changed, 16 unchanged, 0 not in the file\n")


def test_both_take_their_file_by_name_or_by_option(house: House) -> None:
    bare, named = house.folder / "bare.csv", house.folder / "named.csv"
    assert house.call("export", str(bare)).exit_code == 0
    assert house.call("export", "--out", str(named)).exit_code == 0
    assert bare.read_bytes() == named.read_bytes()
    said = {house.call("import", *words).stdout for words in ([str(bare)], ["--in", str(bare)])}
    assert said == {"0 new, 0 changed, 16 unchanged, 0 not in the file\n"}
    one_line(house.call("export", str(bare), "--out", str(named)), 2, "give one file")
    one_line(house.call("import", str(bare), "--in", str(named)), 2, "give one file")
    one_line(house.call("import"), 2, "give FILE")


def test_what_only_staff_may_know_goes_out_only_when_asked_for(house: House) -> None:
    row = house.rows()[0] | {
        "id": "s1",
        "name": "Chỗ kín",
        "kind": "shelter",
        "disclosure": "staff_only",
        "address": "X",
    }
    assert house.call("import", house.write([row]), "--yes").exit_code == 0
    for options in ([], ["--format", "hsds"]):
        assert "Chỗ kín" not in house.call("export", *options).stdout
        assert "Chỗ kín" in house.call("export", *options, "--staff").stdout
    assert "1 for staff only were left out" in house.call("export", "--out", str(house.folder / "x.csv")).stderr


def test_a_file_with_hidden_places_is_for_its_owner_alone(house: House) -> None:
    file = house.folder / "x.csv"
    file.write_text("an older file that everybody may read", encoding="utf-8")
    file.chmod(0o644)
    assert house.call("export", "--staff", "--out", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert house.call("export", "--out", str(house.folder / "public.csv")).exit_code == 0


def test_one_field_is_set_and_a_check_is_one_step(house: House) -> None:
    assert house.call("set", "f001", "hours", "24/7", "--verified-by", "Sở Y tế", "--on", "2026-11-20").exit_code == 0
    row = house.rows()[0]
    assert (row["hours"], row["verified_by"], row["verified_on"]) == ("24/7", "Sở Y tế", "2026-11-20")
    result = house.call("set", "f001", "phones", "0000 000 000")
    assert "its check is void now" in result.stdout
    assert house.rows()[0]["verified_on"] == ""
    assert len(house.rows()) == 16


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["set", "f001"], 2, "give FIELD and VALUE"),
        (["set", "f001", "hours"], 2, "give FIELD and VALUE"),
        (["set", "f001", "hours", "often"], 1, "opening hours"),
        (["set", "f001", "colour", "red"], 1, "no such field"),
        (["set", "f999", "hours", ""], 1, "no service with this id"),
        (["set", "f001", "--verified-by", "Sở", "--on", "hôm nay"], 2, "--on"),
        (["set", "f001", "--verified-by", "Sở", "--on", "2999-01-01"], 1, "future"),
        (["import", "/nowhere.csv"], 2, "cannot read"),
        (["import", "/nowhere.csv", "--kind", "castle"], 2, "--kind"),
        (["import-boundaries"], 2, "give FILE"),
        (["import-boundaries", "/nowhere.geojson"], 2, "cannot read"),
        (["export", "--out", "/nowhere/x.csv"], 2, "cannot write"),
    ],
)
def test_what_cannot_be_is_one_line_and_an_exit_code(house: House, arguments, code, said) -> None:
    one_line(house.call(*arguments), code, said)


@pytest.mark.parametrize("content", [b"id,name,kind\nx,,club\n", b"{", b"[7]", b"id;name\n"])
def test_a_broken_file_changes_nothing(house: House, content: bytes) -> None:
    file = house.folder / "x"
    file.write_bytes(content)
    one_line(house.call("import", str(file), "--yes"), 1, "nothing was changed")
    assert len(house.rows()) == 16


def test_what_a_vietnamese_spreadsheet_writes_is_read(house: House) -> None:
    """Where the comma stands in figures, spreadsheets part cells by semicolons."""
    rows = house.rows()
    rows[0]["hours"] = "Mo-Fr 07:30-11:30,13:30-17:00; Sa 08:00-11:00"
    file = house.folder / "d.csv"
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.DictWriter(out, rows[0].keys(), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    result = house.call("import", str(file), "--yes")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "directory: 1 services written"), result.output
    assert house.rows()[0]["hours"] == rows[0]["hours"]
    days = house.folder / "days.csv"
    days.write_text("day;name\n09-02;Quốc khánh\n2027-02-06;Tết\n", encoding="utf-8")
    assert house.call("import", str(days), "--yes").exit_code == 0
    assert "2027-02-06,Tết" in house.call("export", "--format", "holidays").stdout


def test_check_lists_and_leaves_with_one(house: House) -> None:
    result = house.call("check")
    assert result.exit_code == 1
    assert "f001: unverified: " in result.stdout
    assert "medical: night-gap: " in result.stdout
    as_json = [json.loads(line) for line in house.call("check", "--json").stdout.splitlines()]
    assert {"code", "about", "text"} == set(as_json[0])


def test_holidays_and_travel_times_are_tables_of_their_own(house: House) -> None:
    days = house.call("export", "--format", "holidays").stdout
    assert "09-02,Quốc khánh" in days
    file = house.folder / "days.csv"
    file.write_text(days.replace("09-02,Quốc khánh", "09-02,Quốc khánh\n09-03,Nghỉ bù"), encoding="utf-8")
    shown = house.call("import", str(file))
    assert (shown.exit_code, shown.stdout.splitlines()[0]) == (1, "+ 09-03,Nghỉ bù")
    assert house.call("import", str(file), "--yes").exit_code == 0
    assert "09-03" in house.call("export", "--format", "holidays").stdout
    ways = house.folder / "ways.csv"
    ways.write_text("commune,to,minutes,source\n03390,03408,50,Sở\n", encoding="utf-8")
    assert house.call("import", str(ways), "--yes").exit_code == 0
    assert "03390,03408,50" in house.call("export", "--format", "travel").stdout
    ways.write_text("commune,to,minutes,source\n03390,03408,long,Sở\n", encoding="utf-8")
    one_line(house.call("import", str(ways), "--yes"), 1, "ways.csv:2")
    assert len(house.rows()) == 16


def test_boundaries_are_loaded_and_taken_away(house: House) -> None:
    gazetteer = Gazetteer.load(place_files())
    lat, lon = gazetteer.centre("03390")
    ring = [[lon - 1, lat - 1], [lon + 1, lat - 1], [lon + 1, lat + 1], [lon - 1, lat + 1], [lon - 1, lat - 1]]
    file = house.folder / "b.geojson"
    feature = {
        "type": "Feature",
        "properties": {"ma_xa": "03390"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    result = house.call("import-boundaries", str(file))
    assert result.exit_code == 0
    assert "1 communes, 5 corners" in result.stdout
    assert "without a boundary" in result.stdout
    assert house.call("import-boundaries", "--remove").exit_code == 0
    file.write_text("{}")
    one_line(house.call("import-boundaries", str(file)), 1, "nothing was changed")

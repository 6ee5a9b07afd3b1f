"""`roster.yaml` and `roster check`: every mistake by file, line and column; gaps and unknown names by exit code."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from bot.cli import roster
from bot.cli.roster import app
from bot.config import ConfigError
from bot.roster_file import load_roster

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
EXAMPLE = Path(__file__).parents[3] / "docs" / "roster.example.yaml"
WHOLE = 'shifts:\n  - {rung: on_duty, days: [every_day], begins: "07:00", ends: "07:00", staff: [an]}\n'
BY_DAY = 'shifts:\n  - {rung: on_duty, days: [every_day], begins: "07:00", ends: "19:00", staff: [an]}\n'


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*words: str):
    return CliRunner().invoke(app, ["check", *words])


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load_roster("roster.yaml", text.encode(), ZONE)
    return refused.value.problems


def test_the_example_can_be_read_and_leaves_no_gap(nowhere):
    written = load_roster("x", EXAMPLE.read_bytes(), ZONE)
    assert written.names() == {"tuvan1", "tuvan2", "tuvan3", "giamsat1"}
    done = check(str(EXAMPLE), "--days", "120")
    assert (done.exit_code, "gap" in done.stdout) == (0, False)


def test_a_whole_roster_is_clean(nowhere):
    (nowhere / "roster.yaml").write_text(WHOLE)
    done = check("roster.yaml")
    assert done.exit_code == 0
    assert "every minute of the next 30 days" in done.stdout


def test_a_gap_is_named_in_local_time(nowhere):
    (nowhere / "roster.yaml").write_text(BY_DAY)
    done = check("roster.yaml", "--days", "2")
    assert done.exit_code == 1
    assert "19:00 to" in done.stdout
    assert done.stdout.count("gap: nobody on rung on_duty") in (2, 3)


def test_rungs_the_roster_does_not_use_are_no_finding(nowhere):
    (nowhere / "roster.yaml").write_text(WHOLE)
    assert "backup" not in check("roster.yaml").stdout


def test_names_that_nobody_has_are_found_once_there_is_a_staff_list(nowhere, monkeypatch):
    (nowhere / "roster.yaml").write_text(WHOLE)
    (nowhere / "var").mkdir()
    (nowhere / "var" / "data.db").touch()

    async def names(settings):
        return ["binh"]

    monkeypatch.setattr(roster, "_sign_in_names", names)
    done = check("roster.yaml")
    assert done.exit_code == 1
    assert "'an'" in done.stdout


@pytest.mark.parametrize("words", [["missing.yaml"], []])
def test_what_cannot_be_read_is_exit_2_and_one_line(nowhere, words):
    done = check(*words)
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("shifts:\n  - {rung: first, days: [mon], begins: '07:00', ends: '19:00', staff: [an]}\n", "2:6", "rung"),
        ("shifts:\n  - {rung: on_duty, days: [monday], begins: '07:00', ends: '19:00', staff: [an]}\n", "2:28", "days"),
        ("shifts:\n  - {rung: on_duty, days: [mon], begins: '7', ends: '19:00', staff: [an]}\n", "2:34", "07:00"),
        ("shifts:\n  - {rung: on_duty, days: [mon], begins: '07:00', ends: '24:00', staff: [an]}\n", "2:51", "07:00"),
        (
            "shifts:\n  - {rung: on_duty, days: [mon], begins: '07:00', ends: '19:00', staff: []}\n",
            "2:66",
            "at least one",
        ),
        ("shifts:\n  - {rung: on_duty, days: [mon], begins: '07:00', ends: '19:00'}\n", "2:5", "needed"),
        ("shifts: []\nholiday: []\n", "2:", "unknown key"),
        ("shifts: []\nholidays:\n  - {day: 2027-02-30}\n", "3:6", "no such date"),
        ("shifts: []\nholidays:\n  - {day: 2027-02-06}\n  - {day: 2027-02-06}\n", "4:5", "twice"),
        ("shifts: [", "2:1", ""),
        ("- a\n", "1:1", "shifts"),
        ("shifts: &a []\nholidays: *a\n", "1:", ""),
    ],
)
def test_every_mistake_is_named_by_line_and_column(text, where, said):
    first = problems(text)[0]
    assert first.startswith(f"roster.yaml:{where}")
    assert said in first


def test_all_mistakes_are_said_at_once(nowhere):
    (nowhere / "roster.yaml").write_text("shifts:\n  - {rung: x, days: [y], begins: z, ends: w, staff: []}\n")
    done = check("roster.yaml")
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 5


def test_times_are_text_and_never_sexagesimal_numbers():
    written = load_roster(
        "r", b"shifts:\n  - {rung: on_duty, days: [mon], begins: 12:30, ends: 13:30, staff: [an]}\n", ZONE
    )
    assert written.shifts[0].begins.isoformat() == "12:30:00"

"""Every command that an insider could misuse leaves a row that says who; none of them fails because the row cannot be written."""

from __future__ import annotations

import getpass
import json
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from bot.__main__ import app
from bot.cli.who import UNWRITTEN, name_of
from bot.config import Config
from handlers.staffing import BadName, Staffing
from storage import callers
from storage.open import open_storage
from storage.rehashing import Under
from tests.contract.houses import live


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with somebody in it and a second place; the account at the machine is called through sudo."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUDO_USER", "lan.it")
    (tmp_path / "config.yaml").write_text("keys_second: other-disk\n")
    storage = open_storage("", tmp_path / "var")
    await live(storage, 1)
    await storage.close()
    return tmp_path


@pytest.fixture
def staffed(house: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Staff commands on this installation without flows, channels and slow hashes: they take no part in who did it."""

    @asynccontextmanager
    async def light(config: Config, *, demo: bool) -> AsyncIterator[SimpleNamespace]:
        storage = open_storage("", config.var)
        yield SimpleNamespace(storage=storage, staffing=Staffing(lambda uow, uid: None))
        await storage.close()

    monkeypatch.setattr("bot.wiring.open_service", light)
    monkeypatch.setattr("bot.cli.staff.hash_password", lambda password: "hash")
    return house


def run(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, result.output
    return result


def rows(house: Path, like: str) -> list[tuple[str, str, str, dict[str, object]]]:
    """Actor, action, object, detail."""
    with closing(sqlite3.connect(house / "var" / "data.db")) as data:
        found = data.execute(
            "SELECT actor, action, object, detail FROM audit_log WHERE action LIKE ? ORDER BY seq", (like,)
        ).fetchall()
    return [(actor, action, thing, json.loads(detail)) for actor, action, thing, detail in found]


def test_what_is_done_with_the_keys_says_who(house: Path) -> None:
    run("keys", "copy")
    run("keys", "copy", str(house / "stick"), "--by", "Mai")
    run("keys", "rotate", "--prepare")
    run("keys", "rotate")
    run("keys", "retire")  # too early: nothing goes, so nothing is said
    run("keys", "rotate-session")
    run("keys", "rotate-audit", "--prepare")
    run("keys", "rotate-audit", "--by", "Mai")
    who = "command line: lan.it"
    assert rows(house, "keys.%") == [
        (who, "keys.copied", "", {"keys": 2, "secrets": 4, "place": "second"}),
        ("command line: Mai", "keys.copied", "", {"keys": 2, "secrets": 4, "place": "other"}),
        (who, "keys.prepared", "kek_2", {}),
        (who, "keys.rotated", "kek_2", {"keys": 2}),
        (who, "keys.session_changed", "", {}),
    ]
    assert rows(house, "audit_key.%") == [
        (who, "audit_key.prepared", "audit_key_2", {}),
        ("command line: Mai", "audit_key.handed_over", "audit_key_2", {}),
    ]
    with closing(sqlite3.connect(house / "var" / "data.db")) as data:
        logged = str(data.execute("SELECT * FROM audit_log").fetchall())
    for name in ("kek_1", "kek_2", "lookup_pepper_1", "audit_key_2", "session_key"):
        value = (house / "var" / "secrets" / name).read_bytes()
        assert value.hex()[:12] not in logged
    assert str(house) not in logged


def test_what_is_done_with_the_pepper_says_who(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("keys", "copy")
    run("keys", "rotate-pepper", "--prepare", "--by", "Mai")
    run("keys", "rotate-pepper")
    run("keys", "retire", "--void-codes")  # there are none: nothing is done, so nothing is said
    monkeypatch.setattr("bot.wiring.peppers.utc_now", lambda: datetime.now(UTC) + timedelta(days=8))
    run("keys", "retire", "--by", "An")
    assert rows(house, "keys.%")[1:] == [
        ("command line: Mai", "keys.prepared", "lookup_pepper_2", {}),
        ("command line: lan.it", "keys.pepper_rotated", "lookup_pepper_2", {"contacts": 1, "accounts": 0}),
        ("command line: An", "keys.retired", "", {"peppers": "lookup_pepper_1"}),
    ]


def test_codes_made_void_say_who_and_how_many(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.wiring.void_old_codes", lambda config: (Under(return_codes=3, spare_codes=2), ["lan"]))
    run("keys", "retire", "--void-codes", "--by", "Mai")
    figures = {"return_codes": 3, "spare_codes": 2, "bind_codes": 0}
    assert rows(house, "keys.%") == [("command line: Mai", "keys.codes_voided", "", figures)]


def test_a_key_taken_away_says_who(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.wiring.retire_keks", lambda config: (["kek_1", "kek_2"], {}))
    run("keys", "retire")
    assert rows(house, "keys.%") == [("command line: lan.it", "keys.retired", "", {"keks": "kek_1,kek_2"})]


def test_backup_restore_and_the_end_of_the_quarantine_say_who(house: Path) -> None:
    run("keys", "copy")
    run("backup", "kept", "--include-secrets")
    (backup,) = rows(house, "backup.%")
    assert backup[:3] == ("command line: lan.it", "backup.made", "")
    assert (backup[3]["keys"], backup[3]["secrets"]) == (2, True)
    for path in (house / "var").glob("data.db*"):
        path.unlink()
    run("restore", "kept", "--by", "An")
    run("db", "release", "--by", "Mai")
    run("db", "quarantine")
    assert [(one[0], one[1]) for one in rows(house, "quarantine.%")] == [
        ("system", "quarantine.begun"),
        ("command line: Mai", "quarantine.lifted"),
        ("command line: lan.it", "quarantine.begun"),
    ]
    (restored,) = rows(house, "backup.restored")
    assert restored[0] == "command line: An"
    assert restored[3].keys() == {"made_at", "held", "erased"}
    run("audit", "verify")


def test_a_file_with_hidden_places_says_who_before_it_is_there(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("directory", "export", "plain.csv")
    assert rows(house, "directory.%") == []
    run("directory", "export", "all.csv", "--staff", "--by", "Mai")
    run("directory", "export", "nowhere/all.csv", "--staff", code=2)
    run("directory", "export", "days.csv", "--staff", "--format", "holidays")  # nothing is hidden in there
    assert rows(house, "directory.%") == [
        ("command line: Mai", "directory.exported_for_staff", "", {"format": "csv", "services": 16}),
        ("command line: lan.it", "directory.exported_for_staff", "", {"format": "csv", "services": 16}),
    ]
    monkeypatch.setattr(callers, "PATIENCE_S", 0.0)
    with closing(sqlite3.connect(house / "var" / "data.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert CliRunner().invoke(app, ["directory", "export", "more.csv", "--staff"]).exit_code != 0
    assert not (house / "more.csv").exists()


def test_staff_commands_say_who(staffed: Path) -> None:
    run("staff", "add", "lan", "--alias", "Lan", "--role", "supervisor")
    run("staff", "add", "mo", "--alias", "Mo", "--role", "counsellor", "--by", "Mai")
    run("staff", "role", "mo", "counsellor", "operator")
    for word in ("disable", "reset", "end-sessions", "reset-factors", "unlock", "bind"):
        run("staff", word, "mo")
    run("staff", "change", "mo", "--woman")
    actors = [one[0] for one in rows(staffed, "staff.%")]
    assert actors == ["command line: lan.it", "command line: Mai", *["command line: lan.it"] * 9]
    assert len(run("audit", "show", "--by", "lan.it").output.splitlines()) == 10
    assert len(run("audit", "show", "--by", "command line").output.splitlines()) == 11
    assert run("audit", "show", "--by", "lan").output == ""  # what was done to her is not what she did


@pytest.mark.parametrize("name", ["system", "Seeker", "command line", "Command line: Mai"])
def test_nobody_signs_in_under_a_word_of_the_log(staffed: Path, name: str) -> None:
    assert isinstance(
        CliRunner().invoke(app, ["staff", "add", name, "--alias", "Lan", "--role", "counsellor"]).exception, BadName
    )


def test_the_daily_run_by_hand_says_who(house: Path) -> None:
    run("keeping", "run")
    with closing(sqlite3.connect(house / "var" / "data.db")) as data:
        assert data.execute("SELECT DISTINCT by FROM keeping_runs").fetchall() == [("command line: lan.it",)]


def test_what_cannot_be_noted_is_done_and_said_on_stderr(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "PATIENCE_S", 0.0)
    run("keys", "copy")
    with closing(sqlite3.connect(house / "var" / "data.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for words in (("keys", "rotate"), ("keys", "copy", "stick"), ("backup", "kept")):
            result = run(*words)
            assert UNWRITTEN in result.stderr
            assert UNWRITTEN not in result.stdout
    assert "kek_2" in run("keys", "show").output
    assert rows(house, "keys.rotated") == rows(house, "backup.%") == []


def test_no_empty_database_is_made_where_the_data_are_lost(house: Path) -> None:
    """A restore wants the place empty, and keys are copied first of all when the disk is dying."""
    (house / "var" / "data.db").rename(house / "lost")
    assert UNWRITTEN in run("keys", "copy").stderr
    assert not (house / "var" / "data.db").exists()


@pytest.mark.parametrize(
    ("by", "sudo", "account", "said"),
    [
        ("Mai", "lan", "root", "Mai"),
        (None, "lan", "root", "lan"),
        (None, "", "root", "root"),
        ("  ", "", "root", "root"),
        ("Đào Thị Lan", "", "root", "Đào Thị Lan"),
        (None, "a\nsystem\t\x1b[31m", "root", "a system _[31m".replace("[", "_")),
        (None, "VP\\mai:1", "root", "VP_mai_1"),
        (None, "x" * 200, "root", "x" * 40),
    ],
)
def test_who_stands_there(monkeypatch: pytest.MonkeyPatch, by: str | None, sudo: str, account: str, said: str) -> None:
    monkeypatch.setenv("SUDO_USER", sudo)
    monkeypatch.setattr(getpass, "getuser", lambda: account)
    assert name_of(by) == said


@pytest.mark.parametrize("error", [KeyError("uid"), OSError("no name"), ImportError("pwd")])
def test_an_account_without_a_name_is_said_by_its_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def nameless() -> str:
        raise error

    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(getpass, "getuser", nameless)
    assert name_of() == f"account {os.getuid()}"

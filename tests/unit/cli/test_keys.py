"""`keys …`, `backup`, `restore` and `db drill` as the operator meets them: plain words, exit codes, never a secret."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import __main__ as command_line
from handlers.model import Address
from handlers.ports import UnitOfWork
from storage.backup import read_manifest
from storage.crypto import lookup_of
from storage.open import open_storage
from tests.contract.builders import act, staff
from tests.contract.houses import live


class Terminal:
    """Runs commands in an empty folder and keeps everything that was ever shown."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.shown = ""

    def run(self, *words: str) -> tuple[int, str]:
        self._monkeypatch.setattr(sys, "argv", ["binhan", *words])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        said = self._capsys.readouterr()
        self.shown += said.out + said.err
        code = ended.value.code
        return (code if isinstance(code, int) else 0), said.out + said.err


@pytest.fixture
async def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Over an installation with two people in it, and another disk."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("keys_second: other-disk\n")
    storage = open_storage("", tmp_path / "var")
    for number in (1, 2):
        await live(storage, number)
    await storage.close()
    return Terminal(monkeypatch, capsys)


def test_the_whole_way(terminal: Terminal, tmp_path: Path) -> None:
    code, said = terminal.run("keys", "show")
    assert code == 0
    assert (
        "kek_1          4 data keys   wraps new data keys, since the beginning; here, not in the second place" in said
    )
    assert "Is the disk plugged in and mounted?" in said
    for words in (["keys", "rotate"], ["backup", "early"]):  # nothing is made that could not be kept twice
        code, refused = terminal.run(*words)
        assert code == 2
        assert "The second place of the keys is not where it was" in refused
    assert terminal.run("keys", "verify") == (
        1,
        "secrets/kek_1 is missing there, or is another one\nsecrets/lookup_pepper_1 is missing there, or is another one\n"
        "secrets/audit_key is missing there, or is another one\nsecrets/session_key is missing there, or is another one\n"
        "there is no copy of the key store\nthe second place would not give everything back; run: python -m bot keys copy\n",
    )
    assert "key store with 4 keys: copied" in terminal.run("keys", "copy")[1]
    assert terminal.run("keys", "verify") == (0, "second place: gives everything back\n")
    code, said = terminal.run("keys", "rotate")
    assert code == 0
    assert "kek_2: wraps all data keys; 4 were wrapped anew" in said
    assert terminal.run("keys", "verify")[0] == 0  # the rotation has brought it up to date
    code, said = terminal.run("keys", "show")
    assert "kek_1          0 data keys   not in use, since the beginning; here, in the second place" in said
    assert "kek_2          4 data keys   wraps new data keys" in said
    assert terminal.run("keys", "check")[0] == 0
    assert "kek_1: stays until" in terminal.run("keys", "retire")[1]
    code, said = terminal.run("backup", "kept")
    assert code == 0
    assert "not in the backup; it may be kept for 30 days" in said
    code, said = terminal.run("db", "drill", "kept")
    assert code == 0
    assert "RPO" in said
    assert "12 of 12 sealed fields open" in said
    assert "0 lines to seekers; 2 are held until they write again" in said
    assert said.endswith("drill: passed\n")
    for path in (tmp_path / "var").glob("data.db*"):
        path.unlink()
    code, said = terminal.run("restore", "kept")
    assert code == 0
    assert "2 lines held, 0 erasures finished" in said
    assert "keys: those in place" in said
    assert terminal.run("db", "check") == (0, "database: fine\n")
    assert terminal.run("db", "release") == (0, "quarantine: ended\n")
    for folder in ("var/secrets", "other-disk/secrets"):
        for path in (tmp_path / folder).iterdir():
            value = path.read_bytes()
            assert value.hex()[:12] not in terminal.shown
            assert repr(value)[2:14] not in terminal.shown


@pytest.mark.parametrize("harm", ["BEGIN IMMEDIATE", "UPDATE alembic_version SET version_num = '0001'"])
def test_a_backup_is_whole_also_when_that_cannot_be_noted(terminal: Terminal, tmp_path: Path, harm: str) -> None:
    """Somebody writes for long, or the program is newer than the data: then a backup before the upgrade is wanted most of all."""
    terminal.run("keys", "copy")
    with closing(sqlite3.connect(tmp_path / "var" / "data.db", isolation_level=None)) as other:
        other.execute(harm)
        code, said = terminal.run("backup", "kept")
        assert code == 0
        assert "rows, 4 keys" in said
        assert "warning: the status page does not know of this backup" in said
        (revision,) = other.execute("SELECT version_num FROM alembic_version").fetchone()
        assert (revision == "0001") == harm.startswith("UPDATE")  # nothing was upgraded by the way
    assert read_manifest(tmp_path / "kept").rows["contacts"] == 2


def test_the_figures_of_a_drill_for_a_script(terminal: Terminal) -> None:
    terminal.run("keys", "copy")
    terminal.run("backup", "kept", "--include-secrets")
    code, said = terminal.run("db", "drill", "kept", "--json")
    figures = json.loads(said)
    assert (code, figures["passed"], figures["sent"], figures["opened"], figures["keys_missing"]) == (0, True, 0, 12, 0)
    assert figures["age_s"] < 300
    assert figures["restored_s"] < 60
    manifest = Path("kept/manifest.json")
    manifest.write_text(
        manifest.read_text().replace(json.loads(manifest.read_text())["made_at"], "2026-01-01T00:00:00+00:00")
    )
    code, said = terminal.run("db", "drill", "kept", "--max-age", "60")
    assert code == 1
    assert "not met" in said
    assert said.endswith("drill: NOT passed: this backup would not have saved everybody\n")
    assert terminal.run("db", "drill", "nowhere")[0] == 2


def test_without_a_second_place_the_risk_is_said_each_time(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("var: var\n")
    for words in (["keys", "show"], ["keys", "check"], ["backup", "kept"]):
        code, said = terminal.run(*words)
        assert code == 0
        assert "warning: the keys exist once, on this disk" in said
    assert "warning: the keys lie beside the data. Delete this backup after 7 days" in said
    code, said = terminal.run("keys", "copy")
    assert code == 2
    assert "no second place" in said
    assert terminal.run("keys", "copy", "elsewhere")[0] == 0
    assert terminal.run("keys", "verify", "elsewhere")[0] == 0


def test_a_key_that_is_lost_is_named_in_one_line(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "var" / "secrets" / "kek_1").rename(tmp_path / "lost")
    for words in (["keys", "check"], ["keys", "show"], ["keys", "rotate"], ["serve"], ["backup", "kept"]):
        code, said = terminal.run(*words)
        assert code in (1, 2)
        assert "secrets/kek_1 is missing" in said
        assert said.count("\n") == 1
    assert not (tmp_path / "kept").exists()


def test_a_key_may_be_made_first_and_used_later(terminal: Terminal, tmp_path: Path) -> None:
    code, said = terminal.run("keys", "rotate", "--prepare")
    assert code == 0
    assert "kek_2: made, not in use; copy var/secrets/kek_2 to every machine" in said.replace(str(tmp_path) + "/", "")
    assert "kek_2          0 data keys   not in use, prepared" in terminal.run("keys", "show")[1]
    terminal.run("keys", "copy")
    assert "kek_2: wraps all data keys" in terminal.run("keys", "rotate")[1]


def give_codes(folder: Path) -> None:
    """A return code of somebody's, and spare codes of a colleague's, under whatever pepper there is."""

    def give(uow: UnitOfWork) -> None:
        (contact,) = uow.contacts.open([Address("telegram", "p1")])
        uow.codes.save("012345678901", contact.uid)
        lan = staff("lan")
        uow.staff.save(lan)
        uow.factors.add_codes(lan.uid, ["one", "two"], lan.uid)

    async def work() -> None:
        storage = open_storage("", folder / "var")
        await act(storage.door, give)
        await storage.close()

    asyncio.run(work())


def whole(folder: Path) -> bytes:
    """Every byte of the data."""
    return b"".join(path.read_bytes() for path in (folder / "var").glob("data.db*"))


def test_the_whole_way_of_a_pepper(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        "lookup_pepper_1: finds 2 contacts, 0 accounts of staff, 0 codes; makes new hashes, since the beginning; here,"
        in (terminal.run("keys", "show")[1])
    )
    code, refused = terminal.run("keys", "rotate-pepper")
    assert (code, "The second place of the keys is not where it was" in refused) == (2, True)
    assert not (tmp_path / "var" / "secrets" / "lookup_pepper_2").exists(), (
        "nothing is made that could not be kept twice"
    )
    terminal.run("keys", "copy")
    give_codes(tmp_path)
    her = lookup_of((tmp_path / "var" / "secrets" / "lookup_pepper_1").read_bytes(), Address("telegram", "p1")).encode()
    assert her in whole(tmp_path)
    code, said = terminal.run("keys", "rotate-pepper")
    assert code == 0
    assert her not in whole(tmp_path), "whoever has the old pepper finds nobody in the files any more"
    assert "lookup_pepper_2: 2 contacts and 0 accounts of staff are found by it now" in said
    assert "still under an older one: 1 return codes, 2 spare codes, 0 codes for messengers." in said
    for folder in ("var", "other-disk"):
        assert (tmp_path / folder / "secrets" / "lookup_pepper_2").stat().st_mode & 0o777 == 0o400
    assert terminal.run("keys", "verify")[0] == terminal.run("keys", "check")[0] == 0
    said = terminal.run("keys", "show")[1]
    assert (
        "lookup_pepper_1: finds 0 contacts, 0 accounts of staff, 3 codes; in use, since the beginning; here, in the"
        in said
    )
    assert "lookup_pepper_2: finds 2 contacts, 0 accounts of staff, 0 codes; makes new hashes, since 20" in said
    said = terminal.run("keys", "retire")[1]
    assert "lookup_pepper_1: stays, found by it: 1 return codes, 2 spare codes, 0 codes for messengers" in said
    said = terminal.run("keys", "retire", "--void-codes")[1]
    assert (
        "void now: 1 return codes, 2 spare codes, 0 codes for messengers\nnew spare codes are to be made by: lan\n"
        in said
    )
    assert "lookup_pepper_1: stays until" in said
    assert "codes: none under an older lookup pepper" in terminal.run("keys", "retire", "--void-codes")[1]
    monkeypatch.setattr("bot.wiring.peppers.utc_now", lambda: datetime.now(UTC) + timedelta(days=8))
    assert terminal.run("keys", "retire")[1] == "lookup_pepper_1: taken away\n"
    for folder in ("var", "other-disk"):
        assert [path.name for path in (tmp_path / folder / "secrets").glob("lookup_*")] == ["lookup_pepper_2"]
    assert terminal.run("db", "check") == (0, "database: fine\n")
    values = [path.read_bytes() for path in (tmp_path / "var" / "secrets").iterdir()]
    assert [value for value in values if value.hex()[:12] in terminal.shown] == []


def test_a_pepper_may_be_made_first_and_used_later(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("keys", "copy")
    code, said = terminal.run("keys", "rotate-pepper", "--prepare")
    assert (code, "lookup_pepper_2: made, not in use; copy" in said) == (0, True)
    assert (
        "lookup_pepper_2: finds 0 contacts, 0 accounts of staff, 0 codes; not in use, prepared"
        in (terminal.run("keys", "show")[1])
    )
    assert "lookup_pepper_2: 2 contacts" in terminal.run("keys", "rotate-pepper")[1]


def test_a_pepper_that_is_lost_is_named_in_one_line(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "var" / "secrets" / "lookup_pepper_1").rename(tmp_path / "lost")
    for words in (["keys", "check"], ["keys", "show"], ["keys", "rotate-pepper"], ["serve"], ["backup", "kept"]):
        code, said = terminal.run(*words)
        assert code in (1, 2)
        assert "secrets/lookup_pepper_1 is missing" in said
        assert said.count("\n") == 1


def test_where_the_data_are_lost_no_empty_database_is_made_for_a_pepper(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("keys", "copy")
    for path in (tmp_path / "var").glob("data.db*"):
        path.unlink()
    for words in (
        ["keys", "rotate-pepper"],
        ["keys", "rotate-pepper", "--prepare"],
        ["keys", "retire", "--void-codes"],
    ):
        code, said = terminal.run(*words)
        assert (code, "data.db is not there" in said) == (2, True)
    assert terminal.run("keys", "retire")[0] == terminal.run("keys", "show")[0] == 0
    assert list((tmp_path / "var").glob("data.db*")) == []


def test_quarantine_by_hand_after_a_restore_by_other_means(terminal: Terminal, tmp_path: Path) -> None:
    code, said = terminal.run("db", "quarantine")
    assert code == 0
    assert "2 lines held, 0 erasures finished" in said
    assert "0 lines held" in terminal.run("db", "quarantine")[1]
    assert terminal.run("db", "release") == (0, "quarantine: ended\n")


def test_help_names_every_command(terminal: Terminal) -> None:
    said: Any = terminal.run("keys", "--help")[1]
    assert all(word in said for word in ("show", "check", "rotate", "rotate-pepper", "retire", "copy", "verify"))


@pytest.mark.parametrize(
    "words", ["keys show", "keys check", "keys verify", "keys rotate", "keys copy away", "backup b"]
)
def test_before_the_first_start_it_says_so_and_sounds_no_alarm(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("var: nowhere-yet\n")
    code, said = Terminal(monkeypatch, capsys).run(*words.split())
    assert code == 2
    assert said.startswith("binhan: Nothing has been kept here yet")
    assert "nowhere-yet" in said
    assert "python -m bot serve" in said
    assert "missing" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("words", ["db drill nowhere", "db drill empty"])
def test_a_folder_without_a_backup_is_not_called_a_broken_one(terminal: Terminal, tmp_path: Path, words: str) -> None:
    (tmp_path / "empty").mkdir()
    code, said = terminal.run(*words.split())
    assert code == 2
    assert said.startswith("binhan: There is no backup there; give the folder that `backup` has made. (")


def test_what_is_missing_of_a_command_is_said_in_one_line(terminal: Terminal) -> None:
    code, said = terminal.run("erase", "ABC")
    assert code == 2
    assert said == "binhan: Missing option '--reason'. Choose from: she_asked, danger, mistake, trial. See --help.\n"


@pytest.mark.parametrize(
    "words",
    [
        "staff disable nobody",
        "staff add  --alias Lan --role counsellor",
        "erase K9-NONE --reason danger --confirm K9-NONE --by Mai",
        "erase K9-NONE --reason danger --confirm K9-SOME --by Mai",
    ],
)
def test_what_is_refused_leaves_with_one_as_the_commands_say(terminal: Terminal, words: str) -> None:
    code, said = terminal.run(*words.split(" "))
    assert (code, len(said.splitlines())) == (1, 1), said
    assert said.startswith("binhan: ")


def test_a_group_without_a_command_lists_its_commands_line_by_line(terminal: Terminal) -> None:
    code, said = terminal.run("staff")
    assert code == 2
    assert any(line.split()[:2] == ["bind", "A"] for line in said.splitlines())
    wrong = terminal.run("staff", "add", "lan", "--alias", "Lan", "--role", "nobody")[1]
    assert wrong.startswith("binhan: Invalid value for '--role': 'nobody' is not one of 'counsellor'")


def test_a_restore_without_secrets_says_how_to_give_them(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.run("keys", "copy")[0] == terminal.run("backup", "copy")[0] == 0
    (tmp_path / "new.yaml").write_text("var: new\n")
    code, said = terminal.run("restore", "copy", "--config", "new.yaml")
    assert (code, "--secrets" in said, "kek_1" in said) == (2, True, True)
    given = ("--secrets", "other-disk/secrets", "--keys", "other-disk")
    assert terminal.run("restore", "copy", "--config", "new.yaml", *given)[0] == 0


def test_a_figure_that_cannot_be_is_refused_in_a_sentence(terminal: Terminal) -> None:
    assert terminal.run("report", "1999")[1].endswith("greater than or equal to 2000. See --help.\n")


def test_the_audit_key_is_changed_and_everything_is_still_proven(terminal: Terminal, tmp_path: Path) -> None:
    heads = tmp_path / "heads.txt"
    with (tmp_path / "config.yaml").open("a") as config:
        config.write("keeping: {heads: [heads.txt, nowhere/heads.txt]}\n")
    old = (tmp_path / "var" / "secrets" / "audit_key").read_bytes()
    assert terminal.run("keys", "rotate-audit")[0] == 2  # nothing is made that could not be kept twice
    assert terminal.run("keys", "rotate-session")[0] == 2
    terminal.run("keys", "copy")
    assert terminal.run("audit", "head", "--to", "heads.txt")[0] == 0
    assert terminal.run("backup", "early", "--include-secrets")[0] == 0
    code, said = terminal.run("keys", "rotate-audit", "--by", "Mai")
    assert code == 0
    assert "audit_key_2: signs the audit log after row " in said
    assert "audit_key: destroyed; what it signed before row" in said
    assert "could not be added to" in said
    assert "interrupted" not in said
    for folder in ("var/secrets", "other-disk/secrets"):
        names = sorted(path.name for path in (tmp_path / folder).iterdir())
        assert names == ["audit_handovers", "audit_key_2", "kek_1", "lookup_pepper_1", "session_key"]
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / folder).iterdir()} == {0o400}
        assert old not in b"".join(path.read_bytes() for path in (tmp_path / folder).iterdir())
    assert terminal.run("keys", "check")[0] == terminal.run("db", "check")[0] == 0
    assert terminal.run("keys", "verify") == (0, "second place: gives everything back\n")
    assert terminal.run("keys", "copy")[0] == 0
    code, said = terminal.run("audit", "verify", "--anchor", "heads.txt")
    assert (code, "signed with 2 keys one after the other" in said, "2 kept elsewhere agree" in said) == (0, True, True)
    assert len(heads.read_text().splitlines()) == 2
    assert (
        "\tcommand line: Mai\taudit_key.handed_over\taudit_key_2\t" in terminal.run("audit", "show", "--by", "Mai")[1]
    )
    # Today's backup, and the one whose heads were signed by a key that is no more.
    assert terminal.run("backup", "late", "--include-secrets")[0] == 0
    assert sorted(path.name for path in (tmp_path / "late" / "secrets").glob("audit*")) == [
        "audit_handovers",
        "audit_key_2",
    ]
    for name in ("late", "early"):
        code, said = terminal.run("db", "drill", name)
        assert (code, said.endswith("drill: passed\n")) == (0, True)
        for path in (tmp_path / "var").glob("data.db*"):
            path.unlink()
        assert terminal.run("restore", name)[0] == 0
        assert terminal.run("audit", "verify")[0] == 0
        assert terminal.run("audit", "head")[0] == 0
        assert terminal.run("audit", "verify")[0] == 0
    assert not (tmp_path / "var" / "secrets" / "audit_key").exists()
    code, said = terminal.run("audit", "verify", "--anchor", "heads.txt")
    assert (code, "another row stands there now" in said) == (1, True)
    assert old.hex()[:12] not in terminal.shown


def test_the_next_audit_key_can_be_made_first(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("keys", "copy")
    code, said = terminal.run("keys", "rotate-audit", "--prepare")
    assert (code, "audit_key_2: made, not in use" in said) == (0, True)
    made = (tmp_path / "var" / "secrets" / "audit_key_2").read_bytes()
    assert terminal.run("keys", "rotate-audit")[0] == 0
    assert (tmp_path / "var" / "secrets" / "audit_key_2").read_bytes() == made
    assert terminal.run("keys", "rotate-audit")[0] == 0
    assert [path.name for path in (tmp_path / "var" / "secrets").glob("audit_key*")] == ["audit_key_3"]
    assert terminal.run("audit", "verify")[0] == 0


def test_a_new_session_key_lies_in_both_places(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("keys", "copy")
    places = [tmp_path / folder / "secrets" / "session_key" for folder in ("var", "other-disk")]
    before = places[0].read_bytes()
    code, said = terminal.run("keys", "rotate-session", "--by", "Mai")
    assert (code, "restart all processes" in said) == (0, True)
    assert places[0].read_bytes() == places[1].read_bytes() != before
    assert places[0].stat().st_mode & 0o777 == 0o400
    assert terminal.run("keys", "copy")[0] == terminal.run("keys", "verify")[0] == 0
    assert "\tkeys.session_changed\t" in terminal.run("audit", "show", "--by", "Mai")[1]
    # Killed after the second place has it, and before this one: the next run puts both right.
    places[1].unlink()
    places[1].write_bytes(before)
    places[1].chmod(0o400)
    assert "another secret of the same name" in terminal.run("keys", "copy")[1]
    assert terminal.run("keys", "rotate-session")[0] == terminal.run("keys", "copy")[0] == 0
    for place in places:
        assert place.read_bytes().hex()[:12] not in terminal.shown

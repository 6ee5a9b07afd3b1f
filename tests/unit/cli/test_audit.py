"""`audit verify` and `audit head`: plain words, an exit code, and a copy kept elsewhere that tells."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.audit import app
from bot.heads import NoHead
from handlers.model import AuditEntry, Role, Staff
from storage.open import open_storage
from tests.contract.builders import act


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("var: var\n", encoding="utf-8")
    return path


def write(config: Path, rows: int) -> None:
    async def work() -> None:
        storage = open_storage("", config.parent / "var")
        for _ in range(rows):
            await act(storage.door, lambda uow: uow.audit.add(AuditEntry(actor="system", action="a.b", object="K1")))
        await storage.close()

    asyncio.run(work())


def run(config: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*words, "--config", str(config)])
    return result.exit_code, result.output


def tamper(config: Path, *statements: str) -> None:
    with closing(sqlite3.connect(config.parent / "var" / "data.db")) as connection, connection:
        for verb in ("update", "delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS audit_log_no_{verb}")
        for statement in statements:
            connection.execute(statement)


def test_it_is_read_by_case_by_person_and_by_day(config: Path) -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    staff = Staff(uid="u" * 32, name="lan", alias="Mai", roles=(Role.COUNSELLOR,), created_at=at)

    async def work() -> None:
        storage = open_storage("", config.parent / "var")

        def write(uow) -> None:
            uow.staff.save(staff)
            uow.audit.add(AuditEntry(actor=staff.uid, action="case.read", object="K1-AAAA", detail={"lines": 3}))
            uow.audit.add(AuditEntry(actor="system", action="case.closed", object="K1-AAAA"))
            uow.audit.add(AuditEntry(actor=staff.uid, action="case.read", object="K2-BBBB"))

        await act(storage.door, write)
        await storage.close()

    asyncio.run(work())
    code, said = run(config, "show", "--case", "k1-aaaa")
    lines = said.splitlines()
    assert (code, len(lines)) == (0, 2)
    assert lines[0].endswith('\tlan\tcase.read\tK1-AAAA\t{"lines":3}')
    assert lines[0].startswith("1\t20")
    assert len(run(config, "show", "--by", "lan")[1].splitlines()) == 2
    assert len(run(config, "show", "--by", "lan", "--case", "K2-BBBB")[1].splitlines()) == 1
    assert run(config, "show", "--since", "2999-01-01") == (0, "")
    assert len(run(config, "show")[1].splitlines()) == 3
    code, said = run(config, "show", "--since", "hôm nay")
    assert (code, "2026-11-28" in said) == (2, True)


def test_an_empty_log_is_whole_and_has_no_head(config: Path) -> None:
    assert run(config, "verify")[0] == 0
    assert run(config, "head")[0] == 1


def test_a_whole_log_agrees_with_the_head_kept_elsewhere(config: Path, tmp_path: Path) -> None:
    write(config, 3)
    kept = tmp_path / "heads.txt"
    for _ in range(2):  # the same head is written once
        assert run(config, "head", "--to", str(kept))[0] == 0
    assert len(kept.read_text().splitlines()) == 1
    write(config, 1)
    code, said = run(config, "verify", "--anchor", str(kept))
    assert code == 0
    assert "whole, 4 rows (1 to 4)" in said
    assert "1 kept elsewhere agree" in said
    assert "note:" not in said
    assert "keep one with" in run(config, "verify")[1]


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (("UPDATE audit_log SET actor = 'x' WHERE seq = 2",), "row 2 was changed"),
        (("DELETE FROM audit_log WHERE seq = 2",), "row 2 is missing"),
        (("DELETE FROM audit_log WHERE seq = 3",), "the end was cut off"),
    ],
)
def test_what_was_done_to_it_is_said_in_plain_words(config: Path, statements: tuple[str, ...], words: str) -> None:
    write(config, 3)
    tamper(config, *statements)
    code, said = run(config, "verify")
    assert code == 1
    assert words in said
    assert "NOT whole" in said


def test_a_file_that_is_no_head_is_refused(config: Path, tmp_path: Path) -> None:
    write(config, 1)
    for text in ("", "{}\n", "hello\n"):
        (tmp_path / "kept").write_text(text)
        with pytest.raises(NoHead, match="kept"):
            CliRunner().invoke(app, ["verify", "--anchor", str(tmp_path / "kept")], catch_exceptions=False)


def acknowledge(config: Path, *codes: str, reason: str = "own") -> tuple[int, str]:
    return run(config, "acknowledge", *codes, "--reason", reason, "--by", "Mai")


def test_a_finding_that_cannot_be_undone_is_acknowledged_and_stays_listed(config: Path) -> None:
    write(config, 4)
    tamper(config, "UPDATE audit_log SET actor = 'x' WHERE seq = 2", "UPDATE audit_log SET actor = 'x' WHERE seq = 3")
    code, said = run(config, "verify")
    codes = re.findall(r"\[([0-9a-f]{16})\]", said)
    assert (code, len(codes)) == (1, 3)
    assert "all 2 findings that have a code, together" in said
    assert acknowledge(config, codes[0], reason="because")[0] == 2
    code, said = acknowledge(config, "0" * 16)
    assert (code, "no finding has the code 0000000000000000 now" in said) == (1, True)
    code, said = acknowledge(config, codes[0])
    assert (code, "still row 3 was changed" in said) == (1, True)
    code, said = run(config, "verify")
    assert code == 1
    assert re.search(r"known since .*, command line: Mai, own\): row 2 was changed", said)
    assert acknowledge(config, codes[2], codes[1])[0] == 1, "the first is known: all together is another code"
    assert acknowledge(config, codes[1], reason="unknown")[0] == 0
    code, said = run(config, "verify")
    assert code == 3
    assert "whole but for 2 known findings" in said
    tamper(config, "UPDATE audit_log SET actor = 'y' WHERE seq = 3")
    code, said = run(config, "verify")
    assert (code, said.count("known since"), "audit: row 3 was changed" in said) == (1, 1, True)


def test_all_findings_together_are_acknowledged_by_one_code(config: Path) -> None:
    write(config, 4)
    tamper(config, "UPDATE audit_log SET actor = 'x' WHERE seq = 2", "DELETE FROM audit_log WHERE seq = 3")
    together = re.findall(r"\[([0-9a-f]{16})\]", run(config, "verify")[1])[-1]
    assert acknowledge(config, together, reason="intruder")[0] == 0
    assert run(config, "verify")[0] == 3

"""`keeping`, `erase` and `report` on an installation of their own: words, exit codes, and nothing about anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bot.cli import erase as erase_module
from bot.cli import keeping
from bot.cli import report as report_module
from bot.heads import read_heads
from handlers.errors import NoSuchCase
from handlers.facts import month_of
from handlers.keeping import Run
from handlers.model import Disposition, Fact, new_uid
from storage.open import Storage, open_storage
from tests.contract.builders import act
from tests.residue import Person, plant

ONE = typer.Typer()
ONE.command("erase")(erase_module.erase)
ONE.command("report")(report_module.report)
NOW = datetime.now(UTC)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("var: var\n", encoding="utf-8")
    return path


def store(config: Path, work: Callable[[Storage], Awaitable[object]], at: datetime = NOW) -> object:
    async def run() -> object:
        storage = open_storage("", config.parent / "var", clock=lambda: at)
        try:
            return await work(storage)
        finally:
            await storage.close()

    return asyncio.run(run())


def run(app: typer.Typer, config: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*words, "--config", str(config)])
    return result.exit_code, result.output


def planted(config: Path, number: int = 1, ago: timedelta = timedelta()) -> Person:
    person = store(config, lambda storage: plant(storage, number), NOW - ago)
    assert isinstance(person, Person)
    return person


def test_a_run_says_what_went_and_that_nothing_is_left(config: Path) -> None:
    config.write_text("var: var\nkeeping:\n  heads: [kept/heads.txt]\n", encoding="utf-8")
    (config.parent / "kept").mkdir()
    old, young = planted(config, 1, timedelta(days=31)), planted(config, 2)
    assert "due now, for the next run: contacts 1, talks 1" in run(keeping.app, config, "show")[1]
    code, said = run(keeping.app, config, "run")
    assert code == 0
    assert "contacts     1 removed, 0 left" in said
    assert "clean, nothing overdue is left" in said
    assert len(read_heads(config.parent / "kept" / "heads.txt")) == 1
    code, said = run(keeping.app, config, "show")
    assert code == 0
    assert "talks          30 days after the case was closed" in said
    assert "due now, for the next run: nothing" in said
    for person in (old, young):
        assert person.canary not in said
        assert person.code not in said


def test_show_says_when_no_run_has_come_to_a_clean_end(config: Path) -> None:
    late = Run(uid=new_uid(), started_at=NOW - timedelta(hours=27), ended_at=NOW - timedelta(hours=27), clean=True)
    store(config, lambda storage: act(storage.door, lambda uow: uow.keeping.note(late)))
    code, said = run(keeping.app, config, "show")
    assert code == 1
    assert "NOT well" in said
    failed = replace(late, uid=new_uid(), started_at=NOW, ended_at=NOW, clean=False)
    assert run(keeping.app, config, "run")[0] == 0
    assert run(keeping.app, config, "show")[0] == 0
    store(config, lambda storage: act(storage.door, lambda uow: uow.keeping.note(failed)))
    assert run(keeping.app, config, "show")[0] == 1


def test_a_drill_counts_and_shows_nothing(config: Path) -> None:
    person = planted(config)
    code, said = run(keeping.app, config, "drill", person.code, "--by", "Mai")
    assert code == 0
    assert "1  her address at the platform (sealed, and the key is here)" in said
    assert "11 sealed records can be read" in said
    assert person.canary not in said
    assert person.platform_id not in said
    assert run(keeping.app, config, "drill", "K9-NONE", "--by", "Mai")[0] == 1


def test_an_operator_erases_with_a_reason_and_the_code_twice(config: Path) -> None:
    person = planted(config)
    asked = ("erase", person.code, "--reason", "danger", "--by", "Mai")
    assert run(ONE, config, *asked)[0] == 2  # not confirmed
    with pytest.raises(NoSuchCase):
        CliRunner().invoke(
            ONE, ["erase", "K9", *asked[2:], "--confirm", "K9", "--config", str(config)], catch_exceptions=False
        )
    code, said = run(ONE, config, *asked, "--confirm", person.code)
    assert (code, "erased: 1 cases" in said) == (0, True)
    code, said = run(keeping.app, config, "drill", person.code, "--by", "Mai")
    assert code == 0
    assert "Nothing sealed can be read" in said


def facts(config: Path, **counts: int) -> str:
    """That many facts of last month for each disposition; gives the month."""
    month = month_of((NOW.replace(day=1) - timedelta(days=2)), UTC)

    def add(uow) -> None:
        for disposition, count in counts.items():
            for _ in range(count):
                fact = Fact(
                    month=month, channel="web", severity="urgent", category="", disposition=Disposition(disposition)
                )
                uow.facts.add(fact)

    store(config, lambda storage: act(storage.door, add))
    return month


def test_a_report_shows_no_small_count(config: Path, tmp_path: Path) -> None:
    month = facts(config, helped=20, prank=3, lost=7)
    code, said = run(ONE, config, "report", month[:4])
    assert code == 0
    assert "30  Tổng số cuộc" in said or "30  Gấp" in said
    assert "Đùa, phá" in said
    assert "Gộp chung" in said
    assert not [line for line in said.splitlines() if line.strip().split("  ")[0] in ("1", "2", "3", "4")]
    assert run(ONE, config, "report", month[:4], "--csv", str(tmp_path / "r.csv"))[0] == 0
    rows = (tmp_path / "r.csv").read_text(encoding="utf-8-sig").splitlines()
    assert rows[:2] == ["table,key,label,count", "total,,Tổng số cuộc,30"]


def test_a_report_of_an_empty_year_says_so(config: Path) -> None:
    code, said = run(ONE, config, "report", "2025")
    assert code == 0
    assert "không đưa ra con số nào" in said

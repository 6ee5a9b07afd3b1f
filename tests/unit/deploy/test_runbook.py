"""The runbook leads where it says: every alarm has a place in it, every script and link it names is there."""

from __future__ import annotations

import re

import pytest

from tests.e2e.deployment import DEPLOY, ROOT, RUNNING

DOCS = ROOT / "docs"
RUNBOOK = (DOCS / "runbook.md").read_text("utf-8")
VIETNAMESE = (DOCS / "so-tay-van-hanh.md").read_text("utf-8")


def anchors(text: str) -> set[str]:
    """As they are made of headings: small letters, no marks, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("text", [RUNBOOK, VIETNAMESE], ids=["English", "Vietnamese"])
def test_every_link_leads_somewhere(text: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", text):
        name, _, anchor = target.partition("#")
        assert not name or (DOCS / name).exists(), target
        if anchor:
            assert anchor in anchors(text if not name else (DOCS / name).read_text("utf-8")), target


def test_every_alarm_is_told_what_to_do_about() -> None:
    table = RUNBOOK.split("## What do you see?")[1].split("## What runs where")[0]
    running = (DOCS / "running.md").read_text("utf-8").split("## Alarms")[1].split("\n## ")[0]
    codes = set(
        re.findall(
            r"`([a-z]+(?:-[a-z]+)+)`", "".join(line.split("|")[1] for line in running.splitlines() if "|" in line)
        )
    )
    codes |= set(re.findall(r"wrong ([a-z-]+) ", (DEPLOY / "postgresql" / "check-backups").read_text("utf-8")))
    assert len(codes) > 10
    assert codes - set(re.findall(r"`([a-z-]+)`", table)) == set()


def test_every_script_and_process_it_names_is_there() -> None:
    for script in set(re.findall(r"(?<![\w/])deploy/[\w/.-]+\w", RUNBOOK)):
        assert (ROOT / script).exists(), script
    for script in set(re.findall(r"/usr/local/lib/binhan/([\w-]+)", RUNBOOK)):
        assert (DEPLOY / "postgresql" / script).exists(), script
    named = set(re.findall(r"binhan-(?:web|worker)@\d|binhan-auditor", RUNBOOK))
    assert named == {f"binhan-{name.replace('-', '@')}" for name in RUNNING}
    for timer in re.findall(r"binhan-[a-z-]+\.timer", RUNBOOK):
        assert (DEPLOY / "systemd" / timer).exists(), timer


def test_what_the_law_asks_is_said_with_how_well_we_know_it() -> None:
    assert "we have not seen the article" in RUNBOOK
    assert "chúng tôi chưa đọc được chính điều luật" in VIETNAMESE.replace("\n", " ")
    for text in (RUNBOOK, VIETNAMESE):
        assert "72" in text
        assert "91/2025/QH15" in text


def test_no_number_is_in_it_but_those_of_the_content() -> None:
    lines = (ROOT / "flows/content/lines.yaml").read_text("utf-8")
    for text in (RUNBOOK, VIETNAMESE):
        for number in re.findall(r"\b1[01]\d\b|\b0\d{9}\b|\b1[89]00 ?\d+", text):
            assert f'"{number}"' in lines or number in lines, number


def test_both_tell_of_the_same_clock() -> None:
    def hours(text: str, heading: str) -> list[str]:
        rows = re.findall(
            r"^\| \**(\d+) (?:min|h|phút|giờ|weeks|tuần)\b", text.split(heading)[1].split("\n## ")[0], re.MULTILINE
        )
        return [row for row in rows if row not in ("0", "12")]

    assert hours(RUNBOOK, "## A breach: the clock") == hours(VIETNAMESE, "## Lộ dữ liệu: đồng hồ bắt đầu chạy")

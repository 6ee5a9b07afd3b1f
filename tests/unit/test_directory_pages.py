"""The two pages about the directory name every column and every word a cell may hold, and say the same things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handlers.service import COLUMNS, KINDS, NEEDS, TAKES, Cost, Disclosure, Status

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("danh-ba.md", "directory.md")
ENUMS = [member.value for kind in (Cost, Disclosure, Status) for member in kind if member.value]


def words(page: str) -> set[str]:
    marked = re.findall(r"`([^`]+)`", (DOCS / page).read_text(encoding="utf-8"))
    return {word for part in marked for word in part.split()}


@pytest.mark.parametrize("page", PAGES)
def test_every_column_and_every_word_of_a_closed_set_is_named(page: str) -> None:
    columns = {column for column in COLUMNS if not column.startswith("hsds_")}
    assert not {*columns, *KINDS, *NEEDS, *TAKES, *ENUMS} - words(page)


def test_both_have_the_same_sections_and_commands() -> None:
    both = [(DOCS / page).read_text(encoding="utf-8") for page in PAGES]
    assert len({text.count("\n## ") for text in both}) == 1
    assert len({tuple(re.findall(r"^python -m bot .*$", text, re.MULTILINE)) for text in both}) == 1

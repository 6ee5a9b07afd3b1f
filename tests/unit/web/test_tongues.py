"""The page's languages: whole, faithful to the text they translate, and neutral where anybody may look."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from bot.shipped import content_files
from bot.web.seeker_texts import SEEKER
from bot.web.tongues import OWN, read, tongues
from flows.catalogs import parse_po
from flows.loader import load

FOLDER = resources.files("bot") / "locale"
FILES = sorted(file.name for file in FOLDER.iterdir() if file.name.endswith(".po"))
FIELD = re.compile(r"\{\w+\}")


def test_vietnamese_is_first_and_english_is_there() -> None:
    assert next(iter(tongues())) == OWN
    assert tongues()["en"].name == "English"
    assert tongues()[OWN].name == "Tiếng Việt"


@pytest.mark.parametrize("file", FILES)
def test_a_shipped_file_translates_every_text_and_holds_no_other(file: str) -> None:
    code = file.partition(".")[0]
    assert code in tongues(), f"{file} is not complete: see read()"
    catalog = parse_po(file, code, (FOLDER / file).read_bytes())
    assert catalog.source.findings == []
    written = {(f"seeker.{key}", text) for key, text in SEEKER.items()}
    assert {entry for entry in catalog.entries if entry[0] != "line"} == written


@pytest.mark.parametrize("code", sorted(tongues()))
def test_places_for_names_are_kept(code: str) -> None:
    for key, text in tongues()[code].texts.items():
        assert FIELD.findall(text) == FIELD.findall(SEEKER[key]), key


@pytest.mark.parametrize("code", sorted(set(tongues()) - {OWN}))
def test_the_names_of_the_emergency_numbers_are_translated(code: str) -> None:
    library = load(content_files()).library
    assert library is not None
    names = {line.name for line in library.lines.values() if line.emergency}
    assert names <= set(tongues()[code].lines)


def test_a_file_with_one_text_missing_or_unsure_is_not_offered() -> None:
    whole = (FOLDER / "en.po").read_bytes()
    assert read("en", whole) is not None
    assert read("en", whole.replace(b'msgstr "Send"', b'msgstr ""')) is None
    unsure = whole.replace(b'msgctxt "seeker.send"', b'#, fuzzy\nmsgctxt "seeker.send"')
    assert unsure != whole
    assert read("en", unsure) is None
    assert read("en", b"\xff") is None


@pytest.mark.parametrize("code", sorted(tongues()))
@pytest.mark.parametrize("key", ["title", "leaving", "exit_nav", "resume"])
def test_what_anybody_may_see_says_nothing(code: str, key: str) -> None:
    """In tabs and histories, on the blank page while leaving, on the page that has hidden itself."""
    assert not re.search(
        r"bạo|hại|đánh|cứu|giúp|nguy|bình an|abuse|violen|help|danger|safe", tongues()[code].texts[key].casefold()
    )

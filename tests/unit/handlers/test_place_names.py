"""Where somebody is, and what she answers to a question, rings nobody; and no name of a place hides a danger."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from flows.severity import Severity
from handlers.rules.reading.items import LexiconError
from handlers.rules.reading.place_names import PlaceNames
from handlers.rules.reading.variants import VARIANTS
from handlers.rules.screening import Screening
from tests.unit.handlers.screening_sample import CONTENT, shipped

ROOT = Path(__file__).resolve().parents[3]
SAYING = ("{}", "tôi ở xã {}", "em ở {}", "xã {} ạ", "nhà em ở bản {} ạ", "cháu ở {}, gần chợ", "quê em ở {}")
NAMES = (CONTENT / "lexicon" / "places.csv").read_text(encoding="utf-8").split("\n")[1:-1]


@pytest.fixture(scope="module")
def screening() -> Screening:
    return shipped()


def test_every_name_of_the_province_is_known() -> None:
    data, named = ROOT / "handlers" / "rules" / "data", set(NAMES)
    for file in ("units.csv", "villages.csv"):
        with (data / file).open(encoding="utf-8", newline="") as lines:
            missing = {row["name"] for row in csv.DictReader(lines) if " " in row["name"]} - named
        assert not missing, f"add to lexicon/places.csv what stands in {file}"


@pytest.mark.parametrize("name", NAMES)
def test_an_address_rings_nobody(screening: Screening, name: str) -> None:
    for saying in SAYING:
        for spelling, spelt in VARIANTS.items():
            text = spelt(saying.format(name), 0)
            read = screening.read(text)
            assert not read.severity.at_least(Severity.URGENT), (spelling, text, read.signs)


@pytest.mark.parametrize(
    "text",
    [
        "no cam dao san ngoai cua roi",  # dao sẵn
        "chong em lay dao san trong bep ra doa giet em",
        "em ở Mường So, chồng em đang đánh em",
        "em o muong so chong em dang danh em",
        "toi o xa dao san, no dang cam dao duoi toi",
        "nhà em ở Nậm Sỏ, anh ta đang bóp cổ em",
        "cuu em voi, em o noong heo",
        "em o nam han bi chong danh chay mau dau",
    ],
)
def test_no_name_hides_a_danger(screening: Screening, text: str) -> None:
    assert screening.read(text).severity is Severity.EMERGENCY


def test_fear_beside_a_name_is_still_heard(screening: Screening) -> None:
    assert screening.read("em o muong so, em so lam").severity.at_least(Severity.URGENT)
    assert screening.read("em ở Mường So, em sợ lắm").severity.at_least(Severity.URGENT)


@pytest.mark.parametrize("table", [b"", b"places\nA B\n", b"name\n\nA B\n", b"name\nA,B\n", b"name\n\xff\n"])
def test_a_bad_table_is_refused_with_its_place(table: bytes) -> None:
    with pytest.raises(LexiconError, match=r"lexicon/places\.csv:\d:1: bad-places"):
        PlaceNames.load("lexicon/places.csv", table)

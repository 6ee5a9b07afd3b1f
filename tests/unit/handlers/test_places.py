"""The gazetteer: right where it answers, asking where it is unsure, silent on ordinary words."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

import pytest

from handlers.rules.places import Gazetteer
from handlers.rules.places_table import POST, PRE, read_table
from handlers.rules.places_text import MAX_CHARS, joined, syllable, syllables, tokens

DEV = Path(__file__).parents[2] / "data" / "places_dev.csv"
TABLES = Path(__file__).parents[3] / "handlers" / "rules" / "data"


def tables() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in TABLES.glob("*.csv")}


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load(tables())


@pytest.fixture(scope="module")
def table():
    return read_table(tables())


def bare(text: str) -> str:
    return "".join(sign for word in text.split(" ") for sign in syllable(word).folded + " ").strip()


def dev_cases() -> list[tuple[str, str, str]]:
    with DEV.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["kind"], row["codes"]) for row in csv.DictReader(file)]


def test_the_development_set_is_large_enough():
    kinds = [kind for _, kind, _ in dev_cases()]
    assert len(kinds) >= 150
    assert set(kinds) == {"exact", "ambiguous", "outside", "none"}


@pytest.mark.parametrize(("text", "kind", "codes"), dev_cases())
def test_development_set(gazetteer, text, kind, codes):
    answer = gazetteer.resolve(text)
    assert (answer.kind, set(answer.codes)) == (kind, set(codes.split("|")) if codes else set())


def test_decomposed_text_means_the_same(gazetteer):
    for text, kind, codes in dev_cases():
        answer = gazetteer.resolve(unicodedata.normalize("NFD", text))
        assert (answer.kind, set(answer.codes)) == (kind, set(codes.split("|")) if codes else set()), text


def test_every_name_of_both_eras_is_found_with_its_unit_before_it(gazetteer, table):
    for (era, code), unit in table.units.items():
        if unit.type in ("huyện", "thành phố"):
            continue
        right = code if era == POST else table.merged_into[code][0]
        for text in (f"{unit.type} {unit.name}", f"em ở {unit.type} {unit.name.lower()} ạ"):
            answer = gazetteer.resolve(text)
            assert right in answer.codes, text
            assert answer.kind == "exact" or unit.name == "Mường Than", text


def test_every_name_alone_leads_to_all_its_meanings(gazetteer, table):
    """Without marks several names may fall together: then all of them must be offered."""
    meanings: dict[str, set[str]] = {}
    for (era, code), unit in table.units.items():
        if unit.type not in ("huyện", "thành phố"):
            meanings.setdefault(joined(syllables(unit.name)), set()).add(
                code if era == POST else table.merged_into[code][0]
            )
    for unit in table.units.values():
        if unit.type not in ("huyện", "thành phố"):
            answer = gazetteer.resolve(bare(unit.name))
            assert meanings[joined(syllables(unit.name))] <= set(answer.codes), unit.name
            assert (answer.kind == "exact") == (len(answer.codes) == 1), unit.name


def test_trap_codes_were_used_again(gazetteer, table):
    """03388 was Quyết Tiến and is Đoàn Kết; the era belongs to the key."""
    assert table.units[PRE, "03388"].name == "Quyết Tiến"
    assert table.units[POST, "03388"].name == "Đoàn Kết"
    assert gazetteer.name("03388") == "phường Đoàn Kết"
    assert gazetteer.resolve("xã Trung Chải").codes == ("03503",)
    assert gazetteer.resolve("xã Pa Tần").codes == ("03503",)


def test_trap_same_name_elsewhere(gazetteer):
    assert gazetteer.resolve("Mường Than").kind == "ambiguous"
    assert gazetteer.resolve("xã Mường Tè").codes == ("03445",)
    assert gazetteer.resolve("thị trấn Mường Tè").codes == ("03433",)
    assert set(gazetteer.resolve("nam cha").codes) == {"03472", "03517"}


def test_trap_a_commune_outside_the_district_named_with_it(gazetteer):
    """Lản Nhì Thàng belonged to Phong Thổ and is in Đoàn Kết now; the old address must lead there."""
    assert gazetteer.resolve("Lản Nhì Thàng, huyện Phong Thổ").codes == ("03388",)
    assert gazetteer.resolve("Chăn Nưa, Sìn Hồ").codes == ("03487",)


def test_a_contradiction_is_asked_about(gazetteer):
    answer = gazetteer.resolve("xã Mường Kim huyện Sìn Hồ")
    assert answer.kind == "ambiguous"
    assert "03637" in answer.codes


def test_the_answer_names_old_and_new(gazetteer):
    answer = gazetteer.resolve("mường than")
    assert answer.names["03618"] == "xã Mường Than (Phúc Than, Mường Mít cũ)"
    assert "thị trấn Mường Tè" in gazetteer.name_with_old("03433")
    assert gazetteer.name_with_old("03463") == "xã Tà Tổng"


def test_there_are_38_communes(gazetteer):
    assert len(gazetteer.codes) == 38
    assert sum(gazetteer.name(code).startswith("phường") for code in gazetteer.codes) == 2
    with pytest.raises(KeyError):
        gazetteer.name("03386")


def test_every_old_commune_leads_into_one_of_today(table):
    old = [code for (era, code), unit in table.units.items() if era == PRE and unit.type not in ("huyện", "thành phố")]
    assert len(old) == 106
    assert all((POST, table.merged_into[code][0]) in table.units for code in old)


def test_ordinary_words_never_equal_the_name_they_are_kept_apart_from(table):
    """A reading that is spelled just like the name would silence the name itself."""
    for key, ordinary in table.ordinary.items():
        for reading in table.index.get(key, ()):
            name = [(part.letters, part.tone) for part in reading.spelling]
            for words in ordinary.readings:
                same = [(part.letters, part.tone) for part in syllables(words)] == name
                assert not same or ordinary.strength == "same", words


def test_every_ordinary_reading_belongs_to_a_name(table):
    assert set(table.ordinary) <= set(table.index)


@pytest.mark.parametrize(
    "text", ["", " ", "\x00", "🙂", "\u202e\u200b", "....", "1" * 50, "a" * 100_000, "ở " * 50_000]
)
def test_odd_texts_are_no_place(gazetteer, text):
    assert gazetteer.resolve(text).kind == "none"


def test_signs_nobody_sees_do_not_hide_a_place(gazetteer):
    assert gazetteer.resolve("mường\u200b k\u00adim").codes == ("03637",)


def test_a_place_far_behind_the_limit_is_not_read(gazetteer):
    assert gazetteer.resolve("x" * MAX_CHARS + " xã Mường Kim").kind == "none"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("muowngf", "mường"), ("muwowngf", "mường"), ("mu7o7ng2", "mường"), ("ddoanf", "đoàn"), ("doanfd", "đoàn"),
        ("xax", "xã"), ("owr", "ở"), ("naamj", "nậm"), ("namaj", "nậm"), ("hangf", "hàng"), ("phuwowngf", "phường"),
        ("noong", "noong"), ("muong", "muong"), ("xa", "xa"), ("tt", "tt"), ("pleiku", "pleiku"), ("7", "7"),
    ],
)  # fmt: skip
def test_what_a_keyboard_leaves(typed, meant):
    word = tokens(typed)[0]
    assert (word.text, word.syllable) == (meant, syllable(meant))


class TestNearestCommunes:
    @pytest.mark.parametrize("limit", [1, 3])
    def test_the_centre_of_every_old_commune_leads_to_its_commune(self, gazetteer, table, limit):
        for (era, code), unit in table.units.items():
            if era == PRE and unit.type not in ("huyện", "thành phố"):
                answer = gazetteer.nearest_communes(unit.lat, unit.lon, limit=limit)
                assert answer.codes[0] == table.merged_into[code][0]
                assert len(answer.codes) == len(set(answer.codes)) == limit
                assert answer.kind == "ambiguous"  # always confirmed
                assert set(answer.names) == set(answer.codes)

    @pytest.mark.parametrize("point", [(21.0285, 105.8542), (22.3364, 103.8438 + 0.2), (21.3860, 103.0230), (0.0, 0.0)])
    def test_outside(self, gazetteer, point):
        assert gazetteer.nearest_communes(*point).kind == "outside"

    @pytest.mark.parametrize("point", [(float("nan"), 103.0), (float("inf"), 0.0), (91.0, 0.0), (22.0, 181.0)])
    def test_no_point_on_earth(self, gazetteer, point):
        assert gazetteer.nearest_communes(*point).kind == "none"


class TestLoad:
    def test_a_missing_table_is_named(self):
        files = tables()
        del files["merges.csv"]
        with pytest.raises(ValueError, match=r"merges\.csv"):
            Gazetteer.load(files)

    def test_an_old_commune_that_leads_nowhere_is_refused(self):
        files = tables()
        files["merges.csv"] = files["merges.csv"].replace(b"03386,03388", b"03386,99999")
        with pytest.raises(ValueError, match="03386"):
            Gazetteer.load(files)

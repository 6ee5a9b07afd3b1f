"""Other provinces are data: several in one table, split communes, repeated names, and a table as large as the country."""

from __future__ import annotations

import pytest

from handlers.rules.outwards import Outwards
from handlers.rules.places import Gazetteer
from tests.benchmarks import national

UNITS = """era,code,name,type,parent,lat,lon,radius_km,aliases
post2025,00001,Tân Lập,xã,01,21.0,104.0,10,
post2025,00002,Tân Lập,xã,02,22.0,105.0,10,
post2025,00003,Chiềng Ơn,xã,01,21.2,104.0,10,
pre2025,101,Mai Sơn,huyện,01,21.0,104.0,20,
pre2025,102,Phú Lương,huyện,02,22.0,105.0,20,
pre2025,10001,Nà Bó,xã,101,21.0,104.0,8,
pre2025,10002,Yên Đổ,xã,102,22.0,105.0,8,
pre2025,10003,Hát Lót,thị trấn,101,21.1,104.0,8,
"""
MERGES = """old_code,new_code,extent,clause
10001,00001,full,x
10002,00002,full,x
10003,00001,part,x
10003,00003,part,x
"""
PROVINCES = """era,code,name
post2025,01,Sơn La
post2025,02,Thái Nguyên
pre2025,01,Sơn La
pre2025,02,Thái Nguyên
"""
TWO = {"units.csv": UNITS.encode(), "merges.csv": MERGES.encode(), "provinces.csv": PROVINCES.encode()}


@pytest.fixture(scope="module")
def two() -> Gazetteer:
    return Gazetteer.load(TWO)


@pytest.fixture(scope="module")
def country() -> Gazetteer:
    return Gazetteer.load(national.files())


def test_a_name_in_two_provinces_is_asked_about_with_the_province(two):
    answer = two.resolve("em ở xã Tân Lập")
    assert (answer.kind, set(answer.codes)) == ("ambiguous", {"00001", "00002"})
    assert answer.names["00001"] == "xã Tân Lập, Sơn La (Nà Bó, thị trấn Hát Lót cũ)"
    assert answer.names["00002"] == "xã Tân Lập, Thái Nguyên (Yên Đổ cũ)"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("xã Tân Lập, tỉnh Thái Nguyên", "00002"), ("tan lap son la", "00001"), ("xa tan lap, huyen mai son", "00001"),
        ("Yên Đổ", "00002"), ("Yên Đổ, Phú Lương, Thái Nguyên", "00002"),
    ],
)  # fmt: skip
def test_the_province_or_the_district_tells_which(two, text, code):
    answer = two.resolve(text)
    assert (answer.kind, answer.codes) == ("exact", (code,))


def test_an_old_commune_that_was_split_is_asked_about(two):
    answer = two.resolve("thị trấn Hát Lót")
    assert (answer.kind, set(answer.codes)) == ("ambiguous", {"00001", "00003"})


@pytest.mark.parametrize("text", ["tỉnh Sơn La", "em ở Sơn La", "thai nguyen"])
def test_a_province_alone_is_no_commune(two, text):
    assert two.resolve(text).kind == "none"


def test_the_tables_beside_are_optional_and_the_two_are_not():
    for name in ("units.csv", "merges.csv"):
        with pytest.raises(ValueError, match=name):
            Gazetteer.load({one: content for one, content in TWO.items() if one != name})


@pytest.mark.parametrize(
    ("table", "old", "new", "said"),
    [
        ("units.csv", "21.2,104.0", "north,104.0", "00003"),
        ("units.csv", "radius_km", "reach", "no column 'radius_km'"),
        ("merges.csv", "10002,00002", "10002,99999", "10002"),
        ("merges.csv", "new_code", "into", "no column 'new_code'"),
    ],
)
def test_a_broken_table_is_refused_in_words(table, old, new, said):
    with pytest.raises(ValueError, match=said):
        Gazetteer.load(TWO | {table: TWO[table].replace(old.encode(), new.encode())})


def test_a_table_as_large_as_the_country_knows_every_name(country):
    assert len(country.codes) == 3_321
    for code in country.codes[::40]:
        answer = country.resolve(f"em ở {country.name(code)}, tỉnh {country.province(code)}")
        assert code in answer.codes
        lat, lon = country.centre(code)
        assert country.nearest_communes(lat, lon).kind in ("ambiguous", "outside")


def test_walking_outwards_gives_everything_nearest_first():
    points = [(21 + n % 7 / 10, 103 + n % 11 / 10, n) for n in range(60)]
    walked = list(Outwards(points).nearest_first(21.3, 103.4))
    assert sorted(item for _, item in walked) == list(range(60))
    assert [km for km, _ in walked] == sorted(km for km, _ in walked)
    assert list(Outwards([]).nearest_first(21.3, 103.4)) == []

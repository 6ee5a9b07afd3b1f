"""The directory: who may learn what of a service, and the shipped seed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from handlers.directory import Directory, find
from handlers.directory_files import load_seed, read_holidays, read_services, read_travel, write_services
from handlers.directory_words import NotForHer, about_km, describe
from handlers.rules.places import Gazetteer
from handlers.service import EVERYWHERE, STALE_AFTER, Cost, Disclosure, Service, Status

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=timezone(timedelta(hours=7)))
TODAY = NOW.date()
BINH_LU, TAN_PHONG = "03390", "03408"
PHONE = "0000 000 000"  # nobody's number
CHECKED = Service(
    id="s1", name="Trạm thử", kind="health_station", needs=frozenset({"medical"}), takes=frozenset({"women"}),
    languages=frozenset({"vi"}), hours="Mo-Fr 07:30-11:30", phones=(PHONE,), commune=BINH_LU, commune_name="xã Bình Lư",
    province="Lai Châu", point=(22.35, 103.67), capacity=4, disclosure=Disclosure.PUBLIC, verified_on=date(2026, 11, 1),
    verified_by="Sở Y tế", source="thử", confidence="high", point_source="thử",
)  # fmt: skip


def files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (Path(__file__).parents[3] / folder).glob("*.csv")}


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load(files("handlers/rules/data"))


@pytest.fixture(scope="module")
def seed() -> tuple[Service, ...]:
    return load_seed(files("flows/content/directory"))


def say(phrase_key: str, /, **values: str) -> str:
    return phrase_key.removeprefix("service_") + "".join(f" {value}" for value in values.values())


def offers(gazetteer, *services, near=BINH_LU, needs=("medical",), now=NOW, limit=3):
    return find(Directory(services), gazetteer, near, needs, now, limit)


def texts(gazetteer, *services, **how):
    return [one.text for one in describe(offers(gazetteer, *services, **how), ("medical",), say)]


class TestWhatASeekerMayKnow:
    def test_a_fresh_check_shows_the_phone(self, gazetteer):
        assert texts(gazetteer, CHECKED) == [
            f"Trạm thử, xã Bình Lư: {PHONE}\nsame_commune, open, takes takes_women\n\n"
            "say_phone words_medical\ncost_ask\nnobody"
        ]

    @pytest.mark.parametrize("days", [0, 180])
    def test_fresh_until_the_last_day(self, gazetteer, days):
        assert PHONE in texts(gazetteer, replace(CHECKED, verified_on=TODAY - timedelta(days=days)))[0]

    @pytest.mark.parametrize(
        "stale",
        [
            {"verified_on": TODAY - STALE_AFTER - timedelta(days=1)},
            {"verified_on": None},
            {"verified_by": ""},
            {"verified_on": TODAY + timedelta(days=1)},
        ],
    )
    def test_a_stale_or_missing_check_hides_the_phone_and_says_so(self, gazetteer, stale):
        (text,) = texts(gazetteer, replace(CHECKED, **stale))
        assert PHONE not in text
        assert "open, unverified\n" in text

    @pytest.mark.parametrize("kind", ["legal_aid", "womens_union", "club", "hotline"])
    def test_what_is_no_public_building_hides_itself_without_a_fresh_check(self, gazetteer, kind):
        assert offers(gazetteer, replace(CHECKED, kind=kind))
        assert not offers(gazetteer, replace(CHECKED, kind=kind, verified_on=None))

    def test_it_hides_itself_on_the_very_day(self, gazetteer):
        """One directory, asked on two days: the index must not keep yesterday's answer."""
        directory = Directory([replace(CHECKED, kind="club")])
        last_day = datetime.combine(CHECKED.verified_on + STALE_AFTER, NOW.timetz())
        assert find(directory, gazetteer, BINH_LU, ["medical"], last_day)
        assert not find(directory, gazetteer, BINH_LU, ["medical"], last_day + timedelta(days=1))

    def test_staff_only_never_reaches_her(self, gazetteer):
        assert not offers(gazetteer, replace(CHECKED, disclosure=Disclosure.STAFF_ONLY))

    def test_staff_find_it_and_it_still_cannot_be_told_to_her(self, gazetteer):
        hidden = replace(CHECKED, kind="shelter", disclosure=Disclosure.STAFF_ONLY, address="ở đâu đó")
        found = find(Directory([hidden]), gazetteer, BINH_LU, ["medical"], NOW, staff=True)
        assert [offer.ranked.service for offer in found] == [hidden]
        with pytest.raises(NotForHer):
            describe(found, ("medical",), say)

    @pytest.mark.parametrize("status", [Status.PAUSED, Status.GONE])
    def test_what_does_not_work_is_named_to_nobody(self, gazetteer, status):
        assert not offers(gazetteer, replace(CHECKED, status=status))
        assert not find(Directory([replace(CHECKED, status=status)]), gazetteer, BINH_LU, ["medical"], NOW, staff=True)

    def test_who_takes_people_of_other_communes_only_is_not_named(self, gazetteer):
        elsewhere = replace(CHECKED, id="s0", covers=frozenset({TAN_PHONG}))
        assert [one.ranked.service.id for one in offers(gazetteer, elsewhere, CHECKED)] == ["s1"]
        assert offers(gazetteer, elsewhere, near=TAN_PHONG)
        assert offers(gazetteer, elsewhere, near="")
        assert offers(gazetteer, replace(elsewhere, covers=frozenset({EVERYWHERE})))

    @pytest.mark.parametrize("kind", ["shelter", "safe_house", "trusted_address"])
    def test_a_hiding_kind_is_never_shown_even_if_a_row_said_so(self, kind):
        assert not replace(CHECKED, kind=kind, disclosure=Disclosure.PUBLIC).shown_to_seekers(TODAY)

    @pytest.mark.parametrize("kind", ["shelter", "safe_house", "trusted_address"])
    def test_a_hiding_place_cannot_be_written_as_public(self, kind):
        with pytest.raises(ValueError, match="staff_only"):
            Service.from_row(CHECKED.to_row() | {"kind": kind})

    def test_stale_entries_are_named_for_their_owner(self):
        old = replace(CHECKED, id="s2", verified_on=TODAY - timedelta(days=181))
        never = replace(CHECKED, id="s3", verified_on=None)
        assert Directory([CHECKED, old, never]).stale(TODAY) == (old,)


class TestText:
    def test_another_commune_is_said_with_an_honest_distance(self, gazetteer):
        assert "about_km 30" in texts(gazetteer, CHECKED, near=TAN_PHONG)[0]

    def test_another_province_is_named(self, gazetteer):
        neighbour = replace(CHECKED, commune="03006", commune_name="phường Sa Pa", province="Lào Cai")
        assert "phường Sa Pa, tỉnh Lào Cai" in texts(gazetteer, neighbour)[0]

    def test_without_her_place_no_distance_is_said(self, gazetteer):
        assert texts(gazetteer, CHECKED, near="")[0].startswith(f"Trạm thử, xã Bình Lư: {PHONE}\nopen, ")

    @pytest.mark.parametrize(
        ("hours", "said"), [("", "hours_unknown"), ("24/7", "hours_247"), ("Su 08:00-09:00", "closed")]
    )
    def test_hours(self, gazetteer, hours, said):
        assert said in texts(gazetteer, replace(CHECKED, hours=hours))[0]

    def test_a_service_without_a_point_stands_at_its_communes_centre(self, gazetteer):
        (offer,) = offers(gazetteer, replace(CHECKED, point=None), near=TAN_PHONG)
        assert offer.ranked.road_km == pytest.approx(33.6, abs=0.5)

    def test_at_most_three_are_named_and_numbered(self, gazetteer):
        many = [replace(CHECKED, id=f"s{n}", name=f"Trạm {n}") for n in range(9)]
        told = texts(gazetteer, *many, limit=9)
        assert [text.split(",")[0] for text in told] == ["1. Trạm 0", "2. Trạm 1", "3. Trạm 2"]

    def test_what_holds_for_all_follows_the_last(self, gazetteer):
        first, last = texts(gazetteer, CHECKED, replace(CHECKED, id="s2"), near=TAN_PHONG)
        assert "nobody" not in first
        assert last.endswith("\n\nestimated\nsay_phone words_medical\ncost_ask\nnobody")

    def test_without_a_number_she_is_told_what_to_say_on_arriving(self, gazetteer):
        (text,) = texts(gazetteer, replace(CHECKED, phones=()))
        assert "say_there words_medical" in text

    @pytest.mark.parametrize(
        ("needs", "words"),
        [
            (("medical",), "words_medical"),
            (("medical", "sexual_violence_care"), "words_sexual_violence_care"),
            (("police",), "words_police"),
            (("legal",), "words_legal"),
            (("social",), "words_other"),
        ],
    )
    def test_the_words_fit_the_need(self, gazetteer, needs, words):
        told = describe(offers(gazetteer, replace(CHECKED, needs=frozenset(needs)), needs=needs), needs, say)
        assert f"say_phone {words}" in told[0].text

    @pytest.mark.parametrize(
        ("cost", "said"), [(Cost.FREE, "cost_free"), (Cost.PAID, "cost_paid"), (Cost.INSURANCE, "cost_insurance")]
    )
    def test_a_checked_cost_is_said_and_need_not_be_asked(self, gazetteer, cost, said):
        (text,) = texts(gazetteer, replace(CHECKED, cost=cost))
        assert said in text
        assert "cost_ask" not in text
        (stale,) = texts(gazetteer, replace(CHECKED, cost=cost, verified_on=None))
        assert said not in stale
        assert "cost_ask" in stale

    def test_a_measured_way_is_said_in_minutes_and_is_no_estimate(self, gazetteer):
        directory = Directory([CHECKED], travel={TAN_PHONG: {"s1": 52.0}})
        (told,) = describe(find(directory, gazetteer, TAN_PHONG, ["medical"], NOW), ("medical",), say)
        assert "about_minutes 50" in told.text
        assert "estimated" not in told.text

    def test_full_is_said_for_a_day(self, gazetteer):
        full = replace(CHECKED, free=0, free_at=NOW - timedelta(hours=23))
        assert "full" in texts(gazetteer, full)[0]
        assert "full" not in texts(gazetteer, full, now=NOW + timedelta(hours=2))[0]

    def test_who_is_closed_today_is_not_called_full_for_what_was_said_yesterday(self, gazetteer):
        (text,) = texts(
            gazetteer, replace(CHECKED, free=0, free_at=NOW - timedelta(hours=23)), now=NOW.replace(hour=20)
        )
        assert "same_commune, closed" in text

    def test_a_holiday_without_hours_is_not_known(self, gazetteer):
        directory = Directory([CHECKED], holidays=[TODAY])
        (told,) = describe(find(directory, gazetteer, BINH_LU, ["medical"], NOW), ("medical",), say)
        assert "hours_unknown" in told.text

    def test_only_a_real_point_is_one_for_the_map(self, gazetteer):
        assert describe(offers(gazetteer, CHECKED), ("medical",), say)[0].point == CHECKED.point
        assert describe(offers(gazetteer, replace(CHECKED, point=None)), ("medical",), say)[0].point is None

    @pytest.mark.parametrize(("km", "about"), [(0.2, 1), (4.4, 4), (9.9, 10), (12, 10), (13, 15), (101, 100)])
    def test_about_km(self, km, about):
        assert about_km(km) == about


class TestRows:
    @pytest.mark.parametrize("service", [CHECKED, Service(id="x", name="Trống", kind="police")])
    def test_there_and_back(self, service):
        row = service.to_row()
        assert all(isinstance(value, str) for value in row.values())
        assert Service.from_row(row) == service

    def test_without_disclosure_it_is_for_staff(self):
        row = CHECKED.to_row()
        del row["disclosure"]
        assert Service.from_row(row).disclosure is Disclosure.STAFF_ONLY

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("name", ""), ("kind", "hostel"), ("needs", "medical|luck"), ("disclosure", "maybe"), ("hours", "sometimes"),
            ("phones", "call me"), ("phones", "1800 1567"), ("lat", ""), ("lat", "91"), ("lon", "nan"), ("lat", "22,5"),
            ("capacity", "-1"), ("capacity", "many"), ("verified_on", "1/11/2026"), ("takes", "everybody"),
            ("languages", "Việt"), ("email", "a@b@c"), ("url", "javascript:x"), ("commune", "1234"), ("covers", "abc"),
            ("free_at", "2026-11-23T08:00"), ("cost", "cheap"), ("status", "maybe"), ("hsds_service", "12"),
            ("about", "x" * 2_001),
        ],
    )  # fmt: skip
    def test_a_wrong_cell_is_refused_with_the_id(self, column, value):
        with pytest.raises(ValueError, match="service s1: "):
            Service.from_row(CHECKED.to_row() | {column: value})


class TestFiles:
    def test_a_csv_goes_out_and_comes_back_whole(self):
        tricky = replace(CHECKED, name="=Trạm", about="+84 gọi\n“hai dòng”, 'nháy'", source="'=x")
        written = write_services([replace(CHECKED, id="s9"), tricky])
        assert written.startswith(b"\xef\xbb\xbf")
        assert b"'=Tr" in written  # a spreadsheet must not run it
        assert read_services(written) == (tricky, replace(CHECKED, id="s9"))

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"id,name,kind,colour\nx,y,club,red\n", "unknown column 'colour'"),
            (b"id,name,kind\nx,y,club,more\n", "services.csv:2: more cells"),
            (b"id,name,kind\nx,y,club\nx,y,club\n", "services.csv:3: the id x stands twice"),
            (b"\xff\xfe", "not UTF-8"),
            (b'id,name,kind\n"x', "services.csv:"),
        ],
    )
    def test_a_wrong_csv_is_refused_with_its_line(self, content, said):
        with pytest.raises(ValueError, match=said):
            read_services(content)

    def test_holidays_of_one_year_and_of_every_year(self):
        days = read_holidays(b"day,name\n2027-02-06,T\n09-02,Q\n")
        assert {date(2027, 2, 6), date(2026, 9, 2), date(2030, 9, 2)} <= days
        assert date(2028, 2, 6) not in days
        with pytest.raises(ValueError, match=r"holidays\.csv:2"):
            read_holidays(b"day\n2/9\n")

    def test_travel_times_count_both_ways(self):
        told = read_travel(b"commune,to,minutes,source\n03390,03408,50,S\n03390,f001,60,S\n")
        assert told["03390"] == {"03408": 50, "f001": 60}
        assert told["03408"] == {"03390": 50}

    @pytest.mark.parametrize(
        "row", ["03390,03408,,S", "03390,03408,-1,S", "03390,03408,nan,S", ",03408,5,S", "03390,03408,5,"]
    )
    def test_a_wrong_travel_time_is_refused(self, row):
        with pytest.raises(ValueError, match=r"travel\.csv:2"):
            read_travel(f"commune,to,minutes,source\n{row}\n".encode())


class TestSeed:
    def test_sixteen_facilities_with_points_and_nothing_unproven(self, seed):
        assert len(seed) == 16
        for service in seed:
            assert service.point is not None
            assert "OpenStreetMap" in service.point_source
            assert service.phones == ()
            assert service.verified_on is None
            assert service.hours == ""
            assert service.disclosure is Disclosure.PUBLIC
            assert service.kind in {"hospital", "health_centre"}

    def test_specialist_hospitals_are_not_first_line_care(self, seed):
        specialists = {service.name for service in seed if "medical" not in service.needs}
        assert specialists == {"Bệnh viện Y học cổ truyền Lai Châu", "Bệnh viện Phổi tỉnh Lai Châu"}

    def test_communes_are_named_as_the_gazetteer_names_them(self, seed, gazetteer):
        for service in seed:
            if service.province == "Lai Châu":
                assert gazetteer.name(service.commune) == service.commune_name
            else:
                assert service.commune not in gazetteer.codes

    def test_from_every_commune_medical_help_is_found(self, seed, gazetteer):
        directory = Directory(seed)
        for commune in gazetteer.codes:
            found = find(directory, gazetteer, commune, ["medical"], NOW, 3)
            assert len(found) == 3
            assert all(not offer.verified and not offer.phones for offer in found)

    def test_the_nearest_of_binh_lu_is_tam_duong(self, seed, gazetteer):
        found = find(Directory(seed), gazetteer, BINH_LU, ["medical"], NOW, 1)
        assert found[0].ranked.service.name == "Trung tâm Y tế Tam Đường"

    def test_mistakes_are_refused_with_their_line(self):
        good = files("flows/content/directory")
        services = good["services.csv"]
        first = services.split(b"\n")[1]
        with pytest.raises(ValueError, match="twice"):
            load_seed(good | {"services.csv": services + first + b"\n"})
        with pytest.raises(ValueError, match="f001"):
            load_seed(good | {"services.csv": services.split(b"\n")[0] + b"\n"})
        with pytest.raises(ValueError, match=r"services\.csv:2"):
            load_seed(good | {"services.csv": services.replace(b",hospital,", b",castle,", 1)})

    def test_folders_before_the_names_do_not_matter(self, seed):
        in_folder = {f"directory/{name}": content for name, content in files("flows/content/directory").items()}
        assert load_seed(in_folder) == seed

    def test_an_empty_seed_is_an_empty_directory(self):
        assert load_seed({}) == ()

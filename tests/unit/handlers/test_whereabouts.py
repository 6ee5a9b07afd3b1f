"""The commune on the call: what her own words say of where she is stands on the case as soon as somebody is called."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.model import MessageKind, Staff, Summary
from handlers.rules.places import Gazetteer
from tests.fakes.road import EMERGENCY, Road

MUONG_SO, BINH_LU, MUONG_THAN = "03549", "03390", "03595"


@pytest.fixture
def hoa(road: Road) -> Staff:
    return road.hire("tuvan", alias="Hoa")


def summary(road: Road, who: str = "a") -> Summary:
    return road.case_of(who).summary


def read(road: Road, who: str = "a") -> tuple[str, bool, tuple[str, ...]]:
    now = summary(road, who)
    return now.commune, now.commune_unasked, now.places


@pytest.mark.parametrize(
    "words", ["em ở xã Mường So, nó đang phá cửa, nó cầm dao", "o muong so no dang danh em, no cam dao"]
)
def test_the_words_that_call_somebody_say_where(road: Road, hoa: Staff, words: str) -> None:
    road.types("a", words)
    assert read(road) == (MUONG_SO, True, ())
    seen = road.look(hoa, road.meets("a", hoa))
    assert seen.summary.commune == MUONG_SO


def test_what_she_wrote_before_the_call_counts(road: Road) -> None:
    road.starts("a")
    road.types("a", "em ở xã Mường So ạ")
    assert read(road) == ("", False, ())  # nobody is called: nothing is looked up
    road.types("a", EMERGENCY)
    assert read(road) == (MUONG_SO, True, ())


def test_and_what_she_writes_after_it(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    case = road.meets("a", hoa)
    road.says(hoa, case, "Em đang ở xã nào?")
    road.types("a", "muong so a")
    assert read(road) == (MUONG_SO, True, ())


def test_words_never_replace_what_is_known(road: Road) -> None:
    road.types("a", "em ở xã Mường So, chồng em đang cầm dao đuổi em")
    road.types("a", "em chạy sang xã Bình Lư rồi")
    assert read(road) == (MUONG_SO, True, (BINH_LU,))


@pytest.mark.parametrize("words", ["chị Tân Phong bị nó đánh, nó đang cầm dao", "nó ở Sa Pa, nó đang cầm dao đuổi em"])
def test_people_ordinary_words_and_other_provinces_are_no_place(road: Road, words: str) -> None:
    road.types("a", words)
    assert read(road) == ("", False, ())


def test_what_may_mean_several_is_told_as_that(road: Road) -> None:
    road.types("a", "em ở xã Mường So hay Bình Lư không rõ, nó đang cầm dao đuổi em")
    commune, _, places = read(road)
    assert commune == ""
    assert set(places) == {MUONG_SO, BINH_LU}


def test_her_answer_to_the_question_takes_its_place(road: Road) -> None:
    road.types("a", "em ở xã Mường So, chồng em đang cầm dao đuổi em")
    road.presses("a", "Nhắn tiếp ở đây")
    road.presses("a", "Bỏ qua")  # who needs help; then where
    road.types("a", "xã Bình Lư")
    assert read(road) == (MUONG_SO, True, (BINH_LU,))  # asked back, not yet answered
    road.presses("a", "Có")
    assert read(road) == (BINH_LU, False, ())


def test_a_place_she_says_no_to_is_forgotten(road: Road) -> None:
    road.types("a", EMERGENCY)
    road.presses("a", "Nhắn tiếp ở đây")
    road.presses("a", "Bỏ qua")  # who needs help; then where
    road.types("a", "xã Bình Lư")
    assert read(road) == ("", False, (BINH_LU,))
    road.presses("a", "Không")
    assert read(road) == ("", False, ())


def test_a_shared_place_is_where_she_may_be(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    road.meets("a", hoa)
    road.sends("a", MessageKind.LOCATION, point=(22.386432, 103.458765))
    commune, _, places = read(road)
    assert commune == ""
    assert places


def test_over_a_gap_it_may_be_somebody_else(road: Road) -> None:
    road.types("a", EMERGENCY)
    road.now += timedelta(hours=2)
    road.types("a", "mình ở xã Mường So")
    assert read(road) == ("", False, (MUONG_SO,))


def test_nothing_is_looked_up_where_nobody_is_called(road: Road) -> None:
    asked: list[str] = []

    class Counting(Gazetteer):
        def resolve(self, text: str):
            asked.append(text)
            return super().resolve(text)

    world = road.worlds.current
    road.worlds.replace(replace(world, gazetteer=Counting(world.gazetteer._table)))
    road.starts("a")
    for line in ("em chào ạ", "em ở xã Mường So", "hôm nay em buồn"):
        road.types("a", line)
    assert asked == []
    road.types("a", EMERGENCY)
    assert asked[1:] == ["em chào ạ", "em ở xã Mường So", "hôm nay em buồn", EMERGENCY]
    asked.clear()
    road.now += timedelta(seconds=5)
    road.types("a", "nó đi rồi")
    assert asked == ["nó đi rồi"]


def test_figures_count_only_what_she_answered(road: Road, hoa: Staff) -> None:
    road.types("a", "em ở xã Mường So, chồng em đang cầm dao đuổi em")
    case = road.meets("a", hoa)
    road.says(hoa, case, "Chị đây")
    road.close_case(hoa, case)
    assert [fact.commune for fact in road.facts()] == [""]

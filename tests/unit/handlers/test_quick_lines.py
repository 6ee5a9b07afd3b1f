"""Who writes several lines at once is answered once, and hears once that somebody who is called will read them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers.model import Staff
from tests.fakes.road import EMERGENCY, Road

LINES = ("nó say từ chiều", "em sợ lắm", "em khóa cửa rồi", "nó đập cửa", "con em khóc", "em không biết làm gì")


@pytest.fixture
def hoa(road: Road) -> Staff:
    return road.hire("tuvan", alias="Hoa")


def writes(road: Road, *texts: str, apart_s: float = 3) -> list[str]:
    """What these lines bring, and what comes when she pauses."""
    before = len(road.got["a"])
    for text in texts:
        road.types("a", text)
        road.waits(seconds=apart_s)
    road.waits(seconds=15)
    return road.texts("a")[before:]


def test_six_quick_lines_are_answered_twice_and_never_alike(road: Road) -> None:
    road.starts("a")
    road.waits(seconds=30)
    calm = (
        "hôm nay em buồn",
        "em không ngủ được",
        "trời mưa mãi",
        "em nấu cơm xong rồi",
        "con em ngủ rồi",
        "em ngồi đây",
    )
    said = writes(road, *calm)
    assert said[0] == road.worlds.say("choose_again")
    assert said[2] == road.worlds.say("choose_again_2")
    assert len(said) == 4, said
    assert "an toàn" in said[-1], "the question stands under what she wrote"
    assert road.came_in()[-6:] == list(calm), "every line is kept"


def test_during_a_call_she_hears_once_that_it_will_be_read(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    road.waits(seconds=20)
    said = writes(road, "nó say từ chiều", "em ngồi trong bếp", apart_s=12)
    called = road.worlds.say("choose_again_called")
    assert said.count(called) == 1
    assert road.worlds.say("choose_again") not in road.texts("a")
    assert not any("gặp người" in text for text in said[:2])
    again = writes(road, "nó ngồi ngoài sân", apart_s=12)
    assert called not in again
    assert again


def test_who_has_not_agreed_that_somebody_reads_is_not_told_that_they_do(road: Road) -> None:
    road.hire("tuvan", alias="Hoa")
    road.starts("a")
    road.waits(seconds=20)
    road.types("a", "tháng trước chồng em bóp cổ em, giờ em vẫn ở chung nhà với anh ấy")
    road.waits(seconds=20)
    said = writes(road, "hôm nay em buồn", "trời mưa mãi", apart_s=12)
    assert road.worlds.say("choose_again_called") not in said


def test_a_counsellor_who_has_come_ends_what_was_owed(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    road.waits(seconds=20)
    for line in ("nó say từ chiều", "em ngồi trong bếp"):
        road.types("a", line)
        road.waits(seconds=2)
    case = road.meets("a", hoa)
    road.says(hoa, case, "Chị đây em.")
    before = len(road.got["a"])
    road.waits(seconds=30)
    assert road.texts("a")[before:] == []


def test_danger_told_twice_brings_the_numbers_once_and_after_a_while_again(road: Road, hoa: Staff) -> None:
    def cards() -> int:
        return sum("Cứu nạn: " in text for text in road.texts("a"))

    road.types("a", EMERGENCY)
    road.waits(seconds=4)
    road.types("a", "nó đang đập cửa, nó cầm dao")
    assert cards() == 1
    assert road.last("a") == road.worlds.say("choose_again_called")
    assert road.got["a"][-1].buttons[0].label == "Gọi người trực ngay"
    road.waits(minutes=3)
    road.types("a", "nó vào rồi, nó cầm dao")
    assert cards() == 2


def test_over_a_gap_the_numbers_come_again(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    road.now += timedelta(minutes=31)
    road.types("a", EMERGENCY)
    assert sum("Cứu nạn: " in text for text in road.texts("a")) >= 2

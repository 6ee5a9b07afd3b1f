"""Ranking: fit, then open, then time, then room; and the hours behind "open"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pytest

from handlers.rules.distance import distance_km
from handlers.rules.nearest import BandIndex, rank, time_step
from handlers.rules.opening_hours import parse_hours

HANOI = timezone(timedelta(hours=7))
MONDAY_9 = datetime(2026, 11, 23, 9, 0, tzinfo=HANOI)
SUNDAY_9 = datetime(2026, 11, 22, 9, 0, tzinfo=HANOI)
HERE = (22.38, 103.48)


@dataclass(frozen=True)
class Stand:
    id: str
    needs: frozenset[str] = frozenset({"medical"})
    hours: str = ""
    capacity: int | None = None

    def open_at(self, now_local: datetime) -> bool | None:
        hours = parse_hours(self.hours)
        return None if hours is None else hours.open_at(now_local)


def order(*services, needs=("medical",), near=HERE, now=MONDAY_9, limit=10):
    return [one.service.id for one in rank(BandIndex(services), near, needs, now, limit)]


def north(km: float) -> tuple[float, float]:
    return HERE[0] + km / 111.195, HERE[1]


def test_who_does_not_serve_the_need_is_left_out():
    assert order((Stand("legal", needs=frozenset({"legal"})), HERE), (Stand("clinic"), north(90))) == ["clinic"]


def test_more_needs_served_come_first():
    both = Stand("both", needs=frozenset({"medical", "police"}))
    assert order((Stand("near"), HERE), (both, north(90)), needs=("medical", "police")) == ["both", "near"]


def test_open_before_unknown_before_closed():
    shut = Stand("shut", hours="Sa 08:00-11:00")
    unknown = Stand("unknown")
    always = Stand("always", hours="24/7")
    assert order((shut, HERE), (unknown, north(20)), (always, north(40))) == ["always", "unknown", "shut"]


def test_nearer_comes_first():
    assert order((Stand("far"), north(30)), (Stand("near"), north(10)), (Stand("south"), north(-20))) == [
        "near", "south", "far",
    ]  # fmt: skip


def test_room_decides_between_equal_times():
    small, large = Stand("a-small", capacity=2), Stand("b-large", capacity=9)
    assert order((small, north(10)), (large, north(10.01))) == ["b-large", "a-small"]
    assert order((small, north(10)), (large, north(30))) == ["a-small", "b-large"]


def test_without_a_point_comes_last_in_its_class():
    assert order((Stand("nowhere", capacity=99), None), (Stand("far"), north(150))) == ["far", "nowhere"]


def test_without_her_place_nothing_is_said_of_distance():
    ranked = rank(BandIndex([(Stand("a"), HERE), (Stand("b", capacity=5), None)]), None, ["medical"], MONDAY_9, 3)
    assert [(one.service.id, one.road_km, one.minutes) for one in ranked] == [("b", None, None), ("a", None, None)]


def test_the_road_is_longer_than_the_line():
    (only,) = rank(BandIndex([(Stand("a"), north(10))]), HERE, ["medical"], MONDAY_9, 1)
    assert only.road_km == pytest.approx(17, abs=0.1)
    assert only.minutes == pytest.approx(34, abs=0.2)


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_limit(limit):
    assert len(order((Stand("a"), HERE), (Stand("b"), None), (Stand("c", hours="24/7"), HERE), limit=limit)) == limit


def test_an_empty_directory_is_an_empty_answer():
    assert order() == []


def test_distance_of_a_known_pair():
    """One degree of latitude is 111.2 km everywhere; at the same point it is nothing."""
    assert distance_km(22, 103, 23, 103) == pytest.approx(111.195, abs=0.01)
    assert distance_km(22, 103, 22, 103) == 0
    assert time_step(0) == 0


class TestHours:
    @pytest.mark.parametrize(
        ("text", "now", "is_open"),
        [
            ("24/7", SUNDAY_9, True),
            ("Mo-Fr 07:30-11:30,13:30-17:00", MONDAY_9, True),
            ("Mo-Fr 07:30-11:30,13:30-17:00", MONDAY_9.replace(hour=12), False),
            ("Mo-Fr 07:30-11:30,13:30-17:00", MONDAY_9.replace(hour=17), False),
            ("Mo-Fr 07:30-11:30", SUNDAY_9, False),
            ("Mo-Fr 07:30-11:30; Su 08:00-10:00", SUNDAY_9, True),
            ("Sa-Mo 08:00-10:00", MONDAY_9, True),
            ("Su 22:00-06:00", MONDAY_9.replace(hour=5), True),
            ("Mo 22:00-06:00", MONDAY_9.replace(hour=5), False),
            ("Mo-Su 00:00-24:00", MONDAY_9.replace(hour=23, minute=59), True),
        ],
    )
    def test_open(self, text, now, is_open):
        assert parse_hours(text).open_at(now) is is_open

    def test_empty_is_not_known(self):
        assert parse_hours(" ") is None

    @pytest.mark.parametrize(
        "text", ["always", "Mo", "Mo 7:30-11", "Xx 07:30-11:30", "Mo 07:30-24:30", "Mo 07:30-07:30", "Mo-Fr 08:00"]
    )
    def test_anything_else_is_refused(self, text):
        with pytest.raises(ValueError, match="opening hours"):
            parse_hours(text)

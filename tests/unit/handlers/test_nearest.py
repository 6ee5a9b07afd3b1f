"""Ranking: fit, then not closed, then time (an open door is worth an hour), then room; and the hours behind "open"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import MappingProxyType

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
    room: int = 0
    commune: str = ""

    @property
    def alike(self) -> str:
        return self.hours


def opened_at(now: datetime):
    """Whether a stand is open then."""

    def is_open(stand: Stand) -> bool | None:
        hours = parse_hours(stand.hours)
        return None if hours is None else hours.open_at(now)

    return is_open


def order(*services, needs=("medical",), near=HERE, now=MONDAY_9, limit=10, travel=MappingProxyType({})):
    ranked = rank(BandIndex(services), near, needs, opened_at(now), limit, travel)
    return [one.service.id for one in ranked]


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
    assert order((shut, HERE), (unknown, north(20)), (always, north(30))) == ["always", "unknown", "shut"]


def test_an_open_door_is_worth_an_hour_and_no_more():
    unknown, always = Stand("unknown"), Stand("always", hours="24/7")
    an_hour = 60 / 60 * 30 / 1.7  # km in a straight line
    assert order((unknown, north(5)), (always, north(5 + an_hour - 3))) == ["always", "unknown"]
    assert order((unknown, north(5)), (always, north(5 + an_hour + 3))) == ["unknown", "always"]
    far = [(Stand(f"always-{n}", hours="24/7"), north(150 + n)) for n in range(3)]
    assert order((unknown, north(5)), *far, limit=3)[0] == "unknown"


def test_where_no_time_is_known_an_open_door_comes_first():
    unknown, always = (Stand("unknown", room=9), None), (Stand("always", hours="24/7"), None)
    assert order(unknown, always) == order(unknown, always, near=None) == ["always", "unknown"]


def test_nearer_comes_first():
    assert order((Stand("far"), north(30)), (Stand("near"), north(10)), (Stand("south"), north(-20))) == [
        "near", "south", "far",
    ]  # fmt: skip


def test_room_decides_between_equal_times():
    small, large = Stand("a-small", room=2), Stand("b-large", room=9)
    assert order((small, north(10)), (large, north(10.01))) == ["b-large", "a-small"]
    assert order((small, north(10)), (large, north(30))) == ["a-small", "b-large"]


def test_without_a_point_comes_last_in_its_class():
    assert order((Stand("nowhere", room=99), None), (Stand("far"), north(150))) == ["far", "nowhere"]


def test_without_her_place_nothing_is_said_of_distance():
    ranked = rank(
        BandIndex([(Stand("a"), HERE), (Stand("b", room=5), None)]), None, ["medical"], opened_at(MONDAY_9), 3
    )
    assert [(one.service.id, one.road_km, one.minutes) for one in ranked] == [("b", None, None), ("a", None, None)]


def test_the_road_is_longer_than_the_line():
    (only,) = rank(BandIndex([(Stand("a"), north(10))]), HERE, ["medical"], opened_at(MONDAY_9), 1)
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


class TestTravelTable:
    """What somebody has measured counts before what we estimate."""

    def test_a_told_time_replaces_the_estimate(self):
        near, far = (Stand("near", commune="00001"), north(5)), (Stand("far", commune="00002"), north(40))
        assert order(near, far) == ["near", "far"]
        assert order(near, far, travel={"00001": 240, "00002": 30}) == ["far", "near"]

    def test_a_time_for_one_service_counts_before_its_communes(self):
        one, other = (Stand("one", commune="00001"), north(5)), (Stand("other", commune="00001"), north(5))
        assert order(one, other, travel={"00001": 60, "one": 120}) == ["other", "one"]

    def test_a_service_without_a_point_can_be_told_of(self):
        known, unknown = (Stand("known"), north(60)), (Stand("unknown", commune="00001"), None)
        assert order(known, unknown) == ["known", "unknown"]
        assert order(known, unknown, travel={"00001": 20}) == ["unknown", "known"]
        ranked = rank(BandIndex([unknown]), HERE, ["medical"], opened_at(MONDAY_9), 1, {"00001": 20})
        assert (ranked[0].minutes, ranked[0].road_km, ranked[0].measured) == (20, None, True)

    def test_room_decides_within_a_commune_and_none_is_forgotten(self):
        stands = [(Stand(f"s{n}", room=n, commune="00001"), north(5)) for n in range(6)]
        assert order(*stands, travel={"00001": 20}, limit=3) == ["s5", "s4", "s3"]
        assert len(order(*stands, travel={"00001": 20})) == 6

    def test_open_still_counts_before_the_way(self):
        shut, always = (
            (Stand("shut", hours="Sa 08:00-11:00", commune="00001"), HERE),
            (Stand("b", hours="24/7"), north(50)),
        )
        assert order(shut, always, travel={"00001": 1}) == ["b", "shut"]


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

    @pytest.mark.parametrize(
        ("text", "now", "is_open"),
        [
            ("24/7", MONDAY_9, True),
            ("Mo-Fr 07:30-17:00", MONDAY_9, None),
            ("Mo-Fr 07:30-17:00; PH off", MONDAY_9, False),
            ("Mo-Fr 07:30-17:00; PH 08:00-10:00", MONDAY_9, True),
            ("Mo-Fr 07:30-17:00; PH 08:00-10:00", MONDAY_9.replace(hour=11), False),
            ("PH 08:00-10:00", SUNDAY_9, True),
        ],
    )
    def test_on_a_public_holiday(self, text, now, is_open):
        assert parse_hours(text).open_at(now, holiday=True) is is_open

    def test_a_holiday_rule_changes_no_other_day(self):
        assert parse_hours("Mo-Fr 07:30-17:00; PH off").open_at(MONDAY_9) is True

    def test_a_day_off_takes_what_was_said_before_back(self):
        assert parse_hours("Mo-Su 07:30-17:00; Su off").open_at(SUNDAY_9) is False
        assert parse_hours("Mo-Su 07:30-17:00; Su off").open_at(MONDAY_9) is True

    @pytest.mark.parametrize(
        ("text", "covered"),
        [
            ("24/7", True), ("Mo-Su 00:00-24:00", True), ("Mo-Su 21:00-07:00", True), ("Mo-Su 22:00-06:00", True),
            ("Mo-Su 22:00-05:00", False), ("Mo-Sa 21:00-07:00", False), ("Mo-Fr 07:30-17:00", False),
        ],
    )  # fmt: skip
    def test_covering_the_night(self, text, covered):
        assert parse_hours(text).covers_night() is covered

    def test_empty_is_not_known(self):
        assert parse_hours(" ") is None

    @pytest.mark.parametrize(
        "text",
        [
            "always",
            "Mo",
            "Mo 7:30-11",
            "Xx 07:30-11:30",
            "Mo 07:30-24:30",
            "Mo 07:30-07:30",
            "Mo-Fr 08:00",
            "PH 22:00-06:00",
            "Mo,PH off",
        ],
    )
    def test_anything_else_is_refused(self, text):
        with pytest.raises(ValueError, match="opening hours"):
            parse_hours(text)

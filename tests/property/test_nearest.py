"""Ranking does not depend on the order of rows, and the index answers as a plain scan would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.rules.distance import distance_km
from handlers.rules.nearest import UNSURE_MIN, BandIndex, estimated_minutes, rank, time_step
from handlers.rules.opening_hours import parse_hours

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=timezone(timedelta(hours=7)))
NEEDS = ("medical", "police", "legal")
COMMUNES = ("00001", "00002", "00003")


@dataclass(frozen=True)
class Stand:
    id: str
    needs: frozenset[str]
    hours: str
    room: int
    commune: str

    @property
    def alike(self) -> str:
        return self.hours


def is_open(stand: Stand) -> bool | None:
    hours = parse_hours(stand.hours)
    return None if hours is None else hours.open_at(NOW)


# A coarse grid, so that equal places and equal times are common.
grid = st.tuples(st.integers(0, 8).map(lambda n: 21.6 + n / 8), st.integers(0, 8).map(lambda n: 102.4 + n / 5))
fine = st.tuples(st.floats(21.5, 22.9), st.floats(102.3, 104.1))
places = st.one_of(st.none(), grid, fine)
bodies = st.tuples(
    st.frozensets(st.sampled_from(NEEDS)),
    st.sampled_from(["", "24/7", "Mo-Fr 08:00-10:00", "Su 08:00-10:00"]),
    st.integers(0, 3),
    st.sampled_from(["", *COMMUNES]),
    places,
)
tables = st.dictionaries(st.sampled_from([*COMMUNES, "s000", "s001", "s005"]), st.integers(0, 400), max_size=4)


def stands(rows):
    return [
        (Stand(f"s{n:03}", needs, hours, room, commune), place)
        for n, (needs, hours, room, commune, place) in enumerate(rows)
    ]


def scanned(services, near, needs, limit, travel):
    """The specification, as slowly as it reads."""

    def minutes_to(service, place):
        if near is None:
            return None
        told = travel.get(service.id, travel.get(service.commune))
        if told is not None:
            return told
        return None if place is None else estimated_minutes(distance_km(*near, *place))

    def key(pair):
        service, place = pair
        opened, minutes = is_open(service), minutes_to(service, place)
        counted = 0.0 if minutes is None else minutes + (UNSURE_MIN if opened is None else 0)
        return (
            -len(service.needs & set(needs)),
            opened is False,
            minutes is None,
            minutes is None and opened is None,
            time_step(counted),
            -service.room,
            counted,
            service.id,
        )

    fitting = [pair for pair in services if pair[0].needs & set(needs)]
    return [service.id for service, _ in sorted(fitting, key=key)][:limit]


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(bodies, max_size=30),
    near=st.one_of(st.none(), grid, fine),
    needs=st.sets(st.sampled_from(NEEDS), min_size=1),
    limit=st.integers(1, 8),
    travel=tables,
    shuffle=st.randoms(use_true_random=False),
)
def test_as_a_scan_and_in_any_order(rows, near, needs, limit, travel, shuffle):
    services = stands(rows)
    expected = scanned(services, near, needs, limit, travel)
    shuffle.shuffle(services)
    found = rank(BandIndex(services), near, needs, is_open, limit, travel)
    assert [one.service.id for one in found] == expected


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(bodies, max_size=20), near=fine, limit=st.integers(1, 5))
def test_a_longer_answer_begins_with_the_shorter(rows, near, limit):
    index = BandIndex(stands(rows))
    short = rank(index, near, NEEDS, is_open, limit)
    assert rank(index, near, NEEDS, is_open, limit + 3)[:limit] == short

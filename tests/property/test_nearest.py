"""Ranking does not depend on the order of rows, and the index answers as a plain scan would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.rules.distance import distance_km
from handlers.rules.nearest import BandIndex, rank, time_step
from handlers.rules.opening_hours import parse_hours

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=timezone(timedelta(hours=7)))
NEEDS = ("medical", "police", "legal")


@dataclass(frozen=True)
class Stand:
    id: str
    needs: frozenset[str]
    hours: str
    capacity: int | None

    def open_at(self, now_local: datetime) -> bool | None:
        hours = parse_hours(self.hours)
        return None if hours is None else hours.open_at(now_local)


# A coarse grid, so that equal places and equal times are common.
grid = st.tuples(st.integers(0, 8).map(lambda n: 21.6 + n / 8), st.integers(0, 8).map(lambda n: 102.4 + n / 5))
fine = st.tuples(st.floats(21.5, 22.9), st.floats(102.3, 104.1))
places = st.one_of(st.none(), grid, fine)
bodies = st.tuples(
    st.frozensets(st.sampled_from(NEEDS)),
    st.sampled_from(["", "24/7", "Mo-Fr 08:00-10:00", "Su 08:00-10:00"]),
    st.one_of(st.none(), st.integers(0, 3)),
    places,
)


def stands(rows):
    return [(Stand(f"s{n:03}", needs, hours, room), place) for n, (needs, hours, room, place) in enumerate(rows)]


def scanned(services, near, needs, limit):
    """The specification, as slowly as it reads."""

    def key(pair):
        service, place = pair
        is_open = service.open_at(NOW)
        km = None if near is None or place is None else distance_km(*near, *place)
        return (
            -len(service.needs & set(needs)),
            0 if is_open else 1 if is_open is None else 2,
            km is None,
            time_step(km) if km is not None else 0,
            -(service.capacity or 0),
            km or 0.0,
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
    shuffle=st.randoms(use_true_random=False),
)
def test_as_a_scan_and_in_any_order(rows, near, needs, limit, shuffle):
    services = stands(rows)
    expected = scanned(services, near, needs, limit)
    shuffle.shuffle(services)
    found = rank(BandIndex(services), near, needs, NOW, limit)
    assert [one.service.id for one in found] == expected


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(bodies, max_size=20), near=fine, limit=st.integers(1, 5))
def test_a_longer_answer_begins_with_the_shorter(rows, near, limit):
    index = BandIndex(stands(rows))
    short = rank(index, near, NEEDS, NOW, limit)
    assert rank(index, near, NEEDS, NOW, limit + 3)[:limit] == short

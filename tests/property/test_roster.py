"""The roster against a plain model: minute by minute, whatever the shifts."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.rules.roster import Holiday, Roster, Shift

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
BEGIN = datetime(2026, 12, 7, 0, 0, tzinfo=ZONE)
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30]))
SHIFTS = st.builds(
    Shift,
    rung=st.just("on_duty"),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    begins=TIMES,
    ends=TIMES,
    staff=st.frozensets(st.sampled_from(["an", "binh", "chi"]), min_size=1),
)
HOLIDAYS = st.builds(
    Holiday, day=st.dates(date(2026, 12, 6), date(2026, 12, 15)), shifts=st.lists(SHIFTS, max_size=2).map(tuple)
)
ROSTERS = st.builds(
    Roster,
    zone=st.just(ZONE),
    shifts=st.lists(SHIFTS, max_size=4).map(tuple),
    holidays=st.lists(HOLIDAYS, max_size=2, unique_by=lambda holiday: holiday.day).map(tuple),
)
MINUTES = st.integers(0, 8 * 24 * 60).map(lambda minute: BEGIN + timedelta(minutes=minute))


def plainly(roster: Roster, at: datetime) -> set[str]:
    """Who is there by the words of the roster: today's shifts, and yesterday's that run over midnight."""
    there: set[str] = set()
    for back in (0, 1):
        day = at.date() - timedelta(days=back)
        special = [holiday.shifts for holiday in roster.holidays if holiday.day == day]
        shifts = special[0] if special else [one for one in roster.shifts if day.weekday() in one.days]
        clock = at.time()
        for shift in shifts:
            over = shift.ends <= shift.begins
            today = shift.begins <= clock and (over or clock < shift.ends)
            if (back == 0 and today) or (back == 1 and over and clock < shift.ends):
                there |= shift.staff
    return there


@settings(max_examples=150, deadline=None)
@given(roster=ROSTERS, at=MINUTES)
def test_on_duty_is_what_the_words_say(roster: Roster, at: datetime) -> None:
    assert roster.on_rung("on_duty", at.astimezone(UTC)) == plainly(roster, at)


@settings(max_examples=60, deadline=None)
@given(roster=ROSTERS, at=MINUTES)
def test_a_minute_is_in_a_gap_exactly_when_nobody_is_there(roster: Roster, at: datetime) -> None:
    gaps = roster.gaps(BEGIN.astimezone(UTC), (BEGIN + timedelta(days=9)).astimezone(UTC))
    inside = any(gap.period.begins_at <= at < gap.period.ends_at for gap in gaps)
    assert inside is not bool(plainly(roster, at))
    for sooner, later in itertools.pairwise(gaps):
        assert sooner.period.ends_at < later.period.begins_at, "joined and in order"


@settings(max_examples=80, deadline=None)
@given(roster=ROSTERS, at=MINUTES, name=st.sampled_from(["an", "binh", "chi"]))
def test_nothing_changes_for_a_person_before_her_next_change(roster: Roster, at: datetime, name: str) -> None:
    change = roster.next_change(name, at.astimezone(UTC))
    if change is None:
        days = (at + timedelta(days=day, hours=hour) for day in range(3) for hour in range(24))
        assert {name in plainly(roster, moment) for moment in days} <= {name in plainly(roster, at)}
        return
    assert change > at
    before = (change - timedelta(minutes=1)).astimezone(ZONE)
    if before > at:
        assert (name in plainly(roster, at)) == (name in plainly(roster, before))


@settings(max_examples=60, deadline=None)
@given(roster=ROSTERS, at=MINUTES)
def test_a_coming_gap_is_announced_24_and_2_hours_ahead(roster: Roster, at: datetime) -> None:
    """Requirement 33: whatever minute is uncovered, a look within the hours before sees a gap."""
    if plainly(roster, at):
        return
    for hours in (24, 2):
        asked_at = (at - timedelta(hours=hours) + timedelta(minutes=1)).astimezone(UTC)
        gap = roster.gap_ahead(asked_at, timedelta(hours=hours))
        assert gap is not None
        assert gap.period.begins_at <= at.astimezone(UTC)

"""Who is on duty when: shifts over midnight, holidays, gaps, and the switch on top."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from handlers.duty import SWITCH_LASTS, ByRoster, EverybodyByRole
from handlers.model import DutySwitch, Role, Staff
from handlers.rules.ladder import BACKUP, LAST_RESORT, ON_DUTY, SUPERVISOR
from handlers.rules.roster import Holiday, Roster, Shift

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
ALL_WEEK = frozenset(range(7))


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of December 2026 as the clock on the wall in Lai Châu shows it (the 7th is a Monday)."""
    return datetime(2026, 12, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def shift(begins: int, ends: int, *staff: str, days=ALL_WEEK, rung=ON_DUTY) -> Shift:
    return Shift(rung=rung, days=days, begins=time(begins), ends=time(ends), staff=frozenset(staff))


DAY_AND_NIGHT = Roster(
    zone=ZONE,
    shifts=(shift(7, 19, "an", days=frozenset(range(5))), shift(19, 7, "binh"), shift(7, 7, "chi", rung=SUPERVISOR)),
)


@pytest.mark.parametrize(
    ("at", "names"),
    [
        (local(7, 7), {"an"}),
        (local(7, 6, 59), {"binh"}),
        (local(7, 18, 59), {"an"}),
        (local(7, 19), {"binh"}),
        (local(8, 2), {"binh"}),
        (local(12, 10), set()),  # a Saturday: nobody by day
        (local(12, 23), {"binh"}),
    ],
)
def test_a_shift_counts_from_its_first_minute_to_the_one_before_its_end(at, names):
    assert DAY_AND_NIGHT.on_rung(ON_DUTY, at) == names


def test_equal_times_mean_the_whole_day_round():
    assert all(DAY_AND_NIGHT.on_rung(SUPERVISOR, local(9, hour)) == {"chi"} for hour in range(24))


def test_gaps_are_joined_and_given_in_order():
    gaps = DAY_AND_NIGHT.gaps(local(7, 0), local(21, 0))
    assert [(gap.period.begins_at, gap.period.ends_at) for gap in gaps] == [
        (local(12, 7), local(12, 19)),
        (local(13, 7), local(13, 19)),
        (local(19, 7), local(19, 19)),
        (local(20, 7), local(20, 19)),
    ]
    assert DAY_AND_NIGHT.gaps(local(7, 0), local(21, 0), SUPERVISOR) == []
    whole = DAY_AND_NIGHT.gaps(local(7, 0), local(8, 0), BACKUP)
    assert [(gap.period.begins_at, gap.period.ends_at) for gap in whole] == [(local(7, 0), local(8, 0))]


def test_a_gap_is_seen_ahead_within_the_given_time_only():
    friday_noon = local(11, 12)
    assert DAY_AND_NIGHT.gap_ahead(friday_noon).period.begins_at == local(12, 7)
    assert DAY_AND_NIGHT.gap_ahead(friday_noon, timedelta(hours=2)) is None


def test_a_holiday_replaces_the_shifts_that_begin_on_it_and_leaves_the_night_before_alone():
    roster = Roster(
        zone=ZONE,
        shifts=DAY_AND_NIGHT.shifts,
        holidays=(Holiday(day=date(2026, 12, 8), shifts=(shift(8, 12, "dung"),)),),
    )
    assert roster.on_rung(ON_DUTY, local(8, 6)) == {"binh"}, "the night that began on the 7th goes on"
    assert roster.on_rung(ON_DUTY, local(8, 9)) == {"dung"}
    assert roster.on_rung(ON_DUTY, local(8, 13)) == set()
    assert roster.on_rung(ON_DUTY, local(9, 2)) == set(), "its own night is replaced too"
    assert roster.on_rung(ON_DUTY, local(9, 8)) == {"an"}


def test_the_next_change_of_one_person():
    assert DAY_AND_NIGHT.next_change("AN", local(7, 8)) == local(7, 19)
    assert DAY_AND_NIGHT.next_change("an", local(11, 20)) == local(14, 7)
    assert DAY_AND_NIGHT.next_change("nobody", local(7, 8)) is None


def test_unknown_names_are_found_whatever_their_case():
    assert DAY_AND_NIGHT.unknown(["An", "CHI"]) == ["binh"]


def person(name: str, *roles: Role, **changes) -> Staff:
    return Staff(
        uid=f"u-{name}", name=name, alias=name, roles=roles or (Role.COUNSELLOR,), created_at=local(1, 0), **changes
    )


def names(found) -> list[str]:
    return [one.name for one in found]


def test_the_switch_takes_one_off_every_rung_and_puts_one_on_the_rung_of_her_role():
    duty = ByRoster(DAY_AND_NIGHT)
    noon = local(7, 12)
    staff = [
        person("an", duty=DutySwitch.OFF),
        person("binh", duty=DutySwitch.ON),
        person("chi", Role.SUPERVISOR, duty=DutySwitch.OFF),
        person("dung", Role.SUPERVISOR, duty=DutySwitch.ON),
        person("ed", Role.EDITOR, duty=DutySwitch.ON),
    ]
    assert names(duty.on_rung(ON_DUTY, staff, noon)) == ["binh"]
    assert names(duty.on_rung(SUPERVISOR, staff, noon)) == ["dung"]
    assert names(duty.on_rung(BACKUP, staff, noon)) == ["dung"]


def test_the_switch_runs_out_when_the_shift_would_change():
    duty = ByRoster(DAY_AND_NIGHT)
    until = duty.switch_until(person("an"), local(7, 12))
    assert until == local(7, 19)
    off = person("an", duty=DutySwitch.OFF, duty_until_at=until)
    assert names(duty.on_rung(ON_DUTY, [off], local(7, 18))) == []
    assert names(duty.on_rung(ON_DUTY, [off], local(8, 8))) == ["an"]
    assert duty.switch_until(person("dung"), local(7, 12)) == local(7, 12) + SWITCH_LASTS


def test_nobody_disabled_and_nobody_unknown_is_ever_paged():
    duty = ByRoster(DAY_AND_NIGHT)
    assert duty.on_rung(ON_DUTY, [person("an", enabled=False)], local(7, 12)) == []
    assert duty.on_rung(ON_DUTY, [], local(7, 12)) == []
    assert duty.on_rung(LAST_RESORT, [person("an", enabled=False), person("ed", Role.EDITOR)], local(7, 12)) == []


def test_the_last_resort_is_everybody_who_may_answer_on_duty_or_not():
    staff = [person("binh", duty=DutySwitch.OFF), person("chi", Role.SUPERVISOR), person("ed", Role.EDITOR)]
    for duty in (ByRoster(DAY_AND_NIGHT), EverybodyByRole()):
        assert names(duty.on_rung(LAST_RESORT, staff, local(7, 12))) == ["binh", "chi"]


def test_the_demo_has_counsellors_on_duty_and_supervisors_behind_them():
    staff = [person("an"), person("binh", duty=DutySwitch.OFF), person("chi", Role.SUPERVISOR)]
    duty = EverybodyByRole()
    assert names(duty.on_rung(ON_DUTY, staff, local(7, 12))) == ["an"]
    assert names(duty.on_rung(BACKUP, staff, local(7, 12))) == ["chi"]
    assert names(duty.on_rung(SUPERVISOR, staff, local(7, 12))) == ["chi"]


# --- when somebody's duty ends -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "end"),
    [
        (local(7, 18, 49), None),
        (local(7, 18, 50), local(7, 19)),
        (local(7, 18, 59), local(7, 19)),
        (local(7, 12), None),
    ],
)
def test_ten_minutes_ahead_the_end_of_a_shift_is_known(at, end):
    assert ByRoster(DAY_AND_NIGHT).leaves_at(person("an"), at) == end


def test_a_shift_that_goes_on_on_another_rung_or_in_another_shift_does_not_end():
    shifts = (*DAY_AND_NIGHT.shifts, shift(19, 21, "an", rung=BACKUP))
    duty = ByRoster(Roster(zone=ZONE, shifts=shifts))
    assert duty.leaves_at(person("an"), local(7, 18, 55)) is None
    assert duty.leaves_at(person("an"), local(7, 20, 55)) == local(7, 21)
    assert duty.leaves_at(person("chi"), local(8, 6, 55)) is None, "round the clock"


def test_a_switch_that_runs_out_ends_a_duty_too():
    on = person("dung", duty=DutySwitch.ON, duty_until_at=local(7, 12, 5))
    assert ByRoster(DAY_AND_NIGHT).leaves_at(on, local(7, 12)) == local(7, 12, 5)
    assert EverybodyByRole().leaves_at(on, local(7, 12)) is None

"""The ladders and the rules of an escalation, event by event, without storage."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.severity import Severity
from handlers.model import Escalation, EscalationState
from handlers.rules import holding, ringing
from handlers.rules.ladder import (
    EMERGENCY,
    LADDERS,
    URGENT,
    CancelPages,
    CloseSilent,
    LeaveTalk,
    PageStaff,
    RemindOwner,
    SayFallback,
    SayRinging,
    SayWaiting,
    ladder_for,
    longest_wait,
    wait_s,
)

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
FULL = {"on_duty": ("a", "b"), "backup": ("c",), "supervisor": ("s",), "last_resort": ("a", "b", "c", "s")}
EMPTY = {"on_duty": (), "backup": (), "supervisor": (), "last_resort": ("a", "s")}


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def opened(ladder=EMERGENCY, staffed=FULL, *, asked_for=False):
    return ringing.opened(uid="e", case_uid="c", ladder=ladder, asked_for=asked_for, staffed=staffed, now=NOW)


def ring_on(escalation: Escalation, seconds: float, staffed=FULL):
    """Let it ring until so many seconds have passed; everything that happened, with its second."""
    happened = []
    while escalation.next_due_at is not None and escalation.next_due_at <= at(seconds):
        moment = escalation.next_due_at
        moved = holding.due(escalation, staffed, moment)
        happened += [(int((moment - NOW).total_seconds()), effect) for effect in moved.effects]
        escalation = moved.escalation
    return escalation, happened


def test_the_severity_chooses_the_ladder():
    assert ladder_for(Severity.EMERGENCY) is EMERGENCY
    assert ladder_for(Severity.URGENT) is URGENT
    assert ladder_for(Severity.STANDARD) is URGENT  # she asked for a person herself
    assert set(LADDERS) == {"emergency", "urgent"}


@pytest.mark.parametrize(
    ("ladder", "rung_s", "notice_s"),
    [
        (EMERGENCY, {"on_duty": 60, "backup": 60, "supervisor": 60}, 20),
        (URGENT, {"on_duty": 180, "backup": 180, "supervisor": 300}, 60),
    ],
)
def test_each_rung_lasts_as_the_table_says_and_notifies_again_within(ladder, rung_s, notice_s):
    for who, seconds in rung_s.items():
        assert sum(rung.wait_s for rung in ladder.rungs if rung.who == who) == seconds
    assert {rung.wait_s for rung in ladder.rungs} == {notice_s}


def test_the_first_page_belongs_to_the_opening():
    moved = opened()
    assert moved.effects == (SayRinging(), PageStaff(("a", "b"), "on_duty", 0, 0))
    assert moved.escalation.first_page_at is None, "planned is not handed over"
    assert moved.escalation.next_due_at == at(20)


def test_an_emergency_climbs_in_three_minutes_and_begins_again():
    _, happened = ring_on(opened().escalation, 200)
    pages = [(second, effect.who, effect.round) for second, effect in happened if isinstance(effect, PageStaff)]
    assert [page for page in pages if page[0] % 60 == 0] == [
        (60, "backup", 0), (120, "supervisor", 0), (180, "on_duty", 1)
    ]  # fmt: skip
    assert len(pages) == 10


def test_she_is_told_at_one_minute_each_round_and_has_the_fallback_at_five():
    _, happened = ring_on(opened().escalation, 700)
    words = [(second, effect) for second, effect in happened if not isinstance(effect, PageStaff)]
    assert words == [
        (60, SayWaiting(1)),
        (180, SayWaiting(3)),
        (300, SayFallback()),
        (360, SayWaiting(6)),
        (540, SayWaiting(9)),
    ]


def test_from_the_fourth_round_waits_double_up_to_the_limit_and_never_end():
    assert [wait_s(EMERGENCY, round_, 0) for round_ in range(9)] == [20, 20, 20, 40, 80, 160, 300, 300, 300]
    assert [wait_s(URGENT, round_, 0) for round_ in range(9)] == [60, 60, 60, 120, 240, 480, 960, 1200, 1200]
    assert wait_s(URGENT, 10**6, 10) == 720
    week = 7 * 86_400
    escalation, happened = ring_on(opened().escalation, week)
    assert escalation.state is EscalationState.RINGING
    pages = [second for second, effect in happened if isinstance(effect, PageStaff)]
    assert max(later - sooner for sooner, later in itertools.pairwise(pages)) <= 300
    told = [second for second, effect in happened if isinstance(effect, SayWaiting | SayFallback)]
    assert len(told) > week / (45 * 60) - 2, "she is told in every round"


def test_an_empty_rung_is_skipped_in_the_same_transition():
    moved = opened(staffed={**FULL, "on_duty": ()})
    assert moved.effects[1] == PageStaff(("c",), "backup", 0, 3)
    only_last = {**EMPTY, "supervisor": ("s",)}
    escalation, happened = ring_on(opened(staffed=only_last).escalation, 60, only_last)
    assert [(effect.round, effect.rung) for _, effect in happened if isinstance(effect, PageStaff)] == [
        (0, 7),
        (0, 8),
        (1, 6),
    ]
    assert escalation.round == 1


def test_nobody_on_any_rung_is_said_at_once_and_whoever_there_is_is_paged():
    moved = opened(staffed=EMPTY)
    assert moved.effects == (SayRinging(nobody=True), PageStaff(("a", "s"), "last_resort", 0, 0))
    escalation, happened = ring_on(moved.escalation, 1000, EMPTY)
    fallbacks = [second for second, effect in happened if isinstance(effect, SayFallback)]
    pages = [(second, effect.round) for second, effect in happened if isinstance(effect, PageStaff)]
    assert fallbacks == [180, 360, 540, 900], "once a round"
    assert pages == [(180, 1), (360, 2), (540, 3), (900, 4)], "one page a round"
    assert escalation.state is EscalationState.RINGING


def test_a_house_without_any_staff_still_tells_her_and_looks_again():
    nobody = {**EMPTY, "last_resort": ()}
    moved = opened(staffed=nobody)
    assert moved.effects == (SayRinging(nobody=True),)
    assert moved.escalation.next_due_at == at(180)
    assert moved.escalation.first_page_at is None


def test_the_last_one_leaving_in_the_middle_of_a_round_is_noticed():
    escalation, _ = ring_on(opened().escalation, 50)
    moved = holding.due(escalation, EMPTY, escalation.next_due_at)
    assert [type(effect) for effect in moved.effects] == [PageStaff, SayFallback]


def test_a_claim_cancels_pages_and_starts_the_time_for_the_first_reply():
    moved = holding.claimed(opened().escalation, "a", at(5))
    assert moved.effects == (CancelPages(1),)
    assert (moved.escalation.owner_uid, moved.escalation.next_due_at) == ("a", at(65))


@pytest.mark.parametrize(("ladder", "seconds"), [(EMERGENCY, 60), (URGENT, 120)])
def test_claimed_and_silent_rings_again_at_once_as_a_new_attempt(ladder, seconds):
    claimed = holding.claimed(opened(ladder).escalation, "a", NOW).escalation
    assert holding.due(claimed, FULL, at(seconds - 1)).action == ""
    moved = holding.due(claimed, FULL, at(seconds))
    assert moved.escalation.state is EscalationState.RINGING
    assert (moved.escalation.epoch, moved.escalation.owner_uid, moved.escalation.previous_owner_uid) == (2, None, "a")
    assert [type(effect) for effect in moved.effects] == [CancelPages, LeaveTalk, PageStaff]


@pytest.mark.parametrize(("ladder", "remind_s", "again_s"), [(EMERGENCY, 120, 60), (URGENT, 300, 180)])
def test_an_unanswered_line_is_reminded_and_then_rings_again(ladder, remind_s, again_s):
    answered = holding.answered(holding.claimed(opened(ladder).escalation, "a", NOW).escalation, NOW).escalation
    owing = holding.owed(answered, NOW).escalation
    assert owing.state is EscalationState.OWING
    assert holding.owed(owing, at(60)).escalation == owing, "later lines do not move the clock"
    reminded = holding.due(owing, FULL, at(remind_s))
    assert reminded.effects == (RemindOwner("a", 1),)
    again = holding.due(reminded.escalation, FULL, at(remind_s + again_s))
    assert again.escalation.epoch == 2


def test_a_reply_settles_the_debt():
    owing = holding.owed(
        holding.answered(holding.claimed(opened().escalation, "a", NOW).escalation, NOW).escalation, at(9)
    )
    paid = holding.answered(owing.escalation, at(30)).escalation
    assert (paid.state, paid.unanswered_since, paid.next_due_at) == (EscalationState.ANSWERED, None, at(30 + 86_400))
    assert paid.first_reply_at == NOW


def test_after_three_silent_days_the_case_closes_and_the_owner_was_reminded_twice():
    answered = holding.answered(holding.claimed(opened().escalation, "a", NOW).escalation, NOW).escalation
    day = 86_400
    first = holding.due(answered, FULL, at(day))
    second = holding.due(first.escalation, FULL, at(2 * day))
    third = holding.due(second.escalation, FULL, at(3 * day))
    assert first.effects == (RemindOwner("a", 1),)
    assert second.effects == (RemindOwner("a", 2),)
    assert third.effects == (CancelPages(1), CloseSilent())
    assert third.escalation.state is EscalationState.ENDED


def test_urgent_that_becomes_an_emergency_pages_the_first_rung_again_at_once():
    escalation, _ = ring_on(opened(URGENT).escalation, 400)
    moved = holding.raised(escalation, FULL, at(410))
    assert moved.escalation.ladder is EMERGENCY
    assert moved.effects == (SayRinging(), PageStaff(("a", "b"), "on_duty", 1, 0))
    assert (moved.escalation.epoch, moved.escalation.round) > (escalation.epoch, escalation.round)
    assert holding.raised(moved.escalation, FULL, at(411)).action == "", "only once"


def test_writing_danger_quickly_does_not_run_the_ladder_through():
    escalation = opened().escalation
    for second in range(15):
        escalation = holding.in_danger(escalation, FULL, at(second)).escalation
    assert (escalation.round, escalation.rung, escalation.next_due_at) == (0, 1, at(20))


def test_danger_in_a_long_wait_brings_the_next_page_forward():
    late = replace(opened().escalation, round=8, rung=3, next_due_at=at(300))
    assert holding.in_danger(late, FULL, at(0)).escalation.next_due_at == at(20)


def test_danger_during_a_talk_reminds_the_owner_at_once_and_once():
    answered = holding.answered(holding.claimed(opened(URGENT).escalation, "a", NOW).escalation, NOW).escalation
    moved = holding.in_danger(answered, FULL, at(10))
    assert moved.effects == (RemindOwner("a", 1),)
    assert (moved.escalation.state, moved.escalation.next_due_at) == (EscalationState.OWING, at(70))
    again = holding.in_danger(moved.escalation, FULL, at(40))
    assert again.effects == ()
    assert again.escalation.next_due_at == at(70), "a second sign gives nobody more time"


def test_danger_right_after_a_claim_never_gives_more_time():
    claimed = holding.claimed(opened(URGENT).escalation, "a", NOW).escalation
    moved = holding.in_danger(claimed, FULL, at(30))
    assert moved.escalation.next_due_at == at(90)
    assert holding.in_danger(moved.escalation, FULL, at(50)).escalation.next_due_at == at(90)


def test_a_beginning_shift_makes_everything_that_rings_due():
    escalation = opened(staffed=EMPTY).escalation
    assert ringing.hurried(escalation, at(5)).escalation.next_due_at == at(5)
    claimed = holding.claimed(escalation, "a", NOW).escalation
    assert ringing.hurried(claimed, at(5)).action == "", "what somebody holds is not hurried"


@pytest.mark.parametrize("hours", [1, 24])
def test_a_clock_that_falls_back_makes_nobody_wait_longer_than_the_step(hours):
    claimed = holding.claimed(opened().escalation, "a", NOW).escalation
    owing = holding.owed(holding.answered(claimed, NOW).escalation, NOW).escalation
    for escalation in (opened().escalation, opened(staffed=EMPTY).escalation, claimed, owing):
        back = NOW - timedelta(hours=hours)
        fixed = holding.clamped(escalation, back).escalation
        assert fixed.next_due_at == back + longest_wait(escalation)
        assert holding.clamped(fixed, back).action == ""


@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("asked_for", [True, False])
def test_she_cancels_only_what_she_asked_for_herself_below_urgent(severity, asked_for):
    allowed = asked_for and severity in (Severity.NONE, Severity.INFO, Severity.STANDARD)
    assert holding.may_cancel(opened(URGENT, asked_for=asked_for).escalation, severity) is allowed


def test_a_seeker_who_was_offered_a_person_owes_nothing_and_agreeing_starts_the_clock():
    claimed = holding.claimed(opened(URGENT).escalation, "a", NOW).escalation
    offered = holding.offered(claimed, NOW).escalation
    assert (offered.state, offered.owner_uid, offered.next_due_at) == (EscalationState.ANSWERED, "a", at(86_400))
    agreed = holding.agreed(offered, at(300)).escalation
    assert (agreed.state, agreed.next_due_at) == (EscalationState.CLAIMED, at(420))

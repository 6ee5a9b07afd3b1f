"""Whoever goes loses nothing of hers: a shift that ends, a switch thrown off, an owner gone from the desk. First the rule as a
table, state by severity by event by what she did last; then over the real storage.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.severity import Severity
from handlers.duty import EverybodyByRole
from handlers.errors import NotYours
from handlers.model import Case, DutySwitch, Escalation, EscalationState, Leaving, Role, Staff
from handlers.rules import holding, leaving
from handlers.rules.ladder import (
    EMERGENCY,
    LAST_RESORT,
    URGENT,
    AskHandOver,
    LeaveTalk,
    PageStaff,
    TellAlone,
    longest_wait,
)
from handlers.rules.leaving import Owner, looked_at
from tests.fakes.hotline import START, Hotline

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LADDERS = {"emergency": EMERGENCY, "urgent": URGENT}
HELD = (EscalationState.CLAIMED, EscalationState.OWING, EscalationState.ANSWERED)
THERE = {"on_duty": ("b",), "backup": ("c",), "supervisor": ("s",), "last_resort": ("a", "b", "c", "s")}
NOBODY = {"on_duty": (), "backup": (), "supervisor": (), "last_resort": ("a", "s")}
GRACE = {"emergency": 120, "urgent": 600}  # the figures of the table, not the code's
OFFLINE = {"emergency": (30, 60), "urgent": (90, 180)}


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def held(state: EscalationState, ladder: str, **more: object) -> Escalation:
    """A call of `a`, claimed long ago; she owes an answer since NOW when the state says so."""
    waits = {EscalationState.CLAIMED: 50, EscalationState.OWING: 100, EscalationState.ANSWERED: 80_000}
    owing = state is EscalationState.OWING
    made = Escalation(
        uid="e",
        case_uid="c",
        state=state,
        ladder=LADDERS[ladder],
        created_at=at(-9000),
        next_due_at=at(LADDERS[ladder].unanswered_s if owing else waits[state]),
        owner_uid="a",
        claimed_at=at(-8000),
        first_reply_at=at(-7900),
        unanswered_since=NOW if owing else None,
    )
    return replace(made, **more)  # type: ignore[arg-type]


# --- a shift that ends: the table ------------------------------------------------------------------------------------------

NEVER, BEFORE, JUST = None, -1000.0, -200.0  # when she worked in it last, in seconds


def row(since: float, worked: float | None, ladder: str) -> str:
    """What must become of a call whose owner has been off duty for `since` seconds."""
    quiet_for = None if worked is None else -worked
    if since < GRACE[ladder]:
        return "keeps"
    return "keeps" if quiet_for is not None and quiet_for < 300 else "rings"


TABLE = list(itertools.product((0, 119, 121, 599, 601, 4000), (NEVER, BEFORE, JUST)))
KINDS = list(itertools.product(HELD, LADDERS))


@pytest.mark.parametrize(("state", "ladder"), KINDS)
def test_after_the_grace_the_next_shift_is_called_unless_she_works_in_it(state, ladder):
    for since, worked in TABLE:
        escalation = held(state, ladder, leaving=Leaving.LEFT, left_at=at(-since))
        owner = Owner(on_duty=False, worked_at=None if worked is None else at(worked))
        moved = looked_at(escalation, owner, THERE, NOW)
        if row(since, worked, ladder) == "keeps":
            assert moved.escalation == escalation, (since, worked)
            assert not moved.action
            continue
        after = moved.escalation
        assert (after.state, after.leaving, after.left_at) == (EscalationState.RINGING, Leaving.GONE, None), (
            since,
            worked,
        )
        assert (after.epoch, after.previous_owner_uid) == (escalation.epoch + 1, "a")
        assert PageStaff(("b",), "on_duty", 0, 0) in moved.effects, "paged in this very transition"
        assert LeaveTalk() in moved.effects
        assert moved.action == "escalation.rerung_after_shift"


@pytest.mark.parametrize(("state", "ladder"), KINDS)
def test_every_stage_meets_every_event(state, ladder):
    begun_at = {Leaving.TOLD: at(-3600), Leaving.LEFT: at(-3600), Leaving.ALONE: at(-3600)}
    stages = [Leaving.NO, Leaving.TOLD, Leaving.LEFT, Leaving.ALONE, Leaving.KEPT]
    for begun, event in itertools.product(stages, ("stays", "ends soon", "is over", "is over, nobody else")):
        meets(held(state, ladder, leaving=begun, left_at=begun_at.get(begun)), event)


def meets(escalation: Escalation, event: str) -> None:
    owner = Owner(on_duty="over" not in event, leaves_at=at(500) if event == "ends soon" else None)
    staffed = NOBODY if "nobody" in event else THERE
    moved = looked_at(escalation, owner, staffed, NOW)
    no, told, left, alone, kept = Leaving.NO, Leaving.TOLD, Leaving.LEFT, Leaving.ALONE, Leaving.KEPT
    begun, over = escalation.leaving, {no: left, told: left, kept: kept}
    expected = {
        "stays": dict.fromkeys(Leaving, no),
        "ends soon": dict.fromkeys(Leaving, told),
        "is over": over | {left: Leaving.GONE, alone: Leaving.GONE},
        "is over, nobody else": over | {left: alone, alone: alone},
    }[event][begun]
    assert moved.escalation.leaving is expected, (begun, event)
    asked = [one for one in moved.effects if isinstance(one, AskHandOver)]
    assert len(asked) == ((event == "ends soon" and begun is not told) or ("over" in event and begun is no))
    assert (TellAlone("a") in moved.effects) == ((begun, expected) == (left, alone))
    assert bool(moved.action) == (expected is not begun), "every step has its row, and no step none"
    if moved.escalation.state is not EscalationState.RINGING:
        assert moved.escalation.next_due_at == escalation.next_due_at, "her duty moves no other timer"
        assert expected is left or not looked_at(moved.escalation, owner, staffed, NOW).action, "said once"


def test_a_foreseen_end_counts_from_the_end_and_an_unforeseen_one_from_when_it_is_seen():
    told = held(EscalationState.ANSWERED, "urgent", leaving=Leaving.TOLD, left_at=at(-400))
    off = Owner(on_duty=False)
    assert looked_at(told, off, THERE, NOW).escalation.left_at == at(-400)
    assert looked_at(replace(told, left_at=at(300)), off, THERE, NOW).escalation.left_at == NOW, "gone early"
    assert looked_at(held(EscalationState.ANSWERED, "urgent"), off, THERE, NOW).escalation.left_at == NOW


@pytest.mark.parametrize("state", [EscalationState.RINGING, EscalationState.ENDED])
def test_what_nobody_holds_is_left_alone(state):
    free = replace(held(EscalationState.CLAIMED, "urgent"), state=state, owner_uid=None)
    assert looked_at(free, Owner(on_duty=False, seen_ago=timedelta(hours=1)), THERE, NOW).escalation == free


def test_only_her_who_held_it_takes_it_back_and_only_after_her_shift():
    gone = replace(held(EscalationState.CLAIMED, "urgent"), state=EscalationState.RINGING, owner_uid=None)
    gone = replace(gone, previous_owner_uid="a", leaving=Leaving.GONE)
    assert leaving.may_take_back(gone, "a")
    assert not leaving.may_take_back(gone, "b")
    assert not leaving.may_take_back(replace(gone, leaving=Leaving.NO), "a"), "silent, or given back by herself"


# --- gone from the desk: the table -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "ladder"), KINDS)
def test_absence_shortens_the_waits_for_an_answer_and_lengthens_none(state, ladder):
    seen, moments = (None, 5, 14, 16, 3600), (0, 20, 35, 100, 200)
    for reminders, seen_ago, seconds in itertools.product((0, 1), seen, moments):
        absent(held(state, ladder, reminders=reminders, next_due_at=at(seconds + 40)), ladder, seen_ago, seconds)


def absent(escalation: Escalation, ladder: str, seen_ago: int | None, seconds: int) -> None:
    (remind, back), due = OFFLINE[ladder], at(seconds + 40)
    owner = Owner(on_duty=True, seen_ago=None if seen_ago is None else timedelta(seconds=seen_ago))
    moved = looked_at(escalation, owner, THERE, at(seconds))
    after = moved.escalation.next_due_at
    if escalation.state is not EscalationState.OWING or seen_ago is None or seen_ago < 15:
        assert moved.escalation == escalation
        return
    latest = at(seconds + back - remind) if escalation.reminders else max(at(seconds), at(remind))
    assert after == min(due, latest)
    assert replace(moved.escalation, next_due_at=due) == escalation, "nothing but the wait"
    assert bool(moved.action) == (after != due)
    assert not looked_at(moved.escalation, owner, THERE, at(seconds + 1)).action, "said once"


@pytest.mark.parametrize("ladder", LADDERS)
def test_gone_and_silent_is_reminded_and_comes_back_in_half_the_time_or_less(ladder):
    remind, back = OFFLINE[ladder]
    escalation, moment, gone = (
        held(EscalationState.OWING, ladder),
        NOW,
        Owner(on_duty=True, seen_ago=timedelta(hours=1)),
    )
    happened = []
    while escalation.state is EscalationState.OWING:
        escalation = looked_at(escalation, gone, THERE, moment).escalation
        assert escalation.next_due_at is not None
        assert escalation.next_due_at <= moment + longest_wait(escalation)
        moment = max(moment, escalation.next_due_at)
        moved = holding.due(escalation, THERE, moment)
        happened.append((moved.action, (moment - NOW).total_seconds()))
        escalation = moved.escalation
    assert happened == [("escalation.reminded", remind), ("escalation.rerung", back)]


def test_who_answered_elsewhere_since_she_was_at_the_desk_is_not_gone():
    escalation = held(EscalationState.OWING, "emergency")
    seen = timedelta(minutes=30)
    telegram = Owner(on_duty=True, worked_at=at(-60), seen_ago=seen)
    assert not looked_at(escalation, telegram, THERE, NOW).action
    assert looked_at(escalation, replace(telegram, worked_at=at(-3600)), THERE, NOW).action


# --- over the real storage -------------------------------------------------------------------------------------------------


class Planned(EverybodyByRole):
    """On duty as by role, but for those whose shift ends at a moment of a test's own."""

    def __init__(self) -> None:
        object.__setattr__(self, "ends", {})

    def on_rung(self, rung: str, staff: Sequence[Staff], now: datetime) -> list[Staff]:
        there = super().on_rung(rung, staff, now)
        return there if rung == LAST_RESORT else [one for one in there if not self.has_left(one.name, now)]

    def has_left(self, name: str, now: datetime) -> bool:
        return name in self.ends and self.ends[name] <= now

    def leaves_at(self, staff: Staff, now: datetime) -> datetime | None:
        end: datetime | None = self.ends.get(staff.name)
        return end if end is not None and end - now <= timedelta(minutes=10) else None


@pytest.fixture
def duty() -> Planned:
    return Planned()


@pytest.fixture
def hotline(duty: Planned) -> Iterator[Hotline]:
    made = Hotline(duty=duty)
    yield made
    made.close()


@pytest.fixture
def lan(hotline: Hotline) -> Staff:
    return hotline.hire("lan")


@pytest.fixture
def hoa(hotline: Hotline) -> Staff:
    return hotline.hire("hoa")


def talk(hotline: Hotline, staff: Staff, severity: Severity = Severity.EMERGENCY) -> Case:
    """A talk under way: she has the last word."""
    case = hotline.writes(hotline.arrive(), severity, "dv_physical", agreed=True)
    hotline.claim(staff, case)
    hotline.reply(staff, case)
    return case


def ends(hotline: Hotline, duty: Planned, moment: datetime) -> None:
    """Lan's shift ends then."""
    duty.ends["lan"] = moment
    hotline.edges += [moment - timedelta(minutes=10), moment]


def prompts(hotline: Hotline, note: str = "leaves") -> list[str]:
    return [page["staff_uid"] for page in hotline.pages(f"note = '{note}'")]


def test_ten_minutes_before_the_end_she_is_asked_once_to_hand_over(hotline, duty, lan, hoa):
    case = talk(hotline, lan)
    ends(hotline, duty, START + timedelta(minutes=30))
    hotline.passes(19 * 60)
    hotline.watch_owners()
    assert prompts(hotline) == []
    hotline.passes(70)
    for _ in range(3):
        hotline.watch_owners()
    assert prompts(hotline) == [lan.uid]
    assert hotline.audit().count("escalation.owner_leaves_soon") == 1
    assert hotline.look(lan, case).leaving is Leaving.TOLD
    assert hotline.look(hoa, case).leaving is Leaving.NO, "her affair alone"


def test_two_minutes_after_an_emergencys_shift_the_next_one_is_called_and_she_reads_on(hotline, duty, lan, hoa):
    case = talk(hotline, lan)
    ends(hotline, duty, START + timedelta(minutes=5))
    hotline.passes(5 * 60 + 119)
    assert hotline.escalation(case).owner_uid == lan.uid
    hotline.passes(2)
    ringing = hotline.escalation(case)
    assert (ringing.state, ringing.leaving, ringing.epoch) == (EscalationState.RINGING, Leaving.GONE, 2)
    assert {page["staff_uid"] for page in hotline.pages("epoch = 2 AND note = ''")} == {hoa.uid}
    assert hotline.audit().count("escalation.rerung_after_shift") == 1
    hotline.writes(case)
    view = hotline.new_lines(lan, case)
    assert view.lines[-1].author == "seeker", "the overlap: she still gets what is written"
    assert view.answers
    hotline.note(lan, case, "Chị ấy đang ở nhà mẹ.")
    assert hotline.escalation(case).state is EscalationState.RINGING, "a word for whoever comes takes nothing back"
    hotline.claim(hoa, case)
    with pytest.raises(NotYours):
        hotline.new_lines(lan, case)
    with pytest.raises(NotYours):
        hotline.reply(lan, case)


def test_who_goes_on_working_keeps_it_all_night(hotline, duty, lan, hoa):
    case = talk(hotline, lan)
    ends(hotline, duty, START + timedelta(minutes=1))
    for _ in range(30):
        hotline.passes(200)
        hotline.writes(case)
        hotline.passes(90)
        hotline.reply(lan, case)
    hotline.passes(280)
    hotline.note(lan, case)
    hotline.passes(299)
    assert hotline.escalation(case).owner_uid == lan.uid, "a note is work, too"
    assert hotline.pages("epoch = 2") == []
    hotline.passes(2)
    assert hotline.escalation(case).state is EscalationState.RINGING


def test_a_line_while_the_next_shift_is_called_takes_it_back_and_it_never_rings_for_that_again(hotline, duty, lan, hoa):
    case = talk(hotline, lan)
    ends(hotline, duty, START + timedelta(minutes=1))
    hotline.passes(400)
    assert hotline.escalation(case).state is EscalationState.RINGING
    hotline.reply(lan, case, "Em vẫn ở đây với chị.")
    kept = hotline.escalation(case)
    assert (kept.owner_uid, kept.state, kept.leaving) == (lan.uid, EscalationState.ANSWERED, Leaving.KEPT)
    assert hotline.said(case)[-2:] == ["<human_joined> alias=Lan", "Em vẫn ở đây với chị."]
    assert hotline.pages("epoch = 2 AND note = '' AND state = 'pending'") == [], "nobody is called any more"
    hotline.passes(20 * 3600)
    assert hotline.escalation(case).epoch == 2, "one leaving, one call"
    hotline.writes(case)
    hotline.passes(181)
    assert hotline.escalation(case).epoch == 3, "but a line that waits calls, as ever"


def test_a_new_shift_of_hers_is_a_new_leaving(hotline, duty, lan, hoa):
    case = talk(hotline, lan)
    ends(hotline, duty, START + timedelta(minutes=1))
    hotline.passes(400)
    hotline.reply(lan, case)
    del duty.ends["lan"]
    hotline.tick()
    assert hotline.escalation(case).leaving is Leaving.NO
    ends(hotline, duty, hotline.now + timedelta(minutes=20))
    hotline.passes(3600)
    hotline.watch_owners()
    hotline.passes(3600)
    assert hotline.escalation(case).epoch == 3


def test_with_nobody_else_on_duty_it_stays_hers_and_she_is_told_once(hotline, duty, lan):
    case = talk(hotline, lan)
    ends(hotline, duty, START + timedelta(minutes=1))
    hotline.passes(400)
    for _ in range(50):
        hotline.passes(60)
        hotline.watch_owners()
    alone = hotline.escalation(case)
    assert (alone.owner_uid, alone.epoch, alone.leaving) == (lan.uid, 1, Leaving.ALONE)
    assert prompts(hotline, "alone") == [lan.uid]
    hoa = hotline.hire("hoa")
    hotline.tick()
    assert hotline.escalation(case).state is EscalationState.RINGING
    assert {page["staff_uid"] for page in hotline.pages("epoch = 2 AND note = ''")} == {hoa.uid}


def test_switching_herself_off_is_a_leaving_and_switching_on_again_takes_it_back(hotline, lan, hoa):
    case = talk(hotline, lan, Severity.URGENT)
    hotline.set_duty(lan, DutySwitch.OFF)
    hotline.tick()
    assert prompts(hotline) == [lan.uid]
    hotline.passes(300)
    hotline.set_duty(lan, DutySwitch.ON)
    hotline.tick()
    assert hotline.escalation(case).leaving is Leaving.NO
    hotline.set_duty(lan, DutySwitch.OFF)
    hotline.tick()
    hotline.passes(599)
    assert hotline.escalation(case).owner_uid == lan.uid
    hotline.passes(2)
    assert hotline.escalation(case).state is EscalationState.RINGING


def test_what_somebody_takes_off_duty_is_hers_without_a_call_for_it(hotline, lan, hoa):
    hotline.set_duty(lan, DutySwitch.OFF)
    case = talk(hotline, lan)
    hotline.passes(3600)
    assert hotline.escalation(case).epoch == 1
    assert prompts(hotline) == []


def test_a_seekers_not_this_one_counts_when_it_is_asked_whether_there_is_anybody_else(hotline, duty, lan, hoa):
    case = talk(hotline, lan)
    hotline.do(
        lambda uow: uow.cases.save(
            replace(now := uow.cases.get(case.uid), summary=replace(now.summary, avoid=(hoa.uid,)))
        )
    )
    ends(hotline, duty, START + timedelta(minutes=1))
    hotline.passes(1200)
    assert hotline.escalation(case).leaving is Leaving.ALONE


@pytest.mark.parametrize(("severity", "figures"), [(Severity.EMERGENCY, (30, 60)), (Severity.URGENT, (90, 180))])
def test_a_line_for_an_owner_who_is_gone_waits_shorter(hotline, lan, hoa, severity, figures):
    case = talk(hotline, lan, severity)
    hotline.gone[lan.uid] = hotline.now + timedelta(seconds=1)
    hotline.passes(60)
    hotline.writes(case)
    hotline.tick()
    hotline.passes(figures[0] + 1)
    assert hotline.pages("dedupe_key LIKE '%:remind %'")
    assert hotline.escalation(case).owner_uid == lan.uid
    hotline.passes(figures[1] - figures[0])
    assert hotline.escalation(case).epoch == 2


def test_nobody_seen_and_nobody_missed_changes_nothing(hotline, lan, hoa):
    case = talk(hotline, lan)
    hotline.passes(60)
    hotline.writes(case)
    hotline.passes(119)
    assert not hotline.pages("dedupe_key LIKE '%:remind %'")
    hotline.passes(2)
    assert hotline.pages("dedupe_key LIKE '%:remind %'")


def test_an_old_snapshot_of_the_rules_waits_as_long_as_the_slower_ladder(hotline, lan):
    """A call that was running when the program was upgraded has no figures for this: never shorter than anybody agreed to."""
    case = talk(hotline, lan)
    packed = hotline.select("SELECT ladder FROM escalations")[0]["ladder"]
    old = packed.partition(',"away_unanswered_s"')[0] + "}"
    hotline.connection.execute("UPDATE escalations SET ladder = ?", (old,))
    ladder = hotline.escalation(case).ladder
    assert (ladder.away_unanswered_s, ladder.away_reminded_s, ladder.shift_grace_s) == (90, 90, 600)


def test_a_supervisor_still_on_her_rung_has_not_left(hotline, lan):
    mai = hotline.hire("mai", Role.SUPERVISOR)
    case = talk(hotline, mai)
    hotline.passes(3600)
    assert hotline.escalation(case).leaving is Leaving.NO

"""Passing a case on: up the ladder while it rings, to a colleague who accepts while it is held."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.desk import Claim, Offer, PassUp
from handlers.errors import AlreadyClaimed, BinhAnError, NoSuchCase, NotAllowed, NotYours, StaleClaim
from handlers.model import Case, EscalationState, Role, Staff
from handlers.rules.ladder import BACKUP, EMERGENCY, LAST_RESORT, ON_DUTY, SUPERVISOR
from handlers.rules.ringing import opened, passed_up
from tests.fakes.hotline import START
from tests.fakes.road import EMERGENCY as DANGER
from tests.fakes.road import Road


@pytest.fixture
def road() -> Iterator[Road]:
    road = Road()
    yield road
    road.close()


@pytest.fixture
def hoa(road: Road) -> Staff:
    return road.hire("tuvan", alias="Hoa")


@pytest.fixture
def lan(road: Road) -> Staff:
    return road.hire("lan", alias="Lan")


@pytest.fixture
def sup(road: Road) -> Staff:
    return road.hire("giamsat", Role.SUPERVISOR, alias="Sen")


def ringing(road: Road) -> Case:
    road.types("a", DANGER)
    return road.case_of("a")


def held(road: Road, staff: Staff) -> Case:
    case = ringing(road)
    road.claim(staff, case)
    road.says(staff, case, "Chị đây.")
    return case


def pass_up(road: Road, staff: Staff, case: Case, epoch: int = 1) -> None:
    road.run(road.desk.pass_up, PassUp(staff_uid=staff.uid, case_code=case.code, epoch=epoch))


def offer(road: Road, staff: Staff, case: Case, to: Staff) -> None:
    road.run(road.desk.offer, Offer(staff_uid=staff.uid, case_code=case.code, to_staff_uid=to.uid))


def test_passed_up_the_next_rung_is_called_at_once(road: Road, hoa: Staff, sup: Staff) -> None:
    case = ringing(road)
    assert {row["staff_uid"] for row in road.pages()} == {hoa.uid}
    pass_up(road, hoa, case)
    assert {row["staff_uid"] for row in road.pages()} == {hoa.uid, sup.uid}
    assert "escalation.passed_up" in road.audit()
    escalation = road.escalation(case)
    assert escalation is not None
    assert escalation.state is EscalationState.RINGING


def test_what_does_not_ring_cannot_be_passed_up(road: Road, hoa: Staff, lan: Staff) -> None:
    case = ringing(road)
    with pytest.raises(StaleClaim):
        pass_up(road, hoa, case, epoch=7)
    road.claim(hoa, case)
    with pytest.raises(AlreadyClaimed):
        pass_up(road, lan, case)
    road.reply(hoa, case)
    road.close_case(hoa, case)
    with pytest.raises(BinhAnError):
        pass_up(road, hoa, case)


def test_who_may_not_claim_may_not_pass_on(road: Road, hoa: Staff) -> None:
    case = ringing(road)
    editor = road.hire("bientap", Role.EDITOR)
    with pytest.raises(NotAllowed):
        pass_up(road, editor, case)


def test_an_offered_case_moves_only_when_it_is_taken(road: Road, hoa: Staff, lan: Staff) -> None:
    case = held(road, hoa)
    offer(road, hoa, case, lan)
    road.delivers()
    assert [row["note"] for row in road.pages(f"staff_uid = '{lan.uid}'")][-1] == "offered"
    before = road.escalation(case)
    assert before is not None
    assert before.owner_uid == hoa.uid, "hers until the other has it"
    assert not road.says(hoa, case, "Em chờ chị một chút.").again
    said = len(road.texts("a"))
    taken = road.claim(lan, case)
    road.delivers()
    assert taken.agreed
    after = road.escalation(case)
    assert after is not None
    assert (after.owner_uid, after.previous_owner_uid, after.only_staff_uid) == (lan.uid, hoa.uid, None)
    assert after.state is EscalationState.CLAIMED
    assert any("Lan" in text for text in road.texts("a")[said:]), "she is told who writes now"
    with pytest.raises(NotYours):
        road.reply(hoa, case)
    assert not road.says(lan, case, "Chị là Lan.").again


def test_an_offer_nobody_takes_changes_nothing(road: Road, hoa: Staff, lan: Staff) -> None:
    case = held(road, hoa)
    offer(road, hoa, case, lan)
    third = road.hire("mai", alias="Mai")
    with pytest.raises(AlreadyClaimed):
        road.claim(third, case)
    road.types("a", "em đây")
    road.waits(minutes=4)  # the owner owes an answer as before; nobody takes over by waiting
    escalation = road.escalation(case)
    assert escalation is not None
    assert escalation.state is EscalationState.RINGING
    assert escalation.only_staff_uid is None, "it rings for everybody"


def test_what_the_seeker_is_owed_stays_owed(road: Road, hoa: Staff, lan: Staff) -> None:
    case = held(road, hoa)
    road.types("a", "chị ơi")
    owed = road.escalation(case)
    assert owed is not None
    offer(road, hoa, case, lan)
    road.claim(lan, case)
    after = road.escalation(case)
    assert after is not None
    assert after.unanswered_since == owed.unanswered_since
    assert after.next_due_at == road.now + timedelta(seconds=EMERGENCY.first_reply_s)


@pytest.mark.parametrize("to", ["herself", "editor", "nobody"])
def test_only_a_colleague_who_could_take_it_is_asked(road: Road, hoa: Staff, to: str) -> None:
    case = held(road, hoa)
    editor = road.hire("bientap", Role.EDITOR)
    uid = {"herself": hoa.uid, "editor": editor.uid, "nobody": "0" * 32}[to]
    with pytest.raises(NotAllowed):
        road.run(road.desk.offer, Offer(staff_uid=hoa.uid, case_code=case.code, to_staff_uid=uid))


def test_only_the_owner_offers(road: Road, hoa: Staff, lan: Staff) -> None:
    case = held(road, hoa)
    with pytest.raises(NotYours):
        offer(road, lan, case, lan)
    waiting = road.case_of("a")
    assert waiting.uid == case.uid


def test_a_stay_that_nobody_called_for_cannot_be_passed_up(road: Road, hoa: Staff) -> None:
    road.types("a", "chào")
    with pytest.raises(NoSuchCase):
        pass_up(road, hoa, road.case_of("a"))
    with pytest.raises(NoSuchCase):
        road.run(road.desk.claim, Claim(staff_uid=hoa.uid, case_code=road.case_of("a").code, epoch=1))


@given(
    notices=st.integers(0, 12),
    staffed=st.sets(st.sampled_from([ON_DUTY, BACKUP, SUPERVISOR]), min_size=1),
)
def test_passing_up_always_calls_somebody_and_never_the_same_rung_twice_in_a_round(
    notices: int, staffed: set[str]
) -> None:
    who = {rung: ("u",) if rung in staffed else () for rung in (ON_DUTY, BACKUP, SUPERVISOR, LAST_RESORT)}
    moved = opened(uid="e" * 32, case_uid="c" * 32, ladder=EMERGENCY, asked_for=False, staffed=who, now=START)
    for _ in range(notices):
        before = moved.escalation
        called = EMERGENCY.rungs[before.rung - 1].who
        moved = passed_up(before, who, START)
        pages = [effect for effect in moved.effects if type(effect).__name__ == "PageStaff"]
        assert len(pages) == 1
        after = EMERGENCY.rungs[moved.escalation.rung - 1].who
        assert moved.escalation.round > before.round or after != called

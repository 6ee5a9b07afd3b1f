"""Her wish for a woman, and for somebody else than this one: who may be called, who may take it, and what she hears."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.desk import Claim, Offer, OpenCase, Release
from handlers.errors import AlreadyClaimed, NotWished, NotYours
from handlers.model import Case, EscalationState, Role, Staff
from handlers.rules.ladder import EMERGENCY, LAST_RESORT, RUNGS, URGENT, Ladder
from handlers.rules.wishes import Standing, Wish, fits, narrowed, women_first
from handlers.staffing import SetWoman, Staffing
from tests.fakes.road import EMERGENCY as DANGER
from tests.fakes.road import Road

WANTS_WOMAN = "cho em gặp tư vấn viên nữ với ạ"
WANTS_ANOTHER = "em không muốn nói chuyện với người này"


@pytest.fixture
def road() -> Iterator[Road]:
    road = Road()
    yield road
    road.close()


def hire(road: Road, name: str, *roles: Role, woman: bool = False) -> Staff:
    staff = road.hire(name, *roles, alias=name.title())
    staff = replace(staff, woman=woman)
    road.do(lambda uow: uow.staff.save(staff))
    return staff


@pytest.fixture
def nam(road: Road) -> Staff:
    return hire(road, "nam")


@pytest.fixture
def hoa(road: Road) -> Staff:
    return hire(road, "hoa", woman=True)


def say(road: Road, phrase: str, **values: str) -> str:
    return road.worlds.say(phrase, **values)


def called(road: Road) -> set[str]:
    return {row["staff_uid"] for row in road.pages("state <> 'cancelled'")}


def meets(road: Road, staff: Staff) -> Case:
    """She asked for a person, and this one took the talk."""
    road.types("a", "gặp người")
    road.presses("a", "Chỉ lúc này")
    return road.meets("a", staff)


def wishes_while_it_rings(road: Road) -> Case:
    road.types("a", "gặp người")
    road.presses("a", "Chỉ lúc này")
    road.types("a", WANTS_WOMAN)
    return road.case_of("a")


# --- a woman ---------------------------------------------------------------------------------------------------------------


def test_asked_for_first_only_women_are_called(road: Road, nam: Staff, hoa: Staff) -> None:
    road.types("a", WANTS_WOMAN)
    assert say(road, "wish_woman") in road.texts("a")
    road.presses("a", "Chỉ lúc này")
    case = road.case_of("a")
    assert case.summary.woman
    assert called(road) == {hoa.uid}
    with pytest.raises(NotWished):
        road.claim(nam, case)
    assert road.claim(hoa, case).case_code == case.code
    assert "case.wished" in road.audit()


def test_asked_for_while_it_rings_women_are_called_at_once(road: Road, nam: Staff, hoa: Staff) -> None:
    case = wishes_while_it_rings(road)
    with pytest.raises(NotWished):
        road.claim(nam, case)
    before = len([row for row in road.pages() if row["staff_uid"] == hoa.uid])
    road.waits(seconds=1)
    assert len([row for row in road.pages() if row["staff_uid"] == hoa.uid]) == before + 1
    assert say(road, "wish_woman") in road.texts("a")


def test_when_no_woman_can_be_called_she_is_told_and_everybody_is(road: Road, nam: Staff) -> None:
    road.types("a", WANTS_WOMAN)
    road.presses("a", "Chỉ lúc này")
    assert say(road, "wish_woman_all") in road.texts("a")
    assert called(road) == {nam.uid}
    assert road.claim(nam, road.case_of("a"))


def test_when_no_woman_answers_the_others_are_called(road: Road, nam: Staff, hoa: Staff) -> None:
    chief = hire(road, "quan", Role.SUPERVISOR)
    road.types("a", WANTS_WOMAN)
    road.presses("a", "Chỉ lúc này")
    road.waits(minutes=2)
    assert called(road) == {hoa.uid}
    road.waits(minutes=2)
    assert called(road) == {hoa.uid, chief.uid}
    assert road.claim(chief, road.case_of("a"))


def test_in_an_emergency_nobody_is_sent_away(road: Road, nam: Staff, hoa: Staff) -> None:
    road.types("a", DANGER)
    road.types("a", WANTS_WOMAN)
    assert say(road, "wish_woman_all") in road.texts("a")
    assert called(road) == {nam.uid, hoa.uid}
    assert road.claim(nam, road.case_of("a"))


def test_a_man_who_holds_the_talk_gives_it_up_to_a_woman(road: Road, nam: Staff, hoa: Staff) -> None:
    case = meets(road, nam)
    road.types("a", WANTS_WOMAN)
    escalation = road.escalation(case)
    assert escalation is not None
    assert (escalation.state, escalation.owner_uid) == (EscalationState.RINGING, None)
    assert road.last("a") == say(road, "wish_woman")
    assert say(road, "human_changed") not in road.texts("a"), "she wished it; nothing has gone wrong"
    with pytest.raises(NotWished):
        road.claim(nam, case)
    road.claim(hoa, case)
    road.delivers()
    assert road.last("a") == say(road, "human_joined", alias="Hoa")


def test_a_man_keeps_the_talk_when_there_is_no_woman(road: Road, nam: Staff) -> None:
    case = meets(road, nam)
    heard = road.texts("a")
    road.types("a", WANTS_WOMAN)
    escalation = road.escalation(case)
    assert escalation is not None
    assert escalation.owner_uid == nam.uid
    assert road.texts("a") == heard, "the machine is silent while somebody talks with her"
    assert road.look(nam, case).summary.woman


def test_a_woman_who_holds_the_talk_keeps_it(road: Road, nam: Staff, hoa: Staff) -> None:
    case = meets(road, hoa)
    road.types("a", WANTS_WOMAN)
    escalation = road.escalation(case)
    assert escalation is not None
    assert escalation.owner_uid == hoa.uid


def test_said_twice_it_is_noted_once(road: Road, nam: Staff, hoa: Staff) -> None:
    road.types("a", WANTS_WOMAN)
    road.types("a", WANTS_WOMAN)
    assert road.audit().count("case.wished") == 1


def test_over_a_gap_it_is_not_obeyed(road: Road, nam: Staff, hoa: Staff) -> None:
    """Somebody else may hold the phone: he must not take the talk away from the one she trusts."""
    case = meets(road, nam)
    road.waits(hours=20)
    road.types("a", WANTS_ANOTHER)
    assert road.case(case).summary.avoid == ()


def test_staff_may_be_noted_as_women(road: Road, nam: Staff) -> None:
    staffing = Staffing(lambda uow, uid: None)
    road.run(staffing.set_woman, SetWoman(name="nam", woman=True))
    assert road.do(lambda uow: uow.staff.get(nam.uid)).woman
    assert "staff.changed" in road.audit()


# --- not this one ------------------------------------------------------------------------------------------------------


def test_not_this_one_is_called_and_reads_no_more(road: Road, nam: Staff, hoa: Staff) -> None:
    case = meets(road, nam)
    road.types("a", WANTS_ANOTHER)
    assert road.last("a") == say(road, "wish_another")
    assert road.case(case).summary.avoid == (nam.uid,)
    fresh = [row for row in road.pages() if row["epoch"] == 2]
    assert {row["staff_uid"] for row in fresh} == {hoa.uid}
    with pytest.raises(NotWished):
        road.claim(nam, case)
    with pytest.raises(NotWished):
        road.look(nam, case)
    with pytest.raises(NotYours):
        road.new_lines(nam, case)
    road.claim(hoa, case)
    with pytest.raises(NotWished):
        road.run(road.desk.offer, Offer(staff_uid=hoa.uid, case_code=case.code, to_staff_uid=nam.uid))


def test_not_even_with_a_reason_and_the_rights_of_a_supervisor(road: Road, hoa: Staff) -> None:
    chief = hire(road, "quan", Role.COUNSELLOR, Role.SUPERVISOR)
    case = meets(road, chief)
    road.types("a", WANTS_ANOTHER)
    with pytest.raises(NotWished):
        road.run(road.desk.open_case, OpenCase(staff_uid=chief.uid, case_code=case.code, reason="xem lại", after_seq=0))


def test_with_nobody_else_there_she_hears_the_numbers(road: Road, nam: Staff) -> None:
    case = meets(road, nam)
    road.types("a", WANTS_ANOTHER)
    assert road.last("a") == say(road, "fallback")
    assert [row for row in road.pages() if row["epoch"] == 2] == []
    escalation = road.escalation(case)
    assert escalation is not None
    assert escalation.state is EscalationState.RINGING
    hoa = hire(road, "hoa", woman=True)
    road.waits(minutes=15)
    assert {row["staff_uid"] for row in road.pages() if row["epoch"] == 2} == {hoa.uid}


def test_who_has_it_already_is_told_first(road: Road, nam: Staff, hoa: Staff) -> None:
    case = meets(road, nam)
    road.types("a", WANTS_ANOTHER)
    road.claim(hoa, case)
    with pytest.raises(AlreadyClaimed):
        road.claim(nam, case)


def test_before_she_has_agreed_it_is_obeyed_too(road: Road, nam: Staff, hoa: Staff) -> None:
    road.types("a", "chồng em đánh em hôm qua")
    road.types("a", "nó dọa giết em")
    case = road.case_of("a")
    road.claim(nam, case)
    road.types("a", WANTS_ANOTHER)
    assert road.case(case).summary.avoid == (nam.uid,)


def test_where_nobody_talks_it_means_nothing(road: Road, nam: Staff) -> None:
    road.starts("a")
    road.types("a", "đổi người khác")
    assert road.case_of("a").summary.avoid == ()
    assert "case.wished" not in road.audit()


def test_the_next_stay_remembers_it(road: Road, nam: Staff, hoa: Staff) -> None:
    case = meets(road, nam)
    road.types("a", WANTS_ANOTHER)
    road.claim(hoa, case)
    road.close_case(hoa, case)
    road.waits(hours=30)
    road.types("a", DANGER)
    again = road.case_of("a")
    assert again.uid != case.uid
    assert again.summary.avoid == (nam.uid,)
    assert nam.uid not in {row["staff_uid"] for row in road.pages(f"case_uid = '{again.uid}'")}


def test_releasing_rings_without_the_one_she_does_not_want(road: Road, nam: Staff, hoa: Staff) -> None:
    case = meets(road, nam)
    road.types("a", WANTS_ANOTHER)
    road.claim(hoa, case)
    road.run(road.desk.release, Release(staff_uid=hoa.uid, case_code=case.code))
    assert {row["staff_uid"] for row in road.pages() if row["epoch"] == 3} == {hoa.uid}
    with pytest.raises(NotWished):
        road.run(road.desk.claim, Claim(staff_uid=nam.uid, case_code=case.code, epoch=3))


# --- the rule, for any staff and any wish ----------------------------------------------------------------------------------

PEOPLE = [f"s{number}" for number in range(6)]
people = st.lists(st.sampled_from(PEOPLE), unique=True).map(tuple)
staffs = st.fixed_dictionaries({rung: people for rung in (*RUNGS, LAST_RESORT)})
wished = st.builds(Wish, woman=st.booleans(), avoid=people, women=people.map(frozenset))


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    ladder: Ladder = draw(st.sampled_from([EMERGENCY, URGENT]))
    return Standing(ladder, draw(st.integers(0, 3)), draw(st.integers(0, len(ladder.rungs))))


@given(staffs, wished, standings())
def test_who_may_be_called(staffed: dict[str, tuple[str, ...]], wish: Wish, standing: Standing) -> None:
    found = narrowed(staffed, wish, standing)
    everybody = {uid for uids in found.values() for uid in uids}
    assert not everybody & set(wish.avoid), "not this one: never"
    ahead = standing.ladder.rungs[standing.rung :]
    left = {uid for rung in ahead for uid in staffed[rung.who]} - set(wish.avoid)
    assert bool({uid for rung in ahead for uid in found[rung.who]}) == bool(left), "a wish never leaves her alone"
    if women_first(staffed, wish, standing):
        assert everybody <= wish.women
    else:
        assert everybody == {uid for uids in staffed.values() for uid in uids} - set(wish.avoid)


@given(staffs, wished, standings())
def test_who_is_called_may_take_it(staffed: dict[str, tuple[str, ...]], wish: Wish, standing: Standing) -> None:
    found = narrowed(staffed, wish, standing)
    assert all(fits(uid, staffed, wish, standing) for uids in found.values() for uid in uids)

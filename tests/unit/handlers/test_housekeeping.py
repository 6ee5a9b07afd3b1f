"""What is erased, when, and that nobody is forgotten who still needs us."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers import audit
from handlers.model import MessageKind
from tests.fakes.road import EMERGENCY, URGENT, Road


def test_thirty_days_after_her_last_message_nothing_is_left(road: Road) -> None:
    road.starts("a")
    road.waits(days=20)
    road.types("a", "vâng em vẫn ở đây ạ")
    uid = road.find("a").uid
    road.waits(days=29)
    assert road.find("a").uid == uid
    road.waits(days=1, seconds=1)
    with pytest.raises(KeyError):
        road.do(lambda uow: uow.contacts.get(uid))
    assert road.select("SELECT count(*) AS n FROM lines") == [{"n": 0}]
    assert [fact.disposition for fact in road.facts()] == ["bot_only", "bot_only"]
    assert road.audit().count(audit.DESTROYED) == 2


def test_a_case_that_waited_for_staff_till_the_end_was_lost_not_erased(road: Road) -> None:
    road.types("a", "chồng em hay chửi em")
    case = road.case_of("a")
    if case.listed_at is None:
        road.do(lambda uow: uow.cases.save(_listed(uow.cases.get(case.uid), road)))
    road.waits(days=31)
    assert [fact.disposition for fact in road.facts()] == ["lost"]


def _listed(case, road: Road):
    from dataclasses import replace

    from handlers.stays import case_due_at

    listed = replace(case, listed_at=road.now)
    return replace(listed, next_due_at=case_due_at(listed, calling=False))


def test_erasing_below_urgent_closes_at_once_and_destroys_a_day_later(road: Road) -> None:
    road.types("a", "em tên không nói")
    contact, case = road.find("a"), road.case_of("a")
    road.types("a", "xóa")
    assert [fact.disposition for fact in road.facts()] == ["erased"]
    road.waits(hours=23, minutes=59)
    assert road.transcript(case)
    road.waits(minutes=2)
    with pytest.raises(KeyError):
        road.do(lambda uow: uow.cases.get(case.uid))
    with pytest.raises(KeyError):
        road.do(lambda uow: uow.contacts.get(contact.uid))
    assert len(road.facts()) == 1
    assert audit.ERASURE_ASKED in road.audit()


@pytest.mark.parametrize("danger", [URGENT, EMERGENCY])
def test_while_a_human_is_called_it_waits_and_looks_again(road: Road, danger: str) -> None:
    hoa = road.hire("tuvan", alias="Hoa")
    road.types("a", danger)
    contact, case = road.find("a"), road.case_of("a")
    road.types("a", "xóa")
    road.waits(hours=26)
    assert road.escalation(case) is not None
    assert road.case(case).retracted_at is not None
    assert danger in road.transcript(case)
    assert road.facts() == []
    road.claim(hoa, case)
    road.close_case(hoa, case)
    road.waits(hours=1, minutes=1)
    with pytest.raises(KeyError):
        road.do(lambda uow: uow.contacts.get(contact.uid))
    assert len(road.facts()) == 1


def test_a_message_accepted_on_the_very_day_is_handled_first(road: Road) -> None:
    road.starts("a")
    contact = road.find("a")
    assert contact.erase_at is not None
    road.now = contact.erase_at - timedelta(seconds=1)
    road.accepts(road.message("a", MessageKind.TEXT, text=EMERGENCY))
    road.now = contact.erase_at
    assert road.run(road.housekeeping.erase, contact.uid) is False
    road.settles()
    assert road.came_in()[-1] == EMERGENCY
    assert road.find("a").uid == contact.uid
    assert road.find("a").erase_at == road.find("a").last_inbound_at + timedelta(days=30)


def test_erasing_what_is_not_due_or_gone_is_nothing(road: Road) -> None:
    road.starts("a")
    uid = road.find("a").uid
    assert road.run(road.housekeeping.erase, uid) is False
    assert road.run(road.housekeeping.erase, "nobody") is False
    road.now += timedelta(days=30)
    assert road.run(road.housekeeping.erase, uid) is True
    assert road.run(road.housekeeping.erase, uid) is False


def test_the_desk_copes_with_a_case_whose_seeker_is_gone(road: Road) -> None:
    hoa = road.hire("tuvan", alias="Hoa")
    road.types("a", EMERGENCY)
    case = road.meets("a", hoa)
    road.do(lambda uow: uow.contacts.forget(case.contact_uid))
    view = road.look(hoa, case)
    assert not view.reachable
    assert not view.in_touch
    assert EMERGENCY in [line.text for line in view.lines]
    road.note(hoa, case)
    road.release(hoa, case)
    road.claim(hoa, case)
    road.close_case(hoa, case)
    assert road.case(case).closed_at is not None

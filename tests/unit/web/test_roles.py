"""Giving somebody other roles: rights change at once, what she may no longer answer rings, and somebody always keeps staff."""

from __future__ import annotations

import json

import pytest

from handlers.model import EscalationState, Role, SignIn, Staff
from handlers.staffing import BadName, LastKeeper, NotYourself, SetEnabled, SetRoles, Staffing
from tests.fakes.hotline import Hotline
from tests.unit.web.test_desk import rings


def gives(hotline: Hotline, name: str, *roles: Role, by: str = "command line") -> Staff:
    staffing = Staffing(hotline.escalations.staff_disabled)
    return hotline.run(staffing.set_roles, SetRoles(name=name, roles=roles, by=by))


def signs_in(hotline: Hotline, staff: Staff) -> None:
    now = hotline.now
    hotline.do(
        lambda uow: uow.staff.sign_in(SignIn(token_hash="t", staff_uid=staff.uid, created_at=now, last_seen_at=now))
    )


def open_sessions(hotline: Hotline, staff: Staff) -> int:
    return len(hotline.do(lambda uow: uow.staff.sessions(staff.uid)))


def test_roles_are_replaced_noted_and_every_session_ends(hotline: Hotline) -> None:
    lan = hotline.hire("lan", Role.COUNSELLOR)
    signs_in(hotline, lan)
    gives(hotline, "lan", Role.SUPERVISOR, Role.EDITOR, Role.SUPERVISOR)
    assert hotline.do(lambda uow: uow.staff.get(lan.uid)).roles == (Role.SUPERVISOR, Role.EDITOR)
    assert open_sessions(hotline, lan) == 0
    row = hotline.select("SELECT action, object, detail FROM audit_log ORDER BY seq DESC LIMIT 1")[0]
    assert (row["action"], row["object"]) == ("staff.roles_set", lan.uid)
    assert json.loads(row["detail"]) == {"roles": "supervisor,editor", "before": "counsellor"}


def test_the_same_roles_again_change_nothing(hotline: Hotline) -> None:
    lan = hotline.hire("lan", Role.COUNSELLOR)
    signs_in(hotline, lan)
    gives(hotline, "lan", Role.COUNSELLOR)
    assert open_sessions(hotline, lan) == 1
    assert "staff.roles_set" not in hotline.audit()


@pytest.mark.parametrize(("role", "rings_anew"), [(Role.EDITOR, True), (Role.SUPERVISOR, False)])
def test_what_she_may_no_longer_answer_rings_anew(hotline: Hotline, role: Role, rings_anew: bool) -> None:
    lan = hotline.hire("lan", Role.COUNSELLOR)
    hotline.hire("mai", Role.COUNSELLOR)
    case = rings(hotline)
    hotline.claim(lan, case)
    gives(hotline, "lan", role)
    assert (hotline.escalation(case).state is EscalationState.RINGING) is rings_anew


def test_the_last_who_keeps_staff_stays_one(hotline: Hotline) -> None:
    hotline.hire("lan", Role.SUPERVISOR)
    hotline.hire("tu", Role.OPERATOR)
    gives(hotline, "lan", Role.COUNSELLOR)
    with pytest.raises(LastKeeper):
        gives(hotline, "tu", Role.EDITOR)
    gives(hotline, "tu", Role.SUPERVISOR)  # still one
    off = hotline.hire("mai", Role.SUPERVISOR)
    hotline.run(Staffing(lambda uow, uid: None).set_enabled, SetEnabled(name=off.name, enabled=False))
    with pytest.raises(LastKeeper):
        gives(hotline, "tu", Role.EDITOR)  # whoever is shut out keeps nobody


def test_nobody_gives_herself_a_role_and_nobody_is_without(hotline: Hotline) -> None:
    lan = hotline.hire("lan", Role.SUPERVISOR)
    with pytest.raises(NotYourself):
        gives(hotline, "lan", Role.OPERATOR, by=lan.uid)
    with pytest.raises(BadName):
        gives(hotline, "lan")

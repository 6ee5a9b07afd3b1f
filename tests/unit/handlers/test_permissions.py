"""One table says what each role may do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from handlers.errors import NotAllowed
from handlers.model import Role, Staff
from handlers.permissions import MAY, Action, may, require

DESK = {
    Action.SEE_QUEUE,
    Action.CLAIM,
    Action.REPLY,
    Action.NOTE,
    Action.RELEASE,
    Action.HAND_ON,
    Action.CLOSE,
    Action.READ_OWN,
    Action.SET_DUTY,
    Action.SEE_DIRECTORY,
    Action.SET_CAPACITY,
    Action.REFER,
}
EXPECTED = {
    Role.COUNSELLOR: DESK,
    Role.SUPERVISOR: DESK
    | {
        Action.READ_ANY,
        Action.RELEASE_ANY,
        Action.CLOSE_ANY,
        Action.ERASE_NOW,
        Action.KEEP_STAFF,
        Action.SEE_FIGURES,
        Action.SEE_HEALTH,
    },
    Role.EDITOR: {Action.EDIT_FLOWS, Action.EDIT_DIRECTORY, Action.SEE_DIRECTORY, Action.SET_CAPACITY},
    Role.OPERATOR: {Action.KEEP_STAFF, Action.SEE_HEALTH},
    Role.INSPECTOR: {Action.SEE_FIGURES},
}
CONTENT = {Action.REPLY, Action.NOTE, Action.READ_OWN, Action.READ_ANY, Action.CLAIM, Action.REFER}


def one(*roles: Role, enabled: bool = True) -> Staff:
    return Staff(
        uid="u", name="n", alias="a", roles=roles, enabled=enabled, created_at=datetime(2026, 11, 23, tzinfo=UTC)
    )


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", list(Action))
def test_the_table_says_what_it_is_meant_to_say(role, action):
    assert may(one(role), action) is (action in EXPECTED[role])


def test_every_role_stands_in_the_table():
    assert set(MAY) == set(Role)


@pytest.mark.parametrize("role", [Role.EDITOR, Role.OPERATOR, Role.INSPECTOR])
def test_who_keeps_the_machine_or_the_flows_never_sees_a_case(role):
    assert not MAY[role] & CONTENT


def test_roles_add_up():
    assert may(one(Role.COUNSELLOR, Role.EDITOR), Action.EDIT_FLOWS)
    assert may(one(Role.COUNSELLOR, Role.EDITOR), Action.CLAIM)


@pytest.mark.parametrize("action", list(Action))
def test_nobody_unknown_disabled_or_without_a_role_may_do_anything(action):
    assert not may(None, action)
    assert not may(one(*Role, enabled=False), action)
    assert not may(one(), action)


class _Register:
    def __init__(self, staff: Staff | None) -> None:
        self.staff = self
        self._one = staff

    def get(self, uid: str) -> Staff | None:
        return self._one


def test_require_gives_the_staff_member_or_refuses():
    assert require(_Register(one(Role.COUNSELLOR)), "u", Action.CLAIM).uid == "u"
    with pytest.raises(NotAllowed):
        require(_Register(one(Role.EDITOR)), "u", Action.CLAIM)
    with pytest.raises(NotAllowed):
        require(_Register(None), "u", Action.CLAIM)

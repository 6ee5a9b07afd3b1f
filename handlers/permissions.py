"""What each role may do: one table, and one question to ask it. Nothing else in the program decides about rights."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from handlers.errors import NotAllowed
from handlers.model import Role, Staff
from handlers.ports import UnitOfWork


class Action(StrEnum):
    """Something a staff member may want to do."""

    SEE_QUEUE = "see_queue"  # content-free cards
    CLAIM = "claim"
    REPLY = "reply"  # in a case she holds
    NOTE = "note"  # in a case she holds
    RELEASE = "release"  # a case she holds
    HAND_ON = "hand_on"  # to the next rung while it rings; a case she holds to a colleague who accepts
    CLOSE = "close"  # a case she holds
    READ_OWN = "read_own"  # what was said in a case she holds
    READ_ANY = "read_any"  # in any case, with a typed reason
    RELEASE_ANY = "release_any"  # take a case away from a colleague, so that it rings anew
    CLOSE_ANY = "close_any"
    ERASE_NOW = "erase_now"  # destroy a case and whose it is, with a reason
    SET_DUTY = "set_duty"  # her own on-duty switch
    EDIT_FLOWS = "edit_flows"
    EDIT_DIRECTORY = "edit_directory"
    SEE_DIRECTORY = "see_directory"  # all services, also those that only staff may know of
    SET_CAPACITY = "set_capacity"  # how many places are free somewhere
    REFER = "refer"  # a case she holds, with consent
    KEEP_STAFF = "keep_staff"  # add, disable, reset
    SEE_HEALTH = "see_health"  # queues, lags, gaps: no content
    SEE_FIGURES = "see_figures"  # statistics only


_COUNSELLOR: Final = frozenset(
    {
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
)

MAY: Final[Mapping[Role, frozenset[Action]]] = MappingProxyType(
    {
        Role.COUNSELLOR: _COUNSELLOR,
        Role.SUPERVISOR: _COUNSELLOR
        | {
            Action.READ_ANY,
            Action.RELEASE_ANY,
            Action.CLOSE_ANY,
            Action.ERASE_NOW,
            Action.KEEP_STAFF,
            Action.SEE_FIGURES,
            Action.SEE_HEALTH,  # at two in the morning she is the one who can do something about it
        },
        Role.EDITOR: frozenset({Action.EDIT_FLOWS, Action.EDIT_DIRECTORY, Action.SEE_DIRECTORY, Action.SET_CAPACITY}),
        Role.OPERATOR: frozenset({Action.KEEP_STAFF, Action.SEE_HEALTH}),
        Role.INSPECTOR: frozenset({Action.SEE_FIGURES}),
    }
)


def may(staff: Staff | None, action: Action) -> bool:
    """May this staff member do that? Never when unknown or disabled."""
    return staff is not None and staff.enabled and any(action in MAY[role] for role in staff.roles)


def require(uow: UnitOfWork, staff_uid: str, action: Action) -> Staff:
    """The staff member, read in this very transaction, when she may do that; NotAllowed otherwise."""
    staff = uow.staff.get(staff_uid)
    if staff is None or not may(staff, action):
        raise NotAllowed(action.value)
    return staff

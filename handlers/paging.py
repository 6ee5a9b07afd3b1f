"""How staff are called: one row for every way to reach them, content-free. The desk page is one way, the others are configured.

A lane belongs to one person on one surface: a desk page that nobody has open must not hold up the call on her phone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from handlers.model import Case, Escalation, OutboxKind, OutboxRow, new_uid
from handlers.ports import UnitOfWork

DESK: Final = "desk"
PAGER: Final = "pager"

# What a page says beside "somebody calls": `OutboxRow.note`.
CALLS: Final = ""
OWED: Final = "owed"  # the owner has not answered
WAITS: Final = "waits"  # a case waits without ringing
OFFERED: Final = "offered"  # a colleague offers her case to this one
LEAVES: Final = "leaves"  # the owner's shift ends, or is over: hand it over, or go on
ALONE: Final = "alone"  # the owner's shift is over, and nobody else is on duty
TAKEN: Final = "taken"  # groups: somebody has it now
OVER: Final = "over"  # groups: the call is over
BOUND: Final = "bound"  # this account will be called from now on
YOURS: Final = "yours"  # an account: the case is hers
GONE: Final = "gone"  # an account: somebody else has it
NO_CASE: Final = "no-case"  # an account: there is no such case to be taken
HELP: Final = "help"  # an account: what may be written here
NOT_BOUND: Final = "not-bound"  # groups: that code binds nothing
REFUSED: Final = "no"  # begins the note of what was written in a topic and did not go out: "no:<code>"
FORGET: Final = "forget"  # groups: what is shown of this case is taken away
LINES: Final = "lines"  # groups that show the talk: there are new lines
ALARM: Final = "alarm"  # begins the note of an alarm: "alarm:<code>"


@dataclass(frozen=True, slots=True)
class Surfaces:
    """The ways to reach staff. `personal`: everybody has them; `bound`: only who has bound an account there; `groups`: one page
    for all who are in it; `talks`: groups that show the conversation too (an operator's choice, off by default).
    """

    personal: tuple[str, ...] = (DESK,)
    bound: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    talks: tuple[str, ...] = ()


DESK_ONLY: Final = Surfaces()


def page(
    uow: UnitOfWork,
    surfaces: Surfaces,
    case: Case,
    staff_uids: Sequence[str],
    *,
    step: str,
    group_step: str = "",
    escalation: Escalation | None = None,
    note: str = CALLS,
) -> None:
    """Call these staff members on every way there is. `step` tells this notice from every other of the same escalation's epoch
    (without an escalation: of the same case); `group_step` is a coarser one, because a group takes few messages.
    """
    key = f"{escalation.uid}:{escalation.epoch}:{step}" if escalation else f"{case.uid}:{step}"
    for uid in staff_uids:
        bound = [name for name in uow.accounts.of(uid) if name in surfaces.bound] if surfaces.bound else []
        for surface in (*surfaces.personal, *bound):
            _add(uow, f"{key}:{uid}:{surface}", surface, case.uid, escalation, staff_uid=uid, note=note)
    if staff_uids:
        about = staff_uids[0] if note == OFFERED else None
        to_groups(uow, surfaces, case, step=group_step or step, escalation=escalation, note=note, about_staff_uid=about)


def to_groups(
    uow: UnitOfWork,
    surfaces: Surfaces,
    case: Case,
    *,
    step: str,
    escalation: Escalation | None = None,
    note: str = CALLS,
    about_staff_uid: str | None = None,
) -> None:
    """Tell every group, once a step."""
    key = f"{escalation.uid}:{escalation.epoch}:{step}" if escalation else f"{case.uid}:{step}"
    for surface in surfaces.groups:
        lane = lane_of(surface, None)
        _add(uow, f"{key}::{surface}", surface, case.uid, escalation, staff_uid=about_staff_uid, note=note, lane=lane)


def to_talks(uow: UnitOfWork, surfaces: Surfaces, case: Case, staff_uid: str) -> None:
    """Show what is new in this case where an operator wants it shown; `staff_uid` holds it, and reads it."""
    for surface in surfaces.talks:
        key = f"{case.uid}:lines:{case.next_seq}:{staff_uid}:{surface}"
        lane = lane_of(surface, case.uid)  # a long talk holds up no call
        _add(uow, key, surface, case.uid, None, staff_uid=staff_uid, note=LINES, lane=lane)


def tell_group(uow: UnitOfWork, surface: str, *, note: str) -> None:
    """Say something to one group that concerns no case."""
    _add(uow, f"{note}:{surface}:{uow.now.isoformat()}", surface, None, None, note=note)


def refuse(uow: UnitOfWork, surface: str, case_uid: str, why: str) -> None:
    """Say in a case's topic why what was written there did not go out."""
    lane = lane_of(surface, case_uid)
    key = f"{REFUSED}:{surface}:{case_uid}:{uow.now.isoformat()}"
    _add(uow, key, surface, case_uid, None, note=f"{REFUSED}:{why}"[:32], lane=lane)


def tell_account(
    uow: UnitOfWork,
    staff_uid: str,
    surface: str,
    *,
    note: str,
    case: Case | None = None,
    escalation: Escalation | None = None,
) -> None:
    """Answer one staff member's account: what became of what she wrote there."""
    key = f"{note}:{surface}:{staff_uid}:{uow.now.isoformat()}"
    _add(uow, key, surface, case.uid if case else None, escalation, staff_uid=staff_uid, note=note)


def alarm(uow: UnitOfWork, surfaces: Surfaces, name: str, code: str) -> None:
    """Tell the pager and the groups of an alarm: for whoever keeps the service running."""
    for surface in (*(one for one in surfaces.personal if one == PAGER), *surfaces.groups):
        _add(uow, f"alarm:{name}:{code}:{uow.now.isoformat()}:{surface}", surface, None, None, note=f"{ALARM}:{code}")


def _add(
    uow: UnitOfWork,
    key: str,
    surface: str,
    case_uid: str | None,
    escalation: Escalation | None,
    *,
    staff_uid: str | None = None,
    note: str,
    lane: str = "",
) -> None:
    uow.outbox.add(
        OutboxRow(
            uid=new_uid(),
            dedupe_key=key,
            lane=lane or lane_of(surface, staff_uid),
            kind=OutboxKind.PAGE,
            created_at=uow.now,
            staff_uid=staff_uid,
            surface=surface,
            case_uid=case_uid,
            escalation_uid=escalation.uid if escalation else None,
            epoch=escalation.epoch if escalation else None,
            note=note,
            next_attempt_at=uow.now,
        )
    )
    uow.ring("outbox")


def lane_of(surface: str, whose_uid: str | None) -> str:
    """The lane of this person (or this case) on this surface, or of a whole group."""
    if surface == DESK:
        return f"s:{whose_uid}"
    whose = f"{surface}|{whose_uid or ''}"
    return f"s:{hashlib.sha256(whose.encode()).hexdigest()[:40]}"

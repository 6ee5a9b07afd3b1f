"""Looks after calls whose owner goes: who is on duty and who was seen is looked up here, `rules.leaving` says what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from handlers.calling import Calling
from handlers.model import Escalation
from handlers.operation import operation
from handlers.ports import UnitOfWork
from handlers.rules import leaving
from handlers.rules.ladder import HELD, RUNGS, Staffed
from handlers.rules.leaving import Owner
from handlers.stays import contact_of


@dataclass(frozen=True, slots=True)
class Look:
    """One call to look at. `seen_ago`: its owner is gone from the desk, where she was seen so long ago."""

    escalation_uid: str
    seen_ago: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Leavers:
    """Asks for a handover before a shift ends, calls the next shift after it, shortens waits while an owner is gone."""

    calling: Calling

    def due(self, uow: UnitOfWork, gone: Mapping[str, timedelta]) -> list[Look]:
        """Calls about which something is to be done; for `Door.read`. `gone`: staff uid -> how long ago she was seen at the
        desk, for those who were and are not.
        """
        held = uow.escalations.held()
        if not held:
            return []
        staffed = self.calling.staffed(uow)  # what a seeker wishes is asked under the lock, by `look`
        found = []
        for escalation in held:
            seen_ago = gone.get(escalation.owner_uid or "")
            owner = self._owner(uow, escalation, staffed, seen_ago)
            if leaving.looked_at(escalation, owner, staffed, uow.now).action:
                found.append(Look(escalation.uid, seen_ago))
        return found

    @operation("tick")
    def look(self, uow: UnitOfWork, items: Sequence[Look]) -> list[bool]:
        """Do what is due for each; False where nothing was (any more). Safe to repeat."""
        return [self._look(uow, item) for item in items]

    def _look(self, uow: UnitOfWork, item: Look) -> bool:
        try:
            escalation = uow.escalations.get(item.escalation_uid)
            case = uow.cases.get(escalation.case_uid)
        except KeyError:  # erased meanwhile
            return False
        if escalation.state not in HELD:
            return False
        staffed = self.calling.staffed_for(uow, case, escalation)
        owner = self._owner(uow, escalation, self.calling.staffed(uow), item.seen_ago)
        moved = leaving.looked_at(escalation, owner, staffed, uow.now)
        if not moved.action:
            return False
        self.calling.carry_out(uow, contact_of(uow, case), case, moved)
        return True

    def _owner(self, uow: UnitOfWork, escalation: Escalation, staffed: Staffed, seen_ago: timedelta | None) -> Owner:
        uid = escalation.owner_uid or ""
        staff = uow.staff.get(uid)
        on_duty = any(uid in staffed[rung] for rung in RUNGS)
        return Owner(
            on_duty=on_duty,
            leaves_at=self.calling.duty.leaves_at(staff, uow.now) if on_duty and staff is not None else None,
            worked_at=uow.lines.newest_by(escalation.case_uid, uid),
            seen_ago=seen_ago,
        )

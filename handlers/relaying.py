"""Showing a talk on surfaces that an operator has chosen for it (a topic of the staff group): which cases have something new.

Off by default. Only what the counsellor who holds the case may read, and only while she holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handlers import paging
from handlers.calling import may_be_read
from handlers.operation import operation
from handlers.paging import Surfaces
from handlers.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class Relaying:
    """Writes a row for each case whose talk has gone on."""

    surfaces: Surfaces

    @operation("tick")
    def look(self, uow: UnitOfWork, items: Sequence[None]) -> list[int]:
        """One row for each held case with lines that are not shown yet; how many."""
        return [self._look(uow) for _ in items]

    def _look(self, uow: UnitOfWork) -> int:
        found = 0
        for staff in uow.staff.all():
            for escalation in uow.escalations.owned_by(staff.uid):
                case = uow.cases.get(escalation.case_uid)
                shown = [topic.seq for topic in uow.handles.of(case.uid, "topic")]
                if may_be_read(case) and case.next_seq - 1 > min(shown, default=0):
                    paging.to_talks(uow, self.surfaces, case, staff.uid)
                    found += 1
        return found

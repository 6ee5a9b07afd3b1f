"""Whether calls reach anybody: a page that nobody has got is worse than none, because everybody believes that somebody knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from handlers import alarms
from handlers.alarms import NOBODY_PAGED, Alarm
from handlers.operation import operation
from handlers.paging import DESK_ONLY, Surfaces
from handlers.ports import UnitOfWork

REACHED_WITHIN: Final = timedelta(seconds=60)
"""A call that no surface has confirmed within this time is an alarm."""

CALLS: Final = "calls"
"""What the alarm is about: not one channel, but calling itself."""


@dataclass(frozen=True, slots=True)
class Unheard:
    """Looks after calls of which nobody has heard."""

    surfaces: Surfaces = DESK_ONLY

    @operation("tick")
    def look(self, uow: UnitOfWork, items: Sequence[None]) -> list[bool]:
        """Sound the alarm when something rings that has reached nobody; hush it when that is over. True when it has begun."""
        return [self._look(uow) for _ in items]

    def _look(self, uow: UnitOfWork) -> bool:
        rings = {(one.uid, one.epoch): one.case_uid for one in uow.escalations.ringing()}
        paged = uow.outbox.pages_of(list(dict.fromkeys(rings.values())))
        late = uow.now - REACHED_WITHIN
        unheard = any(
            (one.escalation_uid, one.epoch) in rings and not one.reached and one.first_at <= late for one in paged
        )
        if unheard:
            return alarms.sound(uow, Alarm(CALLS, NOBODY_PAGED), self.surfaces)
        alarms.hush(uow, Alarm(CALLS, NOBODY_PAGED))
        return False

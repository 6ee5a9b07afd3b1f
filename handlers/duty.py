"""Who is on which rung now. Wiring chooses one: a roster, or everybody by role (the demo)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from handlers.model import DutySwitch, Role, Staff
from handlers.rules.ladder import BACKUP, LAST_RESORT, ON_DUTY, RUNGS, SUPERVISOR
from handlers.rules.leaving import ASKED_AHEAD
from handlers.rules.roster import Gap, Roster

SWITCH_LASTS = timedelta(hours=12)
"""How long the on-duty switch holds for somebody whose roster has no further change."""


class Duty(Protocol):
    """Answers who is to be paged; knows no storage: the staff as they stand in this transaction are handed in."""

    def on_rung(self, rung: str, staff: Sequence[Staff], now: datetime) -> list[Staff]:
        """The enabled staff on this rung (`on_duty`, `backup`, `supervisor`, `last_resort`) at `now`, by name."""

    def switch_until(self, staff: Staff, now: datetime) -> datetime:
        """When a switch thrown now falls back to the roster."""

    def leaves_at(self, staff: Staff, now: datetime) -> datetime | None:
        """For somebody on duty: when she will stand on no rung any more, if that is within the next 10 minutes."""

    def gap_ahead(self, now: datetime) -> Gap | None:
        """The first time within the next 24 h in which nobody is on duty by plan; None when there is none."""


@dataclass(frozen=True, slots=True)
class EverybodyByRole:
    """The demo without a roster: counsellors on duty, supervisors behind them; the switch still takes one off."""

    def on_rung(self, rung: str, staff: Sequence[Staff], now: datetime) -> list[Staff]:
        """See `Duty`."""
        if rung == LAST_RESORT:
            return last_resort(staff)
        role = Role.COUNSELLOR if rung == ON_DUTY else Role.SUPERVISOR
        return [one for one in reachable(staff) if role in one.roles and switch_of(one, now) is not DutySwitch.OFF]

    def switch_until(self, staff: Staff, now: datetime) -> datetime:
        """See `Duty`."""
        return now + SWITCH_LASTS

    def leaves_at(self, staff: Staff, now: datetime) -> datetime | None:
        """See `Duty`: without a plan nobody's duty ends by itself."""
        return None

    def gap_ahead(self, now: datetime) -> Gap | None:
        """See `Duty`: without a plan there is no gap in it."""
        return None


@dataclass(frozen=True, slots=True)
class ByRoster:
    """The roster, with each person's switch on top: *off* takes her off every rung, *on* puts her on her role's rung."""

    roster: Roster

    def on_rung(self, rung: str, staff: Sequence[Staff], now: datetime) -> list[Staff]:
        """See `Duty`."""
        if rung == LAST_RESORT:
            return last_resort(staff)
        named = self.roster.on_rung(rung, now)
        return [one for one in reachable(staff) if self._stands(one, rung, named, now)]

    def switch_until(self, staff: Staff, now: datetime) -> datetime:
        """See `Duty`: until her shift would change, 12 h when the roster says nothing of her."""
        return self.roster.next_change(staff.name, now) or now + SWITCH_LASTS

    def leaves_at(self, staff: Staff, now: datetime) -> datetime | None:
        """See `Duty`: where a shift ends, or where the switch that holds her falls back to a roster without her."""
        soon = now + ASKED_AHEAD
        ends = [*self.roster.edges(now, soon), soon]
        if staff.duty_until_at is not None and now < staff.duty_until_at <= soon:
            ends.append(staff.duty_until_at)
        return next((end for end in sorted(ends) if not self._on_any(staff, end)), None)

    def gap_ahead(self, now: datetime) -> Gap | None:
        """See `Duty`."""
        return self.roster.gap_ahead(now)

    def _on_any(self, one: Staff, at: datetime) -> bool:
        return any(self._stands(one, rung, self.roster.on_rung(rung, at), at) for rung in RUNGS)

    def _stands(self, one: Staff, rung: str, named: frozenset[str], now: datetime) -> bool:
        switch = switch_of(one, now)
        if switch is DutySwitch.OFF:
            return False
        if one.name.casefold() in named:
            return True
        return switch is DutySwitch.ON and rung in rungs_of(one)


def switch_of(staff: Staff, now: datetime) -> DutySwitch:
    """The switch as it counts now: one that has run out counts as AUTO."""
    ran_out = staff.duty_until_at is not None and staff.duty_until_at <= now
    return DutySwitch.AUTO if ran_out else staff.duty


def rungs_of(staff: Staff) -> frozenset[str]:
    """The rungs somebody may stand on by role alone."""
    own = {ON_DUTY} if Role.COUNSELLOR in staff.roles else set()
    return frozenset(own | ({BACKUP, SUPERVISOR} if Role.SUPERVISOR in staff.roles else set()))


def reachable(staff: Sequence[Staff]) -> list[Staff]:
    """Enabled counsellors and supervisors, by name."""
    return sorted((one for one in staff if one.enabled and rungs_of(one)), key=lambda one: one.name)


def last_resort(staff: Sequence[Staff]) -> list[Staff]:
    """Whom to page when every rung is empty: everybody who may answer, on duty or not. Better woken than missed."""
    return reachable(staff)

"""Figures of a closed stay: one row without text and without identifiers, so that it may outlive everything else."""

from __future__ import annotations

from datetime import datetime, tzinfo

from handlers.model import Case, Direction, Disposition, Escalation, Fact
from handlers.ports import UnitOfWork

_AT_A_TIME = 500


def fact_of(
    case: Case, escalation: Escalation | None, disposition: Disposition, *, lines: tuple[int, int], month: str
) -> Fact:
    """The row for statistics. `lines` are (in, out); times are whole seconds since the escalation was opened."""
    return Fact(
        month=month,
        channel=case.channel,
        severity=case.severity,
        category=case.category,
        disposition=disposition,
        commune="" if case.summary.commune_unasked else case.summary.commune,
        about=case.summary.about,
        age_band=case.summary.age_band,
        asked_for_person=case.asked_at is not None,
        first_page_s=_after(escalation, escalation.first_page_at) if escalation else None,
        claim_s=_after(escalation, escalation.claimed_at) if escalation else None,
        first_reply_s=_after(escalation, escalation.first_reply_at) if escalation else None,
        lines_in=lines[0],
        lines_out=lines[1],
        practice=case.practice,
    )


def month_of(at: datetime, zone: tzinfo) -> str:
    """YYYY-MM as the people of the department see the calendar."""
    return at.astimezone(zone).strftime("%Y-%m")


def count_lines(uow: UnitOfWork, case: Case) -> tuple[int, int]:
    """How many lines went in and out; notes are not counted."""
    came = went = after = 0
    while True:
        lines = uow.lines.of_case(case.uid, after, _AT_A_TIME)
        came += sum(1 for line in lines if line.direction is Direction.IN)
        went += sum(1 for line in lines if line.direction is Direction.OUT)
        if len(lines) < _AT_A_TIME:
            return came, went
        after = lines[-1].seq


def _after(escalation: Escalation, at: datetime | None) -> int | None:
    return None if at is None else max(0, int((at - escalation.created_at).total_seconds()))

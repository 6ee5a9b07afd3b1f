"""A gap in the roster is told a day and two hours ahead, once each, and again only when telling failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.workers.gap_warning import GapWarning
from handlers.rules.roster import Gap, Period
from handlers.watching import Finding

BEGINS = datetime(2026, 12, 24, 15, 0, tzinfo=UTC)


class Said:
    """The way out, which notes what was said; it may fail."""

    def __init__(self) -> None:
        self.said: list[tuple[str, list[Finding]]] = []
        self.arrives = True

    async def send(self, state: str, findings: list[Finding]) -> bool:
        self.said.append((state, list(findings)))
        return self.arrives


def planned(now: datetime) -> Gap | None:
    """One gap of six hours, seen a day ahead, cut at now as the roster does."""
    ends = BEGINS + timedelta(hours=6)
    if now >= ends or BEGINS - now > timedelta(hours=24):
        return None
    return Gap("on_duty", Period(max(now, BEGINS), ends))


@pytest.fixture
def out() -> Said:
    return Said()


async def test_a_gap_is_told_a_day_and_two_hours_ahead_and_when_it_begins(out: Said) -> None:
    warning = GapWarning(planned, out)  # type: ignore[arg-type]
    said: list[float] = []
    at = BEGINS - timedelta(hours=30)
    while at < BEGINS + timedelta(hours=8):
        before = len(out.said)
        await warning.look(at)
        if len(out.said) > before:
            said.append((BEGINS - at) / timedelta(hours=1))
        at += timedelta(minutes=10)
    assert said == [24.0, 2.0, 0.0]
    assert [(state, [one.code for one in found]) for state, found in out.said] == [("notice", ["roster-gap"])] * 3
    assert [found[0].oldest_s for _, found in out.said] == [-86_400, -7_200, 0]


async def test_what_did_not_arrive_is_told_again(out: Said) -> None:
    warning, at = GapWarning(planned, out), BEGINS - timedelta(hours=1)  # type: ignore[arg-type]
    out.arrives = False
    await warning.look(at)
    out.arrives = True
    await warning.look(at + timedelta(seconds=5))
    await warning.look(at + timedelta(seconds=10))
    assert len(out.said) == 2


async def test_a_gap_that_was_filled_and_opens_again_is_told_again(out: Said) -> None:
    gap: list[Gap | None] = [planned(BEGINS - timedelta(hours=1))]
    warning = GapWarning(lambda now: gap[0], out)  # type: ignore[arg-type]
    await warning.look(BEGINS - timedelta(hours=1))
    there, gap[0] = gap[0], None
    await warning.look(BEGINS - timedelta(minutes=50))
    gap[0] = there
    await warning.look(BEGINS - timedelta(minutes=40))
    assert len(out.said) == 2

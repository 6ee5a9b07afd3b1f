"""What the desk page says of the roster: a gap is named a day ahead, in local time."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

from bot.web import words
from bot.web.deps import WebDeps
from handlers.desk import QueueView
from handlers.model import DutySwitch, Role, Staff
from handlers.rules.roster import Gap, Period

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ME = Staff(uid="u", name="tuvan", alias="Hoa", roles=(Role.COUNSELLOR,), created_at=NOW)
DEPS = cast(WebDeps, SimpleNamespace(zone=ZoneInfo("Asia/Ho_Chi_Minh")))


def shown(gap: Gap | None) -> dict[str, Any]:
    view = QueueView(cards=(), on_duty=("Hoa",), duty=DutySwitch.AUTO, duty_until_at=None, me_on_duty=True, gap=gap)
    return words.queue(view, ME, NOW, DEPS)


def test_a_gap_in_the_roster_is_said_in_local_time() -> None:
    gap = Gap("on_duty", Period(NOW.replace(hour=15), NOW.replace(hour=23)))
    said = shown(gap)["gap"]
    assert said.startswith("Lịch trực còn trống")
    assert "22:00" in said
    assert "06:00" in said


def test_without_a_gap_nothing_is_said() -> None:
    assert shown(None)["gap"] == ""

"""A reminder comes once, at the hour she named, and never when it could be dangerous."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from handlers import audit
from handlers.delivery import Claiming, claim
from handlers.model import MessageKind, OutboxState
from handlers.reminders import due_at
from tests.fakes.road import EMERGENCY, PULLED, Road

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
WORDS = "Bình An chào bạn. Chúc bạn một ngày an lành."


def asks_for_reminder(road: Road, hour: str = "20:00") -> None:
    road.starts("a")
    for label in ("Có", "Bỏ qua", "Mã quay lại, riêng tư, góp ý", "Hẹn nhắn lại cho tôi", "Có"):
        road.presses("a", label)
    road.types("a", hour)


def reminded(road: Road) -> int:
    return sum(WORDS in text for text in road.texts("a") if "Tin đó chỉ ghi" not in text)


@pytest.mark.parametrize(
    ("now", "at", "days", "expected"),
    [
        ("09:00", "20:00", 1, "2026-11-24 20:00"),
        ("23:50", "00:05", 1, "2026-11-25 00:05"),  # in a quarter of an hour she needs no reminder
        ("23:00", "00:05", 1, "2026-11-24 00:05"),
        ("09:00", "08:59", 3, "2026-11-26 08:59"),
    ],
)
def test_the_hour_is_hers_in_her_time_zone(now: str, at: str, days: int, expected: str) -> None:
    began = datetime.fromisoformat(f"2026-11-23 {now}").replace(tzinfo=ZONE).astimezone(UTC)
    assert due_at(at, days, began, ZONE).astimezone(ZONE).strftime("%Y-%m-%d %H:%M") == expected


def test_it_comes_once_at_her_hour_though_her_stay_is_long_over(road: Road) -> None:
    asks_for_reminder(road)
    contact = road.find("a")
    assert contact.reminder_due_at is not None
    assert contact.reminder_due_at.astimezone(ZONE).strftime("%d %H:%M") == "24 20:00"
    road.waits(hours=34)  # it began at nine in the morning
    assert reminded(road) == 0
    road.waits(hours=1, minutes=1)
    assert reminded(road) == 1
    road.waits(days=2)
    assert reminded(road) == 1
    assert road.find("a").reminder is None
    assert [action for action in road.audit() if "reminder" in action] == [audit.REMINDER_ASKED, audit.REMINDER_SAID]


def test_who_writes_back_is_greeted_like_anybody(road: Road) -> None:
    asks_for_reminder(road)
    road.waits(hours=36)
    road.types("a", "ai day")
    assert "Bình An đây. Bạn đang nhắn với máy" in "".join(road.texts("a")[-3:])


@pytest.mark.parametrize("word", ["dừng", "xóa"])
def test_stop_and_delete_cancel_it(road: Road, word: str) -> None:
    asks_for_reminder(road)
    road.types("a", word)
    assert road.find("a").reminder is None or word == "xóa"
    road.waits(days=2)
    assert reminded(road) == 0


def test_taking_the_consent_back_cancels_it(road: Road) -> None:
    asks_for_reminder(road)
    road.presses("a", "Được rồi")
    for label in ("Mã quay lại, riêng tư, góp ý", "Hẹn nhắn lại cho tôi", "Không"):
        road.presses("a", label)
    assert road.find("a").reminder is None
    road.waits(days=2)
    assert reminded(road) == 0


def test_a_newer_one_takes_its_place(road: Road) -> None:
    asks_for_reminder(road)
    road.presses("a", "Được rồi")
    for label in ("Mã quay lại, riêng tư, góp ý", "Hẹn nhắn lại cho tôi", "Có"):
        road.presses("a", label)
    road.types("a", "21:00")
    road.waits(hours=35, minutes=30)
    assert reminded(road) == 0
    road.waits(hours=1)
    assert reminded(road) == 1


def test_later_than_a_quarter_of_an_hour_it_is_dropped_not_sent(road: Road) -> None:
    asks_for_reminder(road)
    due = road.find("a").reminder_due_at
    assert due is not None
    road.now = due + timedelta(minutes=15, seconds=1)  # the program was not running
    uid = road.find("a").uid
    assert road.run(road.reminders.tick, uid) is True
    road.delivers()
    assert reminded(road) == 0
    assert road.run(road.reminders.tick, uid) is False


def test_one_that_the_platform_does_not_take_in_time_is_held(road: Road) -> None:
    asks_for_reminder(road)
    due = road.find("a").reminder_due_at
    assert due is not None
    road.now = due
    road.run(road.reminders.tick, road.find("a").uid)
    road.now = due + timedelta(minutes=16)
    assert road.run(claim, Claiming(64, PULLED)) == []
    rows = road.select("SELECT state FROM outbox ORDER BY id DESC LIMIT 1")
    assert rows[0]["state"] == OutboxState.HELD


def test_while_a_person_talks_with_her_the_machine_is_silent(road: Road) -> None:
    asks_for_reminder(road)
    staff = road.hire("tuvan")
    road.waits(hours=34, minutes=50)
    road.types("a", EMERGENCY)
    case = road.meets("a", staff)
    road.says(staff, case, "Chị đây.")
    road.waits(minutes=20)
    assert reminded(road) == 0


def test_who_has_blocked_us_is_not_written_to(road: Road) -> None:
    asks_for_reminder(road)
    road.sends("a", MessageKind.BLOCKED)
    assert road.find("a").reminder is None


def test_on_the_page_it_is_not_offered(road: Road) -> None:
    road.sends("a", MessageKind.START, "web")
    for text in ("có", "bỏ qua", "mã quay lại, riêng tư, góp ý", "hẹn nhắn lại cho tôi"):
        road.types("a", text, "web")
    assert "không tự nhắn cho bạn được" in road.sees("a").lines[-1].text


def test_its_words_lie_sealed(road: Road) -> None:
    asks_for_reminder(road)
    stored = road.select("SELECT reminder_sealed FROM contacts")[0]["reminder_sealed"]
    assert stored
    assert WORDS.encode() not in stored

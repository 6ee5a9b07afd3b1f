"""Days as people write them; what is not one day for sure is no answer."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from flows.dates import day_meant, today

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("text", "side", "expected"),
    [
        ("hôm nay", "past", "2026-11-23"),
        ("tối qua ạ", "past", "2026-11-22"),
        ("hom kia", "past", "2026-11-21"),
        ("3 ngày trước", "past", "2026-11-20"),
        ("cách đây hai ngày", "past", "2026-11-21"),
        ("5/11", "past", "2026-11-05"),
        ("ngày 5 tháng 11", "past", "2026-11-05"),
        ("5.11.2025", "past", "2025-11-05"),
        ("2026-11-05", "past", "2026-11-05"),
        ("30/12", "past", "2025-12-30"),
        ("30/12", "future", "2026-12-30"),
        ("5/1", "future", "2027-01-05"),
        ("ngày mai", "future", "2026-11-24"),
        ("2 ngày nữa", "future", "2026-11-25"),
        ("30/12", "any", "2026-12-30"),
        ("ngày mai", "past", None),
        ("hôm qua", "future", None),
        ("31/2", "past", None),
        ("mùng 3 tết", "past", None),
        ("5/11 âm lịch", "past", None),
        ("hôm qua hoặc hôm kia", "past", None),
        ("từ 1/11 đến 5/11", "past", None),
        ("tuần trước", "past", None),
        ("", "past", None),
        ("12", "past", None),
    ],
)
def test_a_day_as_people_write_it(text: str, side: str, expected: str | None) -> None:
    assert day_meant(text, TODAY, side) == expected


def test_today_is_the_day_where_the_service_lives() -> None:
    late = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
    assert today(late, "+07:00") == date(2026, 11, 24)
    assert today(late, "-05:00") == date(2026, 11, 23)

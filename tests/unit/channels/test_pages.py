"""What a page says, and the pager that carries it to a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.channels.pager import Pager
from bot.channels.pages import words
from bot.web.texts import ALARM
from flows.checks.wording import sensitive_words
from flows.severity import Severity
from handlers import alarms, paging
from handlers.model import OutboxKind, OutboxRow, Outcome, SendJob
from tests.fakes.pager import SECRET, FakePager

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
NOTES = [
    value
    for name, value in vars(paging).items()
    if name.isupper() and isinstance(value, str) and value not in (paging.DESK, paging.PAGER, paging.ALARM)
]
CODES = [value for name, value in vars(alarms).items() if name[:1].isupper() and isinstance(value, str)]


def job(note: str = "", **more: Any) -> SendJob:
    row = OutboxRow(
        uid="u1",
        dedupe_key="d",
        lane="s:x",
        kind=OutboxKind.PAGE,
        created_at=NOW,
        note=note,
        epoch=more.pop("epoch", 1),
    )
    about = {"case_code": "K7-R4M2", "severity": Severity.EMERGENCY, "waiting_since": NOW - timedelta(minutes=3)}
    return SendJob(row=row, **{**about, "staff_name": "tuvan", "owner_alias": "Hoa", **more})


@pytest.mark.parametrize("note", [*NOTES, *(f"alarm:{code}" for code in CODES)])
def test_every_page_says_something_that_a_lock_screen_may_show(note: str) -> None:
    said = words(job(note), NOW)
    assert said
    assert "\n" not in said
    told = {shown for form, shown in sensitive_words() if form in f" {said.lower()} "}
    assert told <= {"khẩn cấp"}, "how urgent, and nothing of what it is about"


def test_the_alarms_have_words_everywhere() -> None:
    assert set(CODES) == set(ALARM)
    assert all(code not in words(job(f"alarm:{code}", case_code=""), NOW) for code in CODES)


def test_a_call_says_how_urgent_and_how_long() -> None:
    assert words(job(), NOW) == "Ca K7-R4M2 · khẩn cấp · chờ 3 phút. Đang cần người nhận."
    assert "gọi lại lần 2" in words(job(epoch=2), NOW)
    assert "Hoa" in words(job(paging.TAKEN), NOW)


@pytest.fixture
async def gateway() -> AsyncIterator[FakePager]:
    one = await FakePager().start()
    yield one
    await one.stop()


@pytest.fixture
async def pager(gateway: FakePager) -> AsyncIterator[Pager]:
    one = Pager(gateway.url, SECRET, clock=lambda: NOW)
    yield one
    await one.close()


async def test_the_gateway_gets_a_signed_page_without_content(gateway: FakePager, pager: Pager) -> None:
    assert (await pager.page(job())).outcome is Outcome.SENT
    (taken,) = gateway.of("call")
    assert taken == {
        "id": "u1", "kind": "call", "staff": "tuvan", "case": "K7-R4M2", "severity": "emergency", "epoch": 1,
        "waiting_s": 180, "text": "Ca K7-R4M2 · khẩn cấp · chờ 3 phút. Đang cần người nhận.",
    }  # fmt: skip
    await pager.page(job("alarm:token-lost", case_code="", waiting_since=None))
    assert [one["kind"] for one in gateway.taken.values()][-1] == "alarm"
    assert gateway.violations == []


@pytest.mark.parametrize("fault", ["500", "404", "429", "reset", "lost"])
async def test_whatever_the_gateway_does_the_page_is_tried_again(gateway: FakePager, pager: Pager, fault: str) -> None:
    gateway.faults.append(fault)
    failed = await pager.page(job())
    assert failed.outcome is Outcome.RETRY
    assert failed.error_class
    assert (await pager.page(job())).outcome is Outcome.SENT
    assert gateway.repeats == (1 if fault == "lost" else 0), "the gateway can tell a repeat by its key"


async def test_a_gateway_with_another_secret_takes_nothing(gateway: FakePager) -> None:
    stranger = Pager(gateway.url, "another secret")
    try:
        assert (await stranger.page(job())).outcome is Outcome.RETRY
        assert [finding.fine for finding in await stranger.check()] == [False]
    finally:
        await stranger.close()
    assert gateway.taken == {}


async def test_the_check_calls_nobody(gateway: FakePager, pager: Pager) -> None:
    assert [finding.fine for finding in await pager.check()] == [True]
    assert [one["kind"] for one in gateway.taken.values()] == ["test"]

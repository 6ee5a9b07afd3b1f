"""What became of a send: retried, failed in sight, blocked; and who is marked unreachable for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers.delivery import LEASE, LONGEST_RETRY_S, Claiming, Ours, Report, backoff, claim, record, take_back
from handlers.model import MessageKind, OutboxKind, OutboxState, Outcome, SendJob
from handlers.ports import SendResult
from tests.fakes.road import EMERGENCY, PULLED, Road


def claims(road: Road) -> list[SendJob]:
    jobs: list[SendJob] = road.run(claim, Claiming(64, PULLED))
    return jobs


def reports(road: Road, job: SendJob, outcome: Outcome, **more: object) -> bool:
    kept: bool = road.run(record, Report(job, SendResult(outcome=outcome, **more)))  # type: ignore[arg-type]
    return kept


def written(road: Road, kind: MessageKind = MessageKind.START, **fields: str) -> None:
    """Handled, but nothing is sent yet."""
    road.accepts(road.message("a", kind, **fields))
    road.handles(road.find("a").uid)


@pytest.mark.parametrize("attempts", range(0, 60, 7))
def test_the_wait_doubles_and_has_an_end(attempts: int) -> None:
    least = min(LONGEST_RETRY_S, 0.5 * 2 ** max(0, attempts - 1))
    waits = [backoff(attempts).total_seconds() for _ in range(20)]
    assert all(least <= wait <= least * 1.2 for wait in waits)
    assert len(set(waits)) > 1  # spread, so that rows do not come back together


def test_a_lane_sends_one_after_the_other(road: Road) -> None:
    written(road)
    (first,) = claims(road)
    assert claims(road) == []
    assert reports(road, first, Outcome.SENT)
    (second,) = claims(road)
    assert second.row.line_uid != first.row.line_uid


def test_what_the_platform_asks_to_wait_is_waited(road: Road) -> None:
    written(road)
    (job,) = claims(road)
    assert reports(road, job, Outcome.RETRY, retry_after=timedelta(seconds=33), error_class="Throttled")
    road.now += timedelta(seconds=32)
    assert claims(road) == []
    road.now += timedelta(seconds=2)
    assert [again.row.uid for again in claims(road)] == [job.row.uid]


def test_a_late_finisher_changes_nothing(road: Road) -> None:
    written(road)
    (lost,) = claims(road)
    road.now += LEASE + timedelta(seconds=1)
    (again,) = claims(road)
    assert not reports(road, lost, Outcome.FAILED)
    assert reports(road, again, Outcome.SENT)


def test_a_dead_predecessors_sends_go_on_at_once(road: Road) -> None:
    written(road)
    claims(road)
    assert road.run(take_back, Ours()) == 1
    assert len(claims(road)) == 1


def test_who_has_blocked_us_is_marked_and_nothing_more_is_tried(road: Road) -> None:
    hoa = road.hire("tuvan", alias="Hoa")
    written(road, MessageKind.TEXT, text=EMERGENCY)
    job = next(job for job in claims(road) if job.row.kind is not OutboxKind.PAGE)
    assert reports(road, job, Outcome.BLOCKED, error_class="Blocked")
    assert road.find("a").blocked_at is not None
    lane = f"c:{road.find('a').uid}"
    assert {row["state"] for row in road.rows(f"lane = '{lane}'")} == {OutboxState.FAILED}
    case = road.case_of("a")
    road.claim(hoa, case)
    failed = [line for line in road.look(hoa, case).lines if line.delivery is OutboxState.FAILED]
    assert failed  # the counsellor sees it
    assert not road.look(hoa, case).reachable


def test_the_first_page_handed_over_is_remembered_once(road: Road) -> None:
    road.hire("tuvan")
    written(road, MessageKind.TEXT, text=EMERGENCY)
    assert road.escalation(road.case_of("a")).first_page_at is None
    road.now += timedelta(seconds=1)
    first = road.now
    road.delivers()
    escalation = road.escalation(road.case_of("a"))
    assert escalation.first_page_at == first
    road.waits(seconds=61)
    assert road.escalation(road.case_of("a")).first_page_at == first


def test_a_page_of_an_escalation_that_is_gone_is_no_error(road: Road) -> None:
    road.hire("tuvan")
    written(road, MessageKind.TEXT, text=EMERGENCY)
    page = next(job for job in claims(road) if job.row.kind is OutboxKind.PAGE)
    road.connection.execute("PRAGMA defer_foreign_keys = ON")
    road.connection.execute("UPDATE outbox SET escalation_uid = NULL")
    road.connection.execute("DELETE FROM escalations")
    assert reports(road, page, Outcome.SENT)


def test_nothing_goes_to_somebody_after_fifteen_minutes(road: Road) -> None:
    written(road)
    road.now += timedelta(minutes=15, seconds=1)
    assert claims(road) == []
    assert {row["state"] for row in road.rows()} == {OutboxState.HELD}

"""Promises with a number of seconds in them, each counted on a clock that a test moves, and printed (docs/reliability.md)."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.severity import Severity
from handlers.inbound import Inbound
from handlers.model import Case, DutySwitch, EscalationState, MessageKind, Role, Staff
from tests.contract.platforms import Webhook, door, update
from tests.e2e.harness import eventually
from tests.fakes.hotline import Hotline
from tests.fakes.road import Road

JUMPS_H = (-24, -1, 1, 24)
NOBODY_TOLD_WITHIN_S = 5
DEAD_READ_WITHIN_S = 60
MESSAGES = 150
WINDOW = 50
LONGEST_S = 1_000
PEOPLE = 40
APART_MS = 20


@pytest.fixture
def hotline() -> Iterator[Hotline]:
    made = Hotline()
    yield made
    made.close()


def called(hotline: Hotline, severity: Severity, name: str) -> Case:
    """Somebody for whom we call; she has agreed to be read."""
    return hotline.writes(hotline.arrive(name), severity, "dv_physical", agreed=True)


def brought_to(hotline: Hotline, lan: Staff, state: EscalationState, severity: Severity, name: str) -> Case:
    """Her escalation stands in this state, just entered."""
    case = called(hotline, severity, name)
    if state is not EscalationState.RINGING:
        hotline.claim(lan, case)
    if state in (EscalationState.ANSWERED, EscalationState.OWING):
        hotline.reply(lan, case)
    if state is EscalationState.OWING:
        hotline.writes(case)
    found = hotline.escalation(case)
    assert found is not None
    assert found.state is state
    return case


def left_s(hotline: Hotline, case: Case) -> float:
    """Seconds until its timer is due."""
    found = hotline.escalation(case)
    assert found is not None
    assert found.next_due_at is not None
    return (found.next_due_at - hotline.now).total_seconds()


def test_no_jump_of_the_clock_makes_anybody_wait_longer_than_the_step(hotline: Hotline) -> None:
    lan, longer, count = hotline.hire("lan", Role.COUNSELLOR, Role.SUPERVISOR), 0, 0
    states = [state for state in EscalationState if state is not EscalationState.ENDED]
    for hours in JUMPS_H:
        for severity in (Severity.EMERGENCY, Severity.URGENT):
            for state in states:
                case = brought_to(hotline, lan, state, severity, f"{hours} {severity} {state}")
                step = left_s(hotline, case)
                hotline.now += timedelta(hours=hours)
                hotline.run(hotline.escalations.check_waits, None)
                longer += left_s(hotline, case) > step
                hotline.tick()
                count += 1
                hotline.close_case(lan, hotline.case(case))
    print(f"figure: clock moved by {JUMPS_H} hours in {count} states: {longer} waits longer than the step's own")
    assert longer == 0


@pytest.mark.parametrize(("severity", "promised_s"), [(Severity.EMERGENCY, 60), (Severity.URGENT, 120)])
def test_claimed_and_silent_rings_again_in_one_step(hotline: Hotline, severity: Severity, promised_s: int) -> None:
    lan = hotline.hire("lan")
    case = called(hotline, severity, "s1")
    hotline.claim(lan, case)
    took = next(second for second in range(1, LONGEST_S) if _rings_again(hotline, case))
    pages = len(hotline.pages("epoch = 2"))
    print(f"figure: {severity.value}, claimed and silent: rings again after {took} s, with {pages} page")
    assert took <= promised_s + 1
    assert pages


def _rings_again(hotline: Hotline, case: Case) -> bool:
    hotline.passes(1)
    found = hotline.escalation(case)
    return found is not None and found.state is EscalationState.RINGING


def test_nobody_on_duty_is_said_at_once_and_once_a_round(hotline: Hotline) -> None:
    lan = hotline.hire("lan")
    hotline.set_duty(lan, DutySwitch.OFF)
    began = hotline.now
    case = called(hotline, Severity.EMERGENCY, "s1")
    told = hotline.said(case).count("<nobody_on_duty>")
    took = (hotline.now - began).total_seconds()
    woken = len(hotline.pages(f"staff_uid = '{lan.uid}'"))
    found = hotline.escalation(case)
    assert found is not None
    first = found.round
    hotline.passes(3600)
    found = hotline.escalation(case)
    assert found is not None
    lines = [text for text in hotline.said(case) if text in ("<nobody_on_duty>", "<fallback>")]
    print(
        f"figure: nobody on duty: told {told} time after {took:.0f} s, {woken} page to the last resort at once; "
        f"in an hour {found.round - first} more rounds, {len(lines)} such lines"
    )
    assert (told, woken) == (1, 1)
    assert took <= NOBODY_TOLD_WITHIN_S
    assert len(lines) <= found.round - first + 1


BROKEN = [kind for kind in MessageKind if kind not in (MessageKind.BLOCKED, MessageKind.WITHDRAWN, MessageKind.JOINED)]
"""Every kind that is somebody's word; the others are notices of the platform."""


def test_whatever_kind_cannot_be_handled_is_with_a_human_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    took: dict[str, float] = {}
    for kind in BROKEN:
        road = Road()
        hoa = road.hire("hoa")
        began = road.now
        with monkeypatch.context() as patch:
            patch.setattr(Inbound, "_handle", _fails)
            road.sends("a", kind, text="máy hỏng rồi", choice="x", point=(22.4, 103.4) if kind == "location" else None)
            while not road.select("SELECT 1 FROM inbox WHERE state = 'dead'"):
                assert (road.now - began).total_seconds() < LONGEST_S, kind
                road.waits(seconds=1)
        took[kind.value] = (road.now - began).total_seconds()
        case = road.case_of("a")
        assert road.pages(f"staff_uid = '{hoa.uid}'"), kind
        road.claim(hoa, case)
        assert road.look(hoa, case).lines, kind
        road.close()
    print(
        f"figure: {len(took)} kinds of messages, each failing 3 times: with a human after {max(took.values()):.0f} s at most"
    )
    assert max(took.values()) <= DEAD_READ_WITHIN_S


def _fails(*_: Any) -> None:
    raise RuntimeError("a bug of ours")


def test_a_returning_address_is_answered_as_quickly_as_a_new_one() -> None:
    """Whoever writes from a phone that is not hers learns nothing from the time it takes either."""
    took: dict[str, list[float]] = {"new": [], "returning": []}
    road = Road()
    for number in range(PEOPLE):
        road.types(f"returning-{number}", "chào")
    road.waits(minutes=45)
    for number in range(PEOPLE):
        for kind, times in took.items():
            began = time.perf_counter()
            road.types(f"{kind}-{number}", "chào")
            times.append(time.perf_counter() - began)
    said = {kind: road.texts(f"{kind}-0")[-1] for kind in took}
    road.close()
    more_ms = (_p95(took["returning"]) - _p95(took["new"])) * 1000
    print(
        f"figure: {PEOPLE} who come back and {PEOPLE} who are new: the same words, p95 of the answer {more_ms:+.1f} ms apart"
    )
    assert said["returning"] == said["new"]
    assert abs(more_ms) < APART_MS * 5, "five-fold, for a busy machine"


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


async def test_each_update_up_to_five_times_and_shuffled_has_one_effect(tmp_path: Path) -> None:
    """Against the real route. The transcript keeps the order in which updates came first; a platform's own disorder stays."""
    chance = random.Random(20261128)
    deliveries: list[int] = []
    for first in range(0, MESSAGES, WINDOW):
        window = [number for number in range(1000 + first, 1000 + first + WINDOW) for _ in range(chance.randint(1, 5))]
        chance.shuffle(window)
        deliveries += window
    async with door("webhook", tmp_path) as platform:
        assert isinstance(platform, Webhook)

        async def handled() -> bool:
            return len(await platform.received()) >= MESSAGES

        statuses = {await platform.brings(update(number, text=f"tin {number}")) for number in deliveries}
        await eventually(handled, what="all are handled", within_s=60)
        got = await platform.received()
    twice = len(got) - len(set(got))
    out_of_order = got != list(dict.fromkeys(f"tin {number}" for number in deliveries))
    print(
        f"figure: {MESSAGES} updates in {len(deliveries)} deliveries, shuffled in windows of {WINDOW}: {len(set(got))} effects, "
        f"{twice} twice, {int(out_of_order)} out of order"
    )
    assert statuses == {200}
    assert (len(set(got)), twice, out_of_order) == (MESSAGES, 0, False)

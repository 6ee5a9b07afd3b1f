"""The auditor: silent while all is well, loud by its own way when it is not, and a ping only while it may sleep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.alarm import Alarm
from bot.workers import auditor as auditor_module
from bot.workers.auditor import NO_DATABASE, NOBODY_AT_DESK, Auditor
from bot.workers.pulse import Pulse
from handlers.errors import StorageUnavailable
from handlers.health import Looked, Watched, watched
from handlers.rules.roster import Gap, Period
from handlers.watching import PARTS, Finding, audit_looked_at, findings, keys_copied, nobody_copies_keys
from storage.open import MEMORY, Storage, open_storage
from storage.presence import LocalPresence
from tests.contract.builders import Clock, act, address, case_of, escalation

ALL = frozenset(PARTS)


@dataclass
class Outside:
    """The operator's side: who gets alarms and pings."""

    alarms: list[dict[str, Any]] = field(default_factory=list)
    pings: int = 0
    status: int = 200
    base: str = ""

    @property
    def states(self) -> list[tuple[str, list[str]]]:
        return [(one["state"], [each["code"] for each in one["findings"]]) for one in self.alarms]


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    there = Outside()

    async def alarm(request: web.Request) -> web.Response:
        if there.status == 200:
            there.alarms.append(await request.json())
        return web.Response(status=there.status)

    async def ping(request: web.Request) -> web.Response:
        there.pings += 1
        return web.Response()

    app = web.Application()
    app.router.add_post("/alarm/canary-secret", alarm)
    app.router.add_get("/ping/canary-secret", ping)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield there
    await runner.cleanup()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def storage(clock: Clock) -> AsyncIterator[Storage]:
    opened = open_storage(MEMORY, clock=clock)
    yield opened
    await opened.close()


def watching(storage: Storage, outside: Outside, living: frozenset[str] = ALL, **times: float) -> Auditor:
    alarm = Alarm(f"{outside.base}/alarm/canary-secret", f"{outside.base}/ping/canary-secret")
    return Auditor(
        storage.door,
        alarm,
        LocalPresence(),
        living=lambda _: living,
        **{"settles_s": 0.0, "ping_every_s": 0.0, **times},
    )


async def ring(storage: Storage) -> None:
    def work(uow: Any) -> None:
        (contact,) = uow.contacts.open([address()])
        case = case_of(contact)
        uow.cases.add(case)
        uow.escalations.add(escalation(case))

    await act(storage.door, work)


async def test_while_all_is_well_it_only_pings(storage: Storage, outside: Outside) -> None:
    auditor = watching(storage, outside)
    for _ in range(3):
        assert await auditor.look() == []
    assert (outside.alarms, outside.pings) == ([], 3)


async def test_pings_come_at_their_time_and_not_at_every_look(storage: Storage, outside: Outside) -> None:
    auditor = watching(storage, outside, ping_every_s=60.0)
    for _ in range(3):
        await auditor.look()
    assert outside.pings == 1


async def test_an_overdue_escalation_is_an_alarm_once_and_over_once(
    storage: Storage, outside: Outside, clock: Clock
) -> None:
    auditor = watching(storage, outside)
    await ring(storage)
    clock.move(seconds=31)
    for _ in range(3):
        assert await auditor.look() == [Finding("escalation-overdue", 1, 31)]
    assert outside.states == [("alarm", ["escalation-overdue"])]
    assert outside.pings == 0, "the switch outside must ring too"
    clock.move(seconds=-31)
    await auditor.look()
    assert outside.states[1:] == [("over", [])]
    assert outside.pings == 1


async def test_nobody_could_be_paged_and_nobody_has_a_desk_page_open(
    storage: Storage, outside: Outside, clock: Clock
) -> None:
    auditor = watching(storage, outside)
    await ring(storage)
    clock.move(seconds=61)
    await auditor.look()
    assert outside.states == [("alarm", ["escalation-overdue", "nobody-paged", NOBODY_AT_DESK])]
    auditor._presence.here(["somebody"])
    await auditor.look()
    assert outside.states[1:] == [("alarm", ["escalation-overdue", "nobody-paged"])]


async def test_what_is_being_caught_up_with_is_no_alarm(storage: Storage, outside: Outside, clock: Clock) -> None:
    auditor = watching(storage, outside, settles_s=60.0)
    await ring(storage)
    clock.move(seconds=31)
    assert await auditor.look() == []
    assert (outside.alarms, outside.pings) == ([], 0)


async def test_an_alarm_that_did_not_arrive_is_told_again(storage: Storage, outside: Outside, clock: Clock) -> None:
    auditor = watching(storage, outside)
    await ring(storage)
    clock.move(seconds=31)
    outside.status = 500
    await auditor.look()
    outside.status = 200
    await auditor.look()
    await auditor.look()
    assert outside.states == [("alarm", ["escalation-overdue"])]


async def test_an_alarm_that_lasts_is_said_again(
    storage: Storage, outside: Outside, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditor = watching(storage, outside)
    await ring(storage)
    clock.move(seconds=31)
    await auditor.look()
    monkeypatch.setattr(auditor_module, "SAY_AGAIN_S", 0.0)
    await auditor.look()
    assert len(outside.alarms) == 2


async def test_a_database_that_does_not_answer_is_an_alarm(
    storage: Storage, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(query: object) -> None:
        raise StorageUnavailable("gone")

    auditor = watching(storage, outside)
    monkeypatch.setattr(auditor, "_door", type("Gone", (), {"read": staticmethod(gone)}))
    await auditor.look()
    assert outside.states == [("alarm", [NO_DATABASE])]
    assert outside.pings == 0


@pytest.mark.parametrize("part", PARTS)
async def test_a_loop_that_has_fallen_silent_is_an_alarm(storage: Storage, outside: Outside, part: str) -> None:
    await watching(storage, outside, ALL - {part}).look()
    assert outside.states == [("alarm", [f"no-{part}"])]


async def test_the_addresses_are_never_shown(
    storage: Storage, outside: Outside, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    await ring(storage)
    clock.move(seconds=31)
    for base in (outside.base, "http://127.0.0.1:1", "http://no.such.host.invalid", "not an address"):
        alarm = Alarm(f"{base}/alarm/canary-secret", f"{base}/ping/canary-secret")
        auditor = Auditor(storage.door, alarm, LocalPresence(), living=lambda _: ALL, settles_s=0.0, ping_every_s=0.0)
        outside.status = 500
        await auditor.look()
        await alarm.ping()
    shown = capfd.readouterr()
    assert "auditor.not_told" in shown.out + shown.err
    assert "canary" not in shown.out + shown.err


def test_a_pulse_remembers_who_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    pulse = Pulse()
    assert pulse.living(15) == frozenset()
    pulse.beats("lanes")
    assert pulse.living(15) == {"lanes"}
    assert pulse.living(-1) == frozenset()


async def test_signs_of_life_are_written_down_for_the_others(storage: Storage, clock: Clock) -> None:
    pulse = Pulse()
    pulse.beats("timers")
    telling = asyncio.create_task(pulse.tell(storage.door))
    for _ in range(100):
        if await storage.door.read(lambda uow: uow.get_setting("beat.timers")):
            break
        await asyncio.sleep(0.02)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    assert await storage.door.read(lambda uow: uow.get_setting("beat.timers")) == clock.now.isoformat()
    assert await storage.door.read(lambda uow: uow.get_setting("beat.lanes")) is None


async def test_keys_that_are_not_copied_any_more_are_an_alarm_where_there_is_a_second_place(
    storage: Storage, outside: Outside, clock: Clock
) -> None:
    assert await storage.door.read(lambda uow: findings(uow)) == []  # nobody wished for it
    await storage.door.run(keys_copied, None)
    clock.move(minutes=14)
    assert await storage.door.read(lambda uow: findings(uow)) == []
    clock.move(minutes=2)
    assert await storage.door.read(lambda uow: findings(uow)) == [Finding("keys-not-copied", 1, 960)]
    await storage.door.run(nobody_copies_keys, None)
    assert await storage.door.read(lambda uow: findings(uow)) == []


async def test_a_changed_audit_log_is_an_alarm_and_does_not_silence_the_ping_for_good(
    storage: Storage, outside: Outside
) -> None:
    await storage.door.run(audit_looked_at, False)
    auditor = watching(storage, outside)
    assert [one.code for one in await auditor.look()] == ["audit-changed"]
    assert outside.states == [("alarm", ["audit-changed"])]
    assert outside.pings == 1


async def test_a_gap_of_the_roster_is_told_by_its_way_and_stops_no_ping(
    storage: Storage, outside: Outside, clock: Clock
) -> None:
    ahead = Gap("on_duty", Period(clock() + timedelta(hours=1), clock() + timedelta(hours=9)))
    alarm = Alarm(f"{outside.base}/alarm/canary-secret", f"{outside.base}/ping/canary-secret")
    auditor = Auditor(
        storage.door,
        alarm,
        LocalPresence(),
        living=lambda _: ALL,
        settles_s=0.0,
        ping_every_s=0.0,
        gap_ahead=lambda _: ahead,
    )
    for _ in range(3):
        assert await auditor.look() == []
    assert outside.states == [("notice", ["roster-gap"])]
    assert outside.pings == 3


async def test_it_says_how_its_own_work_stands(storage: Storage, outside: Outside, clock: Clock) -> None:
    auditor = watching(storage, outside, look_every_s=0.01)
    running = asyncio.create_task(auditor.run())
    kept = await _kept(storage, lambda said: said.ping == "arrived")
    assert (kept.told, kept.alarm) == ((), "")
    assert kept.pinged_at is not None
    assert clock() - kept.pinged_at < timedelta(seconds=5)
    outside.status = 500
    await ring(storage)
    clock.move(seconds=31)
    assert (await _kept(storage, lambda said: said.alarm == "failed")).told == (), "nobody was told"
    outside.status = 200
    assert (await _kept(storage, lambda said: said.alarm == "arrived")).told == ("escalation-overdue",)
    running.cancel()


async def test_without_addresses_it_says_so(storage: Storage) -> None:
    auditor = Auditor(storage.door, Alarm(), LocalPresence(), living=lambda _: ALL, settles_s=0.0)
    await auditor.look()
    assert auditor.state() == Looked(told=(), alarm="none", ping="none", pinged_s=None)


async def _kept(storage: Storage, wanted: Callable[[Watched], bool]) -> Watched:
    for _ in range(500):
        said = await storage.door.read(watched)
        if said is not None and wanted(said):
            return said
        await asyncio.sleep(0.01)
    raise AssertionError(f"it never said so: {said}")

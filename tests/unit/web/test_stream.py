"""Live updates: pages are confirmed only when written, lines come once and in order, and a cut costs nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse

from bot.web.hub import Hub
from bot.web.texts import CATEGORY, DESK, SIGN
from flows.severity import Severity
from handlers.model import Case, Direction, OutboxKind, OutboxRow, Outcome, SendJob
from handlers.outgoing import append_line
from handlers.staffing import SetEnabled, Staffing
from tests.fakes.hotline import START, Hotline
from tests.unit.web import test_desk
from tests.unit.web.desk_fakes import HotlineDoor, desk_deps, hire
from tests.unit.web.fakes import FakeWakeups
from tests.unit.web.serving import serving
from tests.unit.web.signed_in import Browser

WITHIN_S = 5.0


def job(staff_uid: str) -> SendJob:
    row = OutboxRow(
        uid="u", dedupe_key="d", lane=f"s:{staff_uid}", kind=OutboxKind.PAGE, created_at=START, staff_uid=staff_uid
    )
    return SendJob(row=row, case_code="C-1", severity=Severity.EMERGENCY)


class Listener:
    """The browser's end of a stream."""

    def __init__(self, answer: ClientResponse) -> None:
        self.answer = answer
        self.last_id = ""

    async def event(self, *names: str) -> tuple[str, Any]:
        """The next event with one of these names."""

        async def read() -> tuple[str, Any]:
            name, data = "", ""
            async for raw in self.answer.content:
                line = raw.decode().rstrip("\n")
                key, _, value = line.partition(": ")
                if key == "id":
                    self.last_id = value
                elif key == "event":
                    name = value
                elif key == "data":
                    data = value
                elif not line and name in names:
                    return name, json.loads(data)
            raise AssertionError("the stream ended")

        return await asyncio.wait_for(read(), WITHIN_S)


@asynccontextmanager
async def listening(browser: Browser, query: str = "", last_id: str = "") -> AsyncIterator[Listener]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with browser.http.get("/desk/events" + query, headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield Listener(answer)


async def test_a_page_is_sent_only_once_an_open_page_has_it(hotline: Hotline) -> None:
    staff = hire(hotline, "lan")
    other = hire(hotline, "mai")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await test_desk.desk(http)
        assert (await deps.hub.page(job(staff.uid))).outcome is Outcome.RETRY
        async with listening(browser) as stream:
            await stream.event("queue")
            assert (await deps.hub.page(job(staff.uid))).outcome is Outcome.SENT
            assert (await stream.event("page"))[1] == {"code": "C-1", "level": "emergency"}
            elsewhere = await deps.hub.page(job(other.uid))
            assert (elsewhere.outcome, elsewhere.retry_after) == (Outcome.RETRY, timedelta(seconds=1))


async def test_an_open_page_that_takes_nothing_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.web.hub.HANDED_OVER_S", 0.05)
    hub = Hub(FakeWakeups())
    with hub.open_page("s"):
        assert hub.reachable() == {"s"}
        assert (await hub.page(job("s"))).outcome is Outcome.RETRY
    assert hub.reachable() == frozenset()


async def test_a_new_case_is_on_every_open_page_at_once_and_without_content(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, door = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await test_desk.desk(http)
        async with listening(browser) as stream:
            assert (await stream.event("queue"))[1]["cards"] == []
            case = test_desk.rings(hotline)
            door.wakeups.ring("desk")
            _, queue = await stream.event("queue")
    assert [card["code"] for card in queue["cards"]] == [case.code]
    assert queue["ringing"] == 1
    assert test_desk.CANARY not in json.dumps(queue, ensure_ascii=False)


async def test_lines_come_once_in_order_across_many_cuts(hotline: Hotline) -> None:
    staff = hire(hotline, "lan")
    case = test_desk.rings(hotline)
    hotline.claim(staff, case)
    deps, door = desk_deps(hotline)
    got: list[int] = []
    async with serving(deps, cookies=True) as http:
        browser = await test_desk.desk(http)
        last = ""
        for turn in range(12):
            async with listening(browser, f"?case={case.code}&after=0", last) as stream:
                hotline.writes(case)
                if turn % 2:
                    door.wakeups.ring("desk")
                want = hotline.case(case).next_seq - 1
                while not got or got[-1] < want:
                    got.append((await stream.event("line"))[1]["seq"])
                last = stream.last_id
    assert got == list(range(1, want + 1))


async def test_the_fate_of_a_line_is_told_when_it_changes(hotline: Hotline) -> None:
    staff = hire(hotline, "lan")
    case = test_desk.rings(hotline)
    hotline.claim(staff, case)
    hotline.reply(staff, case, "Chào chị.")
    deps, door = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await test_desk.desk(http)
        async with listening(browser, f"?case={case.code}&after=0") as stream:
            line = (await stream.event("line"))[1]
            while line["text"] != "Chào chị.":
                line = (await stream.event("line"))[1]
            assert line["delivery"] == "pending"
            hotline.do(lambda uow: uow.outbox.fetch(case.contact_uid))
            door.wakeups.ring("desk")
            mark = (await stream.event("mark"))[1]
            while mark["seq"] != line["seq"]:
                mark = (await stream.event("mark"))[1]
    assert (mark["delivery"], mark["mark"]) == ("sent", "Đã gửi")


async def test_a_case_that_is_not_hers_gives_no_lines(hotline: Hotline) -> None:
    hire(hotline, "lan")
    mai = hire(hotline, "mai")
    case = test_desk.rings(hotline)
    hotline.claim(mai, case)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await test_desk.desk(http)
        async with listening(browser, f"?case={case.code}&after=0") as stream:
            name, told = await stream.event("line", "lost")
    assert (name, told["code"]) == ("lost", "not-yours")


async def test_a_disabled_person_sees_nothing_more_within_seconds(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await test_desk.desk(http)
        async with listening(browser) as stream:
            await stream.event("queue")
            hotline.run(Staffing(lambda uow, uid: None).set_enabled, SetEnabled(name="lan", enabled=False))
            assert (await stream.event("gone", "page"))[0] == "gone"
        assert deps.hub.reachable() == frozenset()


async def test_an_open_page_keeps_the_session_alive_but_not_for_ever(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, door = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await test_desk.desk(http)
        async with listening(browser) as stream:
            for _ in range(4):
                hotline.now += timedelta(minutes=15)
                door.wakeups.ring("desk")
                await stream.event("queue", "alive")
                await asyncio.sleep(0.05)
            assert (await browser.get("/desk")).status == 200
            hotline.now += timedelta(hours=12)
            door.wakeups.ring("desk")
            await stream.event("gone")


async def test_while_storage_is_away_the_page_stays_open(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, door = desk_deps(hotline)
    assert isinstance(door, HotlineDoor)
    async with serving(deps, cookies=True) as http:
        browser = await test_desk.desk(http)
        async with listening(browser) as stream:
            await stream.event("queue")
            door.down = True
            await stream.event("alive")
            door.down = False
            test_desk.rings(hotline)
            door.wakeups.ring("desk")
            assert (await stream.event("queue"))[1]["ringing"] == 1


def says_where(hotline: Hotline, case: Case, commune: str, **known: Any) -> None:
    """She writes a line, and the turn that stores it notes what it tells."""

    def work(uow: Any, _contact: Any, now: Case) -> None:
        fresh, _ = append_line(uow, now, direction=Direction.IN, author="seeker", text="em ở đó")
        summary = replace(fresh.summary, commune=commune, **known)
        uow.cases.save(replace(fresh, summary=summary, category="sexual_violence"))

    hotline.on_case(case, work)


async def test_what_she_says_meanwhile_stands_in_the_open_summary_at_once(hotline: Hotline) -> None:
    staff = hire(hotline, "lan")
    case = test_desk.rings(hotline)
    hotline.claim(staff, case)
    deps, door = desk_deps(hotline)
    after = hotline.case(case).next_seq - 1
    async with serving(deps, cookies=True) as http:
        browser = await test_desk.desk(http)
        async with listening(browser, f"?case={case.code}&after={after}") as stream:
            await stream.event("state")
            says_where(hotline, case, "03549", signs=(("weapon", "con dao"),))
            door.wakeups.ring("desk")
            assert (await stream.event("state"))[1]["category"] == CATEGORY["sexual_violence"]
            _, told = await stream.event("summary")
            assert [DESK["place"], "03549"] in told["facts"]
            assert told["commune"] == "03549"
            assert told["signs"] == [[SIGN["weapon"], ["con dao"]]]
            hotline.writes(case)  # nothing new in it: no second summary before its line
            door.wakeups.ring("desk")
            assert (await stream.event("summary", "line"))[0] == "line"  # her line of before
            assert (await stream.event("summary", "line"))[0] == "line"


async def test_a_case_that_may_not_be_read_yet_streams_no_summary(hotline: Hotline) -> None:
    staff = hire(hotline, "lan")
    case = test_desk.rings(hotline, severity=Severity.URGENT)
    hotline.claim(staff, case)
    deps, door = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await test_desk.desk(http)
        async with listening(browser, f"?case={case.code}&after=0") as stream:
            await stream.event("state")
            says_where(hotline, case, "03549")
            door.wakeups.ring("desk")
            assert (await stream.event("summary", "line", "alive"))[0] == "alive"

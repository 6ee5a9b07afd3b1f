"""Web, workers and an auditor side by side on one PostgreSQL: as one service to everybody, with Redis and without.

Each role is a whole service of its own (storage, loops, pages), as in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.config import Config
from bot.roles import NeedsPostgres, Role
from bot.running import run_service
from bot.serve import serve
from bot.web.passwords import hash_password
from bot.wiring import Service, open_auditor, open_service
from handlers.model import Role as StaffRole
from handlers.staffing import AddStaff, SetEnabled
from tests.e2e.harness import Page, eventually
from tests.fakes.road import EMERGENCY
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.servers.redis import RedisServer

PASSWORD = "một mật khẩu dài để thử"
NOT_LATER_S = 3.0  # what is promised without Redis
SLACK = 5.0


@dataclass
class House:
    """The configuration that all processes of a test share, and those that run."""

    config: Config
    stack: AsyncExitStack
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def start(self, name: str, role: Role) -> Service:
        service = await self.stack.enter_async_context(open_service(self.config, demo=False, role=role))
        ready = asyncio.Event()
        task = asyncio.create_task(run_service(service, "127.0.0.1", 0, ready))
        self.running[name] = task
        starting = asyncio.create_task(ready.wait())
        await asyncio.wait([task, starting], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return service

    async def stop(self, name: str) -> None:
        task = self.running.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def house(empty_postgres: str, tmp_path: Path, **written: Any) -> AsyncIterator[House]:
    config = Config.model_validate({"var": tmp_path / "var", "database": {"url": empty_postgres}, **written})
    async with AsyncExitStack() as stack:
        made = House(config, stack)
        try:
            yield made
        finally:
            for name in list(made.running):
                await made.stop(name)


@pytest.fixture(params=["redis", "no redis", "redis that is not there"])
def redis_of(request: pytest.FixtureRequest) -> dict[str, Any]:
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        server.flush()
        return {"redis": {"url": server.url}}
    return {"redis": {"url": "redis://127.0.0.1:1/0"}} if "not there" in request.param else {}


def _with(redis_of: dict[str, Any]) -> str:
    if not redis_of:
        return "no redis"
    return "redis that is not there" if ":1/" in redis_of["redis"]["url"] else "redis"


async def employ(service: Service, name: str = "tuvan") -> None:
    made = AddStaff(name=name, alias=name.title(), roles=(StaffRole.COUNSELLOR,), password_hash=hash_password(PASSWORD))
    await service.storage.door.run(service.staffing.add, made)


class Desk:
    """A counsellor's browser at one of the web processes; its cookie works at all of them."""

    def __init__(self, http: aiohttp.ClientSession, port: int) -> None:
        self.http, self.port, self.cookie = http, port, ""

    async def signs_in(self, name: str = "tuvan") -> None:
        form = {"name": name, "password": PASSWORD}
        async with self.http.post(
            self._url("/desk/sign-in"), data=form, headers=self._headers(), allow_redirects=False
        ) as answer:
            assert answer.status == 303, await answer.text()
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]

    async def queue(self) -> int:
        async with self.http.get(self._url("/desk"), headers=self._headers(), allow_redirects=False) as answer:
            return answer.status

    async def event(self, wanted: str, within_s: float) -> Any:
        """The first event of that name on a page that is opened now."""
        async with (
            asyncio.timeout(within_s),
            self.http.get(self._url("/desk/events"), headers=self._headers()) as answer,
        ):
            assert answer.status == 200
            return await self._read(answer, wanted)

    async def _read(self, answer: aiohttp.ClientResponse, wanted: str) -> Any:
        name = ""
        async for raw in answer.content:
            key, _, value = raw.decode().rstrip("\n").partition(": ")
            if key == "event":
                name = value
            elif key == "data" and name == wanted:
                return json.loads(value)
        raise AssertionError("the stream ended")

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def _headers(self) -> dict[str, str]:
        return {"Sec-Fetch-Site": "same-origin", "Cookie": self.cookie}


@dataclass
class _AtPort:
    """What `Page` needs of a program."""

    service: Any
    http: aiohttp.ClientSession

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"


async def test_two_web_and_two_workers_are_one_service(
    empty_postgres: str, tmp_path: Path, redis_of: dict[str, Any]
) -> None:
    async with house(empty_postgres, tmp_path, **redis_of) as made, aiohttp.ClientSession() as http:
        web = [await made.start(f"web {number}", Role.WEB) for number in range(2)]
        workers = [await made.start(f"worker {number}", Role.WORKER) for number in range(2)]
        await employ(web[0])
        page = Page(_AtPort(web[0], http))  # type: ignore[arg-type]
        await page.begin()
        await page.sees("Bình An đây")
        page.program.service = web[1]  # the proxy sends her next request elsewhere
        assert await page.types(EMERGENCY) == 200
        began = time.monotonic()
        await page.sees("Mình đang gọi")
        took = time.monotonic() - began
        print(f"figure: {_with(redis_of)}: answered across two web processes and two workers after {took:.1f} s")
        assert took < NOT_LATER_S + SLACK
        assert len({line["seq"] for line in page.lines}) == len(page.lines)
        await eventually(lambda: not any(worker.inbox._busy for worker in workers), what="every lane is done with")


async def test_a_page_reaches_the_desk_wherever_it_is_open(
    empty_postgres: str, tmp_path: Path, redis_of: dict[str, Any]
) -> None:
    async with house(empty_postgres, tmp_path, **redis_of) as made, aiohttp.ClientSession() as http:
        web = [await made.start(f"web {number}", Role.WEB) for number in range(2)]
        await made.start("worker", Role.WORKER)
        await employ(web[0])
        desk = Desk(http, web[0].port)
        await desk.signs_in()
        listening = asyncio.create_task(desk.event("page", 30))
        await eventually(lambda: web[0].storage.presence.who(), what="the desk page is open")
        page = Page(_AtPort(web[1], http))  # type: ignore[arg-type]
        began = time.monotonic()
        assert await page.types(EMERGENCY) == 200
        called = await listening
        took = time.monotonic() - began
        print(f"figure: {_with(redis_of)}: the desk page at another process rings after {took:.1f} s")
        assert took < NOT_LATER_S + SLACK
        assert called["level"] == "emergency"

        async def paged() -> bool:
            found = await web[1].storage.door.read(lambda uow: uow.escalations.ringing())
            return bool(found) and found[0].first_page_at is not None

        await eventually(paged, what="the page is recorded")


async def test_a_page_waits_for_somebody_to_open_the_desk(empty_postgres: str, tmp_path: Path) -> None:
    async with house(empty_postgres, tmp_path) as made, aiohttp.ClientSession() as http:
        web = await made.start("web", Role.WEB)
        await made.start("worker", Role.WORKER)
        await employ(web)
        page = Page(_AtPort(web, http))  # type: ignore[arg-type]
        assert await page.types(EMERGENCY) == 200
        await page.sees("Mình đang gọi")
        desk = Desk(http, web.port)
        await desk.signs_in()
        assert (await desk.event("page", NOT_LATER_S + SLACK))["level"] == "emergency"


async def test_who_is_signed_in_is_so_everywhere_and_disabled_nowhere(
    empty_postgres: str, tmp_path: Path, redis_server: RedisServer
) -> None:
    async with (
        house(empty_postgres, tmp_path, redis={"url": redis_server.url}) as made,
        aiohttp.ClientSession() as http,
    ):
        web = [await made.start(f"web {number}", Role.WEB) for number in range(2)]
        await employ(web[0])
        desk = Desk(http, web[0].port)
        await desk.signs_in()
        desk.port = web[1].port
        assert await desk.queue() == 200
        redis_server.flush()
        assert await desk.queue() == 200, "an emptied Redis logs nobody out"
        listening = asyncio.create_task(desk.event("gone", 5.0 + SLACK))
        await asyncio.sleep(0.2)
        disable = SetEnabled(name="tuvan", enabled=False)
        await web[0].storage.door.run(web[0].staffing.set_enabled, disable)
        await listening  # her page goes dark at the other process too
        assert await desk.queue() == 401 or await desk.queue() == 303


async def test_one_process_asks_the_platform_and_another_takes_over(empty_postgres: str, tmp_path: Path) -> None:
    fake = await FakeTelegram().start()
    (tmp_path / "token").write_text(TOKEN)
    channel = {"name": "tg", "platform": "telegram", "token": f"file:{tmp_path / 'token'}"}
    channel |= {"base_url": fake.base_url, "poll_timeout_s": 1}
    try:
        async with house(empty_postgres, tmp_path, channels=[channel]) as made:
            for number in range(2):
                await made.start(f"worker {number}", Role.WORKER)
            fake.types(7, "/start")
            await eventually(lambda: fake.of(7), what="she is answered")
            for number in range(2):
                sent = len(fake.of(7))
                await made.stop(f"worker {number}")
                if number == 0:
                    fake.types(7, "chào")
                    await eventually(lambda sent=sent: len(fake.of(7)) > sent, what="the other one goes on")
            assert fake.violations == []
    finally:
        await fake.stop()


async def test_readiness_ends_before_the_doors_do(empty_postgres: str, tmp_path: Path) -> None:
    async with house(empty_postgres, tmp_path, web={"drain_s": 0.6}) as made, aiohttp.ClientSession() as http:
        web = await made.start("web", Role.WEB)
        await made.start("worker", Role.WORKER)
        base = f"http://127.0.0.1:{web.port}"
        async with http.get(f"{base}/readyz") as answer:
            assert answer.status == 200
        stopping = asyncio.create_task(made.stop("web"))
        await asyncio.sleep(0.1)
        async with http.get(f"{base}/readyz") as answer:
            assert answer.status == 503
        async with http.get(f"{base}/healthz") as answer:
            assert answer.status == 200
        async with http.get(base) as answer:
            assert answer.status == 200, "who comes meanwhile is still served"
        await stopping
        with pytest.raises(aiohttp.ClientError):
            await http.get(f"{base}/healthz")


async def test_an_auditor_of_its_own_hears_when_the_workers_are_gone(empty_postgres: str, tmp_path: Path) -> None:
    async with house(empty_postgres, tmp_path) as made:
        worker = await made.start("worker", Role.WORKER)
        async with open_auditor(made.config) as (auditor, _, _):
            auditor._settles_s = 0.0

            async def calm() -> bool:
                return await auditor.look() == []

            await eventually(calm, what="a working house is no alarm")
            await made.stop("worker")

            def silence(uow: Any) -> None:
                for part in ("lanes", "timers", "sender"):
                    uow.set_setting(f"beat.{part}", "2026-01-01T00:00:00+00:00")

            await worker.storage.door.run(lambda uow, items: [silence(uow) for _ in items], None)
            assert {one.code for one in await auditor.look()} == {"no-lanes", "no-timers", "no-sender"}


@pytest.mark.parametrize("role", [Role.WEB, Role.WORKER, Role.AUDITOR])
async def test_a_share_of_the_work_needs_a_database_that_can_be_shared(tmp_path: Path, role: Role) -> None:
    with pytest.raises(NeedsPostgres, match=role.value):
        await serve(Config(var=tmp_path / "var"), demo=False, role=role)

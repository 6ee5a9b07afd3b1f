"""Default deny: who gets where, and that no other site can act for a signed-in counsellor."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.config import Config
from bot.metrics import Metrics
from bot.web.app import build_app
from bot.web.deps import nobody_looks
from bot.web.health import State, health_app
from bot.web.policy import ROUTES, Policy, Routes, UndeclaredRoute, Who, check_at_start
from bot.wiring import open_service
from handlers.model import Role
from handlers.permissions import MAY
from handlers.sessions import ABSOLUTE, IDLE
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.fakes import FakeDoor
from tests.unit.web.serving import OUR_PAGE, serving, somewhere
from tests.unit.web.signed_in import Browser

HOSTILE = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8080"},
    {"Origin": "https://example.org"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8080.example.org"},
    {"Referer": "http://127.0.0.1:8080/desk"},
]


def declared(hotline: Hotline) -> list[tuple[str, str, Policy]]:
    deps, _ = desk_deps(hotline)
    return build_app(deps)[ROUTES].declared()


def at_the_desk(hotline: Hotline) -> list[tuple[str, str, Policy]]:
    return [(method, path, policy) for method, path, policy in declared(hotline) if path.startswith("/desk")]


async def nothing(request: web.Request) -> web.Response:
    return web.Response()


def test_a_route_without_a_policy_stops_the_build() -> None:
    app = web.Application()
    table = Routes(app)
    with pytest.raises(UndeclaredRoute):
        table.add("GET", "/x", nothing)
    app.router.add_get("/past-the-table", nothing)
    with pytest.raises(UndeclaredRoute, match="past-the-table"):
        table.check()


async def test_a_route_added_later_stops_the_start_and_one_that_slips_in_is_refused(hotline: Hotline) -> None:
    deps, _ = desk_deps(hotline)
    app = build_app(deps)
    app.router.add_get("/late", nothing)
    with pytest.raises(UndeclaredRoute, match="late"):
        await web.AppRunner(app).setup()
    app = build_app(deps)
    app.on_startup.remove(check_at_start)
    app.router.add_get("/late", nothing)
    async with TestClient(TestServer(app)) as http:
        assert (await http.get("/late")).status == 403
        assert (await http.get("/healthz")).status == 200


def test_the_walk_sees_the_routes_inside(hotline: Hotline) -> None:
    deps, _ = desk_deps(hotline)
    app = build_app(deps)
    del app[ROUTES].table[next(route for route in app[ROUTES].table if "claim" in str(route.resource))]
    with pytest.raises(UndeclaredRoute, match=r"/desk/cases/\{code\}/claim"):
        app[ROUTES].check()


def test_every_route_of_every_role_of_the_program_is_declared(tmp_path: Path) -> None:
    """The real wiring: pages with every kind of channel that has a webhook, and the processes that serve health alone."""
    (tmp_path / "token").write_text("1:" + "a" * 35)
    secret = f"file:{tmp_path}/token"
    hook = {"token": secret, "mode": "webhook", "webhook_secret": secret}
    oa = {"app_id": "1", "app_secret": secret, "webhook_secret": secret, "refresh_token": secret}
    channels = [
        {"name": "tele", "platform": "telegram"} | hook,
        {"name": "bot", "platform": "zalo-bot"} | hook,
        {"name": "oa", "platform": "zalo-oa"} | oa,
    ]
    config = Config.model_validate({"channels": channels})

    async def walk() -> set[tuple[str, str, Who]]:
        async with open_service(config, demo=False, in_memory=True) as service:
            await web.AppRunner(service.app).setup()
            return {(method, path, policy.who) for method, path, policy in service.app[ROUTES].declared()}

    walked = asyncio.run(walk())
    signed = {path for method, path, who in walked if who is Who.PLATFORM and method == "POST"}
    assert signed == {"/webhooks/telegram/tele", "/webhooks/zalo-bot/bot", "/webhooks/zalo-oa/oa"}
    assert ("GET", "/desk/events", Who.STAFF) in walked
    health = health_app(object.__new__(FakeDoor), State(), Metrics(), nobody_looks, "")
    assert {(path, policy.who) for _, path, policy in health[ROUTES].declared()} == {
        ("/healthz", Who.ANYBODY), ("/readyz", Who.ANYBODY), ("/metrics", Who.PLATFORM),
    }  # fmt: skip
    health[ROUTES].check()


def test_only_the_way_in_is_open(hotline: Hotline) -> None:
    open_to_all = {(method, path) for method, path, policy in at_the_desk(hotline) if policy.who is Who.ANYBODY}
    assert open_to_all == {
        ("GET", "/desk/sign-in"),
        ("POST", "/desk/sign-in"),
        ("POST", "/desk/sign-in/second"),
        ("GET", "/desk/desk.css"),
        ("GET", "/desk/desk.js"),
        ("GET", "/desk/keys.js"),
    }


def test_what_is_open_outside_the_desk_is_the_seekers_and_no_more(hotline: Hotline) -> None:
    outside = {path for _, path, policy in declared(hotline) if not path.startswith("/desk")}
    assert {policy.who for _, path, policy in declared(hotline) if path in outside - {"/metrics"}} == {Who.ANYBODY}
    assert {policy.who for _, path, policy in declared(hotline) if path == "/metrics"} == {Who.PLATFORM}  # its token
    assert outside == {
        "/", "/poll", "/exit", "/about", "/audio/{name}", "/page.js", "/icon.svg", "/favicon.ico", "/refer/{token}",
        "/healthz", "/readyz", "/metrics",
    }  # fmt: skip


async def test_nobody_signed_in_gets_nowhere(hotline: Hotline) -> None:
    deps, door = desk_deps(hotline)
    async with serving(deps) as http:
        for method, path, policy in at_the_desk(hotline):
            if policy.who is not Who.ANYBODY:
                for cookie in ({}, {"Cookie": "sid=nonsense"}, {"Cookie": "sid=" + "x" * 4000}):
                    answer = await http.request(method, somewhere(path), headers={**OUR_PAGE, **cookie})
                    assert answer.status == 401, (method, path)
                    assert "http-equiv" not in await answer.text()
        page = await http.get("/desk", headers={"Accept": "text/html"}, allow_redirects=False)
        assert (page.status, page.headers["Location"]) == (303, "/desk/sign-in")
    assert door.ran == []


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_reaches_exactly_what_the_table_says(hotline: Hotline, role: Role) -> None:
    hire(hotline, "lan", role)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        # Not everybody has a queue; the token for forms stands on every page all the same.
        assert (await browser.sign_in("lan")).status == 303
        asked = 0
        for method, path, policy in at_the_desk(hotline):
            if policy.who is not Who.STAFF or path == "/desk/events":
                continue
            answer = await (browser.get(somewhere(path)) if method == "GET" else browser.command(somewhere(path)))
            granted = any(
                action in MAY[role] for action in policy.actions
            )  # who has no queue is led on to her own work
            assert (answer.status != 403) == granted, (role, method, path, answer.status)
            asked += 1
    print(f"figure: {role.value}: {asked} routes, each reached exactly when the table of permissions says so")


@pytest.mark.parametrize("role", list(Role))
async def test_who_owes_a_second_factor_reaches_only_her_own_account(hotline: Hotline, role: Role) -> None:
    hire(hotline, "lan", role)
    deps, _ = desk_deps(hotline, second_factor_for=frozenset({role}))
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan", enrolling=True)
        for method, path, policy in at_the_desk(hotline):
            if policy.who is Who.STAFF:
                answer = await (browser.get(somewhere(path)) if method == "GET" else browser.command(somewhere(path)))
                assert answer.status == (303 if method == "GET" else 403), (method, path)
                assert answer.headers.get("Location", "/desk/me") == "/desk/me"
        assert (await browser.get("/desk/me")).status == 200
        assert (await browser.post("/desk/sign-out")).status == 303


async def test_no_other_site_can_act_for_her(hotline: Hotline) -> None:
    hire(hotline, "lan", Role.COUNSELLOR, Role.SUPERVISOR)
    deps, door = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        before = len(door.ran)
        for method, path, _ in at_the_desk(hotline):
            if method == "GET":
                continue
            for headers in HOSTILE:
                token = {"X-CSRF-Token": browser.csrf}
                answer = await http.post(somewhere(path), data={"duty": "off"}, headers={**headers, **token})
                assert answer.status == 403, (path, headers)
            if path.startswith("/desk/sign-in"):
                continue
            for token in ({}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": ""}):
                answer = await http.post(somewhere(path), data={"duty": "off"}, headers={**OUR_PAGE, **token})
                assert answer.status == 403, (path, token)
        assert len(door.ran) == before
        assert (await browser.post("/desk/duty", duty="off")).status == 303  # and her own page can


async def test_the_token_of_another_session_is_worth_nothing(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as mine, serving(deps, cookies=True) as other:
        me, she = Browser(mine), Browser(other)
        await me.sign_in("lan")
        await she.sign_in("lan")
        assert me.csrf != she.csrf
        me.csrf = she.csrf
        assert (await me.post("/desk/duty", duty="off")).status == 403


async def test_an_origin_of_ours_will_do_for_browsers_that_say_no_more(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        headers = {"Origin": f"http://{http.host}:{http.port}", "X-CSRF-Token": browser.csrf}
        answer = await http.post("/desk/duty", data={"duty": "off"}, headers=headers, allow_redirects=False)
        assert answer.status == 303


async def test_a_session_ends_after_twenty_idle_minutes(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        hotline.now += IDLE - timedelta(seconds=1)
        assert (await browser.get("/desk")).status == 200  # and this look counts as a sign of life
        hotline.now += IDLE - timedelta(seconds=1)
        assert (await browser.get("/desk")).status == 200
        hotline.now += IDLE + timedelta(seconds=1)
        assert (await browser.get("/desk")).status == 303


async def test_a_session_never_outlives_a_shift(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        end = hotline.now + ABSOLUTE
        while hotline.now < end - timedelta(minutes=15):
            hotline.now += timedelta(minutes=15)
            assert (await browser.get("/desk")).status == 200
        hotline.now = end + timedelta(seconds=1)
        assert (await browser.get("/desk")).status == 303

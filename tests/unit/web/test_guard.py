"""Default deny: who gets where, and that no other site can act for a signed-in counsellor."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiohttp import web

from bot.web.desk import build_desk
from bot.web.guard import ROUTES, Routes, UndeclaredRoute
from handlers.model import Role
from handlers.permissions import MAY, Action
from handlers.staffing import ABSOLUTE, IDLE
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.serving import OUR_PAGE, serving
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


def routes(hotline: Hotline) -> list[tuple[str, str, tuple[Action, ...] | None]]:
    deps, _ = desk_deps(hotline)
    return build_desk(deps)[ROUTES].declared()


async def nothing(request: web.Request) -> web.Response:
    return web.Response()


def test_a_route_without_an_action_stops_the_build() -> None:
    app = web.Application()
    table = Routes(app)
    with pytest.raises(UndeclaredRoute):
        table.add("GET", "/x", nothing)
    app.router.add_get("/past-the-table", nothing)
    with pytest.raises(UndeclaredRoute, match="past-the-table"):
        table.check()


def test_only_the_way_in_is_open(hotline: Hotline) -> None:
    open_to_all = {(method, path) for method, path, actions in routes(hotline) if actions is None}
    assert open_to_all == {("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/desk.css"), ("GET", "/desk.js")}


def url(path: str) -> str:
    return "/desk" + path.replace("{code}", "C-1").replace("{service}", "s1").replace("{referral}", "r1").replace(
        "{uid}", "u1"
    )


async def test_nobody_signed_in_gets_nowhere(hotline: Hotline) -> None:
    deps, door = desk_deps(hotline)
    async with serving(deps) as http:
        for method, path, actions in routes(hotline):
            if actions is not None:
                for cookie in ({}, {"Cookie": "sid=nonsense"}, {"Cookie": "sid=" + "x" * 4000}):
                    answer = await http.request(method, url(path), headers={**OUR_PAGE, **cookie})
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
        for method, path, actions in routes(hotline):
            if actions is None or path in ("/sign-out", "/events"):
                continue
            answer = await (browser.get(url(path)) if method == "GET" else browser.command(url(path)))
            allowed = any(action in MAY[role] for action in actions) and (
                path not in ("", "/")
                or bool({Action.SEE_QUEUE, Action.SEE_HEALTH} & MAY[role])  # an operator is led on
            )
            assert (answer.status != 403) == allowed, (role, method, path, answer.status)


async def test_no_other_site_can_act_for_her(hotline: Hotline) -> None:
    hire(hotline, "lan", Role.COUNSELLOR, Role.SUPERVISOR)
    deps, door = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        before = len(door.ran)
        for method, path, _ in routes(hotline):
            if method == "GET":
                continue
            for headers in HOSTILE:
                token = {"X-CSRF-Token": browser.csrf}
                answer = await http.post(url(path), data={"duty": "off"}, headers={**headers, **token})
                assert answer.status == 403, (path, headers)
            if path == "/sign-in":
                continue
            for token in ({}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": ""}):
                answer = await http.post(url(path), data={"duty": "off"}, headers={**OUR_PAGE, **token})
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

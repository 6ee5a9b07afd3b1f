"""Whoever is refused at the desk's door reads what it is, who may, and finds a way on; and what she wrote is not lost."""

from __future__ import annotations

import pytest

from bot.web.refusing import words_of
from bot.web.texts import ACTION, DESK
from handlers.model import Role
from handlers.permissions import MAY, Action
from handlers.sessions import IDLE
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.serving import OUR_PAGE, Page, serving
from tests.unit.web.signed_in import Browser

PAGES = {"accept": {"Accept": "text/html,application/xhtml+xml"}}


@pytest.mark.parametrize("action", list(Action))
def test_every_action_has_words_and_somebody_who_may(action: Action) -> None:
    what, who = words_of((action,))
    assert what == ACTION[action]
    assert who.count(",") + 1 == sum(action in granted for granted in MAY.values())


@pytest.mark.parametrize(
    ("role", "path", "what", "who", "on"),
    [
        (Role.COUNSELLOR, "/desk/erase", "xóa ngay một ca", "giám sát", "/desk"),
        (Role.COUNSELLOR, "/desk/staff", "quản lý tài khoản nhân viên", "giám sát, quản trị máy", "/desk"),
        (Role.OPERATOR, "/desk/cases/K1-234", "đọc một ca", "người trực, giám sát", "/desk/status"),
        (Role.EDITOR, "/desk/status", "xem tình trạng hệ thống", "giám sát, quản trị máy", "/desk/services"),
        (Role.INSPECTOR, "/desk/services", "xem danh bạ nơi giúp", "người trực, giám sát, biên tập", "/desk/me"),
    ],
)
async def test_a_page_without_the_right_says_what_it_is_who_may_and_leads_on(
    hotline: Hotline, role: Role, path: str, what: str, who: str, on: str
) -> None:
    hire(hotline, "lan", role)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        answer = await browser.get(path)
        page = Page(await answer.text())
        assert answer.status == 403
        assert f"Việc này là: {what}." in page.text
        assert f"Người làm được: {who}." in page.text
        ways = {attrs["href"] for attrs in page.all("a")}
        assert on in ways
        for way in ways:  # and none of them leads to another refusal
            assert (await browser.get(way)).status in (200, 303), way


async def test_a_script_still_gets_the_bare_status(hotline: Hotline) -> None:
    hire(hotline, "lan", Role.INSPECTOR)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        answer = await browser.command("/desk/duty", duty="on")
        assert (answer.status, answer.content_type) == (403, "text/plain")


async def test_what_was_written_after_the_session_ended_stands_on_the_way_back_in(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, door = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        hotline.now += IDLE * 2
        before = len(door.ran)
        form = {"csrf": browser.csrf, "text": "Em <b>ở</b> đâu?", "client_key": "k" * 12}
        answer = await http.post("/desk/cases/K1-234/reply", data=form, headers={**OUR_PAGE, **PAGES["accept"]})
        said = await answer.text()
        assert answer.status == 401
        assert any(attrs.get("action") == "/desk/sign-in" for attrs in Page(said).all("form"))
        assert "Đăng nhập lại để làm tiếp" in said
        assert "Em &lt;b&gt;ở&lt;/b&gt; đâu?" in said
        assert len(door.ran) == before


async def test_a_form_of_an_earlier_session_keeps_its_words_and_does_nothing(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, door = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        before = len(door.ran)
        form = {"csrf": "0" * 64, "text": "Chị đang nghe"}
        answer = await http.post("/desk/cases/K1-234/note", data=form, headers={**OUR_PAGE, **PAGES["accept"]})
        said = await answer.text()
        assert answer.status == 403
        assert "Chị đang nghe" in said
        assert 'href="/desk"' in said
        foreign = await http.post("/desk/cases/K1-234/note", data=form, headers={**PAGES["accept"], "Origin": "null"})
        assert (foreign.status, "Chị đang nghe" in await foreign.text()) == (403, False)
        assert len(door.ran) == before


MISTYPED = [
    ("GET", "/desk/nothing-here"),
    ("GET", "/desk/cases/K1-234/talk"),
    ("GET", "/desk/duty"),
    ("POST", "/desk/status"),
]


@pytest.mark.parametrize(("method", "path"), MISTYPED)
@pytest.mark.parametrize("role", [Role.COUNSELLOR, Role.INSPECTOR])
async def test_a_mistyped_address_is_a_page_that_leads_back(
    hotline: Hotline, role: Role, method: str, path: str
) -> None:
    hire(hotline, "lan", role)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        headers = {**OUR_PAGE, **PAGES["accept"], "X-CSRF-Token": browser.csrf}
        answer = await http.request(method, path, headers=headers, allow_redirects=False)
        page = Page(await answer.text())
        assert answer.status == (405 if path in ("/desk/duty", "/desk/status") else 404)
        assert ("Allow" in answer.headers) == (answer.status == 405)
        assert DESK["nowhere"] in page.text
        assert path not in page.text, "what was typed is nobody's words to repeat"
        ways = {attrs["href"] for attrs in page.all("a")}
        assert ("/desk" if role is Role.COUNSELLOR else "/desk/me") in ways
        for way in ways:
            assert (await browser.get(way)).status in (200, 303), way


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_who_is_not_signed_in_learns_nothing_about_what_exists(hotline: Hotline, accept: str) -> None:
    deps, _ = desk_deps(hotline)
    async with serving(deps) as http:
        for method in ("GET", "POST"):
            told = set()
            for path in ("/desk/status", "/desk/cases/K1-234/reply", "/desk/nothing-here", "/desk/duty"):
                headers = {**OUR_PAGE, "Accept": accept}
                answer = await http.request(method, path, headers=headers, allow_redirects=False)
                told.add(
                    (answer.status, answer.headers.get("Location"), answer.headers.get("Allow"), await answer.text())
                )
            assert len(told) == 1, (method, told)


async def test_a_script_that_asks_for_what_is_nowhere_gets_the_bare_status(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        answer = await browser.command("/desk/nothing-here")
        assert (answer.status, answer.content_type) == (404, "text/plain")

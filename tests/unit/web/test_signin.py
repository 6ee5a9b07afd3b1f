"""Signing in: what it gives, what it refuses, and how little a stranger learns."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.web.guard import token_hash
from bot.web.passwords import Verifier
from handlers.model import Role
from handlers.staffing import (
    THROTTLE_WINDOW,
    TRIES_PER_NAME,
    TRIES_PER_PREFIX,
    AddStaff,
    BadName,
    NameTaken,
    NoSuchStaff,
    SetEnabled,
    SetPassword,
    Staffing,
)
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import PASSWORD, desk_deps, hire
from tests.unit.web.serving import OUR_PAGE, serving
from tests.unit.web.signed_in import Browser


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Checks passwords without the work; the list says which hashes were compared."""
    compared: list[str] = []

    async def matches(self: Verifier, password: str, password_hash: str) -> bool:
        compared.append(password_hash)
        return bool(password_hash) and password == PASSWORD

    monkeypatch.setattr(Verifier, "matches", matches)
    return compared


async def test_a_right_password_opens_a_session_whose_token_is_nowhere_stored(hotline: Hotline) -> None:
    staff = hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        answer = await browser.sign_in("LAN")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Path=/" in cookie
        token = browser.token()
    assert len(token) >= 43
    session = hotline.do(lambda uow: uow.staff.signed_in(token_hash(token)))
    assert session is not None
    assert session.staff_uid == staff.uid
    assert hotline.do(lambda uow: uow.staff.signed_in(token)) is None


async def test_over_https_the_cookie_is_bound_to_the_host(hotline: Hotline, quick: list[str]) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url="https://example.org")
    async with serving(deps) as http:
        posted = {"name": "lan", "password": PASSWORD}
        answer = await http.post("/desk/sign-in", data=posted, headers=OUR_PAGE, allow_redirects=False)
        cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-sid=")
    assert "Secure" in cookie
    assert "Domain" not in cookie


async def test_a_password_never_crosses_a_network_in_the_clear(hotline: Hotline, quick: list[str]) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps) as http:
        posted = {"name": "lan", "password": PASSWORD}
        headers = {**OUR_PAGE, "Host": "192.0.2.7:8080"}
        answer = await http.post("/desk/sign-in", data=posted, headers=headers)
        assert answer.status == 403
        assert "https" in await answer.text()
    assert quick == []


async def test_wrong_name_wrong_password_and_disabled_read_the_same(hotline: Hotline, quick: list[str]) -> None:
    hire(hotline, "lan")
    gone = hire(hotline, "mai")
    hotline.do(lambda uow: uow.staff.save(replace(gone, enabled=False)))
    deps, _ = desk_deps(hotline)
    pages = set()
    async with serving(deps) as http:
        for name, password in (("lan", "wrong" * 4), ("ai-do", PASSWORD), ("mai", PASSWORD)):
            posted = {"name": name, "password": password}
            answer = await http.post("/desk/sign-in", data=posted, headers=OUR_PAGE)
            pages.add((answer.status, (await answer.text()).replace(f'value="{name}"', 'value=""')))
    assert len(pages) == 1
    assert len(quick) == 3  # the work was done each time


async def test_an_unknown_name_takes_as_long(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    took: dict[str, list[float]] = {"lan": [], "ai-do": []}  # the processor's seconds: a busy machine does not count
    async with serving(deps) as http:
        for _ in range(5):
            for name, times in took.items():
                start = time.process_time()
                await http.post("/desk/sign-in", data={"name": name, "password": "x" * 20}, headers=OUR_PAGE)
                times.append(time.process_time() - start)
    assert min(took["ai-do"]) > 0.5 * min(took["lan"])
    assert min(took["lan"]) > 0.5 * min(took["ai-do"])


@pytest.mark.parametrize("name", ["lan", "ai-do"])
async def test_guessing_one_name_is_throttled_whether_it_exists_or_not(
    hotline: Hotline, quick: list[str], name: str
) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        for _ in range(TRIES_PER_NAME):
            assert (await browser.sign_in(name, "wrong" * 4)).status == 403
        assert (await browser.sign_in(name)).status == 429  # even the right one, now
        assert len(quick) == TRIES_PER_NAME
        hotline.now += THROTTLE_WINDOW + timedelta(seconds=1)
        assert (await browser.sign_in(name)).status == (303 if name == "lan" else 403)


async def test_guessing_many_names_from_one_place_is_throttled(hotline: Hotline, quick: list[str]) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps) as http:
        browser = Browser(http)
        for number in range(TRIES_PER_PREFIX):
            await browser.sign_in(f"ten-{number}", "wrong" * 4)
        assert (await browser.sign_in("lan")).status == 429


async def test_a_success_forgets_her_own_mistakes(hotline: Hotline, quick: list[str]) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        for _ in range(3):
            for _ in range(TRIES_PER_NAME - 1):
                assert (await browser.sign_in("lan", "wrong" * 4)).status == 403
            assert (await browser.sign_in("lan")).status == 303


async def test_no_address_and_no_name_is_kept_in_the_throttle(hotline: Hotline, quick: list[str]) -> None:
    deps, door = desk_deps(hotline)
    keys: list[str] = []
    run = door.run

    async def watch(operation: object, item: object) -> object:
        keys.extend((getattr(item, "name_key", ""), getattr(item, "prefix_key", "")))
        return await run(operation, item)

    door.run = watch  # type: ignore[method-assign]
    async with serving(deps) as http:
        await Browser(http).sign_in("ten-rieng", "x" * 20)
    assert len([key for key in keys if key]) == 2
    assert not [key for key in keys if "127" in key or "rieng" in key]


async def test_signing_out_ends_the_session_everywhere(hotline: Hotline, quick: list[str]) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        token = browser.token()
        answer = await browser.post("/desk/sign-out")
        assert answer.headers["Clear-Site-Data"] == '"*"'
        assert (await http.get("/desk", headers={"Cookie": f"sid={token}"})).status == 401


@pytest.mark.parametrize("what", ["disable", "password"])
async def test_disabling_or_a_new_password_ends_every_session_at_once(
    hotline: Hotline, quick: list[str], what: str
) -> None:
    hire(hotline, "lan")
    disabled: list[str] = []
    staffing = Staffing(lambda uow, uid: disabled.append(uid))
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        if what == "disable":
            staff = hotline.run(staffing.set_enabled, SetEnabled(name="lan", enabled=False))
            assert disabled == [staff.uid]
        else:
            hotline.run(staffing.set_password, SetPassword(name="lan", password_hash="new"))
        assert (await browser.get("/desk")).status == 303


def test_names_are_taken_once_and_written_carefully(hotline: Hotline) -> None:
    staffing = Staffing(lambda uow, uid: None)
    role = (Role.COUNSELLOR,)
    hotline.run(staffing.add, AddStaff(name="lan", alias="Lan", roles=role, password_hash="h"))
    with pytest.raises(NameTaken):
        hotline.run(staffing.add, AddStaff(name="LAN", alias="Lan", roles=role, password_hash="h"))
    for name, alias, roles in ((" x", "a", role), ("", "a", role), ("x\n", "a", role), ("x", "", role), ("x", "a", ())):
        with pytest.raises(BadName):
            hotline.run(staffing.add, AddStaff(name=name, alias=alias, roles=roles, password_hash="h"))
    with pytest.raises(NoSuchStaff):
        hotline.run(staffing.set_enabled, SetEnabled(name="ai", enabled=False))
    assert "staff.added" in hotline.audit()

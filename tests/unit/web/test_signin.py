"""Signing in: what it gives, what it refuses, and how little a stranger learns."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from bot.web import guard
from bot.web.guard import token_hash
from bot.web.passwords import Verifier
from bot.web.signin import address_prefix
from handlers.model import Role
from handlers.signing_in import (
    THROTTLE_WINDOW,
    TRIES_PER_DEVICE,
    TRIES_PER_NAME,
    TRIES_PER_PAIR,
    TRIES_PER_SOURCE,
    Knock,
    Throttle,
)
from handlers.staffing import (
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

    async def matches(self: Verifier, password: str, password_hash: str, *, known: bool = False) -> bool:
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
        for _ in range(TRIES_PER_PAIR):
            assert (await browser.sign_in(name, "wrong" * 4)).status == 403
        assert (await browser.sign_in(name)).status == 429  # even the right one, now
        assert len(quick) == TRIES_PER_PAIR
        hotline.now += THROTTLE_WINDOW + timedelta(seconds=1)
        assert (await browser.sign_in(name)).status == (303 if name == "lan" else 403)


async def test_guessing_many_names_from_one_place_is_throttled(hotline: Hotline, quick: list[str]) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps) as http:
        browser = Browser(http)
        for number in range(TRIES_PER_SOURCE):
            await browser.sign_in(f"ten-{number}", "wrong" * 4)
        assert (await browser.sign_in("lan")).status == 429


async def test_a_success_forgets_her_own_mistakes(hotline: Hotline, quick: list[str]) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        for _ in range(3):
            for _ in range(TRIES_PER_PAIR - 1):
                assert (await browser.sign_in("lan", "wrong" * 4)).status == 403
            assert (await browser.sign_in("lan")).status == 303


async def test_nobody_who_knows_her_name_can_keep_her_out(hotline: Hotline, quick: list[str]) -> None:
    """From the same place, even from the same office or flat, by trying for ever: her own browser still lets her in."""
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as hers, serving(deps, cookies=True) as his:
        her, he = Browser(hers), Browser(his)
        assert (await her.sign_in("lan")).status == 303
        await her.post("/desk/sign-out")
        for _ in range(TRIES_PER_SOURCE):
            await he.sign_in("lan", "wrong" * 4)
        assert (await he.sign_in("lan")).status == 429
        assert (await her.sign_in("lan", "wrong" * 4)).status == 403
        assert (await her.sign_in("lan")).status == 303
        for _ in range(TRIES_PER_DEVICE):
            assert (await her.sign_in("lan", "wrong" * 4)).status == 403
        assert (
            await her.sign_in("lan")
        ).status == 429  # her own browser, if somebody else holds it, is no way to guess on


async def test_the_mark_of_a_browser_is_worth_nothing_for_another_name_or_forged(
    hotline: Hotline, quick: list[str]
) -> None:
    hire(hotline, "lan")
    hire(hotline, "mai")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        answer = await browser.sign_in("mai")
        mark = answer.cookies["seen"].value
        for kept in (mark, "x." + "0" * 64, ".", "", "x" * 9000, mark[:-1]):
            http.session.cookie_jar.clear()
            http.session.cookie_jar.update_cookies({"seen": kept}, URL(http.make_url("/")))
            for _ in range(TRIES_PER_PAIR):
                await browser.sign_in("lan", "wrong" * 4)
            assert (await browser.sign_in("lan")).status == 429
        assert len(quick) == 1 + TRIES_PER_PAIR


async def test_the_mark_of_a_browser_ends_after_half_a_year(
    hotline: Hotline, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    today = guard._today()
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        for _ in range(TRIES_PER_PAIR):
            await Browser(http).http.post("/desk/sign-in", data={"name": "lan", "password": "x" * 20}, headers=OUR_PAGE)
        assert (await browser.sign_in("lan")).status == 429  # counted under the mark: her own slips
        hotline.now += THROTTLE_WINDOW + timedelta(seconds=1)
        for days, keys_seen in ((guard.SEEN_DAYS, 1), (guard.SEEN_DAYS + 1, 3), (-1, 3)):
            monkeypatch.setattr(guard, "_today", lambda days=days: today + days)
            request = make_mocked_request("POST", "/", headers={"Cookie": f"seen={browser.seen()}"})
            mark = guard.seen_before(request, deps, "lan")
            assert len(Throttle(name="n", source="s", device=mark).limits()) == keys_seen, days


async def test_one_name_tried_from_many_places_is_throttled_for_strangers_only(
    hotline: Hotline, quick: list[str]
) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, behind_proxy=True)
    async with serving(deps) as http:

        async def tries(place: int, password: str, **cookies: str) -> int:
            headers = {**OUR_PAGE, "X-Forwarded-For": f"198.{place % 200}.{place // 200}.7"}
            headers |= {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
            posted = {"name": "lan", "password": password}
            answer = await http.post("/desk/sign-in", data=posted, headers=headers, allow_redirects=False)
            kept.update({name: morsel.value for name, morsel in answer.cookies.items()})
            return answer.status

        kept: dict[str, str] = {}
        assert await tries(0, PASSWORD) == 303
        statuses = [await tries(1 + number, "wrong" * 4) for number in range(TRIES_PER_NAME + 20)]
        assert statuses == [403] * TRIES_PER_NAME + [429] * 20
        assert await tries(900, PASSWORD) == 429
        assert await tries(900, PASSWORD, seen=kept["seen"]) == 303
        assert hotline.audit().count("staff.sign_in_refused") == 1  # nobody fills the log by knocking


@pytest.mark.parametrize(
    ("peer", "behind_proxy", "place"),
    [
        ("127.0.0.1", True, "198.51.100.0/24"),
        ("10.1.2.3", True, "198.51.100.0/24"),
        ("::1", True, "198.51.100.0/24"),
        ("8.8.8.8", True, "8.8.8.0/24"),  # went around the proxy
        ("127.0.0.1", False, "127.0.0.0/24"),
    ],
)
def test_who_asks_is_believed_from_a_proxy_beside_us_only(
    hotline: Hotline, peer: str, behind_proxy: bool, place: str
) -> None:
    deps, _ = desk_deps(hotline, behind_proxy=behind_proxy)
    request = make_mocked_request("POST", "/", headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}).clone(
        remote=peer
    )
    assert address_prefix(request, deps) == place


async def test_an_office_behind_one_address_is_not_shut_out_by_its_own_work(hotline: Hotline, quick: list[str]) -> None:
    for number in range(12):
        hire(hotline, f"ten-{number}")
    deps, _ = desk_deps(hotline)
    async with serving(deps) as http:
        for round_ in range(5):
            for number in range(12):
                posted = {"name": f"ten-{number}", "password": PASSWORD}
                answer = await http.post("/desk/sign-in", data=posted, headers=OUR_PAGE, allow_redirects=False)
                assert answer.status == 303, (round_, number)


async def test_what_cannot_be_a_password_costs_nothing(hotline: Hotline, quick: list[str]) -> None:
    hire(hotline, "lan")
    deps, door = desk_deps(hotline)
    async with serving(deps) as http:
        for password in ("", "short", "x" * 14, "x" * 129, "x" * 100_000):
            assert (await Browser(http).sign_in("lan", password)).status == 403
    assert quick == []
    assert door.ran == []


async def test_a_flood_is_turned_away_before_anything_is_done_and_she_passes_it(
    hotline: Hotline, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hire(hotline, "lan")
    deps, door = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        monkeypatch.setattr(Verifier, "full", True)
        ran = len(door.ran)
        assert (await browser.sign_in("ai-do")).status == 429
        assert len(door.ran) == ran
        assert (await browser.sign_in("lan")).status == 303


async def test_no_address_and_no_name_is_kept_in_the_throttle(hotline: Hotline, quick: list[str]) -> None:
    deps, door = desk_deps(hotline)
    keys: list[str] = []
    run = door.run

    async def watch(operation: object, item: object) -> object:
        keys.extend(item.throttle.limits() if isinstance(item, Knock) else ())
        return await run(operation, item)

    door.run = watch  # type: ignore[method-assign]
    async with serving(deps) as http:
        await Browser(http).sign_in("ten-rieng", "x" * 20)
    assert len(keys) == 3
    assert not [key for key in keys if "127" in key or "rieng" in key]


async def test_signing_out_ends_the_session_everywhere(hotline: Hotline, quick: list[str]) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        token = browser.token()
        answer = await browser.post("/desk/sign-out")
        assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
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

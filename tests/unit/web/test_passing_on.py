"""At the desk alone, without any messenger: a case goes to a colleague who accepts, a ring goes on, a code opens a case."""

from __future__ import annotations

from flows.severity import Severity
from handlers.model import Case, Direction, Role
from handlers.outgoing import append_line
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.serving import Page, serving
from tests.unit.web.signed_in import Browser

WORDS = "canary-lời-của-chị"


def rings(hotline: Hotline) -> Case:
    case = hotline.writes(hotline.arrive("s1"), Severity.EMERGENCY, "dv_physical")
    hotline.on_case(
        case, lambda uow, contact, now: append_line(uow, now, direction=Direction.IN, author="seeker", text=WORDS)
    )
    return hotline.case(case)


def commands(page: Page) -> set[str]:
    return {form.get("action", "").rsplit("/", 1)[-1] for form in page.all("form")}


async def signed_in(http, name: str) -> Browser:
    browser = Browser(http)
    assert (await browser.sign_in(name)).status == 303
    return browser


async def test_a_case_moves_to_the_colleague_who_accepts_and_to_nobody_else(hotline: Hotline) -> None:
    hire(hotline, "lan", alias="Lan")
    mai = hire(hotline, "mai", alias="Mai")
    hire(hotline, "hue", alias="Huệ")
    hire(hotline, "bien", Role.EDITOR, alias="Biên")
    case = rings(hotline)
    deps, _ = desk_deps(hotline)
    path = f"/desk/cases/{case.code}"
    async with (
        serving(deps, cookies=True) as mine,
        serving(deps, cookies=True) as hers,
        serving(deps, cookies=True) as third,
    ):
        lan, other, hue = await signed_in(mine, "lan"), await signed_in(hers, "mai"), await signed_in(third, "hue")
        await lan.post(f"{path}/claim", epoch="1")
        page = await lan.page(path)
        assert "offer" in commands(page)
        assert {"Mai", "Huệ"} <= set(page.texts)
        assert "Biên" not in page.texts, "who could not take it is not offered"
        assert "dòng 1" in page.text, "her line has a number to point at"
        assert (await other.post(f"{path}/offer", to=mai.uid)).status == 409, "only whoever holds it passes it on"
        assert (await lan.post(f"{path}/offer", to="")).status == 409
        assert (await lan.post(f"{path}/offer", to="0" * 32)).status == 403
        assert "claim" not in commands(await other.page("/desk"))

        asked = await lan.post(f"{path}/offer", to=mai.uid)
        assert (asked.status, asked.headers["Location"]) == (303, f"{path}?m=offer_ok")
        shown = await lan.page(asked.headers["Location"])
        assert "Đang xin nhận ca: Mai" in shown.text
        assert "reply" in commands(shown), "it stays hers until then"
        queue = await other.page("/desk")
        assert "Đồng nghiệp xin bạn nhận ca này" in queue.text
        assert "claim" in commands(queue)
        assert "claim" in commands(await other.page(path))
        assert WORDS not in (await other.page(path)).text
        assert "claim" not in commands(await hue.page("/desk"))
        assert (await hue.post(f"{path}/claim", epoch="1")).status == 409

        await other.post(f"{path}/claim", epoch="1")
        assert WORDS in (await other.page(path)).text
        assert "Đang xin nhận ca" not in (await other.page(path)).text
        assert (await lan.post(f"{path}/reply", text="x", client_key="k" * 12)).status == 409
    assert hotline.escalation(case).owner_uid == mai.uid


async def test_who_cannot_take_a_ring_calls_the_next_one_at_once(hotline: Hotline) -> None:
    hire(hotline, "lan")
    hire(hotline, "giam", Role.SUPERVISOR, alias="Giám")
    case = rings(hotline)
    rung = hotline.escalation(case).rung
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        lan = await signed_in(http, "lan")
        assert "pass-up" in commands(await lan.page("/desk"))
        assert (await lan.post(f"/desk/cases/{case.code}/pass-up", epoch="7")).status == 409, (
            "a stale page passes nothing"
        )
        done = await lan.post(f"/desk/cases/{case.code}/pass-up", epoch="1")
        assert (done.status, done.headers["Location"]) == (303, "/desk?m=passed_ok")
        assert "gọi người tiếp theo" in (await lan.page(done.headers["Location"])).text
        assert hotline.escalation(case).rung != rung
        await lan.post(f"/desk/cases/{case.code}/claim", epoch="1")
        assert "pass-up" not in commands(await lan.page("/desk"))
        assert (await lan.post(f"/desk/cases/{case.code}/pass-up", epoch="1")).status == 409


async def test_a_code_named_on_the_phone_opens_a_case_also_a_closed_one_with_a_reason(hotline: Hotline) -> None:
    hire(hotline, "lan")
    giam = hire(hotline, "giam", Role.SUPERVISOR, alias="Giám")
    case = rings(hotline)
    hotline.claim(giam, case)
    hotline.close_case(giam, case)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        lan = await signed_in(http, "lan")
        found = await lan.get(f"/desk/cases?code=%20{case.code.lower()}")
        assert (found.status, found.headers["Location"]) == (303, f"/desk/cases/{case.code}")
        assert (await lan.get("/desk/cases?code=")).headers["Location"] == "/desk"
        assert (await lan.get("/desk/cases?code=//x.org/%3F")).headers["Location"] == "/desk/cases/%2F%2FX.ORG%2F%3F"
        shut = await lan.get(found.headers["Location"])
        assert (shut.status, 'name="reason"' in await shut.text()) == (409, False)
    async with serving(deps, cookies=True) as http:
        boss = await signed_in(http, "giam")
        shut = await boss.get(f"/desk/cases/{case.code}")
        said = await shut.text()
        assert (shut.status, WORDS in said) == (409, False)
        assert f'action="/desk/cases/{case.code}/open"' in said
        opened = await boss.post(f"/desk/cases/{case.code}/open", reason="người viết gọi điện hỏi")
        assert WORDS in await opened.text()

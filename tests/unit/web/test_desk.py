"""The desk without script and through its JSON side, on the real operations."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient

from bot.web.texts import DESK
from bot.web.words import signs
from flows.severity import Severity
from handlers.model import Case, Direction, Disposition, DutySwitch, Role, Summary
from handlers.outgoing import append_line
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.serving import serving
from tests.unit.web.signed_in import Browser

CANARY = "canary-lời-của-chị"


def rings(hotline: Hotline, name: str = "s1", severity: Severity = Severity.EMERGENCY) -> Case:
    case = hotline.writes(hotline.arrive(name), severity, "dv_physical")
    hotline.on_case(
        case, lambda uow, contact, now: append_line(uow, now, direction=Direction.IN, author="seeker", text=CANARY)
    )
    return hotline.case(case)


async def desk(http: TestClient, name: str = "lan") -> Browser:
    browser = Browser(http)
    assert (await browser.sign_in(name)).status == 303
    return browser


async def test_the_queue_shows_the_worst_first_and_no_content(hotline: Hotline) -> None:
    hire(hotline, "lan")
    later = rings(hotline, "a", Severity.URGENT)
    hotline.now += timedelta(minutes=3)
    first = rings(hotline, "b", Severity.EMERGENCY)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        page = await (await desk(http)).page("/desk")
    assert page.text.index(first.code) < page.text.index(later.code)
    assert "Khẩn cấp" in page.text
    assert "Chưa đồng ý cho người đọc" in page.text
    assert CANARY not in page.text


async def test_claim_read_reply_note_close_by_forms_alone(hotline: Hotline) -> None:
    hire(hotline, "lan", alias="Hoa")
    case = rings(hotline)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await desk(http)
        before = await browser.page(f"/desk/cases/{case.code}")
        assert CANARY not in before.text  # nothing is read before somebody has taken it
        claimed = await browser.post(f"/desk/cases/{case.code}/claim", epoch="1")
        page = await browser.page(claimed.headers["Location"])
        assert CANARY in page.text
        key = next(attrs["value"] for attrs in page.all("input") if attrs.get("name") == "client_key")
        for _ in range(2):  # a double click
            await browser.post(f"/desk/cases/{case.code}/reply", text="Chào chị.\nEm là Hoa.", client_key=key)
        await browser.post(f"/desk/cases/{case.code}/note", text="gọi lại chiều nay", client_key="n" * 16)
        page = await browser.page(f"/desk/cases/{case.code}")
        assert page.text.count("Em là Hoa.") == 1
        assert "Ghi chú của Hoa" in page.text
        closed = await browser.post(f"/desk/cases/{case.code}/close", disposition="helped")
        assert closed.headers["Location"].startswith("/desk")
        assert case.code not in (await browser.page("/desk")).text
    assert hotline.case(case).disposition is Disposition.HELPED
    assert {"escalation.claimed", "case.read", "case.noted", "case.closed"} <= set(hotline.audit())


async def test_who_comes_second_hears_who_was_first_and_sees_no_content(hotline: Hotline) -> None:
    hire(hotline, "lan", alias="Hoa")
    hire(hotline, "mai", alias="Cúc")
    case = rings(hotline)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as one, serving(deps, cookies=True) as two:
        first, second = await desk(one), await desk(two, "mai")
        path = f"/desk/cases/{case.code}/claim"
        assert (await first.command(path, epoch="1")).status == 200
        late = await second.command(path, epoch="1")
        assert late.status == 409
        assert "Hoa" in (await late.json())["words"]
        page = await second.post(path, epoch="1")
        text = await page.text()
        assert page.status == 409
        assert "Hoa" in text
        assert CANARY not in text


async def test_a_button_from_before_the_new_call_is_refused_and_the_fresh_one_works(hotline: Hotline) -> None:
    hire(hotline, "lan")
    case = rings(hotline)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await desk(http)
        path = f"/desk/cases/{case.code}"
        await browser.command(path + "/claim", epoch="1")
        await browser.command(path + "/release")
        stale = await browser.command(path + "/claim", epoch="1")
        assert (stale.status, (await stale.json())["error"]) == (409, "stale-claim")
        fresh = next(attrs["value"] for attrs in (await browser.page("/desk")).all("input") if attrs["name"] == "epoch")
        assert (await browser.command(path + "/claim", epoch=fresh)).status == 200


async def test_what_she_cannot_save_stays_in_her_box(hotline: Hotline) -> None:
    hire(hotline, "lan")
    case = rings(hotline)
    deps, door = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await desk(http)
        await browser.post(f"/desk/cases/{case.code}/claim", epoch="1")
        await browser.post(f"/desk/cases/{case.code}/release")
        page = await browser.post(f"/desk/cases/{case.code}/note", text="<i>đang viết</i>", client_key="k" * 16)
        text = await page.text()
        door.down = True
        unsaved = await browser.post(f"/desk/cases/{case.code}/reply", text="câu chưa lưu", client_key="k" * 16)
    assert page.status == 409
    assert "Bạn nhận ca trước đã" in text
    assert "&lt;i&gt;đang viết&lt;/i&gt;</textarea>" in text
    assert unsaved.status == 503


async def test_a_supervisor_reads_with_a_reason_and_the_reason_is_kept(hotline: Hotline) -> None:
    hire(hotline, "lan")
    hire(hotline, "sep", Role.SUPERVISOR, alias="Sen")
    case = rings(hotline)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as one, serving(deps, cookies=True) as two:
        first, boss = await desk(one), await desk(two, "sep")
        await first.command(f"/desk/cases/{case.code}/claim", epoch="1")
        assert CANARY not in (await boss.page(f"/desk/cases/{case.code}")).text
        page = await boss.post(f"/desk/cases/{case.code}/open", reason="khiếu nại số 4")
        assert CANARY in await page.text()
        assert (await first.post(f"/desk/cases/{case.code}/open", reason="tò mò")).status == 403
        assert "khiếu nại số 4" in (await first.page(f"/desk/cases/{case.code}")).text


async def test_before_she_agrees_there_is_a_card_and_no_box_to_write_in(hotline: Hotline) -> None:
    hire(hotline, "lan")
    case = rings(hotline, severity=Severity.URGENT)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await desk(http)
        await browser.post(f"/desk/cases/{case.code}/claim", epoch="1")
        page = await browser.page(f"/desk/cases/{case.code}")
        refused = await browser.command(f"/desk/cases/{case.code}/reply", text="Chào", client_key="k" * 16)
        assert (await refused.json())["error"] == "not-agreed"
    assert "chưa đồng ý" in page.text
    assert CANARY not in page.text
    assert not page.all("textarea")


async def test_the_duty_switch(hotline: Hotline) -> None:
    staff = hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await desk(http)
        assert "Bạn đang trực" in (await browser.page("/desk")).text
        await browser.post("/desk/duty", duty="off")
        page = await browser.page("/desk")
        assert "Bạn đang nghỉ" in page.text
        assert "Không có ai đang trực" in page.text
        assert (await browser.command("/desk/duty", duty="nonsense")).status == 409
        await browser.post("/desk/duty", duty="auto")
        assert "Bạn đang trực" in (await browser.page("/desk")).text
    now = hotline.do(lambda uow: uow.staff.get(staff.uid))
    assert now is not None
    assert now.duty is DutySwitch.AUTO


@pytest.mark.parametrize("path", ["", "/claim", "/reply", "/close"])
async def test_a_case_that_does_not_exist_says_so_and_no_more(hotline: Hotline, path: str) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await desk(http)
        for code in ("C-NOPE", "%3Cscript%3E", "..%2f..", "%00"):
            posted = {"epoch": "1", "text": "x", "disposition": "helped"}
            answer = await (
                browser.post(f"/desk/cases/{code}{path}", **posted) if path else browser.get(f"/desk/cases/{code}")
            )
            assert answer.status == 404
            assert "<script>" not in (await answer.text()).replace('<script src="/desk/desk.js" defer></script>', "")


async def test_without_storage_the_desk_says_so_calmly(hotline: Hotline) -> None:
    hire(hotline, "lan")
    case = rings(hotline)
    deps, door = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await desk(http)
        door.down = True
        assert (await browser.get("/desk")).status == 503
        told = await browser.command(f"/desk/cases/{case.code}/reply", text="x", client_key="k" * 16)
        assert told.status == 503


@pytest.mark.parametrize(
    ("role", "there", "ways"),
    [
        (Role.EDITOR, "/desk/services", ["/desk/services", "/desk/me"]),
        (Role.INSPECTOR, "/desk/me", ["/desk/me"]),
        (Role.OPERATOR, "/desk/status", ["/desk/status", "/desk/me", "/desk/staff", "/desk/status"]),
    ],
)
async def test_who_has_no_queue_is_led_to_her_own_work_and_finds_every_other_page_from_there(
    hotline: Hotline, role: Role, there: str, ways: list[str]
) -> None:
    hire(hotline, "mai", role)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("mai")
        led = await browser.get("/desk?m=password_known")
        assert (led.status, led.headers["Location"]) == (303, f"{there}?m=password_known")
        page = await browser.page(led.headers["Location"])
        assert len(page.all("h1")) == 1
        assert "bước hai sai" in page.text
        assert [a["href"] for a in page.all("a") if "button" in a.get("class", "")] == ways
        assert any(form.get("action") == "/desk/sign-out" for form in page.all("form"))


def test_many_signs_at_once_are_said_without_scraps_of_words(hotline: Hotline) -> None:
    assert signs(Summary(signs=(("weapon", "cầm dao"), ("many_signs", "đang … nguy")))) == [
        ("có vũ khí", ["cầm dao"]),
        ("nhiều dấu hiệu cùng lúc", []),
    ]


async def test_waiting_lines_that_never_reached_her_do_not_bury_her_words(hotline: Hotline) -> None:
    hire(hotline, "lan", alias="Hoa")
    case = rings(hotline)
    hotline.passes(400)  # one waiting line takes the place of another; nobody fetches them
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await desk(http)
        await browser.post(f"/desk/cases/{case.code}/claim", epoch=str(hotline.escalation(case).epoch))
        page = await browser.page(f"/desk/cases/{case.code}")
    kinds = [attrs.get("class", "") for tag, attrs in page.elements if tag == "li" and "data-seq" in attrs]
    assert kinds == ["in", "fold", "bot", "in", "fold", "bot", "bot", "bot", "bot", "bot"]  # the last one is on its way
    assert sum(tag == "details" and not attrs for tag, attrs in page.elements) >= 2, "closed until somebody looks"
    assert DESK["folded"].format(count=4) in page.text
    assert page.text.index(CANARY) < page.text.index(DESK["folded"].format(count=4))

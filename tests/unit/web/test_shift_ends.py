"""What the desk page says when the shift of whoever holds a case ends: asked in time, reads on, one line takes it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.channels.pages import words
from bot.web.texts import LEAVING
from flows.severity import Severity
from handlers import paging
from handlers.model import DutySwitch, Leaving, OutboxKind, OutboxRow, SendJob, new_uid
from tests.fakes.hotline import START, Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.serving import Page, serving
from tests.unit.web.signed_in import Browser


def forms(page: Page) -> set[str]:
    return {form.get("action", "").rsplit("/", 1)[-1] for form in page.all("form")}


async def signed_in(http: Any, name: str) -> Browser:
    browser = Browser(http)
    assert (await browser.sign_in(name)).status == 303
    return browser


async def test_she_is_told_reads_on_and_takes_it_back_with_a_line(hotline: Hotline) -> None:
    lan = hire(hotline, "lan", alias="Lan")
    hire(hotline, "mai", alias="Mai")
    case = hotline.writes(hotline.arrive("s1"), Severity.EMERGENCY, "dv_physical")
    hotline.claim(lan, case)
    hotline.reply(lan, case)
    deps, _ = desk_deps(hotline)
    path = f"/desk/cases/{case.code}"
    async with serving(deps, cookies=True) as mine, serving(deps, cookies=True) as hers:
        browser, other = await signed_in(mine, "lan"), await signed_in(hers, "mai")
        assert not {*LEAVING.values()} & {*(await browser.page(path)).texts}
        hotline.set_duty(lan, DutySwitch.OFF)
        hotline.tick()
        assert LEAVING[Leaving.LEFT] in (await browser.page(path)).texts
        hotline.passes(400)
        page = await browser.page(path)
        assert LEAVING[Leaving.GONE] in page.texts
        assert {"reply", "note", "claim"} <= forms(page)
        assert "offer" not in forms(page), "it is not hers to pass on any more"
        theirs = await other.page(path)
        assert not {*LEAVING.values()} & {*theirs.texts}, "her affair alone"
        assert "reply" not in forms(theirs)
        assert (await browser.post(f"{path}/reply", text="Em vẫn ở đây.", client_key="k1")).status == 303
        assert "reply" in forms(await browser.page(path))
        assert "claim" not in forms(await other.page("/desk"))


def job(note: str) -> SendJob:
    row = OutboxRow(uid=new_uid(), dedupe_key="d", lane="s:x", kind=OutboxKind.PAGE, created_at=START, note=note)
    return SendJob(row=replace(row, surface="pager"), case_code="K1", severity=Severity.URGENT, owner_alias="Lan")


def test_the_page_on_her_phone_says_what_to_do_and_nothing_of_the_talk() -> None:
    now: datetime = START + timedelta(minutes=1)
    assert words(job(paging.LEAVES), now) == (
        "Ca K1 · gấp. Lan hết ca trực: xin chuyển ca này cho người trực sau, hoặc cứ trả lời tiếp."
    )
    assert words(job(paging.ALONE), now) == "Ca K1 · gấp. Chưa có ai khác trực: ca này vẫn do Lan giữ."

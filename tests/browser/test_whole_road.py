"""From a message to a human and back, in a browser, on the whole program: with script and without."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
from playwright.sync_api import Error, expect

from tests.browser.conftest import Program
from tests.browser.looking import Visitors, assert_usable, weather
from tests.browser.seekers import arrived

CRIES = {"accented": "Chồng tôi đang đánh tôi, cứu tôi với", "bare": "chong toi dang danh toi, cuu toi voi"}


@pytest.mark.parametrize("cry", CRIES.values(), ids=CRIES.keys())
def test_a_cry_for_help_reaches_a_human_who_answers(program: Program, visitors: Visitors, cry: str) -> None:
    desk = visitors.counsellor(program.url)
    expect(desk).to_have_title("Bình An")
    seeker = visitors.page(program.url)
    seeker.click("#start .ask")
    arrived(seeker, "#choices button")
    seeker.fill("#text", cry)
    sent_at = time.monotonic()
    seeker.press("#text", "Enter")
    card = seeker.locator("li.bot", has_text="113").last
    expect(card.locator("a[href='tel:113']")).to_be_visible()
    expect(desk).to_have_title("(1) Bình An")
    assert time.monotonic() - sent_at < 2 * 5  # two seconds, with five-fold slack
    assert "danh toi" not in desk.content()
    desk.click("li.card.emergency button.main")
    expect(desk.locator("#talk li.in", has_text=cry)).to_be_visible()
    desk.fill("#reply-text", "Chào chị, em là Hoa.")
    desk.click("#reply button")
    answer = seeker.locator("li.person", has_text="Chào chị, em là Hoa.")
    expect(answer).to_be_visible()
    expect(desk.locator("#talk li.out .mark").first).to_have_text("Đã gửi")
    seeker.fill("#text", "tôi ở trong bếp")
    seeker.click("#say .main")
    expect(desk.locator("#talk li.in").last).to_contain_text("tôi ở trong bếp")
    assert_usable(desk)
    assert_usable(seeker)
    desk.click("summary:has-text('Đóng ca')")
    desk.check("input[value=helped]")
    desk.click("button:has-text('Đóng ca')")
    expect(desk.locator("#cards li")).to_have_count(0)
    expect(seeker.locator("#choices button").first).to_be_visible()  # the flow goes on
    assert seeker.locator("li.person").count() == 1


def test_the_same_road_without_any_script(program: Program, visitors: Visitors) -> None:
    desk = visitors.counsellor(program.url, java_script_enabled=False)
    seeker = visitors.page(program.url, java_script_enabled=False)
    seeker.click("#start .ask")
    expect(seeker.locator("button[name=choice]").first).to_be_visible()
    seeker.fill("#text", CRIES["bare"])
    seeker.click("#say .main")
    expect(seeker.locator("li.bot a[href='tel:113']").first).to_be_visible()
    desk.click("text=Xem mới")
    desk.click("li.card.emergency button.main")
    desk.fill("#reply-text", "Chào chị, em là Hoa.")
    desk.click("#reply button")
    seeker.click("text=Xem trả lời")
    expect(seeker.locator("li.person", has_text="Chào chị, em là Hoa.")).to_be_visible()
    desk.click("text=← Các ca")
    desk.click("text=Mở ca")
    expect(desk.locator("#talk li.out .mark")).to_have_text("Đã gửi")
    desk.click("summary:has-text('Đóng ca')")
    desk.check("input[value=helped]")
    desk.click("button:has-text('Đóng ca')")
    expect(desk.locator("#cards li")).to_have_count(0)


def test_after_the_exit_without_script_the_page_that_was_left_shows_nothing(
    program: Program, visitors: Visitors
) -> None:
    desk = visitors.counsellor(program.url)
    seeker = visitors.page(program.url, java_script_enabled=False)
    seeker.click("#start .danger")
    expect(seeker.locator("li.bot a[href='tel:113']").first).to_be_visible()
    seeker.fill("#text", "tôi trốn ở nhà bà Tư")
    seeker.click("#say .main")
    expect(seeker.locator("li.me").last).to_contain_text("bà Tư")
    desk.click("li.card.emergency button.main")
    expect(desk.locator("#talk li.in", has_text="bà Tư")).to_be_visible()
    exit_to = seeker.get_attribute("#exit", "href")
    seeker.context.route(exit_to, weather)
    seeker.click("#exit")
    seeker.wait_for_url(exit_to)
    expect(desk.locator(".banner", has_text="Chưa xác nhận lại người viết")).to_be_visible()
    desk.fill("#reply-text", "Chị gọi em nhé.")
    desk.click("#reply button")
    expect(desk.locator("#talk li.out .mark").last).to_contain_text("Đang giữ")
    with suppress(Error):
        seeker.go_back()
    seeker.reload()  # whoever it is agrees to send the form once more
    expect(seeker.locator("#start")).to_be_visible()
    for words in ("bà Tư", "Chị gọi em", "nguy hiểm."):
        assert words not in seeker.content()
    desk.click("summary:has-text('Đóng ca')")
    desk.check("input[value=lost]")
    desk.click("button:has-text('Đóng ca')")
    expect(desk.locator("#cards li")).to_have_count(0)


def test_the_seeker_leaves_no_trace_and_calls_nobody_else(program: Program, visitors: Visitors) -> None:
    seeker = visitors.page(program.url)
    seeker.click("#start .ask")
    arrived(seeker, "#choices button")
    seeker.locator("#choices button").first.click()
    expect(seeker.locator("li.me[data-seq]").last).to_be_visible()
    assert seeker.context.cookies() == []
    assert seeker.evaluate("localStorage.length + sessionStorage.length") == 0
    assert seeker.evaluate("indexedDB.databases().then((found) => found.length)") == 0
    assert (
        seeker.evaluate(
            "navigator.serviceWorker ? navigator.serviceWorker.getRegistrations().then((r) => r.length) : 0"
        )
        == 0
    )
    assert re.fullmatch(re.escape(program.url) + r"/(#m)?", seeker.url)
    assert seeker.title() == "Trang tin"
    assert {url.split("/", 3)[2] for url in visitors.requests} == {program.url.split("/")[2]}


def test_a_return_code_can_be_typed_on_the_page(program: Program, visitors: Visitors) -> None:
    seeker = visitors.page(program.url)
    seeker.click("summary:has-text('Tôi có mã')")
    seeker.fill("#code", "0000 0000 0000")
    seeker.press("#code", "Enter")
    expect(seeker.locator("li.bot").first).to_be_visible()

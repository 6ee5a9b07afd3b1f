"""The desk's directory, a case's referrals and the page a service opens once, in a real browser on a phone."""

from __future__ import annotations

from playwright.sync_api import expect

from handlers.service import Service
from tests.browser.conftest import DeskPage, Running
from tests.browser.looking import Visitors, assert_usable
from tests.browser.test_desk_page import staff
from tests.unit.web.test_services import LEGAL, SHELTER, WORDS


def test_from_asking_her_to_the_answer_of_the_service(
    visitors: Visitors, desk_page: DeskPage, running: Running
) -> None:
    staff(running, desk_page)
    hotline = desk_page.hotline

    def prepare():  # type: ignore[no-untyped-def]
        hotline.do(lambda uow: uow.services.replace([LEGAL.to_row(), SHELTER.to_row()]))
        return hotline.asks_for_person(hotline.arrive())

    case = running.call(prepare)
    page = visitors.counsellor(desk_page.url)
    page.goto(f"{desk_page.url}/desk/services?need=shelter")
    expect(page.locator(".flag").first).to_contain_text("Chỉ nhân viên được biết")
    assert_usable(page)
    page.locator("button", has_text="Hết chỗ").click()
    expect(page.locator("[role=alert]").first).to_contain_text("Đã lưu")
    assert Service.from_row(running.call(lambda: hotline.do(lambda uow: uow.services.get("kin")))).free == 0

    page.goto(f"{desk_page.url}/desk")
    page.click("li.card button.main")
    page.wait_for_selector("#reply")
    page.locator("a.button", has_text="Giới thiệu sang nơi khác").click()
    page.select_option("#need", "legal")
    page.locator("button", has_text="Tìm").click()
    page.check("input[name=service]")
    page.check("input[name=item_need]")
    assert_usable(page)
    page.locator("button", has_text="Gửi câu hỏi").click()
    expect(page.locator("h2").first).to_contain_text("Đang hỏi ý người viết")
    assert_usable(page)
    page.check("input[name=agreed_need]")
    page.locator("textarea[name=words_need]").fill(WORDS)
    page.check("input[name=tell][value=every]")
    page.locator("button", has_text="Ghi nhận đồng ý và chuyển").click()
    expect(page.locator("dd.words")).to_have_text(WORDS)
    page.locator("button", has_text="Tạo trang một lần").click()
    address = page.locator("b", has_text="/refer/").inner_text()
    pin = page.locator("p", has_text="Mã:").locator("b").inner_text()
    assert_usable(page)

    other = visitors.page(desk_page.url + "/refer/" + address.split("/refer/")[1])
    assert_usable(other)
    other.fill("#pin", pin)
    other.click("button.main")
    expect(other.locator("dd.words")).to_have_text(WORDS)
    assert_usable(other)
    other.locator("button", has_text="Chúng tôi nhận").click()
    expect(other.locator("[role=alert]").first).to_contain_text("Câu trả lời đã tới")
    page.goto(f"{desk_page.url}/desk/cases/{case.code}/referrals")
    expect(page.locator("h2").first).to_contain_text("Nơi đó nhận")

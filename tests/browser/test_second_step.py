"""The second step in a real browser: an app, a security key, a lost phone at two in the morning; with script and without."""

from __future__ import annotations

import re
import time
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Page, expect

from handlers.factors import STEP_S
from handlers.staffing import ResetFactors, SetEnabled
from tests.browser.conftest import Program, Running
from tests.browser.looking import Visitors, assert_usable
from tests.unit.web.desk_fakes import PASSWORD


@pytest.fixture
def desk(program: Program, running: Running) -> str:
    """The address of the program under the name that browsers give keys to; nobody has a second factor yet."""
    staffing, door = program.service.staffing, program.service.storage.door
    for name in ("tuvan", "giamsat"):
        running.do(door.run(staffing.set_enabled, SetEnabled(name=name, enabled=True)))
        running.do(door.run(staffing.reset_factors, ResetFactors(name=name)))
    return program.url.replace("127.0.0.1", "localhost")


def enrols_app(page: Page, url: str) -> tuple[str, list[str]]:
    """(seed, spare codes)"""
    page.goto(url + "/desk/me")
    page.locator("summary", has_text="Thêm ứng dụng tạo mã").click()
    page.fill("#again-totp", PASSWORD)
    page.get_by_role("button", name="Thêm ứng dụng tạo mã").click()
    seed = page.inner_text(".seed").replace(" ", "")
    assert_usable(page)
    assert page.locator(".picture svg path").count() >= 1
    page.fill("#code", pyotp.TOTP(seed).now())
    page.get_by_role("button", name="Xong").click()
    codes = page.locator(".codes li").all_inner_texts()
    assert len(codes) == 10
    assert_usable(page)
    page.get_by_role("link", name="Tôi đã chép xong").click()
    expect(page.locator(".hint")).to_contain_text("Đã thêm")
    return seed, codes


def next_code(seed: str) -> str:
    """Of the step to come: the one of now was used up while enrolling, and a phone may be ahead."""
    return pyotp.TOTP(seed).at(int(time.time()) + STEP_S)


def leaves(page: Page, url: str) -> None:
    page.goto(url + "/desk")
    page.get_by_role("button", name="Thoát", exact=True).click()
    page.wait_for_selector("#password")


def knocks(page: Page, url: str, name: str = "tuvan") -> None:
    page.goto(url + "/desk")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.wait_for_selector("#code")


def all_from(visitors: Visitors, url: str) -> bool:
    return all(one.startswith(url + "/") for one in visitors.requests)


def test_an_app_is_enrolled_and_opens_the_desk(desk: str, visitors: Visitors) -> None:
    visitors.expected = ("403",)
    page = visitors.counsellor(desk)
    page.get_by_role("link", name="Tài khoản của tôi").click()
    page.wait_for_selector("h1:has-text('Tài khoản của tôi')")
    assert_usable(page)
    seed, _ = enrols_app(page, desk)
    assert_usable(page)
    leaves(page, desk)
    knocks(page, desk)
    assert_usable(page)
    page.fill("#code", "000000")
    page.get_by_role("button", name="Tiếp tục").click()
    expect(page.locator(".hint")).to_contain_text("Mã không đúng")
    page.fill("#code", next_code(seed))
    page.get_by_role("button", name="Tiếp tục").click()
    page.wait_for_selector("#cards", state="attached")
    assert all_from(visitors, desk)


def test_without_script_an_app_opens_as_well(desk: str, visitors: Visitors) -> None:
    page = visitors.page(desk + "/desk", java_script_enabled=False)
    page.fill("#name", "tuvan")
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.wait_for_selector("#cards", state="attached")
    page.goto(desk + "/desk/me")
    page.locator("summary", has_text="Thêm ứng dụng tạo mã").click()
    page.fill("#again-totp", PASSWORD)
    page.get_by_role("button", name="Thêm ứng dụng tạo mã").click()
    seed = page.inner_text(".seed").replace(" ", "")
    page.fill("#code", pyotp.TOTP(seed).now())
    page.get_by_role("button", name="Xong").click()
    page.wait_for_selector(".codes")
    leaves(page, desk)
    knocks(page, desk)
    assert page.locator("#key-form").count() == 0
    page.fill("#code", next_code(seed))
    page.get_by_role("button", name="Tiếp tục").click()
    page.wait_for_selector("#cards", state="attached")


def authenticator(page: Page, **changes: Any) -> Any:
    """A security key in this browser."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": False,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options | changes})
    return session, made["authenticatorId"]


def test_a_security_key_is_enrolled_and_opens_the_desk(desk: str, visitors: Visitors) -> None:
    page = visitors.counsellor(desk)
    session, key = authenticator(page)
    page.goto(desk + "/desk/me")
    page.locator("summary", has_text="Thêm khóa bảo mật").click()
    page.fill("#again-key", PASSWORD)
    page.get_by_role("button", name="Thêm khóa bảo mật").click()
    page.wait_for_selector("#key-form:not([hidden])")
    assert_usable(page)
    page.get_by_role("button", name="Thêm khóa bảo mật").click()
    page.wait_for_selector(".codes")
    kept = session.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]
    assert [one["rpId"] for one in kept] == ["localhost"]
    leaves(page, desk)
    for _ in range(2):  # and again: the key counts on
        knocks(page, desk)
        assert_usable(page)
        page.get_by_role("button", name="Dùng khóa bảo mật").click()
        page.wait_for_selector("#cards", state="attached")
        leaves(page, desk)
    assert all_from(visitors, desk)
    # A page of another address cannot use it: the browser itself says so, and the desk offers it none.
    other = visitors.page()
    knocks(other, desk.replace("localhost", "127.0.0.1"))
    expect(other.locator("main")).to_contain_text("Khóa của bạn không dùng được ở địa chỉ này")


def test_a_key_that_is_not_there_leaves_the_code_to_use(desk: str, visitors: Visitors) -> None:
    page = visitors.counsellor(desk)
    session, key = authenticator(page)
    page.goto(desk + "/desk/me")
    page.locator("summary", has_text="Thêm khóa bảo mật").click()
    page.fill("#again-key", PASSWORD)
    page.get_by_role("button", name="Thêm khóa bảo mật").click()
    page.get_by_role("button", name="Thêm khóa bảo mật").click()
    codes = page.locator(".codes li")
    expect(codes).to_have_count(10)
    spare = codes.nth(3).inner_text()
    leaves(page, desk)
    session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": key})
    authenticator(page)  # another one, which was never enrolled
    knocks(page, desk)
    page.get_by_role("button", name="Dùng khóa bảo mật").click()
    expect(page.locator("#key-note")).to_contain_text("Chưa dùng được khóa")
    assert_usable(page)
    page.fill("#code", spare)
    page.get_by_role("button", name="Tiếp tục").click()
    page.wait_for_selector("#cards", state="attached")


def test_a_lost_phone_at_two_in_the_morning(desk: str, visitors: Visitors) -> None:
    """She reads what to do, calls, a supervisor reads a code out, and she is in; then the phone's sessions are ended."""
    visitors.expected = ("401",)
    phone = visitors.counsellor(desk)
    enrols_app(phone, desk)
    phone.goto(desk + "/desk")
    borrowed = visitors.page()
    knocks(borrowed, desk)
    borrowed.locator("summary", has_text="Mất điện thoại hoặc khóa?").click()
    expect(borrowed.locator("details")).to_contain_text("Gọi người giám sát")
    assert_usable(borrowed)
    boss = visitors.counsellor(desk, "giamsat")
    boss.get_by_role("link", name="Nhân viên").click()
    assert_usable(boss)
    card = boss.locator("li.card", has_text="tuvan")
    card.locator("summary").click()
    card.get_by_label(re.compile("Đọc mã một lần")).check()
    card.get_by_label("Mật khẩu của bạn").fill(PASSWORD)
    assert_usable(boss)
    card.get_by_role("button", name="Làm").click()
    code = boss.inner_text(".read-out")
    assert_usable(boss)
    borrowed.fill("#code", code)
    borrowed.get_by_role("button", name="Tiếp tục").click()
    borrowed.wait_for_selector("#cards", state="attached")
    borrowed.goto(desk + "/desk/me")
    borrowed.get_by_role("button", name="Thoát khỏi các máy khác").click()
    expect(borrowed.locator(".hint")).to_contain_text("Các máy khác đã bị thoát")
    phone.wait_for_url("**/desk/sign-in", timeout=5000)  # the lost phone goes dark by itself

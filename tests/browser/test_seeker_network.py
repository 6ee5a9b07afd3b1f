"""The seeker page on a bad network: slow, without its script, without storage behind it; taps that come twice."""

from __future__ import annotations

from time import monotonic

import pytest
from playwright.sync_api import Page, Route, expect

from bot.web.tongues import tongues
from handlers.model import MessageKind
from tests.browser.conftest import TalkPage
from tests.browser.looking import Visitors
from tests.browser.seekers import arrived, begin, tried_in_vain

TEXTS = tongues()["vi"].texts
SLOW = {"offline": False, "latency": 800, "downloadThroughput": 4_000, "uploadThroughput": 2_000}
"""An edge of the second generation: 32 kbit/s down, 16 kbit/s up, 0.8 s for every answer."""


def slow_down(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW)


def test_on_a_slow_network_exit_and_numbers_are_there_with_the_first_answer(
    visitors: Visitors, talk_page: TalkPage
) -> None:
    page = visitors.page()
    scripts: list[Route] = []
    page.context.route("**/page.js", lambda route: scripts.append(route))  # it never comes
    slow_down(page)
    before = monotonic()
    page.goto(talk_page.url, wait_until="commit")
    expect(page.locator("#start .danger")).to_be_visible()
    assert monotonic() - before < 5 * 3  # two seconds for 11 KB compressed, and the round trip; five-fold slack
    box = page.locator("#exit").bounding_box()
    assert box is not None
    assert box["width"] == page.evaluate("innerWidth"), "with its style: nothing else has to load for that"
    assert page.locator("a[href='tel:113']").is_visible()
    page.click("#start .ask")
    page.locator("#choices button").first.click()  # as soon as it can be seen, whether the script has come or not
    expect(page.locator("li.me")).to_have_count(1)


def test_a_slow_message_is_said_to_be_under_way_and_arrives_once(visitors: Visitors, talk_page: TalkPage) -> None:
    page = begin(visitors, talk_page)
    slow_down(page)
    page.fill("#text", "chậm quá")
    page.press("#text", "Enter")
    expect(page.locator("#hint")).to_have_text(TEXTS["sending"])
    assert page.locator("li.me.wait").count() == 1
    assert page.input_value("#text") == "chậm quá", "until it has arrived"
    for _ in range(3):
        page.press("#text", "Enter")  # she presses again and again
        page.locator("#say .main").dispatch_event("click")
    expect(page.locator("#text")).to_have_value("", timeout=30_000)
    expect(page.locator("li.me")).to_have_count(1)
    expect(page.locator("li.me.wait")).to_have_count(0)
    assert [message.text for message in talk_page.talk.got if message.text] == ["chậm quá"]


def test_what_takes_very_long_is_said_with_the_way_to_the_numbers(visitors: Visitors, talk_page: TalkPage) -> None:
    page = begin(visitors, talk_page, clock=True)
    held: list[Route] = []
    page.route(talk_page.url + "/", lambda route: held.append(route))
    page.fill("#text", "còn đó không")
    page.press("#text", "Enter")
    page.clock.run_for(7000)
    expect(page.locator("#hint")).to_have_text(TEXTS["slow"])
    held[0].continue_()
    expect(page.locator("#text")).to_have_value("")
    expect(page.locator("#hint")).to_have_text("")


def test_a_choice_that_does_not_go_through_can_be_pressed_again(visitors: Visitors, talk_page: TalkPage) -> None:
    visitors.expected = ("503",)
    page = begin(visitors, talk_page, clock=True)
    talk_page.talk.down = True
    page.locator("#choices button").first.click()
    tried_in_vain(page)
    expect(page.locator("#hint")).to_have_text(TEXTS["not_sent_choice"])
    expect(page.locator("#choices button")).to_have_count(2)
    talk_page.talk.down = False
    page.locator("#choices button").first.click()
    expect(page.locator("li.me[data-seq]")).to_have_count(1)
    assert len([message for message in talk_page.talk.got if message.kind is MessageKind.CHOICE]) == 1


@pytest.mark.parametrize("script", [True, False])
def test_two_taps_on_a_first_choice_are_one_message(visitors: Visitors, talk_page: TalkPage, script: bool) -> None:
    page = visitors.page(talk_page.url, java_script_enabled=script)
    page.locator("#start .danger").dblclick()
    arrived(page, "#choices button")
    page.wait_for_timeout(300)
    assert [message.text for message in talk_page.talk.got] == [TEXTS["said_danger"]]


def test_without_script_everything_can_be_sent_again(visitors: Visitors, talk_page: TalkPage) -> None:
    visitors.expected = ("503",)
    page = visitors.page(talk_page.url, java_script_enabled=False)
    talk = talk_page.talk
    talk.down = True
    page.click("#start .hurt")
    expect(page.locator(".hint")).to_have_text(TEXTS["not_sent_start"])
    talk.down = False
    page.click("#start .hurt")
    arrived(page, "#choices button")
    talk.down = True
    page.fill("#text", "nửa câu")
    page.locator("#choices button").last.click()
    expect(page.locator("#hint")).to_have_text(TEXTS["not_sent_choice"])
    assert page.input_value("#text") == "nửa câu"
    talk.down = False
    page.click(f"#choices button:has-text('{TEXTS['again']}')")
    expect(page.locator("li.me")).to_have_count(2)
    talk.down = True
    page.click("#say .main")
    expect(page.locator("#hint")).to_have_text(TEXTS["not_sent"])
    talk.down = False
    page.click("#say .main")
    expect(page.locator("li.me")).to_have_count(3)
    page.click("summary:has-text('Tôi có mã')")
    page.fill("#code", "0123 4567 8901")
    talk.down = True
    page.press("#code", "Enter")
    expect(page.locator("#hint")).to_have_text(TEXTS["not_sent_code"])
    assert page.input_value("#code") == "0123 4567 8901"
    talk.down = False
    page.press("#code", "Enter")
    page.wait_for_selector("#log")
    page.click("#look")
    assert [message.kind.value for message in talk.got] == ["text", "choice", "text", "code"]
    assert [message.text for message in talk.got][::2] == [TEXTS["said_hurt"], "nửa câu"]

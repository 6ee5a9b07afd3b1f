"""The page's language in a real browser, with script and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from bot.web.tongues import tongues
from flows.effects import Button
from handlers.model import MessageKind
from handlers.seeker import ViewLine
from tests.browser.conftest import Program, Running, TalkPage
from tests.browser.looking import Visitors, assert_usable
from tests.browser.seekers import arrived, begin

EN = tongues()["en"].texts


@pytest.mark.parametrize("script", [True, False])
def test_it_is_chosen_on_the_page_and_stored_nowhere(visitors: Visitors, talk_page: TalkPage, script: bool) -> None:
    page = visitors.page(talk_page.url, java_script_enabled=script)
    page.click("text=English")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("h1")).to_have_text(EN["numbers"])
    assert page.context.cookies() == []
    page.click("#start .ask")
    arrived(page, "#choices button")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("label[for=text]")).to_have_text(EN["text"])
    assert [(message.kind, message.language) for message in talk_page.talk.got] == [(MessageKind.START, "en")]
    assert "lang" not in page.url
    fresh = page.context.new_page()
    fresh.goto(talk_page.url)
    expect(fresh.locator("html")).to_have_attribute("lang", "vi")


@pytest.mark.parametrize("script", [True, False])
def test_in_a_talk_the_conversation_hears_of_it(visitors: Visitors, talk_page: TalkPage, script: bool) -> None:
    page = begin(visitors, talk_page, java_script_enabled=script)
    page.fill("#text", "nửa câu")
    page.click("text=English")
    expect(page.locator("label[for=text]")).to_have_text(EN["text"])
    assert [message.text for message in talk_page.talk.got] == ["", "English"]
    assert page.input_value("#text") == "nửa câu"
    assert page.locator("#choices").get_attribute("aria-label") == EN["answers"]
    assert page.locator("#choices button").first.get_attribute("lang") == "vi", "its own question is Vietnamese"


def test_the_page_turns_when_she_types_a_language_and_keeps_what_she_writes(
    visitors: Visitors, talk_page: TalkPage, running: Running
) -> None:
    page = begin(visitors, talk_page)
    talk = talk_page.talk

    def speaks(message):  # type: ignore[no-untyped-def]
        talk.language = "en"
        return (ViewLine(seq=0, who="bot", text="Is it safe?", language="en", buttons=(Button("Yes", "8.0"),)),)

    talk.answer = speaks
    page.fill("#text", "english")
    page.press("#text", "Enter")
    expect(page.locator("label[for=text]")).to_have_text(EN["text"])
    assert page.input_value("#text") == ""
    assert [message.text for message in talk.got] == ["", "english"]
    expect(page.locator("li.bot p").last).to_have_attribute("lang", "en")
    expect(page.locator("#choices button")).to_have_attribute("lang", "en")
    page.fill("#text", "half a")
    talk.language = ""
    line = ViewLine(seq=0, who="bot", text="Vâng.", buttons=(Button("Có", "9.0"),))
    running.call(talk.add, talk.got[0].address, line)  # the talk turns back by itself, for example after a pause
    expect(page.locator("label[for=text]")).to_have_text(tongues()["vi"].texts["text"])
    assert page.input_value("#text") == "half a"
    assert len(talk.got) == 2


def test_on_the_real_content_a_page_in_english_begins_a_talk(program: Program, visitors: Visitors) -> None:
    page = visitors.page(program.url)
    page.click("text=English")
    page.wait_for_selector(f"text={EN['intro'][:20]}")
    assert_usable(page, "en")
    page.click("#start .danger")
    card = page.locator("li.bot", has_text="113").first
    expect(card.locator("a[href='tel:113']")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert_usable(page, "en")

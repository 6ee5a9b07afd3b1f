"""The seeker page in a real browser: leaving, losing the network, being left alone, hostile texts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from flows.effects import Button
from handlers.model import Address, MessageKind
from handlers.seeker import ViewLine
from tests.browser.conftest import Running, TalkPage
from tests.browser.looking import CANARY, Visitors, assert_usable
from tests.browser.seekers import arrived, begin, tried_in_vain
from tests.unit.web.hostile_texts import TEXTS


def test_without_network_the_text_stays_and_arrives_once_afterwards(visitors: Visitors, talk_page: TalkPage) -> None:
    visitors.expected = ("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK")
    page = begin(visitors, talk_page, clock=True)
    page.context.set_offline(True)
    page.fill("#text", "có ai không")
    page.press("#text", "Enter")
    tried_in_vain(page)
    assert page.input_value("#text") == "có ai không"
    page.context.set_offline(False)
    page.press("#text", "Enter")
    expect(page.locator("li.me")).to_have_text("Bạncó ai không")
    expect(page.locator("#text")).to_have_value("")
    assert [message.text for message in talk_page.talk.got if message.text] == ["có ai không"]


def test_an_answer_lost_on_the_way_does_not_double_the_message(visitors: Visitors, talk_page: TalkPage) -> None:
    visitors.expected = ("ERR_FAILED",)
    page = begin(visitors, talk_page)
    lost: list[str] = []

    def lose(route, request):  # type: ignore[no-untyped-def]
        if request.method == "POST" and not lost:
            lost.append(request.url)
            route.fetch()  # it arrives, but she never hears of it
            route.abort()
        else:
            route.continue_()

    page.route(talk_page.url + "/", lose)
    page.fill("#text", "một lần thôi")
    page.press("#text", "Enter")
    expect(page.locator("li.me")).to_have_count(1)
    page.wait_for_timeout(2500)
    assert lost
    assert [message.text for message in talk_page.talk.got if message.text] == ["một lần thôi"]
    expect(page.locator("li.me")).to_have_count(1)


def test_sending_the_same_words_again_after_lost_answers_is_still_one_message(
    visitors: Visitors, talk_page: TalkPage
) -> None:
    visitors.expected = ("ERR_FAILED",)
    page = begin(visitors, talk_page, clock=True)
    broken = [True]

    def lose(route, request):  # type: ignore[no-untyped-def]
        if request.method == "POST" and broken:
            route.fetch()  # it arrives every time, and she never hears of it
            route.abort()
        else:
            route.continue_()

    page.route(talk_page.url + "/", lose)
    page.fill("#text", "một lần thôi")
    page.press("#text", "Enter")
    tried_in_vain(page)
    broken.clear()
    page.press("#text", "Enter")
    expect(page.locator("#text")).to_have_value("")
    assert [message.text for message in talk_page.talk.got if message.text] == ["một lần thôi"]


def test_while_nothing_can_be_stored_she_is_told_and_keeps_her_words(visitors: Visitors, talk_page: TalkPage) -> None:
    visitors.expected = ("503",)
    page = begin(visitors, talk_page, clock=True)
    talk_page.talk.down = True
    page.fill("#text", "giữ lại nhé")
    page.click("#say .main")
    tried_in_vain(page)
    assert page.input_value("#text") == "giữ lại nhé"
    talk_page.talk.down = False
    page.click("#say .main")
    expect(page.locator("li.me")).to_contain_text("giữ lại nhé")


def test_a_double_click_on_a_choice_is_one_message(visitors: Visitors, talk_page: TalkPage) -> None:
    page = begin(visitors, talk_page)
    page.locator("#choices button").first.dblclick()
    expect(page.locator("li.me[data-seq]")).to_have_count(1)
    assert len([message for message in talk_page.talk.got if message.kind is MessageKind.CHOICE]) == 1


def test_a_page_left_alone_goes_blank_and_comes_back_on_demand(
    visitors: Visitors, talk_page: TalkPage, running: Running
) -> None:
    page = begin(visitors, talk_page, clock=True)
    page.fill("#text", "canary")
    page.clock.run_for(14 * 60 * 1000)
    assert page.locator("#log").is_visible()
    page.clock.run_for(2 * 60 * 1000)
    expect(page.locator("text=Tiếp tục")).to_be_visible()
    assert page.evaluate("document.body.innerText.replace(/\\s+/g, ' ').trim()") in ("Thoát nhanh Tiếp tục",)
    assert "canary" not in page.content()
    assert page.title() == "Trang tin"
    token = talk_page.talk.got[0].address
    running.call(talk_page.talk.add, token, ViewLine(seq=0, who="person", text="Chị còn đó không?"))
    page.click("text=Tiếp tục")
    expect(page.locator("li.person")).to_contain_text("Chị còn đó không?")


def test_a_location_is_shared_only_when_asked_for_and_pressed(visitors: Visitors, talk_page: TalkPage) -> None:
    asking = ViewLine(seq=0, who="bot", text="Ở đâu?", buttons=(Button("Bỏ qua", "1.0"),), wants_location=True)
    talk_page.talk.answer = lambda message: (
        (asking,) if message.text else (ViewLine(seq=0, who="bot", text="Chào", buttons=(Button("Có", "2.0"),)),)
    )
    options = {"permissions": ["geolocation"], "geolocation": {"latitude": 22.39, "longitude": 103.45}}
    page = begin(visitors, talk_page, **options)
    expect(page.locator("#place")).to_be_hidden()
    page.fill("#text", "x")
    page.press("#text", "Enter")
    expect(page.locator("#place")).to_be_visible()
    page.click("#place")
    expect(page.locator("li.me[data-seq]")).to_have_count(2)
    shared = [message for message in talk_page.talk.got if message.kind is MessageKind.LOCATION]
    assert [message.point for message in shared] == [(22.39, 103.45)]


class Sounds:
    """A content store with one recording, which counts how often it is read."""

    def __init__(self, sound: bytes) -> None:
        self.sound, self.read = sound, 0
        self.content = self

    def recording(self, sha256: str) -> bytes:
        self.read += 1
        return self.sound


def test_who_does_not_read_can_listen(visitors: Visitors, talk_page: TalkPage, running: Running) -> None:
    frame = b"\xff\xfb\x90\x64" + bytes(413)  # of silence: 26 ms of MPEG 1 layer 3 at 128 kbit/s
    sound = frame * 40
    talk_page.door.uow = Sounds(sound)
    page = begin(visitors, talk_page)
    line = ViewLine(seq=0, who="bot", text="Koj puas nyab xeeb?", audio="ab" * 32, language="hmn")
    running.call(talk_page.talk.add, talk_page.talk.got[0].address, line)
    player = page.locator("li.bot audio")
    expect(player).to_be_visible()
    assert page.locator("p[lang=hmn]").count() == 1
    assert talk_page.door.uow.read == 0, "nothing is loaded before she presses"
    assert (
        page.evaluate("document.querySelector('audio').play().then(() => document.querySelector('audio').duration)")
        > 0.9
    )
    assert_usable(page)
    page.reload()
    expect(page.locator("li.bot audio")).to_have_attribute("src", f"/audio/{'ab' * 32}.mp3")


def test_hostile_texts_stay_text(visitors: Visitors, talk_page: TalkPage, running: Running) -> None:
    page = visitors.page()
    page.add_init_script(f"({CANARY.strip()})()")
    page.goto(talk_page.url)
    page.click("#start .ask")
    arrived(page, "#choices button")
    address: Address = talk_page.talk.got[0].address
    for text in TEXTS:  # one after the other through the script, as they would arrive
        line = ViewLine(seq=0, who="person", text=text, buttons=(Button(text, "1.0"),))
        running.call(talk_page.talk.add, address, line)
    expect(page.locator("li.person")).to_have_count(len(TEXTS))
    shown = page.evaluate("[...document.querySelectorAll('li.person p')].map((p) => p.textContent)")
    assert [text.replace("\r\n", "\n") for text in shown] == [text.replace("\r\n", "\n") for text in TEXTS]
    assert page.evaluate("canaries") == []
    page.reload()  # and drawn by the server
    expect(page.locator("li.person")).to_have_count(len(TEXTS))
    page.wait_for_timeout(200)
    assert page.evaluate("canaries") == []
    assert page.url.startswith(talk_page.url)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_used_by_everybody(visitors: Visitors, talk_page: TalkPage, running: Running, scheme: str) -> None:
    page = visitors.page(talk_page.url, color_scheme=scheme)
    assert_usable(page)
    page.click("summary:has-text('Tôi có mã')")
    page.click("summary:has-text('Dùng trang này')")
    assert_usable(page)
    page.click("#start .ask")
    arrived(page, "#choices button")
    running.call(talk_page.talk.add, talk_page.talk.got[0].address, ViewLine(seq=0, who="person", text="Gọi 113 nhé."))
    page.fill("#text", "x")
    page.press("#text", "Enter")
    page.wait_for_selector("li.me")
    page.click("#say .main")  # says that nothing is written
    assert_usable(page)
    assert page.locator("[role=log][aria-live=polite] li").count() == 4
    page.set_viewport_size({"width": 320, "height": 500})  # as at 400 %
    assert_usable(page)

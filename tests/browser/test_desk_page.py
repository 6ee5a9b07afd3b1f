"""The desk page in a real browser: ringing, losing the network, racing, hostile texts."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from flows.severity import Severity
from handlers.model import Direction, Role, Staff
from handlers.outgoing import append_line
from handlers.staffing import SetEnabled, Staffing
from tests.browser.conftest import DeskPage, Running
from tests.browser.looking import CANARY, Visitors, assert_usable, becomes_true
from tests.unit.web.desk_fakes import PASSWORD, hire
from tests.unit.web.hostile_texts import TEXTS
from tests.unit.web.test_stream import job, says_where


def arrives(running: Running, desk_page: DeskPage, name: str = "s1", severity: Severity = Severity.EMERGENCY):  # type: ignore[no-untyped-def]
    def work():  # type: ignore[no-untyped-def]
        case = desk_page.hotline.writes(desk_page.hotline.arrive(name), severity, "dv_physical")
        desk_page.door.wakeups.ring("desk")
        return case

    return running.call(work)


def staff(running: Running, desk_page: DeskPage, name: str = "tuvan", alias: str = "Hoa") -> Staff:
    return running.call(lambda: hire(desk_page.hotline, name, alias=alias))


def test_it_rings_when_somebody_is_in_danger(visitors: Visitors, desk_page: DeskPage, running: Running) -> None:
    me = staff(running, desk_page)
    page = visitors.counsellor(desk_page.url)
    page.evaluate("""() => { window.tones = 0; const make = AudioContext.prototype.createOscillator;
        AudioContext.prototype.createOscillator = function () { window.tones += 1; return make.call(this); }; }""")
    page.click("#bell")
    expect(page.locator("#bell")).to_have_attribute("aria-pressed", "true")
    becomes_true(page, "tones === 1")
    arrives(running, desk_page)
    expect(page).to_have_title("(1) Bình An")
    running.do(desk_page.hub.page(job(me.uid)))
    becomes_true(page, "tones >= 4")
    arrives(running, desk_page, "s2", Severity.URGENT)
    expect(page).to_have_title("(2) Bình An")
    expect(page.locator("li.card").first).to_contain_text("Khẩn cấp")
    assert_usable(page)


def test_on_the_case_page_the_bell_goes_on(visitors: Visitors, desk_page: DeskPage, running: Running) -> None:
    staff(running, desk_page)
    arrives(running, desk_page)
    page = visitors.counsellor(desk_page.url)
    page.click("#bell")
    expect(page.locator("#bell")).to_have_attribute("aria-pressed", "true")
    page.click("li.card button.main")
    page.wait_for_selector("#reply")
    page.locator("body").click(position={"x": 5, "y": 300})
    expect(page.locator("#bell")).to_have_attribute("aria-pressed", "true")
    arrives(running, desk_page, "s2")
    expect(page).to_have_title("(1) Bình An")
    expect(page.locator("#live")).to_have_text("1 ca đang gọi")


def test_it_rings_on_every_page_of_the_desk_for_who_answers(
    visitors: Visitors, desk_page: DeskPage, running: Running
) -> None:
    me = staff(running, desk_page)
    other = arrives(running, desk_page, "s0")
    page = visitors.counsellor(desk_page.url)
    for number, path in enumerate(("/desk/services", "/desk/me", f"/desk/cases/{other.code}"), start=2):
        page.goto(desk_page.url + path)
        expect(page.locator("#live")).to_have_text(f"{number - 1} ca đang gọi")
        arrives(running, desk_page, f"s{number}")
        expect(page).to_have_title(f"({number}) Bình An")
        assert running.call(desk_page.hub.reachable) == {me.uid}
    running.call(lambda: hire(desk_page.hotline, "bien", Role.EDITOR))
    editor = visitors.page(desk_page.url + "/desk")
    editor.fill("#name", "bien")
    editor.fill("#password", PASSWORD)
    editor.click("button.main")
    editor.wait_for_url("**/desk/services")
    assert editor.locator("body").get_attribute("data-queue") is None
    expect(editor.locator("#live")).to_be_empty()


def test_what_she_tells_meanwhile_is_on_the_open_page_and_said_softly(
    visitors: Visitors, desk_page: DeskPage, running: Running
) -> None:
    me = staff(running, desk_page)
    case = arrives(running, desk_page)
    running.call(lambda: desk_page.hotline.claim(me, case))
    page = visitors.counsellor(desk_page.url)
    page.goto(f"{desk_page.url}/desk/cases/{case.code}")
    expect(page.locator("#live")).to_have_text("Đã nối")
    assert page.locator("#told").get_attribute("role") == "status"
    page.set_viewport_size({"width": 360, "height": 560})
    page.fill("#reply-text", "Chị đ")

    def tells() -> None:
        says_where(desk_page.hotline, case, "03549", signs=(("weapon", "<b>dao</b>"),))
        desk_page.door.wakeups.ring("desk")

    running.call(tells)
    expect(page.locator("#facts div:has-text('Xã')")).to_contain_text("03549")
    expect(page.locator("#reasons")).to_have_text("có vũ khí: <b>dao</b>")
    expect(page.locator("#category")).to_contain_text("Bạo lực tình dục")
    told = "Tóm tắt vừa có thêm: Bạo lực tình dục · Xã: 03549 · có vũ khí: <b>dao</b>"
    expect(page.locator("#told")).to_have_text(told)
    assert page.input_value("#reply-text") == "Chị đ"  # what she is writing stays under her hand
    expect(page.locator("#refer")).to_have_attribute("href", re.compile(r"/referrals\?near=03549$"))
    box = "document.querySelector('#reply-text').getBoundingClientRect()"
    assert page.evaluate(f"{box}.top > 0 && {box}.bottom <= innerHeight")
    assert_usable(page)
    running.call(tells)  # the same once more is no news
    expect(page.locator("#talk li.in")).to_have_count(3)
    expect(page.locator("#told")).to_have_text(told)
    page.click("#reply button")
    expect(page.locator("#told")).to_be_empty()


def test_the_page_of_a_case_that_somebody_else_takes_says_so(
    visitors: Visitors, desk_page: DeskPage, running: Running
) -> None:
    staff(running, desk_page)
    other = staff(running, desk_page, "mai", "Cúc")
    case = arrives(running, desk_page)
    page = visitors.counsellor(desk_page.url)
    page.goto(f"{desk_page.url}/desk/cases/{case.code}")
    claim, news = page.locator("#claim button"), page.locator("#news")
    expect(claim).to_be_visible()
    expect(page.locator("#live")).to_have_text("1 ca đang gọi")
    expect(news).to_be_empty()

    def does(work: Callable[[], object]) -> None:
        running.call(work)
        running.call(desk_page.door.wakeups.ring, "desk")

    does(lambda: desk_page.hotline.claim(other, case))
    expect(news).to_have_text("Cúc vừa nhận ca này. Bạn không cần làm gì thêm.")
    expect(page.locator("#owner")).to_have_text(" · Người giữ: Cúc")
    expect(page.locator("#state")).to_have_text("Đã nhận, chưa trả lời")
    expect(claim).to_be_hidden()
    assert_usable(page)
    does(lambda: desk_page.hotline.release(other, case))
    expect(news).to_have_text("Ca này lại đang chờ người nhận.")
    expect(page.locator("#owner")).to_be_empty()
    claim.click()  # the button takes the case as it rings now, not as it rang when the page was drawn
    expect(page.locator("#reply")).to_be_visible()
    expect(page.locator(".hint")).to_contain_text("Ca này là của bạn.")


def test_the_page_of_a_case_that_one_has_taken_elsewhere_leads_to_it(
    visitors: Visitors, desk_page: DeskPage, running: Running
) -> None:
    me = staff(running, desk_page)
    mine, closed = arrives(running, desk_page), arrives(running, desk_page, "s2")
    page, left = visitors.counsellor(desk_page.url), visitors.counsellor(desk_page.url)
    page.goto(f"{desk_page.url}/desk/cases/{mine.code}")
    left.goto(f"{desk_page.url}/desk/cases/{closed.code}")
    for shown in (page, left):
        expect(shown.locator("#live")).to_have_text("2 ca đang gọi")
    running.call(lambda: desk_page.hotline.claim(me, mine))  # by the button in her messenger
    other = staff(running, desk_page, "mai", "Cúc")
    running.call(lambda: (desk_page.hotline.claim(other, closed), desk_page.hotline.close_case(other, closed)))
    running.call(desk_page.door.wakeups.ring, "desk")
    expect(left.locator("#news")).to_have_text("Ca này không còn trong danh sách: đã được đóng.")
    expect(left.locator("#claim button")).to_be_hidden()
    expect(page.locator("#claim button")).to_be_hidden()
    page.click("#news a:has-text('Mở ca')")
    expect(page.locator("#reply")).to_be_visible()


def test_two_hands_reach_for_one_case(visitors: Visitors, desk_page: DeskPage, running: Running) -> None:
    visitors.expected = ("409", "ERR_FAILED")
    staff(running, desk_page)
    staff(running, desk_page, "mai", "Cúc")
    case = arrives(running, desk_page)
    one, two = visitors.counsellor(desk_page.url), visitors.counsellor(desk_page.url, "mai")
    two.evaluate("() => { EventSource.prototype.close.call; window.stop(); }")
    two.route("**/desk/events*", lambda route: route.abort())
    one.click("li.card button.main")
    one.wait_for_selector("#reply")
    two.evaluate(
        """(code) => { const form = document.createElement("form"); form.method = "post";
            form.action = "/desk/cases/" + code + "/claim";
            for (const [name, value] of [["csrf", document.querySelector("meta[name=csrf]").content], ["epoch", "1"]]) {
              const field = document.createElement("input"); field.name = name; field.value = value; form.append(field); }
            document.body.append(form); form.submit(); }""",
        case.code,
    )
    expect(two.locator(".hint")).to_contain_text("Ca này đã có người nhận: Hoa.")
    assert two.locator("#reply").count() == 0


def test_a_reply_written_without_network_is_stored_once_when_it_is_back(
    visitors: Visitors, desk_page: DeskPage, running: Running
) -> None:
    visitors.expected = ("ERR_", "net::")
    staff(running, desk_page)
    case = arrives(running, desk_page)
    page = visitors.counsellor(desk_page.url)
    page.click("li.card button.main")
    page.wait_for_selector("#reply")
    page.context.set_offline(True)
    for text in ("một", "hai"):
        page.fill("#reply-text", text)
        page.click("#reply button")
    expect(page.locator("#talk .mark.again")).to_contain_text("đang thử lại")
    page.context.set_offline(False)
    expect(page.locator("#talk li.out[data-seq]")).to_have_count(2, timeout=15_000)
    texts = page.locator("#talk li.out .words").all_text_contents()
    assert texts == ["một", "hai"]
    stored = running.call(lambda: desk_page.hotline.said(case))
    assert [text for text in stored if text in ("một", "hai")] == ["một", "hai"]


def test_a_lost_connection_shows(visitors: Visitors, desk_page: DeskPage, running: Running) -> None:
    visitors.expected = ("ERR_", "net::")
    staff(running, desk_page)
    page = visitors.counsellor(desk_page.url)
    expect(page.locator("#live")).to_have_text("Đã nối")
    desk_page.close()
    expect(page.locator("#live")).to_contain_text("Mất mạng")


def test_a_disabled_person_is_shown_out(visitors: Visitors, desk_page: DeskPage, running: Running) -> None:
    visitors.expected = ("401",)
    staff(running, desk_page)
    page = visitors.counsellor(desk_page.url)
    off = Staffing(lambda uow, uid: None).set_enabled
    running.call(lambda: desk_page.hotline.run(off, SetEnabled(name="tuvan", enabled=False)))
    page.wait_for_url("**/desk/sign-in")


def test_hostile_texts_stay_text(visitors: Visitors, desk_page: DeskPage, running: Running) -> None:
    me = staff(running, desk_page)
    case = arrives(running, desk_page)
    running.call(lambda: desk_page.hotline.claim(me, case))
    page = visitors.counsellor(desk_page.url)
    page.add_init_script(f"({CANARY.strip()})()")
    page.goto(f"{desk_page.url}/desk/cases/{case.code}")

    def write() -> None:
        def work(uow, contact, now):  # type: ignore[no-untyped-def]
            for text in TEXTS:
                now, _ = append_line(uow, now, direction=Direction.NOTE, author=me.uid, text=text)
            uow.cases.save(now)

        desk_page.hotline.on_case(case, work)
        desk_page.door.wakeups.ring("desk")

    running.call(write)
    for _ in range(2):  # through the stream, then drawn by the server
        expect(page.locator("#talk li.note")).to_have_count(len(TEXTS))
        shown = page.evaluate("[...document.querySelectorAll('#talk li.note .words')].map((p) => p.textContent)")
        assert [text.replace("\r\n", "\n") for text in shown] == [text.replace("\r\n", "\n") for text in TEXTS]
        assert page.evaluate("canaries") == []
        page.reload()


def test_it_can_be_used_by_everybody(visitors: Visitors, desk_page: DeskPage, running: Running) -> None:
    visitors.expected = ("403",)
    me = staff(running, desk_page)
    page = visitors.page(desk_page.url + "/desk")
    assert_usable(page)
    case = arrives(running, desk_page)
    running.call(lambda: desk_page.hotline.claim(me, case))
    page = visitors.counsellor(desk_page.url)
    assert_usable(page)
    page.goto(f"{desk_page.url}/desk/cases/{case.code}")
    for summary in ("Ghi chú", "Đóng ca", "Trả lại ca"):
        page.click(f"summary:has-text('{summary}')")
    assert_usable(page)
    page.set_viewport_size({"width": 320, "height": 500})
    assert_usable(page)
    page.goto(f"{desk_page.url}/desk/help")
    for summary in page.locator("summary").all()[1:]:
        summary.click()
    assert_usable(page)
    page.goto(f"{desk_page.url}/desk/staff")  # which is not hers
    assert_usable(page)


def test_on_a_small_phone_the_bar_says_all_its_words_and_the_ways_stand_in_columns(
    visitors: Visitors, desk_page: DeskPage, running: Running
) -> None:
    visitors.expected = ("404",)
    running.call(lambda: hire(desk_page.hotline, "lan", Role.SUPERVISOR, alias="Lan"))
    page = visitors.counsellor(desk_page.url, "lan")
    expect(page.locator("#live")).to_have_text("Đã nối")
    assert page.evaluate(
        "(() => { const live = document.querySelector('#live'); return live.scrollWidth <= live.clientWidth; })()"
    )
    lefts = page.evaluate("[...document.querySelectorAll('.ways a')].map((a) => a.getBoundingClientRect().left)")
    assert len(lefts) == 6
    assert len(set(lefts)) == 2
    assert_usable(page)
    page.goto(f"{desk_page.url}/desk/erase")
    assert_usable(page)
    page.check("input[name=reason] >> nth=0")
    page.fill("#code", "K1-234")
    page.fill("#confirm", "K1-234")
    page.press("#confirm", "Enter")  # erasing is a press on its button, never a slip on a keyboard
    expect(page.locator("[role=alert]")).to_have_count(0)
    page.click("button.danger")
    expect(page.locator("[role=alert]")).to_contain_text("Không có ca này")

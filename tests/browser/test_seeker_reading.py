"""The seeker page for who uses a keyboard, a screen reader, large letters, few colours, or cannot read."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from bot.web.seeker_page import SIGNS
from bot.web.tongues import tongues
from handlers.seeker import ViewLine
from tests.browser.conftest import Running, TalkPage
from tests.browser.looking import PHONE, Visitors, assert_usable, axe_findings
from tests.browser.seekers import arrived, begin

SIGN_CONTRAST = """
() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll("svg")].map((svg) => {
    const a = light(parse(getComputedStyle(svg).color).slice(0, 3));
    const b = light(parse(getComputedStyle(svg.closest("button")).backgroundColor).slice(0, 3));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
}
"""

COVERED = """
() => {
  const bar = document.querySelector("nav").getBoundingClientRect(), at = document.activeElement;
  const box = at.getBoundingClientRect();
  return !at.closest("nav") && box.top < bar.bottom - 1 && box.bottom > bar.top;
}
"""


def states(visitors: Visitors, talk_page: TalkPage, running: Running, **options: object) -> Page:
    """A talk with a line of a person, an unanswered question and a hint on the page."""
    page = begin(visitors, talk_page, **options)
    running.call(talk_page.talk.add, talk_page.talk.got[0].address, ViewLine(seq=0, who="person", text="Gọi 113 nhé."))
    expect(page.locator("li.person")).to_be_visible()
    page.click("#say .main")
    expect(page.locator("#hint")).to_have_text(tongues()["vi"].texts["empty"])
    return page


def test_axe_would_see_what_is_wrong(visitors: Visitors, talk_page: TalkPage) -> None:
    page = visitors.page(talk_page.url)
    assert axe_findings(page) == []
    page.evaluate("""() => { document.querySelector("label[for=code]").remove();
        document.querySelector("details").open = true; document.documentElement.lang = ""; }""")
    found = " ".join(axe_findings(page))
    assert "label" in found
    assert "html-has-lang" in found


@pytest.mark.parametrize(
    "options",
    [
        {"color_scheme": "light"},
        {"color_scheme": "dark"},
        {"forced_colors": "active"},
        {"forced_colors": "active", "color_scheme": "dark"},
    ],
    ids=["light", "dark", "forced", "forced-dark"],
)
def test_in_every_colour_every_state_can_be_used(
    visitors: Visitors, talk_page: TalkPage, running: Running, options: dict[str, str]
) -> None:
    start = visitors.page(talk_page.url, **options)
    assert_usable(start)
    contrast = start.evaluate(SIGN_CONTRAST)
    assert len(contrast) == len(SIGNS)
    assert min(contrast) >= 4.5, contrast
    for summary in start.locator("summary").all():
        summary.click()
    assert_usable(start)
    start.click(".last button")
    arrived(start, "#back")
    assert_usable(start)
    page = states(visitors, talk_page, running, **options)
    assert_usable(page)
    page.keyboard.press("Escape")
    assert_usable(page)


@pytest.mark.parametrize(("width", "letters"), [(320, 100), (256, 100), (360, 200), (320, 200)])
def test_nothing_is_lost_when_everything_is_large(
    visitors: Visitors, talk_page: TalkPage, running: Running, width: int, letters: int
) -> None:
    """320 pixels are 1 280 at 400 %; letters of 200 % are what a phone's own setting makes of them."""
    page = states(visitors, talk_page, running)
    about = visitors.page(talk_page.url + "/about")
    for shown in (visitors.page(talk_page.url), page, about):
        shown.set_viewport_size({"width": width, "height": 480})
        shown.evaluate(f"document.documentElement.style.fontSize = '{letters * 17 / 16:.0f}%'")
        assert_usable(shown)
        cut = shown.evaluate("""() => [...document.querySelectorAll("a, button, h1, h2, p, li")]
            .filter((node) => node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== "inline")
            .map((node) => node.textContent)""")
        assert cut == []


def test_by_keyboard_every_stop_is_in_sight_and_in_order(
    visitors: Visitors, talk_page: TalkPage, running: Running
) -> None:
    page = states(visitors, talk_page, running, reduced_motion="reduce")  # it scrolls at once
    page.set_viewport_size({"width": PHONE["width"], "height": 420})
    page.focus("#exit")
    stops: list[str] = []
    for key in ["Tab"] * 20 + ["Shift+Tab"] * 20:
        page.keyboard.press(key)
        if page.evaluate("document.activeElement === document.body"):
            break
        name = page.evaluate("document.activeElement.id || document.activeElement.textContent.trim().slice(0, 12)")
        stops.append(name)
        page.wait_for_timeout(60)
        assert not page.evaluate(COVERED), f"{name} lies under the exit"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", name
    assert stops[0] == "English"
    assert stops.index("text") > stops.index("English")


def test_after_a_choice_by_keyboard_the_next_ones_are_at_hand(visitors: Visitors, talk_page: TalkPage) -> None:
    page = begin(visitors, talk_page)
    page.focus("#choices button")
    page.keyboard.press("Enter")
    expect(page.locator("li.me[data-seq]")).to_have_count(1)
    expect(page.locator("#choices")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "choice"
    talk_page.talk.answer = lambda message: (ViewLine(seq=0, who="bot", text="Không hỏi gì nữa."),)
    page.keyboard.press("Enter")
    expect(page.locator("li.me[data-seq]")).to_have_count(2)
    expect(page.locator("#text")).to_be_focused()


def test_every_line_is_announced_once(visitors: Visitors, talk_page: TalkPage) -> None:
    """A screen reader says what is added to a polite log; her own line is the one that stands there already."""
    page = begin(visitors, talk_page)
    page.evaluate("""() => { window.said = []; new MutationObserver((changes) => {
        for (const change of changes) for (const node of change.addedNodes)
          if (node.nodeName === "LI") window.said.push(node.className.replace(" wait", ""));
      }).observe(document.getElementById("log"), { childList: true }); }""")
    page.fill("#text", "em đây")
    page.press("#text", "Enter")
    expect(page.locator("li.bot")).to_have_count(2)
    page.wait_for_timeout(300)
    assert page.evaluate("said") == ["me", "bot"]
    assert page.locator("li.me").get_attribute("data-seq") == "2"


def test_what_a_screen_reader_finds(visitors: Visitors, talk_page: TalkPage, running: Running) -> None:
    texts = tongues()["vi"].texts
    page = visitors.page(talk_page.url)
    start = page.locator("body").aria_snapshot()
    for part in (
        f'- navigation "{texts["exit_nav"]}":\n  - link "{texts["exit"]}":',
        "- banner:",
        f'- heading "{texts["numbers"]}" [level=1]',
        '- link "113 Công an":',
        "- main:",
        f'- form "{texts["first"]}":',
        f'- button "{texts["first_danger"]} {texts["first_danger_note"]}"',
        f'- button "{texts["first_hurt"]}"',
        f'- button "{texts["first_ask"]}"',
    ):
        assert part in start, start
    talk = states(visitors, talk_page, running)
    line = ViewLine(seq=0, who="bot", text="Nghe đi", audio="ab" * 32)
    running.call(talk_page.talk.add, talk_page.talk.got[-1].address, line)
    talk.wait_for_selector("audio")
    found = talk.locator("body").aria_snapshot()
    for part in (
        f'- log "{texts["log"]}":',
        f'- group "{texts["answers"]}":',
        f'- textbox "{texts["text"]}"',
        f"- status: {texts['empty']}",
        f'- button "{texts["send"]}"',
    ):
        assert part in found, found
    assert re.search(rf"{texts['person']} paragraph: Gọi|{texts['person']}\n\s+- paragraph:", found), found
    tree = talk.context.new_cdp_session(talk).send("Accessibility.getFullAXTree")["nodes"]
    named = {(node["role"]["value"], node["name"]["value"]) for node in tree if not node["ignored"] and "name" in node}
    assert ("Audio", texts["listen"]) in named
    assert [name for role, name in named if role == "image"] == [], "pictograms are said by the words beside them"


def test_one_voice_at_a_time(visitors: Visitors, talk_page: TalkPage, running: Running) -> None:
    page = begin(visitors, talk_page)
    for _ in range(2):
        line = ViewLine(seq=0, who="bot", text="nghe", audio="ab" * 32)
        running.call(talk_page.talk.add, talk_page.talk.got[0].address, line)
    expect(page.locator("audio")).to_have_count(2)
    silenced = page.evaluate("""() => {
        const [one, two] = document.querySelectorAll("audio");
        const paused = [];
        one.pause = () => paused.push("one");
        two.pause = () => paused.push("two");
        two.dispatchEvent(new Event("play"));
        return paused;
    }""")
    assert silenced == ["one"]


def test_who_does_not_like_movement_sees_none(visitors: Visitors, talk_page: TalkPage) -> None:
    calm = visitors.page(talk_page.url, reduced_motion="reduce")
    assert calm.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    moving = calm.evaluate("""() => [...document.querySelectorAll("*")].filter((node) => {
        const style = getComputedStyle(node);
        return style.animationName !== "none" || style.transitionDuration !== "0s";
    }).length""")
    assert moving == 0

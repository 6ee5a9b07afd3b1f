"""What the browser tests of the seeker page have in common."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.conftest import TalkPage
from tests.browser.looking import Visitors


def begin(visitors: Visitors, talk_page: TalkPage, *, clock: bool = False, **options: object) -> Page:
    """A seeker who has begun; with `clock` her page's timers run only when the test says so."""
    page = visitors.page(**options)
    if clock:
        page.clock.install()
    page.goto(talk_page.url)
    page.click("#start .ask")
    arrived(page, "#choices button")
    return page


def arrived(page: Page, selector: str) -> None:
    """Wait for a page and its script: the server draws everything, so that it is there before the script has run."""
    page.wait_for_selector(selector)
    page.wait_for_load_state("load")


def tried_in_vain(page: Page) -> None:
    """Let the page go through its own attempts until it says that nothing was sent."""
    for _ in range(40):
        page.clock.run_for(1000)
        page.wait_for_timeout(50)
        if "Chưa gửi được" in page.inner_text("#hint"):
            return
    raise AssertionError(page.inner_text("#hint"))

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
    page.wait_for_selector("#choices button")
    page.wait_for_load_state("load")  # the server draws the choices: they are there before the script has run
    return page


def tried_in_vain(page: Page) -> None:
    """Let the page go through its own attempts until it says that nothing was sent."""
    for _ in range(40):
        page.clock.run_for(1000)
        page.wait_for_timeout(50)
        if "Chưa gửi được" in page.inner_text("#hint"):
            return
    raise AssertionError(page.inner_text("#hint"))

"""A picture is seen and a voice note is heard in a real browser, under the page's own strict policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from bot.media import clean
from flows.severity import Severity
from handlers.media import Fetched, settle
from handlers.model import Direction, Media, MediaKind, new_uid
from handlers.outgoing import append_line
from tests.browser.conftest import DeskPage, Running
from tests.browser.looking import Visitors, becomes_true
from tests.fakes.sounds import opus, picture
from tests.unit.web.desk_fakes import hire

SILENCE = b"\xf8\xff\xfe"  # 20 ms, as the codec writes it
SEEN = {
    MediaKind.IMAGE: "document.images[0] && document.images[0].naturalWidth > 0",
    MediaKind.VOICE: "(player => player && player.duration > 0.2 && player.readyState >= 2)"
    "(document.querySelector('video, audio'))",
}


def shows(running: Running, desk_page: DeskPage, kind: MediaKind) -> None:
    mime, body = clean.image(picture()) if kind is MediaKind.IMAGE else clean.voice(opus([SILENCE] * 50))

    def work() -> None:
        hotline = desk_page.hotline
        case = hotline.writes(hotline.arrive("s1"), Severity.EMERGENCY, "dv_physical")
        hotline.on_case(
            case, lambda uow, _, now: append_line(uow, now, direction=Direction.IN, author="seeker", text="▸ gửi")
        )
        media = Media(
            uid=new_uid(), case_uid=case.uid, seq=hotline.case(case).next_seq - 1, kind=kind, channel="tg", source="x",
            next_attempt_at=hotline.now, created_at=hotline.now,
        )  # fmt: skip
        hotline.do(lambda uow: uow.media.add(media))
        hotline.run(settle, Fetched(uid=media.uid, body=body, mime=mime))
        desk_page.door.wakeups.ring("desk")

    running.call(work)


@pytest.mark.parametrize("kind", [MediaKind.IMAGE, MediaKind.VOICE])
def test_it_opens_beside_the_talk(visitors: Visitors, desk_page: DeskPage, running: Running, kind: MediaKind) -> None:
    visitors.expected = ("Applying inline style",)  # of the browser's own picture viewer, which does without
    running.call(lambda: hire(desk_page.hotline, "tuvan", alias="Hoa"))
    page = visitors.counsellor(desk_page.url)
    shows(running, desk_page, kind)
    page.click("li.card button.main")
    with page.expect_popup() as opened:
        page.click("a[href*='/media/']")
    beside: Page = opened.value
    becomes_true(beside, SEEN[kind])
    assert page.locator("#reply").is_visible(), "the talk stays where it is"

"""Whatever people write stays text: on the seeker page, on the desk page and in the streams."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from bot.channels.webchat import new_message_key, new_token
from flows.effects import Button
from flows.severity import Severity
from handlers.model import Direction, Summary
from handlers.outgoing import append_line
from handlers.seeker import ViewLine
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.fakes import make_deps
from tests.unit.web.hostile_texts import TEXTS
from tests.unit.web.serving import Page, serving
from tests.unit.web.test_desk import desk


def shape(page: Page) -> Counter[tuple[str, tuple[str, ...]]]:
    """Which elements with which attributes a page has, whatever stands in them."""
    return Counter((tag, tuple(sorted(attrs))) for tag, attrs in page.elements)


def test_there_are_enough_of_them() -> None:
    assert len(set(TEXTS)) >= 100


async def test_on_the_seeker_page_every_text_is_text() -> None:
    deps, talk, _ = make_deps()

    async def shown(text: str, down: bool = False) -> Page:
        talk.answer = lambda message: (
            ViewLine(seq=0, who="bot", text=text), ViewLine(seq=0, who="person", text=text, buttons=(Button(text, text),)),
        )  # fmt: skip
        talk.down = down
        posted = {"token": new_token(), "mid": new_message_key(), "act": "say", "text": text}
        return Page(await (await http.post("/", data=posted)).text())

    async with serving(deps) as http:
        plain, unsent = await shown("x"), await shown("x", down=True)
        for text in TEXTS:
            page = await shown(text)
            numbers = [attrs for attrs in page.all("a") if attrs.get("href", "").startswith("tel:")]
            assert {attrs["href"] for attrs in numbers} <= {"tel:113", "tel:115", "tel:111"}
            taps = len(numbers) - len([a for a in plain.all("a") if a.get("href", "").startswith("tel:")])
            assert shape(page) - Counter({("a", ("href",)): taps}) == shape(plain), text
            visible = text.replace("\r\n", "\n").replace("\r", "\n").strip()
            assert "".join(page.texts).replace("\r\n", "\n").replace("\r", "\n").count(visible) >= 3, text
            assert shape(await shown(text, down=True)) == shape(unsent), text


async def test_on_the_desk_page_and_in_its_stream_every_text_is_text(hotline: Hotline) -> None:
    staff = hire(hotline, "lan")
    case = hotline.writes(hotline.arrive(), Severity.EMERGENCY)
    hotline.claim(staff, case)
    deps, _ = desk_deps(hotline)

    def write(texts: tuple[str, ...]) -> None:
        def work(uow, contact, now):  # type: ignore[no-untyped-def]
            for text in texts:
                now, _ = append_line(uow, now, direction=Direction.IN, author="seeker", text=text)
                now, _ = append_line(uow, now, direction=Direction.NOTE, author=staff.uid, text=text)
            some = tuple((text, text) for text in texts[:20])
            uow.cases.save(
                replace(now, summary=Summary(signs=some, why=texts, answers=dict(zip(texts, texts, strict=True))))
            )

        hotline.on_case(case, work)

    async with serving(deps, cookies=True) as http:
        browser = await desk(http)
        write(("một",) * 1)
        before = await browser.page(f"/desk/cases/{case.code}")
        write(TEXTS)
        page = await browser.page(f"/desk/cases/{case.code}")
        assert set(shape(page)) == set(shape(before))
        assert "canary()" in page.text
        assert sum(tag == "script" for tag, _ in page.elements) == 1
        got = 0
        async with http.get(f"/desk/events?case={case.code}&after=0") as stream:
            async for raw in stream.content:
                line = raw.decode()
                assert line.endswith("\n")
                assert line == "\n" or line.split(": ")[0] in ("event", "data", "id", "retry"), line
                if line.startswith("data: "):
                    got += json.loads(line[6:]).get("text") in TEXTS
                if got == 2 * len(TEXTS):
                    break

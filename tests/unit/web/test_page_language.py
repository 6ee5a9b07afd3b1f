"""The page's language stands in its form and nowhere else; the page follows the talk, and the talk the page."""

from __future__ import annotations

from typing import Any

import pytest

from bot.channels.webchat import new_message_key, new_token
from bot.web.deps import WebDeps
from bot.web.tongues import tongues
from flows.effects import Button
from flows.languages import Spoken
from handlers.model import MessageKind
from handlers.seeker import ViewLine
from tests.unit.web.fakes import Talk, make_deps
from tests.unit.web.serving import Page, serving

JSON = {"Accept": "application/json"}
CONTENT = {"vi": Spoken("vi", "Tiếng Việt", True), "en": Spoken("en", "English", True)}


def deps_with(content: dict[str, Spoken] = CONTENT, **more: Any) -> tuple[WebDeps, Talk]:
    deps, talk, _ = make_deps(spoken=content.get, **more)
    return deps, talk


def form(token: str, **more: str) -> dict[str, str]:
    return {"token": token, "mid": new_message_key(), **more}


def language(text: str) -> str:
    return next(attrs["lang"] for attrs in Page(text).all("html"))


async def test_the_page_begins_in_vietnamese_whatever_the_browser_prefers() -> None:
    """A choice of hers decides; what a shared phone is set to says little about who holds it."""
    deps, _ = deps_with()
    async with serving(deps) as http:
        assert language(await (await http.get("/", headers={"Accept-Language": "en"})).text()) == "vi"


async def test_choosing_a_language_stores_nothing_and_begins_nothing() -> None:
    deps, talk = deps_with()
    async with serving(deps) as http:
        start = Page(await (await http.get("/")).text())
        button = next(attrs for attrs in start.all("button") if attrs.get("name") == "speak")
        assert (button["value"], button["lang"], button["form"]) == ("en", "en", "start")
        page = await http.post("/", data={**start.fields, "act": "start", "speak": "en"})
        text = await page.text()
    assert language(text) == "en"
    assert "In danger? Call now" in text
    assert "Tiếng Việt" in text
    assert "Police" in text
    assert talk.got == []
    assert "Set-Cookie" not in page.headers
    assert Page(text).fields["lang"] == "en"


@pytest.mark.parametrize("sent", ["xx", "../en", "EN", "", "en\n"])
async def test_nonsense_is_vietnamese(sent: str) -> None:
    deps, talk = deps_with()
    async with serving(deps) as http:
        page = await http.post("/", data=form(new_token(), act="start", lang=sent))
        assert language(await page.text()) == "vi"
    assert talk.got[0].language == "vi"


async def test_a_talk_begins_with_the_pages_language_and_every_page_of_it_keeps_it() -> None:
    deps, talk = deps_with()
    token = new_token()
    async with serving(deps) as http:
        page = await http.post("/", data=form(token, act="start", lang="en"))
        fields = Page(await page.text()).fields
        assert (fields["lang"], fields["spoke"]) == ("en", "vi")
        page = await http.post("/", data={**fields, "act": "say", "text": "hello"})
        assert language(await page.text()) == "en"
    assert [message.language for message in talk.got] == ["en", "en"]


async def test_the_page_follows_the_talk_once_she_has_typed_a_language() -> None:
    deps, talk = deps_with()
    token = new_token()
    async with serving(deps) as http:
        fields = Page(await (await http.post("/", data=form(token, act="start"))).text()).fields
        talk.language = "en"
        page = await http.post("/", data={**fields, "mid": new_message_key(), "act": "say", "text": "english"})
        text = await page.text()
        assert language(text) == "en"
        assert Page(text).fields["spoke"] == "en"
        seen = await (await http.post("/poll", data=form(token, lang="vi", spoke="vi", after="0"))).json()
        assert (seen["spoke"], seen["turn"]) == ("en", True)
        seen = await (await http.post("/poll", data=form(token, lang="en", spoke="en", after="0"))).json()
        assert (seen["spoke"], seen["turn"]) == ("en", False)


async def test_a_language_the_page_does_not_have_leaves_the_page_as_it_is() -> None:
    deps, talk = deps_with()
    token = new_token()
    async with serving(deps) as http:
        await http.post("/", data=form(token, act="start"))
        talk.language = "hmn"
        page = await http.post("/", data=form(token, act="look", after="1", lang="vi", spoke="vi"))
        assert language(await page.text()) == "vi"


async def test_the_talk_follows_the_page() -> None:
    deps, talk = deps_with()
    token = new_token()
    async with serving(deps) as http:
        fields = Page(await (await http.post("/", data=form(token, act="start"))).text()).fields
        page = await http.post("/", data={**fields, "text": "nửa câu", "speak": "en"})
        text = await page.text()
    assert [(message.kind, message.text) for message in talk.got] == [
        (MessageKind.START, ""),
        (MessageKind.TEXT, "English"),
    ]
    assert language(text) == "en"
    assert "nửa câu</textarea>" in text, "what she was writing is not lost"


async def test_the_talk_is_told_nothing_it_knows_and_nothing_it_cannot_understand() -> None:
    deps, talk = deps_with({"vi": CONTENT["vi"]})
    token = new_token()
    async with serving(deps) as http:
        fields = Page(await (await http.post("/", data=form(token, act="start"))).text()).fields
        await http.post("/", data={**fields, "speak": "vi"})  # which it speaks
        page = await http.post("/", data={**fields, "speak": "en"})  # which this content does not know
        assert language(await page.text()) == "en"
    assert [message.kind for message in talk.got] == [MessageKind.START]


@pytest.mark.parametrize(("speaks", "said"), [(True, False), (False, True)])
async def test_a_page_in_a_language_the_machine_does_not_speak_says_so(speaks: bool, said: bool) -> None:
    deps, _ = deps_with({**CONTENT, "en": Spoken("en", "English", speaks)})
    async with serving(deps) as http:
        text = await (await http.post("/", data={"act": "home", "lang": "en"})).text()
        assert (tongues()["en"].texts["unspoken"] in text) is said
        assert tongues()["vi"].texts["unspoken"] not in await (await http.get("/")).text()


async def test_every_line_says_what_it_is_to_be_read_aloud_in() -> None:
    deps, talk = deps_with()
    token = new_token()
    talk.answer = lambda message: (
        ViewLine(seq=0, who="bot", text="chào", buttons=(Button("Có", "1.0"),)),
        ViewLine(seq=0, who="person", text="chị đây"),
        ViewLine(seq=0, who="bot", text="Koj nyob", language="hmn", buttons=(Button("Yog", "1.1"),)),
    )
    async with serving(deps) as http:
        page = Page(await (await http.post("/", data=form(token, text="hello", lang="en"))).text())
        seen = await (await http.post("/poll", data=form(token, lang="en", spoke="vi"))).json()
    lines = [attrs.get("lang", "") for attrs in page.all("p") if "class" not in attrs][:4]
    assert lines == ["", "vi", "vi", "hmn"]
    assert [line["lang"] for line in seen["lines"]] == ["", "vi", "vi", "hmn"]
    choices = [attrs["lang"] for attrs in page.all("button") if attrs.get("name") == "choice"]
    assert choices == ["hmn"]

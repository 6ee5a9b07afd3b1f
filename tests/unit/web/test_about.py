"""The page about the page, and the three first choices."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bot.channels.webchat import is_token, new_message_key, new_token
from bot.shipped import content_files
from bot.web.seeker_page import SIGNS
from bot.web.tongues import tongues
from flows.languages import Spoken
from flows.severity import Severity
from handlers.arriving import KEPT_FOR
from handlers.hiding import ERASE_AFTER
from handlers.model import MessageKind
from handlers.policies import AUDIT, CASES, CONTACTS, POLICIES, days_of
from handlers.rules.screening import Screening
from tests.unit.web.fakes import NUMBERS, make_deps
from tests.unit.web.serving import Page, serving


async def test_anybody_may_link_to_it() -> None:
    deps, talk, door = make_deps(operator="Trung tâm <b>thử</b>", contact="thu@example.org")
    async with serving(deps) as http:
        answer = await http.get("/about")
        text = await answer.text()
    page = Page(text)
    assert answer.status == 200
    assert "Nơi vận hành: Trung tâm <b>thử</b>. Liên hệ: thu@example.org" in page.text
    assert "<title>Trang tin</title>" in text
    calls = [attrs["href"] for attrs in page.all("a") if attrs["href"].startswith("tel:")]
    assert calls == [f"tel:{line.dial}" for line in NUMBERS]
    assert talk.got == door.asked == []


@pytest.mark.parametrize("code", sorted(tongues()))
async def test_who_runs_it_is_never_made_up(code: str) -> None:
    texts = tongues()[code].texts
    deps, _, _ = make_deps()
    async with serving(deps) as http:
        text = Page(await (await http.post("/about", data={"lang": code})).text()).text
    assert texts["about_nobody"] in text
    assert texts["about_operator"].split("{")[0] not in text
    assert not re.search(r"\{\w+\}", text)


@pytest.mark.parametrize("code", sorted(tongues()))
async def test_the_times_it_names_are_those_the_program_keeps(code: str) -> None:
    texts = tongues()[code].texts
    deps, _, _ = make_deps()
    assert deps.kept_days == KEPT_FOR.days == days_of(POLICIES, CONTACTS)
    assert deps.ledger_days == max(days_of(POLICIES, AUDIT), days_of(POLICIES, CASES))
    async with serving(replace(deps, kept_days=23, ledger_days=421)) as http:
        text = Page(await (await http.post("/about", data={"lang": code})).text()).text
    for key in ("about_kept_words", "about_erase_code"):
        assert texts[key].format(days=23) in text
    assert texts["about_kept_figures"].format(ledger=421) in text
    assert f"{ERASE_AFTER.total_seconds() / 3600:.0f} " in texts["about_erase_word"]
    assert "xóa" in texts["about_erase_word"]


async def test_from_a_talk_it_leads_back_with_what_stood_in_the_box() -> None:
    deps, talk, _ = make_deps()
    token = new_token()
    async with serving(deps) as http:
        start = {"token": token, "mid": new_message_key(), "act": "start"}
        fields = Page(await (await http.post("/", data=start)).text()).fields
        about = Page(await (await http.post("/about", data={**fields, "text": "nửa\ncâu"})).text())
        back = await (await http.post("/", data=about.fields)).text()
    assert "nửa\ncâu</textarea>" in back
    assert "Bạn có an toàn để nhắn tin lúc này không?" in back
    assert [message.kind for message in talk.got] == [MessageKind.START]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
async def test_another_site_cannot_put_its_own_token_under_her_page(site: str) -> None:
    deps, _, _ = make_deps()
    token = new_token()
    async with serving(deps) as http:
        sent = {"token": token, "after": "1", "spoke": "vi", "text": "x"}
        text = await (await http.post("/about", data=sent, headers={"Sec-Fetch-Site": site})).text()
    assert token not in text
    assert Page(text).fields["act"] == "home"


async def test_a_language_chosen_there_reaches_the_talk_afterwards() -> None:
    deps, talk, _ = make_deps(spoken={"en": Spoken("en", "English", True)}.get)
    token = new_token()
    async with serving(deps) as http:
        start = {"token": token, "mid": new_message_key(), "act": "start"}
        fields = Page(await (await http.post("/", data=start)).text()).fields
        about = Page(await (await http.post("/about", data=fields)).text())
        about = Page(await (await http.post("/about", data={**about.fields, "speak": "en"})).text())
        assert next(attrs["lang"] for attrs in about.all("html")) == "en"
        for _ in range(2):  # a reload is not another message
            await http.post("/", data=about.fields)
    assert [message.text for message in talk.got] == ["", "English"]


async def test_without_a_talk_it_leads_to_the_start_page_in_the_same_language() -> None:
    deps, talk, _ = make_deps()
    async with serving(deps) as http:
        about = Page(await (await http.post("/about", data={"lang": "en"})).text())
        back = Page(await (await http.post("/", data=about.fields)).text())
    assert next(attrs["lang"] for attrs in back.all("html")) == "en"
    assert tongues()["en"].texts["expired"] not in back.text
    assert is_token(back.fields["token"])
    assert talk.got == []


async def test_the_three_first_choices_have_a_sign_and_words() -> None:
    deps, _, _ = make_deps()
    async with serving(deps) as http:
        text = await (await http.get("/")).text()
    page = Page(text)
    firsts = [attrs["value"] for attrs in page.all("button") if attrs.get("name") == "first"]
    assert tuple(firsts) == SIGNS
    signs = page.all("svg")
    assert len(signs) == len(SIGNS)
    assert all(attrs["aria-hidden"] == "true" for attrs in signs), "the words beside it are its name"
    for sign in SIGNS:
        assert tongues()["vi"].texts[f"first_{sign}"] in page.text


@pytest.mark.parametrize("code", sorted(tongues()))
async def test_a_first_choice_is_her_first_message(code: str) -> None:
    deps, talk, _ = make_deps()
    texts = tongues()[code].texts
    async with serving(deps) as http:
        for sign in (*SIGNS, "nonsense"):
            posted = {"token": new_token(), "mid": new_message_key(), "lang": code, "act": "start", "first": sign}
            for _ in range(2):  # a double tap
                assert (await http.post("/", data=posted)).status == 200
    assert [(message.kind, message.text) for message in talk.got] == [
        (MessageKind.TEXT, texts["said_danger"]),
        (MessageKind.TEXT, texts["said_hurt"]),
        (MessageKind.START, ""),
        (MessageKind.START, ""),
    ]


@pytest.mark.parametrize("code", sorted(tongues()))
def test_what_is_said_for_her_is_understood(code: str) -> None:
    screening = Screening.load(content_files())
    texts = tongues()[code].texts
    assert screening.read(texts["said_danger"]).severity is Severity.EMERGENCY
    assert screening.read(texts["said_hurt"]).severity is Severity.STANDARD


# --- while nothing can be stored ---------------------------------------------------------------------------------------


async def test_a_choice_that_was_not_sent_can_be_sent_again_and_is_one_message() -> None:
    deps, talk, _ = make_deps()
    posted = {"token": new_token(), "mid": new_message_key(), "after": "1", "choice": "7.1", "text": "nửa câu"}
    async with serving(deps) as http:
        talk.down = True
        page = await http.post("/", data=posted)
        shown = Page(await page.text())
        assert page.status == 503
        again = next(attrs for attrs in shown.all("button") if attrs.get("name") == "choice")
        assert again["value"] == "7.1"
        assert shown.fields["mid"] == posted["mid"]
        assert tongues()["vi"].texts["not_sent_choice"] in shown.text
        assert "nửa câu" in shown.text
        talk.down = False
        for _ in range(2):
            await http.post("/", data={**shown.fields, "choice": again["value"]})
    assert [message.choice for message in talk.got] == ["7.1"]


@pytest.mark.parametrize("in_talk", [True, False])
async def test_a_code_that_was_not_sent_stays_in_its_box(in_talk: bool) -> None:
    deps, talk, _ = make_deps()
    posted = {"token": new_token(), "mid": new_message_key(), "act": "code", "code": "0123 4567 8901"}
    async with serving(deps) as http:
        talk.down = True
        page = await http.post("/", data=posted | ({"after": "3"} if in_talk else {}))
        shown = Page(await page.text())
    assert page.status == 503
    assert shown.fields["code"] == "0123 4567 8901"
    assert ("open" in shown.all("details")[0]) is True
    mids = [attrs["value"] for attrs in shown.all("input") if attrs.get("name") == "mid"]
    assert mids.count(posted["mid"]) == 1
    assert mids[-1] == posted["mid"], "the code's own form keeps the key, the other gets a new one"
    assert ("text" in shown.fields) is in_talk

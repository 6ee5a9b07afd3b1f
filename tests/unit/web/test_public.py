"""The seeker page without script and through its JSON side."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

from bot.channels.webchat import is_token, new_message_key, new_token
from bot.observe import set_up_logs
from flows.effects import Button
from handlers.model import Address, MessageKind
from handlers.seeker import ViewLine
from tests.unit.web.fakes import NUMBERS, make_deps
from tests.unit.web.serving import Page, fields, serving

JSON = {"Accept": "application/json"}


def form(token: str, **more: str) -> dict[str, str]:
    return {"token": token, "mid": new_message_key(), **more}


async def test_a_mere_look_stores_nothing_and_offers_a_fresh_token() -> None:
    deps, talk, door = make_deps()
    async with serving(deps) as http:
        first, second = await fields(await http.get("/")), await fields(await http.get("/"))
    assert is_token(first["token"])
    assert first["token"] != second["token"]
    assert talk.got == []
    assert door.asked == []


async def test_the_exit_is_first_and_the_numbers_come_before_the_talk() -> None:
    deps, _, _ = make_deps(exit_url="https://example.org/weather")
    async with serving(deps) as http:
        page = Page(await (await http.get("/")).text())
    inside = page.elements[[tag for tag, _ in page.elements].index("body") + 1 :]
    assert inside[0] == ("nav", {"class": "exit", "aria-label": "Rời trang này"})
    assert inside[1] == (
        "a",
        {"id": "exit", "href": "https://example.org/weather", "rel": "nofollow noreferrer noopener"},
    )
    tags = [(tag, attrs.get("href", "")) for tag, attrs in inside]
    calls = [index for index, (_, href) in enumerate(tags) if href.startswith("tel:")]
    assert [tags[index][1] for index in calls] == [f"tel:{line.dial}" for line in NUMBERS]
    assert max(calls) < next(index for index, (tag, _) in enumerate(tags) if tag == "form")


async def test_a_mistyped_address_shows_the_exit_the_numbers_and_the_ways_to_begin() -> None:
    deps, talk, _ = make_deps(exit_url="https://example.org/weather")
    async with serving(deps) as http:
        for path, status in (("/c", 404), ("/x/y", 404), ("/poll", 405)):
            answer = await http.get(path, headers={"Accept": "text/html,*/*"})
            page = Page(await answer.text())
            assert answer.status == status
            inside = page.elements[[tag for tag, _ in page.elements].index("body") + 1 :]
            assert inside[1][1]["href"] == "https://example.org/weather"
            calls = [attrs["href"] for attrs in page.all("a") if attrs["href"].startswith("tel:")]
            assert calls == [f"tel:{line.dial}" for line in NUMBERS]
            assert "Không có trang này." in page.text
            assert any(attrs.get("id") == "start" for attrs in page.all("form"))
            assert (await http.get(path)).content_type == "text/plain"
    assert talk.got == []


async def test_title_and_icon_say_nothing_at_any_moment() -> None:
    deps, _, _ = make_deps()
    async with serving(deps) as http:
        for page in (await http.get("/"), await http.post("/", data=form(new_token(), act="start"))):
            text = await page.text()
            assert "<title>Trang tin</title>" in text
            assert {attrs["href"] for attrs in Page(text).all("link")} == {"/icon.svg"}


async def test_the_first_answer_is_in_the_page_that_the_button_leads_to() -> None:
    deps, talk, _ = make_deps()
    async with serving(deps) as http:
        start = await fields(await http.get("/"))
        page = await http.post("/", data={"token": start["token"], "mid": start["mid"], "act": "start"})
        text = await page.text()
    assert [message.kind for message in talk.got] == [MessageKind.START]
    assert "Bạn có an toàn để nhắn tin lúc này không?" in text
    assert [button["value"] for button in Page(text).all("button") if button.get("name") == "choice"] == ["7.0", "7.1"]
    assert "Set-Cookie" not in page.headers


async def test_a_double_click_and_a_reload_are_one_message() -> None:
    deps, talk, _ = make_deps()
    posted = form(new_token(), act="say", text="có ai không")
    async with serving(deps) as http:
        await asyncio.gather(*(http.post("/", data=posted) for _ in range(3)))
    assert [message.text for message in talk.got] == ["có ai không"]


async def test_the_same_words_twice_on_purpose_are_two_messages() -> None:
    deps, talk, _ = make_deps()
    token = new_token()
    async with serving(deps) as http:
        for _ in range(2):
            await http.post("/", data=form(token, act="say", text="cứu"))
    assert len({message.message_id for message in talk.got}) == 2


async def test_neither_token_nor_anything_made_of_it_alone_is_in_the_message_id() -> None:
    deps, talk, _ = make_deps()
    token = new_token()
    async with serving(deps) as http:
        for _ in range(2):
            await http.post("/", data=form(token, act="say", text="a"))
    one, two = (message.message_id for message in talk.got)
    assert token not in one
    assert one[:8] != two[:8]


async def test_what_cannot_be_stored_is_kept_in_the_box_under_the_same_key() -> None:
    deps, talk, _ = make_deps()
    posted = form(new_token(), act="say", text="dòng một\n<b>dòng hai</b>")
    async with serving(deps) as http:
        talk.down = True
        page = await http.post("/", data=posted)
        text = await page.text()
        assert page.status == 503
        assert "dòng một\n&lt;b&gt;dòng hai&lt;/b&gt;</textarea>" in text
        assert Page(text).fields["mid"] == posted["mid"]
        assert "Chưa gửi được" in text
        assert (await http.post("/", data=posted, headers=JSON)).status == 503
        talk.down = False
        await http.post("/", data=posted)
    assert len(talk.got) == 1


async def test_a_failed_start_offers_the_same_start_again() -> None:
    deps, talk, _ = make_deps()
    posted = form(new_token(), act="start")
    async with serving(deps) as http:
        talk.down = True
        page = await http.post("/", data=posted)
        again = await fields(page)
    assert page.status == 503
    assert (again["token"], again["mid"]) == (posted["token"], posted["mid"])


async def test_a_choice_keeps_the_text_that_stood_in_the_box() -> None:
    deps, talk, _ = make_deps()
    async with serving(deps) as http:
        page = await http.post("/", data=form(new_token(), choice="7.1", text="nửa câu"))
        assert "nửa câu</textarea>" in await page.text()
    assert [(message.kind, message.choice, message.text) for message in talk.got] == [(MessageKind.CHOICE, "7.1", "")]


async def test_looking_sends_nothing_and_an_empty_text_says_so() -> None:
    deps, talk, _ = make_deps()
    token = new_token()
    async with serving(deps) as http:
        await http.post("/", data=form(token, act="start"))
        page = await http.post("/", data=form(token, act="look", text="nửa câu"))
        assert "nửa câu</textarea>" in await page.text()
        page = await http.post("/", data=form(token, act="say", text="  \n "))
        assert "Bạn chưa viết gì" in await page.text()
    assert [message.kind for message in talk.got] == [MessageKind.START]


async def test_a_page_behind_which_nobody_talks_any_more_is_the_start_page() -> None:
    deps, talk, _ = make_deps()
    token = new_token()
    async with serving(deps) as http:
        page = await http.post("/", data=form(token, act="look", after="3", text="nửa câu"))
        text = await page.text()
    assert talk.got == []
    assert "Cuộc nhắn này đã đóng" in text
    assert "nửa câu" not in text
    assert is_token(Page(text).fields["token"])
    assert Page(text).fields["token"] != token


async def test_a_code_and_a_point_arrive_as_what_they_are() -> None:
    deps, talk, _ = make_deps()
    async with serving(deps) as http:
        await http.post("/", data=form(new_token(), act="code", code="1234 5678 9012"))
        await http.post("/", data=form(new_token(), act="location", lat="22.39", lon="103.45"))
        for lat, lon in (("nan", "1"), ("91", "0"), ("a", "b"), ("inf", "0"), ("", "")):
            await http.post("/", data=form(new_token(), act="location", lat=lat, lon=lon))
    assert [(message.kind, message.text, message.point) for message in talk.got] == [
        (MessageKind.CODE, "1234 5678 9012", None),
        (MessageKind.LOCATION, "", (22.39, 103.45)),
    ]


async def test_a_hundred_thousand_characters_arrive_whole() -> None:
    deps, talk, _ = make_deps()
    text = "ế" * 100_000
    async with serving(deps) as http:
        page = await http.post("/", data=form(new_token(), act="say", text=text))
    assert page.status == 200
    assert talk.got[0].text == text


async def test_more_than_that_is_refused_in_words() -> None:
    deps, talk, _ = make_deps()
    async with serving(deps) as http:
        body = io.BytesIO(f"token={new_token()}&act=say&text={'x' * 2_100_000}".encode())
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        page = await http.post("/", data=body, headers=kind)
        assert page.status == 413
        assert "dài quá" in await page.text()
    assert talk.got == []


async def test_strange_characters_do_no_harm() -> None:
    deps, talk, _ = make_deps()
    token = new_token()
    wild = "😀\u202eabc\u0000d\u200d\r\ne\ufeff"
    raw = f"token={token}&mid=abcdefgh1&act=say&text=".encode() + b"%FF%C0 \xff x%ED%A0%80"
    async with serving(deps) as http:
        await http.post("/", data=form(token, act="say", text=wild))
        sent = await http.post("/", data=raw, headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert sent.status == 200
    assert talk.got[0].text == "😀\u202eabcd\u200d\ne\ufeff"
    talk.got[1].text.encode("utf-8")


async def test_broken_requests_get_a_calm_answer() -> None:
    deps, talk, _ = make_deps()
    async with serving(deps) as http:
        for request in (
            http.post("/", data=b"x", headers={"Content-Type": "image/png"}),
            http.post("/", data={f"f{number}": "x" for number in range(200)}),
            http.post("/poll", data={"token": "short"}),
            http.post("/", data=form("short", text="a"), headers=JSON),
        ):
            assert (await request).status == 400
        expired = await http.post("/", data=form("short", text="a"))
        assert expired.status == 200
        assert "Cuộc nhắn này đã đóng" in await expired.text()
    assert talk.got == []


async def test_other_sites_cannot_post_for_her() -> None:
    deps, talk, _ = make_deps()
    async with serving(deps) as http:
        for site in ("cross-site", "same-site", "nonsense"):
            sent = await http.post("/", data=form(new_token(), act="start"), headers={"Sec-Fetch-Site": site})
            assert sent.status == 403
    assert talk.got == []


async def test_a_waiting_page_hears_of_an_answer_at_once() -> None:
    deps, talk, _ = make_deps(poll_s=20.0, look_s=20.0)
    token = new_token()
    async with serving(deps) as http:
        await http.post("/", data=form(token, act="start"))
        waiting = asyncio.create_task(http.post("/poll", data={"token": token, "after": "1"}))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        talk.add(Address("web", token), ViewLine(seq=0, who="person", text="Chào bạn."))
        seen = await (await asyncio.wait_for(waiting, 3)).json()
    assert [(line["seq"], line["who"], line["text"]) for line in seen["lines"]] == [(2, "person", "Chào bạn.")]


async def test_a_lost_ring_costs_a_moment_only() -> None:
    deps, talk, _ = make_deps(poll_s=20.0, look_s=0.1)
    token = new_token()
    async with serving(deps) as http:
        waiting = asyncio.create_task(http.post("/poll", data={"token": token, "after": "0"}))
        await asyncio.sleep(0.05)
        talk.lines[Address("web", token)].append(ViewLine(seq=1, who="bot", text="x"))
        assert (await (await asyncio.wait_for(waiting, 3)).json())["lines"]


async def test_nothing_new_ends_the_wait_empty() -> None:
    deps, _, _ = make_deps(poll_s=0.1)
    async with serving(deps) as http:
        assert (await (await http.post("/poll", data={"token": new_token()})).json())["lines"] == []


async def test_a_token_sees_its_own_talk_only() -> None:
    deps, _, _ = make_deps(poll_s=0.05)
    mine, other = new_token(), new_token()
    async with serving(deps) as http:
        await http.post("/", data=form(mine, act="say", text="canary-của-tôi"))
        theirs = await http.post("/poll", data={"token": other})
        page = await http.post("/", data=form(other, act="look"))
        assert "canary" not in await theirs.text() + await page.text()


async def test_the_open_question_survives_a_waiting_line_but_not_her_answer() -> None:
    deps, talk, _ = make_deps()
    token = new_token()
    address = Address("web", token)
    async with serving(deps) as http:
        await http.post("/", data=form(token, act="start"))
        talk.add(address, ViewLine(seq=0, who="bot", text="Đang gọi người trực."))
        assert 'value="7.0"' in await (await http.post("/", data=form(token, act="look"))).text()
        talk.add(address, ViewLine(seq=0, who="me", text="có"))
        assert 'value="7.0"' not in await (await http.post("/", data=form(token, act="look"))).text()


async def test_after_stop_only_our_last_words_stay_on_the_page() -> None:
    deps, talk, _ = make_deps()
    token = new_token()
    talk.answer = lambda message: (
        ViewLine(seq=0, who="bot", text="Đã dừng." if message.text == "dừng" else "canary-bot"),
    )
    async with serving(deps) as http:
        await http.post("/", data=form(token, act="say", text="canary-tôi"))
        talk.over = True
        text = await (await http.post("/", data=form(token, act="say", text="dừng"))).text()
    assert "Đã dừng." in text
    assert "canary" not in text


async def test_our_last_words_reach_a_page_that_counts_further_than_the_new_talk() -> None:
    deps, talk, _ = make_deps()
    token = new_token()
    talk.answer = lambda message: ()
    async with serving(deps) as http:
        await http.post("/", data=form(token, act="say", text="canary"))
        talk.lines.clear()  # erased: the numbers begin anew, below what the page has seen
        talk.over = True
        talk.add(Address("web", token), ViewLine(seq=0, who="bot", text="Đã ẩn."))
        seen = await (await http.post("/poll", data=form(token, after="9", over="0"))).json()
        assert [line["text"] for line in seen["lines"]] == ["Đã ẩn."]
        seen = await (await http.post("/", headers=JSON, data=form(token, after="9", over="0", text="x"))).json()
        assert [line["text"] for line in seen["lines"]] == ["Đã ẩn.", "x"]
        talk.over = False  # she writes again
        seen = await (await http.post("/poll", data=form(token, after="9", over="1"))).json()
        assert [line["text"] for line in seen["lines"]] == ["Đã ẩn.", "x"]
        assert (await (await http.post("/poll", data=form(token, after="9", over="0"))).json())["lines"] == []


async def test_the_exit_ends_her_stay_on_the_server() -> None:
    deps, talk, _ = make_deps()
    token = new_token()
    async with serving(deps) as http:
        await http.post("/", data=form(token, act="say", text="canary"))
        left = await http.post("/exit", data={"token": token})
        assert left.status == 204
        assert "Clear-Site-Data" in left.headers
        assert (await http.post("/exit", data={"token": "nonsense"})).status == 204
        assert "canary" not in await (await http.post("/", data=form(token, act="look"))).text()
    assert talk.left == [Address("web", token)]


async def test_known_numbers_can_be_tapped_and_others_stay_text() -> None:
    deps, talk, _ = make_deps()
    talk.answer = lambda message: (ViewLine(seq=0, who="bot", text="Gọi 113, không phải 1134 hay 0113."),)
    async with serving(deps) as http:
        page = Page(await (await http.post("/", data=form(new_token(), act="start"))).text())
    inside = [attrs["href"] for attrs in page.all("a") if attrs.get("href", "").startswith("tel:")]
    assert inside == [*(f"tel:{line.dial}" for line in NUMBERS), "tel:113"]


async def test_without_script_a_location_button_is_not_offered_but_with_it_can_be() -> None:
    deps, talk, _ = make_deps()
    asking = ViewLine(seq=0, who="bot", text="Ở đâu?", buttons=(Button("Bỏ qua", "1.0"),), wants_location=True)
    talk.answer = lambda message: (asking,)
    async with serving(deps) as http:
        page = Page(await (await http.post("/", data=form(new_token(), act="start"))).text())
    place = next(attrs for attrs in page.all("button") if attrs.get("id") == "place")
    assert "hidden" in place
    assert "data-off" not in place


async def test_health() -> None:
    deps, _, door = make_deps()
    async with serving(deps) as http:
        assert (await http.get("/healthz")).status == 200
        assert (await http.get("/readyz")).status == 200
        door.down = True
        assert (await http.get("/healthz")).status == 200
        assert (await http.get("/readyz")).status == 503


async def test_a_program_error_shows_and_logs_nothing_of_what_was_written(capsys: Any) -> None:
    async def receive(message: object) -> None:
        raise RuntimeError("canary-lỗi")

    set_up_logs("info")  # whatever another test has set up
    deps, _, _ = make_deps(receive=receive)
    async with serving(deps) as http:
        page = await http.post("/", data=form(new_token(), act="say", text="canary-chữ"))
        assert page.status == 500
        assert "canary" not in await page.text()
    shown = capsys.readouterr()
    assert "RuntimeError" in shown.out + shown.err
    assert "canary" not in shown.out + shown.err


async def test_the_json_side_carries_no_more_than_the_page() -> None:
    deps, _, _ = make_deps()
    async with serving(deps) as http:
        seen = json.loads(await (await http.post("/", data=form(new_token(), act="start"), headers=JSON)).text())
    assert set(seen) == {"human", "over", "lines", "spoke", "turn"}
    assert set(seen["lines"][0]) == {"seq", "who", "text", "buttons", "wants_location", "audio", "lang"}

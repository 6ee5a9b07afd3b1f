"""The main job, end to end: a message comes in, the card goes out, the desk rings, a human talks with her, the flow goes on."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from handlers.model import EscalationState, OutboxState
from tests.e2e.harness import Page, eventually, program

EMERGENCY = {
    "accented": "Cứu em với, chồng em đang cầm dao đuổi em",
    "unaccented": "cuu em voi, chong em dang cam dao duoi em",
}
CARD = "113"


@pytest.mark.parametrize("spelling", EMERGENCY)
async def test_an_emergency_on_the_page_gets_the_card_at_once_and_a_human_soon(tmp_path: Path, spelling: str) -> None:
    async with program(tmp_path) as running:
        page = Page(running)
        await page.begin()
        await page.sees("máy")
        started = time.monotonic()
        assert await page.types(EMERGENCY[spelling]) == 200
        await page.sees(CARD)
        card = await running.rings()
        assert time.monotonic() - started < 10  # the target is 2 s; benchmarks measure it
        assert card.severity == "emergency"
        assert card.state is EscalationState.RINGING

        await running.claim(card)
        await page.sees("Hoa")
        await running.reply(card.case_code, "Chị đây, em có đang ở chỗ an toàn không?")
        line = await page.sees("chỗ an toàn không")
        assert line["who"] == "person"

        before = len(page.lines)
        await page.types("em trốn sau bếp")
        view = await running.open_case(card.case_code)
        assert any(line.text == "em trốn sau bếp" for line in view.lines)
        assert view.state is EscalationState.OWING
        await asyncio.sleep(0.3)
        assert [
            line for line in page.lines[before:] if line["who"] == "bot"
        ] == []  # the bot is silent while a human talks

        await running.reply(card.case_code, "Chị nghe em.")
        await running.close(card.case_code)
        await page.sees("Chị nghe em.")
        closed_at = len(page.lines)
        await page.looks()
        assert any(line["who"] == "bot" and line["buttons"] for line in page.lines[before:]), page.lines[closed_at:]
        assert (await running.queue()).cards == ()


async def test_the_same_on_telegram(tmp_path: Path) -> None:
    async with program(tmp_path) as running:
        phone = running.telegram
        phone.types(7, "/start")
        await eventually(lambda: any("máy" in message.text for message in phone.of(7)))
        phone.types(7, EMERGENCY["unaccented"])
        await eventually(lambda: any(CARD in message.text for message in phone.of(7)[1:]))
        card = await running.rings()
        await running.claim(card)
        await running.reply(card.case_code, "Chị đây, chị đọc được tin của em.")
        await eventually(lambda: any("Chị đây" in message.text for message in phone.of(7)))
        view = await running.open_case(card.case_code)
        sent = [line for line in view.lines if line.text.startswith("Chị đây")]
        await eventually(lambda: _delivered(running, card.case_code, sent[0].seq))
        await running.close(card.case_code)
        await eventually(lambda: phone.of(7)[-1].buttons or "máy" in phone.of(7)[-1].text)
        assert phone.violations == []
        assert phone.worst_in_flight == 1
        await eventually(lambda: phone.unconfirmed() == 0)


async def _delivered(running, code: str, seq: int) -> bool:
    view = await running.open_case(code)
    return any(line.seq == seq and line.delivery is OutboxState.SENT for line in view.lines)


async def test_a_counsellor_sees_no_word_before_she_has_agreed(tmp_path: Path) -> None:
    async with program(tmp_path) as running:
        page = Page(running)
        await page.begin()
        await page.types("tháng trước chồng em bóp cổ em, giờ em vẫn ở chung nhà với anh ấy")
        card = await running.rings()
        assert card.severity == "urgent"
        view = await running.open_case(card.case_code)
        assert not view.readable
        assert view.lines == ()
        assert view.summary.signs == ()


async def test_stop_is_obeyed_and_an_urgent_case_keeps_ringing(tmp_path: Path) -> None:
    async with program(tmp_path) as running:
        page = Page(running)
        await page.begin()
        await page.types(EMERGENCY["accented"])
        await running.rings()
        await page.types("dừng")
        await page.looks()
        said = len(page.lines)
        card = (await running.queue()).cards[0]
        assert card.retracted
        assert card.state is EscalationState.RINGING
        running.clock.move(minutes=6)
        await running.wake()
        await asyncio.sleep(0.5)
        await page.looks()
        assert len(page.lines) == said  # her side is quiet


async def test_a_late_answer_is_held_and_comes_when_she_writes_again(tmp_path: Path) -> None:
    async with program(tmp_path) as running:
        phone = running.telegram
        phone.types(9, EMERGENCY["accented"])
        card = await running.rings()
        await running.claim(card)
        await eventually(lambda: any("Hoa" in message.text for message in phone.of(9)))
        running.clock.move(minutes=20)
        await running.reply(card.case_code, "Em còn đó không?")
        await eventually(lambda: _state(running, card.case_code, "Em còn đó không?", OutboxState.HELD))
        assert not any("còn đó" in message.text for message in phone.of(9))
        phone.types(9, "em đây")
        await eventually(lambda: any("còn đó" in message.text for message in phone.of(9)))


async def _state(running, code: str, text: str, state: OutboxState) -> bool:
    view = await running.open_case(code)
    return any(line.text == text and line.delivery is state for line in view.lines)


async def test_after_a_long_silence_she_is_greeted_like_anybody(tmp_path: Path) -> None:
    async with program(tmp_path) as running:
        phone = running.telegram
        phone.types(11, "chào")
        await eventually(lambda: bool(phone.of(11)) and bool(phone.of(11)[-1].buttons))
        greeting = [message.text for message in phone.of(11)]
        phone.types(11, EMERGENCY["accented"])
        card = await running.rings()
        await running.claim(card)
        await running.reply(card.case_code, "Chị đang nghe.")
        await eventually(lambda: any("Chị đang nghe" in message.text for message in phone.of(11)))
        before = len(phone.of(11))
        running.clock.move(minutes=45)
        phone.types(11, "chào")
        await eventually(lambda: len(phone.of(11)) >= before + len(greeting))
        assert [message.text for message in phone.of(11)[before:]] == greeting
        view = await running.open_case(card.case_code)
        assert view.lines[-1 - len(greeting)].text == "chào"


@pytest.mark.parametrize("probe", ["Vợ tôi có nhắn tin cho bên này không?", "cho toi xin dia chi nha tam lanh"])
async def test_who_asks_after_somebody_sees_what_anybody_sees_and_a_human_is_called(tmp_path: Path, probe: str) -> None:
    async with program(tmp_path) as running:
        calm, asking = Page(running), Page(running)
        for page, text in ((calm, "hôm nay trời đẹp quá"), (asking, probe)):
            await page.begin()
            await page.sees("máy")
            assert await page.types(text) == 200
        card = await running.rings()
        assert (card.severity, card.category) == ("urgent", "perpetrator_probe")
        await asyncio.sleep(0.5)
        for page in (calm, asking):
            await page.looks()
        shown = [
            [
                (line["text"], [button["label"] for button in line["buttons"]])
                for line in page.lines
                if line["who"] != "me"
            ]
            for page in (calm, asking)
        ]
        assert len(shown[0]) >= 2  # the greeting, and what answers a text that fits no question
        assert shown[1] == shown[0]

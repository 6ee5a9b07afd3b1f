"""Bad input of every kind gets a clear answer; the person's text is kept and nothing is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.config import Config
from bot.wiring import hold_lock
from handlers.errors import BinhAnError, StorageUnavailable
from handlers.inbound import Inbound
from handlers.model import Address, MessageKind
from storage.door import SqliteDoor
from tests.e2e.harness import Page, eventually, program

ODD_TEXTS = {
    "long": "chồng em đánh em " * 6000,
    "emoji": "😢😢😢🔪",
    "right to left": "\u202eem cần giúp\u202c",
    "nul": "em\x00 cần\x00 giúp",
    "lone surrogate by escape": "\\ud800",
    "html": "<script>alert(1)</script>",
    "braces": "{name} {line.police} {{}}",
}


@pytest.mark.parametrize("kind", ODD_TEXTS)
async def test_odd_texts_are_kept_whole_and_answered(tmp_path: Path, kind: str) -> None:
    async with program(tmp_path) as running:
        phone = running.telegram
        phone.types(5, "gặp người")  # so that a human may read along
        await eventually(lambda: bool(phone.of(5)))
        phone.types(5, ODD_TEXTS[kind])
        seen = len(phone.of(5))
        await eventually(lambda: phone.unconfirmed() == 0)
        await eventually(lambda: len(phone.of(5)) >= seen)
        await eventually(lambda: _kept(running, ODD_TEXTS[kind]))
        assert phone.violations == []


async def _kept(running, text: str) -> bool:
    def read(uow):
        contact = uow.contacts.find(Address("tg", "5"))
        cases = uow.cases.all_of(contact.uid) if contact else []
        shown = uow.lines.shown_to_seeker([case.uid for case in cases], None)
        return [line.text for line in uow.lines.load([uid for _, uid in shown]).values()]

    return text in await running.service.storage.door.read(read)


async def test_one_message_posted_five_times_is_one(tmp_path: Path) -> None:
    async with program(tmp_path) as running:
        page = Page(running)
        await page.begin()
        results = await asyncio.gather(*(page.types("em cần giúp với ạ", mid="same-key-0001") for _ in range(5)))
        assert results == [200] * 5
        await page.looks()
        assert [line["text"] for line in page.lines if line["who"] == "me"].count("em cần giúp với ạ") == 1


async def test_a_double_press_advances_once_and_a_stale_button_says_so(tmp_path: Path) -> None:
    async with program(tmp_path) as running:
        phone = running.telegram
        phone.types(6, "/start")
        await eventually(lambda: any(message.buttons for message in phone.of(6)))
        first = next(message for message in phone.of(6) if message.buttons)
        data = first.buttons[0][1]
        phone.presses_data(6, data)
        phone.presses_data(6, data)
        await eventually(lambda: phone.unconfirmed() == 0)
        await eventually(lambda: len([message for message in phone.of(6) if message.buttons]) >= 3)
        with_buttons = [message for message in phone.of(6) if message.buttons]
        assert with_buttons[-1].buttons == with_buttons[-2].buttons or with_buttons[-1].text == with_buttons[-2].text


async def test_what_the_bot_cannot_read_is_a_person(tmp_path: Path) -> None:
    async with program(tmp_path) as running:
        phone = running.telegram
        phone.sends(8, voice={"file_id": "x", "duration": 3})
        await eventually(lambda: bool(phone.of(8)))
        phone.sends(8, sticker={"file_id": "y"})
        await eventually(lambda: len(phone.of(8)) > 1)


async def test_a_message_that_cannot_be_handled_is_read_by_a_human(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    through = Inbound._through_the_flow

    def broken(self, turn, message, verdict):
        if "hỏng" in message.text:
            raise RuntimeError("a bug of ours")
        return through(self, turn, message, verdict)

    monkeypatch.setattr(Inbound, "_through_the_flow", broken)
    async with program(tmp_path) as running:
        page = Page(running)
        await page.begin()
        await page.types("máy hỏng rồi, giúp em")
        running.clock.move(seconds=1)
        await running.wake()
        card = await running.rings()
        await page.sees("113")
        await running.claim(card)
        view = await running.open_case(card.case_code)
        assert any(line.text == "máy hỏng rồi, giúp em" for line in view.lines)
        await running.reply(card.case_code, "Chị đọc được rồi.")
        await page.sees("Chị đọc được rồi.")


async def test_when_nothing_can_be_stored_the_platform_is_told_and_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with program(tmp_path) as running:
        page, phone = Page(running), running.telegram
        await page.begin()
        run = SqliteDoor.run
        full = True

        async def sometimes(self, operation, item):
            if full and getattr(operation, "failpoint", "") == "accept":
                raise StorageUnavailable("disk full")
            return await run(self, operation, item)

        monkeypatch.setattr(SqliteDoor, "run", sometimes)
        assert await page.types("em cần giúp", mid="kept-by-the-page") == 503
        phone.types(4, "chào")
        await asyncio.sleep(0.3)
        assert phone.unconfirmed() == 1  # not confirmed: Telegram will bring it again
        full = False
        assert await page.types("em cần giúp", mid="kept-by-the-page") == 200
        await eventually(lambda: phone.unconfirmed() == 0 and bool(phone.of(4)))


async def test_a_second_start_on_the_same_data_is_refused_in_words(tmp_path: Path) -> None:
    with hold_lock(Config(var=tmp_path)), pytest.raises(BinhAnError, match="Another `serve` is running"):
        hold_lock(Config(var=tmp_path))


def test_every_kind_of_message_is_known() -> None:
    assert {kind.value for kind in MessageKind} == {
        "text", "choice", "location", "start", "unsupported", "blocked", "code", "joined", "withdrawn", "withheld", "edited",
    }  # fmt: skip

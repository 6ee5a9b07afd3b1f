"""A call for help on every surface at once: desk page, Zalo Bot, pager; taken on one, known on all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from handlers import alarms
from handlers.accounts import OfferCode, offer_code
from tests.contract.platforms import secret_file
from tests.e2e.harness import Page, Program, eventually, program
from tests.fakes import pager as fake_pager
from tests.fakes import zalo_bot
from tests.fakes.pager import FakePager
from tests.fakes.road import EMERGENCY
from tests.fakes.zalo_bot import FakeZaloBot

HOA = "0a0a0a0a0a0a0a0a0a0a"
LAN = "0b0b0b0b0b0b0b0b0b0b"


@asynccontextmanager
async def staffed(tmp_path: Path) -> AsyncIterator[tuple[Program, FakeZaloBot, FakePager]]:
    bot, gateway = await FakeZaloBot().start(), await FakePager().start()
    channel: dict[str, Any] = {
        "name": "zb", "platform": "zalo-bot", "token": secret_file(tmp_path, "zalo-bot-token", zalo_bot.TOKEN),
        "base_url": bot.base_url, "poll_timeout_s": 1, "staff_pages": True,
    }  # fmt: skip
    pager = {"url": gateway.url, "secret": secret_file(tmp_path, "pager", fake_pager.SECRET)}
    try:
        async with program(tmp_path, channels=[channel], pager=pager) as running:
            yield running, bot, gateway
    finally:
        await bot.stop()
        await gateway.stop()


async def bind(running: Program, bot: FakeZaloBot, name: str, who: str) -> None:
    code = await running.service.storage.door.run(offer_code, OfferCode(name=name))
    await bot.types(who, f"gắn {code}")
    await eventually(lambda: any("nhận được báo ca" in one.text for one in bot.of(who)), what="bound")


def shown(bot: FakeZaloBot, who: str, text: str) -> Any:
    return lambda: any(text in one.text for one in bot.of(who))


async def test_a_call_reaches_every_surface_and_is_taken_on_one(tmp_path: Path) -> None:
    async with staffed(tmp_path) as (running, bot, gateway):
        await bind(running, bot, "tuvan", HOA)
        await bind(running, bot, "giamsat", LAN)
        page = Page(running)
        await page.types(EMERGENCY)
        card = await running.rings()
        await eventually(shown(bot, HOA, card.case_code), what="the call on her phone")
        assert not shown(bot, LAN, card.case_code)(), "the supervisor is not called yet"
        await eventually(lambda: bool(gateway.of("call")))
        assert gateway.of("call")[0]["staff"] == "tuvan"
        assert EMERGENCY not in repr(gateway.taken)
        assert EMERGENCY not in repr(bot.sent)
        await bot.types(HOA, f"nhận {card.case_code.lower().replace('-', '')}")
        await eventually(shown(bot, HOA, "là của bạn"))
        await bot.types(LAN, f"Nhận {card.case_code}")
        await eventually(shown(bot, LAN, "đã nhận"), what="the other is told who has it")
        await page.sees("một người thật")
        assert (await running.queue()).cards[0].mine
        await bot.types(HOA, "nhận XX-0000")
        await eventually(shown(bot, HOA, "Không có ca nào như vậy"))
        await bot.types(HOA, "ok")
        await eventually(shown(bot, HOA, "Ở đây bạn gõ được"))
        assert bot.violations == []
        assert gateway.violations == []
        contact = await running.service.storage.door.read(lambda uow: uow.contacts.find(_address(HOA)))
        assert contact is None, "what staff write there makes nobody a seeker"


def _address(who: str) -> Any:
    from handlers.model import Address

    return Address("zb", who)


async def test_a_seeker_on_the_same_bot_is_a_seeker_also_when_she_guesses_a_code(tmp_path: Path) -> None:
    async with staffed(tmp_path) as (_, bot, _gateway):
        await bot.types("c" * 20, "gắn 1234 5678")
        await eventually(shown(bot, "c" * 20, "Bạn đang nhắn với máy"), what="a greeting")


async def test_a_call_nobody_gets_is_said_to_the_operator(tmp_path: Path) -> None:
    async with staffed(tmp_path) as (running, bot, gateway):
        await bind(running, bot, "tuvan", HOA)
        bot.away = True
        gateway.faults.extend(["500"] * 200)
        await Page(running).types(EMERGENCY)
        await running.rings()
        running.clock.move(seconds=61)
        running.service.timers._watched_at = float("-inf")
        await running.wake()

        async def alarmed() -> bool:
            standing = await running.service.storage.door.read(alarms.ringing)
            return [one.code for one in standing] == [alarms.NOBODY_PAGED]

        await eventually(alarmed)
        assert [one.code for one in (await running.queue()).alarms] == [alarms.NOBODY_PAGED]
        gateway.faults.clear()
        await eventually(lambda: bool(gateway.of("alarm")), within_s=40)

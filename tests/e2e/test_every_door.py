"""The same talk through every door of one running service, with the same outcome; the group and the desk show it together."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import load_config
from bot.running import run_service
from bot.wiring import open_service
from handlers.accounts import OfferCode, offer_code
from handlers.model import Address, Case, Direction, EscalationState
from handlers.ports import UnitOfWork
from tests.e2e.harness import Page, Program, eventually, program
from tests.fakes.__main__ import GROUP, Hand, Platforms, main
from tests.fakes.phones import CannotDo, GroupPhone, Phone, Seen, TelegramPhone, ZaloBotPhone, ZaloOaPhone
from tests.fakes.road import EMERGENCY
from tests.fakes.sounds import adts, amr, opus, picture
from tests.fakes.telegram import TOKEN, FakeTelegram

DOORS = ("telegram", "zalo", "zalo-bot", "web")
TALK = (
    ("types", "chào"),
    ("presses", "Có"),
    ("presses", "Bỏ qua"),
    ("presses", "Tìm nơi giúp"),
    ("presses", "Nhờ người trực liên hệ thay"),
    ("types", "cho o tam"),
    ("presses", "Có"),
    ("presses", "Chỉ nói tôi cần gì"),
    ("types", EMERGENCY),
)
QUIET_S = 0.5


@dataclass
class PagePhone:
    """A phone with the seeker page open."""

    page: Page
    name: str = "web"

    def shows(self) -> list[Seen]:
        return [
            Seen(line["text"], tuple(button["label"] for button in line["buttons"]))
            for line in self.page.lines
            if line["who"] != "me"
        ]

    async def types(self, text: str) -> None:
        assert await self.page.types(text) == 200

    async def presses(self, label: str) -> None:
        assert await self.page.presses(label) == 200

    async def look(self) -> None:
        await self.page.looks()


@dataclass
class Doors:
    """The service with every door open."""

    running: Program
    platforms: Platforms
    phones: dict[str, Any] = field(default_factory=dict)

    async def settled(self, phone: Any, before: int) -> None:
        """Something new has come, and nothing more comes."""
        seen = [before, before]

        async def quiet() -> bool:
            if isinstance(phone, PagePhone):
                await phone.look()
            seen.append(len(phone.shows()))
            steady = seen[-1] > before and seen[-1] == seen[-2]
            await asyncio.sleep(QUIET_S if steady or seen[-1] > before else 0.02)
            return steady and len(phone.shows()) == seen[-1]

        await eventually(quiet, what=f"{phone.name}: an answer after {before} messages", within_s=20.0)

    async def plays(self, phone: Any, talk: tuple[tuple[str, str], ...]) -> None:
        asked_at = 0
        for act, what in talk:
            if act == "presses":  # a platform that takes one message a second may still be bringing the question
                await eventually(partial(_offers, phone, what, asked_at), what=f"{phone.name}: {what}", within_s=20.0)
            before = asked_at = len(phone.shows())
            await getattr(phone, act)(what)
            await self.settled(phone, before)

    async def reads(self, phone: Any, words: str) -> bool:
        """Whether these words have come to the phone."""
        if isinstance(phone, PagePhone):
            await phone.look()
        return any(words in one.text for one in phone.shows())

    async def case_of(self, name: str) -> Case:
        platform_id = {
            "telegram": str(self.phones["telegram"].chat),
            "zalo": self.phones["zalo"].who,
            "zalo-bot": self.phones["zalo-bot"].who,
            "web": self.phones["web"].page.token,
        }[name]

        def read(uow: UnitOfWork) -> Case:
            contact = uow.contacts.find(Address(name, platform_id))
            assert contact is not None
            return uow.cases.all_of(contact.uid)[-1]

        return await self.running.service.storage.door.read(read)

    async def said(self, case: Case) -> list[str]:
        """What we said in this case, in order."""

        def read(uow: UnitOfWork) -> list[str]:
            lines = uow.lines.of_case(case.uid)
            return [line.text for line in lines if line.direction is Direction.OUT]

        return await self.running.service.storage.door.read(read)

    async def state(self, case: Case) -> EscalationState | None:
        def read(uow: UnitOfWork) -> EscalationState | None:
            found = uow.escalations.open_of([case.uid]).get(case.uid)
            return found.state if found is not None else None

        return await self.running.service.storage.door.read(read)


def _offers(phone: Any, label: str, since: int) -> bool:
    """Can this be pressed under a message that came after the first `since`, or be named as one of its numbered lines?"""
    return any(label in (one.buttons or one.text) for one in phone.shows()[since:])


@asynccontextmanager
async def every_door(tmp_path: Path) -> AsyncIterator[Doors]:
    platforms = await Platforms().start()
    written = yaml.safe_load("\n".join(platforms.written(tmp_path)))
    try:
        async with program(tmp_path, telegram=platforms.telegram, **written) as running:
            platforms.zalo.webhook = f"{running.base}/webhooks/zalo-oa/zalo"
            platforms.zalo.clock = lambda: running.clock().timestamp()
            held: dict[str, Any] = dict(platforms.phones())
            held["web"] = PagePhone(Page(running))
            yield Doors(running, platforms, held)
            await asyncio.gather(*platforms.zalo._tasks, return_exceptions=True)
    finally:
        await platforms.stop()


async def bind(doors: Doors, name: str, phone: GroupPhone) -> None:
    code = await doors.running.service.storage.door.run(offer_code, OfferCode(name=name))
    before = len(phone.shows())
    await phone.types(f"gắn {code}")
    await eventually(lambda: len(phone.shows()) > before)


async def test_the_same_talk_ends_alike_on_every_channel_and_in_the_group_and_at_the_desk(tmp_path: Path) -> None:
    async with every_door(tmp_path) as doors:
        hoa: GroupPhone = doors.phones["g1"]
        await bind(doors, "tuvan", hoa)
        await asyncio.gather(*(doors.plays(doors.phones[name], TALK) for name in DOORS))
        cases = {name: await doors.case_of(name) for name in DOORS}
        await doors.running.rings(4)

        # The same outcome: what was said, what is known, how it rings.
        first = cases["web"]
        for name, case in cases.items():
            assert await doors.said(case) == await doors.said(first), name
            assert (case.severity, case.category) == (first.severity, first.category), name
            assert case.summary == first.summary, name
            assert await doors.state(case) is EscalationState.RINGING, name
            assert any("113" in one.text for one in doors.phones[name].shows()), f"{name}: the numbers"

        # The group and the desk show the same cases at the same time, without a word of them.
        def paged() -> set[str]:
            return {code for code in codes if any(code in one.text for one in hoa.shows())}

        codes = {case.code for case in cases.values()}
        assert {card.case_code for card in (await doors.running.queue()).cards} == codes
        await eventually(lambda: paged() == codes, what=f"pages for {codes} in the group", within_s=30.0)
        assert not any("dao" in one.text for one in hoa.shows())

        # Taken in the group, it is taken at the desk; the answer reaches the phone, whichever it is.
        await hoa.presses("Nhận ca")

        async def mine() -> list[str]:
            return [card.case_code for card in (await doors.running.queue()).cards if card.mine]

        await eventually(mine, what="the desk shows what was taken in the group")
        for name, case in cases.items():
            if case.code not in await mine():
                (card,) = [one for one in (await doors.running.queue()).cards if one.case_code == case.code]
                await doors.running.claim(card)
            await doors.running.reply(case.code, f"Chị đây, {name}.")
            await eventually(partial(doors.reads, doors.phones[name], f"Chị đây, {name}."), what=f"{name} reads it")
        await eventually(
            lambda: sum("đã nhận" in one.text for one in hoa.shows()) == len(codes),
            what="the group says of each who has it",
            within_s=40.0,
        )
        for fake in (doors.platforms.telegram, doors.platforms.zalo, doors.platforms.zalo_bot, doors.platforms.pager):
            assert fake.violations == []


async def test_with_only_a_token_in_the_configuration_the_bot_answers(tmp_path: Path) -> None:
    fake = await FakeTelegram().start()
    token, config = tmp_path / "token", tmp_path / "config.yaml"
    token.write_text(TOKEN)
    config.write_text(
        f"var: data\nchannels:\n  - {{name: tg, platform: telegram, token: 'file:{token}', base_url: '{fake.base_url}'}}\n"
    )
    phone = TelegramPhone(fake)
    try:
        async with open_service(load_config(config), demo=False, clock=lambda: datetime.now(UTC)) as service:
            running = asyncio.create_task(run_service(service, "127.0.0.1", 0, asyncio.Event()))
            try:
                await phone.types("/start")
                await eventually(lambda: any("Có" in one.buttons for one in phone.shows()), what="the first question")
                await phone.presses("Có")
                before = len(phone.shows())
                await eventually(lambda: len(phone.shows()) > before, what="the next one")
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    finally:
        await fake.stop()
    assert fake.violations == []


async def test_what_a_picture_and_a_voice_note_are_is_the_same_through_every_door_that_has_them(tmp_path: Path) -> None:
    voices = {"telegram": opus(), "zalo": amr(), "zalo-bot": adts()}
    async with every_door(tmp_path) as doors:
        for name, voice in voices.items():
            phone: Phone = doors.phones[name]
            await doors.plays(phone, (("types", EMERGENCY),))
            await phone.sends_file(picture(), voice=False)
            await phone.sends_file(voice, voice=True)
            case = await doors.case_of(name)

            async def kept(case: Case = case) -> bool:
                found = await doors.running.service.storage.door.read(lambda uow: uow.media.of_case(case.uid))
                return sorted(one.mime.partition("/")[0] for one in found) == ["audio", "image"]

            await eventually(kept, what=f"{name}: both kept", within_s=40.0)


# --- by hand -----------------------------------------------------------------------------------------------------------------


async def test_a_hand_in_the_terminal_holds_every_phone(tmp_path: Path) -> None:
    async with every_door(tmp_path) as doors:
        hand = Hand(doors.platforms)
        told: list[str] = []

        async def hears(text: str) -> None:
            async def heard() -> bool:
                told.extend(hand.news())
                return any(text in one for one in told)

            await eventually(heard, what=f"{text!r} in the terminal")
            told.clear()

        for letter, name in (("t", "telegram"), ("o", "zalo"), ("b", "zalo-bot")):
            assert name in await hand.does(letter)
            await hand.does("chào")
            await hears(f"{name} < ")
        await hand.does("t")
        await eventually(lambda: any("Có" in one.buttons for one in doors.phones["telegram"].shows()))
        before = len(doors.platforms.telegram.calls)
        await hand.does("1")
        await eventually(
            lambda: any(name == "answerCallbackQuery" for name, _ in doors.platforms.telegram.calls[before:])
        )
        assert "not done" in await hand.does("/photo /nowhere.jpg")
        assert "not done" in await hand.does("/place here")
        assert await hand.does("/place 22.39 103.46") == ""
        await hand.does(EMERGENCY)
        await hears("SMS to")
        await hand.does("o")
        assert "does not tell" in await hand.does("/edit nhầm")


def test_the_phones_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("/place", "/photo", "/block", "--topics"))


@pytest.mark.parametrize("kind", [ZaloOaPhone, ZaloBotPhone])
async def test_a_bot_that_is_not_there_is_said(kind: type) -> None:
    platforms = await Platforms().start()
    try:
        fake = platforms.zalo if kind is ZaloOaPhone else platforms.zalo_bot
        fake.webhook = f"http://127.0.0.1:9/{os.getpid()}"
        with pytest.raises(CannotDo, match="not there"):
            await kind(fake).types("chào")
    finally:
        await platforms.stop()


def test_the_group_is_a_group() -> None:
    assert GROUP < 0

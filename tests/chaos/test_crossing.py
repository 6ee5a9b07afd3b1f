"""Nobody reads what was written to somebody else: many talks at once, each with a mark of its own, while workers are killed.

Counsellors race for every case and answer in any order; seekers write back. In `make test` a short run, in `make chaos` 10,000
messages over 200 talks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config import load_config
from bot.roles import Role
from bot.wiring import Service, open_service
from handlers.desk import Claim, Claimed, Reply
from handlers.errors import AlreadyClaimed, NotYours, StaleClaim
from handlers.model import Address, Direction, new_uid
from tests.chaos.cluster import Cluster
from tests.chaos.harness import CHANNEL, FIRST_CHAT, Launcher
from tests.fakes.telegram import FakeTelegram
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer

FULL = os.environ.get("CHAOS") == "full"
TALKS = int(os.environ.get("TALKS", "200" if FULL else "12"))
MESSAGES = int(os.environ.get("MESSAGES", "10000" if FULL else "240"))
KILL_EVERY = 250 if FULL else 100  # messages
AT_ONCE = 8
MARK = re.compile(r"dấu (\d+) hết")

pytestmark = pytest.mark.crash


@pytest.fixture
async def cluster(
    launcher: Launcher, tmp_path: Path, servers: tuple[PostgresServer, RedisServer]
) -> AsyncIterator[Cluster]:
    fake = await FakeTelegram().start()
    made = await Cluster.prepared(launcher, tmp_path, fake, *servers, "worker", "worker")
    yield made
    await made.end()
    await fake.stop()


def marked(chat: int, number: int) -> str:
    return f"lời số {number}, dấu {chat} hết"


async def claimed(service: Service, chats: range) -> dict[int, tuple[str, str]]:
    """Both counsellors reach for every case; who holds it and its code, by chat."""
    door, desk = service.storage.door, service.desk
    staff = [await door.read(lambda uow, name=name: uow.staff.by_name(name)) for name in ("tuvan", "giamsat")]
    codes = {chat: await door.read(lambda uow, chat=chat: _code_of(uow, chat)) for chat in chats}
    held: dict[int, tuple[str, str]] = {}
    for chat, code in codes.items():
        tries = [door.run(desk.claim, Claim(staff_uid=one.uid, case_code=code, epoch=1)) for one in staff if one]
        ends = await asyncio.gather(*tries, return_exceptions=True)
        (winner,) = [one.uid for one, end in zip(staff, ends, strict=True) if one and isinstance(end, Claimed)]
        assert sum(isinstance(end, AlreadyClaimed) for end in ends) == len(staff) - 1
        held[chat] = (winner, code)
    return held


async def replies_to(service: Service, held: dict[int, tuple[str, str]], chat: int, text: str) -> None:
    """Whoever holds her case answers; a case that was left alone for too long has been called for again and is taken anew."""
    door, desk, key = service.storage.door, service.desk, new_uid()
    for _ in range(20):
        uid, code = held[chat]
        try:
            await door.run(desk.reply, Reply(staff_uid=uid, case_code=code, text=text, client_key=key))
            return
        except NotYours:
            epoch = await door.read(lambda uow, code=code: _epoch_of(uow, code))
            with contextlib.suppress(StaleClaim):
                await door.run(desk.claim, Claim(staff_uid=uid, case_code=code, epoch=epoch))
    raise AssertionError("nobody could answer her")


def _epoch_of(uow, code: str) -> int:  # type: ignore[no-untyped-def]
    case = uow.cases.by_code(code)
    return int(uow.escalations.open_of([case.uid])[case.uid].epoch)


def _code_of(uow, chat: int) -> str:  # type: ignore[no-untyped-def]
    contact = uow.contacts.find(Address(CHANNEL, str(chat)))
    return str(uow.cases.open_of([contact.uid])[contact.uid].code)


def _marks_in(uow, chat: int) -> list[tuple[Direction, str]]:  # type: ignore[no-untyped-def]
    contact = uow.contacts.find(Address(CHANNEL, str(chat)))
    lines = [line for case in uow.cases.all_of(contact.uid) for line in uow.lines.of_case(case.uid, limit=100_000)]
    return [(line.direction, mark) for line in lines for mark in MARK.findall(line.text)]


def crossed(fake: FakeTelegram, chats: range) -> int:
    """Marks on a phone that are another one's."""
    return sum(mark != str(chat) for chat in chats for sent in fake.of(chat) for mark in MARK.findall(sent.text))


async def test_no_line_reaches_another_phone_or_another_talk(cluster: Cluster) -> None:
    fake, chats, chance = cluster.fake, range(FIRST_CHAT, FIRST_CHAT + TALKS), random.Random(18)
    await cluster.start()
    for chat in chats:
        fake.types(chat, f"chồng đang cầm dao đánh em, {marked(chat, 0)}")
    await cluster.drained()
    replies = kills = 0
    config = load_config(cluster.folder / "config.yaml")
    async with open_service(config, demo=False, role=Role.WEB) as service:
        held = await claimed(service, chats)

        async def one(number: int) -> int:
            chat = chance.choice(chats)
            if number % 2:
                fake.types(chat, marked(chat, number))
                return 0
            await replies_to(service, held, chat, marked(chat, number))
            return 1

        for first in range(0, MESSAGES, AT_ONCE):
            replies += sum(await asyncio.gather(*(one(number) for number in range(first, first + AT_ONCE))))
            if first // KILL_EVERY != (first + AT_ONCE) // KILL_EVERY:
                victim = chance.choice(cluster.workers)
                await cluster.kill(victim)
                await cluster.start(victim)
                kills += 1
        await cluster.drained(120 + MESSAGES / 20)
        found = [
            (chat, direction, mark)
            for chat in chats
            for direction, mark in await service.storage.door.read(lambda uow, chat=chat: _marks_in(uow, chat))
        ]
    assert await cluster.stop() == [0, 0]
    on_phones = crossed(fake, chats)
    in_talks = sum(mark != str(chat) for chat, _, mark in found)
    print(
        f"figure: {MESSAGES} messages over {TALKS} talks, {kills} kills: {on_phones} on a wrong phone, {in_talks} in a wrong talk"
    )
    assert (on_phones, in_talks) == (0, 0)
    assert len(found) == TALKS + MESSAGES, "and none is missing"
    shown = {(sent.chat_id, sent.text) for chat in chats for sent in fake.of(chat) if MARK.search(sent.text)}
    assert len(shown) == replies

    strayed = next(sent for sent in fake.of(chats[0]) if MARK.search(sent.text))
    strayed.chat_id = chats[1]
    assert crossed(fake, chats) == 1, "the count would see it"

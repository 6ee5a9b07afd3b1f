"""Zalo Bot: bare and wrapped updates, a withheld message is a person, the month is counted, no token is told."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.channels import quota, zalo_bot
from bot.channels.zalo_bot import ZaloBotChannel, ZaloBotSettings
from bot.channels.zalo_bot_updates import parse, unwrapped
from bot.observe import set_up_logs
from flows.effects import Button
from handlers.alarms import QUOTA_GONE, QUOTA_LOW, TOKEN_LOST, WEBHOOK_BAD
from handlers.errors import StorageUnavailable
from handlers.model import Address, InboundMessage, MessageKind, Outcome, Outgoing
from storage.budgets import LocalBudgets
from tests.fakes.zalo_bot import SECRET, TOKEN, FakeZaloBot
from tests.unit.channels.test_zalo_oa import Bells

WHO = "6ede9afa66b88fe6d6a9"
HER = Address("zb", WHO)


def keyed(text: str) -> str:
    return hashlib.sha256(b"key" + text.encode("utf-8", "replace")).hexdigest()


def update(name: str = "message.text.received", chat: Any = None, **content: Any) -> dict[str, Any]:
    return {
        "event_name": name,
        "message": {
            "from": {"id": WHO, "display_name": "Canary", "is_bot": False}, "date": 1750316131602, "message_id": "m1",
            "chat": {"id": WHO, "chat_type": "PRIVATE"} if chat is None else chat, **content,
        },
    }  # fmt: skip


def read(raw: object) -> InboundMessage | None:
    return parse("zb", raw, keyed)


@pytest.mark.parametrize(
    ("raw", "kind", "text"),
    [
        (update(text="chào"), MessageKind.TEXT, "chào"),
        (update(text="/start"), MessageKind.START, ""),
        (update(text=""), MessageKind.UNSUPPORTED, ""),
        (update("message.link.received", text="https://x"), MessageKind.TEXT, "https://x"),
        (update("message.image.received", photo="x", caption="cứu em"), MessageKind.UNSUPPORTED, "cứu em"),
        (update("message.image.received", photo_url="x", message_type="CHAT_PHOTO"), MessageKind.UNSUPPORTED, ""),
        (update("message.voice.received", voice_url="x"), MessageKind.UNSUPPORTED, ""),
        (update("message.sticker.received", sticker="x", url="y"), MessageKind.UNSUPPORTED, ""),
        (update("message.unsupported.received"), MessageKind.WITHHELD, ""),
        (update("message.of.tomorrow", text={"a": 1}), MessageKind.UNSUPPORTED, ""),
        (update(chat={"id": WHO}, text="chào"), MessageKind.TEXT, "chào"),
    ],
)
def test_whoever_writes_is_a_person(raw: dict[str, Any], kind: MessageKind, text: str) -> None:
    for shape in (raw, {"ok": True, "result": raw}):
        message = read(unwrapped(shape)[0])
        assert message is not None
        assert (message.kind, message.text, message.address, message.message_id) == (kind, text, HER, "m1")
        assert "Canary" not in repr([message.text, message.choice, message.message_id])


@pytest.mark.parametrize(
    "raw",
    [
        update(chat={"id": "zgr-1", "chat_type": "GROUP"}, text="cứu em"),
        update(chat={"id": "other"}, text="x"),
        update("message.reaction.received", text="x"),
        update(text="x", **{"from": {"id": WHO, "is_bot": True}}),
    ],
)  # fmt: skip
def test_where_others_read_along_nobody_is_answered(raw: dict[str, Any]) -> None:
    assert read(raw) is None


def test_a_message_without_an_id_gets_one_that_says_nothing_of_her() -> None:
    raw = update(text="chào")
    del raw["message"]["message_id"]
    first, again = read(raw), read(raw)
    assert first is not None
    assert again is not None
    assert first.message_id == again.message_id
    assert WHO not in first.message_id


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["event_name", "message", "chat", "id", "chat_type", "from", "is_bot", "text", "caption", "date", "ok", "result"]
)


@given(raw=st.dictionaries(names, plain | st.dictionaries(names, plain, max_size=4), max_size=6) | plain)
def test_whatever_comes_is_a_message_nothing_or_said_to_be_no_update(raw: Any) -> None:
    try:
        message = read(unwrapped(raw)[0])
    except ValueError:
        return
    if message is not None:
        message.text.encode()
        assert message.address.platform_id
        assert message.message_id


# --- the channel -----------------------------------------------------------------------------------------------------------


class Counting:
    """Counters in memory, with a say in whether they can be written."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], int] = {}
        self.away = False

    async def add(self, name: str, month: str, used: int) -> int:
        if self.away:
            raise StorageUnavailable("disk full")
        self.kept[name, month] = self.kept.get((name, month), 0) + used
        return self.kept[name, month]


class World:
    """One bot with its platform."""

    def __init__(self, fake: FakeZaloBot) -> None:
        self.fake, self.bells, self.counters = fake, Bells(), Counting()
        self.now = datetime(2026, 11, 23, tzinfo=UTC)
        self.opened: list[ZaloBotChannel] = []

    def channel(self, **settings: Any) -> ZaloBotChannel:
        written = ZaloBotSettings(**{"token": TOKEN, "base_url": self.fake.base_url, "poll_timeout_s": 0, **settings})
        one = ZaloBotChannel(
            "zb", written, alarms=self.bells, budgets=LocalBudgets(), counters=self.counters, clock=lambda: self.now
        )
        self.opened.append(one)
        return one


@pytest.fixture
async def world() -> AsyncIterator[World]:
    fake = await FakeZaloBot().start()
    fake.chats.add(WHO)
    one = World(fake)
    yield one
    for channel in one.opened:
        await channel.close()
    await fake.stop()


async def test_choices_are_numbered_and_long_texts_become_several(world: World) -> None:
    channel = world.channel()
    asks = Outgoing(text="Bạn ổn không?", buttons=(Button("Có", "q.0"), Button("Không", "q.1")))
    assert (await channel.send(HER, asks)).outcome is Outcome.SENT
    assert "1. Có\n2. Không" in world.fake.of(WHO)[0].text
    await channel.send(HER, Outgoing(text="câu dài. " * 500))
    assert "".join("".join(one.text for one in world.fake.of(WHO)[1:]).split()).count("câudài.") == 500
    assert world.fake.violations == []


@pytest.mark.parametrize(
    ("fault", "outcome", "error_class"),
    [
        ("400", Outcome.FAILED, "Zalo400"), ("401", Outcome.RETRY, "Zalo401"), ("403", Outcome.RETRY, "Zalo403"),
        ("404", Outcome.RETRY, "Zalo404"), ("408", Outcome.RETRY, "Zalo408"), ("429", Outcome.RETRY, "QuotaGone"),
        ("500", Outcome.RETRY, "Zalo500"), ("garbage", Outcome.RETRY, "Zalo200"),
        ("reset", Outcome.RETRY, "ServerDisconnectedError"), ("lost", Outcome.RETRY, "ServerDisconnectedError"),
    ],
)  # fmt: skip
async def test_what_the_platform_answers_is_an_outcome(
    world: World, fault: str, outcome: Outcome, error_class: str
) -> None:
    world.fake.faults.append(fault)
    result = await world.channel().send(HER, Outgoing(text="chào"))
    assert (result.outcome, result.error_class) == (outcome, error_class)
    expected = {"429": {("zb", QUOTA_GONE)}, "401": {("zb", TOKEN_LOST)}}.get(fault, set())
    assert world.bells.standing == expected


async def test_the_month_is_counted_both_ways_said_in_time_and_begins_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "WRITE_EVERY_S", 0.0)
    channel = world.channel(monthly_messages=10)

    async def nothing(*messages: InboundMessage) -> None:
        """Stored."""

    polling = asyncio.create_task(channel.run(nothing))
    for number in range(4):
        await world.fake.types(WHO, f"tin {number}")
    for _ in range(3):
        await channel.send(HER, Outgoing(text="chào"))
    for _ in range(100):
        if await channel._quota.used() == 7:
            break
        await asyncio.sleep(0.02)
    assert await channel._quota.used() == 7
    assert world.bells.standing == set()
    await channel.send(HER, Outgoing(text="chào"))
    await asyncio.sleep(0.1)
    assert world.bells.standing == {("zb", QUOTA_LOW)}
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    world.now += timedelta(days=30)
    await channel.send(HER, Outgoing(text="chào"))
    await asyncio.sleep(0.1)
    assert await channel._quota.used() == 1
    assert world.bells.standing == set()


async def test_a_count_that_could_not_be_written_is_not_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "WRITE_EVERY_S", 0.0)
    channel = world.channel()
    world.counters.away = True
    await channel.send(HER, Outgoing(text="một"))
    await asyncio.sleep(0.05)
    world.counters.away = False
    await channel.send(HER, Outgoing(text="hai"))
    await asyncio.sleep(0.05)
    assert await channel._quota.used() == 2


async def test_the_webhook_is_set_and_watched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zalo_bot, "WATCH_EVERY_S", 0.05)
    channel = world.channel(mode="webhook", webhook_secret=SECRET, public_url="https://example.org/")

    async def nothing(*messages: InboundMessage) -> None:
        """Stored."""

    watching = asyncio.create_task(channel.run(nothing))
    for _ in range(100):
        if world.fake.webhook:
            break
        await asyncio.sleep(0.02)
    ours = "https://example.org/webhooks/zalo-bot/zb"
    assert (world.fake.webhook, world.fake.secret) == (ours, SECRET)
    world.fake.webhook, world.fake.verifies = "https://somebody.example/else", False
    await asyncio.sleep(0.3)
    assert world.fake.webhook == ours, "taken back"
    assert world.bells.heard == [("zb", WEBHOOK_BAD)], "the platform says that it cannot reach us there"
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_the_check_tells_token_webhook_and_month(world: World) -> None:
    assert [finding.fine for finding in await world.channel().check()] == [True, True, True]
    world.counters.kept["zb", "2026-11"] = 2900
    assert [finding.fine for finding in await world.channel().check()] == [True, True, False]
    world.fake.webhook = "https://somebody.example/else"
    assert not (await world.channel().check())[1].fine
    hooked = {"mode": "webhook", "webhook_secret": SECRET}
    assert not (await world.channel(**hooked, public_url="http://127.0.0.1:8080").check())[1].fine
    assert not (await world.channel(**hooked, public_url="https://example.org").check())[1].fine
    (wrong,) = await world.channel(token="1:wrong").check()
    assert not wrong.fine
    assert "token" in wrong.words


@pytest.mark.parametrize("where", ["http://127.0.0.1:9", "http://nowhere.invalid", "wrong token"])
async def test_no_failure_carries_the_token_anywhere(
    world: World, where: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    set_up_logs("debug")
    logging.getLogger().addHandler(caplog.handler)
    caplog.set_level(logging.DEBUG)
    secret = "777:canary-token-of-a-bot"
    settings = {"token": secret} if where == "wrong token" else {"token": secret, "base_url": where}

    async def nothing(*messages: InboundMessage) -> None:
        """Stored."""

    try:
        channel = world.channel(**settings)
        polling = asyncio.create_task(channel.run(nothing))
        result = await channel.send(HER, Outgoing(text="chim hoàng yến"))
        findings = await channel.check()
        await asyncio.sleep(0.1)
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
    finally:
        structlog.reset_defaults()
    assert result.outcome is Outcome.RETRY
    out = capfd.readouterr()
    texts = [out.out, out.err, caplog.text, repr(result), repr(channel), repr(channel._settings), repr(findings)]
    assert [text for text in texts if "canary-token" in text or "chim hoàng yến" in text or WHO in text] == []


@pytest.mark.parametrize("secret", ["", "short"])
def test_a_webhook_without_a_secret_is_refused(secret: str) -> None:
    settings = ZaloBotSettings(token=TOKEN, mode="webhook", webhook_secret=secret)
    with pytest.raises(ValueError, match="secret"):
        ZaloBotChannel("zb", settings, alarms=Bells(), budgets=LocalBudgets(), counters=Counting())

"""Telegram's messages as ours, and what becomes of a send whatever the platform does; the token is nowhere."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import structlog
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.channels import receiving, telegram
from bot.channels.telegram import TelegramChannel, TelegramSettings, silent
from bot.channels.telegram_api import NotFetched
from bot.channels.telegram_updates import parse
from bot.observe import set_up_logs
from flows.effects import Button
from flows.text import key_of
from handlers.model import Address, InboundMessage, MessageKind, Outcome, Outgoing, Pin
from handlers.ports import Finding
from storage.budgets import LocalBudgets
from tests.fakes.road import shipped_world
from tests.fakes.telegram import TOKEN, FakeTelegram, Fault
from tests.unit.channels.test_zalo_oa import Bells

CHAT = {"id": 42, "type": "private", "first_name": "CanaryFirst", "username": "canary_username"}
PERSON = {
    "id": 42,
    "is_bot": False,
    "first_name": "CanaryFirst",
    "last_name": "CanaryLast",
    "username": "canary_username",
}
SECRET_PART = TOKEN.split(":")[1]


def written(**content: Any) -> dict[str, Any]:
    return {"update_id": 7, "message": {"message_id": 1, "date": 1, "chat": CHAT, "from": PERSON, **content}}


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        ({"text": "chào"}, MessageKind.TEXT, "chào"),
        ({"text": "/start"}, MessageKind.START, ""),
        ({"text": "/start abc"}, MessageKind.START, ""),
        ({"text": "/started"}, MessageKind.TEXT, "/started"),
        ({"text": ""}, MessageKind.UNSUPPORTED, ""),
        ({"voice": {"file_id": "x"}}, MessageKind.UNSUPPORTED, ""),
        ({"photo": [], "caption": "chữ"}, MessageKind.UNSUPPORTED, "chữ"),
        ({"contact": {"phone_number": "x"}}, MessageKind.UNSUPPORTED, ""),
        ({"text": {"new": "shape"}}, MessageKind.UNSUPPORTED, ""),
        ({"location": {"latitude": 999, "longitude": 1}}, MessageKind.UNSUPPORTED, ""),
        ({"location": {"latitude": float("nan"), "longitude": 1}}, MessageKind.UNSUPPORTED, ""),
        ({"location": "near"}, MessageKind.UNSUPPORTED, ""),
        ({"text": "nửa \ud800 chữ"}, MessageKind.TEXT, "nửa ? chữ"),
    ],
)
def test_a_private_message_is_never_silence(content: dict[str, Any], kind: MessageKind, text: str) -> None:
    message = parse("tg", written(**content))
    assert message is not None
    assert (message.kind, message.text, message.message_id) == (kind, text, "7")
    assert message.address == Address("tg", "42")


def test_a_point_and_a_choice() -> None:
    point = parse("tg", written(location={"latitude": 22.4, "longitude": 103.4}))
    assert point is not None
    assert (point.kind, point.point) == (MessageKind.LOCATION, (22.4, 103.4))
    query = {
        "id": "9",
        "from": PERSON,
        "data": "safety.ask:safe",
        "message": {"message_id": 3, "date": 0, "chat": CHAT},
    }
    choice = parse("tg", {"update_id": 8, "callback_query": query})
    assert choice is not None
    assert (choice.kind, choice.choice) == (MessageKind.CHOICE, "safety.ask:safe")


def test_an_edit_is_an_edit_and_a_moving_place_is_nothing() -> None:
    edited = {"message_id": 1, "date": 1, "edit_date": 2, "chat": CHAT, "from": PERSON}
    message = parse("tg", {"update_id": 7, "edited_message": {**edited, "text": "cứu em"}})
    assert message is not None
    assert (message.kind, message.text) == (MessageKind.EDITED, "cứu em")
    place = {"latitude": 22.4, "longitude": 103.4, "live_period": 60}
    assert parse("tg", {"update_id": 8, "edited_message": {**edited, "location": place}}) is None


def test_a_message_carries_its_own_number_so_that_it_can_be_taken_away() -> None:
    message = parse("tg", {"update_id": 7, "message": {"message_id": 123, "chat": CHAT, "text": "x"}})
    assert message is not None
    assert message.handle == "123"


@pytest.mark.parametrize(("status", "kind"), [("kicked", MessageKind.BLOCKED), ("member", MessageKind.START)])
def test_blocking_and_coming_back(status: str, kind: MessageKind) -> None:
    message = parse("tg", {"update_id": 9, "my_chat_member": {"chat": CHAT, "new_chat_member": {"status": status}}})
    assert message is not None
    assert message.kind is kind


@pytest.mark.parametrize("kind", ["group", "supergroup", "channel", ""])
def test_nobody_is_answered_where_others_read_along(kind: str) -> None:
    chat = {**CHAT, "type": kind}
    assert parse("tg", {"update_id": 1, "message": {"chat": chat, "text": "cứu em"}}) is None
    assert (
        parse("tg", {"update_id": 1, "my_chat_member": {"chat": chat, "new_chat_member": {"status": "kicked"}}}) is None
    )
    assert parse("tg", {"update_id": 1, "callback_query": {"id": "1", "message": {"chat": chat}}}) is None


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(
    [
        "update_id",
        "message",
        "edited_message",
        "callback_query",
        "my_chat_member",
        "chat",
        "id",
        "type",
        "text",
        "location",
        "data",
    ]
)
like_updates = st.recursive(
    plain | st.sampled_from(["private", "kicked"]),
    lambda inner: st.dictionaries(fields, inner, max_size=6),
    max_leaves=15,
)


@given(raw=like_updates)
def test_whatever_comes_is_a_message_nothing_or_said_to_be_no_update(raw: object) -> None:
    try:
        message = parse("tg", raw)
    except msgspec.ValidationError:
        return
    assert message is None or isinstance(message, InboundMessage)


@given(extra=st.dictionaries(st.text(max_size=10), plain, max_size=5))
def test_only_whitelisted_fields_survive(extra: dict[str, Any]) -> None:
    message = parse("tg", {**extra, **written(text="chào", **{f"x_{key}": value for key, value in extra.items()})})
    assert message is not None
    kept = repr([getattr(message, name) for name in ("address", "message_id", "kind", "text", "choice", "point")])
    assert "Canary" not in kept
    assert "canary" not in kept


# --- sending -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    one = await FakeTelegram().start()
    one.chats.add(42)
    yield one
    await one.stop()


@pytest.fixture
async def channel(fake: FakeTelegram) -> AsyncIterator[TelegramChannel]:
    one = make(base_url=fake.base_url)
    yield one
    await one.close()


def make(bells: Bells | None = None, audio: Any = silent, **settings: Any) -> TelegramChannel:
    written = TelegramSettings(**{"token": TOKEN, "poll_timeout_s": 0, **settings})
    return TelegramChannel("tg", written, budgets=LocalBudgets(), alarms=bells or Bells(), audio=audio)


HER = Address("tg", "42")


async def test_buttons_and_long_texts_arrive_as_the_platform_wants_them(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    buttons = (Button("Có", "safety.ask:yes"), Button("Không", "safety.ask:no"))
    assert (await channel.send(HER, Outgoing(text="Bạn an toàn không?", buttons=buttons))).outcome is Outcome.SENT
    assert fake.of(42)[0].buttons == [("Có", "safety.ask:yes"), ("Không", "safety.ask:no")]
    await channel.send(HER, Outgoing(text="câu dài. " * 1200, buttons=buttons))
    assert [bool(message.buttons) for message in fake.of(42)] == [True, False, False, True]
    assert all(parameters.get("protect_content") for method, parameters in fake.calls if method == "sendMessage")
    assert fake.violations == []


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("429", Outcome.RETRY), ("500", Outcome.RETRY), ("reset", Outcome.RETRY), ("lost", Outcome.RETRY),
        ("garbage", Outcome.RETRY), ("403", Outcome.BLOCKED), ("400", Outcome.FAILED),
    ],
)  # fmt: skip
async def test_what_the_platform_answers_is_an_outcome(
    fake: FakeTelegram, channel: TelegramChannel, fault: str, outcome: Outcome
) -> None:
    fake.faults.append(Fault(fault, retry_after=3))
    result = await channel.send(HER, Outgoing(text="chào"))
    assert result.outcome is outcome
    assert (result.retry_after == timedelta(seconds=3)) is (fault == "429")
    assert result.error_class
    assert "chào" not in result.error_class


async def test_one_throttled_chat_waits_alone_two_mean_the_whole_bot(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    fake.chats |= {43, 44}
    fake.faults.append(Fault("429", retry_after=3))
    await channel.send(HER, Outgoing(text="một"))
    asked = len(fake.calls)
    held = await channel.send(HER, Outgoing(text="một"))
    assert held.outcome is Outcome.RETRY
    assert held.retry_after is not None
    assert timedelta(seconds=2) < held.retry_after <= timedelta(seconds=3)
    assert len(fake.calls) == asked, "it is not even asked"
    assert (await channel.send(Address("tg", "44"), Outgoing(text="hai"))).outcome is Outcome.SENT
    fake.faults.append(Fault("429", retry_after=3))
    await channel.send(Address("tg", "43"), Outgoing(text="ba"))
    assert (await channel.send(Address("tg", "44"), Outgoing(text="bốn"))).error_class == "Throttled"


async def test_a_point_is_asked_for_by_a_button_that_goes_away_again(
    fake: FakeTelegram, channel: TelegramChannel
) -> None:
    asks = Outgoing(text="Bạn ở xã nào?", buttons=(Button("Bỏ qua", "q.0"),), wants_location=True)
    assert (await channel.send(HER, asks)).outcome is Outcome.SENT
    question, button = fake.of(42)
    assert (question.buttons, question.asks_location) == ([("Bỏ qua", "q.0")], False)
    assert button.asks_location
    await channel.send(HER, Outgoing(text="Cảm ơn bạn."))
    markup = [parameters["reply_markup"] for method, parameters in fake.calls if method == "sendMessage"][-1]
    assert "remove_keyboard" in markup
    assert fake.violations == []


async def test_several_parts_show_that_more_is_coming(fake: FakeTelegram, channel: TelegramChannel) -> None:
    await channel.send(HER, Outgoing(text="ngắn"))
    assert fake.actions == []
    await channel.send(HER, Outgoing(text="câu dài. " * 1000))
    assert fake.actions == ["typing", "typing"]


async def test_parts_that_arrived_are_not_sent_again(fake: FakeTelegram, channel: TelegramChannel) -> None:
    long = Outgoing(text="".join(f"câu {number}. " for number in range(1000)))
    fake.faults.extend([Fault("none"), Fault("500")])
    assert (await channel.send(HER, long, "row")).outcome is Outcome.RETRY
    assert (await channel.send(HER, long, "row")).outcome is Outcome.SENT
    shown = " ".join(message.text for message in fake.of(42))
    assert [shown.count(f"câu {number}.") for number in (0, 200, 400, 999)] == [1, 1, 1, 1]


@pytest.mark.parametrize(("text", "voices"), [("Chào bạn.", [True]), ("câu dài. " * 200, [True, False])])
async def test_a_recorded_line_is_sent_as_a_voice(fake: FakeTelegram, text: str, voices: list[bool]) -> None:
    async def audio(sha256: str) -> bytes | None:
        return {"greeting": b"ID3"}.get(sha256)

    channel = make(base_url=fake.base_url, audio=audio)
    try:
        assert (await channel.send(HER, Outgoing(text=text, audio="greeting"))).outcome is Outcome.SENT
        await channel.send(HER, Outgoing(text="không có tệp", audio="missing"))
    finally:
        await channel.close()
    assert [message.voice for message in fake.of(42)] == [*voices, False]
    assert fake.violations == []


async def test_what_it_shows_can_be_taken_away(fake: FakeTelegram, channel: TelegramChannel) -> None:
    sent = await channel.send(HER, Outgoing(text="câu dài. " * 1000))
    assert len(sent.handles) == 3
    assert len(fake.of(42)) == 3
    assert (await channel.send(HER, Outgoing(text="", wipe=sent.handles))).outcome is Outcome.SENT
    assert fake.of(42) == []


async def test_one_message_too_old_to_go_holds_up_no_other(fake: FakeTelegram, channel: TelegramChannel) -> None:
    sent = await channel.send(HER, Outgoing(text="câu dài. " * 1000))
    fake.old.add((42, int(sent.handles[1])))
    assert (await channel.send(HER, Outgoing(text="", wipe=sent.handles))).outcome is Outcome.SENT
    assert [str(message.message_id) for message in fake.of(42)] == [sent.handles[1]]


async def test_the_chats_budget_is_kept(fake: FakeTelegram, channel: TelegramChannel) -> None:
    results = [await channel.send(HER, Outgoing(text=f"tin {number}")) for number in range(10)]
    assert [result.outcome for result in results] == [Outcome.SENT] * 4 + [Outcome.RETRY] * 6
    assert len(fake.of(42)) == 4
    assert results[-1].retry_after is not None
    assert results[-1].retry_after <= timedelta(seconds=5)


async def test_the_menu_holds_the_words_that_work_everywhere(fake: FakeTelegram, channel: TelegramChannel) -> None:
    await watching(channel, lambda: bool(fake.commands))
    words = shipped_world().library.program.words
    assert fake.commands[0] == "start"
    found = [words.find(key_of(f"/{command}")) for command in fake.commands[1:]]
    assert found == ["help", "human", "stop", "delete"]


async def test_the_check_tells_what_is_wrong_in_words(
    fake: FakeTelegram, channel: TelegramChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    probed: list[str] = []

    async def probe(caller: object, url: str, *_: object) -> Finding:
        probed.append(url)
        return Finding(True, "reached")

    monkeypatch.setattr(telegram, "probe", probe)
    assert [finding.fine for finding in await channel.check()] == [True, True]
    fake.webhook = ("https://somebody.example/else", "theirs")
    assert [finding.fine for finding in await channel.check()] == [True, False]
    wrong = make(base_url=fake.base_url, token="1:wrong-token-but-long-enough-to-be-one")
    hooked = make(base_url=fake.base_url, mode="webhook", webhook_secret="s", webhook_url=OURS)
    local = make(base_url=fake.base_url, mode="webhook", webhook_secret="s")
    try:
        (finding,) = await wrong.check()
        assert not finding.fine
        assert "BotFather" in finding.words
        assert not (await hooked.check())[1].fine
        assert "https" in (await local.check())[1].words
        fake.webhook = (OURS, "s")
        assert (await hooked.check())[1].fine
        assert probed == [OURS]
    finally:
        for one in (wrong, hooked, local):
            await one.close()


async def _answering(kind: str) -> tuple[str, web.AppRunner | None]:
    """A platform that fails in one way; where it is."""
    if kind == "refused":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return f"http://127.0.0.1:{free.getsockname()[1]}", None
    if kind == "no such host":
        return "http://nowhere.invalid", None

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        if kind == "cut":
            request.transport.abort()
        if kind == "redirects":
            return web.Response(status=302, headers={"Location": str(request.url)})
        if kind == "bad json":
            return web.Response(text="{", content_type="application/json")
        if kind == "wrong shape":
            return web.json_response({"ok": True, "result": 5})
        if kind == "html":
            return web.Response(text="<html>", content_type="text/html")
        status = int(kind) if kind.isdigit() else 200
        return web.json_response({"ok": False, "error_code": status, "description": str(request.url)}, status=status)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}", runner


KINDS = [
    "refused",
    "no such host",
    "cut",
    "redirects",
    "bad json",
    "html",
    "wrong shape",
    "401",
    "404",
    "409",
    "500",
    "502",
]


@pytest.mark.parametrize("kind", KINDS)
async def test_no_failure_carries_the_token_anywhere(
    kind: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    set_up_logs("debug")
    logging.getLogger().addHandler(caplog.handler)
    caplog.set_level(logging.DEBUG)
    base_url, runner = await _answering(kind)
    channel = make(base_url=base_url)
    try:
        result = await channel.send(HER, Outgoing(text="chim hoàng yến"))
        with pytest.raises(NotFetched) as raised:
            await channel.api.updates(0, 0)
    finally:
        await channel.close()
        if runner is not None:
            await runner.cleanup()
        structlog.reset_defaults()
    assert result.outcome is not Outcome.SENT
    captured = capfd.readouterr()
    texts = [captured.out, captured.err, caplog.text, repr(result), repr(channel)]
    texts += ["".join(traceback.format_exception(raised.value)), *_chain(raised.value)]
    assert [text for text in texts if SECRET_PART in text or "chim hoàng yến" in text] == []


def _chain(error: BaseException | None) -> list[str]:
    texts = []
    while error is not None:
        texts += [str(error), repr(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    return texts


PIN = Pin(title="Nơi số 1", note="Tên ghi ở tin trên", lat=22.32, lon=103.63)


async def test_a_point_follows_the_text_silently(fake: FakeTelegram, channel: TelegramChannel) -> None:
    fake.chats.add(42)
    sent = await channel.send(Address("telegram", "42"), Outgoing(text="một nơi", pins=(PIN, PIN)))
    assert (sent.outcome, [one.text for one in fake.of(42)]) == (Outcome.SENT, ["một nơi"])
    assert len(fake.venues) == 2
    shown = fake.venues[0]
    assert (float(shown["latitude"]), float(shown["longitude"])) == (22.32, 103.63)
    assert (shown["title"], shown["address"]) == ("Nơi số 1", "Tên ghi ở tin trên")
    assert (shown["disable_notification"], shown["protect_content"]) == ("true", "true")


async def test_a_point_that_fails_does_not_bring_the_text_again(fake: FakeTelegram, channel: TelegramChannel) -> None:
    fake.chats.add(42)
    fake.refuses_venues = True
    sent = await channel.send(Address("telegram", "42"), Outgoing(text="một nơi", pins=(PIN,)))
    assert (sent.outcome, len(fake.of(42)), fake.venues) == (Outcome.SENT, 1, [])


def test_a_webhook_without_a_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="without a secret"):
        make(mode="webhook")


async def test_it_names_its_secrets_and_shows_none(channel: TelegramChannel) -> None:
    assert channel.secret_fields == {"token", "webhook_secret"}
    assert receiving.MAX_BODY_BYTES >= 80_000


OURS = "https://example.org/webhooks/telegram/tg"


async def watching(channel: TelegramChannel, until: Callable[[], bool]) -> None:
    """Let the channel run until something is so."""
    running = asyncio.create_task(channel.run(nobody))
    try:
        for _ in range(200):
            if until():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it did not happen")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_in_webhook_mode_it_tells_the_platform_where_it_is_and_drops_nothing(fake: FakeTelegram) -> None:
    channel = make(base_url=fake.base_url, mode="webhook", webhook_secret="s3cret", webhook_url=OURS)
    try:
        await watching(channel, lambda: fake.webhook is not None)
    finally:
        await channel.close()
    assert fake.webhook == (OURS, "s3cret")
    assert fake.violations == []


async def test_a_webhook_that_somebody_turned_away_is_turned_back(
    fake: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telegram, "WATCH_EVERY_S", 0.05)
    bells = Bells()
    channel = make(bells, base_url=fake.base_url, mode="webhook", webhook_secret="s3cret", webhook_url=OURS)
    fake.webhook = ("https://somebody.example/else", "theirs")
    try:
        await watching(channel, lambda: fake.webhook == (OURS, "s3cret"))
    finally:
        await channel.close()
    assert bells.standing == set()


async def test_polling_takes_over_from_a_webhook_that_was_left_behind(fake: FakeTelegram) -> None:
    fake.webhook = ("https://example.org/old", "old")
    fake.types(42, "chào")
    came = asyncio.Event()

    async def receive(*messages: InboundMessage) -> None:
        came.set()

    channel = make(base_url=fake.base_url, poll_timeout_s=1)
    polling = asyncio.create_task(channel.run(receive))
    try:
        await asyncio.wait_for(came.wait(), 10)
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
        await channel.close()
    assert fake.webhook is None
    assert fake.violations == []


async def nobody(*messages: InboundMessage) -> None:
    raise AssertionError("nothing is received here")

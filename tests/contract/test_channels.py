"""What every channel must do, tried on each against its fake platform."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import structlog

from bot.observe import set_up_logs
from handlers.errors import StorageUnavailable
from handlers.model import OutboxState
from storage.door import SqliteDoor
from tests.contract.platforms import CHAT, MAX_BODY, Door, Polling, Telegram, Webhook, ZaloBot, door, update
from tests.e2e.harness import eventually
from tests.fakes.road import EMERGENCY

KINDS = ("polling", "webhook", "web", "zalo-oa", "zalo-bot", "zalo-bot-polling")
TELEGRAM = ("polling", "webhook")
HOOKED = ("webhook", "zalo-oa", "zalo-bot")
PUSHED = tuple(kind for kind in KINDS if kind != "web")


@pytest.fixture
async def platform(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Door]:
    async with door(request.param, tmp_path) as opened:
        yield opened


every_channel = pytest.mark.parametrize("platform", KINDS, indirect=True)
every_telegram = pytest.mark.parametrize("platform", TELEGRAM, indirect=True)
every_webhook = pytest.mark.parametrize("platform", HOOKED, indirect=True)
every_pushed = pytest.mark.parametrize("platform", PUSHED, indirect=True)
every_confirming = pytest.mark.parametrize(
    "platform", [kind for kind in KINDS if kind != "zalo-bot-polling"], indirect=True
)  # that one cannot be told anything
by_polling = pytest.mark.parametrize("platform", ["polling"], indirect=True)
tells_of_blocking = pytest.mark.parametrize("platform", ["polling", "webhook", "zalo-oa"], indirect=True)
keeping_back = pytest.mark.parametrize("platform", ["zalo-oa", "zalo-bot"], indirect=True)
by_zalo_bot = pytest.mark.parametrize("platform", ["zalo-bot", "zalo-bot-polling"], indirect=True)
by_zalo_bot_polling = pytest.mark.parametrize("platform", ["zalo-bot-polling"], indirect=True)
by_zalo_oa = pytest.mark.parametrize("platform", ["zalo-oa"], indirect=True)


async def answered(platform: Door, who: str = "") -> None:
    async def there() -> bool:
        return bool(await platform.answers(who))

    await eventually(there, what="an answer")


# --- coming in ---------------------------------------------------------------------------------------------------------


@every_channel
async def test_one_message_brought_five_times_has_one_effect(platform: Door) -> None:
    assert [await platform.deliver(1, "chào") for _ in range(5)] == [200] * 5
    await platform.has_received(1)
    await platform.deliver(2, "em hỏi")
    await platform.has_received(2)
    assert await platform.received() == ["chào", "em hỏi"]


@every_channel
async def test_messages_brought_again_and_in_any_order_are_each_there_once(platform: Door) -> None:
    deliveries = [(number, f"tin {number}") for number in range(8)] * 3
    random.Random(4).shuffle(deliveries)
    for key, text in deliveries:
        assert await platform.deliver(key, text) == 200
    await platform.has_received(8)
    assert sorted(await platform.received()) == sorted(f"tin {number}" for number in range(8))
    first_times = list(dict.fromkeys(text for _, text in deliveries))
    assert await platform.received() == first_times, "in the order in which they came first"


@every_channel
async def test_what_is_no_text_gets_an_answer(platform: Door) -> None:
    await platform.deliver_strange()
    await answered(platform)


@every_pushed
async def test_a_message_of_a_shape_nobody_knows_gets_an_answer(platform: Door) -> None:
    await platform.deliver_unknown(5)
    await answered(platform)
    await platform.deliver(6, "em đây")
    await platform.has_received(2)


@every_channel
async def test_danger_is_answered_with_numbers_and_rings(platform: Door) -> None:
    await platform.deliver(1, EMERGENCY)
    await platform.running.rings()

    async def there() -> bool:
        return any("113" in text for text in await platform.answers())

    await eventually(there, what="the card")


@every_pushed
async def test_of_a_picture_staff_hear_the_machine_reads_the_words_beside_it_and_nobody_asks_for_it(
    platform: Door,
) -> None:
    await platform.deliver_picture(EMERGENCY)
    await platform.running.rings()
    assert [line.partition(":")[0] for line in await platform.received()] == ["▸ gửi ảnh"]

    async def card() -> bool:
        return any("113" in text for text in await platform.answers())

    await eventually(card, what="the numbers")
    assert platform.fetched() == 0, "an operator has not allowed it"


@every_channel
async def test_delete_ends_the_stay_and_nothing_comes_after_it(platform: Door) -> None:
    await platform.deliver(1, "chào")
    await answered(platform)
    await platform.deliver(2, "xóa")

    async def hidden() -> bool:
        contact = await platform.contact()
        return contact is not None and contact.hidden_at is not None

    await eventually(hidden, what="hidden")
    await eventually(lambda: said_goodbye(platform), what="a last word")
    count = len(await platform.answers())
    await asyncio.sleep(0.5)
    assert len(await platform.answers()) == count


async def said_goodbye(platform: Door) -> bool:
    """The last of what is said: how to take away what only she can."""
    return any("rồi xóa lịch sử trình duyệt" in text for text in await platform.answers())


@every_telegram
async def test_an_edit_is_read_and_screened_and_answers_no_question(platform: Telegram) -> None:
    await platform.deliver(1, "chào")
    await answered(platform)
    await platform.deliver_edit(1, "chào chị")

    async def seen(text: str) -> bool:
        return any("sửa một tin đã gửi" in line and text in line for line in await platform.received())

    await eventually(lambda: seen("chào chị"), what="the edit at the desk")
    await platform.deliver_edit(1, EMERGENCY)
    await platform.running.rings()


@every_channel
async def test_a_choice_is_taken_the_way_the_platform_offers_it(platform: Door) -> None:
    await platform.deliver(1, "chào")
    await answered(platform)
    before = len(await platform.answers())
    await platform.presses("Có")

    async def goes_on() -> bool:
        return len(await platform.answers()) > before

    await eventually(goes_on, what="the next question")
    assert platform.violations() == []


@every_confirming
async def test_received_is_said_only_when_it_is_stored(platform: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    run, full = SqliteDoor.run, [True]

    async def sometimes(self, operation, item):
        if full and getattr(operation, "failpoint", "") == "accept":
            raise StorageUnavailable("disk full")
        return await run(self, operation, item)

    monkeypatch.setattr(SqliteDoor, "run", sometimes)
    delivering = asyncio.create_task(platform.deliver(1, "em cần giúp"))
    done, _ = await asyncio.wait([delivering], timeout=0.4)
    assert not done or delivering.result() == 503
    assert await platform.received() == []
    full.clear()
    assert await delivering in (200, 503)

    async def taken() -> bool:
        return await platform.deliver(1, "em cần giúp") == 200

    await eventually(taken)
    await platform.has_received(1)
    assert await platform.received() == ["em cần giúp"]


@every_channel
async def test_a_bug_of_ours_does_not_shut_the_door_behind_it(platform: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in storing one message: the platform is not told it was received, and later messages come in."""
    service = platform.running.service
    stored = service.inbound._stored

    def broken(message):
        if "hỏng" in message.text:
            raise RuntimeError("a bug")
        return stored(message)

    monkeypatch.setattr(service.inbound, "_stored", broken)
    for _ in range(3):
        delivering = asyncio.create_task(platform.deliver(1, "máy hỏng"))
        await asyncio.wait([delivering], timeout=0.2)
        if not delivering.done():
            break
        assert delivering.result() in (200, 500, 503)
    await asyncio.wait([delivering], timeout=15)

    async def taken() -> bool:
        return await platform.deliver(2, "còn em") == 200

    await eventually(taken)

    async def received() -> bool:
        return "còn em" in await platform.received()

    await eventually(received)


@keeping_back
async def test_what_could_not_be_stored_is_stored_later_also_when_nobody_brings_it_again(
    platform: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, full = SqliteDoor.run, [True]

    async def sometimes(self, operation, item):
        if full and getattr(operation, "failpoint", "") == "accept":
            raise StorageUnavailable("disk full")
        return await run(self, operation, item)

    monkeypatch.setattr(SqliteDoor, "run", sometimes)
    assert [await platform.deliver(key, f"tin {key}") for key in range(3)] == [503] * 3
    full.clear()
    await platform.has_received(3)
    assert await platform.received() == ["tin 0", "tin 1", "tin 2"]
    assert await platform.deliver(1, "tin 1") == 200
    assert await platform.received() == ["tin 0", "tin 1", "tin 2"]


# --- the webhook ---------------------------------------------------------------------------------------------------------


@every_webhook
async def test_without_the_right_secret_nothing_is_stored_and_all_answers_are_alike(platform: Door) -> None:
    body = platform.body(1, "x")
    forged = platform.forged(body) * 20
    answers = {await platform.post_raw(body, headers) for headers in forged}
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401
    await asyncio.sleep(0.1)
    assert await platform.contact() is None
    print(f"figure: {len(forged)} forged requests: 0 rows, {len(answers)} kind of answer")
    assert (await platform.post_raw(body, platform.signed(body)))[0] == 200
    await platform.has_received(1)


@every_webhook
async def test_only_post_of_a_body_of_decent_size_comes_in(platform: Door) -> None:
    assert (await platform.post_raw(b"x" * MAX_BODY, platform.signed(b"x" * MAX_BODY)))[0] == 413

    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"y" * 5_000

    assert (await platform.post_raw(trickle(), platform.signed(b"{}")))[0] == 413
    packed = {**platform.signed(b"{}"), "Content-Encoding": "gzip"}
    assert (await platform.post_raw(b"{}", packed))[0] in (400, 415)
    async with platform.running.http.get(f"{platform.running.base}{platform.route}") as answer:
        assert answer.status == 405


@every_webhook
async def test_a_body_that_comes_in_pieces_is_read_whole(platform: Door) -> None:
    body = platform.body(9, "em đây")

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50):
            yield body[start : start + 50]
            await asyncio.sleep(0.01)

    assert (await platform.post_raw(pieces(), platform.signed(body)))[0] == 200
    await platform.has_received(1)
    assert await platform.received() == ["em đây"]


@every_webhook
async def test_what_is_signed_and_makes_no_sense_is_not_asked_for_again(platform: Door) -> None:
    for body in (b"[]", b"{}", b"5", b"nonsense", b'"x"', b"[" * 5_000, b"\xff\xfe{"):
        assert (await platform.post_raw(body, platform.signed(body)))[0] in (200, 401)
    await platform.deliver(3, "em đây")
    await platform.has_received(1)


@by_zalo_oa
async def test_the_consoles_empty_probe_is_answered_and_does_nothing(platform: Door) -> None:
    assert (await platform.post_raw(b"", {}))[0] == 200


# --- Zalo Bot alone --------------------------------------------------------------------------------------------------------


@by_zalo_bot
async def test_who_may_be_a_child_hears_the_numbers_at_once(platform: ZaloBot) -> None:
    """Zalo keeps from us what a child sends: she must not be met by silence, nor by "I do not understand"."""
    await platform.fake.sends(platform.platform_id)
    await answered(platform)
    (said,) = await platform.answers()
    assert "111" in said
    assert "113" in said
    assert (await platform.running.queue()).cards == (), "nobody is rung for what nobody can read"
    await platform.deliver(5, "chào")
    await platform.has_received(2)
    await eventually(
        lambda: len(platform.fake.of(platform.platform_id)) > 1, what="the greeting, now that she is heard"
    )


@by_zalo_bot
async def test_groups_and_other_bots_are_not_answered(platform: ZaloBot) -> None:
    fake = platform.fake
    group = fake.update("message.text.received", "zgr-1", text="cứu em")
    group["message"]["chat"]["chat_type"] = "GROUP"
    robot = fake.update("message.text.received", "bot-2", text="cứu em")
    robot["message"]["from"]["is_bot"] = True
    for raw in (group, robot):
        assert await platform.brings(raw) == 200
    await platform.deliver(1, "riêng em")
    await platform.has_received(1)
    await asyncio.sleep(0.2)
    assert {message.to for message in fake.sent} == {platform.platform_id}


@by_zalo_bot
async def test_both_shapes_of_updates_are_taken(platform: ZaloBot) -> None:
    for number, wrapped in enumerate((True, False, True)):
        platform.fake.wrapped = wrapped
        await platform.deliver(number, f"tin {number}")
    await platform.has_received(3)
    assert await platform.received() == ["tin 0", "tin 1", "tin 2"]


@by_zalo_bot_polling
async def test_what_was_fetched_is_stored_however_long_that_takes(
    platform: ZaloBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform gives each update only once."""
    run, full = SqliteDoor.run, [True]

    async def sometimes(self, operation, item):
        if full and getattr(operation, "failpoint", "") == "accept":
            raise StorageUnavailable("disk full")
        return await run(self, operation, item)

    monkeypatch.setattr(SqliteDoor, "run", sometimes)
    for number in range(3):
        platform.fake._waiting.append(
            platform.fake.update("message.text.received", platform.platform_id, text=f"tin {number}")
        )
    platform.fake._arrived.set()
    await asyncio.sleep(1.2)
    assert await platform.received() == []
    assert platform.fake.unfetched() == 2, "the next is not asked for before this one is stored"
    full.clear()
    await platform.has_received(3)
    assert await platform.received() == ["tin 0", "tin 1", "tin 2"]


@by_zalo_bot_polling
async def test_a_platform_that_is_away_is_asked_again_and_a_quiet_one_is_no_failure(platform: ZaloBot) -> None:
    platform.fake.away = True
    await asyncio.sleep(0.4)
    platform.fake.away = False
    await platform.deliver(1, "em đây")
    await platform.has_received(1)


# --- Telegram alone ------------------------------------------------------------------------------------------------------


@every_telegram
async def test_groups_and_channels_are_ignored(platform: Telegram) -> None:
    for number, kind in enumerate(("group", "supergroup", "channel", "")):
        assert (
            await platform.brings(update(number, chat={"id": CHAT, "type": kind, "title": "nhóm"}, text="cứu em"))
            == 200
        )
    await platform.deliver(50, "riêng em")
    await platform.has_received(1)
    assert await platform.received() == ["riêng em"]


@by_polling
async def test_updates_that_were_not_confirmed_come_again_and_change_nothing(platform: Polling) -> None:
    platform.fake.forgetful = 3
    for number in range(4):
        await platform.deliver(number, f"tin {number}")
    await platform.has_received(4)
    await asyncio.sleep(0.2)
    assert await platform.received() == [f"tin {number}" for number in range(4)]


@by_polling
async def test_a_platform_that_fails_is_asked_again(platform: Polling) -> None:
    platform.fake.away = True
    platform.fake.brings(update(1, text="em đây"))
    await asyncio.sleep(0.3)
    assert await platform.received() == []
    platform.fake.away = False
    await platform.has_received(1)


HOSTILE_UPDATES: list[Callable[[], object]] = [
    list, dict, lambda: 5, lambda: None, lambda: "x", lambda: {"update_id": "x"}, lambda: {"update_id": None, "message": {}},
    lambda: {"update_id": 1, "message": {"chat": {}}}, lambda: {"update_id": 1, "message": {"chat": {"id": "x" * 500}}},
    lambda: {"update_id": 10**400, "message": {"chat": {"id": 10**300, "type": "private"}, "text": "x"}},
]  # fmt: skip


@every_telegram
async def test_updates_of_no_known_shape_stop_nobody_behind_them(platform: Telegram) -> None:
    fake = platform.fake
    for make in HOSTILE_UPDATES:
        if isinstance(platform, Webhook):
            assert set(await fake.deliver(make())) == {200}  # type: ignore[arg-type]
        elif isinstance(made := make(), dict) and isinstance(made.get("update_id"), int) and made["update_id"] < 10**9:
            fake.brings(made)
    await platform.deliver(60, "em đây")
    await platform.has_received(1)


# --- going out -----------------------------------------------------------------------------------------------------------


@every_telegram
async def test_a_throttled_chat_waits_as_long_as_asked_and_others_do_not(platform: Telegram) -> None:
    at_least = platform.throttles()
    await platform.deliver(1, "chào")
    await eventually(lambda: CHAT in platform.fake.throttled_until)
    throttled_at = asyncio.get_running_loop().time()
    await platform.deliver(2, "chào", "78")
    await answered(platform, "78")
    assert not await platform.answers(), "the other one is served meanwhile"
    await answered(platform)
    waited = asyncio.get_running_loop().time() - throttled_at
    print(f"figure: told to wait for 2 s, sent again after {waited:.1f} s, others served meanwhile")
    assert waited >= at_least
    assert platform.violations() == []


@every_pushed
async def test_a_throttled_line_waits_and_is_not_lost(platform: Door) -> None:
    platform.throttles()
    await platform.deliver(1, "chào")
    await platform.has_received(1)

    async def asked_for_patience() -> bool:
        waits = await platform.waiting()
        return bool(waits) and max(waits) > 0.5

    await eventually(asked_for_patience, what="a line that waits")
    assert OutboxState.FAILED not in await platform.deliveries()
    assert platform.violations() == []


@by_zalo_bot
async def test_a_chat_the_platform_refuses_is_seen_at_the_desk(platform: ZaloBot) -> None:
    """It tells nobody of blocking: what does not arrive is at least visible."""
    platform.blocks()
    await platform.deliver(1, "chào")
    began = asyncio.get_running_loop().time()

    async def failed() -> bool:
        return OutboxState.FAILED in await platform.deliveries()

    await eventually(failed)
    print(
        f"figure: a chat that the platform refuses is shown as failed after {asyncio.get_running_loop().time() - began:.1f} s"
    )


@tells_of_blocking
async def test_who_blocked_us_is_known_and_nothing_more_is_sent(platform: Door) -> None:
    platform.blocks()
    await platform.deliver(1, "chào")
    began = asyncio.get_running_loop().time()

    async def known() -> bool:
        contact = await platform.contact()
        return contact is not None and contact.blocked_at is not None

    await eventually(known)
    print(f"figure: who has blocked us is shown so after {asyncio.get_running_loop().time() - began:.1f} s")
    await asyncio.sleep(0.7)
    assert set(await platform.deliveries()) == {OutboxState.FAILED}, "visibly, and every line of the lane"
    platform.blocks(on=False)
    await platform.deliver(2, "em quay lại")
    await answered(platform)


@every_pushed
async def test_no_secret_and_no_text_is_in_any_log(
    platform: Door, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    set_up_logs("debug")
    logging.getLogger().addHandler(caplog.handler)
    caplog.set_level("DEBUG")
    try:
        await platform.deliver(1, "chim hoàng yến")
        await answered(platform)
        platform.throttles()
        await platform.deliver(2, "chim hoàng yến")
        await platform.has_received(2)
        await platform.deliver_unknown(3)
        await asyncio.sleep(0.2)
    finally:
        structlog.reset_defaults()
    out = capfd.readouterr()
    said = out.out + out.err + caplog.text
    assert [secret for secret in (*platform.secrets, "chim hoàng yến", "Bình An đây") if secret in said] == []
    assert len(platform.platform_id) < 8 or platform.platform_id not in said


def test_all_kinds_are_tried() -> None:
    assert {*TELEGRAM, *HOOKED, *PUSHED, "web"} == set(KINDS)


@every_webhook
async def test_the_probe_of_channels_check_is_nobodys_message(platform: Door) -> None:
    """What the check brings to our own webhook is taken, and makes nobody."""
    from bot.channels import telegram_webhook, zalo_bot

    body = {
        "webhook": telegram_webhook.NOBODYS,
        "zalo-bot": zalo_bot.NOBODYS,
    }.get("webhook" if "telegram" in platform.route else platform.route.split("/")[2])
    body = body or b'{"app_id": "1", "event_name": "oa_send_text", "timestamp": "17"}'
    assert (await platform.post_raw(body, platform.signed(body)))[0] == 200
    assert (await platform.post_raw(body, {}))[0] == 401
    count = await platform.running.service.storage.door.read(lambda uow: len(uow.contacts.ready(9)))
    assert count == 0

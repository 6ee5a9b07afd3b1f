"""What every channel must do, tried on each: Telegram fetched, Telegram brought, the web page."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from handlers.errors import StorageUnavailable
from handlers.model import Address
from storage.door import SqliteDoor
from tests.contract.platforms import CHAT, SECRET, Door, door, post_raw, update
from tests.e2e.harness import eventually
from tests.fakes.telegram import Fault

KINDS = ("polling", "webhook", "web")
TELEGRAM = ("polling", "webhook")
SIGNED = {"X-Telegram-Bot-Api-Secret-Token": SECRET}


@pytest.fixture
async def platform(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Door]:
    async with door(request.param, tmp_path) as opened:
        yield opened


every_channel = pytest.mark.parametrize("platform", KINDS, indirect=True)
every_telegram = pytest.mark.parametrize("platform", TELEGRAM, indirect=True)
by_webhook = pytest.mark.parametrize("platform", ["webhook"], indirect=True)
by_polling = pytest.mark.parametrize("platform", ["polling"], indirect=True)


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

    async def answered() -> bool:
        return bool(await platform.answers())

    await eventually(answered)


@every_channel
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
    assert await platform.deliver(1, "em cần giúp") == 200
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
    assert await platform.deliver(2, "còn em") == 200

    async def received() -> bool:
        return "còn em" in await platform.received()

    await eventually(received)


@by_webhook
async def test_without_the_right_secret_nothing_is_stored_and_all_answers_are_alike(platform: Door) -> None:
    wrong = ["", "x", SECRET[:-1], SECRET + "x", SECRET.upper(), "mật-khẩu", " " + SECRET[1:]]
    forged: list[dict[str, str]] = [
        {},
        *({"X-Telegram-Bot-Api-Secret-Token": value} for value in wrong if value.isascii()),
    ]
    body = '{"update_id": 1, "message": {"chat": {"id": 5, "type": "private"}, "text": "x"}}'
    answers = {await post_raw(platform, body, headers) for headers in forged}
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401
    await asyncio.sleep(0.1)
    found = await platform.running.service.storage.door.read(lambda uow: uow.contacts.find(Address("tg", "5")))
    assert found is None


@by_webhook
async def test_only_post_of_a_body_of_decent_size_comes_in(platform: Door) -> None:
    assert (await post_raw(platform, b"x" * 200_000, SIGNED))[0] == 413

    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"y" * 5_000

    assert (await post_raw(platform, trickle(), SIGNED))[0] == 413
    assert (await post_raw(platform, b"{}", {**SIGNED, "Content-Encoding": "gzip"}))[0] in (400, 415)
    async with platform.running.http.get(f"{platform.running.base}/webhooks/telegram/tg") as answer:
        assert answer.status == 405


@by_webhook
async def test_a_body_that_comes_in_pieces_is_read_whole(platform: Door) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for part in ('{"update_id": 9, "message": {"chat": {"id": 77, "type": "pri', 'vate"}, "text": "em đây"}}'):
            yield part.encode()
            await asyncio.sleep(0.05)

    assert (await post_raw(platform, pieces(), SIGNED))[0] == 200
    await platform.has_received(1)
    assert await platform.received() == ["em đây"]


@every_telegram
async def test_groups_and_channels_are_ignored(platform: Door) -> None:
    fake = platform.running.telegram
    for number, kind in enumerate(("group", "supergroup", "channel", "")):
        strange = update(number, chat={"id": CHAT, "type": kind, "title": "nhóm"}, text="cứu em")
        if fake.webhook:
            assert await fake.deliver(strange) == [200]
        else:
            fake.brings(strange)
    await platform.deliver(50, "riêng em")
    await platform.has_received(1)
    assert await platform.received() == ["riêng em"]


@every_telegram
async def test_a_throttled_chat_waits_as_long_as_asked_and_others_do_not(platform: Door) -> None:
    fake = platform.running.telegram
    fake.faults.append(Fault("429", retry_after=2))
    await platform.deliver(1, "chào")
    await eventually(lambda: CHAT in fake.throttled_until)
    throttled_at = asyncio.get_running_loop().time()
    other = update(2, chat={"id": 78, "type": "private"}, text="chào")
    fake.chats.add(78)
    if fake.webhook:
        await fake.deliver(other)
    else:
        fake.brings(other)
    await eventually(lambda: bool(fake.of(78)))
    assert not fake.of(CHAT), "the other one is served meanwhile"
    await eventually(lambda: bool(fake.of(CHAT)))
    assert asyncio.get_running_loop().time() - throttled_at >= 1.7
    assert fake.violations == []


@every_telegram
async def test_who_blocked_us_is_known_and_nothing_more_is_sent(platform: Door) -> None:
    fake = platform.running.telegram
    fake.blocked.add(CHAT)
    await platform.deliver(1, "chào")

    async def known() -> bool:
        contact = await platform.running.service.storage.door.read(
            lambda uow: uow.contacts.find(Address("tg", str(CHAT)))
        )
        return contact is not None and contact.blocked_at is not None

    await eventually(known)
    tried = [method for method, _ in fake.calls].count("sendMessage")
    await asyncio.sleep(0.7)
    assert [method for method, _ in fake.calls].count("sendMessage") == tried
    fake.blocked.clear()
    await platform.deliver(2, "em quay lại")
    await eventually(lambda: bool(fake.of(CHAT)))


@by_polling
async def test_updates_that_were_not_confirmed_come_again_and_change_nothing(platform: Door) -> None:
    fake = platform.running.telegram
    fake.forgetful = 3
    for number in range(4):
        await platform.deliver(number, f"tin {number}")
    await platform.has_received(4)
    await asyncio.sleep(0.2)
    assert await platform.received() == [f"tin {number}" for number in range(4)]


@by_polling
async def test_a_platform_that_fails_is_asked_again(platform: Door) -> None:
    fake = platform.running.telegram
    fake.away = True
    fake.brings(update(1, text="em đây"))
    await asyncio.sleep(0.3)
    assert await platform.received() == []
    fake.away = False
    await platform.has_received(1)


HOSTILE_UPDATES: list[Callable[[], object]] = [
    list, dict, lambda: 5, lambda: None, lambda: "x", lambda: {"update_id": "x"}, lambda: {"update_id": None, "message": {}},
    lambda: {"update_id": 1, "message": {"chat": {}}}, lambda: {"update_id": 1, "message": {"chat": {"id": "x" * 500}}},
    lambda: {"update_id": 10**400, "message": {"chat": {"id": 10**300, "type": "private"}, "text": "x"}},
]  # fmt: skip


@every_telegram
async def test_updates_of_no_known_shape_stop_nobody_behind_them(platform: Door) -> None:
    fake = platform.running.telegram
    for make in HOSTILE_UPDATES:
        if fake.webhook:
            assert set(await fake.deliver(make())) == {200}  # type: ignore[arg-type]
        elif isinstance(made := make(), dict) and isinstance(made.get("update_id"), int) and made["update_id"] < 10**9:
            fake.brings(made)
    await platform.deliver(60, "em đây")
    await platform.has_received(1)


def test_all_kinds_are_tried() -> None:
    assert set(itertools.chain(TELEGRAM, ["web"])) == set(KINDS)

"""Files of strangers come from the platform's own servers, and from nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.channels.fetching import fetch, is_theirs
from bot.channels.sending import Caller
from bot.channels.telegram import TelegramChannel
from bot.channels.telegram_updates import parse as telegram_parse
from bot.channels.zalo_bot_updates import parse as bot_parse
from bot.channels.zalo_oa_events import parse as oa_parse
from handlers.errors import FetchLater
from handlers.model import Attachment, MediaKind
from handlers.ports import Fetches
from tests.fakes.telegram import FakeTelegram
from tests.fakes.zalo_bot import FakeZaloBot
from tests.unit.channels.test_telegram import make

BASE = "https://openapi.zalo.me"


@pytest.mark.parametrize(
    ("url", "theirs"),
    [
        ("https://f2-voice-aac-dl.zdn.vn/a/b.aac", True),
        ("https://photo.zadn.vn/x.jpg?y=1", True),
        ("https://openapi.zalo.me/v2/file", True),
        ("http://photo.zadn.vn/x.jpg", False),
        ("https://photo.zadn.vn:8443/x.jpg", False),
        ("https://zadn.vn.example.org/x.jpg", False),
        ("https://evilzadn.vn/x.jpg", False),
        ("https://user@photo.zadn.vn/x.jpg", False),
        ("https://photo.zadn.vn@example.org/", False),
        ("https://127.0.0.1/x", False),
        ("https://169.254.169.254/latest/meta-data", False),
        ("https://[::1]/x", False),
        ("file:///etc/passwd", False),
        ("https://photo.zadn.vn:port/x", False),
        ("//photo.zadn.vn/x", False),
        ("", False),
    ],
)
def test_only_the_platforms_own_servers_are_asked(url: str, theirs: bool) -> None:
    assert is_theirs(url, BASE) is theirs


@pytest.fixture
async def zalo() -> AsyncIterator[FakeZaloBot]:
    one = await FakeZaloBot().start()
    yield one
    await one.stop()


async def test_a_file_is_fetched_up_to_its_limit(zalo: FakeZaloBot) -> None:
    zalo.files = {"small": b"x" * 100, "large": b"x" * 2000}
    caller = Caller()
    try:
        assert await fetch(caller, f"{zalo.base_url}/media/small", 1000, zalo.base_url) == b"x" * 100
        assert await fetch(caller, f"{zalo.base_url}/media/large", 1000, zalo.base_url) is None
        assert await fetch(caller, f"{zalo.base_url}/media/gone", 1000, zalo.base_url) is None
        assert await fetch(caller, "http://127.0.0.1:1/x", 1000, zalo.base_url) is None, "nobody is asked"
        base = zalo.base_url
        await zalo.stop()
        with pytest.raises(FetchLater):
            await fetch(caller, f"{base}/media/small", 1000, base)
    finally:
        await caller.close()


@pytest.fixture
async def telegram() -> AsyncIterator[tuple[FakeTelegram, TelegramChannel]]:
    fake = await FakeTelegram().start()
    channel = make(base_url=fake.base_url)
    yield fake, channel
    await channel.close()
    await fake.stop()


async def test_telegram_gives_a_file_by_its_id(telegram: tuple[FakeTelegram, TelegramChannel]) -> None:
    fake, channel = telegram
    assert isinstance(channel, Fetches)
    fake.files = {"f": b"x" * 100, "huge": b"x" * 3000}
    assert await channel.fetch("f", 1000) == b"x" * 100
    assert await channel.fetch("huge", 1000) is None
    assert await channel.fetch("unknown", 1000) is None
    fake.away = True
    with pytest.raises(FetchLater):
        await channel.fetch("f", 1000)


def keyed(text: str) -> str:
    return "k"


TELEGRAM: list[tuple[dict[str, Any], Attachment | None]] = [
    ({"photo": [{"file_id": "s", "file_size": 1}, {"file_id": "l", "file_size": 9}]}, Attachment(MediaKind.IMAGE, "l")),
    ({"voice": {"file_id": "v", "duration": 3}, "caption": "nghe nhé"}, Attachment(MediaKind.VOICE, "v")),
    ({"video": {"file_id": "x"}}, None),
    ({"document": {"file_id": "x"}}, None),
    ({"sticker": {"file_id": "x"}}, None),
    ({"photo": []}, None),
    ({"photo": "nonsense"}, None),
    ({"voice": {"file_id": 7}}, None),
]


@pytest.mark.parametrize(("content", "attached"), TELEGRAM)
def test_telegrams_pictures_and_voice_notes(content: dict[str, Any], attached: Attachment | None) -> None:
    message = {"message_id": 5, "chat": {"id": 42, "type": "private"}, **content}
    found = telegram_parse("tg", {"update_id": 1, "message": message})
    assert found is not None
    if found.attachment is not None and attached is not None:
        assert found.attachment.kind is attached.kind
    assert (found.attachment.source if found.attachment else "") == (
        attached.source if attached else found_source(found)
    )


def found_source(found: Any) -> str:
    """A number where an id should be is read as one; nothing else is."""
    return "7" if found.attachment is not None else ""


@pytest.mark.parametrize(
    ("name", "content", "attached"),
    [
        (
            "message.image.received",
            {"photo_url": "https://a.zdn.vn/1"},
            Attachment(MediaKind.IMAGE, "https://a.zdn.vn/1"),
        ),
        ("message.image.received", {"photo": "https://a.zdn.vn/2"}, Attachment(MediaKind.IMAGE, "https://a.zdn.vn/2")),
        (
            "message.voice.received",
            {"voice_url": "https://a.zdn.vn/3"},
            Attachment(MediaKind.VOICE, "https://a.zdn.vn/3"),
        ),
        ("message.image.received", {}, None),
        ("message.sticker.received", {"url": "https://a.zdn.vn/4", "photo_url": "x"}, None),
    ],
)
def test_what_a_zalo_bot_gets(name: str, content: dict[str, Any], attached: Attachment | None) -> None:
    message = {"chat": {"id": "w", "chat_type": "PRIVATE"}, "message_id": "m", "from": {"id": "w"}, **content}
    found = bot_parse("zb", {"event_name": name, "message": message}, keyed)
    assert found is not None
    assert found.attachment == attached


@pytest.mark.parametrize(
    ("name", "attached"),
    [
        ("user_send_image", Attachment(MediaKind.IMAGE, "https://a.zadn.vn/1")),
        ("anonymous_send_image", Attachment(MediaKind.IMAGE, "https://a.zadn.vn/1")),
        ("user_send_audio", Attachment(MediaKind.VOICE, "https://a.zadn.vn/1")),
        ("user_send_file", None),
        ("user_send_sticker", None),
    ],
)
def test_what_an_official_account_gets(name: str, attached: Attachment | None) -> None:
    payload = {"url": "https://a.zadn.vn/1", "thumbnail": "https://a.zadn.vn/t"}
    message = {"msg_id": "m", "conversation_id": "c", "attachments": [{"type": "x", "payload": payload}]}
    found = oa_parse("oa", {"event_name": name, "sender": {"id": "w"}, "message": message, "timestamp": "1"}, keyed)
    assert found is not None
    assert found.attachment == attached

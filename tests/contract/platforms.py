"""The three doors a seeker can come through, with one set of handles: what the channel contract is tried on."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bot.channels.webchat import new_token
from handlers.model import Address, Direction
from tests.e2e.harness import Program, eventually, program
from tests.fakes.telegram import TOKEN, FakeTelegram

SECRET = "webhook-secret-for-tests-only"
CHAT = 77


@dataclass
class Door:
    """One platform in front of the running program."""

    running: Program
    channel: str
    platform_id: str

    async def deliver(self, key: int, text: str) -> int:
        """The platform brings message `key` of our person, perhaps again; the HTTP status it gets (200 for polling)."""
        raise NotImplementedError

    async def deliver_strange(self) -> None:
        """Something that is no text."""
        raise NotImplementedError

    async def received(self) -> list[str]:
        """Her lines in the transcript, in order."""

        def read(uow: Any) -> list[str]:
            contact = uow.contacts.find(Address(self.channel, self.platform_id))
            cases = uow.cases.all_of(contact.uid) if contact else []
            return [
                line.text for case in cases for line in uow.lines.of_case(case.uid) if line.direction is Direction.IN
            ]

        return await self.running.service.storage.door.read(read)

    async def answers(self) -> list[str]:
        """What she sees of us."""
        return [message.text for message in self.running.telegram.of(CHAT)]

    async def has_received(self, count: int) -> None:
        async def there() -> bool:
            return len(await self.received()) >= count

        await eventually(there, what=f"{count} lines of hers")


class Webhook(Door):
    """Telegram brings updates."""

    async def deliver(self, key: int, text: str) -> int:
        (status,) = await self.running.telegram.deliver(update(key, text=text))
        return status

    async def deliver_strange(self) -> None:
        await self.running.telegram.deliver(update(99, voice={"file_id": "x", "duration": 3}))


class Polling(Door):
    """We fetch updates."""

    async def deliver(self, key: int, text: str) -> int:
        self.running.telegram.brings(update(key, text=text))
        await eventually(lambda: self.running.telegram.unconfirmed() == 0, what="the update is confirmed")
        return 200

    async def deliver_strange(self) -> None:
        self.running.telegram.sends(CHAT, voice={"file_id": "x", "duration": 3})


@dataclass
class WebPage(Door):
    """The page posts forms."""

    run: str = field(default_factory=lambda: secrets.token_hex(8))

    async def deliver(self, key: int, text: str) -> int:
        return await self.post({"text": text, "mid": f"key-{self.run}-{key}"})

    async def deliver_strange(self) -> None:
        await self.post({"act": "start", "mid": f"start-{self.run}"})

    async def post(self, fields: dict[str, str]) -> int:
        sent = {"token": self.platform_id, "after": "0", **fields}
        headers = {"Accept": "application/json"}
        async with self.running.http.post(self.running.base + "/", data=sent, headers=headers) as answer:
            if answer.status == 200:
                self.seen = [line["text"] for line in (await answer.json())["lines"] if line["who"] != "me"]
            return answer.status

    async def answers(self) -> list[str]:
        await self.post({"act": "look"})
        return self.seen


def update(key: int, *, chat: dict[str, Any] | None = None, **content: Any) -> dict[str, Any]:
    """One Telegram update of our person, with what the platform sends beside it."""
    person = {"id": CHAT, "is_bot": False, "first_name": "Firstname77", "username": "username77"}
    message = {"message_id": key, "date": 1, "chat": chat or {"id": CHAT, "type": "private"}, "from": person, **content}
    return {"update_id": 5000 + key, "message": message}


@asynccontextmanager
async def door(kind: str, tmp_path: Path) -> AsyncIterator[Door]:
    """The program with one platform in front."""
    fake = await FakeTelegram().start()
    fake.chats.add(CHAT)
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "telegram-token").write_text(TOKEN)
    channel: dict[str, Any] = {
        "name": "tg", "platform": "telegram", "token": f"file:{tmp_path}/telegram-token", "base_url": fake.base_url,
        "poll_timeout_s": 1,
    }  # fmt: skip
    if kind == "webhook":
        channel |= {"mode": "webhook", "webhook_secret": f"file:{tmp_path}/secret"}
    try:
        async with program(tmp_path, telegram=fake, channels=[channel]) as running:
            if kind == "webhook":
                fake.webhook = (f"{running.base}/webhooks/telegram/tg", SECRET)
            if kind == "web":
                yield WebPage(running, "web", new_token())
            else:
                yield (Webhook if kind == "webhook" else Polling)(running, "tg", str(CHAT))
    finally:
        await fake.stop()


async def post_raw(where: Door, body: Any, headers: dict[str, str]) -> tuple[int, bytes]:
    """POST anything to the webhook."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{where.running.base}/webhooks/telegram/tg", data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.read()

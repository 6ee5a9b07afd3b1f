"""The doors a seeker can come through, with one set of handles: what the channel contract is tried on."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
from sqlalchemy import select

from bot.channels.webchat import new_token
from handlers.model import Address, Contact, Direction, OutboxState
from storage.tables import outbox
from tests.e2e.harness import Program, eventually, program
from tests.fakes import zalo_bot, zalo_oa
from tests.fakes.telegram import TOKEN, FakeTelegram, Fault
from tests.fakes.zalo_bot import FakeZaloBot
from tests.fakes.zalo_oa import FakeZaloOa

SECRET = "webhook-secret-for-tests-only"
CHAT = 77
OTHER = 78
MAX_BODY = 200_000  # more than any platform's


@dataclass
class Door:
    """One platform in front of the running program."""

    running: Program
    channel: str
    platform_id: str
    route: str = ""  # of the webhook, where the platform brings messages
    secrets: tuple[str, ...] = ()  # what must be in no log
    pushes: ClassVar[bool] = True  # False: the reader fetches

    # --- she writes --------------------------------------------------------------------------------------------------

    async def deliver(self, key: int, text: str, who: str = "") -> int:
        """The platform brings message `key` of our person, perhaps again; the HTTP status it gets (200 for polling)."""
        raise NotImplementedError

    async def deliver_strange(self) -> None:
        """Something that is no text."""
        raise NotImplementedError

    async def deliver_unknown(self, key: int) -> None:
        """A message of a shape that nobody knows yet."""
        raise NotImplementedError

    async def deliver_picture(self, caption: str) -> None:
        """A picture with words beside it."""
        raise NotImplementedError

    async def deliver_edit(self, key: int, text: str) -> None:
        """She changes message `key`."""
        raise NotImplementedError

    def fetched(self) -> int:
        """How often the platform was asked for a file."""
        raise NotImplementedError

    async def presses(self, label: str) -> None:
        """She takes the newest choice with this label, the way the platform lets her; waits until it is there."""

        async def there() -> bool:
            return label in await self.offered()

        await eventually(there, what=f"choice {label!r}")
        await self.press((await self.offered())[label])

    async def offered(self) -> dict[str, str]:
        """The choices she sees: label and what choosing it sends."""
        raise NotImplementedError

    async def press(self, data: str) -> None:
        """She takes it."""
        raise NotImplementedError

    # --- what she sees ---------------------------------------------------------------------------------------------------

    async def answers(self, who: str = "") -> list[str]:
        """What she sees of us."""
        raise NotImplementedError

    # --- the platform's moods ----------------------------------------------------------------------------------------------

    def throttles(self) -> float:
        """The next message to her is refused for a while; so many seconds."""
        raise NotImplementedError

    def blocks(self, *, on: bool = True) -> None:
        """She blocks us, or no longer."""
        raise NotImplementedError

    def violations(self) -> list[str]:
        """What the platform has to complain of."""
        return []

    # --- the webhook -------------------------------------------------------------------------------------------------------

    def signed(self, body: bytes) -> dict[str, str]:
        """Headers that prove the platform sent this body."""
        raise NotImplementedError

    def forged(self, body: bytes) -> list[dict[str, str]]:
        """Headers that prove nothing."""
        raise NotImplementedError

    def body(self, key: int, text: str) -> bytes:
        """The body in which the platform brings this message."""
        raise NotImplementedError

    async def post_raw(self, body: Any, headers: dict[str, str]) -> tuple[int, bytes]:
        """POST anything to the webhook."""
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.running.base}{self.route}", data=body, headers=headers) as answer,
        ):
            return answer.status, await answer.read()

    # --- what became of it ----------------------------------------------------------------------------------------------------

    async def contact(self, who: str = "") -> Contact | None:
        address = Address(self.channel, who or self.platform_id)
        return await self.running.service.storage.door.read(lambda uow: uow.contacts.find(address))

    async def received(self) -> list[str]:
        """Her lines in the transcript, in order."""

        def read(uow: Any) -> list[str]:
            contact = uow.contacts.find(Address(self.channel, self.platform_id))
            cases = uow.cases.all_of(contact.uid) if contact else []
            return [
                line.text for case in cases for line in uow.lines.of_case(case.uid) if line.direction is Direction.IN
            ]

        return await self.running.service.storage.door.read(read)

    async def deliveries(self) -> list[OutboxState]:
        """What became of our lines to her, in order."""

        def read(uow: Any) -> list[OutboxState]:
            contact = uow.contacts.find(Address(self.channel, self.platform_id))
            cases = uow.cases.all_of(contact.uid) if contact else []
            lines = [line for case in cases for line in uow.lines.of_case(case.uid)]
            return [line.delivery for line in lines if line.delivery is not None]

        return await self.running.service.storage.door.read(read)

    async def waiting(self) -> list[float]:
        """Of what waits to go out to her: in how many seconds it is tried."""

        def read(uow: Any) -> list[float]:
            contact = uow.contacts.find(Address(self.channel, self.platform_id))
            if contact is None:
                return []
            hers = (outbox.c.contact_uid == contact.uid) & (outbox.c.state == OutboxState.PENDING)
            found = uow.execute(select(outbox.c.next_attempt_at).where(hers), {}).all()
            return [(row.next_attempt_at - uow.now).total_seconds() for row in found]

        return await self.running.service.storage.door.read(read)

    async def has_received(self, count: int) -> None:
        async def there() -> bool:
            return len(await self.received()) >= count

        await eventually(there, what=f"{count} lines of hers")


# --- Telegram ------------------------------------------------------------------------------------------------------------


class Telegram(Door):
    """What both ways of Telegram share."""

    @property
    def fake(self) -> FakeTelegram:
        return self.running.telegram

    async def brings(self, raw: dict[str, Any]) -> int:
        raise NotImplementedError

    async def deliver(self, key: int, text: str, who: str = "") -> int:
        chat = int(who or CHAT)
        self.fake.chats.add(chat)
        return await self.brings(update(key, chat={"id": chat, "type": "private"}, text=text))

    async def deliver_strange(self) -> None:
        await self.brings(update(99, voice={"file_id": "x", "duration": 3}))

    async def deliver_unknown(self, key: int) -> None:
        await self.brings(update(key, text={"a": "shape of tomorrow"}))

    async def deliver_picture(self, caption: str) -> None:
        await self.brings(update(98, photo=[{"file_id": "x", "file_size": 9}], caption=caption))

    async def deliver_edit(self, key: int, text: str) -> None:
        raw = update(key, text=text)
        await self.brings({"update_id": next(_numbers), "edited_message": raw["message"] | {"edit_date": 2}})

    def fetched(self) -> int:
        return self.fake.asked_for_files

    async def offered(self) -> dict[str, str]:
        return {label: data for message in self.fake.of(CHAT) for label, data in message.buttons}

    async def press(self, data: str) -> None:
        chat = {"id": CHAT, "type": "private"}
        query = {"id": secrets.token_hex(4), "data": data, "message": {"message_id": 1, "chat": chat}}
        await self.brings({"update_id": next(_numbers), "callback_query": query})

    async def answers(self, who: str = "") -> list[str]:
        return [message.text for message in self.fake.of(int(who or CHAT))]

    def throttles(self) -> float:
        self.fake.faults.append(Fault("429", retry_after=2))
        return 1.7

    def blocks(self, *, on: bool = True) -> None:
        (self.fake.blocked.add if on else self.fake.blocked.discard)(CHAT)

    def violations(self) -> list[str]:
        return self.fake.violations


class Webhook(Telegram):
    """Telegram brings updates."""

    async def brings(self, raw: dict[str, Any]) -> int:
        (status,) = await self.fake.deliver(raw)
        return status

    def signed(self, body: bytes) -> dict[str, str]:
        return {"X-Telegram-Bot-Api-Secret-Token": SECRET}

    def forged(self, body: bytes) -> list[dict[str, str]]:
        wrong = ["", "x", SECRET[:-1], SECRET + "x", SECRET.upper(), " " + SECRET[1:]]
        return [{}, *({"X-Telegram-Bot-Api-Secret-Token": value} for value in wrong)]

    def body(self, key: int, text: str) -> bytes:
        return json.dumps(update(key, text=text)).encode()


class Polling(Telegram):
    """We fetch updates."""

    async def brings(self, raw: dict[str, Any]) -> int:
        self.fake.brings(raw)
        await eventually(lambda: self.fake.unconfirmed() == 0, what="the update is confirmed")
        return 200

    async def deliver_strange(self) -> None:
        self.fake.sends(CHAT, voice={"file_id": "x", "duration": 3})


_numbers = itertools.count(900_000)


def update(key: int, *, chat: dict[str, Any] | None = None, **content: Any) -> dict[str, Any]:
    """One Telegram update of our person, with what the platform sends beside it."""
    person = {"id": CHAT, "is_bot": False, "first_name": "Firstname77", "username": "username77"}
    message = {"message_id": key, "date": 1, "chat": chat or {"id": CHAT, "type": "private"}, "from": person, **content}
    return {"update_id": 5000 + key, "message": message}


# --- Zalo Official Account ---------------------------------------------------------------------------------------------------


@dataclass
class ZaloOa(Door):
    """Zalo brings events of an Official Account."""

    fake: FakeZaloOa = field(default_factory=FakeZaloOa)

    async def deliver(self, key: int, text: str, who: str = "") -> int:
        return await self.fake.types(who or self.platform_id, text, f"message-{key}-{who}")

    async def deliver_strange(self) -> None:
        await self.fake.sends_media(self.platform_id, "audio", "https://f.example/x.amr")

    async def deliver_unknown(self, key: int) -> None:
        message = {"text": {"a": "shape of tomorrow"}, "msg_id": f"message-{key}-"}
        await self.fake.deliver(self.fake.event("user_send_text", self.platform_id, message=message))

    async def deliver_picture(self, caption: str) -> None:
        await self.fake.sends_media(self.platform_id, "image", f"{self.fake.base_url}/media/x", caption)

    def fetched(self) -> int:
        return self.fake.asked_for_files

    async def offered(self) -> dict[str, str]:
        return {label: data for message in self.fake.of(self.platform_id) for label, data in message.buttons}

    async def press(self, data: str) -> None:
        await self.fake.types(self.platform_id, data)

    async def answers(self, who: str = "") -> list[str]:
        return [message.text for message in self.fake.of(who or self.platform_id)]

    def throttles(self) -> float:
        self.fake.faults.append("error:-32")
        return 0.0  # a minute in earnest

    def blocks(self, *, on: bool = True) -> None:
        (self.fake.unreachable.add if on else self.fake.unreachable.discard)(self.platform_id)

    def violations(self) -> list[str]:
        return self.fake.violations

    def signed(self, body: bytes) -> dict[str, str]:
        return self.fake.headers(body, _stamp(body))

    def forged(self, body: bytes) -> list[dict[str, str]]:
        good = self.signed(body)["X-ZEvent-Signature"]
        other = self.signed(body + b" ")["X-ZEvent-Signature"]
        wrong = ["", "mac=", "mac=" + "0" * 64, good[:-1], good[:-1] + ("0" if good[-1] != "0" else "1"), other]
        return [{}, *({"X-ZEvent-Signature": value} for value in wrong)]

    def body(self, key: int, text: str) -> bytes:
        return json.dumps(self.fake.text_event(self.platform_id, text, f"message-{key}-")).encode()


def _stamp(body: bytes) -> str:
    try:
        return str(json.loads(body).get("timestamp", ""))
    except (ValueError, AttributeError, RecursionError):
        return ""


# --- Zalo Bot ------------------------------------------------------------------------------------------------------------------


@dataclass
class ZaloBot(Door):
    """A bot of the Zalo Bot Platform: it brings updates, or we fetch them. Choices are numbers."""

    fake: FakeZaloBot = field(default_factory=FakeZaloBot)

    async def brings(self, raw: dict[str, Any]) -> int:
        status = await self.fake.brings(raw)
        await eventually(lambda: self.fake.unfetched() == 0, what="the update is fetched")
        return status

    async def deliver(self, key: int, text: str, who: str = "") -> int:
        raw = self.fake.update("message.text.received", who or self.platform_id, f"message-{key}-{who}", text=text)
        return await self.brings(raw)

    async def deliver_strange(self) -> None:
        await self.brings(self.fake.update("message.sticker.received", self.platform_id, sticker="x"))

    async def deliver_unknown(self, key: int) -> None:
        text = {"a": "shape of tomorrow"}
        await self.brings(self.fake.update("message.text.received", self.platform_id, f"message-{key}-", text=text))

    async def deliver_picture(self, caption: str) -> None:
        url = f"{self.fake.base_url}/media/x"
        raw = self.fake.update("message.image.received", self.platform_id, photo_url=url, caption=caption)
        await self.brings(raw)

    def blocks(self, *, on: bool = True) -> None:
        (self.fake.blocked.add if on else self.fake.blocked.discard)(self.platform_id)

    def fetched(self) -> int:
        return self.fake.asked_for_files

    async def offered(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for message in self.fake.of(self.platform_id):
            for number, label in re.findall(r"^(\d+)\. (.+)$", message.text, re.MULTILINE):
                found[label] = number
        return found

    async def press(self, data: str) -> None:
        await self.brings(self.fake.update("message.text.received", self.platform_id, text=data))

    async def answers(self, who: str = "") -> list[str]:
        return [message.text for message in self.fake.of(who or self.platform_id)]

    def throttles(self) -> float:
        self.fake.faults.append("429")
        return 0.0  # a minute in earnest

    def violations(self) -> list[str]:
        return self.fake.violations

    def signed(self, body: bytes) -> dict[str, str]:
        return {"X-Bot-Api-Secret-Token": zalo_bot.SECRET}

    def forged(self, body: bytes) -> list[dict[str, str]]:
        wrong = ["", "x", zalo_bot.SECRET[:-1], zalo_bot.SECRET + "x", zalo_bot.SECRET.upper()]
        return [{}, *({"X-Bot-Api-Secret-Token": value} for value in wrong)]

    def body(self, key: int, text: str) -> bytes:
        raw = self.fake.update("message.text.received", self.platform_id, f"message-{key}-", text=text)
        return json.dumps(self.fake.written(raw)).encode()


# --- the page ------------------------------------------------------------------------------------------------------------------


@dataclass
class WebPage(Door):
    """The page posts forms."""

    run: str = field(default_factory=lambda: secrets.token_hex(8))
    pushes: ClassVar[bool] = False

    async def deliver(self, key: int, text: str, who: str = "") -> int:
        return await self.post({"text": text, "mid": f"key-{self.run}-{key}"})

    async def deliver_strange(self) -> None:
        await self.post({"act": "start", "mid": f"start-{self.run}"})

    async def offered(self) -> dict[str, str]:
        await self.post({"act": "look"})
        return {button["label"]: button["data"] for line in self.shown for button in line["buttons"]}

    async def press(self, data: str) -> None:
        await self.post({"choice": data, "mid": secrets.token_urlsafe(12)})

    async def post(self, fields: dict[str, str]) -> int:
        sent = {"token": self.platform_id, "after": "0", **fields}
        headers = {"Accept": "application/json"}
        async with self.running.http.post(self.running.base + "/", data=sent, headers=headers) as answer:
            if answer.status == 200:
                self.shown = [line for line in (await answer.json())["lines"] if line["who"] != "me"]
            return answer.status

    async def answers(self, who: str = "") -> list[str]:
        await self.post({"act": "look"})
        return [line["text"] for line in self.shown]


# --- opening -------------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def door(kind: str, tmp_path: Path) -> AsyncIterator[Door]:
    """The program with one platform in front."""
    opening = {"zalo-oa": _zalo_oa, "zalo-bot": _zalo_bot, "zalo-bot-polling": _zalo_bot}.get(kind, _telegram_or_page)
    async with opening(kind, tmp_path) as opened:
        yield opened


def secret_file(tmp_path: Path, name: str, value: str) -> str:
    """A reference to a secret of this value."""
    (tmp_path / name).write_text(value)
    return f"file:{tmp_path / name}"


@asynccontextmanager
async def _telegram_or_page(kind: str, tmp_path: Path) -> AsyncIterator[Door]:
    fake = await FakeTelegram().start()
    fake.chats |= {CHAT, OTHER}
    channel: dict[str, Any] = {
        "name": "tg", "platform": "telegram", "token": secret_file(tmp_path, "telegram-token", TOKEN),
        "base_url": fake.base_url, "poll_timeout_s": 1,
    }  # fmt: skip
    if kind == "webhook":
        channel |= {"mode": "webhook", "webhook_secret": secret_file(tmp_path, "secret", SECRET)}
    try:
        async with program(tmp_path, telegram=fake, channels=[channel]) as running:
            if kind == "webhook":
                fake.webhook = (f"{running.base}/webhooks/telegram/tg", SECRET)
            if kind == "web":
                yield WebPage(running, "web", new_token())
            else:
                opened = (Webhook if kind == "webhook" else Polling)(running, "tg", str(CHAT))
                opened.route, opened.secrets = "/webhooks/telegram/tg", (TOKEN, SECRET)
                yield opened
    finally:
        await fake.stop()


@asynccontextmanager
async def _zalo_oa(kind: str, tmp_path: Path) -> AsyncIterator[Door]:
    fake = await FakeZaloOa().start()
    channel = zalo_oa_channel(fake, tmp_path)
    telegram = await FakeTelegram().start()  # nobody uses it; the harness wants one
    try:
        async with program(tmp_path, telegram=telegram, channels=[channel]) as running:
            fake.clock = lambda: running.clock().timestamp()
            fake.webhook = f"{running.base}/webhooks/zalo-oa/zalo"
            opened = ZaloOa(running, "zalo", "5200000000000000042", "/webhooks/zalo-oa/zalo", fake=fake)
            opened.secrets = (zalo_oa.APP_SECRET, zalo_oa.OA_SECRET, zalo_oa.FIRST_REFRESH)
            yield opened
            await asyncio.gather(*fake._tasks, return_exceptions=True)
    finally:
        await fake.stop()
        await telegram.stop()


def zalo_oa_channel(fake: FakeZaloOa, tmp_path: Path) -> dict[str, Any]:
    """The configuration of an account on this fake platform."""
    return {
        "name": "zalo", "platform": "zalo-oa", "app_id": zalo_oa.APP_ID, "oa_id": zalo_oa.OA_ID,
        "app_secret": secret_file(tmp_path, "zalo-app-secret", zalo_oa.APP_SECRET),
        "webhook_secret": secret_file(tmp_path, "zalo-oa-secret", zalo_oa.OA_SECRET),
        "refresh_token": secret_file(tmp_path, "zalo-refresh", zalo_oa.FIRST_REFRESH),
        "base_url": fake.base_url, "oauth_url": fake.base_url,
    }  # fmt: skip


@asynccontextmanager
async def _zalo_bot(kind: str, tmp_path: Path) -> AsyncIterator[Door]:
    fake = await FakeZaloBot().start()
    fake.wrapped = kind == "zalo-bot-polling"
    channel: dict[str, Any] = {
        "name": "zb", "platform": "zalo-bot", "token": secret_file(tmp_path, "zalo-bot-token", zalo_bot.TOKEN),
        "base_url": fake.base_url, "poll_timeout_s": 1,
    }  # fmt: skip
    if kind == "zalo-bot":
        channel |= {"mode": "webhook", "webhook_secret": secret_file(tmp_path, "zalo-bot-secret", zalo_bot.SECRET)}
    telegram = await FakeTelegram().start()  # nobody uses it; the harness wants one
    try:
        async with program(tmp_path, telegram=telegram, channels=[channel]) as running:
            opened = ZaloBot(running, "zb", "6ede9afa66b88fe6d6a9", fake=fake)
            opened.secrets = (zalo_bot.TOKEN, zalo_bot.SECRET)
            if kind == "zalo-bot":
                opened.route = "/webhooks/zalo-bot/zb"
                fake.webhook = f"{running.base}{opened.route}"
            yield opened
    finally:
        await fake.stop()
        await telegram.stop()

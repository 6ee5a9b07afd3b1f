"""Phones in front of the fake platforms, all held the same way: who holds one writes, presses, shares, and sees what it shows.

The program under test cannot tell them from the platforms' real ones. A person plays them by hand (`python -m tests.fakes`), a
test plays the same talk on each.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from tests.fakes.telegram import FakeTelegram
from tests.fakes.zalo_bot import FakeZaloBot
from tests.fakes.zalo_oa import FakeZaloOa


@dataclass(frozen=True)
class Seen:
    """One message that a phone shows, and what can be pressed under it."""

    text: str
    buttons: tuple[str, ...] = ()


class CannotDo(Exception):
    """This platform has no such thing."""


class Phone(Protocol):
    """What a hand can do with each of them."""

    name: str

    def shows(self) -> list[Seen]:
        """All that came, oldest first."""

    async def types(self, text: str) -> None:
        """She writes."""

    async def presses(self, label: str) -> None:
        """She takes the newest choice of this label, the way her platform lets her."""

    async def shares(self, lat: float, lon: float) -> None:
        """She shares a point."""

    async def sends_file(self, content: bytes, *, voice: bool) -> None:
        """She sends a picture or a voice note."""

    async def sends_other(self) -> None:
        """She sends what no machine reads; on Zalo Bot this is also what comes from a child."""

    async def edits(self, text: str) -> None:
        """She changes the last thing she has written."""

    async def blocks(self) -> None:
        """She wants to hear nothing more."""


@dataclass
class TelegramPhone:
    """A private chat with the bot."""

    fake: FakeTelegram
    chat: int = 42
    name: str = "telegram"

    def shows(self) -> list[Seen]:
        share = ("📍",)
        return [
            Seen(one.text, tuple(label for label, _ in one.buttons) or (share if one.asks_location else ()))
            for one in self.fake.of(self.chat)
        ]

    async def types(self, text: str) -> None:
        self.fake.types(self.chat, text)

    async def presses(self, label: str) -> None:
        self.fake.presses(self.chat, label)

    async def shares(self, lat: float, lon: float) -> None:
        self.fake.sends(self.chat, location={"latitude": lat, "longitude": lon})

    async def sends_file(self, content: bytes, *, voice: bool) -> None:
        self.fake.shows(self.chat, content, voice=voice)

    async def sends_other(self) -> None:
        self.fake.sends(self.chat, sticker={"file_id": "x"})

    async def edits(self, text: str) -> None:
        hers = [message_id for chat, message_id in self.fake.typed if chat == self.chat]
        if not hers:
            raise CannotDo("nothing has been written yet")
        self.fake.edits_message(self.chat, hers[-1], text)

    async def blocks(self) -> None:
        self.fake.blocks(self.chat)


@dataclass
class ZaloOaPhone:
    """A chat with the Official Account."""

    fake: FakeZaloOa
    who: str = "5200000000000000042"
    name: str = "zalo"

    def shows(self) -> list[Seen]:
        return [Seen(one.text, tuple(title for title, _ in one.buttons)) for one in self.fake.of(self.who)]

    async def types(self, text: str) -> None:
        _brought(await self.fake.types(self.who, text))

    async def presses(self, label: str) -> None:
        _brought(await self.fake.presses(self.who, label))

    async def shares(self, lat: float, lon: float) -> None:
        _brought(await self.fake.shares(self.who, lat, lon))

    async def sends_file(self, content: bytes, *, voice: bool) -> None:
        name = f"{secrets.token_hex(6)}.{'amr' if voice else 'jpg'}"
        self.fake.files[name] = content
        kind = "audio" if voice else "image"
        _brought(await self.fake.sends_media(self.who, kind, f"{self.fake.base_url}/media/{name}"))

    async def sends_other(self) -> None:
        _brought(await self.fake.sends_media(self.who, "sticker"))

    async def edits(self, text: str) -> None:
        raise CannotDo("Zalo does not tell an account of edits")

    async def blocks(self) -> None:
        _brought(await self.fake.unfollows(self.who))


@dataclass
class ZaloBotPhone:
    """A chat with a bot of the Zalo Bot Platform: choices are numbers that she types."""

    fake: FakeZaloBot
    who: str = "6ede9afa66b88fe6d6a9"
    name: str = "zalo-bot"
    _choice: ClassVar[re.Pattern[str]] = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)

    def shows(self) -> list[Seen]:
        return [Seen(one.text) for one in self.fake.of(self.who)]

    async def types(self, text: str) -> None:
        _brought(await self.fake.types(self.who, text))

    async def presses(self, label: str) -> None:
        for message in reversed(self.fake.of(self.who)):
            for number, shown in self._choice.findall(message.text):
                if shown == label:
                    return await self.types(number)
        return await self.types(label)  # a single choice has no number: its words are typed

    async def shares(self, lat: float, lon: float) -> None:
        raise CannotDo("Zalo gives its bots no places: it comes as something that cannot be read")

    async def sends_file(self, content: bytes, *, voice: bool) -> None:
        name = secrets.token_hex(6)
        self.fake.files[name] = content
        url = f"{self.fake.base_url}/media/{name}"
        sent = {"voice_url": url} if voice else {"photo_url": url}
        _brought(await self.fake.sends(self.who, "voice" if voice else "image", **sent))

    async def sends_other(self) -> None:
        _brought(await self.fake.sends(self.who))

    async def edits(self, text: str) -> None:
        raise CannotDo("Zalo does not tell a bot of edits")

    async def blocks(self) -> None:
        self.fake.blocked.add(self.who)


@dataclass
class GroupPhone:
    """A staff member's phone with the staff group open; with topics, all of them one below the other."""

    fake: FakeTelegram
    group: int
    who: int
    name: str = "group"
    answers: list[str] = field(default_factory=list)  # what her presses were answered with

    def shows(self) -> list[Seen]:
        return [
            Seen(self._where(one.topic_id) + one.text, tuple(label for label, _ in one.buttons))
            for one in self.fake.of(self.group)
        ]

    def _where(self, topic_id: int) -> str:
        return f"[{self.fake.topics.get(topic_id, '')}] " if topic_id else ""

    async def types(self, text: str) -> None:
        """`#CODE text` writes into the topic of that name."""
        topic = 0
        if text.startswith("#"):
            name, _, text = text[1:].partition(" ")
            topic = next((one for one, shown in self.fake.topics.items() if shown == name), 0)
            if not topic:
                raise CannotDo(f"no topic {name}")
        self.fake.says_in_group(self.group, self.who, text, topic=topic)

    async def presses(self, label: str) -> None:
        self.fake.presses_in_group(self.group, self.who, label)

    async def shares(self, lat: float, lon: float) -> None:
        raise CannotDo("not in the staff group")

    async def sends_file(self, content: bytes, *, voice: bool) -> None:
        raise CannotDo("not in the staff group")

    async def sends_other(self) -> None:
        raise CannotDo("not in the staff group")

    async def edits(self, text: str) -> None:
        raise CannotDo("not in the staff group")

    async def blocks(self) -> None:
        raise CannotDo("not in the staff group")


def _brought(status: int) -> None:
    if status != 200:
        raise CannotDo(
            f"the bot's webhook answered {status}; is `serve` running?" if status else "the bot is not there"
        )


async def press_somehow(phone: Phone, number: int) -> bool:
    """Press the so-manieth button of the newest message that has any; False when there is none."""
    shown = [one for one in phone.shows() if one.buttons]
    if not shown or not 1 <= number <= len(shown[-1].buttons):
        return False
    with contextlib.suppress(AssertionError):
        await phone.presses(shown[-1].buttons[number - 1])
        return True
    return False

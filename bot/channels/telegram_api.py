"""Telegram's Bot API for the two that use it, the seekers' channel and the staff group: one budget, one token, no exceptions.

python-telegram-bot is the transport (its `Bot`); its `Updater` confirms updates before they are handled, so polling and
webhook are ours. Only this module sees the token; whatever fails comes back as a value with a class name and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import httpx
from telegram import Bot
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from bot.channels.pacing import Pace, at_most
from bot.channels.reaching import Reaching
from bot.channels.sending import SEND_TIMEOUT_S
from handlers.alarms import TOKEN_LOST
from handlers.errors import BinhAnError
from handlers.model import Outcome
from handlers.ports import Alarms, Budgets, SendResult

os.environ["PTB_TIMEDELTA"] = "true"  # the library's durations as timedelta; without it every 429 is a warning

ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]
WEBHOOK_CONNECTIONS = 4  # updates Telegram brings side by side; small, so that a burst waits there and not here
LONGEST_WAIT_S = 3600.0  # whatever the platform asks for, we try again after an hour
TOKEN_AGAIN = timedelta(seconds=60)

# The platform tells no exact figures: some 30 messages a second for a bot, one a second for a chat (short bursts pass), 20
# acts a minute for a group, edits and new topics counted. A little less, and 429 is obeyed on top.
OF_THE_BOT = at_most(25, 1.0, at_once=5)
OF_A_CHAT = at_most(8, 5.0, at_once=4)
OF_A_GROUP = at_most(18, 60.0, at_once=8)
OF_A_PART = at_most(10, 60.0, at_once=4)  # of a group, so that the rest stays free for calls

T = TypeVar("T")


class NotFetched(BinhAnError):
    """The platform did not give its updates; asked again by itself."""

    code = "not-fetched"

    def __init__(self, kind: str, retry_after_s: float = 0.0) -> None:
        """`kind` is the class of the library's exception, never its text; `retry_after_s` what the platform asks for, or 0."""
        self.kind, self.retry_after_s = kind, retry_after_s
        super().__init__(kind)


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What the platform made of one request."""

    outcome: Outcome
    value: T | None = field(default=None, repr=False)
    error: str = ""  # class name; empty when it was done
    retry_after: timedelta | None = None

    @property
    def done(self) -> bool:
        """Was it carried out?"""
        return self.outcome is Outcome.SENT

    def result(self, handles: tuple[str, ...] = ()) -> SendResult:
        """As the outbox wants it."""
        return SendResult(
            outcome=self.outcome,
            retry_after=self.retry_after,
            error_class=self.error,
            handles=handles if self.done else (),
        )


class TelegramApi:
    """One bot's side of the Bot API."""

    def __init__(
        self, name: str, token: str, *, budgets: Budgets, alarms: Alarms, base_url: str, proxy: str = ""
    ) -> None:
        """`base_url` without the trailing `/bot`; `proxy` (http or socks5) is for polling and for sending."""
        self._name, self._key = name, token.encode()
        self._pace, self._alarms = Pace(budgets), alarms
        self._reaching = Reaching(name, alarms)
        self._url = f"{base_url.rstrip('/')}/bot{token}"
        # One trust store for both clients: reading it takes longer than anything else here. A plain http address, as in
        # tests and behind a gateway of one's own, gets an empty one, which trusts nobody.
        trust = httpx.create_ssl_context() if base_url.startswith("https") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        settings: dict[str, Any] = {"proxy": proxy or None, "httpx_kwargs": {"verify": trust}}
        self._polling = HTTPXRequest(connection_pool_size=1, **settings)
        self._bot = Bot(
            token,
            base_url=f"{base_url.rstrip('/')}/bot",
            base_file_url=f"{base_url.rstrip('/')}/file/bot",
            request=HTTPXRequest(
                connection_pool_size=16,
                connect_timeout=SEND_TIMEOUT_S / 2,
                read_timeout=SEND_TIMEOUT_S,
                write_timeout=SEND_TIMEOUT_S,
                media_write_timeout=SEND_TIMEOUT_S,
                **settings,
            ),
            get_updates_request=self._polling,
        )

    async def updates(self, offset: int, timeout_s: int) -> list[dict[str, Any]]:
        """The next updates; NotFetched for whatever the platform does instead."""
        asked = {"offset": offset, "timeout": timeout_s, "allowed_updates": json.dumps(ALLOWED_UPDATES)}
        failed = NotFetched("WrongShape")
        try:
            # The raw answer, not the library's objects: one update it cannot read would hold up all that follow.
            answer: object = await self._polling.post(
                f"{self._url}/getUpdates?{urlencode(asked)}", read_timeout=timeout_s + 10
            )
            if isinstance(answer, list):
                await self._reaching.heard(True)
                await self._alarms.hush(self._name, TOKEN_LOST)
                return [raw for raw in answer if isinstance(raw, dict)]
        except TelegramError as error:
            failed = NotFetched(type(error).__name__, _seconds(error) if isinstance(error, RetryAfter) else 0.0)
            await self._note(error)
        raise failed  # outside of the handler: the library's exception holds the URL, and a chain would carry it along

    async def ask(self, act: Callable[[Bot], Awaitable[T]]) -> Told[T]:
        """Do something that spends no budget of a chat."""
        told, _ = await self._ask(act)
        return told

    async def in_chat(
        self, chat_id: str, act: Callable[[Bot], Awaitable[T]], *, group: bool = False, part: str = ""
    ) -> Told[T]:
        """Do something in a chat, within its budget and the bot's (and within a named part of a group's); "Throttled", and
        nothing asked, while they are spent.
        """
        chat = self._key_of(chat_id)
        budgets = {f"{chat}:{part}": OF_A_PART} if part else {}
        wait = await self._pace.take(budgets | {chat: OF_A_GROUP if group else OF_A_CHAT, self._whole: OF_THE_BOT})
        if wait > 0:
            return Told(Outcome.RETRY, error="Throttled", retry_after=timedelta(seconds=wait))
        told, throttled_s = await self._ask(act)
        if throttled_s is not None:
            self._throttled(chat, throttled_s)
        return told

    @property
    def _whole(self) -> str:
        return f"telegram:{self._name}"

    def _key_of(self, chat_id: str) -> str:
        """The budget's name of a chat: a keyed hash, because it may be shared with other processes."""
        return f"{self._whole}:{hmac.new(self._key, chat_id.encode(), hashlib.sha256).hexdigest()[:32]}"

    async def _ask(self, act: Callable[[Bot], Awaitable[T]]) -> tuple[Told[T], float | None]:
        """The answer, and for how many seconds the platform wants to be left alone (None: it did not say)."""
        try:
            value = await act(self._bot)
        except TelegramError as error:
            await self._note(error)
            told: Told[T] = _told(error)
            return told, _seconds(error) if isinstance(error, RetryAfter) else None
        except Exception as error:
            # An answer the library cannot read: maybe it arrived, maybe not.
            return Told(Outcome.RETRY, error=type(error).__name__), None
        await self._reaching.heard(True)
        return Told(Outcome.SENT, value), None

    def _throttled(self, chat: str, seconds: float) -> None:
        """A limit of one chat is its own; when several chats are at theirs, it is the whole bot's, and everybody waits for the
        nearest end.
        """
        self._pace.pause(chat, seconds)
        chats = {name: left for name, left in self._pace.paused().items() if name != self._whole}
        if len(chats) > 1:
            self._pace.pause(self._whole, min(chats.values()))

    async def _note(self, error: TelegramError) -> None:
        if isinstance(error, InvalidToken):
            await self._alarms.sound(self._name, TOKEN_LOST)
        answered = isinstance(error, BadRequest | Forbidden | InvalidToken | RetryAfter)
        await self._reaching.heard(answered)

    async def close(self) -> None:
        """Give back connections."""
        for request in self._bot._request:  # Bot.shutdown() refuses a Bot that never called getMe
            await request.shutdown()


def _told(error: TelegramError) -> Told[Any]:
    name = type(error).__name__
    if isinstance(error, RetryAfter):
        return Told(Outcome.RETRY, error=name, retry_after=timedelta(seconds=_seconds(error)))
    if isinstance(error, Forbidden):
        return Told(Outcome.BLOCKED, error=name)
    if isinstance(error, InvalidToken):
        return Told(Outcome.RETRY, error=name, retry_after=TOKEN_AGAIN)
    if isinstance(error, BadRequest):
        return Told(Outcome.FAILED, error=name)
    # Network, time-out, 5xx: maybe it arrived, maybe not. Twice is better than never.
    return Told(Outcome.RETRY, error=name)


def _seconds(error: RetryAfter) -> float:
    """How long Telegram asks us to wait, in seconds."""
    asked = error.retry_after
    seconds = asked.total_seconds() if isinstance(asked, timedelta) else float(asked)
    return min(max(seconds, 0.0), LONGEST_WAIT_S)

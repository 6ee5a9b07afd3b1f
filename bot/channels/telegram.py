"""Telegram: parse what it sends, confirm only what is stored, send what the outbox hands over.

python-telegram-bot is the transport (its `Bot`); its `Updater` confirms updates before they are handled, so polling and
webhook are ours. This is the only module that sees the token, and no exception or log line of it carries a URL.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import chain, repeat
from typing import Any
from urllib.parse import urlencode

import httpx
import structlog
from aiohttp import web
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from bot.channels.render import Rendered, render
from bot.channels.telegram_updates import parse
from handlers import failpoints
from handlers.errors import BinhAnError, StorageUnavailable
from handlers.model import Address, InboundMessage, MessageKind, Outcome, Outgoing, Pin
from handlers.ports import Capabilities, Receive, SendResult

log = structlog.get_logger()

os.environ["PTB_TIMEDELTA"] = "true"  # the library's durations as timedelta; without it every 429 is a warning

ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]
SEND_TIMEOUT_S = 8.0  # below the outbox lease, so that a slow answer cannot outlive it
MAX_BODY_BYTES = 128 * 1024
"""A longest message (4 096 letters, escaped) that answers to another longest one, with formatting, has some 75 KB."""
PAUSE_AFTER_ERROR_S = (0.5, 1.0, 2.0, 5.0, 10.0)
WEBHOOK_CONNECTIONS = 4  # updates Telegram brings side by side; small, so that a burst waits there and not here
TRIES = 3  # of storing an update that breaks something of ours, before it is stored as "something we could not read"
LONGEST_WAIT_S = 3600.0  # whatever the platform asks for, we try again after an hour


class NotFetched(BinhAnError):
    """The platform did not give its updates; asked again by itself."""

    code = "not-fetched"

    def __init__(self, kind: str, retry_after_s: float = 0.0) -> None:
        """`kind` is the class of the library's exception, never its text; `retry_after_s` what the platform asks for, or 0."""
        self.kind, self.retry_after_s = kind, retry_after_s
        super().__init__(kind)


class TelegramChannel:
    """One Telegram bot as a channel."""

    secret_fields = frozenset({"token", "webhook_secret"})
    capabilities = Capabilities(
        buttons=True, max_buttons=20, max_text=4096, unit="utf16", max_button_label=64, location=True, link_numbers=True,
        pins=True,
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        token: str,
        *,
        base_url: str = "https://api.telegram.org",
        mode: str = "polling",
        webhook_secret: str = "",
        webhook_url: str = "",
        proxy: str = "",
        poll_timeout_s: int = 25,
        beats: Callable[[], None] = lambda: None,
    ) -> None:
        """`base_url` without the trailing `/bot`; `poll_timeout_s` is how long one getUpdates waits at Telegram.

        `webhook_url` is where Telegram finds our route; empty when somebody else tells it (Telegram takes https only).
        """
        if mode == "webhook" and not webhook_secret:
            raise ValueError("a webhook without a secret would let anybody write")
        self.name = name
        self.mode = mode
        self._webhook_secret, self._webhook_url = webhook_secret, webhook_url
        self._poll_timeout_s = poll_timeout_s
        self._beats = beats  # the receiving loop's sign of life: the platform has answered, what it brought is stored
        self._resume_at: dict[
            str, float
        ] = {}  # chat -> monotonic; nothing is sent there before (Telegram said "later")
        self._failures: dict[str, int] = {}  # update id -> how often storing it broke something of ours
        self._background: set[asyncio.Task[None]] = set()  # tasks must be kept somewhere until they end
        self._url = f"{base_url.rstrip('/')}/bot{token}"
        # One trust store for both clients: reading it takes longer than anything else here. A plain http address, as in
        # tests and behind a gateway of one's own, gets an empty one, which trusts nobody.
        trust = httpx.create_ssl_context() if base_url.startswith("https") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        settings: dict[str, Any] = {"proxy": proxy or None, "httpx_kwargs": {"verify": trust}}
        self._polling = HTTPXRequest(connection_pool_size=1, **settings)
        self._bot = Bot(
            token,
            base_url=f"{base_url.rstrip('/')}/bot",
            request=HTTPXRequest(connection_pool_size=16, **settings),
            get_updates_request=self._polling,
        )

    # --- receiving -------------------------------------------------------------------------------------------------

    async def run(self, receive: Receive) -> None:
        """Poll until cancelled. An update is confirmed (by the next offset) only after `receive` has stored it."""
        if self.mode == "webhook":
            await self._announce_webhook()
            return
        offset, failures = 0, 0
        while True:
            try:
                updates = await self._get_updates(offset)
                await self._take_all(updates, receive)
                offset = max([offset, *(_update_id(raw) + 1 for raw in updates)])
                failures = 0
                self._beats()
            except Exception as error:
                # Whatever it was, she must be able to reach us again in a moment; only its class is said.
                pause = PAUSE_AFTER_ERROR_S[min(failures, len(PAUSE_AFTER_ERROR_S) - 1)]
                name = type(error).__name__
                if isinstance(error, NotFetched):
                    pause, name = error.retry_after_s or pause, error.kind
                failures += 1
                if name == Conflict.__name__:
                    await self._try("forget_webhook", self._bot.delete_webhook(drop_pending_updates=False))
                log.warning("telegram.poll_failed", channel=self.name, error=name, pause_s=pause)
                await asyncio.sleep(pause)

    async def _announce_webhook(self) -> None:
        """Tell Telegram where our route is, until it has heard; updates that wait there are kept."""
        for pause in chain(PAUSE_AFTER_ERROR_S, repeat(PAUSE_AFTER_ERROR_S[-1])):
            told = not self._webhook_url or await self._try(
                "announce_webhook",
                self._bot.set_webhook(
                    self._webhook_url,
                    secret_token=self._webhook_secret,
                    allowed_updates=ALLOWED_UPDATES,
                    max_connections=WEBHOOK_CONNECTIONS,
                    drop_pending_updates=False,
                ),
            )
            if told:
                return
            await asyncio.sleep(pause)

    async def _try(self, what: str, call: Awaitable[object]) -> bool:
        """Did the platform do it? Only the class of a failure is said: its text holds the URL."""
        try:
            await call
        except TelegramError as error:
            log.warning("telegram.call_failed", channel=self.name, what=what, error=type(error).__name__)
            return False
        return True

    async def _get_updates(self, offset: int) -> list[dict[str, Any]]:
        """The next updates; NotFetched for whatever the platform does instead."""
        asked = {"offset": offset, "timeout": self._poll_timeout_s, "allowed_updates": json.dumps(ALLOWED_UPDATES)}
        failed = NotFetched("WrongShape")
        try:
            # The raw answer, not the library's objects: one update it cannot read would hold up all that follow.
            answer: object = await self._polling.post(
                f"{self._url}/getUpdates?{urlencode(asked)}", read_timeout=self._poll_timeout_s + 10
            )
            if isinstance(answer, list):
                return [raw for raw in answer if isinstance(raw, dict)]
        except TelegramError as error:
            failed = NotFetched(type(error).__name__, _seconds(error) if isinstance(error, RetryAfter) else 0.0)
        raise failed  # outside of the handler: the library's exception holds the URL, and a chain would carry it along

    async def _take_all(self, updates: Sequence[dict[str, Any]], receive: Receive) -> None:
        """Store a batch in one commit, in the platform's order; one by one when one of them breaks something."""
        read = [(raw, self._read(raw)) for raw in updates]
        messages = [message for _, message in read if message is not None]
        failpoints.passing("accept.verified")
        try:
            if messages:
                await receive(*messages)
        except StorageUnavailable:
            raise
        except Exception as error:
            log.error("telegram.batch_failed", channel=self.name, error=type(error).__name__)
            for message in messages:
                await self._store(message, receive)
        for raw, message in read:
            self._acknowledge_choice(raw, message)

    def _read(self, raw: object) -> InboundMessage | None:
        try:
            return parse(self.name, raw)
        except (ValueError, RecursionError):
            # Something new from the platform, and not even a chat in it: nobody to answer.
            log.warning("telegram.unreadable_update", channel=self.name)
            return None

    async def _store(self, message: InboundMessage, receive: Receive) -> None:
        """Store one message. One that breaks something of ours again and again must not hold up everybody behind it: the
        third time it is stored as something we could not read, so that she is answered.
        """
        try:
            await receive(message)
        except StorageUnavailable:
            raise
        except Exception as error:
            tried = self._failures.get(message.message_id, 0) + 1
            log.error("telegram.store_failed", channel=self.name, error=type(error).__name__, tried=tried)
            if tried < TRIES:
                self._failures[message.message_id] = tried
                raise
            await receive(replace(message, kind=MessageKind.UNSUPPORTED, text="", choice="", point=None))
        self._failures.pop(message.message_id, None)

    def _acknowledge_choice(self, raw: dict[str, Any], message: InboundMessage | None) -> None:
        if message is not None and message.kind is MessageKind.CHOICE:
            self._acknowledge_later(str(raw["callback_query"]["id"]))

    def _acknowledge_later(self, query_id: str) -> None:
        """Stop the button's spinner. It carries nothing, so it needs no outbox; when it fails the spinner ends by itself."""
        task = asyncio.get_running_loop().create_task(self._acknowledge(query_id))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _acknowledge(self, query_id: str) -> None:
        try:
            await self._bot.answer_callback_query(query_id, read_timeout=SEND_TIMEOUT_S)
        except TelegramError as error:
            log.info("telegram.acknowledge_failed", channel=self.name, error=type(error).__name__)

    def webhook(self, receive: Receive) -> Callable[[web.Request], Awaitable[web.Response]]:
        """The aiohttp handler of `/webhooks/telegram/<channel>`: 200 only after the commit, 401 without the secret."""

        async def handle(request: web.Request) -> web.Response:
            given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
            if not self._webhook_secret or not hmac.compare_digest(
                given.encode("utf-8", "replace"), self._webhook_secret.encode()
            ):
                return web.Response(status=401)
            if request.headers.get("Content-Encoding"):
                return web.Response(status=415)
            body = await _body(request)
            if body is None:
                return web.Response(status=413)
            try:
                raw = json.loads(body)
            except (ValueError, RecursionError):
                # Authenticated but no JSON: 200 keeps it from coming for ever; the log has it.
                log.warning("telegram.unreadable_update", channel=self.name)
                return web.Response(status=200)
            message = self._read(raw)
            if message is not None:
                failpoints.passing("accept.verified")
                try:
                    await self._store(message, receive)
                except Exception as error:
                    # Not stored, whatever the reason: the platform keeps it and brings it again.
                    log.error("telegram.not_stored", channel=self.name, error=type(error).__name__)
                    return web.Response(status=503)
                self._acknowledge_choice(raw, message)
            return web.Response(status=200)

        return handle

    # --- sending ---------------------------------------------------------------------------------------------------

    async def send(self, address: Address, outgoing: Outgoing) -> SendResult:
        """Send one message; see `ports.Channel.send`."""
        wait = self._throttled_s(address)
        if wait > 0:
            return SendResult(outcome=Outcome.RETRY, retry_after=timedelta(seconds=wait), error_class="Throttled")
        rendered = render(outgoing, self.capabilities)
        try:
            await self._send_texts(address, rendered)
        except TelegramError as error:
            return self._failure(address, error)
        except Exception as error:
            # An answer the library cannot read: maybe it arrived, maybe not.
            return SendResult(outcome=Outcome.RETRY, error_class=type(error).__name__)
        for pin in outgoing.pins:
            # The text has arrived and says all that matters: a point that fails must not bring the text again.
            if not await self._try("show_point", self._send_pin(address, pin)):
                break
        return SendResult(outcome=Outcome.SENT)

    def _throttled_s(self, address: Address) -> float:
        """Seconds until this chat may be written to. A limit of one chat is its own; when several chats are at theirs, it is
        the limit of the whole bot, and everybody waits for the nearest end.
        """
        now = time.monotonic()
        self._resume_at = {chat: at for chat, at in self._resume_at.items() if at > now}
        own = self._resume_at.get(address.platform_id)
        if own is not None:
            return own - now
        return min(self._resume_at.values()) - now if len(self._resume_at) > 1 else 0.0

    async def _send_texts(self, address: Address, rendered: Rendered) -> None:
        keyboard = InlineKeyboardMarkup(
            [[InlineKeyboardButton(button.label, callback_data=button.data) for button in row] for row in rendered.rows]
        )
        for index, text in enumerate(rendered.texts):
            last = index == len(rendered.texts) - 1
            await self._bot.send_message(
                chat_id=int(address.platform_id),
                text=text,
                reply_markup=keyboard if last and rendered.rows else None,
                protect_content=True,
                disable_notification=False,
                connect_timeout=SEND_TIMEOUT_S / 2,
                read_timeout=SEND_TIMEOUT_S,
                write_timeout=SEND_TIMEOUT_S,
            )

    async def _send_pin(self, address: Address, pin: Pin) -> None:
        await self._bot.send_venue(
            chat_id=int(address.platform_id),
            latitude=pin.lat,
            longitude=pin.lon,
            title=pin.title,
            address=pin.note,
            protect_content=True,
            disable_notification=True,
            read_timeout=SEND_TIMEOUT_S,
        )

    def _failure(self, address: Address, error: TelegramError) -> SendResult:
        name = type(error).__name__
        if isinstance(error, RetryAfter):
            wait = _seconds(error)
            self._resume_at[address.platform_id] = time.monotonic() + wait
            return SendResult(outcome=Outcome.RETRY, retry_after=timedelta(seconds=wait), error_class=name)
        if isinstance(error, Forbidden):
            return SendResult(outcome=Outcome.BLOCKED, error_class=name)
        if isinstance(error, InvalidToken):
            return SendResult(outcome=Outcome.RETRY, retry_after=timedelta(seconds=60), error_class=name)
        if isinstance(error, BadRequest):
            return SendResult(outcome=Outcome.FAILED, error_class=name)
        # Network, time-out, 5xx: maybe it arrived, maybe not. Twice is better than never.
        return SendResult(outcome=Outcome.RETRY, error_class=name)

    async def close(self) -> None:
        """Give back connections."""
        for task in list(self._background):
            task.cancel()
        for request in self._bot._request:  # Bot.shutdown() refuses a Bot that never called getMe
            await request.shutdown()


def _seconds(error: RetryAfter) -> float:
    """How long Telegram asks us to wait, in seconds."""
    asked = error.retry_after
    seconds = asked.total_seconds() if isinstance(asked, timedelta) else float(asked)
    return min(max(seconds, 0.0), LONGEST_WAIT_S)


def _update_id(raw: dict[str, Any]) -> int:
    """The number of an update; 0, which confirms nothing, when it has none."""
    number = raw.get("update_id", 0)
    return number if isinstance(number, int) else 0


async def _body(request: web.Request) -> bytes | None:
    """The whole body, however slowly it comes; None when it is too long."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        return None
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)

"""Telegram: parse what it sends, confirm only what is stored, send what the outbox hands over, wipe what she wants gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import structlog
from aiohttp import web
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllPrivateChats,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    LinkPreviewOptions,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from telegram.constants import ChatAction

from bot.channels.receiving import MAX_BODY_BYTES, PAUSE_AFTER_ERROR_S, Storing, read_body, same
from bot.channels.render import Part, Rendered, Wording, render, vietnamese
from bot.channels.sending import Progress
from bot.channels.telegram_api import NotFetched, TelegramApi, Told
from bot.channels.telegram_group import TelegramGroup
from bot.channels.telegram_updates import group_event, parse
from bot.channels.telegram_webhook import TelegramWebhook
from flows.platforms import TELEGRAM
from handlers.errors import FetchLater, StorageUnavailable
from handlers.model import Address, InboundMessage, MessageKind, Outcome, Outgoing, Pin
from handlers.ports import Alarms, Budgets, Finding, Receive, SendResult
from handlers.rules.windows import ALWAYS_OPEN

log = structlog.get_logger()

COMMANDS = (
    ("start", "Bắt đầu", "Begin"),
    ("cuu", "Các số gọi gấp", "Numbers to call now"),
    ("gap_nguoi", "Gặp người trực", "Talk with a person"),
    ("dung", "Dừng", "Stop"),
    ("xoa", "Xóa", "Delete"),
)
"""The menu: each is one of the global words, as a command may be written; what it says, and what on a phone set to English."""

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
MOST_WIPED_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramSettings:
    """What an operator has written about the bot."""

    token: str = field(repr=False)
    base_url: str = "https://api.telegram.org"
    mode: str = "polling"  # or "webhook"
    webhook_secret: str = field(default="", repr=False)
    webhook_url: str = ""  # where Telegram finds our route; empty when somebody else tells it (https only)
    proxy: str = ""
    poll_timeout_s: int = 25  # how long one getUpdates waits at Telegram


async def silent(sha256: str) -> bytes | None:
    """No recordings."""
    return None


class TelegramChannel:
    """One Telegram bot as a channel."""

    secret_fields = frozenset({"token", "webhook_secret"})
    capabilities = TELEGRAM
    window = ALWAYS_OPEN

    def __init__(
        self,
        name: str,
        settings: TelegramSettings,
        *,
        budgets: Budgets,
        alarms: Alarms,
        audio: Callable[[str], Awaitable[bytes | None]] = silent,
        wording: Wording = vietnamese,
        beats: Callable[[], None] = lambda: None,
    ) -> None:
        """`audio` gives a recording by its SHA-256 (MP3), or None when there is none."""
        if settings.mode == "webhook" and not settings.webhook_secret:
            raise ValueError("a webhook without a secret would let anybody write")
        self.name = name
        self.mode = settings.mode
        self.route = f"/webhooks/telegram/{name}" if settings.mode == "webhook" else ""
        self.group: TelegramGroup | None = None
        self.api = TelegramApi(
            name,
            settings.token,
            budgets=budgets,
            alarms=alarms,
            base_url=settings.base_url,
            proxy=settings.proxy,
        )
        self._hook = TelegramWebhook(name, self.api, alarms, url=settings.webhook_url, secret=settings.webhook_secret)
        self._settings, self._audio = settings, audio
        self._wording = wording
        self._beats = beats  # the receiving loop's sign of life: the platform has answered, what it brought is stored
        self._storing = Storing(name)
        self._progress = Progress()
        self._background: set[asyncio.Task[None]] = set()  # tasks must be kept somewhere until they end

    # --- receiving -------------------------------------------------------------------------------------------------

    async def run(self, receive: Receive) -> None:
        """Poll, or keep the webhook pointing here, until cancelled. An update is confirmed (by the next offset) only after
        `receive` has stored it.
        """
        self._later(self._show_commands())
        if self.mode == "webhook":
            await self._hook.keep()
        offset, failures = 0, 0
        while True:
            try:
                updates = await self.api.updates(offset, self._settings.poll_timeout_s)
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
                if name == "Conflict":  # a webhook was left behind; its updates are kept
                    await self.api.ask(lambda bot: bot.delete_webhook(drop_pending_updates=False))
                log.warning("telegram.poll_failed", channel=self.name, error=name, pause_s=pause)
                await asyncio.sleep(pause)

    async def _show_commands(self) -> None:
        scope = BotCommandScopeAllPrivateChats()
        shown = [BotCommand(name, words) for name, words, _ in COMMANDS]
        await self.api.ask(lambda bot: bot.set_my_commands(shown, scope=scope))
        english = [BotCommand(name, words) for name, _, words in COMMANDS]
        await self.api.ask(lambda bot: bot.set_my_commands(english, scope=scope, language_code="en"))

    async def _take_all(self, updates: Sequence[dict[str, Any]], receive: Receive) -> None:
        """Store a batch in one commit, in the platform's order; then what staff have done in their group."""
        read = [(raw, self._read(raw)) for raw in updates]
        await self._storing.store_all([message for _, message in read if message is not None], receive)
        for raw, message in read:
            self._acknowledge_choice(raw, message)
            await self._take_staffs(raw)

    def _read(self, raw: object) -> InboundMessage | None:
        try:
            return parse(self.name, raw)
        except (ValueError, RecursionError):
            # Something new from the platform, and not even a chat in it: nobody to answer.
            log.warning("telegram.unreadable_update", channel=self.name)
            return None

    async def _take_staffs(self, raw: object) -> None:
        """What was done in the staff group. Only storage being away makes the platform bring it again."""
        if self.group is None:
            return
        event = group_event(raw, self.group.chat_id)
        if event is None:
            return
        try:
            await self.group.take(event)
        except StorageUnavailable:
            raise
        except Exception as error:
            log.error("telegram.group_failed", channel=self.name, error=type(error).__name__)

    def _acknowledge_choice(self, raw: Any, message: InboundMessage | None) -> None:
        """Stop the button's spinner. It carries nothing, so it needs no outbox; when it fails the spinner ends by itself."""
        if message is not None and message.kind is MessageKind.CHOICE:
            query_id = str(raw["callback_query"]["id"])
            self._later(self.api.ask(lambda bot: bot.answer_callback_query(query_id)))

    def _later(self, doing: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def webhook(self, receive: Receive) -> Callable[[web.Request], Awaitable[web.Response]]:
        """The aiohttp handler of `/webhooks/telegram/<channel>`: 200 only after the commit, 401 without the secret."""

        async def handle(request: web.Request) -> web.Response:
            if not same(request.headers.get("X-Telegram-Bot-Api-Secret-Token", ""), self._settings.webhook_secret):
                return web.Response(status=401)
            if request.headers.get("Content-Encoding"):
                return web.Response(status=415)
            body = await read_body(request, MAX_BODY_BYTES)
            if body is None:
                return web.Response(status=413)
            try:
                raw = json.loads(body)
            except (ValueError, RecursionError):
                # Authenticated but no JSON: 200 keeps it from coming for ever; the log has it.
                log.warning("telegram.unreadable_update", channel=self.name)
                return web.Response(status=200)
            message = self._read(raw)
            try:
                if message is not None:
                    await self._storing.store(message, receive)
                self._acknowledge_choice(raw, message)
                await self._take_staffs(raw)
            except Exception as error:
                # Not stored, whatever the reason: the platform keeps it and brings it again.
                log.error("telegram.not_stored", channel=self.name, error=type(error).__name__)
                return web.Response(status=503)
            return web.Response(status=200)

        return handle

    # --- sending ---------------------------------------------------------------------------------------------------

    async def send(self, address: Address, outgoing: Outgoing, key: str = "") -> SendResult:
        """Send one message; see `ports.Channel.send`."""
        if outgoing.wipe:
            return await self._wipe(address, outgoing.wipe)
        rendered = render(outgoing, self.capabilities, self._wording(outgoing.language))
        parts = list(enumerate(rendered.parts))
        result = await self._progress.send(key, parts, lambda one: self._send_part(address, rendered, *one))
        if result.outcome is Outcome.SENT and rendered.pins:
            return replace(result, handles=(*result.handles, *await self._send_pins(address, rendered.pins)))
        return result

    async def _send_part(self, address: Address, rendered: Rendered, index: int, part: Part) -> SendResult:
        chat = address.platform_id
        last = index == len(rendered.parts) - 1
        markup: Any = ReplyKeyboardRemove()  # takes the location button away again; without one it does nothing
        if rendered.share and last:
            button = KeyboardButton(rendered.share, request_location=True)
            markup = ReplyKeyboardMarkup([[button]], resize_keyboard=True, one_time_keyboard=True)
        elif part.rows:
            rows = [[InlineKeyboardButton(one.label, callback_data=one.data) for one in row] for row in part.rows]
            markup = InlineKeyboardMarkup(rows)
        if index:  # something more is about to come, and the reader sees that
            await self.api.ask(lambda bot: bot.send_chat_action(int(chat), ChatAction.TYPING))
        recording = part.audio or ("" if index else rendered.audio)
        sound = await self._audio(recording) if recording else None
        told = await self.api.in_chat(chat, lambda bot: _say(bot, chat, part, markup, sound))
        return told.result(told.value or ())

    async def _send_pins(self, address: Address, pins: Sequence[Pin]) -> tuple[str, ...]:
        """Points on a map. The text has arrived and says all that matters: one that fails must not bring the text again."""
        chat, shown = address.platform_id, []
        for pin in pins:
            told = await self.api.in_chat(chat, partial(_show_point, chat=chat, pin=pin))
            if not told.done:
                break
            shown.append(str(told.value))
        return tuple(shown)

    async def _wipe(self, address: Address, handles: Sequence[str]) -> SendResult:
        """Take messages away: hers and ours, as far as Telegram lets a bot (two days back). It waits for no budget of ours:
        somebody may be reaching for the phone.
        """
        chat, ids = int(address.platform_id), [int(handle) for handle in handles if handle.isdecimal()]
        told = await self.api.ask(lambda bot: bot.delete_messages(chat, ids))
        if told.outcome is not Outcome.FAILED:
            return told.result()
        for one in ids:  # one of them cannot go: the others can
            single = await self._delete(chat, one)
            if single.outcome is Outcome.RETRY:
                return single.result()
        return SendResult(outcome=Outcome.SENT)

    async def _delete(self, chat: int, message_id: int) -> Told[bool]:
        return await self.api.ask(lambda bot: bot.delete_message(chat, message_id))

    async def fetch(self, source: str, most: int) -> bytes | None:
        """See `ports.Fetches`; `source` is Telegram's id of the file."""
        found = await self.api.ask(lambda bot: bot.get_file(source))
        if found.outcome is Outcome.RETRY:
            raise FetchLater(found.error)
        file = found.value
        if file is None or (file.file_size or 0) > most:
            return None
        content = await self.api.ask(lambda bot: file.download_as_bytearray())
        if not content.done or content.value is None:
            raise FetchLater(content.error)
        return bytes(content.value) if len(content.value) <= most else None

    # --- looking after it ------------------------------------------------------------------------------------------

    async def check(self) -> list[Finding]:
        """See `ports.Channel.check`."""
        me = await self.api.ask(lambda bot: bot.get_me())
        if not me.done:
            if me.error == "InvalidToken":
                return [Finding(False, "Telegram does not take the token; copy it again from @BotFather")]
            return [Finding(False, f"Telegram does not answer ({me.error}); check the network, proxy and base_url")]
        found = [
            Finding(True, "Telegram answers and takes the token"),
            await self._hook.check(polls=self.mode == "polling"),
        ]
        return [*found, *(await self.group.check() if self.group is not None else ())]

    async def close(self) -> None:
        """Give back connections."""
        for task in list(self._background):
            task.cancel()
        if self.group is not None:
            self.group.close()
        await self.api.close()


async def _say(bot: Bot, chat: str, part: Part, markup: Any, sound: bytes | None) -> tuple[str, ...]:
    """One message; how the platform calls what it shows now."""
    shown: list[Any] = []
    if sound is not None and part.audio:
        shown.append(
            await bot.send_voice(int(chat), sound, caption=part.text, reply_markup=markup, protect_content=True)
        )
        return tuple(str(one.message_id) for one in shown)
    if sound is not None:
        shown.append(await bot.send_voice(int(chat), sound, protect_content=True))
    shown.append(
        await bot.send_message(
            int(chat), part.text, reply_markup=markup, protect_content=True, link_preview_options=NO_PREVIEW
        )
    )
    return tuple(str(one.message_id) for one in shown)


async def _show_point(bot: Bot, *, chat: str, pin: Pin) -> int:
    """One point; the number of its message."""
    shown = await bot.send_venue(
        int(chat), pin.lat, pin.lon, pin.title, pin.note, protect_content=True, disable_notification=True
    )
    return shown.message_id


def _update_id(raw: dict[str, Any]) -> int:
    """The number of an update; 0, which confirms nothing, when it has none."""
    number = raw.get("update_id", 0)
    return number if isinstance(number, int) else 0

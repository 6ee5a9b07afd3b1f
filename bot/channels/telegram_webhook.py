"""Where Telegram brings updates: kept pointing here while `serve` runs, and looked at for an operator.

Security requirement 49 asks for a look every two minutes at most. Updates that wait at Telegram are never dropped.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from telegram import Bot, WebhookInfo

from bot.channels.probing import probe
from bot.channels.receiving import PAUSE_AFTER_ERROR_S
from bot.channels.sending import Caller
from bot.channels.telegram_api import ALLOWED_UPDATES, WEBHOOK_CONNECTIONS, TelegramApi
from handlers.alarms import WEBHOOK_BAD
from handlers.ports import Alarms, Finding

WATCH_EVERY_S = 60.0
LATE_S = 300.0  # an error of the webhook that is older says nothing of now
MANY_WAIT = 100  # updates Telegram has not got rid of
NOBODYS = b'{"update_id":0,"my_chat_member":{"chat":{"id":0,"type":"channel"},"new_chat_member":{"status":"member"}}}'


class TelegramWebhook:
    """The webhook of one bot."""

    def __init__(self, name: str, api: TelegramApi, alarms: Alarms, *, url: str, secret: str) -> None:
        """`url` is where Telegram finds us, empty when somebody else tells it; `secret` proves that it is Telegram."""
        self._name, self._api, self._alarms = name, api, alarms
        self._url, self._secret = url, secret

    async def keep(self) -> None:
        """See to it that Telegram brings updates here, until cancelled."""
        failures = 0
        while self._url:
            seen = await self._api.ask(lambda bot: bot.get_webhook_info())
            good = seen.done and seen.value is not None and seen.value.url == self._url
            if seen.done and not good:
                good = (await self._api.ask(self._set)).done
            if good and seen.value is not None and not _trouble(seen.value):
                await self._alarms.hush(self._name, WEBHOOK_BAD)
            elif seen.done:
                await self._alarms.sound(self._name, WEBHOOK_BAD)
            failures = 0 if good else failures + 1
            pause = PAUSE_AFTER_ERROR_S[min(failures, len(PAUSE_AFTER_ERROR_S)) - 1]
            await asyncio.sleep(WATCH_EVERY_S if good else pause)
        await asyncio.Event().wait()

    async def _set(self, bot: Bot) -> bool:
        return await bot.set_webhook(
            self._url,
            secret_token=self._secret,
            allowed_updates=ALLOWED_UPDATES,
            max_connections=WEBHOOK_CONNECTIONS,
            drop_pending_updates=False,
        )

    async def check(self, *, polls: bool) -> Finding:
        """Does it point here, is it reached from outside, does anything wait? `polls`: there should be none."""
        told = await self._api.ask(lambda bot: bot.get_webhook_info())
        if told.value is None:
            return Finding(False, f"Telegram does not tell where the webhook points ({told.error})")
        if polls:
            if told.value.url:
                return Finding(
                    False, "a webhook is set although this channel polls; `serve` takes it away when it starts"
                )
            return Finding(True, f"updates are fetched by polling; {told.value.pending_update_count} wait")
        if not self._url:
            return Finding(False, "web.public_url is no https address: Telegram cannot bring anything here")
        if told.value.url != self._url:
            return Finding(False, f"the webhook does not point to {self._url}; `serve` sets it when it starts")
        trouble = _trouble(told.value)
        if trouble:
            return Finding(False, trouble)
        caller = Caller()
        try:
            return await probe(caller, self._url, NOBODYS, {"X-Telegram-Bot-Api-Secret-Token": self._secret}, {})
        finally:
            await caller.close()


def _trouble(seen: WebhookInfo) -> str:
    """What keeps Telegram from bringing updates, in words; "" when nothing does."""
    if seen.last_error_date is not None:
        error_at = seen.last_error_date.replace(tzinfo=seen.last_error_date.tzinfo or UTC)
        if datetime.now(UTC) - error_at < timedelta(seconds=LATE_S):
            return f"Telegram could not bring updates a moment ago, {seen.pending_update_count} wait; check the proxy in front"
    if seen.pending_update_count > MANY_WAIT:
        return f"{seen.pending_update_count} updates wait at Telegram; is `serve` running?"
    return ""

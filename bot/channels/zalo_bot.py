"""A bot of the Zalo Bot Platform as a channel: text only, for pilots and for pages to staff.

Polling gives one update at a time and gives it once: it is stored before the next is asked for, however long that takes. A
webhook may not be brought again, so what cannot be stored is kept back. The token is part of every address asked, so this is
the only module that sees it, and nothing of a failure but its class leaves it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from aiohttp import web

from bot.channels.fetching import fetch
from bot.channels.pacing import Pace, at_most
from bot.channels.pages import words
from bot.channels.probing import probe
from bot.channels.quota import Quota
from bot.channels.reaching import Reaching
from bot.channels.receiving import MAX_BODY_BYTES, PAUSE_AFTER_ERROR_S, KeepingBack, Storing, read_body, same
from bot.channels.render import Part, Wording, render, vietnamese
from bot.channels.sending import SEND_TIMEOUT_S, Answer, Caller, Progress
from bot.channels.zalo_bot_updates import parse, unwrapped
from flows.platforms import ZALO_BOT
from handlers.alarms import TOKEN_LOST, WEBHOOK_BAD
from handlers.model import Address, InboundMessage, Outcome, Outgoing, SendJob
from handlers.ports import Alarms, Budgets, Counters, Finding, Receive, SendResult, StaffLine
from handlers.rules.windows import ALWAYS_OPEN

log = structlog.get_logger()

STORE_AGAIN_S = 0.5
WATCH_EVERY_S = 60.0  # where the webhook points; security.md 49 asks for two minutes at most
REFUSED_AGAIN = timedelta(seconds=60)  # token or allowance: a human must act
NOTHING_NEW = 408
NOBODYS = b'{"event_name":"message.reaction.received","message":{"chat":{"id":"0","chat_type":"GROUP"}}}'
OF_THE_BOT = at_most(
    300, 60.0, at_once=60
)  # none is published; this only keeps a mistake of ours from becoming a flood


@dataclass(frozen=True, slots=True, kw_only=True)
class ZaloBotSettings:
    """What an operator has written about the bot."""

    token: str = field(repr=False)
    mode: str = "polling"  # or "webhook"
    webhook_secret: str = field(default="", repr=False)
    public_url: str = ""
    base_url: str = "https://bot-api.zaloplatforms.com"
    proxy: str = ""
    poll_timeout_s: int = 25
    monthly_messages: int = 3000  # of the plan, in and out together; 0: not counted


class ZaloBotChannel:
    """One Zalo bot as a channel."""

    secret_fields = frozenset({"token", "webhook_secret"})
    capabilities = ZALO_BOT
    window = ALWAYS_OPEN

    def __init__(
        self,
        name: str,
        settings: ZaloBotSettings,
        *,
        alarms: Alarms,
        budgets: Budgets,
        counters: Counters,
        staff: StaffLine | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        wording: Wording = vietnamese,
        beats: Callable[[], None] = lambda: None,
    ) -> None:
        """`counters` keeps how much of the month is used; with `staff` the bot calls staff as well, who bind their accounts."""
        if settings.mode == "webhook" and len(settings.webhook_secret) < 8:
            raise ValueError("a webhook without a secret of at least 8 characters would let anybody write")
        self.name = name
        self.route = f"/webhooks/zalo-bot/{name}" if settings.mode == "webhook" else ""
        self._settings, self._wording = settings, wording
        self._beats = beats  # the receiving loop's sign of life
        self._alarms, self._pace, self._staff, self._clock = alarms, Pace(budgets), staff, clock
        self._quota = Quota(name, settings.monthly_messages, counters, alarms, clock)
        self._caller = Caller(proxy=settings.proxy)
        self._storing = Storing(name)
        self._kept_back = KeepingBack(self._storing, name)
        self._progress, self._reaching = Progress(), Reaching(name, alarms)
        self._shape = ""  # how updates come: "bare" or "wrapped"

    # --- receiving -----------------------------------------------------------------------------------------------------

    async def run(self, receive: Receive) -> None:
        """Poll, or keep the webhook pointing here, until cancelled."""
        receive = self._for_seekers(receive)
        if self._settings.mode == "webhook":
            await self._keep_webhook()
        await self._call("deleteWebhook", {})
        failures = 0
        while True:
            answer = await self._call(
                "getUpdates",
                {"timeout": str(self._settings.poll_timeout_s)},
                timeout_s=self._settings.poll_timeout_s + SEND_TIMEOUT_S,
            )
            if answer.body.get("ok") is True:
                failures = 0
                await self._take(answer.body, receive)
                self._beats()
            elif _code(answer) != NOTHING_NEW:
                pause = PAUSE_AFTER_ERROR_S[min(failures, len(PAUSE_AFTER_ERROR_S) - 1)]
                failures += 1
                log.warning("zalo_bot.poll_failed", channel=self.name, error=answer.error, code=_code(answer))
                await self._look_at_token(answer)
                await asyncio.sleep(pause)
            else:
                failures = 0
                self._beats()
                await asyncio.sleep(0)  # a platform that answers at once must not starve everybody else

    async def _take(self, body: Any, receive: Receive) -> None:
        """Store what one poll has brought: it is not brought again, so it is tried until it is stored."""
        result = body.get("result")
        for raw in result if isinstance(result, list) else [result]:
            message = self._read(raw, wrapped=False) if raw else None
            while message is not None:
                try:
                    await self._storing.store(message, receive)
                    break
                except Exception as error:
                    log.error("zalo_bot.not_stored", channel=self.name, error=type(error).__name__)
                    await asyncio.sleep(STORE_AGAIN_S)

    def webhook(self, receive: Receive) -> Callable[[web.Request], Awaitable[web.Response]]:
        """The aiohttp handler of `route`: 200 only after the commit, 401 without the secret, 503 when it is not stored."""
        receive = self._for_seekers(receive)

        async def handle(request: web.Request) -> web.Response:
            if request.headers.get("Content-Encoding"):
                return web.Response(status=415)
            body = await read_body(request, MAX_BODY_BYTES)
            if body is None:
                return web.Response(status=413)
            if not body:
                return web.Response(status=200)  # the platform's probe says nothing
            if not same(request.headers.get("X-Bot-Api-Secret-Token", ""), self._settings.webhook_secret):
                return web.Response(status=401)
            try:
                raw, wrapped = unwrapped(json.loads(body))
            except (ValueError, RecursionError):
                raw, wrapped = None, False
            message = self._read(raw, wrapped=wrapped)
            if message is None or await self._kept_back.store(message, receive):
                return web.Response(status=200)
            return web.Response(status=503)

        return handle

    def _for_seekers(self, receive: Receive) -> Receive:
        """What staff write to the bot that calls them is dealt with; everything else is a seeker's, and stored."""
        staff = self._staff
        if staff is None:
            return receive

        async def sort(*messages: InboundMessage) -> None:
            hers = [message for message in messages if not await staff.take(message.address, message.text)]
            if hers:
                await receive(*hers)

        return sort

    def _read(self, raw: object, *, wrapped: bool) -> InboundMessage | None:
        inner, inside = unwrapped(raw)
        shape = "wrapped" if wrapped or inside else "bare"
        if shape != self._shape:
            self._shape = shape
            log.info("zalo_bot.updates_come", channel=self.name, shape=shape)
        try:
            message = parse(self.name, inner, self._keyed)
        except (ValueError, RecursionError):
            log.warning("zalo_bot.unreadable_update", channel=self.name)
            return None
        if message is not None:
            self._quota.spend()
        return message

    def _keyed(self, text: str) -> str:
        return hmac.new(self._settings.token.encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    # --- the webhook --------------------------------------------------------------------------------------------------------

    @property
    def _address(self) -> str:
        """Where Zalo finds us; "" without a public address (then an operator's own gateway must know)."""
        public = self._settings.public_url.rstrip("/")
        return f"{public}{self.route}" if public.startswith("https://") and self.route else ""

    async def _keep_webhook(self) -> None:
        """See to it that the platform brings updates here, until cancelled."""
        while self._address:
            answer = await self._call("getWebhookInfo", {})
            if answer.body.get("ok") is True and _result(answer).get("url") != self._address:
                await self._set_webhook()
            elif answer.body.get("ok") is True:
                await self._alarms.hush(self.name, WEBHOOK_BAD)
            else:
                await self._look_at_token(answer)
            await asyncio.sleep(WATCH_EVERY_S)
        await asyncio.Event().wait()

    async def _set_webhook(self) -> None:
        sent = {"url": self._address, "secret_token": self._settings.webhook_secret}
        answer = await self._call("setWebhook", sent)
        proof = _result(answer).get("verification")
        # The address is kept by the platform also when it could not reach it.
        good = answer.body.get("ok") is True and not (isinstance(proof, dict) and proof.get("ok") is False)
        outcome = str(proof.get("outcome", "")) if isinstance(proof, dict) else ""
        log.info("zalo_bot.webhook_set", channel=self.name, good=good, outcome=outcome[:40])
        if good:
            await self._alarms.hush(self.name, WEBHOOK_BAD)
        else:
            await self._alarms.sound(self.name, WEBHOOK_BAD)

    # --- sending ----------------------------------------------------------------------------------------------------------

    async def send(self, address: Address, outgoing: Outgoing, key: str = "") -> SendResult:
        """Send one message; see `ports.Channel.send`."""
        parts = render(outgoing, self.capabilities, self._wording(outgoing.language)).parts
        return await self._progress.send(key, parts, lambda part: self._send_part(address, part))

    async def _send_part(self, address: Address, part: Part) -> SendResult:
        wait = await self._pace.take({f"zalo-bot:{self.name}": OF_THE_BOT})
        if wait > 0:
            return SendResult(outcome=Outcome.RETRY, retry_after=timedelta(seconds=wait), error_class="Throttled")
        answer = await self._call("sendMessage", {"chat_id": address.platform_id, "text": part.text})
        if answer.body.get("ok") is True:
            self._quota.spend()
            await self._alarms.hush(self.name, TOKEN_LOST)
            return SendResult(outcome=Outcome.SENT)
        code = _code(answer)
        if code == 400:
            return SendResult(outcome=Outcome.FAILED, error_class="Zalo400")
        if code in (401, 404):  # the token, or an address that knows no such bot: nothing of this message
            await self._look_at_token(answer)
            return SendResult(outcome=Outcome.RETRY, retry_after=REFUSED_AGAIN, error_class=f"Zalo{code}")
        if code == 429:  # the plan's allowance, and not a moment's throttling
            await self._quota.refused()
            return SendResult(outcome=Outcome.RETRY, retry_after=REFUSED_AGAIN, error_class="QuotaGone")
        # 403 means an internal error here; 408, 5xx, cut connections: perhaps it arrived, perhaps not.
        return SendResult(outcome=Outcome.RETRY, error_class=answer.error or f"Zalo{code or answer.status}")

    async def page(self, job: SendJob) -> SendResult:
        """Call a staff member who has bound her account: this channel as a `handlers.ports.Surface`."""
        if job.address is None:
            return SendResult(outcome=Outcome.FAILED, error_class="NotBound")
        desk = (
            f"\n{self._settings.public_url.rstrip('/')}/desk" if self._settings.public_url.startswith("https") else ""
        )
        return await self._send_part(job.address, Part(f"Bình An. {words(job, self._clock())}{desk}"))

    async def _call(self, method: str, sent: dict[str, str], *, timeout_s: float = 0.0) -> Answer:
        url = f"{self._settings.base_url.rstrip('/')}/bot{self._settings.token}/{method}"
        answer = await self._caller.ask("POST", url, json=sent, timeout_s=timeout_s)
        await self._reaching.heard(bool(answer.body))
        return answer

    async def _look_at_token(self, answer: Answer) -> None:
        if _code(answer) == 401:
            await self._alarms.sound(self.name, TOKEN_LOST)

    # --- looking after it ------------------------------------------------------------------------------------------------

    async def fetch(self, source: str, most: int) -> bytes | None:
        """See `ports.Fetches`; `source` is an address on Zalo's servers."""
        return await fetch(self._caller, source, most, self._settings.base_url)

    async def check(self) -> list[Finding]:
        """See `ports.Channel.check`."""
        answer = await self._call("getMe", {})
        if answer.body.get("ok") is not True:
            return [_no_answer(answer)]
        found = [Finding(True, "Zalo answers and takes the token")]
        found.append(await self._check_webhook())
        if self._settings.monthly_messages:
            used, most = await self._quota.used(), self._settings.monthly_messages
            said = f"{used} of {most} messages of this month are used"
            found.append(Finding(used < most * 0.8, said if used < most * 0.8 else f"{said}; think of a larger plan"))
        return found

    async def _check_webhook(self) -> Finding:
        answer = await self._call("getWebhookInfo", {})
        if answer.body.get("ok") is not True:
            return _no_answer(answer)
        url = str(_result(answer).get("url") or "")
        if self._settings.mode == "polling":
            if url:
                return Finding(
                    False, "a webhook is set although this channel polls; `serve` takes it away when it starts"
                )
            return Finding(
                True, "updates are fetched by polling (Zalo means it for trying things out: it gives each only once)"
            )
        if not self._address:
            return Finding(False, "web.public_url is no https address: Zalo cannot bring anything here")
        if url != self._address:
            return Finding(False, f"the webhook does not point to {self._address}; `serve` sets it when it starts")
        secret = {"X-Bot-Api-Secret-Token": self._settings.webhook_secret}
        return await probe(self._caller, self._address, NOBODYS, secret, {})

    async def close(self) -> None:
        """Give back connections."""
        self._kept_back.close()
        await self._quota.close()
        await self._caller.close()


def _no_answer(answer: Answer) -> Finding:
    code = _code(answer)
    if code in (401, 404):
        return Finding(False, f"Zalo does not take the token (error {code}); copy it again from the Zalo Bot Creator")
    return Finding(
        False, f"Zalo does not answer ({answer.error or code or answer.status}); check the network and base_url"
    )


def _code(answer: Answer) -> int:
    """The error code of the body, else of the status; 0 for no answer at all."""
    code = answer.body.get("error_code", answer.status)
    return code if isinstance(code, int) else 0


def _result(answer: Answer) -> dict[str, Any]:
    result = answer.body.get("result")
    return result if isinstance(result, dict) else {}

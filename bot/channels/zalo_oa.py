"""A Zalo Official Account as a channel: events over a signed webhook, answers over its open API.

Zalo wants its answer within two seconds and promises a second delivery only where the connection failed; so what cannot be
stored is kept back and stored later by us too. Errors come with HTTP status 200: only `error` 0 in the body is success.
"""

from __future__ import annotations

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
from bot.channels.probing import probe
from bot.channels.reaching import Reaching
from bot.channels.receiving import MAX_BODY_BYTES, KeepingBack, Seldom, Storing, read_body
from bot.channels.render import Part, Wording, render, vietnamese
from bot.channels.sending import Answer, Caller, Progress
from bot.channels.zalo_oa_events import ANONYMOUS, PRESSED, Signed, parse, recipient_of, signature, signed_by
from bot.channels.zalo_oa_tokens import TokenKeeper
from flows.effects import Button
from flows.platforms import ZALO_OA, ZALO_OA_ANONYMOUS, Capabilities
from handlers.alarms import NOT_ALLOWED
from handlers.model import Address, InboundMessage, Outcome, Outgoing
from handlers.ports import Alarms, Budgets, Finding, Receive, SendResult, Vault
from handlers.rules.windows import ReplyWindow

log = structlog.get_logger()

ZALO_WINDOW = ReplyWindow(free_for=timedelta(hours=48), open_for=timedelta(days=7))
NO_TOKEN_AGAIN = timedelta(seconds=30)
UNKNOWN_AGAIN = timedelta(seconds=30)
THROTTLED_S = 60.0  # the platform counts by the minute and does not say when the next one begins

# The platform's error numbers, as far as sources name them; everything else is tried again.
BAD_TOKEN = frozenset({-216, -124})
THROTTLED = frozenset({-32})
WINDOW_SHUT = frozenset({-230, -232})
NOT_REACHABLE = frozenset({-213, -227, -244})  # does not follow, banned or gone, restricted
ACCOUNT_LACKS = frozenset({-221, -224})  # not verified, package too small
BAD_MESSAGE = frozenset({-201})
BUTTONS_REFUSED = "ButtonsRefused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZaloOaSettings:
    """What an operator has written about the account."""

    app_id: str
    app_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)  # the "OA secret key" of the webhook settings, not the app's secret
    seed: Callable[[], str] = field(repr=False)  # reads the first refresh token
    oa_id: str = ""
    variant: str = ""  # the one signature that is taken; empty: any known one
    base_url: str = "https://openapi.zalo.me"
    oauth_url: str = "https://oauth.zaloapp.com"
    public_url: str = ""
    proxy: str = ""
    per_minute: int = 100
    window: ReplyWindow = ZALO_WINDOW


class ZaloOaChannel:
    """One Official Account as a channel."""

    secret_fields = frozenset({"app_secret", "webhook_secret", "refresh_token"})
    capabilities = ZALO_OA

    def __init__(
        self,
        name: str,
        settings: ZaloOaSettings,
        *,
        vault: Vault,
        alarms: Alarms,
        budgets: Budgets,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        wording: Wording = vietnamese,
    ) -> None:
        """`vault` keeps the tokens, `budgets` counts what the account may send a minute."""
        if not settings.webhook_secret:
            raise ValueError("a webhook without a secret would let anybody write")
        self.name = name
        self.route = f"/webhooks/zalo-oa/{name}"
        self.window = settings.window
        self._settings, self._wording = settings, wording
        self._alarms, self._pace = alarms, Pace(budgets)
        self._account = f"zalo-oa:{name}"
        self._budget = {self._account: at_most(settings.per_minute, 60.0, at_once=settings.per_minute // 4)}
        self._caller = Caller(proxy=settings.proxy)
        self._signed = Signed(settings.app_id, settings.oa_id, settings.webhook_secret)
        self._storing = KeepingBack(Storing(name), name)
        self._progress, self._reaching = Progress(), Reaching(name, alarms)
        self._seen_variant, self._unsigned = "", Seldom()
        self._without_buttons = False  # the platform has refused them: choices are numbered from then on
        self._keeper = TokenKeeper(
            name,
            app_id=settings.app_id,
            app_secret=settings.app_secret,
            seed=settings.seed,
            oauth_url=settings.oauth_url,
            caller=self._caller,
            vault=vault,
            alarms=alarms,
            clock=clock,
        )

    # --- receiving -----------------------------------------------------------------------------------------------------

    async def run(self, receive: Receive) -> None:
        """Keep the tokens fresh, until cancelled; messages come through the webhook."""
        await self._keeper.keep()

    def webhook(self, receive: Receive) -> Callable[[web.Request], Awaitable[web.Response]]:
        """The aiohttp handler of `route`: 200 only after the commit, 401 without the signature, 503 when it is not stored."""

        async def handle(request: web.Request) -> web.Response:
            if request.headers.get("Content-Encoding"):
                return web.Response(status=415)
            body = await read_body(request, MAX_BODY_BYTES)
            if body is None:
                return web.Response(status=413)
            if not body:
                return web.Response(status=200)  # the console's probe: unsigned, and it says nothing
            if not self._is_signed(request, body):
                return web.Response(status=401)
            message = self._read(body)
            if message is None or await self._storing.store(message, receive):
                return web.Response(status=200)
            return web.Response(status=503)

        return handle

    def _is_signed(self, request: web.Request, body: bytes) -> bool:
        header, stamp = request.headers.get("X-ZEvent-Signature", ""), request.headers.get("X-ZEvent-Timestamp", "")
        variant = signed_by(body, header, stamp, self._signed)
        if not variant or (self._settings.variant and variant != self._settings.variant):
            self._unsigned.warn("zalo_oa.not_signed", channel=self.name, variant=variant)
            return False
        if variant != self._seen_variant:
            self._seen_variant = variant
            log.info("zalo_oa.signed_by", channel=self.name, variant=variant)
        return True

    def _read(self, body: bytes) -> InboundMessage | None:
        try:
            return parse(self.name, json.loads(body), self._keyed, self._settings.oa_id)
        except (ValueError, RecursionError):
            # Signed, but nothing we know, and nobody in it to answer. 200 keeps it from coming for ever; the log has it.
            log.warning("zalo_oa.unreadable_event", channel=self.name)
            return None

    def _keyed(self, text: str) -> str:
        return hmac.new(
            self._settings.webhook_secret.encode(), text.encode("utf-8", "replace"), hashlib.sha256
        ).hexdigest()

    # --- sending -------------------------------------------------------------------------------------------------------

    async def send(self, address: Address, outgoing: Outgoing, key: str = "") -> SendResult:
        """Send one message; see `ports.Channel.send`."""
        anonymous = address.platform_id.startswith(f"{ANONYMOUS}:")
        if anonymous or self._without_buttons:
            return await self._send(address, outgoing, key, ZALO_OA_ANONYMOUS)
        result = await self._send(address, outgoing, key, ZALO_OA)
        if result.error_class != BUTTONS_REFUSED:
            return result
        numbered = await self._send(address, outgoing, f"{key}:numbered" if key else "", ZALO_OA_ANONYMOUS)
        if numbered.outcome is Outcome.SENT:  # so it was the buttons, and nothing else
            log.warning("zalo_oa.buttons_refused", channel=self.name)
            self._without_buttons = True
        return numbered

    async def _send(self, address: Address, outgoing: Outgoing, key: str, capabilities: Capabilities) -> SendResult:
        parts = render(outgoing, capabilities, self._wording(outgoing.language)).parts
        return await self._progress.send(key, parts, lambda part: self._send_part(address, part))

    async def _send_part(self, address: Address, part: Part) -> SendResult:
        wait = await self._pace.take(self._budget)
        if wait > 0:
            return SendResult(outcome=Outcome.RETRY, retry_after=timedelta(seconds=wait), error_class="Throttled")
        token = await self._keeper.token()
        if not token:
            return SendResult(outcome=Outcome.RETRY, retry_after=NO_TOKEN_AGAIN, error_class="NoToken")
        answer = await self._post(token, address, part)
        if _error(answer) in BAD_TOKEN:
            self._keeper.refused(token)
            token = await self._keeper.token()
            if not token:
                return SendResult(outcome=Outcome.RETRY, retry_after=NO_TOKEN_AGAIN, error_class="NoToken")
            answer = await self._post(token, address, part)
        return await self._judge(answer, bool(part.rows))

    async def _post(self, token: str, address: Address, part: Part) -> Answer:
        recipient = recipient_of(address.platform_id)
        path = "/v3.0/oa/message/cs" if "user_id" in recipient else "/v2.0/oa/message"
        message: dict[str, Any] = {"text": part.text}
        if part.rows:
            message["attachment"] = {"type": "template", "payload": {"buttons": [_button(one) for one in part.buttons]}}
        answer = await self._caller.ask(
            "POST",
            f"{self._settings.base_url.rstrip('/')}{path}",
            json={"recipient": recipient, "message": message},
            headers={"access_token": token},
        )
        await self._reaching.heard(bool(answer.body))
        return answer

    async def _judge(self, answer: Answer, had_buttons: bool) -> SendResult:
        if answer.ambiguous:
            # Perhaps it arrived, perhaps not. Twice is better than never.
            return SendResult(outcome=Outcome.RETRY, error_class=answer.error or f"Status{answer.status}")
        code = _error(answer)
        if code == 0:
            await self._alarms.hush(self.name, NOT_ALLOWED)
            return SendResult(outcome=Outcome.SENT)
        named = f"Zalo{code}"
        if code in THROTTLED:
            self._pace.pause(self._account, THROTTLED_S)
            return SendResult(outcome=Outcome.RETRY, retry_after=timedelta(seconds=THROTTLED_S), error_class=named)
        if code in WINDOW_SHUT:
            return SendResult(outcome=Outcome.FAILED, error_class="WindowShut")
        if code in NOT_REACHABLE:
            return SendResult(outcome=Outcome.BLOCKED, error_class=named)
        if code in BAD_MESSAGE:
            return SendResult(outcome=Outcome.FAILED, error_class=BUTTONS_REFUSED if had_buttons else named)
        if code in ACCOUNT_LACKS:
            await self._alarms.sound(self.name, NOT_ALLOWED)
        log.warning("zalo_oa.refused", channel=self.name, code=code)
        return SendResult(outcome=Outcome.RETRY, retry_after=UNKNOWN_AGAIN, error_class=named)

    # --- looking after it ------------------------------------------------------------------------------------------------

    async def fetch(self, source: str, most: int) -> bytes | None:
        """See `ports.Fetches`; `source` is an address on Zalo's servers."""
        return await fetch(self._caller, source, most, self._settings.base_url)

    async def check(self) -> list[Finding]:
        """See `ports.Channel.check`."""
        found = [await self._check_account(), await self._check_webhook()]
        found.append(
            Finding(
                True,
                f"answers are sent for {_hours(self.window.open_for)} after a person's last line, free of charge for "
                f"{_hours(self.window.free_for)}",
            )
        )
        return found

    async def _check_account(self) -> Finding:
        token = await self._keeper.token()
        if not token:
            return Finding(
                False,
                "no access token can be had: give consent anew in the developer console and put the new refresh token in place",
            )
        url = f"{self._settings.base_url.rstrip('/')}/v2.0/oa/getoa"
        answer = await self._caller.ask("GET", url, headers={"access_token": token})
        if answer.ambiguous:
            return Finding(
                False, f"Zalo does not answer ({answer.error or answer.status}); check the network and base_url"
            )
        code = _error(answer)
        if code in ACCOUNT_LACKS:
            return Finding(
                False, f"the account may not use the open API (error {code}); check its package and verification"
            )
        if code:
            return Finding(False, f"Zalo refuses the account's token (error {code})")
        data = answer.body.get("data")
        oa_id = str(data.get("oa_id", "")) if isinstance(data, dict) else ""
        if self._settings.oa_id and oa_id and oa_id != self._settings.oa_id:
            return Finding(
                False, "the token belongs to another Official Account than oa_id says; correct one of the two"
            )
        return Finding(True, "Zalo answers and takes the account's token")

    async def _check_webhook(self) -> Finding:
        """Zalo does not tell where it brings events; so an echo, signed as Zalo signs, is brought to our own public address."""
        if not self._settings.public_url.startswith("https://"):
            return Finding(False, "web.public_url is no https address: Zalo cannot bring anything here")
        stamp = str(int(datetime.now(UTC).timestamp() * 1000))
        body = json.dumps({"app_id": self._settings.app_id, "event_name": "oa_send_text", "timestamp": stamp}).encode()
        mac = signature(body, stamp, self._settings.app_id, self._settings.webhook_secret)
        return await probe(
            self._caller,
            f"{self._settings.public_url.rstrip('/')}{self.route}",
            body,
            {"X-ZEvent-Signature": f"mac={mac}"},
            {"X-ZEvent-Signature": "mac=" + "0" * 64},
            by_hand="; this address must stand in Zalo's console",
        )

    async def close(self) -> None:
        """Give back connections, once a refresh under way has come to its end."""
        self._storing.close()
        await self._keeper.close()
        await self._caller.close()


def _button(button: Button) -> dict[str, str]:
    """The press is not shown in the chat: a phone that somebody looks at shows less."""
    return {"title": button.label, "type": "oa.query.hide", "payload": f"{PRESSED}{button.data}"}


def _error(answer: Answer) -> int:
    """The error number of the body; 0 is success, and a body without one is none."""
    code = answer.body.get("error", -1)
    return code if isinstance(code, int) else -1


def _hours(length: timedelta | None) -> str:
    return "ever" if length is None else f"{length.total_seconds() / 3600:g} h"

"""The Zalo Bot Platform on the loopback, as strict as the real one: one update a poll and each only once, `ok: false` inside
status 200, an allowance of messages that counts both ways, no buttons, limits of texts; bare or wrapped updates.

By hand: see `python -m tests.fakes --help`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import ClientSession, web

TOKEN = "987654:fake-zalo-bot-token-for-tests-only"
SECRET = "zalo-bot-webhook-secret-for-tests"
MAX_TEXT = 2000
KNOWN_FIELDS = {"chat_id", "text", "parse_mode", "text_styles"}


@dataclass
class Sent:
    """One message that a phone shows."""

    to: str
    text: str
    message_id: str


class FakeZaloBot:
    """The platform's side."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.violations: list[str] = []
        self.faults: deque[str] = deque()  # "429", "403", "408", "400", "401", "500", "reset", "lost", "garbage"
        self.chats: set[str] = set()  # who has written: the bot cannot write first
        self.blocked: set[str] = set()
        self.wrapped = False
        self.webhook = ""
        self.secret = SECRET
        self.verifies = True
        self.left: int | None = None  # messages of the month's allowance
        self.away = False
        self._waiting: deque[dict[str, Any]] = deque()
        self._arrived = asyncio.Event()
        self._ids = itertools.count(1)
        self._runner: web.AppRunner | None = None
        self.base_url = ""
        self.files: dict[str, bytes] = {}  # name -> content, anybody may fetch it
        self.asked_for_files = 0

    # --- life ------------------------------------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> FakeZaloBot:
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        app.router.add_get("/media/{name}", self._media)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # --- the phone ---------------------------------------------------------------------------------------------------------

    def update(self, name: str, who: str, message_id: str = "", **content: Any) -> dict[str, Any]:
        """An update as the platform writes it (bare)."""
        self.chats.add(who)
        return {
            "event_name": name,
            "message": {
                "date": 1789033572455, "chat": {"chat_type": "PRIVATE", "id": who},
                "from": {"id": who, "is_bot": False, "display_name": "Canary Display"},
                "message_id": message_id or f"in{next(self._ids)}", **content,
            },
        }  # fmt: skip

    async def types(self, who: str, text: str, message_id: str = "") -> int:
        return await self.brings(self.update("message.text.received", who, message_id, text=text))

    async def sends(self, who: str, kind: str = "unsupported", **content: Any) -> int:
        """Anything else: "unsupported" (nothing of it is shown to the bot), "image", "voice", "sticker"."""
        return await self.brings(self.update(f"message.{kind}.received", who, **content))

    def of(self, who: str) -> list[Sent]:
        """What this phone shows from the bot."""
        return [message for message in self.sent if message.to == who]

    async def brings(self, update: dict[str, Any]) -> int:
        """Bring an update: to the webhook when there is one, else to whoever polls next. The status (200 for polling)."""
        if not self.webhook:
            self._waiting.append(update)
            self._arrived.set()
            return 200
        return await self.post(self.written(update), {"X-Bot-Api-Secret-Token": self.secret})

    def written(self, update: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "result": update} if self.wrapped else update

    async def post(self, body: Any, headers: dict[str, str]) -> int:
        try:
            async with (
                ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http,
                http.post(self.webhook, json=body, headers={"User-Agent": "Java/1.8.0_192", **headers}) as answer,
            ):
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    def unfetched(self) -> int:
        """Updates that nobody has polled yet."""
        return len(self._waiting)

    # --- the Bot API ---------------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self.away:
            return _cut(request)
        if request.match_info["token"] != TOKEN:
            return web.json_response({"ok": False, "error_code": 401, "description": "Unauthorized"})
        method = request.match_info["method"]
        try:
            parameters = dict(await request.json())
        except ValueError:
            self.violations.append("a body that is no JSON")
            parameters = {}
        self.calls.append((method, parameters))
        handler = getattr(self, f"_{method}", None)
        if handler is None:
            return _refuse(404, "Not Found")
        return await handler(request, parameters)

    async def _media(self, request: web.Request) -> web.Response:
        self.asked_for_files += 1
        found = self.files.get(request.match_info["name"])
        return web.Response(status=404) if found is None else web.Response(body=found)

    async def _getMe(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        return _ok({"id": "1", "account_name": "BotFake", "account_type": "BASIC", "can_join_groups": False})

    async def _getUpdates(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        if self.webhook:
            return _refuse(400, "webhook is set")
        if not isinstance(parameters.get("timeout"), str):
            self.violations.append("timeout is documented as a string")
        if not self._waiting:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), float(parameters["timeout"]) or 0.05)
        if not self._waiting:
            return _refuse(408, "Request timeout")
        return _ok(self._waiting.popleft())  # gone, whatever becomes of it

    async def _setWebhook(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        if not str(parameters.get("url", "")).startswith("https://"):
            return _refuse(400, "url")
        if not 8 <= len(str(parameters.get("secret_token", ""))) <= 256:
            return _refuse(400, "secret_token")
        self.webhook, self.secret = str(parameters["url"]), str(parameters["secret_token"])
        outcome = "webhook.ok" if self.verifies else "webhook.http.403"
        proof = {"ok": self.verifies, "status_code": 200 if self.verifies else 403, "outcome": outcome, "hint": ""}
        return _ok({"url": self.webhook, "updated_at": 1, "verification": proof})

    async def _deleteWebhook(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        self.webhook = ""
        return _ok({"url": "", "updated_at": 1})

    async def _getWebhookInfo(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        return _ok({"url": self.webhook, "updated_at": 1})

    async def _sendMessage(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        fault = self.faults.popleft() if self.faults else ""
        if fault == "reset":
            return _cut(request)
        if fault == "garbage":
            return web.Response(text="<html>not what was asked for</html>", content_type="text/html")
        if fault == "500":
            return web.Response(status=500, text="<html>Internal Server Error</html>")
        if fault.isdigit():
            return _refuse(int(fault), "by test")
        if self.left is not None:
            if self.left <= 0:
                return _refuse(429, "Quota exceeded")
            self.left -= 1
        who, text = str(parameters.get("chat_id", "")), parameters.get("text")
        if set(parameters) - KNOWN_FIELDS:
            self.violations.append(f"unknown fields {sorted(set(parameters) - KNOWN_FIELDS)}")
        if not isinstance(text, str) or not text.strip() or len(text.encode("utf-16-le")) // 2 > MAX_TEXT:
            self.violations.append("text is empty or too long")
            return _refuse(400, "text")
        if who not in self.chats or who in self.blocked:
            return _refuse(400, "chat_id")
        message = Sent(who, text, f"out{next(self._ids)}")
        self.sent.append(message)
        if fault == "lost":
            return _cut(request)
        return _ok({"message_id": message.message_id, "date": 1789033572455})


def _ok(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _refuse(code: int, description: str) -> web.Response:
    return web.json_response({"ok": False, "error_code": code, "description": description})  # status 200, as it may be


def _cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()

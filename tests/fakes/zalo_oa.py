"""A Zalo Official Account's platform on the loopback, as strict as the real one: single-use refresh tokens, an old access token
that dies at the refresh, errors inside status 200, a two-second limit on our answers, reply windows, limits of texts and buttons.

By hand: see `python -m tests.fakes --help`.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import ClientSession, web

APP_ID = "4100000000000000001"
OA_ID = "2100000000000000001"
APP_SECRET = "fake-app-secret-for-tests-only"
OA_SECRET = "fake-oa-secret-key-for-tests-only"
FIRST_REFRESH = "first-refresh-token-for-tests-only"
ACCESS_LIVES_S = 25 * 3600
ANSWER_WITHIN_S = 2.0
FREE_S, OPEN_S = 48 * 3600, 7 * 24 * 3600
MAX_TEXT, MAX_BUTTONS, MAX_TITLE, MAX_PAYLOAD = 2000, 5, 100, 1000


@dataclass
class Sent:
    """One message that a phone shows."""

    to: str
    text: str
    message_id: str
    buttons: list[tuple[str, str]] = field(default_factory=list)  # (title, payload)


class FakeZaloOa:
    """The platform's side."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` decides when tokens and windows run out."""
        self.clock = clock
        self.sent: list[Sent] = []
        self.violations: list[str] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.faults: deque[str] = deque()  # "error:-32", "500", "reset", "garbage", "lost", "slow"
        self.refresh_faults: deque[str] = deque()  # "lost", "500", "reset"
        self.heard: dict[str, float] = {}  # user -> last interaction
        self.unreachable: set[str] = set()
        self.webhook = ""
        self.variant = "app-body"
        self.echoes = True
        self.refuses_buttons = False
        self.refresh = FIRST_REFRESH
        self.spent: set[str] = set()
        self.access, self.access_until = "", 0.0
        self.refreshes = 0
        self.billed: list[str] = []
        self.undelivered: list[dict[str, Any]] = []
        self._ids = itertools.count(1)
        self._runner: web.AppRunner | None = None
        self.files: dict[str, bytes] = {}  # name -> content, anybody may fetch it
        self.asked_for_files = 0
        self.base_url = ""

    # --- life ------------------------------------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> FakeZaloOa:
        app = web.Application()
        app.router.add_post("/v4/oa/access_token", self._token)
        app.router.add_post("/v3.0/oa/message/cs", self._message)
        app.router.add_post("/v2.0/oa/message", self._anonymous_message)
        app.router.add_get("/v2.0/oa/getoa", self._account)
        app.router.add_get("/media/{name}", self._media)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def _media(self, request: web.Request) -> web.Response:
        self.asked_for_files += 1
        found = self.files.get(request.match_info["name"])
        return web.Response(status=404) if found is None else web.Response(body=found)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # --- the phone ---------------------------------------------------------------------------------------------------------

    def event(self, name: str, who: str, **more: Any) -> dict[str, Any]:
        """An event as the platform writes it."""
        stamp = str(int(self.clock() * 1000))
        return {
            "app_id": APP_ID, "event_name": name, "timestamp": stamp, "sender": {"id": who}, "recipient": {"id": OA_ID},
            "user_id_by_app": f"by-app-{who}", **more,
        }  # fmt: skip

    def text_event(self, who: str, text: str, message_id: str = "") -> dict[str, Any]:
        message = {"text": text, "msg_id": message_id or f"in{next(self._ids)}"}
        return self.event("user_send_text", who, message=message)

    async def types(self, who: str, text: str, message_id: str = "") -> int:
        return await self.deliver(self.text_event(who, text, message_id))

    async def presses(self, who: str, title: str) -> int:
        """Press the newest button with this title: its payload comes as an ordinary text."""
        for message in reversed(self.of(who)):
            for shown, payload in message.buttons:
                if shown == title:
                    return await self.types(who, payload)
        raise AssertionError(f"no button {title!r}")

    async def shares(self, who: str, lat: float, lon: float) -> int:
        place = {"type": "location", "payload": {"coordinates": {"latitude": str(lat), "longitude": str(lon)}}}
        message = {"attachments": [place], "text": "Nhà của chị Canary", "msg_id": f"in{next(self._ids)}"}
        return await self.deliver(self.event("user_send_location", who, message=message))

    async def sends_media(self, who: str, kind: str, url: str = "https://f.example/canary.jpg", text: str = "") -> int:
        attachment = {"type": kind, "payload": {"url": url, "thumbnail": url}}
        message = {"attachments": [attachment], "msg_id": f"in{next(self._ids)}", "text": text}
        return await self.deliver(self.event(f"user_send_{kind}", who, message=message))

    async def follows(self, who: str, name: str = "follow") -> int:
        return await self.deliver(self._about(name, who, {"follower": {"id": who}, "source": "oa_profile"}))

    async def unfollows(self, who: str) -> int:
        self.unreachable.add(who)
        return await self.deliver(self._about("unfollow", who, {"follower": {"id": who}}), interaction=False)

    async def opens_chat(self, who: str) -> int:
        return await self.deliver(self._about("user_click_chatnow", who, {"user_id": who, "oa_id": OA_ID}))

    async def withdraws(self, who: str) -> int:
        return await self.deliver(self._about("user_withdraw", who, {"user_id": who}), interaction=False)

    async def types_anonymously(self, who: str, conversation: str, text: str) -> int:
        message = {"text": text, "msg_id": f"in{next(self._ids)}", "conversation_id": conversation}
        return await self.deliver(self.event("anonymous_send_text", who, message=message))

    def _about(self, name: str, who: str, more: dict[str, Any]) -> dict[str, Any]:
        event = self.event(name, who, **more)
        del event["sender"], event["recipient"]
        return event

    def of(self, who: str) -> list[Sent]:
        """What this phone shows from the account."""
        return [message for message in self.sent if message.to == who]

    # --- bringing events -----------------------------------------------------------------------------------------------------

    async def deliver(self, event: dict[str, Any], *, interaction: bool = True, tries: int = 0) -> int:
        """Bring an event, signed; the status, 0 when the connection failed (then it can be brought again by `redeliver`)."""
        who = str(event.get("user_id") or (event.get("follower") or event.get("sender") or {}).get("id", ""))
        if interaction and who and not str(event["event_name"]).startswith("oa_"):
            self.heard[who] = self.clock()
        body = json.dumps(event, ensure_ascii=False).encode()
        return await self.bring(body, self.headers(body, event.get("timestamp", ""), tries), event)

    def headers(self, body: bytes, stamp: str, tries: int = 0) -> dict[str, str]:
        first = APP_ID if self.variant.startswith("app") else OA_ID
        mac = hashlib.sha256(
            first.encode() + body + str(stamp).encode("utf-8", "replace") + OA_SECRET.encode()
        ).hexdigest()
        given = {"X-ZEvent-Signature": f"mac={mac}", "Content-Type": "application/json"}
        if self.variant.endswith("header"):
            given["X-ZEvent-Timestamp"] = str(stamp)
        return given | ({"num_retry": str(tries)} if tries else {})

    async def bring(self, body: Any, headers: dict[str, str], event: dict[str, Any] | None = None) -> int:
        began = asyncio.get_running_loop().time()
        try:
            async with (
                ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http,
                http.post(self.webhook, data=body, headers=headers) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            if event is not None:
                self.undelivered.append(event)
            return 0
        if asyncio.get_running_loop().time() - began > ANSWER_WITHIN_S:
            self.violations.append("answered later than within 2 s")
        return status

    async def redeliver(self) -> list[int]:
        """The second tries of what could not be brought."""
        again, self.undelivered = self.undelivered, []
        return [await self.deliver(event, tries=1) for event in again]

    # --- the OAuth side --------------------------------------------------------------------------------------------------------

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = {str(key): str(value) for key, value in (await request.post()).items()}
        self.calls.append(("access_token", {}))
        if request.content_type != "application/x-www-form-urlencoded":
            self.violations.append("token asked for with another body than a form")
        if request.headers.get("secret_key") != APP_SECRET or form.get("app_id") != APP_ID:
            return web.json_response({"error": -14004, "error_name": "Invalid secret key"})
        if form.get("grant_type") != "refresh_token":
            return web.json_response({"error": -14008})
        fault = self.refresh_faults.popleft() if self.refresh_faults else ""
        if fault == "500":
            return web.Response(status=500, text="<html>")
        if fault == "reset":
            return _cut(request)
        given = form.get("refresh_token", "")
        if given in self.spent:
            self.violations.append("a refresh token was used twice")
            return web.json_response({"error": -14020, "error_name": "Refresh token is used"})
        if given != self.refresh:
            return web.json_response({"error": -14014, "error_name": "Invalid refresh token"})
        self.spent.add(given)
        self.refreshes += 1
        self.refresh, self.access = f"refresh-{secrets.token_hex(8)}", f"access-{secrets.token_hex(8)}"
        self.access_until = self.clock() + ACCESS_LIVES_S
        if fault == "lost":
            return _cut(request)
        return web.json_response(
            {"access_token": self.access, "refresh_token": self.refresh, "expires_in": str(ACCESS_LIVES_S)}
        )

    # --- the open API ----------------------------------------------------------------------------------------------------------

    def _wrong_token(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("access_token", "")
        if "Authorization" in request.headers:
            self.violations.append("the token was sent as a bearer")
        if not given or given != self.access or self.clock() >= self.access_until:
            return _error(-216, "Access token is invalid")
        return None

    async def _account(self, request: web.Request) -> web.StreamResponse:
        wrong = self._wrong_token(request)
        return wrong or web.json_response({"data": {"oa_id": OA_ID, "name": "Canary", "oa_type": 4}, "error": 0})

    async def _message(self, request: web.Request) -> web.StreamResponse:
        return await self._send(request, "user_id")

    async def _anonymous_message(self, request: web.Request) -> web.StreamResponse:
        return await self._send(request, "anonymous_id")

    async def _send(self, request: web.Request, by: str) -> web.StreamResponse:
        body = await request.json()
        self.calls.append(("message", body))
        wrong = self._wrong_token(request)
        if wrong is not None:
            return wrong
        fault = self.faults.popleft() if self.faults else ""
        if fault == "reset":
            return _cut(request)
        if fault == "slow":
            await asyncio.sleep(60)
        if fault == "500":
            return web.Response(status=500, text="<html>Internal Server Error</html>")
        if fault == "garbage":
            return web.Response(text="<html>not what was asked for</html>", content_type="text/html")
        if fault.startswith("error:"):
            return _error(int(fault.removeprefix("error:")), "by test")
        recipient = body.get("recipient", {})
        who = str(recipient.get(by, ""))
        refused = self._refuses(who, body.get("message", {}), anonymous=by == "anonymous_id", recipient=recipient)
        if refused is not None:
            return refused
        message = body["message"]
        buttons = (message.get("attachment") or {}).get("payload", {}).get("buttons", [])
        shown = Sent(who, message["text"], f"out{next(self._ids)}", [(b["title"], b["payload"]) for b in buttons])
        self.sent.append(shown)
        if self.echoes and self.webhook:
            self._echo(shown)
        if fault == "lost":
            return _cut(request)
        data = {"message_id": shown.message_id, "user_id": who, "sent_time": str(int(self.clock() * 1000))}
        return web.json_response({"data": data, "error": 0, "message": "Success"})

    def _refuses(
        self, who: str, message: dict[str, Any], *, anonymous: bool, recipient: dict[str, Any]
    ) -> web.Response | None:
        if who in self.unreachable:
            return _error(-213, "User has not followed OA")
        if anonymous and not recipient.get("conversation_id"):
            return self._bad("an anonymous visitor has a conversation")
        since = self.clock() - self.heard.get(who, -10 * OPEN_S)
        if since >= OPEN_S:
            self.violations.append("sent after the window had shut")
            return _error(-230, "User has not interacted with the OA in the past 7 days")
        if since >= FREE_S:
            self.billed.append(who)
        text = message.get("text", "")
        if not isinstance(text, str) or not text.strip() or len(text.encode("utf-16-le")) // 2 > MAX_TEXT:
            return self._bad("text is empty or too long")
        attachment = message.get("attachment")
        if attachment is None:
            return None
        if self.refuses_buttons or anonymous:
            return _error(-201, "Params is invalid")
        buttons = attachment.get("payload", {}).get("buttons")
        if attachment.get("type") != "template" or not buttons or len(buttons) > MAX_BUTTONS:
            return self._bad("no such attachment, or too many buttons")
        for button in buttons:
            if not 0 < len(button.get("title", "")) <= MAX_TITLE or button.get("type") != "oa.query.hide":
                return self._bad("title or type of a button")
            if not 0 < len(button.get("payload", "")) <= MAX_PAYLOAD:
                return self._bad("payload of a button")
        return None

    def _bad(self, what: str) -> web.Response:
        self.violations.append(what)
        return _error(-201, "Params is invalid")

    def _echo(self, shown: Sent) -> None:
        """The platform tells the webhook of our own messages, and that they were seen."""
        about = {"text": shown.text, "msg_id": shown.message_id}
        echo = self.event("oa_send_text", OA_ID, recipient={"id": shown.to}, message=about)
        seen = self.event("user_seen_message", shown.to, message={"msg_ids": [shown.message_id]})
        for event in (echo, seen):
            task = asyncio.get_running_loop().create_task(self.deliver(event, interaction=False))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    @property
    def _tasks(self) -> set[asyncio.Task[int]]:
        return self.__dict__.setdefault("_running", set())


def _error(code: int, message: str) -> web.Response:
    return web.json_response({"error": code, "message": message})  # status 200, as the platform does


def _cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()

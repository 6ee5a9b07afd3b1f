"""A Telegram Bot API on the loopback, as strict as the real one: limits, confirmations by offset, faults on demand.

By hand: `python -m tests.fakes.telegram [PORT]` plays one private chat in the terminal. Point a channel's `base_url` at it,
with the token that it prints; what you type goes to the bot, a number presses that button.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web

TOKEN = "1234567:fake-token-for-tests-only-not-a-secret"


@dataclass
class Sent:
    """One message the bot has sent and the phone has."""

    chat_id: int
    message_id: int
    text: str
    buttons: list[tuple[str, str]] = field(default_factory=list)  # (label, data)
    life: int = 0  # which life of the bot's process sent it
    answer_lost: bool = False  # the phone has it, the bot was never told
    at: float = 0.0  # monotonic


@dataclass
class Fault:
    """What to do with the next sendMessage: status 429/500/403/400, "reset", "garbage", or "lost" (delivered, answer lost)."""

    kind: str
    retry_after: int = 1


class FakeTelegram:
    """The platform's side: chats, a queue of unconfirmed updates, what was sent, faults to inject."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.chats: set[int] = set()
        self.blocked: set[int] = set()
        self.faults: deque[Fault] = deque()
        self.in_flight: dict[int, int] = {}
        self.worst_in_flight = 0
        self.venues: list[dict[str, Any]] = []  # points on a map that phones show
        self.refuses_venues = False
        self.violations: list[str] = []
        self.throttled_until: dict[
            int, tuple[float, int]
        ] = {}  # chat -> until when, and which life of the bot was told
        self.delay_s = 0.0
        self.life = 0  # counted up by tests that kill the bot's process
        self.away = False  # nobody answers: every connection is cut
        self.forgetful = 0  # so many of the next confirmations are forgotten: what was confirmed comes again
        self.webhook: tuple[str, str] | None = None
        self._updates: dict[int, dict[str, Any]] = {}
        self._update_ids = itertools.count(1000)
        self._message_ids = itertools.count(1)
        self._arrived = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.base_url = ""

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> FakeTelegram:
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # --- the phone -----------------------------------------------------------------------------------------------

    def types(self, chat_id: int, text: str, **extra: Any) -> int:
        """The person in `chat_id` writes; returns the update id."""
        return self._message(chat_id, {"text": text, **extra})

    def sends(self, chat_id: int, **content: Any) -> int:
        """Anything else: location={...}, voice={...}, photo=[...]."""
        return self._message(chat_id, content)

    def presses(self, chat_id: int, label: str) -> int:
        """Press the newest button with this label."""
        for message in reversed(self.of(chat_id)):
            for shown, data in message.buttons:
                if shown == label:
                    return self.presses_data(chat_id, data, message.message_id)
        raise AssertionError(f"no button {label!r}")

    def presses_data(self, chat_id: int, data: str, message_id: int = 1) -> int:
        chat = {"id": chat_id, "type": "private"}
        person = _person(chat_id)
        message = {"message_id": message_id, "date": 1, "chat": chat}
        query = {
            "id": str(next(self._message_ids)),
            "from": person,
            "chat_instance": "1",
            "data": data,
            "message": message,
        }
        return self._push({"callback_query": query})

    def blocks(self, chat_id: int) -> None:
        """The person blocks the bot."""
        self.blocked.add(chat_id)
        chat = {"id": chat_id, "type": "private"}
        self._push(
            {
                "my_chat_member": {
                    "chat": chat,
                    "from": _person(chat_id),
                    "date": 1,
                    "new_chat_member": {"status": "kicked"},
                }
            }
        )

    def _message(self, chat_id: int, content: dict[str, Any]) -> int:
        self.chats.add(chat_id)
        chat = {"id": chat_id, "type": "private", "first_name": f"Firstname{chat_id}"}
        message = {"message_id": next(self._message_ids), "date": 1, "chat": chat, "from": _person(chat_id), **content}
        return self._push({"message": message})

    def _push(self, update: dict[str, Any]) -> int:
        update_id = next(self._update_ids)
        self._updates[update_id] = {"update_id": update_id, **update}
        self._arrived.set()
        return update_id

    def brings(self, update: dict[str, Any]) -> None:
        """Put an update of one's own making before the bot's polling, as often as one likes."""
        self._updates[int(update["update_id"])] = update
        self._arrived.set()

    async def deliver(self, update: dict[str, Any], times: int = 1) -> list[int]:
        """POST an update to the webhook; the statuses."""
        assert self.webhook is not None
        url, secret = self.webhook
        async with ClientSession() as session:
            statuses = []
            for _ in range(times):
                async with session.post(
                    url, json=update, headers={"X-Telegram-Bot-Api-Secret-Token": secret}
                ) as answer:
                    statuses.append(answer.status)
            return statuses

    def of(self, chat_id: int) -> list[Sent]:
        """What this phone shows from the bot."""
        return [message for message in self.sent if message.chat_id == chat_id]

    def unconfirmed(self) -> int:
        """Updates the bot has not confirmed."""
        return len(self._updates)

    # --- the Bot API ---------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self.away:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if request.match_info["token"] != TOKEN:
            return _refuse(401, "Unauthorized")
        method = request.match_info["method"]
        try:
            parameters = await _parameters(request)
        except ConnectionResetError:
            return web.Response()  # the bot died while it was asking
        self.calls.append((method, parameters))
        handler = getattr(self, f"_{method}", None)
        if handler is None:
            return _refuse(404, "Not Found: method not found")
        return await handler(request, parameters)

    async def _getMe(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        return _ok({"id": 1234567, "is_bot": True, "first_name": "Bot", "username": "fake_bot"})

    async def _getUpdates(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        if self.webhook is not None:
            return _refuse(409, "Conflict: can't use getUpdates method while webhook is active")
        offset = int(parameters.get("offset", 0))
        if self.forgetful and offset:
            self.forgetful -= 1
            again = [self._updates[update_id] for update_id in sorted(self._updates)][:100]
            return _ok(again)
        for update_id in [known for known in self._updates if known < offset]:
            del self._updates[update_id]  # everything below the offset is confirmed
        if not self._updates:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), float(parameters.get("timeout", 0)) or 0.01)
        return _ok([self._updates[update_id] for update_id in sorted(self._updates)][:100])

    async def _setWebhook(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        if not str(parameters.get("url", "")).startswith("https://"):
            return _refuse(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if parameters.get("drop_pending_updates") == "true":
            self.violations.append("pending updates were dropped")
        self.webhook = (str(parameters["url"]), str(parameters.get("secret_token", "")))
        return _ok(True)

    async def _deleteWebhook(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        if parameters.get("drop_pending_updates") == "true":
            self.violations.append("pending updates were dropped")
        self.webhook = None
        return _ok(True)

    async def _answerCallbackQuery(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        return _ok(True)

    async def _sendMessage(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        chat_id = int(parameters.get("chat_id", 0))
        loop = asyncio.get_running_loop()
        until, told = self.throttled_until.get(chat_id, (0.0, 0))
        if loop.time() < until and told == self.life:
            self.violations.append(f"sent to {chat_id} before retry_after was over")
        self.in_flight[chat_id] = self.in_flight.get(chat_id, 0) + 1
        self.worst_in_flight = max(self.worst_in_flight, self.in_flight[chat_id])
        try:
            await asyncio.sleep(self.delay_s)
            return await self._send(request, chat_id, parameters)
        finally:
            self.in_flight[chat_id] -= 1

    async def _sendVenue(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        if self.refuses_venues or not parameters.get("title") or not parameters.get("address"):
            return _refuse(400, "Bad Request: venue title must be non-empty")
        self.venues.append(parameters)
        chat = {"id": int(parameters["chat_id"]), "type": "private"}
        return _ok({"message_id": next(self._message_ids), "date": 1, "chat": chat})

    async def _send(self, request: web.Request, chat_id: int, parameters: dict[str, Any]) -> web.StreamResponse:
        fault = self.faults.popleft() if self.faults else None
        if fault is not None and fault.kind == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault is not None and fault.kind == "429":
            self.throttled_until[chat_id] = (asyncio.get_running_loop().time() + fault.retry_after * 0.9, self.life)
            return _refuse(429, "Too Many Requests: retry later", {"retry_after": fault.retry_after})
        if fault is not None and fault.kind == "garbage":
            return web.Response(text="<html>not what was asked for</html>", content_type="text/html")
        if fault is not None and fault.kind == "500":
            return web.Response(status=500, text="<html>Internal Server Error</html>")
        if chat_id in self.blocked or (fault is not None and fault.kind == "403"):
            return _refuse(403, "Forbidden: bot was blocked by the user")
        if chat_id not in self.chats or (fault is not None and fault.kind == "400"):
            return _refuse(400, "Bad Request: chat not found")
        problem, buttons = _check(parameters)
        if problem:
            self.violations.append(problem)
            return _refuse(400, f"Bad Request: {problem}")
        message = Sent(chat_id, next(self._message_ids), str(parameters["text"]), buttons, self.life)
        message.at = asyncio.get_running_loop().time()
        self.sent.append(message)
        if fault is not None and fault.kind == "lost":
            message.answer_lost = True
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        chat = {"id": chat_id, "type": "private"}
        return _ok({"message_id": message.message_id, "date": 1, "chat": chat, "text": message.text})


def _check(parameters: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    text = str(parameters.get("text", ""))
    if not text.strip():
        return "message text is empty", []
    if len(text.encode("utf-16-le")) // 2 > 4096:
        return "message is too long", []
    buttons = []
    for row in json.loads(parameters.get("reply_markup") or "{}").get("inline_keyboard", []):
        for button in row:
            if not 1 <= len(str(button.get("callback_data", "")).encode()) <= 64:
                return "BUTTON_DATA_INVALID", []
            buttons.append((str(button["text"]), str(button["callback_data"])))
    return "", buttons


async def _parameters(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        return dict(await request.json())
    return {**request.query, **{key: value for key, value in (await request.post()).items()}}


def _person(chat_id: int) -> dict[str, Any]:
    return {"id": chat_id, "is_bot": False, "first_name": f"Firstname{chat_id}", "username": f"username{chat_id}"}


def _ok(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _refuse(code: int, description: str, parameters: dict[str, Any] | None = None) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    if parameters:
        body["parameters"] = parameters
    return web.json_response(body, status=code)


async def _play(port: int) -> None:
    fake = await FakeTelegram().start(port)
    print(
        f"base_url: {fake.base_url}   token: {TOKEN}\nWrite and press Enter; a number presses that button; Ctrl-D ends."
    )
    chat_id, shown = 42, 0
    loop = asyncio.get_running_loop()
    reading = loop.run_in_executor(None, input)
    while True:
        for message in fake.of(chat_id)[shown:]:
            shown += 1
            print(f"\n< {message.text}")
            for number, (label, _) in enumerate(message.buttons, start=1):
                print(f"   [{number}] {label}")
        done, _ = await asyncio.wait([reading], timeout=0.2)
        if not done:
            continue
        try:
            line = reading.result()
        except EOFError:
            break
        reading = loop.run_in_executor(None, input)
        buttons = fake.of(chat_id)[-1].buttons if fake.of(chat_id) else []
        if line.strip().isdigit() and 1 <= int(line) <= len(buttons):
            fake.presses(chat_id, buttons[int(line) - 1][0])
        else:
            fake.types(chat_id, line)
    await fake.stop()


if __name__ == "__main__":
    import sys

    asyncio.run(_play(int(sys.argv[1]) if len(sys.argv) > 1 else 8081))

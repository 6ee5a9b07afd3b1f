"""A Telegram Bot API on the loopback, as strict as the real one: limits, confirmations by offset, faults on demand.

By hand: see `python -m tests.fakes --help`.
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
MOST_FILE_BYTES = 20 * 1024 * 1024


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
    topic_id: int = 0  # of a forum
    asks_location: bool = False
    voice: bool = False
    file: bytes = b""  # a picture, a voice note or a document
    silent: bool = False


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
        self.files: dict[str, bytes] = {}  # file_id -> content
        self.asked_for_files = 0
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
        self.typed: dict[tuple[int, int], str] = {}  # (chat, message id) -> what people have sent and not lost yet
        self.deleted: set[tuple[int, int]] = set()
        self.edits: list[tuple[int, int, str]] = []
        self.alerts: list[tuple[str, str]] = []  # (query id, what the press was answered with)
        self.menus: dict[str, dict[str, str]] = {}  # language ("": any other) -> command -> what it says
        self.actions: list[str] = []
        self.topics: dict[int, str] = {}  # topic id -> name
        self.groups: dict[int, dict[str, bool]] = {}  # group -> the bot's rights there
        self.group_acts: dict[int, deque[float]] = {}
        self.old: set[tuple[int, int]] = set()  # messages too old to be deleted
        self.bot_name = "fake_bot"

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> FakeTelegram:
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)
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

    def shows(self, chat_id: int, content: bytes, *, voice: bool = False, caption: str = "") -> int:
        """Send a picture or a voice note."""
        file_id = f"file-{len(self.files) + 1}"
        self.files[file_id] = content
        file = {"file_id": file_id, "file_unique_id": "u", "file_size": len(content)}
        said = {"caption": caption} if caption else {}
        if voice:
            return self.sends(chat_id, voice={**file, "duration": 2, "mime_type": "audio/ogg"}, **said)
        small = {**file, "file_id": "small", "file_size": 1, "width": 90, "height": 90}
        return self.sends(chat_id, photo=[small, {**file, "width": 1280, "height": 960}], **said)

    def edits_message(self, chat_id: int, message_id: int, text: str) -> int:
        """The person changes what she has sent."""
        self.typed[chat_id, message_id] = text
        chat = {"id": chat_id, "type": "private"}
        message = {
            "message_id": message_id,
            "date": 1,
            "edit_date": 2,
            "chat": chat,
            "from": _person(chat_id),
            "text": text,
        }
        return self._push({"edited_message": message})

    def sees(self, chat_id: int) -> list[str]:
        """Everything that stands in this chat now, of both sides."""
        hers = [text for (chat, _), text in self.typed.items() if chat == chat_id]
        return hers + [message.text for message in self.of(chat_id)]

    # --- the staff group --------------------------------------------------------------------------------------------

    def group(self, chat_id: int, **rights: bool) -> None:
        """There is a group with the bot in it."""
        self.groups[chat_id] = {"can_delete_messages": True, "can_manage_topics": True, **rights}

    def says_in_group(
        self, chat_id: int, who: int, text: str = "", *, topic: int = 0, reply_to: int = 0, **more: Any
    ) -> int:
        """Somebody writes in a group (or in one of its topics)."""
        message_id = next(self._message_ids)
        self.typed[chat_id, message_id] = text
        message: dict[str, Any] = {
            "message_id": message_id, "date": 1, "chat": {"id": chat_id, "type": "supergroup", "title": "Trực"},
            "from": _person(who), **({"text": text} if text else {}), **more,
        }  # fmt: skip
        if topic:
            message |= {"message_thread_id": topic, "is_topic_message": True}
            message["reply_to_message"] = {"message_id": reply_to or topic}
        self._push({"message": message})
        return message_id

    def presses_in_group(self, chat_id: int, who: int, label: str) -> str:
        """Somebody presses the newest button of this label; the id of the query."""
        for message in reversed(self.of(chat_id)):
            for shown, data in message.buttons:
                if shown == label:
                    query_id = f"q{next(self._message_ids)}"
                    chat = {"id": chat_id, "type": "supergroup"}
                    about = {"message_id": message.message_id, "date": 1, "chat": chat}
                    query = {"id": query_id, "from": _person(who), "data": data, "message": about, "chat_instance": "1"}
                    self._push({"callback_query": query})
                    return query_id
        raise AssertionError(f"no button {label!r} in {[m.buttons for m in self.of(chat_id)]}")

    def answer_to(self, query_id: str) -> str:
        """What a press was answered with, "" while it was not."""
        return next((text for query, text in self.alerts if query == query_id), "")

    def in_topic(self, topic_id: int) -> list[str]:
        """What stands in a topic."""
        return [message.text for message in self.sent if message.topic_id == topic_id]

    # --- buttons ----------------------------------------------------------------------------------------------------

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
        message_id = next(self._message_ids)
        message = {"message_id": message_id, "date": 1, "chat": chat, "from": _person(chat_id), **content}
        self.typed[chat_id, message_id] = str(content.get("text", "…"))
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
        return [
            message
            for message in self.sent
            if message.chat_id == chat_id and (chat_id, message.message_id) not in self.deleted
        ]

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

    async def _getFile(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        self.asked_for_files += 1
        file_id = str(parameters.get("file_id", ""))
        if file_id not in self.files:
            return _refuse(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        content = self.files[file_id]
        if len(content) > MOST_FILE_BYTES:
            return _refuse(400, "Bad Request: file is too big")
        return _ok(
            {"file_id": file_id, "file_unique_id": "u", "file_size": len(content), "file_path": f"files/{file_id}"}
        )

    async def _file(self, request: web.Request) -> web.Response:
        found = self.files.get(request.match_info["path"].removeprefix("files/"))
        if request.match_info["token"] != TOKEN or found is None:
            return _refuse(404, "Not Found")
        return web.Response(body=found, content_type="application/octet-stream")

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

    async def _getWebhookInfo(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        url = self.webhook[0] if self.webhook else ""
        return _ok({"url": url, "has_custom_certificate": False, "pending_update_count": len(self._updates)})

    async def _answerCallbackQuery(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        if len(str(parameters.get("text", ""))) > 200:
            self.violations.append("the answer to a press is too long")
        self.alerts.append((str(parameters["callback_query_id"]), str(parameters.get("text", "")) or "✓"))
        return _ok(True)

    async def _setMyCommands(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        menu = {one["command"]: one["description"] for one in json.loads(parameters["commands"])}
        self.menus[str(parameters.get("language_code", ""))] = menu
        return _ok(True)

    async def _sendChatAction(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        self.actions.append(str(parameters.get("action")))
        return _ok(True)

    async def _getChatMember(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        rights = self.groups.get(int(parameters["chat_id"]))
        if rights is None:
            return _refuse(400, "Bad Request: chat not found")
        me = {"id": 1234567, "is_bot": True, "first_name": "Bot"}
        every = (
            "can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats",
            "can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories",
            "can_edit_stories", "can_delete_stories", "can_manage_topics",
        )  # fmt: skip
        return _ok({"status": "administrator", "user": me, **{name: rights.get(name, False) for name in every}})

    async def _deleteMessage(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        key = (int(parameters["chat_id"]), int(parameters["message_id"]))
        if key in self.old:
            return _refuse(400, "Bad Request: message can't be deleted for everyone")
        self._take_away([key])
        return _ok(True)

    async def _deleteMessages(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        ids = json.loads(parameters["message_ids"])
        keys = [(int(parameters["chat_id"]), int(one)) for one in ids]
        if not 1 <= len(keys) <= 100:
            self.violations.append("so many messages cannot be deleted at once")
        if any(key in self.old for key in keys):
            return _refuse(400, "Bad Request: message can't be deleted")
        self._take_away(keys)
        return _ok(True)

    def _take_away(self, keys: list[tuple[int, int]]) -> None:
        for key in keys:
            self.deleted.add(key)
            self.typed.pop(key, None)

    async def _editMessageText(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        return self._edit(parameters, str(parameters["text"]))

    async def _editMessageReplyMarkup(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        return self._edit(parameters, "")

    def _edit(self, parameters: dict[str, Any], text: str) -> web.StreamResponse:
        chat_id, message_id = int(parameters["chat_id"]), int(parameters["message_id"])
        refused = self._too_many(chat_id)
        if refused is not None:
            return refused
        message = next((one for one in self.of(chat_id) if one.message_id == message_id), None)
        if message is None:
            return _refuse(400, "Bad Request: message to edit not found")
        problem, buttons, _ = _check({**parameters, "text": text or message.text})
        if problem:
            self.violations.append(problem)
            return _refuse(400, f"Bad Request: {problem}")
        message.text, message.buttons = text or message.text, buttons
        self.edits.append((chat_id, message_id, message.text))
        chat = {"id": chat_id, "type": "supergroup"}
        return _ok({"message_id": message_id, "date": 1, "chat": chat, "text": message.text})

    async def _createForumTopic(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        chat_id = int(parameters["chat_id"])
        refused = self._too_many(chat_id)
        if refused is not None:
            return refused
        if not self.groups.get(chat_id, {}).get("can_manage_topics"):
            return _refuse(400, "Bad Request: not enough rights")
        topic_id = next(self._message_ids)
        self.topics[topic_id] = str(parameters["name"])
        return _ok({"message_thread_id": topic_id, "name": parameters["name"], "icon_color": 7322096})

    async def _deleteForumTopic(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        topic_id = int(parameters["message_thread_id"])
        if self.topics.pop(topic_id, None) is None:
            return _refuse(400, "Bad Request: topic not found")
        for message in self.sent:
            if message.topic_id == topic_id:
                self.deleted.add((message.chat_id, message.message_id))
        self.sent = [message for message in self.sent if message.topic_id != topic_id]
        return _ok(True)

    def _too_many(self, chat_id: int) -> web.StreamResponse | None:
        """A group takes some twenty acts a minute: messages, edits and new topics together."""
        if chat_id >= 0:
            return None
        now = asyncio.get_running_loop().time()
        acts = self.group_acts.setdefault(chat_id, deque())
        while acts and acts[0] <= now - 60:
            acts.popleft()
        if len(acts) >= 20:
            self.violations.append("more than 20 acts a minute in a group")
            return _refuse(429, "Too Many Requests: retry later", {"retry_after": 3})
        acts.append(now)
        return None

    async def _sendPhoto(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        return await self._sendMessage(request, {**parameters, "text": parameters.get("caption") or "🖼"})

    async def _sendDocument(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        return await self._sendMessage(request, {**parameters, "text": parameters.get("caption") or "📄"})

    async def _sendVoice(self, request: web.Request, parameters: dict[str, Any]) -> web.StreamResponse:
        return await self._sendMessage(
            request, {**parameters, "text": parameters.get("caption") or "🎤", "is_voice": True}
        )

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
        known = chat_id in self.chats or chat_id in self.groups
        if not known or (fault is not None and fault.kind == "400"):
            return _refuse(400, "Bad Request: chat not found")
        topic_id = int(parameters.get("message_thread_id") or 0)
        if topic_id and topic_id not in self.topics:
            return _refuse(400, "Bad Request: message thread not found")
        refused = self._too_many(chat_id)
        if refused is not None:
            return refused
        problem, buttons, asks_location = _check(parameters)
        if str(parameters.get("protect_content")).lower() != "true":
            problem = problem or "a message that may be forwarded and saved"
        if problem:
            self.violations.append(problem)
            return _refuse(400, f"Bad Request: {problem}")
        message = Sent(chat_id, next(self._message_ids), str(parameters["text"]), buttons, self.life)
        message.at = asyncio.get_running_loop().time()
        message.topic_id, message.asks_location = topic_id, asks_location
        message.voice = bool(parameters.get("is_voice"))
        uploaded = next((parameters[kind] for kind in ("photo", "voice", "document") if kind in parameters), None)
        message.file = uploaded.file.read() if isinstance(uploaded, web.FileField) else b""
        message.silent = str(parameters.get("disable_notification")).lower() == "true"
        self.sent.append(message)
        if fault is not None and fault.kind == "lost":
            message.answer_lost = True
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        chat = {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"}
        answer = _ok({"message_id": message.message_id, "date": 1, "chat": chat, "text": message.text})
        try:
            await answer.prepare(request)
            await answer.write_eof()
        except ConnectionResetError:
            message.answer_lost = True  # we were so slow that the bot had hung up
        return answer


def _check(parameters: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bool]:
    """What is wrong with a message; its buttons; whether it asks for a location."""
    text = str(parameters.get("text", ""))
    if not text.strip():
        return "message text is empty", [], False
    if len(text.encode("utf-16-le")) // 2 > (1024 if parameters.get("is_voice") else 4096):
        return "message is too long", [], False
    markup = json.loads(parameters.get("reply_markup") or "{}")
    kinds = [name for name in ("inline_keyboard", "keyboard", "remove_keyboard") if name in markup]
    if len(kinds) > 1:
        return "two kinds of keyboards", [], False
    buttons = []
    for row in markup.get("inline_keyboard", []):
        for button in row:
            if "url" in button:
                continue
            if not 1 <= len(str(button.get("callback_data", "")).encode()) <= 64:
                return "BUTTON_DATA_INVALID", [], False
            buttons.append((str(button["text"]), str(button["callback_data"])))
    asks = any(button.get("request_location") for row in markup.get("keyboard", []) for button in row)
    return "", buttons, asks


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

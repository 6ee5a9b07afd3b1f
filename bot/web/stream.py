"""Live updates of the desk: one server-sent stream per open page, for the queue and, on a case page, for its talk.

The stream is only a quicker look: everything it sends is read anew from storage, so a lost ring or a cut line loses nothing.
A line's event id is its sequence number; after a cut the browser says the last one it has and the rest follows.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.web import words
from bot.web.deps import DEPS, WebDeps
from bot.web.guard import STAFF, still_allowed
from bot.web.hub import Stream
from handlers.desk import CaseView, Queue, ReadLines
from handlers.errors import BinhAnError, StorageUnavailable
from handlers.model import Staff

LOOK_S = 2.0  # also how soon a disabled person's page goes dark
REREAD_S = 10.0  # how often the fate of lines that wait long (held) is read again
RETRY_MS = 1000
_STATE = ("state", "severity", "level", "category", "banners", "closed", "mine", "readable")
_SUMMARY = ("facts", "answers", "why", "signs", "commune")


class _Gone(Exception):
    """The session is over."""


async def events(request: web.Request) -> web.StreamResponse:
    """GET /desk/events[?case=CODE&after=SEQ]: until the page closes, the session ends or the program stops."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    await response.write(f"retry: {RETRY_MS}\n\n".encode())
    writer = _Writer(request, response)
    with request.config_dict[DEPS].hub.open_page(request[STAFF].uid) as stream:
        try:
            while True:
                await stream.woken(LOOK_S)
                await writer.tell(stream)
                await writer.look()
        except _Gone:
            with suppress(ConnectionError):
                await writer.send("gone", {})
        except ConnectionError:
            pass  # the page was closed: how every stream ends
    return response


class _Writer:
    """What one open page has been told so far."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        self._request, self._response = request, response
        self._deps: WebDeps = request.config_dict[DEPS]
        self._queue = ""
        self._talk = _Talk(request) if request.query.get("case") else None

    async def tell(self, stream: Stream) -> None:
        """Hand over the pages for this person; each is confirmed once written."""
        for notice in stream.take():
            await self.send("page", {"code": notice.case_code, "level": notice.severity.value})
            notice.written.set()

    async def look(self) -> None:
        """Read anew and send what has changed; a sign of life when nothing has."""
        try:
            staff = await still_allowed(self._request)
            if staff is None:
                raise _Gone
            quiet = not await self._look_queue(staff)
            if self._talk is not None:
                for name, content, seq in await self._talk.changes(staff, self._deps):
                    await self.send(name, content, seq)
                    quiet = False
        except StorageUnavailable:
            quiet = True  # looked at again in a moment; the page shows when it was last fresh
        if quiet:
            await self.send("alive", {})  # an event, not a comment: the page itself must notice when these stop

    async def send(self, name: str, content: dict[str, Any], seq: int = 0) -> None:
        """One event; lines carry their sequence number as id."""
        mark = f"id: {seq}\n" if seq else ""
        await self._response.write(f"{mark}event: {name}\ndata: {json.dumps(content, ensure_ascii=False)}\n\n".encode())

    async def _look_queue(self, staff: Staff) -> bool:
        desk = self._deps.desk
        view = await self._deps.door.read(lambda uow: desk.queue(uow, [Queue(staff_uid=staff.uid)])[0])
        content = words.queue(view, staff, datetime.now(UTC), self._deps)
        for one in content["cards"]:
            del one["waited"]  # the page counts by itself; otherwise every look would be news
        text = json.dumps(content)
        if text == self._queue:
            return False
        self._queue = text
        await self.send("queue", content)
        return True


class _Talk:
    """What one open case page has been told of its talk."""

    def __init__(self, request: web.Request) -> None:
        self._code = request.query["case"]
        self._last = _number(request.headers.get("Last-Event-ID", "") or request.query.get("after", ""))
        self._open: dict[int, str] = {}  # lines whose fate may change, with what the page shows
        for pair in request.query.get("open", "").split(","):
            seq, _, shown = pair.partition(":")
            if _number(seq):
                self._open[_number(seq)] = shown
        self._reread_at = 0.0
        self._told: dict[str, str] = {}  # parts of the page beside the lines, as they were told last
        self._lost = False

    async def changes(self, staff: Staff, deps: WebDeps) -> list[tuple[str, dict[str, Any], int]]:
        """(event, content, sequence number or 0) of what is new."""
        if self._lost:
            return []
        again = bool(self._open) and asyncio.get_running_loop().time() >= self._reread_at
        after = min(min(self._open) - 1, self._last) if again else self._last
        try:
            ask = ReadLines(staff_uid=staff.uid, case_code=self._code, after_seq=after)
            view = await deps.door.run(deps.desk.read_lines, ask)
        except StorageUnavailable:
            raise
        except BinhAnError as error:
            self._lost = True
            return [("lost", {"code": error.code}, 0)]
        content = words.case(view, deps, datetime.now(UTC))
        # What she has told stands in the view only together with new lines: in the commit of a line the summary changes too.
        summary = self._changed("summary", content, _SUMMARY) if content["readable"] else []
        return [*self._changed("state", content, _STATE), *summary, *self._line_changes(view, deps)]

    def _changed(
        self, part: str, content: dict[str, Any], names: Iterable[str]
    ) -> list[tuple[str, dict[str, Any], int]]:
        """This part of the page, when it is not what was told last."""
        shown = {name: content[name] for name in names}
        text = json.dumps(shown)
        if text == self._told.get(part):
            return []
        self._told[part] = text
        return [(part, shown, 0)]

    def _line_changes(self, view: CaseView, deps: WebDeps) -> list[tuple[str, dict[str, Any], int]]:
        lines = [words.line(one, deps) for one in view.lines]
        news: list[tuple[str, dict[str, Any], int]] = []
        for one in lines:
            if one["seq"] > self._last:
                news.append(("line", one, one["seq"]))
                self._last = one["seq"]
            elif self._open.get(one["seq"]) != one["delivery"]:
                news.append(("mark", {name: one[name] for name in ("seq", "delivery", "mark")}, 0))
        waiting = set(words.unsettled(lines))
        for one in lines:
            if one["seq"] in waiting:
                self._open[one["seq"]] = one["delivery"]
            else:
                self._open.pop(one["seq"], None)
        # A line on its way is looked at on every turn; one that waits for her next message only now and then.
        slow = all(shown == "held" for shown in self._open.values())
        self._reread_at = asyncio.get_running_loop().time() + (REREAD_S if slow else 0.0)
        return news


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

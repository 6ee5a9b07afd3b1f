"""Recorded audio of the content: `GET /audio/<sha256>.mp3`, whole or in ranges (phones ask for ranges before they play)."""

from __future__ import annotations

import re
from collections import OrderedDict

from aiohttp import web

from bot.web.deps import DEPS
from handlers.ports import Door

_NAME = re.compile(r"([0-9a-f]{64})\.mp3")
KEPT = 32
"""Recordings kept in memory, at most 13 MB: those of the first questions, which everybody hears."""


class Recordings:
    """The recordings heard last, read from storage once."""

    def __init__(self) -> None:
        """Empty."""
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    async def get(self, door: Door, sha256: str) -> bytes | None:
        """The bytes of a recording; None when nobody has it."""
        content = self._kept.get(sha256)
        if content is None:
            content = await door.read(lambda uow: uow.content.recording(sha256))
            if content is None:
                return None
            self._kept[sha256] = content
        self._kept.move_to_end(sha256)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return content


RECORDINGS: web.AppKey[Recordings] = web.AppKey("recordings", Recordings)


async def serve(request: web.Request) -> web.Response:
    """One recording; 404 for a name that is none. What is played says which question was asked, so nothing caches it."""
    named = _NAME.fullmatch(request.match_info["name"])
    found = await request.config_dict[RECORDINGS].get(request.config_dict[DEPS].door, named[1]) if named else None
    if found is None:
        raise web.HTTPNotFound
    whole = range(len(found))
    try:
        asked = request.http_range
    except ValueError:
        raise web.HTTPRequestRangeNotSatisfiable from None
    part = whole[asked]
    headers = {"Accept-Ranges": "bytes"}
    if asked == slice(None, None, 1) or asked == slice(0, None, 1):
        return web.Response(body=found, content_type="audio/mpeg", headers=headers)
    if not part:
        raise web.HTTPRequestRangeNotSatisfiable
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(found)}"
    return web.Response(status=206, body=found[part.start : part.stop], content_type="audio/mpeg", headers=headers)

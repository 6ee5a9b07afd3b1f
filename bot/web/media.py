"""A picture or a voice note of a talk, for whoever holds it: `GET /desk/cases/{code}/media/{uid}`. Each look is audited."""

from __future__ import annotations

from aiohttp import web

from bot.web.deps import DEPS
from bot.web.desk_page import desk_page
from bot.web.guard import STAFF
from bot.web.texts import DESK
from handlers.desk import ReadMedia
from handlers.errors import BinhAnError
from handlers.model import MediaState

PLAYED = frozenset({"image/jpeg", "audio/ogg", "audio/aac"})
"""What browsers show by themselves; anything else is saved as a file."""


async def show_media(request: web.Request) -> web.StreamResponse:
    """The bytes as they were cleaned; a page of words where there are none."""
    deps, staff = request.config_dict[DEPS], request[STAFF]
    wanted = ReadMedia(staff_uid=staff.uid, case_code=request.match_info["code"], media_uid=request.match_info["uid"])
    try:
        found = await deps.door.run(deps.desk.read_media, wanted)
    except BinhAnError as error:
        return _words(request, DESK.get(error.code, DESK["error"]), 404 if error.code == "no-such-case" else 403)
    if not found.body:
        return _words(request, DESK["media_waits" if found.state is MediaState.WANTED else "media_refused"], 404)
    shown = "inline" if found.mime in PLAYED else "attachment"
    headers = {"Content-Disposition": f'{shown}; filename="tep"'}
    return web.Response(body=found.body, content_type=found.mime, headers=headers)


def _words(request: web.Request, hint: str, status: int) -> web.StreamResponse:
    return desk_page(request, "desk/refused.html", status=status, hint=hint)

"""Erasing at once, at the desk: a page of its own, so that nobody erases by a slip of the thumb."""

from __future__ import annotations

from aiohttp import web

from bot.web.deps import DEPS
from bot.web.desk_page import STATUS, desk_page, words_of
from bot.web.forms import read_form
from bot.web.guard import STAFF, Routes
from bot.web.texts import DESK, ERASE_REASON
from handlers.erasing import EraseNow, EraseReason, Erasing
from handlers.errors import BinhAnError
from handlers.housekeeping import Housekeeping
from handlers.permissions import Action

MAX_CODE_CHARS = 16


def add_routes(routes: Routes) -> None:
    """The page and its form."""
    routes.add("GET", "/erase", show_erase, Action.ERASE_NOW)
    routes.add("POST", "/erase", post_erase, Action.ERASE_NOW)


async def show_erase(request: web.Request) -> web.StreamResponse:
    """GET /desk/erase?code=CODE."""
    return _page(request, code=request.query.get("code", ""))


def _page(request: web.Request, *, code: str = "", reason: str = "", hint: str = "", status: int = 200) -> web.Response:
    return desk_page(
        request,
        "desk/erase.html",
        status=status,
        code=code.strip()[:MAX_CODE_CHARS],
        reasons=[(one.value, ERASE_REASON[one.value]) for one in EraseReason],
        chosen=reason,
        hint=hint or DESK.get(request.query.get("m", ""), ""),
    )


async def post_erase(request: web.Request) -> web.StreamResponse:
    """POST /desk/erase: carry it out, or say why not with what was typed kept."""
    deps, fields = request.config_dict[DEPS], await read_form(request)
    code, reason = fields.get("code", "").strip()[:MAX_CODE_CHARS], fields.get("reason", "")
    if reason not in list(EraseReason) or not code:
        return _page(request, code=code, reason=reason, hint=DESK["nothing-chosen"], status=409)
    wish = EraseNow(
        staff_uid=request[STAFF].uid, case_code=code, confirm=fields.get("confirm", ""), reason=EraseReason(reason)
    )
    escalations = deps.desk.escalations
    erasing = Erasing(Housekeeping(escalations.ending, escalations.surfaces))
    try:
        await deps.door.run(erasing.erase_now, wish)
    except BinhAnError as error:
        return _page(request, code=code, reason=reason, hint=words_of(error), status=STATUS.get(error.code, 409))
    return web.Response(status=303, headers={"Location": "/desk/erase?m=erased_now"})

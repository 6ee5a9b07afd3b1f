"""The page of one case: what was said where that may be read, which commands its reader may give, and the way to it by a code."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from urllib.parse import quote

from aiohttp import web

from bot.channels.webchat import clean
from bot.web import words
from bot.web.deps import DEPS
from bot.web.desk_page import STATUS, actions, desk_page, words_of
from bot.web.forms import read_form
from bot.web.guard import STAFF
from bot.web.texts import DESK, DISPOSITION
from handlers.desk import DESK_DISPOSITIONS, OpenCase
from handlers.errors import BinhAnError, NotYours, StorageUnavailable
from handlers.passing import colleagues
from handlers.permissions import Action

MAX_REASON_CHARS, MAX_CODE_CHARS = 200, 16


async def find_case(request: web.Request) -> web.StreamResponse:
    """GET /desk/cases?code=CODE: from a code that somebody has named, on the phone or in the staff group."""
    code = request.query.get("code", "").strip().upper()[:MAX_CODE_CHARS]
    there = f"/desk/cases/{quote(code, safe='')}" if code else "/desk"
    return web.Response(status=303, headers={"Location": there})


async def show_case(request: web.Request) -> web.StreamResponse:
    """GET /desk/cases/CODE; POST …/open by a supervisor with the reason why she must read it."""
    reason = ""
    if request.method == "POST":
        reason = clean((await read_form(request)).get("reason", "")).strip()[:MAX_REASON_CHARS]
    return await case_page(request, reason=reason)


async def case_page(
    request: web.Request, *, reason: str = "", hint: str = "", text: str = "", note: str = "", status: int = 200
) -> web.StreamResponse:
    """The page of a case, or why it cannot be shown; `text` and `note` are what was typed and could not be stored."""
    deps = request.config_dict[DEPS]
    ask = OpenCase(staff_uid=request[STAFF].uid, case_code=request.match_info["code"], reason=reason)
    try:
        view = await deps.door.run(deps.desk.open_case, ask)
    except StorageUnavailable:
        raise
    except BinhAnError as error:
        shut = isinstance(error, NotYours) and not hint and not reason and Action.READ_ANY in actions(request)
        return desk_page(
            request,
            "desk/refused.html",
            status=STATUS.get(error.code, 409),
            hint=hint or (DESK["closed_reason"] if shut else words_of(error)),
            kept=text or note,
            glass=ask.case_code if shut else "",
        )
    content = words.case(view, deps, datetime.now(UTC))
    others = await deps.door.read(lambda uow: colleagues(uow, request[STAFF])) if view.mine else []
    said = request.query.get("m", "")
    if said == "claimed_ok" and not view.agreed:
        said = "claimed_asked"
    return desk_page(
        request,
        "desk/case.html",
        status=status,
        case=content,
        after=content["lines"][-1]["seq"] if content["lines"] else 0,
        open=",".join(
            f"{one['seq']}:{one['delivery']}" for one in content["lines"] if one["delivery"] in words.UNSETTLED
        ),
        dispositions=[(one.value, DISPOSITION[one.value]) for one in DESK_DISPOSITIONS],
        colleagues=others,
        may_break_glass=not view.readable and Action.READ_ANY in actions(request),
        client_key=secrets.token_urlsafe(16),
        note_key=secrets.token_urlsafe(16),
        hint=hint or DESK.get(said, ""),
        text=text,
        note=note,
        kept="" if content["may_answer"] and content["readable"] and not content["closed"] else text or note,
    )

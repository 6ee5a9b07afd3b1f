"""The one-time page of a referral: `/refer/…`, for the service that a counsellor has asked for help.

Looking at the address alone shows and changes nothing, so that a preview or a scanner of links uses nothing up. The code comes
by another way. Whatever does not open looks the same.
"""

from __future__ import annotations

from aiohttp import web

from bot.web.deps import DEPS, WebDeps
from bot.web.forms import read_form
from bot.web.guard import from_our_page
from bot.web.pages import page
from bot.web.policy import Routes
from bot.web.security import error_page
from bot.web.texts import HANDOFF, ITEM, NEED, REFERRAL
from handlers.handoff import AnswerLink, HandedOver, OpenLink
from handlers.referral import ReferralStatus

MAX_TOKEN_CHARS = 40
MAX_PIN_CHARS = 16


def add_routes(routes: Routes) -> None:
    """The page's two routes; a code of its own opens it."""
    routes.add_open("GET", "/refer/{token}", show_door)
    routes.add_open("POST", "/refer/{token}", post_door)


async def show_door(request: web.Request) -> web.StreamResponse:
    """GET: asks for the code, for every address alike."""
    return _door()


async def post_door(request: web.Request) -> web.StreamResponse:
    """POST: the code alone opens; with a status it is the service's answer."""
    deps = request.config_dict[DEPS]
    if not from_our_page(request, deps):
        return error_page(403)
    fields = await read_form(request)
    token, pin = request.match_info["token"][:MAX_TOKEN_CHARS], fields.get("pin", "")[:MAX_PIN_CHARS]
    status = fields.get("status", "")
    if status:
        shown = await _answer(deps, token, pin, status)
    else:
        shown = await deps.door.run(deps.help.handoff.open, OpenLink(token=token, pin=pin))
    if shown is None:
        return _door(hint=HANDOFF["wrong"], status=404)
    return _inside(token, pin, shown, hint=HANDOFF["thanks"] if status else "")


async def _answer(deps: WebDeps, token: str, pin: str, status: str) -> HandedOver | None:
    if status not in REFERRAL:
        return None
    item = AnswerLink(token=token, pin=pin, status=ReferralStatus(status))
    return await deps.door.run(deps.help.handoff.answer, item)


def _door(*, hint: str = "", status: int = 200) -> web.Response:
    return page("handoff.html", status=status, t=HANDOFF, shown=None, hint=hint, pin="")


def _inside(token: str, pin: str, shown: HandedOver, *, hint: str) -> web.Response:
    return page(
        "handoff.html",
        t=HANDOFF,
        shown=shown,
        hint=hint,
        pin=pin,
        token=token,
        need=NEED.get(shown.need, ""),
        details=[(ITEM[item.value], words) for item, words in shown.details.items()],
        stands=REFERRAL[shown.status.value],
        answers=[(status.value, HANDOFF[status.value]) for status in shown.answers],
    )

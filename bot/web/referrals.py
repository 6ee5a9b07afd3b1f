"""Sending somebody on, at the desk: ask her, write down what she agreed to, send, say how it stands, make a one-time page."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.channels.webchat import clean
from bot.web.deps import DEPS, WebDeps
from bot.web.desk_page import STATUS, desk_page, words_of
from bot.web.forms import read_form
from bot.web.guard import STAFF, Routes
from bot.web.pages import local_time
from bot.web.services import MAX_PLACE_CHARS, MOST, listed, place_of
from bot.web.texts import DESK, ITEM, KIND, NEED, REFERRAL, TELL
from handlers.errors import BinhAnError
from handlers.handoff import MakeLink, NewLink
from handlers.permissions import Action
from handlers.referral import NEXT, Item, ReferralStatus, Tell
from handlers.referring import AskConsent, LookAtReferrals, ReferralView, SendReferral, SetReferral

MAX_WORDS_CHARS = 2_000


def add_routes(routes: Routes) -> None:
    """The routes of a case's referrals."""
    routes.add("GET", "/cases/{code}/referrals", show_referrals, Action.REFER)
    routes.add("POST", "/cases/{code}/referrals", post_ask, Action.REFER)
    routes.add("POST", "/cases/{code}/referrals/{referral}/send", post_send, Action.REFER)
    routes.add("POST", "/cases/{code}/referrals/{referral}/set", post_set, Action.REFER)
    routes.add("POST", "/cases/{code}/referrals/{referral}/link", post_link, Action.REFER)


async def show_referrals(request: web.Request) -> web.StreamResponse:
    """GET /desk/cases/CODE/referrals?near=…&need=…: what was sent where, and services to choose from."""
    return await _page(request)


async def _page(
    request: web.Request, *, hint: str = "", status: int = 200, link: tuple[str, NewLink] | None = None
) -> web.Response:
    deps, code = request.config_dict[DEPS], request.match_info["code"]
    try:
        views = await deps.door.run(
            deps.help.referring.look, LookAtReferrals(staff_uid=request[STAFF].uid, case_code=code)
        )
    except BinhAnError as error:
        return desk_page(request, "desk/refused.html", status=STATUS.get(error.code, 409), hint=words_of(error))
    near, need = clean(request.query.get("near", ""))[:MAX_PLACE_CHARS].strip(), request.query.get("need", "")
    commune, unclear = place_of(deps, near)
    choices = listed(deps, commune, need) if need in NEED else []
    return desk_page(
        request,
        "desk/referrals.html",
        status=status,
        code=code,
        referrals=[referral_words(view, deps, commune) for view in views],
        choices=choices[:MOST],
        near=deps.place_name(commune)
        if near and near == commune
        else near,  # the case leads here by the code of where she is
        need=need if need in NEED else "",
        needs=sorted(NEED.items(), key=lambda one: one[1]),
        items=list(ITEM.items()),
        tells=list(TELL.items()),
        client_key=secrets.token_urlsafe(16),
        link=link,
        public_url=deps.public_url.rstrip("/"),
        hint=hint or (DESK["services_unclear"] if unclear else DESK.get(request.query.get("m", ""), "")),
    )


def referral_words(view: ReferralView, deps: WebDeps, commune: str) -> dict[str, Any]:
    """A referral as the desk shows it; a wish out of a flow with the services that fit it, near `commune` first."""
    one = view.referral
    steps = [status for status in ReferralStatus if status in NEXT[one.status]]
    to_send = view.may_act and ReferralStatus.SENT in NEXT[one.status]
    return {
        "uid": one.uid,
        "status": REFERRAL[one.status.value],
        "place": view.service.name if view.service else "",
        "service": one.service_id,
        "need": NEED.get(one.need, "") or KIND.get(one.kind, ""),
        "choices": listed(deps, commune, one.need, one.kind)[:MOST] if to_send and not one.service_id else [],
        "items": [(item.value, ITEM[item.value]) for item in one.items],
        "told": [(ITEM[name], words) for name, words in one.details.items()],
        "consented": local_time(one.consented_at, deps.zone) if one.consented_at else "",
        "changed": local_time(one.changed_at, deps.zone),
        "may_act": view.may_act,
        "to_send": to_send,
        "steps": [
            (status.value, REFERRAL[status.value])
            for status in steps
            if view.may_act and status not in (ReferralStatus.SENT, ReferralStatus.DECLINED)
        ],
        "may_decline": view.may_act and ReferralStatus.DECLINED in NEXT[one.status],
        "may_link": view.may_act and one.status in (ReferralStatus.SENT, ReferralStatus.ACCEPTED),
        "page_open": view.page_open,
    }


# --- commands ------------------------------------------------------------------------------------------------------------

Command = Callable[[WebDeps, dict[str, str]], Awaitable[object]]


async def _carry_out(request: web.Request, command: Command) -> web.StreamResponse:
    """Carry out a command; then the page again, as it was searched."""
    deps, fields = request.config_dict[DEPS], await read_form(request)
    try:
        await command(deps, fields)
    except BinhAnError as error:
        return await _page(request, hint=words_of(error), status=STATUS.get(error.code, 409))
    there = f"/desk/cases/{request.match_info['code']}/referrals?m=saved"
    return web.Response(status=303, headers={"Location": there})


async def post_ask(request: web.Request) -> web.StreamResponse:
    """Ask her whether these items may be told to this place."""

    async def command(deps: WebDeps, fields: dict[str, str]) -> object:
        item = AskConsent(
            staff_uid=request[STAFF].uid,
            case_code=request.match_info["code"],
            service_id=fields.get("service", "")[:64],
            items=_items(fields, "item_"),
            need=fields.get("need", "") if fields.get("need", "") in NEED else "",
            client_key=_client_key(fields),
        )
        return await deps.door.run(deps.help.referring.ask, item)

    return await _carry_out(request, command)


async def post_send(request: web.Request) -> web.StreamResponse:
    """Write down what she agreed to, and what is told."""

    async def command(deps: WebDeps, fields: dict[str, str]) -> object:
        line, tell = fields.get("line", "").strip(), fields.get("tell", "")
        details = {item: clean(fields.get(f"words_{item.value}", ""))[: MAX_WORDS_CHARS + 1] for item in Item}
        item = SendReferral(
            staff_uid=request[STAFF].uid,
            case_code=request.match_info["code"],
            referral_uid=request.match_info["referral"],
            agreed=_items(fields, "agreed_"),
            details={item: words for item, words in details.items() if words.strip()},
            tell=Tell(tell) if tell in TELL else Tell.NOTHING,
            service_id=fields.get("service", "")[:64],
            line_seq=int(line) if line.isascii() and line.isdigit() and len(line) < 7 else None,
        )
        return await deps.door.run(deps.help.referring.send, item)

    return await _carry_out(request, command)


async def post_set(request: web.Request) -> web.StreamResponse:
    """How it stands now."""

    async def command(deps: WebDeps, fields: dict[str, str]) -> object:
        status = fields.get("status", "")
        item = SetReferral(
            staff_uid=request[STAFF].uid,
            case_code=request.match_info["code"],
            referral_uid=request.match_info["referral"],
            status=ReferralStatus(status) if status in REFERRAL else ReferralStatus.ASKED,
        )
        return await deps.door.run(deps.help.referring.set_status, item)

    return await _carry_out(request, command)


async def post_link(request: web.Request) -> web.StreamResponse:
    """A one-time page: its address and its code are shown on this answer alone."""
    deps = request.config_dict[DEPS]
    uid = request.match_info["referral"]
    item = MakeLink(staff_uid=request[STAFF].uid, case_code=request.match_info["code"], referral_uid=uid)
    try:
        made = await deps.door.run(deps.help.handoff.make, item)
    except BinhAnError as error:
        return await _page(request, hint=words_of(error), status=STATUS.get(error.code, 409))
    return await _page(request, link=(uid, made))


def _items(fields: dict[str, str], prefix: str) -> tuple[Item, ...]:
    return tuple(item for item in Item if fields.get(f"{prefix}{item.value}"))


def _client_key(fields: dict[str, str]) -> str:
    key = fields.get("client_key", "")
    return key if 8 <= len(key) <= 64 and key.isascii() and key.isprintable() else secrets.token_urlsafe(16)

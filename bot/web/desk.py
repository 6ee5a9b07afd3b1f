"""The desk page: the queue, a case, and the commands a counsellor gives. Every command is one of `handlers.desk`.

Each page works without script: forms post, the answer is a redirect or the page again with the words kept. With script the
same commands are posted and answered as JSON.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.channels.webchat import clean
from bot.web import account, erasing, help_page, referrals, services, staff_page, status, words
from bot.web.case_page import case_page, find_case, show_case
from bot.web.deps import DEPS, WebDeps
from bot.web.desk_page import STATUS, desk_page, words_of
from bot.web.forms import read_form
from bot.web.guard import STAFF, guard
from bot.web.media import show_media
from bot.web.passwords import Verifier
from bot.web.policy import ROUTES, Routes, Table
from bot.web.refusing import explaining
from bot.web.security import static_file
from bot.web.signin import VERIFIER, post_second, post_sign_in, post_sign_out, show_sign_in
from bot.web.stream import events
from handlers.desk import (
    DESK_DISPOSITIONS,
    Claim,
    Claimed,
    Close,
    Note,
    Offer,
    PassUp,
    Queue,
    Release,
    Reply,
    Saved,
    SetDuty,
)
from handlers.errors import BinhAnError, NoSuchCase, StorageUnavailable
from handlers.model import Disposition, DutySwitch, Staff
from handlers.permissions import Action, may

MAX_UID_CHARS = 40


def build_desk(deps: WebDeps, table: Table | None = None) -> web.Application:
    """The staff application, to be mounted at /desk; `table` of the application around it. UndeclaredRoute for a route without a
    policy.
    """
    app = web.Application(middlewares=[explaining, guard])
    routes = Routes(app, table)
    app[ROUTES], app[VERIFIER] = routes, Verifier()
    routes.add_open("GET", "/sign-in", show_sign_in)
    routes.add_open("POST", "/sign-in", post_sign_in)
    routes.add_open("GET", "/desk.css", static_file("desk.css"))
    routes.add_open("GET", "/desk.js", static_file("desk.js"))
    routes.add_open("POST", "/sign-in/second", post_second)
    routes.add_open("GET", "/keys.js", static_file("keys.js"))
    routes.add_own("POST", "/sign-out", post_sign_out)
    routes.add("GET", "", show_queue, *Action)
    routes.add("GET", "/", show_queue, *Action)
    routes.add("GET", "/events", events, Action.SEE_QUEUE)
    routes.add("POST", "/duty", post_duty, Action.SET_DUTY)
    routes.add("GET", "/cases", find_case, Action.READ_OWN, Action.READ_ANY)
    routes.add("GET", "/cases/{code}", show_case, Action.READ_OWN, Action.READ_ANY)
    routes.add("POST", "/cases/{code}/open", show_case, Action.READ_ANY)
    routes.add("GET", "/cases/{code}/media/{uid}", show_media, Action.READ_OWN)
    routes.add("POST", "/cases/{code}/claim", post_claim, Action.CLAIM)
    routes.add("POST", "/cases/{code}/reply", post_reply, Action.REPLY)
    routes.add("POST", "/cases/{code}/note", post_note, Action.NOTE)
    routes.add("POST", "/cases/{code}/offer", post_offer, Action.HAND_ON)
    routes.add("POST", "/cases/{code}/pass-up", post_pass_up, Action.HAND_ON)
    routes.add("POST", "/cases/{code}/release", post_release, Action.RELEASE, Action.RELEASE_ANY)
    routes.add("POST", "/cases/{code}/close", post_close, Action.CLOSE, Action.CLOSE_ANY)
    services.add_routes(routes)
    status.add_routes(routes)
    referrals.add_routes(routes)
    account.add_routes(routes)
    staff_page.add_routes(routes)
    erasing.add_routes(routes)
    help_page.add_routes(routes)
    return app


# --- pages -------------------------------------------------------------------------------------------------------------


async def show_queue(request: web.Request) -> web.StreamResponse:
    """GET /desk: who waits, most urgent first."""
    deps, staff = request.config_dict[DEPS], request[STAFF]
    if not may(staff, Action.SEE_QUEUE):
        said = request.rel_url.query  # goes along: it is to be read there
        there = request.rel_url.with_path(_own_work(staff)).with_query(said)
        return web.Response(status=303, headers={"Location": str(there)})
    view = await deps.door.read(lambda uow: deps.desk.queue(uow, [Queue(staff_uid=staff.uid)])[0])
    return desk_page(request, "desk/queue.html", queue=words.queue(view, staff, datetime.now(UTC), deps))


def _own_work(staff: Staff) -> str:
    """Where somebody's work is who has none in the queue: an operator's, an editor's; others have their account."""
    if may(staff, Action.SEE_HEALTH):
        return status.PATH
    return services.PATH if may(staff, Action.SEE_DIRECTORY) else account.PATH


# --- commands ----------------------------------------------------------------------------------------------------------

Command = Callable[[web.Request, dict[str, str], str], Awaitable[dict[str, Any]]]
"""(request, form fields, case code) -> what the script is told; raises a coded error."""


async def _answer(request: web.Request, command: Command, *, kept: str = "", then: str = "") -> web.StreamResponse:
    """Carry out a command; JSON for the script, else a redirect, else the case page with the words kept (`kept`: the field)."""
    as_json = "application/json" in request.headers.get("Accept", "")
    fields = await read_form(request)
    code = request.match_info.get("code", "")
    try:
        result = await command(request, fields, code)
    except BinhAnError as error:
        status = STATUS.get(error.code, 409)
        if as_json:
            return web.json_response({"error": error.code, "words": words_of(error)}, status=status)
        text = fields.get("text", "")
        if not code or isinstance(error, NoSuchCase | StorageUnavailable):
            return desk_page(request, "desk/refused.html", status=status, hint=words_of(error), kept=text)
        texts = {kept: text} if kept else {}
        return await case_page(request, hint=words_of(error), status=status, **texts)
    if as_json:
        return web.json_response(result)
    return web.Response(status=303, headers={"Location": then.format(code=code) or f"/desk/cases/{code}#new"})


async def post_claim(request: web.Request) -> web.StreamResponse:
    """'Mine'."""

    async def command(request: web.Request, fields: dict[str, str], code: str) -> dict[str, Any]:
        deps = request.config_dict[DEPS]
        ask = Claim(staff_uid=request[STAFF].uid, case_code=code, epoch=_epoch(fields))
        done: Claimed = await deps.door.run(deps.desk.claim, ask)
        return {"code": done.case_code, "epoch": done.epoch, "again": done.again, "agreed": done.agreed}

    return await _answer(request, command, then="/desk/cases/{code}?m=claimed_ok")


async def post_reply(request: web.Request) -> web.StreamResponse:
    """A line to the seeker."""

    async def command(request: web.Request, fields: dict[str, str], code: str) -> dict[str, Any]:
        deps = request.config_dict[DEPS]
        ask = Reply(
            staff_uid=request[STAFF].uid,
            case_code=code,
            text=clean(fields.get("text", "")),
            client_key=_client_key(fields),
        )
        saved: Saved = await deps.door.run(deps.desk.reply, ask)
        return {"seq": saved.seq, "again": saved.again, "held": saved.held}

    return await _answer(request, command, kept="text")


async def post_note(request: web.Request) -> web.StreamResponse:
    """A line for colleagues."""

    async def command(request: web.Request, fields: dict[str, str], code: str) -> dict[str, Any]:
        deps = request.config_dict[DEPS]
        ask = Note(
            staff_uid=request[STAFF].uid,
            case_code=code,
            text=clean(fields.get("text", "")),
            client_key=_client_key(fields),
        )
        saved: Saved = await deps.door.run(deps.desk.note, ask)
        return {"seq": saved.seq, "again": saved.again}

    return await _answer(request, command, kept="note")


async def post_offer(request: web.Request) -> web.StreamResponse:
    """My case for one colleague, who must take it before it moves."""

    async def command(request: web.Request, fields: dict[str, str], code: str) -> dict[str, Any]:
        deps, to = request.config_dict[DEPS], fields.get("to", "")[:MAX_UID_CHARS]
        if not to:
            raise NothingChosen
        await deps.door.run(deps.desk.offer, Offer(staff_uid=request[STAFF].uid, case_code=code, to_staff_uid=to))
        return {}

    return await _answer(request, command, then="/desk/cases/{code}?m=offer_ok")


async def post_pass_up(request: web.Request) -> web.StreamResponse:
    """Not me: call the next one now."""

    async def command(request: web.Request, fields: dict[str, str], code: str) -> dict[str, Any]:
        deps = request.config_dict[DEPS]
        ask = PassUp(staff_uid=request[STAFF].uid, case_code=code, epoch=_epoch(fields))
        await deps.door.run(deps.desk.pass_up, ask)
        return {}

    return await _answer(request, command, then="/desk?m=passed_ok")


async def post_release(request: web.Request) -> web.StreamResponse:
    """Give the case back: it rings anew."""

    async def command(request: web.Request, fields: dict[str, str], code: str) -> dict[str, Any]:
        deps = request.config_dict[DEPS]
        await deps.door.run(deps.desk.release, Release(staff_uid=request[STAFF].uid, case_code=code))
        return {}

    return await _answer(request, command, then="/desk?m=done")


async def post_close(request: web.Request) -> web.StreamResponse:
    """End the stay."""

    async def command(request: web.Request, fields: dict[str, str], code: str) -> dict[str, Any]:
        deps = request.config_dict[DEPS]
        chosen = fields.get("disposition", "")
        if chosen not in DESK_DISPOSITIONS:
            raise NothingChosen
        ask = Close(staff_uid=request[STAFF].uid, case_code=code, disposition=Disposition(chosen))
        await deps.door.run(deps.desk.close, ask)
        return {}

    return await _answer(request, command, then="/desk?m=done")


async def post_duty(request: web.Request) -> web.StreamResponse:
    """*Tôi đang trực / nghỉ*."""

    async def command(request: web.Request, fields: dict[str, str], code: str) -> dict[str, Any]:
        deps = request.config_dict[DEPS]
        try:
            duty = DutySwitch(fields.get("duty", ""))
        except ValueError:
            raise NothingChosen from None
        await deps.door.run(deps.desk.set_duty, SetDuty(staff_uid=request[STAFF].uid, duty=duty))
        return {"duty": duty.value}

    return await _answer(request, command, then="/desk")


class NothingChosen(BinhAnError):
    """The form came without a usable choice."""

    code = "nothing-chosen"


def _epoch(fields: dict[str, str]) -> int:
    written = fields.get("epoch", "")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 9 else 0


def _client_key(fields: dict[str, str]) -> str:
    key = fields.get("client_key", "")
    return key if 8 <= len(key) <= 64 and key.isascii() and key.isprintable() else secrets.token_urlsafe(16)

"""Signing in and out of the desk. Unknown names, wrong passwords and throttled attempts all read the same."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from datetime import UTC, datetime

from aiohttp import web

from bot.web.deps import DEPS, WebDeps
from bot.web.forms import read_form
from bot.web.guard import TOKEN_HASH, drop_cookie, on_loopback, set_cookie, signed_in, token_hash
from bot.web.pages import page
from bot.web.passwords import Verifier
from bot.web.texts import DESK
from handlers.errors import NotAllowed, TooManyTries
from handlers.model import Staff
from handlers.staffing import MAX_NAME_CHARS, Enter, Knock, SignOut, enter, knock, sign_out

VERIFIER: web.AppKey[Verifier] = web.AppKey("verifier", Verifier)


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """GET /desk/sign-in."""
    if await signed_in(request) is not None:
        return web.Response(status=303, headers={"Location": "/desk"})
    return _form(request)


async def post_sign_in(request: web.Request) -> web.StreamResponse:
    """POST /desk/sign-in: name and password; a session on success."""
    deps = request.config_dict[DEPS]
    if not deps.https and not on_loopback(request):
        return _form(request, hint="needs_https", status=403)  # a password must not cross a network in the clear
    fields = await read_form(request)
    name, password = fields.get("name", "").strip(), fields.get("password", "")
    staff, token, hint = await _try(request, name[: MAX_NAME_CHARS + 1], password)
    if staff is None:
        return _form(request, hint=hint, name=name[:MAX_NAME_CHARS], status=429 if hint == "too_many" else 403)
    response = web.Response(status=303, headers={"Location": "/desk"})
    set_cookie(response, deps, token)
    return response


async def post_sign_out(request: web.Request) -> web.StreamResponse:
    """POST /desk/sign-out: the session ends in the database and in the browser."""
    deps = request.config_dict[DEPS]
    await deps.door.run(sign_out, SignOut(token_hash=request[TOKEN_HASH]))
    response = web.Response(status=303, headers={"Location": "/desk/sign-in", "Clear-Site-Data": '"*"'})
    drop_cookie(response, deps)
    return response


async def _try(request: web.Request, name: str, password: str) -> tuple[Staff | None, str, str]:
    """(staff, session token, "") on success, else (None, "", hint)."""
    deps = request.config_dict[DEPS]
    name_key = _key(deps, f"name:{name.casefold()}")
    prefix_key = _key(deps, f"prefix:{datetime.now(UTC):%Y-%m-%d}:{address_prefix(request, deps)}")
    known = await deps.door.run(knock, Knock(name=name, name_key=name_key, prefix_key=prefix_key))
    if isinstance(known, TooManyTries):
        return None, "", "too_many"
    if not await request.config_dict[VERIFIER].matches(password, known.password_hash):
        return None, "", "wrong"
    token = secrets.token_urlsafe(32)
    entry = Enter(
        staff_uid=known.staff_uid, password_hash=known.password_hash, token_hash=token_hash(token), name_key=name_key
    )
    try:
        return await deps.door.run(enter, entry), token, ""
    except NotAllowed:  # disabled between the two steps
        return None, "", "wrong"


def address_prefix(request: web.Request, deps: WebDeps) -> str:
    """The caller's /24 or /48, only ever used inside a keyed hash with the day in it."""
    peer = request.remote or ""
    if deps.behind_proxy:
        peer = request.headers.get("X-Forwarded-For", peer).rsplit(",", 1)[-1].strip()
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return "none"
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def _key(deps: WebDeps, text: str) -> str:
    return hmac.new(deps.page_key, b"throttle:" + text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _form(request: web.Request, *, hint: str = "", name: str = "", status: int = 200) -> web.Response:
    return page("desk/sign_in.html", status=status, t=DESK, hint=DESK.get(hint, ""), name=name)

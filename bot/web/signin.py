"""Signing in and out of the desk: name and password, then a second step for whoever has a second factor.

Unknown names, wrong passwords and disabled people all read the same. What the second step is about travels in a hidden field,
never in a cookie: half a sign-in is no session.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import secrets
from datetime import UTC, datetime

from aiohttp import web

from bot.web import keys
from bot.web.account_texts import ACCOUNT
from bot.web.deps import DEPS, WebDeps
from bot.web.forms import read_form
from bot.web.guard import (
    TOKEN_HASH,
    drop_cookie,
    on_loopback,
    seen_before,
    set_cookie,
    set_seen,
    signed_in,
    token_hash,
)
from bot.web.pages import page
from bot.web.passwords import Verifier, possible
from bot.web.texts import DESK
from handlers.errors import NotAllowed, TooManyTries
from handlers.factors import FactorKind, typed
from handlers.model import Staff
from handlers.sessions import SignOut, sign_out
from handlers.signing_in import (
    AskSecond,
    Enter,
    Entered,
    Knock,
    Prove,
    Refused,
    Throttle,
    ask_second,
    enter,
    knock,
    prove,
)
from handlers.staffing import MAX_NAME_CHARS

VERIFIER: web.AppKey[Verifier] = web.AppKey("verifier", Verifier)
MAX_HALF_CHARS = 128


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """GET /desk/sign-in."""
    if await signed_in(request) is not None:
        return _to_the_desk()
    return _form(request)


async def post_sign_in(request: web.Request) -> web.StreamResponse:
    """POST /desk/sign-in: name and password; a session on success, or the second step."""
    deps = request.config_dict[DEPS]
    if not deps.https and not on_loopback(request):
        return _form(request, hint="needs_https", status=403)  # a password must not cross a network in the clear
    fields = await read_form(request)
    name, password = fields.get("name", "").strip()[: MAX_NAME_CHARS + 1], fields.get("password", "")
    entered, token, hint = await _try(request, name, password)
    if entered is None:
        return _form(request, hint=hint, name=name[:MAX_NAME_CHARS], status=403 if hint == "wrong" else 429)
    if entered.owed:
        return await _second(request, token)
    return _inside(deps, entered.staff, token)


async def post_second(request: web.Request) -> web.StreamResponse:
    """POST /desk/sign-in/second: a code, or what a key has answered."""
    deps = request.config_dict[DEPS]
    if not deps.https and not on_loopback(request):
        return _form(request, hint="needs_https", status=403)
    fields = await read_form(request)
    half, answer = half_of(deps, fields.get("half", "")), fields.get("answer", "")
    if not half:  # made up: not worth a look into the database
        return _form(request, hint="half_over", status=429)
    party = keys.party_of(request, deps)
    key = keys.answer_of(party, answer) if answer and party is not None else None
    token = secrets.token_urlsafe(32)
    done = await deps.door.run(
        prove,
        Prove(
            half_hash=token_hash(half),
            token_hash=token_hash(token),
            code="" if answer else typed(fields.get("code", "")),
            key=key,
            device_of=lambda name: _device_key(deps, seen_before(request, deps, name)),
        ),
    )
    if isinstance(done, Entered):
        return _inside(deps, done.staff, token, said="?m=password_known" if done.password_known else "")
    if done is Refused.WRONG:
        return await _second(request, half, hint=ACCOUNT["wrong_key" if answer else "wrong_code"], status=403)
    return _form(request, hint="too_many" if done is Refused.TOO_MANY else "half_over", status=429)


async def post_sign_out(request: web.Request) -> web.StreamResponse:
    """POST /desk/sign-out: the session ends in the database and in the browser. What the browser knows of us goes, but for the
    mark that strangers cannot keep this person out (`guard.set_seen`).
    """
    deps = request.config_dict[DEPS]
    await deps.door.run(sign_out, SignOut(token_hash=request[TOKEN_HASH]))
    headers = {"Location": "/desk/sign-in", "Clear-Site-Data": '"cache", "storage"'}
    response = web.Response(status=303, headers=headers)
    drop_cookie(response, deps)
    return response


async def _try(request: web.Request, name: str, password: str) -> tuple[Entered | None, str, str]:
    """(entered, token, "") on success, else (None, "", hint)."""
    deps, verifier = request.config_dict[DEPS], request.config_dict[VERIFIER]
    mark = seen_before(request, deps, name)
    if not mark and verifier.full:
        return None, "", "busy"  # before anything is written or computed
    if not possible(password):
        return None, "", "wrong"
    throttle = throttle_of(request, deps, name, mark)
    known = await deps.door.run(knock, Knock(name=name, throttle=throttle))
    if isinstance(known, TooManyTries):
        return None, "", "too_many"
    if not await verifier.matches(password, known.password_hash, known=bool(mark)):
        return None, "", "wrong"
    token = secrets.token_urlsafe(32)
    entry = Enter(
        staff_uid=known.staff_uid, password_hash=known.password_hash, token_hash=token_hash(token), throttle=throttle
    )
    try:
        return await deps.door.run(enter, entry), token, ""
    except NotAllowed:  # disabled between the two steps
        return None, "", "wrong"


async def _second(request: web.Request, half: str, *, hint: str = "", status: int = 200) -> web.Response:
    """The page of the second step; the sign-in page when half of it has gone stale meanwhile."""
    deps = request.config_dict[DEPS]
    challenge = secrets.token_bytes(32)
    asked = await deps.door.run(ask_second, AskSecond(half_hash=token_hash(half), challenge=challenge))
    if asked is None:
        return _form(request, hint="half_over", status=403)
    party = keys.party_of(request, deps)
    options = keys.ask(party, asked.keys, challenge) if party is not None and asked.keys else None
    return page(
        "desk/second_step.html",
        status=status,
        t=DESK,
        a=ACCOUNT,
        hint=hint,
        half=shown_half(deps, half),
        has_app=FactorKind.TOTP in asked.kinds,
        has_key=FactorKind.KEY in asked.kinds,
        options=json.dumps(options) if options else "",
    )


def shown_half(deps: WebDeps, token: str) -> str:
    """What the page carries to the second step: the token, and that it is one of ours."""
    return f"{token}.{_key(deps, f'half:{token}')}"


def half_of(deps: WebDeps, text: str) -> str:
    """The token of `shown_half`; "" for anything made up."""
    token, _, proof = text[:MAX_HALF_CHARS].partition(".")
    right = hmac.compare_digest(proof.encode("utf-8", "replace"), _key(deps, f"half:{token}").encode())
    return token if right and token else ""


def _inside(deps: WebDeps, staff: Staff, token: str, *, said: str = "") -> web.Response:
    response = _to_the_desk(said)
    set_cookie(response, deps, token)
    set_seen(response, deps, staff.name)
    return response


def _to_the_desk(said: str = "") -> web.Response:
    return web.Response(status=303, headers={"Location": f"/desk{said}"})


def throttle_of(request: web.Request, deps: WebDeps, name: str, mark: str) -> Throttle:
    """What this attempt is counted under; `mark` of a browser she has signed in with before."""
    prefix = f"{datetime.now(UTC):%Y-%m-%d}:{address_prefix(request, deps)}"
    return Throttle(name=name_key(deps, name), source=_key(deps, f"prefix:{prefix}"), device=_device_key(deps, mark))


def name_key(deps: WebDeps, name: str) -> str:
    """What attempts under this name are counted under."""
    return throttle_key(deps.page_key, name)


def throttle_key(page_key: bytes, name: str) -> str:
    """The same, for the command line."""
    return _hashed(page_key, f"name:{name.strip().casefold()}")


def _device_key(deps: WebDeps, mark: str) -> str:
    return _key(deps, f"device:{mark}") if mark else ""


def address_prefix(request: web.Request, deps: WebDeps) -> str:
    """The caller's /24 or /48, only ever used inside a keyed hash with the day in it. Who asks is believed from a proxy beside
    us, on this machine or in a private network, and from nobody who comes from outside.
    """
    address = _address(request.remote or "")
    forwarded = request.headers.get("X-Forwarded-For")
    if deps.behind_proxy and forwarded and (address is None or address.is_private):
        address = _address(forwarded.rsplit(",", 1)[-1].strip())
    if address is None:
        return "none"
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def _address(written: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(written)
    except ValueError:
        return None


def _key(deps: WebDeps, text: str) -> str:
    return _hashed(deps.page_key, text)


def _hashed(page_key: bytes, text: str) -> str:
    return hmac.new(page_key, b"throttle:" + text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _form(request: web.Request, *, hint: str = "", name: str = "", status: int = 200) -> web.Response:
    said = DESK.get(hint) or ACCOUNT.get(hint, "")
    return page("desk/sign_in.html", status=status, t=DESK, hint=said, name=name)

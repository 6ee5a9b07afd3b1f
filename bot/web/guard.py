"""What the desk asks of every request before anything is done: signed in, with what, allowed, and from our own page.

Which route asks for what stands beside the route (`bot/web/policy.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from urllib.parse import urlsplit

from aiohttp import web

from bot.web.deps import DEPS, WebDeps
from bot.web.forms import read_form
from bot.web.handler import Handler
from bot.web.policy import ROUTES, Policy, Routes, Who
from bot.web.security import error_page
from handlers.factors import Proof
from handlers.model import Staff
from handlers.permissions import Action, may
from handlers.sessions import ABSOLUTE, Resume, Resumed, Touch, resume, touch

__all__ = ["PROOF", "STAFF", "TOKEN_HASH", "Routes", "guard", "signed_in"]  # what pages take from here, among others

SIGN_IN_PATH = "/desk/sign-in"
ENROL_PATH = "/desk/me"
SEEN_DAYS = 180
MAX_COOKIE_CHARS = 128
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


STAFF: web.RequestKey[Staff] = web.RequestKey("staff", Staff)
TOKEN_HASH: web.RequestKey[str] = web.RequestKey("token_hash", str)


PROOF: web.RequestKey[Proof | None] = web.RequestKey("proof")


class NotSignedIn(web.HTTPUnauthorized):
    """Nobody is signed in, or no more."""


class NotOurForm(web.HTTPForbidden):
    """The form lacks the token of this session: it stood on a page of an earlier one, or somebody else made it."""


class NoRight(web.HTTPForbidden):
    """Signed in, and allowed none of these actions."""

    def __init__(self, actions: tuple[Action, ...]) -> None:
        """`actions`: any of them would have done; never empty."""
        super().__init__()
        self.actions = actions


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Signed in? allowed? from our own page? In this order; then the handler finds `STAFF` and `TOKEN_HASH` on the request.
    What it raises becomes a page in `bot/web/refusing.py`.
    """
    deps = request.config_dict[DEPS]
    nowhere = request.match_info.http_exception
    # An address that is none asks for what every page asks: who is not signed in must not learn which addresses there are.
    policy = Policy(Who.HERSELF) if nowhere is not None else request.config_dict[ROUTES].policy_of(request)
    unsafe = request.method not in _SAFE
    if unsafe and not from_our_page(request, deps):
        return error_page(403)
    if policy.who is Who.ANYBODY:
        return await handler(request)
    wants_page = "text/html" in request.headers.get("Accept", "") and not unsafe
    staff = await signed_in(request)
    if staff is None:
        if wants_page:
            return _elsewhere(SIGN_IN_PATH)
        raise NotSignedIn
    if unsafe and not await _has_form_token(request, deps):
        raise NotOurForm
    if policy.who is Who.HERSELF:
        return await handler(request)
    if owes_factor(request, deps):
        return _elsewhere(ENROL_PATH) if wants_page else error_page(403)
    if not allowed(staff, policy):
        raise NoRight(policy.actions)
    return await handler(request)


def allowed(staff: Staff, policy: Policy) -> bool:
    """May she do any of what the policy names? Never by a policy that names nothing."""
    return policy.who is Who.STAFF and any(may(staff, action) for action in policy.actions)


def owes_factor(request: web.Request, deps: WebDeps) -> bool:
    """Does her role need a second factor, and was this session begun without one?"""
    return request[PROOF] is None and deps.needs_factor(request[STAFF].roles)


async def still_allowed(request: web.Request) -> Staff | None:
    """For what stays open: the staff member while the session, the rights and the second factor still stand, else None."""
    staff = await signed_in(request)
    if staff is None or owes_factor(request, request.config_dict[DEPS]):
        return None
    return staff if allowed(staff, request.config_dict[ROUTES].policy_of(request)) else None


async def signed_in(request: web.Request) -> Staff | None:
    """The staff member of this request's session, or None; notes that the session lives."""
    deps = request.config_dict[DEPS]
    token = request.cookies.get(cookie_name(deps), "")
    if not token or len(token) > MAX_COOKIE_CHARS:
        return None
    hashed = token_hash(token)
    resumed: Resumed | None = await deps.door.read(lambda uow: resume(uow, Resume(token_hash=hashed)))
    if resumed is None:
        return None
    if resumed.touch:
        await deps.door.run(touch, Touch(token_hash=hashed))
    request[STAFF], request[TOKEN_HASH], request[PROOF] = resumed.staff, hashed, resumed.proof
    return resumed.staff


def _elsewhere(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})


def token_hash(token: str) -> str:
    """What the database keeps of a session token: SHA-256, hex. The token itself has 256 random bits."""
    return hashlib.sha256(_bytes(token)).hexdigest()


def _bytes(text: str) -> bytes:
    """What a header held, whatever bytes it was made of: a strange one is wrong, and no error."""
    return text.encode("utf-8", "replace")


def form_token(deps: WebDeps, hashed: str) -> str:
    """The token every form and command of this session carries: bound to the session, worthless without it."""
    return hmac.new(deps.page_key, b"form:" + hashed.encode(), hashlib.sha256).hexdigest()


async def _has_form_token(request: web.Request, deps: WebDeps) -> bool:
    given = request.headers.get("X-CSRF-Token", "")
    if not given and request.content_type == "application/x-www-form-urlencoded":
        given = (await read_form(request)).get("csrf", "")
    return hmac.compare_digest(_bytes(given), _bytes(form_token(deps, request[TOKEN_HASH])))


def from_our_page(request: web.Request, deps: WebDeps) -> bool:
    """Does the browser say that this request comes from one of our own pages? Silence counts as no."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin", "").lower()
    if origin == deps.origin:
        return True
    # The demo is reached as 127.0.0.1 and as localhost; a foreign page can be neither.
    return not deps.https and on_loopback(request) and origin == f"http://{request.host.lower()}"


def on_loopback(request: web.Request) -> bool:
    """Was this machine itself addressed?"""
    return (urlsplit(f"//{request.host}").hostname or "") in _LOOPBACK


def cookie_name(deps: WebDeps) -> str:
    """Over https the browser itself guards the name: this host only, whole path, https only."""
    return "__Host-sid" if deps.https else "sid"


def set_cookie(response: web.StreamResponse, deps: WebDeps, token: str) -> None:
    """Give the browser its session; it ends with the browser's own session, and after a shift at the latest."""
    response.set_cookie(
        cookie_name(deps),
        token,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=deps.https,
        max_age=int(ABSOLUTE.total_seconds()),
    )


def drop_cookie(response: web.StreamResponse, deps: WebDeps) -> None:
    """Take the session away from the browser."""
    response.del_cookie(cookie_name(deps), path="/", secure=deps.https, httponly=True, samesite="Strict")


# --- a browser she has signed in with before ---------------------------------------------------------------------------
#
# It opens nothing. It only says that attempts from here are counted by themselves, so that nobody who knows her name can keep her
# out by failing on purpose (OWASP calls it a device cookie).


def seen_cookie_name(deps: WebDeps) -> str:
    """Beside the session's."""
    return "__Host-seen" if deps.https else "seen"


def seen_before(request: web.Request, deps: WebDeps, name: str) -> str:
    """The mark of this browser when somebody of this name has signed in with it before, else ""."""
    given = request.cookies.get(seen_cookie_name(deps), "")
    mark, _, proof = given.partition(".")
    if len(given) > MAX_COOKIE_CHARS or not hmac.compare_digest(_bytes(proof), _bytes(_proof_of(deps, mark, name))):
        return ""
    day = mark.partition("-")[0]  # ours, as the proof says
    return mark if 0 <= _today() - int(day) <= SEEN_DAYS else ""


def set_seen(response: web.StreamResponse, deps: WebDeps, name: str) -> None:
    """Let the browser keep that somebody of this name has signed in with it: a random mark, no name."""
    mark = f"{_today()}-{secrets.token_urlsafe(16)}"
    response.set_cookie(
        seen_cookie_name(deps),
        f"{mark}.{_proof_of(deps, mark, name)}",
        path="/",
        httponly=True,
        samesite="Strict",
        secure=deps.https,
        max_age=SEEN_DAYS * 24 * 3600,
    )


def _today() -> int:
    return int(time.time()) // (24 * 3600)


def _proof_of(deps: WebDeps, mark: str, name: str) -> str:
    said = f"seen:{mark}:{name.strip().casefold()}".encode("utf-8", "replace")
    return hmac.new(deps.page_key, said, hashlib.sha256).hexdigest()

"""Who may use which desk route: every route names its action, every unsafe request proves it came from our own page.

Default deny: a route without a declared action stops the program from starting, and an undeclared one is never served.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from aiohttp import web

from bot.web.deps import DEPS, WebDeps
from bot.web.forms import read_form
from bot.web.security import Handler, error_page
from handlers.model import Staff
from handlers.permissions import Action, may
from handlers.staffing import ABSOLUTE, Resume, Touch, resume, touch

SIGN_IN_PATH = "/desk/sign-in"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class UndeclaredRoute(Exception):
    """A desk route does not say which action it is; declare it with `Routes.add`."""


class Routes:
    """The desk's routes with the action each one is; None is open to everybody (the sign-in page and its files)."""

    def __init__(self, app: web.Application) -> None:
        """Adds routes to `app`."""
        self._app = app
        self._actions: dict[web.AbstractRoute, tuple[Action, ...] | None] = {}

    def add(self, method: str, path: str, handler: Handler, *any_of: Action) -> None:
        """A route for those who may do any of these actions."""
        if not any_of:
            raise UndeclaredRoute(f"{method} {path}")
        self._actions[self._app.router.add_route(method, path, handler)] = any_of

    def add_open(self, method: str, path: str, handler: Handler) -> None:
        """A route that needs nobody signed in."""
        self._actions[self._app.router.add_route(method, path, handler)] = None

    def check(self) -> None:
        """Raise UndeclaredRoute when the application has a route that was added past this table."""
        for route in self._app.router.routes():
            if route not in self._actions:
                raise UndeclaredRoute(f"{route.method} {route.resource.canonical if route.resource else route}")

    def declared(self) -> list[tuple[str, str, tuple[Action, ...] | None]]:
        """(method, path, actions) of every route: what the tests walk over."""
        return [
            (route.method, route.resource.canonical if route.resource else "", actions)
            for route, actions in self._actions.items()
        ]

    def actions_of(self, request: web.Request) -> tuple[Action, ...] | None:
        """The actions of the route this request hit; 403 for an undeclared one, the router's own answer for none at all."""
        route = request.match_info.route
        if request.match_info.http_exception is not None:
            raise request.match_info.http_exception
        if route not in self._actions:
            raise web.HTTPForbidden
        return self._actions[route]


ROUTES: web.AppKey[Routes] = web.AppKey("routes", Routes)
STAFF: web.RequestKey[Staff] = web.RequestKey("staff", Staff)
TOKEN_HASH: web.RequestKey[str] = web.RequestKey("token_hash", str)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Signed in? allowed? from our own page? In this order; then the handler finds `STAFF` and `TOKEN_HASH` on the request."""
    deps = request.config_dict[DEPS]
    actions = request.config_dict[ROUTES].actions_of(request)
    unsafe = request.method not in _SAFE
    if unsafe and not from_our_page(request, deps):
        return error_page(403)
    if actions is None:
        return await handler(request)
    staff = await signed_in(request)
    if staff is None:
        wants_page = "text/html" in request.headers.get("Accept", "") and not unsafe
        return web.Response(status=303, headers={"Location": SIGN_IN_PATH}) if wants_page else error_page(401)
    if unsafe and not await _has_form_token(request, deps):
        return error_page(403)
    if not any(may(staff, action) for action in actions):
        return error_page(403)
    return await handler(request)


async def signed_in(request: web.Request) -> Staff | None:
    """The staff member of this request's session, or None; notes that the session lives."""
    deps = request.config_dict[DEPS]
    token = request.cookies.get(cookie_name(deps), "")
    if not token or len(token) > 128:
        return None
    hashed = token_hash(token)
    resumed = await deps.door.read(lambda uow: resume(uow, Resume(token_hash=hashed)))
    if resumed is None:
        return None
    if resumed.touch:
        await deps.door.run(touch, Touch(token_hash=hashed))
    request[STAFF], request[TOKEN_HASH] = resumed.staff, hashed
    return resumed.staff


def token_hash(token: str) -> str:
    """What the database keeps of a session token: SHA-256, hex. The token itself has 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def form_token(deps: WebDeps, hashed: str) -> str:
    """The token every form and command of this session carries: bound to the session, worthless without it."""
    return hmac.new(deps.page_key, b"form:" + hashed.encode(), hashlib.sha256).hexdigest()


async def _has_form_token(request: web.Request, deps: WebDeps) -> bool:
    given = request.headers.get("X-CSRF-Token", "")
    if not given and request.content_type == "application/x-www-form-urlencoded":
        given = (await read_form(request)).get("csrf", "")
    return hmac.compare_digest(given.encode(), form_token(deps, request[TOKEN_HASH]).encode())


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

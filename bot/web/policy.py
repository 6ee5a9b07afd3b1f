"""Who may use a route: declared beside it, for every route of the program, or the program does not start.

Default deny: a route without a policy stops the build, and would be refused if it were ever reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from bot.web.handler import Handler
from handlers.permissions import Action


class Who(StrEnum):
    """The kinds of callers."""

    ANYBODY = "anybody"  # seekers, the sign-in page, services with a code of their own: nobody is signed in
    PLATFORM = "platform"  # a program: proves itself by its signature over the raw bytes or its token; no cookie, no form token
    STAFF = "staff"  # signed in, with a second factor where the role needs one, and allowed one of the actions
    HERSELF = "herself"  # signed in, whatever the role, also before a required second factor is enrolled


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may use a route; `actions` for STAFF: any of them will do."""

    who: Who
    actions: tuple[Action, ...] = ()


Table = dict[web.AbstractRoute, Policy]


class UndeclaredRoute(Exception):
    """A route does not say who may use it; add it with one of the methods of `bot.web.policy.Routes`."""


class Routes:
    """Adds routes to an application, each with its policy."""

    def __init__(self, app: web.Application, table: Table | None = None) -> None:
        """`table` of the application around this one, None for an application that stands alone."""
        self._app = app
        self.table: Table = {} if table is None else table

    def add(self, method: str, path: str, handler: Handler, *any_of: Action) -> None:
        """A route for signed-in staff who may do any of these actions."""
        if not any_of:
            raise UndeclaredRoute(f"{method} {path}")
        self._add(method, path, handler, Policy(Who.STAFF, any_of))

    def add_own(self, method: str, path: str, handler: Handler) -> None:
        """A route for every signed-in staff member, about herself alone."""
        self._add(method, path, handler, Policy(Who.HERSELF))

    def add_open(self, method: str, path: str, handler: Handler) -> None:
        """A route that needs nobody signed in."""
        self._add(method, path, handler, Policy(Who.ANYBODY))

    def add_signed(self, method: str, path: str, handler: Handler) -> None:
        """A route for a platform or a collector, whose handler checks signature or token before anything else."""
        self._add(method, path, handler, Policy(Who.PLATFORM))

    def _add(self, method: str, path: str, handler: Handler, policy: Policy) -> None:
        self.table[self._app.router.add_route(method, path, handler)] = policy

    def check(self) -> None:
        """Raise UndeclaredRoute when the application, or one inside it, has a route that was added past this table."""
        for route in self._app.router.routes():
            if route not in self.table:
                raise UndeclaredRoute(f"{route.method} {_path(route)}")

    def declared(self) -> list[tuple[str, str, Policy]]:
        """(method, path, policy) of every route: what the tests walk over."""
        return [(route.method, _path(route), policy) for route, policy in self.table.items()]

    def policy_of(self, request: web.Request) -> Policy:
        """The policy of the route this request hit; 403 for an undeclared one."""
        policy = self.table.get(request.match_info.route)
        if policy is None:
            raise web.HTTPForbidden
        return policy


ROUTES: web.AppKey[Routes] = web.AppKey("routes", Routes)


@web.middleware
async def declared_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nothing answers that has not said who may use it. An address that is none has nobody to say it: the router answers."""
    if request.match_info.http_exception is None:
        request.config_dict[ROUTES].policy_of(request)
    return await handler(request)


async def check_at_start(app: web.Application) -> None:
    """Startup signal: routes may have been added after the application was built."""
    app[ROUTES].check()


def _path(route: web.AbstractRoute) -> str:
    return route.resource.canonical if route.resource else str(route)

"""Puts the two pages together: the seeker's at `/`, the staff's at `/desk`, health beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from bot.web import handoff, leaving, public, sound
from bot.web.bell import Bell
from bot.web.deps import DEPS, WebDeps
from bot.web.desk import build_desk
from bot.web.figures import add_metrics, counted
from bot.web.forms import MAX_FORM_BYTES
from bot.web.health import State, add_health
from bot.web.policy import ROUTES, Routes, check_at_start, declared_only
from bot.web.security import calm_errors, set_headers, static_file


def build_app(deps: WebDeps, state: State | None = None) -> web.Application:
    """The whole web application. Raises UndeclaredRoute when a route does not say who may use it. `state` None: ready.

    Serve it with `bot.web.runner.Runner`.
    """
    app = web.Application(
        middlewares=[counted, calm_errors, public.back_to_start, declared_only], client_max_size=MAX_FORM_BYTES
    )
    routes = Routes(app)
    app[DEPS], app[ROUTES] = deps, routes
    app[sound.RECORDINGS] = sound.Recordings()
    app[public.SEEKER_BELL] = Bell(deps.wakeups, "seeker")
    app.on_response_prepare.append(set_headers)
    app.on_startup.append(check_at_start)
    app.cleanup_ctx.append(_listen)
    routes.add_open("GET", "/", public.show_start)
    routes.add_open("POST", "/", public.post_message)
    routes.add_open("POST", "/poll", public.poll)
    routes.add_open("POST", "/exit", leaving.leave)
    routes.add_open("GET", "/about", public.show_about)
    routes.add_open("POST", "/about", public.show_about)
    routes.add_open("GET", "/audio/{name}", sound.serve)
    for name in ("page.js", "icon.svg"):
        routes.add_open("GET", f"/{name}", static_file(name))
    routes.add_open("GET", "/favicon.ico", static_file("icon.svg"))
    handoff.add_routes(routes)
    app.add_subapp("/desk", build_desk(deps, routes.table))
    add_health(app, routes, deps.door, state or State(ready=True))
    add_metrics(app, routes, deps.metrics, deps.look, deps.metrics_token)
    routes.check()
    return app


async def _listen(app: web.Application) -> AsyncIterator[None]:
    async with app[public.SEEKER_BELL].listening(), app[DEPS].hub.listening():
        yield

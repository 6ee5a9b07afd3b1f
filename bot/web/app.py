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
from bot.web.security import calm_errors, set_headers, static_file


def build_app(deps: WebDeps, state: State | None = None) -> web.Application:
    """The whole web application. Raises UndeclaredRoute when a desk route does not say which action it is. `state` None: ready.

    Serve it with `web.AppRunner(app, access_log=None)`: an access log would keep addresses of seekers.
    """
    app = web.Application(middlewares=[counted, calm_errors], client_max_size=MAX_FORM_BYTES)
    app[DEPS] = deps
    app[sound.RECORDINGS] = sound.Recordings()
    app[public.SEEKER_BELL] = Bell(deps.wakeups, "seeker")
    app.on_response_prepare.append(set_headers)
    app.cleanup_ctx.append(_listen)
    app.router.add_route("GET", "/", public.show_start)
    app.router.add_route("POST", "/", public.post_message)
    app.router.add_route("POST", "/poll", public.poll)
    app.router.add_route("POST", "/exit", leaving.leave)
    app.router.add_route("GET", "/about", public.show_about)
    app.router.add_route("POST", "/about", public.show_about)
    app.router.add_route("GET", "/audio/{name}", sound.serve)
    for name in ("page.js", "icon.svg"):
        app.router.add_route("GET", f"/{name}", static_file(name))
    app.router.add_route("GET", "/favicon.ico", static_file("icon.svg"))
    handoff.add_routes(app)
    app.add_subapp("/desk", build_desk(deps))
    add_health(app, deps.door, state or State(ready=True))
    add_metrics(app, deps.metrics, deps.look, deps.metrics_token)
    return app


async def _listen(app: web.Application) -> AsyncIterator[None]:
    async with app[public.SEEKER_BELL].listening(), app[DEPS].hub.listening():
        yield

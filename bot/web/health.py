"""Whether this process lives (`/healthz`) and whether to send anybody here (`/readyz`); the same for every role."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from bot.metrics import Metrics
from bot.web.figures import Look, add_metrics
from bot.web.policy import ROUTES, Routes, check_at_start, declared_only
from bot.web.security import set_headers_alone
from handlers.errors import StorageUnavailable
from handlers.ports import Door


@dataclass(slots=True)
class State:
    """What this process says of itself."""

    ready: bool = False  # every part runs and nobody has told us to stop


STATE: web.AppKey[State] = web.AppKey("state", State)
HEALTH_DOOR: web.AppKey[Door] = web.AppKey("health_door", Door)


def add_health(app: web.Application, routes: Routes, door: Door, state: State) -> None:
    """Add both routes."""
    app[STATE], app[HEALTH_DOOR] = state, door
    routes.add_open("GET", "/healthz", _alive)
    routes.add_open("GET", "/readyz", _ready)


def health_app(door: Door, state: State, metrics: Metrics, look: Look, token: str) -> web.Application:
    """For a process that serves nothing else: health, and metrics for whoever has the token."""
    app = web.Application(middlewares=[declared_only])
    app[ROUTES] = Routes(app)
    app.on_startup.append(check_at_start)
    app.on_response_prepare.append(set_headers_alone)
    add_health(app, app[ROUTES], door, state)
    add_metrics(app, app[ROUTES], metrics, look, token)
    return app


async def _alive(request: web.Request) -> web.Response:
    """The process answers."""
    return web.Response(text="ok")


async def _ready(request: web.Request) -> web.Response:
    """Everything runs and storage answers; 503 otherwise, so that a proxy sends nobody here. A stop begins with this."""
    if not request.app[STATE].ready:
        return web.Response(status=503, text="starting or stopping")
    try:
        await request.app[HEALTH_DOOR].read(lambda uow: uow.get_setting("ready"))
    except StorageUnavailable:
        return web.Response(status=503, text="no storage")
    return web.Response(text="ok")

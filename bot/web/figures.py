"""`/metrics`: for a collector with the token of the configuration, for nobody else. Without a token there is no such page."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.looking import Standing
from bot.metrics import CONTENT_TYPE, Metrics
from bot.web.handler import Handler
from bot.web.policy import Routes
from handlers.errors import StorageUnavailable

Look = Callable[[], Awaitable[Standing]]
HELD = frozenset({"/", "/poll", "/desk/events"})
"""Requests that are held until there is something to say: how long they take says nothing."""

METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)


def add_metrics(app: web.Application, routes: Routes, metrics: Metrics, look: Look, token: str) -> None:
    """Add the route; `token` "": it answers like any page that is not there."""

    async def serve(request: web.Request) -> web.Response:
        """GET /metrics with `Authorization: Bearer …`."""
        if not token:
            raise web.HTTPNotFound
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode()):
            raise web.HTTPUnauthorized
        try:
            standing: Standing | None = await look()
        except StorageUnavailable:
            standing = None
        return web.Response(body=metrics.page(standing), headers={"Content-Type": CONTENT_TYPE})

    routes.add_signed("GET", "/metrics", serve)
    app[METRICS] = metrics


@web.middleware
async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count every answer under its declared route; never under its path, which may hold a code."""
    began = time.monotonic()
    status = 500
    try:
        answer = await handler(request)
        status = answer.status
        return answer
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "none"
        took = None if route in HELD else time.monotonic() - began
        request.config_dict[METRICS].answered(route, request.method if resource is not None else "any", status, took)

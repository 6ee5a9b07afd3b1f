"""Serves an application, and answers what is no request at all as calmly as everything else.

The framework answers such bytes before any application sees them: with its name and version, with the bytes themselves, and
without a single header that protects. No access log either: it would keep addresses of seekers.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from bot.web.security import dress, error_page

log = structlog.get_logger(__name__)


class Runner(web.AppRunner):
    """An `AppRunner` for any application of ours. `https`: browsers reach it so."""

    __slots__ = ("_https",)

    def __init__(self, app: web.Application, *, https: bool = False, **options: Any) -> None:
        """`options` of `web.AppRunner`."""
        super().__init__(app, access_log=None, handle_signals=False, **options)
        self._https = https

    async def cleanup(self) -> None:
        """Close the doors. Who has been accepted a moment ago becomes a connection first, which is closed like all others: a
        server that closes in between forgets her, with her line still open.
        """
        loop = asyncio.get_running_loop()
        for site in self.sites:
            server = getattr(site, "_server", None)
            for door in server.sockets if server is not None else ():
                loop.remove_reader(door)
        try:
            for _ in range(2):
                await asyncio.sleep(0)
        finally:
            await super().cleanup()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=asyncio.get_running_loop(),
            https=self._https,
            **made._kwargs,
        )


class _Server(web.Server):
    def __init__(self, handler: Any, *, https: bool, **options: Any) -> None:
        super().__init__(handler, **options)
        self.https = https

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(RequestHandler):
    """One connection."""

    __slots__ = ("_https",)

    def __init__(self, manager: _Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._https = manager.https

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What could not be read as a request, or failed beyond the application: a neutral page, at most a class in the log."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        if status >= 500:
            log.error("answer failed", error_class=type(exc).__name__)  # beyond the application's own fence
        response = error_page(status)
        dress(response, request.path, https=self._https)
        response.force_close()
        return response

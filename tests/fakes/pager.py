"""A gateway on the loopback that would send an SMS: checks the signature, remembers what it has taken, fails when told to."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections import deque
from typing import Any

from aiohttp import web

SECRET = "pager-secret-for-tests-only"
FIELDS = {"id", "kind", "staff", "case", "severity", "epoch", "waiting_s", "text"}


class FakePager:
    """The gateway's side."""

    def __init__(self) -> None:
        self.taken: dict[str, dict[str, Any]] = {}  # by idempotency key
        self.first_at: dict[str, float] = {}  # case code -> when it was first called for, monotonic
        self.repeats = 0
        self.refused = 0
        self.faults: deque[str] = deque()  # a status, or "reset" or "lost" (taken, answer lost)
        self.violations: list[str] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> FakePager:
        app = web.Application()
        app.router.add_post("/page", self._page)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/page"
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """What was taken of this kind, in order."""
        return [one for one in self.taken.values() if one["kind"] == kind]

    async def _page(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        wanted = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, request.headers.get("X-Binhan-Signature", "")):
            self.refused += 1
            return web.Response(status=401)
        fault = self.faults.popleft() if self.faults else ""
        if fault.isdigit():
            return web.Response(status=int(fault))
        if fault != "reset":
            content = json.loads(body)
            if set(content) != FIELDS:
                self.violations.append(f"other fields than agreed: {sorted(content)}")
            if request.headers.get("Idempotency-Key") != content["id"]:
                self.violations.append("no idempotency key")
            self.repeats += content["id"] in self.taken
            self.taken[content["id"]] = content
            self.first_at.setdefault(content["case"], time.monotonic())
        if fault in ("reset", "lost"):
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=202)

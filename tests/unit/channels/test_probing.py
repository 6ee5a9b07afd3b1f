"""Our own webhook, asked from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.channels.probing import probe
from bot.channels.sending import Caller


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/open":
            return web.Response()
        if request.path == "/shut":
            return web.Response(status=403)
        return web.Response(status=200 if request.headers.get("X-Proof") == "right" else 401)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("path", "fine", "words"),
    [
        ("/hook", True, "takes what is proved"),
        ("/open", False, "answered 200 with the proof and 200 without"),
        ("/shut", False, "answered 403 with the proof and 403 without"),
    ],
)
async def test_what_it_finds(url: str, path: str, fine: bool, words: str) -> None:
    caller = Caller()
    try:
        found = await probe(caller, url + path, b"{}", {"X-Proof": "right"}, {})
    finally:
        await caller.close()
    assert (found.fine, words in found.words) == (fine, True)


async def test_nobody_there() -> None:
    caller = Caller()
    try:
        found = await probe(caller, "http://127.0.0.1:9/hook", b"{}", {}, {})
    finally:
        await caller.close()
    assert not found.fine
    assert "cannot be reached" in found.words

"""The proxy's configuration by what it does: a real Caddy with the shipped file, in front of processes that behave or do not."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.shipped import content_files
from bot.web.forms import MAX_FORM_BYTES
from flows.loader import load
from tests.servers.process import free_port

ROOT = Path(__file__).resolve().parents[3]
PROXY = ROOT / "deploy" / "proxy"
SEEKER = "127.0.0.77"  # an address of its own, so that it can be looked for
CANARY = "con-chim-hoang-yen"


def caddy() -> str:
    found = os.environ.get("BINHAN_TEST_CADDY") or shutil.which("caddy")
    if found is None:
        message = "no Caddy: install it (Debian: apt-get install caddy), or name it in BINHAN_TEST_CADDY"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found


@dataclass
class Behind:
    """A web process of ours as the proxy sees it."""

    ready: bool = True
    seen: list[tuple[str, str]] = field(default_factory=list)
    forwarded: list[str] = field(default_factory=list)
    bodies: list[int] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    runner: web.AppRunner | None = None

    async def start(self) -> Behind:
        app = web.Application(client_max_size=10_000_000)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/desk/events", self._stream)
        app.router.add_get("/breaks", self._breaks)
        app.router.add_get("/socket", self._socket)
        app.router.add_route("*", "/{path:.*}", self._any)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        self.port = self.port or free_port()
        await web.TCPSite(self.runner, "127.0.0.1", self.port).start()
        return self

    async def stop(self) -> None:
        if self.runner is not None:
            await self.runner.cleanup()
            self.runner = None

    async def _ready(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if self.ready else 503)

    async def _any(self, request: web.Request) -> web.Response:
        self.seen.append((request.method, request.path_qs))
        self.forwarded.append(request.headers.get("X-Forwarded-For", ""))
        self.bodies.append(len(await request.read()))
        return web.Response(text="ours", headers={"Server": "web"})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: one\n\n")
        await self.go_on.wait()
        await response.write(b"data: two\n\n")
        return response

    async def _breaks(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        there = web.WebSocketResponse()
        await there.prepare(request)
        async for message in there:
            await there.send_str(f"{message.data}!")
        return there


@dataclass
class Proxy:
    base: str
    behind: list[Behind]
    http: aiohttp.ClientSession
    log: Path

    async def until_it_serves(self) -> None:
        async with asyncio.timeout(20):
            while True:
                try:
                    async with self.http.get(f"{self.base}/hello") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)


@asynccontextmanager
async def proxy(tmp_path: Path, count: int = 1) -> AsyncIterator[Proxy]:
    program = caddy()
    behind = [await Behind().start() for _ in range(count)]
    base = f"http://127.0.0.1:{free_port()}"
    log = tmp_path / "caddy.log"
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path),
        "SITE": base, "WEB": " ".join(f"127.0.0.1:{one.port}" for one in behind), "DOWN": str(PROXY),
    }  # fmt: skip
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            program, "run", "--config", str(PROXY / "Caddyfile"), "--adapter", "caddyfile",
            env=environment, stdout=output, stderr=output, stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    connector = aiohttp.TCPConnector(local_addr=(SEEKER, 0), force_close=True)
    async with aiohttp.ClientSession(connector=connector) as http:
        made = Proxy(base, behind, http, log)
        try:
            await made.until_it_serves()
            yield made
        finally:
            process.terminate()
            await process.wait()
            for one in behind:
                one.go_on.set()
                await one.stop()


async def test_pages_and_webhooks_pass_and_inner_ones_do_not(tmp_path: Path) -> None:
    async with proxy(tmp_path) as made:
        for path in ("/", "/desk", "/webhooks/telegram/telegram", "/refer/x?y=1", "/poll"):
            async with made.http.post(made.base + path) as answer:
                assert (answer.status, await answer.text()) == (200, "ours"), path
                assert "Server" not in answer.headers, "neither our proxy nor its version is told"
        made.behind[0].seen.clear()
        for path in (
            "/metrics",
            "/metrics/x",
            "/healthz",
            "/readyz",
            "/readyz?x",
            "/METRICS",
            "/%6detrics",
            "//metrics",
        ):
            async with made.http.get(aiohttp.client.URL(made.base + path, encoded=True)) as answer:
                assert answer.status == 404, path
        assert made.behind[0].seen == []


async def test_who_asks_is_said_by_the_proxy_and_by_nobody_else(tmp_path: Path) -> None:
    async with proxy(tmp_path) as made:
        async with made.http.get(made.base, headers={"X-Forwarded-For": "203.0.113.9"}) as answer:
            assert answer.status == 200
        assert made.behind[0].forwarded[-1].rsplit(",", 1)[-1].strip() == SEEKER


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/webhooks/telegram/telegram", 128 * 1024, 200),
        ("/webhooks/telegram/telegram", 300_000, 413),
        ("/", MAX_FORM_BYTES + 1, 200),  # our own page says kindly that it is too long
        ("/", 3_000_000, 413),
    ],
)
async def test_bodies_beyond_reason_are_refused(tmp_path: Path, path: str, size: int, status: int) -> None:
    async with proxy(tmp_path) as made:
        made.behind[0].bodies.clear()
        assert await sent(made, path, size) in ({status} if status == 200 else {status, 0})
        assert made.behind[0].bodies == ([size] if status == 200 else [])


async def sent(made: Proxy, path: str, size: int, headers: dict[str, str] | None = None) -> int:
    """The status for a body of so many bytes; 0 where the line was cut before we had read the answer."""
    try:
        async with made.http.post(made.base + path, data=io.BytesIO(b"x" * size), headers=headers) as answer:
            return answer.status
    except aiohttp.ClientOSError:
        return 0


async def test_a_body_that_does_not_tell_its_length_is_cut_off(tmp_path: Path) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 65_536

    async with proxy(tmp_path) as made:
        made.behind[0].bodies.clear()
        async with made.http.post(f"{made.base}/", data=parts()) as answer:
            assert answer.status in (413, 502)  # Caddy 2.6 says the latter
        assert made.behind[0].bodies == []


async def test_the_stream_of_the_desk_arrives_as_it_is_written(tmp_path: Path) -> None:
    async with proxy(tmp_path) as made, asyncio.timeout(20):
        async with made.http.get(f"{made.base}/desk/events") as answer:
            assert await answer.content.readuntil(b"\n\n") == b"data: one\n\n", "before the second is written"
            made.behind[0].go_on.set()
            assert await answer.content.readuntil(b"\n\n") == b"data: two\n\n"
        async with made.http.ws_connect(f"{made.base}/socket") as there:
            await there.send_str("a")
            assert (await there.receive()).data == "a!"


async def test_nothing_of_who_asked_for_what_is_written_down(tmp_path: Path) -> None:
    async with proxy(tmp_path) as made:
        headers = {"User-Agent": CANARY, "Referer": f"http://{CANARY}/"}
        for path in (f"/{CANARY}", f"/breaks?{CANARY}", f"/metrics?{CANARY}"):
            async with made.http.get(made.base + path, headers=headers):
                pass
        assert await sent(made, f"/{CANARY}", 3_000_000, headers) in (413, 0)
        await made.behind[0].stop()
        async with made.http.get(f"{made.base}/{CANARY}", headers=headers) as answer:
            assert answer.status in (502, 503)
        said = made.log.read_text("utf-8", "replace")
    assert SEEKER not in said
    assert CANARY not in said


async def test_a_process_that_stops_is_left_before_its_doors_close(tmp_path: Path) -> None:
    """Restarted one after the other, under a steady stream of messages: each arrives once, and nobody is turned away."""
    async with proxy(tmp_path, count=2) as made:
        for one in made.behind:
            one.seen.clear()
        stopped, answers, number = False, [], 0

        async def write() -> None:
            nonlocal number
            while not stopped:
                number += 1
                async with made.http.post(f"{made.base}/?n={number}") as answer:
                    answers.append(answer.status)
                await asyncio.sleep(0.01)

        writing = asyncio.create_task(write())
        for one in made.behind:
            await asyncio.sleep(1)
            one.ready = False
            await asyncio.sleep(6)  # twice the proxy's look, as web.drain_s says
            late = len(one.seen)
            await asyncio.sleep(0.5)
            assert len(one.seen) == late, "nobody is sent to one that is stopping"
            await one.stop()
            await asyncio.sleep(0.5)
            one.ready = True
            await one.start()
        stopped = True
        await writing
        assert set(answers) == {200}
        seen = [path for one in made.behind for _, path in one.seen]
        assert sorted(seen) == sorted(f"/?n={one}" for one in range(1, number + 1))


async def test_when_nobody_answers_a_person_reads_the_numbers_and_a_platform_a_status(tmp_path: Path) -> None:
    async with proxy(tmp_path) as made:
        await made.behind[0].stop()
        for method in ("GET", "POST"):
            async with made.http.request(method, f"{made.base}/") as answer:
                assert answer.status in (502, 503)
                assert answer.content_type == "text/html"
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                assert "Server" not in answer.headers
                assert await answer.text() == (PROXY / "down.html").read_text("utf-8")
        async with made.http.post(f"{made.base}/webhooks/telegram/telegram") as answer:
            assert answer.status in (502, 503), "so that it is brought again"
            assert await answer.text() == ""


def test_the_page_for_when_we_are_down_has_the_numbers_of_the_content_and_nothing_of_anybody_else() -> None:
    page = (PROXY / "down.html").read_text("utf-8")
    library = load(content_files(None)).library
    assert library is not None
    wanted = [
        (line.number.replace(" ", ""), line.number, line.name) for line in library.lines.values() if line.emergency
    ]
    assert re.findall(r'href="tel:(\d+)">([\d ]+)</a> ([^<]+)<', page) == wanted
    assert len(page.encode()) < 4096
    assert "<script" not in page
    assert set(re.findall(r'(?:href|src)="(https?://[^/"]+)', page)) == {"https://vi.wikipedia.org"}  # the quick exit
    assert "bạo lực" not in page.lower()


def test_a_real_name_gets_tls_and_plain_http_only_leads_there() -> None:
    environment = {"PATH": os.environ["PATH"], "SITE": "binhan.example.org", "WEB": "127.0.0.1:8081 127.0.0.1:8082"}
    argv = [caddy(), "adapt", "--config", str(PROXY / "Caddyfile"), "--adapter", "caddyfile"]
    adapted = json.loads(subprocess.run(argv, env=environment, check=True, capture_output=True).stdout)
    assert adapted["admin"] == {"disabled": True}
    (server,) = adapted["apps"]["http"]["servers"].values()
    assert server["listen"] == [":443"]
    assert "automatic_https" not in server, "certificates and the redirect are Caddy's own business, and stay on"
    assert "logs" not in server, "no access log"

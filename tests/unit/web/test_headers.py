"""What every response carries, checked by meaning, on every route and every kind of answer."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib import resources

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.channels.webchat import new_token
from bot.metrics import Metrics
from bot.web.app import build_app
from bot.web.deps import nobody_looks
from bot.web.health import State, health_app
from bot.web.policy import ROUTES
from bot.web.runner import Runner
from handlers.model import Role
from handlers.sessions import ABSOLUTE
from tests.fakes.hotline import Hotline
from tests.unit.web import header_meaning as meaning
from tests.unit.web.desk_fakes import PASSWORD, desk_deps, hire
from tests.unit.web.fakes import make_deps
from tests.unit.web.serving import OUR_PAGE, Page, serving, somewhere

REQUESTS = [
    ("GET", "/", {}),
    ("GET", "/about", {}),
    ("POST", "/about", {"data": {"token": new_token(), "lang": "en", "after": "3"}}),
    ("POST", "/exit?t=x", {}),
    ("GET", "/page.js", {}),
    ("GET", "/icon.svg", {}),
    ("GET", "/favicon.ico", {}),
    ("GET", "/healthz", {}),
    ("GET", "/nothing-here", {}),
    ("DELETE", "/", {}),
    ("POST", "/", {"data": {"token": new_token(), "act": "start"}}),
    ("POST", "/", {"data": b"x", "headers": {"Content-Type": "image/png"}}),
    ("POST", "/poll", {"data": {"token": "short"}}),
    ("POST", "/exit", {"data": {"token": new_token()}}),
    ("GET", "/refer/" + "a" * 26, {}),
    ("POST", "/refer/" + "a" * 26, {"data": {"pin": "1"}}),
    ("GET", "/desk", {}),
    ("GET", "/desk/services", {}),
    ("GET", "/desk", {"headers": {"Accept": "text/html"}, "allow_redirects": False}),
    ("GET", "/desk/sign-in", {}),
    ("GET", "/desk/desk.js", {}),
    ("GET", "/desk/desk.css", {}),
    ("GET", "/desk/nothing-here", {}),
    ("PUT", "/desk/duty", {}),
    ("POST", "/desk/duty", {}),
    ("POST", "/desk/sign-in", {"data": {"name": "x", "password": "y"}, "headers": OUR_PAGE}),
    ("GET", "/desk/events", {}),
]


SHEET_HASH = b64encode(sha256((resources.files("bot.web") / "static/page.css").read_bytes()).digest()).decode()
EXIT = "https://weather.example.org/"


def assert_safe(headers: Mapping[str, str], path: str, *, https: bool = False) -> None:
    """By meaning: what a browser would do with these headers."""
    seekers = not path.startswith(("/desk", "/refer"))
    read = meaning.policy(headers["Content-Security-Policy"])
    assert read["default-src"] == {"'none'"}
    for name in (
        "script-src-elem",
        "script-src-attr",
        "img-src",
        "font-src",
        "connect-src",
        "media-src",
        "form-action",
    ):
        assert meaning.effective(read, name) == {"'self'"}, name
    for name in ("base-uri", "object-src", "frame-ancestors", "frame-src", "worker-src", "manifest-src"):
        assert meaning.effective(read, name) == {"'none'"}, name
    own = meaning.effective(read, "style-src")
    assert own == ({f"'sha256-{SHEET_HASH}'"} if seekers else {"'self'"}), "the one sheet in the page, or our file"
    assert read["require-trusted-types-for"] == {"'script'"}
    assert meaning.opener(headers["Cross-Origin-Opener-Policy"]) == "same-origin"
    assert meaning.resource(headers["Cross-Origin-Resource-Policy"]) == "same-origin"
    assert meaning.embedder(headers["Cross-Origin-Embedder-Policy"]) == "require-corp"
    assert meaning.referrer(headers["Referrer-Policy"]) == "no-referrer"
    assert headers["X-Content-Type-Options"].lower() == "nosniff"
    assert "no-store" in meaning.cache(headers["Cache-Control"])
    allowed = meaning.permissions(headers["Permissions-Policy"])
    mine = {"geolocation"} if seekers else set()
    if path.startswith("/desk"):
        mine = {"publickey-credentials-create", "publickey-credentials-get"}
    assert {name for name, who in allowed.items() if who} == mine
    assert {who for who in allowed.values() if who} <= {("self",)}
    assert {"camera", "microphone", "payment", "usb", "publickey-credentials-get"} <= set(allowed)
    if https:
        assert meaning.hsts(headers["Strict-Transport-Security"]) == meaning.Hsts(31536000, True)
    else:
        assert "Strict-Transport-Security" not in headers
    if "Clear-Site-Data" in headers:
        assert meaning.cleared(headers["Clear-Site-Data"])
    server = headers.get("Server", "")
    assert "aiohttp" not in server
    assert "Python" not in server


def assert_inert(html: str) -> None:
    """No script stands in the page, and nothing in it leads a browser elsewhere but the exit and what a phone opens."""
    page = Page(html)
    for tag, attrs in page.elements:
        assert not [name for name in attrs if name.startswith("on") or name in ("style", "srcdoc")], (tag, attrs)
        assert tag not in ("base", "iframe", "object", "embed"), tag
        assert tag != "script" or attrs.get("src", "").startswith("/"), attrs
        assert not (tag == "meta" and "http-equiv" in attrs and attrs["http-equiv"].lower() != "refresh"), attrs
        for name in ("src", "href", "action", "formaction", "poster", "data", "ping", "srcset", "xlink:href"):
            where = attrs.get(name, "/")
            assert not where.startswith("//"), (tag, attrs)
            assert where.startswith(("/", "#", "?", "tel:", EXIT, "otpauth://totp/")) or where == "", (tag, attrs)


def assert_kept_well(cookies: list[str], *, https: bool) -> None:
    """Every cookie of ours: out of reach of scripts and of other sites, for this host alone."""
    for text in cookies:
        kept = meaning.cookie(text)
        assert (kept.http_only, kept.same_site, kept.path, kept.domain) == (True, "strict", "/", ""), text
        assert kept.secure == https
        assert kept.name.startswith("__Host-") == https
        if kept.name.endswith("sid") and kept.value:
            assert 0 < (kept.max_age or 0) <= ABSOLUTE.total_seconds()


@pytest.mark.parametrize(("method", "path", "more"), REQUESTS, ids=[f"{m} {p}" for m, p, _ in REQUESTS])
async def test_every_response_is_safe(hotline: Hotline, method: str, path: str, more: dict[str, object]) -> None:
    deps, _ = desk_deps(hotline)
    async with serving(deps) as http:
        answer = await http.request(method, path, **more)
        assert_safe(answer.headers, path)
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("https", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("signed_in", [False, True], ids=["stranger", "staff"])
async def test_every_route_answers_safely_to_every_method(hotline: Hotline, https: bool, signed_in: bool) -> None:
    """The walk over the whole table of routes: whatever is added to it is looked at here."""
    hire(hotline, "lan", *Role)
    deps, _ = desk_deps(hotline, exit_url=EXIT, **({"public_url": "https://example.org"} if https else {}))
    walked = inside = 0
    async with serving(deps) as http:
        headers = {**OUR_PAGE, "Accept": "text/html"}
        if signed_in:
            posted = {"name": "lan", "password": PASSWORD}
            answer = await http.post("/desk/sign-in", data=posted, headers=OUR_PAGE, allow_redirects=False)
            assert_kept_well(answer.headers.getall("Set-Cookie"), https=https)
            kept = [meaning.cookie(text) for text in answer.headers.getall("Set-Cookie")]
            assert len(kept) == 2
            headers["Cookie"] = "; ".join(f"{one.name}={one.value}" for one in kept)
            page = Page(await (await http.get("/desk", headers=headers)).text())
            headers["X-CSRF-Token"] = next(one["content"] for one in page.all("meta") if one.get("name") == "csrf")
        paths = sorted({path for _, path, _ in build_app(deps)[ROUTES].declared()})
        for path in [*paths, "/nothing-here", "/desk/nothing-here"]:
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
                if path in ("/desk/events", "/desk/sign-out") or (path == "/poll" and method == "POST"):
                    continue  # a stream, the end of the walk, a wait: looked at by themselves
                answer = await http.request(method, somewhere(path), headers=headers, allow_redirects=False)
                assert_safe(answer.headers, path, https=https)
                assert_kept_well(answer.headers.getall("Set-Cookie", []), https=https)
                assert answer.status < 500, (method, path)
                if answer.content_type == "text/html":
                    assert_inert(await answer.text())
                walked += 1
                inside += path.startswith("/desk/") and method == "GET" and answer.status == 200
        if signed_in:
            answer = await http.post("/desk/sign-out", headers=headers, allow_redirects=False)
            assert_safe(answer.headers, "/desk/sign-out", https=https)
            assert_kept_well(answer.headers.getall("Set-Cookie"), https=https)
    print(
        f"figure: {walked} answers on {len(paths)} routes: every header protects as a browser reads it, no inline script"
    )
    assert walked > 150
    assert inside >= (6 if signed_in else 3)


async def test_a_failing_program_is_as_safe() -> None:
    deps, talk, _ = make_deps()
    async with serving(deps) as http:
        talk.down = True
        answer = await http.post("/", data={"token": new_token(), "act": "start"})
        assert answer.status == 503
        assert_safe(answer.headers, "/")
        del deps.channel.name
        answer = await http.post("/", data={"token": new_token(), "act": "start"})
        assert answer.status == 500
        assert_safe(answer.headers, "/")


HARDLY = {
    "no http": b"GARBAGE\r\n\r\n",
    "a canary as method": b"CANARY\x00CANARY / HTTP/1.1\r\n\r\n",
    "long header": b"GET /CANARY HTTP/1.1\r\nHost: a\r\nX: " + b"CANARY" * 4000 + b"\r\n\r\n",
    "length of letters": b"GET /desk HTTP/1.1\r\nHost: a\r\nContent-Length: CANARY\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nCANARY",
    "length and chunks": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\nCANARY",
    "bad chunk": b"POST /poll HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nCANARY\r\n",
    "expectation": b"GET / HTTP/1.1\r\nHost: a\r\nExpect: CANARY\r\n\r\n",
    "other protocol": b"\x16\x03\x01CANARY",
}


@pytest.mark.parametrize("pages", [True, False], ids=["pages", "health alone"])
@pytest.mark.parametrize("name", list(HARDLY))
async def test_what_is_hardly_a_request_is_answered_safely_and_tells_nothing(
    hotline: Hotline, name: str, pages: bool, caplog: pytest.LogCaptureFixture
) -> None:
    deps, door = desk_deps(hotline, public_url="https://example.org")
    runner = Runner(
        build_app(deps) if pages else health_app(door, State(ready=True), Metrics(), nobody_looks, ""), https=pages
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        reader, writer = await asyncio.open_connection(*runner.addresses[0])
        writer.write(HARDLY[name])
        writer.write_eof()
        told = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    finally:
        await runner.cleanup()
    head, _, body = told.partition(b"\r\n\r\n")
    if not told:
        return  # cut without a word
    status, *lines = head.decode("ascii").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert status.split(" ")[1][0] == "4"
    assert_safe(headers, "/", https=pages)
    assert b"CANARY" not in told
    assert b"\x16" not in body
    assert "CANARY" not in caplog.text
    assert "127.0.0.1" not in caplog.text


async def test_strange_bytes_in_headers_are_wrong_and_no_error(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    runner = Runner(build_app(deps))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    lines = [b"Sec-Fetch-Site: same-origin", b"Content-Type: application/x-www-form-urlencoded", b"Connection: close"]
    strange = [b"Cookie: sid=\xff\xfe; seen=\xff.\xfe", b"X-CSRF-Token: \xff", b"Origin: \xff", b"Accept: \xff"]
    try:
        for start, body in (
            (b"GET /desk", b""),
            (b"POST /desk/sign-in", b"name=lan&password=" + b"x" * 20),
            (b"POST /desk/duty", b""),
        ):
            head = [start + b" HTTP/1.1", b"Host: 127.0.0.1", b"Content-Length: %d" % len(body), *lines, *strange]
            reader, writer = await asyncio.open_connection(*runner.addresses[0])
            writer.write(b"\r\n".join([*head, b"", body]))
            told = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            assert told.split(b" ")[1][:1] == b"4", (start, told[:200])
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/nothing"])
async def test_a_process_without_pages_answers_as_safely(hotline: Hotline, path: str) -> None:
    _, door = desk_deps(hotline)
    async with TestClient(TestServer(health_app(door, State(ready=True), Metrics(), nobody_looks, ""))) as http:
        assert_safe((await http.get(path)).headers, "/")

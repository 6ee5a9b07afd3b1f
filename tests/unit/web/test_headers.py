"""What every response carries, checked by meaning, on every route and every kind of answer."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib import resources

import pytest

from bot.channels.webchat import new_token
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps
from tests.unit.web.fakes import make_deps
from tests.unit.web.serving import OUR_PAGE, serving

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


def directives(policy: str) -> dict[str, set[str]]:
    """A content policy as a browser reads it: the first mention of a directive counts."""
    read: dict[str, set[str]] = {}
    for part in policy.split(";"):
        name, *values = part.split()
        read.setdefault(name.lower(), set(values))
    return read


def assert_safe(headers: Mapping[str, str], *, geolocation: bool) -> None:
    policy = directives(headers["Content-Security-Policy"])
    assert policy["default-src"] == {"'none'"}
    for name in ("script-src", "img-src", "font-src", "connect-src", "media-src", "form-action"):
        assert policy[name] == {"'self'"}, name
    own = policy.pop("style-src")
    assert own == ({f"'sha256-{SHEET_HASH}'"} if geolocation else {"'self'"}), "the one sheet in the page, or our file"
    for name in ("base-uri", "object-src", "frame-ancestors"):
        assert policy[name] == {"'none'"}, name
    assert policy["require-trusted-types-for"] == {"'script'"}
    assert {word for values in policy.values() for word in values} <= {"'none'", "'self'", "'script'"}
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    allowed = dict(part.strip().split("=", 1) for part in headers["Permissions-Policy"].split(","))
    assert allowed.pop("geolocation") == ("(self)" if geolocation else "()")
    assert set(allowed.values()) == {"()"}
    assert {"camera", "microphone", "payment", "usb"} <= set(allowed)
    assert "aiohttp" not in headers.get("Server", "")
    assert "Python" not in headers.get("Server", "")


@pytest.mark.parametrize(("method", "path", "more"), REQUESTS, ids=[f"{m} {p}" for m, p, _ in REQUESTS])
async def test_every_response_is_safe(hotline: Hotline, method: str, path: str, more: dict[str, object]) -> None:
    deps, _ = desk_deps(hotline)
    async with serving(deps) as http:
        answer = await http.request(method, path, **more)
        assert_safe(answer.headers, geolocation=not path.startswith(("/desk", "/refer")))
        assert "Set-Cookie" not in answer.headers


async def test_a_failing_program_is_as_safe() -> None:
    deps, talk, _ = make_deps()
    async with serving(deps) as http:
        talk.down = True
        answer = await http.post("/", data={"token": new_token(), "act": "start"})
        assert answer.status == 503
        assert_safe(answer.headers, geolocation=True)
        del deps.channel.name
        answer = await http.post("/", data={"token": new_token(), "act": "start"})
        assert answer.status == 500
        assert_safe(answer.headers, geolocation=True)


async def test_https_is_for_a_year_once_there_is_https() -> None:
    plain, _, _ = make_deps()
    behind, _, _ = make_deps(public_url="https://example.org")
    async with serving(plain) as http:
        assert "Strict-Transport-Security" not in (await http.get("/")).headers
    async with serving(behind) as http:
        assert "max-age=31536000" in (await http.get("/")).headers["Strict-Transport-Security"]

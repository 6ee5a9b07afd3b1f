"""The reader of headers itself: what a browser would ignore must not pass, however well it looks."""

from __future__ import annotations

import pytest

from tests.unit.web import header_meaning as meaning
from tests.unit.web.header_meaning import Meaningless

HASH = "'sha256-" + "A" * 43 + "='"


def test_good_values_are_read() -> None:
    read = meaning.policy(
        f"default-src 'none'; script-src 'self'; style-src {HASH}; IMG-SRC 'Self' https://a.example:444/x"
    )
    assert meaning.effective(read, "script-src-elem") == {"'self'"}
    assert meaning.effective(read, "connect-src") == {"'none'"}
    assert meaning.effective(read, "frame-ancestors") == {"*"}  # does not fall back to default-src
    assert read["img-src"] == {"'self'", "https://a.example:444/x"}
    assert meaning.hsts('max-age="31536000"; includeSubDomains; preload') == meaning.Hsts(31536000, True)
    assert meaning.embedder("require-corp") == "require-corp"
    assert meaning.referrer("no-referrer, strict-origin") == "strict-origin"
    assert meaning.permissions('geolocation=(self "https://a.example"), camera=(), usb=*')["camera"] == ()
    assert meaning.cleared('"cache", "storage"') == {"cache", "storage"}
    read_cookie = meaning.cookie("__Host-sid=x; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=60")
    assert (read_cookie.http_only, read_cookie.max_age) == (True, 60)


@pytest.mark.parametrize(
    "text",
    [
        "default-src self",
        "default-src none",
        "script-src 'self' unsafe-inline",
        "script-src 'sefl'",
        "script-src 'sha256-short'",
        "script-src 'self' 'none'",
        "script-src",
        "scripts-src 'self'",
        "script-src 'self'; script-src 'none'",
        "require-trusted-types-for script",
        "default-src 'none', script-src 'self'",  # a comma begins another header
    ],
)
def test_a_policy_a_browser_would_ignore_is_refused(text: str) -> None:
    with pytest.raises(Meaningless):
        meaning.policy(text)


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (meaning.embedder, "same-origin"),  # passes a test of strings, and protects nothing
        (meaning.opener, "require-corp"),
        (meaning.resource, "none"),
        (meaning.hsts, "includeSubDomains"),
        (meaning.hsts, "max-age=1y"),
        (meaning.hsts, "max-age=1; max-age=2"),
        (meaning.hsts, "max-age 31536000"),
        (meaning.referrer, "none"),
        (meaning.permissions, "camera 'none'"),
        (meaning.permissions, "camera=(); microphone=()"),
        (meaning.permissions, "camera=(), camera=(self)"),
        (meaning.permissions, "geolocation=('self')"),
        (meaning.cleared, "*"),
        (meaning.cleared, '"cookie"'),
        (meaning.cookie, "__Host-sid=x; Secure; SameSite=Strict"),
        (meaning.cookie, "__Host-sid=x; Path=/; SameSite=Strict"),
        (meaning.cookie, "__Host-sid=x; Path=/; Secure; Domain=a.example; SameSite=Strict"),
        (meaning.cookie, "__Secure-sid=x; SameSite=Strict"),
        (meaning.cookie, "sid=x; Path=/; HttpOnly"),
        (meaning.cookie, "sid=x; SameSite=None"),
        (meaning.cookie, "sid"),
    ],
)
def test_other_values_a_browser_would_ignore_are_refused(reader: object, text: str) -> None:
    with pytest.raises(Meaningless):
        reader(text)  # type: ignore[operator]

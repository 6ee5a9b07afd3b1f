"""What every response carries and what no response may show: headers, neutral error pages, static files from memory."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

import structlog
from aiohttp import web

from bot.web.deps import DEPS
from bot.web.handler import Handler
from bot.web.pages import SHEET
from bot.web.texts import ERRORS
from handlers.errors import StorageUnavailable

log = structlog.get_logger(__name__)

_SHEET_HASH = base64.b64encode(hashlib.sha256(SHEET.encode()).digest()).decode()


def _policy(styles: str) -> str:
    parts = (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src {styles}",
        "img-src 'self'",
        "font-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
    return "; ".join(parts)


CONTENT_POLICY = _policy("'self'")
SEEKER_POLICY = _policy(f"'sha256-{_SHEET_HASH}'")
"""The seeker page takes the one sheet that stands in it and no other."""

_FEATURES = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "encrypted-media", "fullscreen",
    "gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi", "payment", "picture-in-picture",
    "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip
_KEYS = ("publickey-credentials-create", "publickey-credentials-get")  # staff sign in with keys
_PERMISSIONS = ", ".join(f"{name}=()" for name in _FEATURES)
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
_HSTS = "max-age=31536000; includeSubDomains"


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal of every prepared response, errors included."""
    dress(response, request.path, https=request.config_dict[DEPS].https)


async def set_headers_alone(request: web.Request, response: web.StreamResponse) -> None:
    """The same for a process that has no pages."""
    dress(response, request.path, https=False)


def dress(response: web.StreamResponse, path: str, *, https: bool) -> None:
    """Give a response the headers that every one has."""
    response.headers.update(_HEADERS)
    # Only the seeker's own page may ask where she is, and only when she presses the button.
    not_hers = path.startswith(("/desk", "/refer"))
    response.headers["Content-Security-Policy"] = CONTENT_POLICY if not_hers else SEEKER_POLICY
    own = {"geolocation": not not_hers, **dict.fromkeys(_KEYS, path.startswith("/desk"))}
    allowed = ", ".join(f"{name}={'(self)' if yes else '()'}" for name, yes in own.items())
    response.headers["Permissions-Policy"] = f"{allowed}, {_PERMISSIONS}"
    if https:
        response.headers["Strict-Transport-Security"] = _HSTS
    response.headers["Server"] = "web"  # set, because the framework would add its own name and version


@web.middleware
async def calm_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever went wrong into a short neutral page; log a class name and a route, never content."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return error_page(error.status, allow=error.headers.get("Allow"))
    except StorageUnavailable:
        return error_page(503)
    except Exception as error:  # the last fence: nothing of the exception may reach a page or a log but its class
        route = request.match_info.route.resource
        log.error("page failed", error_class=type(error).__name__, route=route.canonical if route else "")
        return error_page(500)


def error_page(status: int, *, allow: str | None = None) -> web.Response:
    """A neutral page of plain text in Vietnamese."""
    response = web.Response(status=status, text=ERRORS.get(status, ERRORS[400 if status < 500 else 500]))
    if allow:
        response.headers["Allow"] = allow
    if status == 503:
        response.headers["Retry-After"] = "2"
    return response


_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def static_file(name: str) -> Handler:
    """A handler for one file of `static/`, read once; compressed, because phones here pay for every byte."""
    body = (resources.files("bot.web") / "static" / name).read_bytes()
    kind = _TYPES[name.rsplit(".", 1)[1]]

    async def serve(request: web.Request) -> web.Response:
        response = web.Response(body=body, content_type=kind, charset="utf-8")
        response.enable_compression()
        return response

    return serve

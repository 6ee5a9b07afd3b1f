"""The quick exit's side of the server: her stay ends here too, and the page leads nowhere any more.

With script the page says so itself (`POST /exit` with the token). Before the script is there, and without any, the browser
does: the link carries a `ping` with a sealed ticket, which can end this stay and nothing else, so that no token ever stands in
an address that a proxy may write down.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets

import structlog
from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.channels.webchat import is_token
from bot.web.deps import DEPS, WebDeps
from bot.web.forms import read_form
from handlers.errors import StorageUnavailable

log = structlog.get_logger(__name__)

PURPOSE = b"ends one stay"
NONCE_BYTES = 12
MAX_TICKET = 160
TRY_AGAIN_S = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Pauses between tries while storage is away for a moment; she has left long before, nobody waits for the answer."""


def ticket(page_key: bytes, token: str) -> str:
    """What the exit link sends along without script."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = _cipher(page_key).encrypt(nonce, token.encode(), PURPOSE)
    return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()


def token_of(page_key: bytes, sent: str) -> str:
    """The token behind a ticket; "" for anything else."""
    if not sent.isascii() or len(sent) > MAX_TICKET:
        return ""
    try:
        raw = base64.urlsafe_b64decode(sent + "=" * (-len(sent) % 4))
        return _cipher(page_key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], PURPOSE).decode()
    except (ValueError, binascii.Error, InvalidTag):
        return ""


def _cipher(page_key: bytes) -> AESGCM:
    return AESGCM(hmac.new(page_key, b"exit ticket", hashlib.sha256).digest())


async def leave(request: web.Request) -> web.Response:
    """POST /exit: she has left by the exit; her side of the talk ends on the server too. Always answers alike."""
    deps = request.config_dict[DEPS]
    sent = request.query.get("t", "")
    token = token_of(deps.page_key, sent) if sent else (await read_form(request)).get("token", "")
    if is_token(token):
        await _end(deps, token)
    return web.Response(status=204, headers={"Clear-Site-Data": '"cache", "storage"'})


async def _end(deps: WebDeps, token: str) -> None:
    for pause in (*TRY_AGAIN_S, None):
        try:
            await deps.leave(deps.channel.address(token))
            return
        except StorageUnavailable:
            if pause is None:
                log.error("a stay could not be ended at the exit")
                return
        await asyncio.sleep(pause)

"""The web chat as a channel: what the page posts becomes an `InboundMessage`; what we answer is pulled by the page.

The seeker's whole identity here is a token of 256 random bits in a hidden form field. The server stores nothing for it until
she presses a button, so a crawler or a preview makes nothing.
"""

from __future__ import annotations

import hashlib
import math
import re
import secrets
from collections.abc import Mapping
from functools import partial

from flows.platforms import WEB
from handlers.model import Address, InboundMessage, MessageKind, Outcome, Outgoing
from handlers.ports import Finding, Receive, SendResult
from handlers.rules.windows import ALWAYS_OPEN

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_MESSAGE_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
_CHOICE = re.compile(r"[\x21-\x7e]{1,64}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
MAX_CODE_CHARS = 64

_ACTS = {"start": MessageKind.START, "code": MessageKind.CODE, "location": MessageKind.LOCATION}


def new_token() -> str:
    """A fresh seeker token: 256 random bits, base64url without padding (43 characters)."""
    return secrets.token_urlsafe(32)


def new_message_key() -> str:
    """A fresh key for one message of the page: the same key posted twice is one message."""
    return secrets.token_urlsafe(16)


def is_token(text: str) -> bool:
    """Has this the shape of a seeker token?"""
    return _TOKEN.fullmatch(text) is not None


def is_message_key(text: str) -> bool:
    """Has this the shape of a message key?"""
    return _MESSAGE_KEY.fullmatch(text) is not None


class WebChat:
    """The page as one configured channel. Pulled: the sender never calls it, the page fetches."""

    capabilities = WEB
    window = ALWAYS_OPEN
    secret_fields: frozenset[str] = frozenset()

    def __init__(self, name: str = "web") -> None:
        """`name` is the channel's name in the configuration."""
        self.name = name

    def address(self, token: str) -> Address:
        """The seeker behind a token."""
        return Address(self.name, token)

    def parse(self, token: str, fields: Mapping[str, str]) -> InboundMessage | None:
        """The message a posted form holds, or None when it holds none (only looked, empty text, no usable point).

        `token` has been checked with `is_token`; without a usable `mid` field a repeated post counts as a new message.
        """
        key = fields.get("mid", "")
        if not is_message_key(key):
            key = new_message_key()
        # Unlinkable: neither the token nor anything made of it alone may be stored beside the message.
        message_id = hashlib.sha256(f"{token}\n{key}".encode()).hexdigest()
        language = fields.get("lang", "")
        made = partial(
            InboundMessage,
            address=self.address(token),
            message_id=message_id,
            language=language if _LANGUAGE.fullmatch(language) else "",
        )
        choice = fields.get("choice", "")
        if _CHOICE.fullmatch(choice):
            return made(kind=MessageKind.CHOICE, choice=choice)
        act = fields.get("act", "say")
        kind = _ACTS.get(act, MessageKind.TEXT)
        if act == "look":
            return None
        if kind is MessageKind.START:
            return made(kind=kind)
        if kind is MessageKind.LOCATION:
            point = _point(fields.get("lat", ""), fields.get("lon", ""))
            return None if point is None else made(kind=kind, point=point)
        text = clean(fields.get("code", "")[:MAX_CODE_CHARS] if kind is MessageKind.CODE else fields.get("text", ""))
        return made(kind=kind, text=text) if text.strip() else None

    async def send(self, address: Address, outgoing: Outgoing, key: str = "") -> SendResult:
        """Nothing is pushed to a page; called by mistake, it fails for good and visibly."""
        return SendResult(outcome=Outcome.FAILED, error_class="PulledChannel")

    async def run(self, receive: Receive) -> None:
        """The page's own routes receive; nothing to do here."""

    async def check(self) -> list[Finding]:
        """The page is part of the program: where it listens, it works."""
        return [Finding(True, "the page is served by this program itself")]

    async def close(self) -> None:
        """Nothing is held."""


def clean(text: str) -> str:
    """Her text as we keep it: line ends as one character, without NUL and lone surrogates, which no store can hold."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return text.encode("utf-8", "replace").decode("utf-8")


def _point(lat_text: str, lon_text: str) -> tuple[float, float] | None:
    """(lat, lon) in degrees when both are numbers on this earth."""
    try:
        lat, lon = float(lat_text), float(lon_text)
    except ValueError:
        return None
    if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
        return None
    return lat, lon

"""What a page carries from one step to the next without anybody reading or changing it: sealed, and bound to one session."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
MAX_CHARS = 2000


def ticket(page_key: bytes, content: dict[str, Any], session: str) -> str:
    """Seal this for the session of that token hash."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = _cipher(page_key).encrypt(nonce, json.dumps(content).encode(), session.encode())
    return base64.urlsafe_b64encode(nonce + sealed).decode()


def open_ticket(page_key: bytes, sent: str, session: str) -> dict[str, Any] | None:
    """What was sealed for this session; None for anything else."""
    if not sent.isascii() or len(sent) > MAX_CHARS:
        return None
    try:
        raw = base64.urlsafe_b64decode(sent)
        plain = _cipher(page_key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], session.encode())
    except (ValueError, binascii.Error, InvalidTag):
        return None
    content: dict[str, Any] = json.loads(plain)
    return content


def _cipher(page_key: bytes) -> AESGCM:
    return AESGCM(hmac.new(page_key, b"desk ticket", hashlib.sha256).digest())

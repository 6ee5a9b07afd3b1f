"""Seals for single fields. What is sealed, its length to 256 bytes, and the place it stands in are all protected.

A sealed field is `version (1) | key id (16) | nonce (12) | AES-256-GCM ciphertext and tag`. The key id is the owner's uid: one
data key per contact and one per case. The authenticated data name table, column, row and owner, so that a ciphertext
moved to another row, column or owner does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handlers.chance import chance
from handlers.errors import BinhAnError
from handlers.model import Address

VERSION = 1
STEP = 256
_HEAD = 1 + 16 + 12
_LENGTH = 4


class Unreadable(BinhAnError):
    """A sealed field does not open: it was changed, moved, or belongs to another key. Restore data and keys together."""

    code = "unreadable"


def place(table: str, column: str, row_uid: str, owner_uid: str) -> bytes:
    """The authenticated data of one field; uids are hex and names are identifiers, so that `|` keeps them apart."""
    return f"v{VERSION}|{table}|{column}|{row_uid}|{owner_uid}".encode("ascii")


def seal(key: AESGCM, owner_uid: str, plain: bytes, where: bytes) -> bytes:
    """Seal `plain` for the field `where` under the owner's data key; padded to steps of 256 bytes."""
    nonce = chance()[:12]
    framed = len(plain).to_bytes(_LENGTH, "big") + plain
    framed += bytes(-len(framed) % STEP)
    return bytes((VERSION,)) + bytes.fromhex(owner_uid) + nonce + key.encrypt(nonce, framed, where)


def unseal(key: AESGCM, owner_uid: str, sealed: bytes, where: bytes) -> bytes:
    """Open a sealed field; Unreadable, naming the field only, when anything about it is not as it was sealed."""
    if len(sealed) < _HEAD + STEP or sealed[0] != VERSION or sealed[1:17] != bytes.fromhex(owner_uid):
        raise Unreadable(where.decode("ascii"))
    try:
        framed = key.decrypt(sealed[17:_HEAD], sealed[_HEAD:], where)
    except InvalidTag:
        raise Unreadable(where.decode("ascii")) from None
    size = int.from_bytes(framed[:_LENGTH], "big")
    return framed[_LENGTH : _LENGTH + size]


def wrap(kek: AESGCM, kek_id: str, kind: str, owner_uid: str, key: bytes) -> bytes:
    """Wrap a data key under the key-encryption key for the key store."""
    nonce = os.urandom(12)
    return nonce + kek.encrypt(nonce, key, _wrapping(kek_id, kind, owner_uid))


def unwrap(kek: AESGCM, kek_id: str, kind: str, owner_uid: str, wrapped: bytes) -> bytes:
    """The data key of a wrapped one; Unreadable when it was wrapped under another key or for another owner."""
    try:
        return kek.decrypt(wrapped[:12], wrapped[12:], _wrapping(kek_id, kind, owner_uid))
    except InvalidTag:
        raise Unreadable(f"data key of {kind} {owner_uid} under {kek_id}") from None


def _wrapping(kek_id: str, kind: str, owner_uid: str) -> bytes:
    return f"dek|v{VERSION}|{owner_uid}|{kind}|{kek_id}".encode("ascii")


def lookup_of(pepper: bytes, address: Address) -> str:
    """The keyed hash under which a contact is found; without the pepper it says nothing about the platform id."""
    return hmac.new(
        pepper, f"{address.channel}|{address.platform_id}".encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()


def code_hash(pepper: bytes, code: str) -> bytes:
    """The keyed hash of a return code, kept apart from addresses by its own label."""
    own = hmac.new(pepper, b"return-code", hashlib.sha256).digest()
    return hmac.new(own, code.encode(), hashlib.sha256).digest()


def bind_hash(pepper: bytes, code: str) -> bytes:
    """The keyed hash of a code that binds a staff account, kept apart from the others by its own label."""
    own = hmac.new(pepper, b"bind-code", hashlib.sha256).digest()
    return hmac.new(own, code.encode(), hashlib.sha256).digest()

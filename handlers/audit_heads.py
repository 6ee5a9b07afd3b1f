"""Signed heads of the audit log, and whose word counts: the key of this installation, and those that were handed over to it.

A signed head says which row was the newest, with which hash, and may say more (`says`): which head came before it, to which key
it hands over, which findings are known, what a restore left behind. All of it is under its signature.

**Whose word counts.** Only the private key that lies here is believed by itself. An older key counts because the newer one has
signed the same handover, and only up to the row of that handover: so neither can whoever writes to the database invent an
ancestor, nor whoever finds an old key go on with it. Each head names the one before it, so that nothing can be put in between.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORMAT: Final = "binhan_audit_head"
_HANDOVER: Final = "binhan_audit_handover"


@dataclass(frozen=True, slots=True)
class AuditMark:
    """A place in the log: a row's number and its hash. Number 0: before the first row."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a head says beside its row. Empty where it says nothing of it."""

    after: bytes = b""  # what names the head before it
    next_key: bytes = b""  # the public key that signs from here on
    next_name: str = ""  # and its file
    agreed: bytes = b""  # that key's own signature under the handover
    known: tuple[bytes, ...] = ()  # marks of findings that somebody has looked into
    why: str = ""  # one of `handlers.audit_signing.REASONS`
    restored: tuple[bytes, ...] = ()  # keys whose handover this log does not hold: a restore is from before it

    def as_text(self) -> str:
        """JSON in one line; "" for nothing at all."""
        said: dict[str, Any] = {}
        if self.after:
            said["after"] = self.after.hex()
        if self.next_key:
            said["next"] = {"key": self.next_key.hex(), "name": self.next_name, "agreed": self.agreed.hex()}
        if self.known:
            said["known"] = {"why": self.why, "marks": [one.hex() for one in self.known]}
        if self.restored:
            said["restored"] = [one.hex() for one in self.restored]
        return json.dumps(said, sort_keys=True, separators=(",", ":")) if said else ""

    @classmethod
    def from_text(cls, text: str) -> Said:
        """Read it; ValueError when it is none."""
        try:
            said = json.loads(text) if text else {}
            then, known = said.get("next", {}), said.get("known", {})
            return cls(
                after=bytes.fromhex(said.get("after", "")),
                next_key=bytes.fromhex(then.get("key", "")),
                next_name=str(then.get("name", "")),
                agreed=bytes.fromhex(then.get("agreed", "")),
                known=tuple(bytes.fromhex(one) for one in known.get("marks", ())),
                why=str(known.get("why", "")),
                restored=tuple(bytes.fromhex(one) for one in said.get("restored", ())),
            )
        except (AttributeError, TypeError, ValueError):
            raise ValueError("not what a signed head says") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """The head of the log at a moment, signed with Ed25519: numbers and hashes only, so that it may be kept anywhere."""

    seq: int
    hash: bytes
    at: datetime
    key: bytes  # public
    signature: bytes
    says: str = ""  # `Said.as_text`

    @property
    def said(self) -> Said:
        """What it says beside its row; nothing where that cannot be read, and then it does not hold either."""
        try:
            return Said.from_text(self.says)
        except ValueError:
            return Said()

    @property
    def holds(self) -> bool:
        """Was it signed by the key it names, and, when it hands over, by the next key too?"""
        said = self.said
        whole = not self.says or said.as_text() == self.says
        return (
            whole
            and _verifies(self.key, self.signature, _signed_words(self))
            and (not said.next_key or _verifies(said.next_key, said.agreed, _handover_words(self, said)))
        )

    @property
    def name(self) -> bytes:
        """What the head after it calls it by."""
        return hashlib.sha256(self.signature).digest()

    def as_line(self) -> str:
        """One line of JSON, to be kept elsewhere."""
        written: dict[str, object] = {FORMAT: 1, "seq": self.seq, "hash": self.hash.hex(), "at": self.at.isoformat()}
        says = {"says": self.says} if self.says else {}
        return json.dumps(written | {"key": self.key.hex(), "signature": self.signature.hex()} | says)

    @classmethod
    def from_line(cls, line: str) -> SignedHead:
        """Read such a line; ValueError when it is none."""
        try:
            found = json.loads(line)
            if found[FORMAT] != 1 or not isinstance(found["seq"], int):
                raise ValueError(FORMAT)
            at, says = datetime.fromisoformat(found["at"]), found.get("says", "")
            if at.tzinfo is None or not isinstance(says, str):
                raise ValueError(FORMAT)
            key, signature = bytes.fromhex(found["key"]), bytes.fromhex(found["signature"])
            row = bytes.fromhex(found["hash"])
            return cls(seq=found["seq"], hash=row, at=at, key=key, signature=signature, says=says)
        except (KeyError, TypeError, ValueError):
            raise ValueError("not a signed head of an audit log") from None


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A private key that lies here, by the name of its file."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> bytes:
        """Its public half, which may be shown to everybody."""
        return self.private.public_key().public_bytes_raw()


class AuditKeys(Protocol):
    """The keys that sign the audit log, and what is kept beside them of those that did. Read anew at every call."""

    def held(self) -> list[HeldKey]:
        """Private keys that lie here, the oldest first; never empty. Raises KeyMissing, SecretExposed, SecretMalformed."""

    def handovers(self) -> list[SignedHead]:
        """Handovers noted beside the keys, which a database of an older backup does not know of; those that hold."""


def sign_head(by: HeldKey, mark: AuditMark, at: datetime, said: Said, then: HeldKey | None = None) -> SignedHead:
    """The head of this row, signed by `by`; with `then` it hands over to that key, which signs as well."""
    head = SignedHead(seq=mark.seq, hash=mark.hash, at=at, key=by.public, signature=b"")
    if then is not None:
        said = replace(said, next_key=then.public, next_name=then.name)
        said = replace(said, agreed=then.private.sign(_handover_words(head, said)))
    head = replace(head, says=said.as_text())
    return replace(head, signature=by.private.sign(_signed_words(head)))


def _signed_words(head: SignedHead) -> bytes:
    if not head.says:  # as heads were signed before they could say anything
        return f"{FORMAT} 1\n{_row_words(head)}".encode()
    return f"{FORMAT} 2\n{_row_words(head)}{head.says}\n".encode()


def _handover_words(head: SignedHead, said: Said) -> bytes:
    return f"{_HANDOVER} 1\n{_row_words(head)}{head.key.hex()}\n{said.next_key.hex()}\n{said.next_name}\n".encode()


def _row_words(head: SignedHead) -> str:
    return f"{head.seq}\n{head.hash.hex()}\n{head.at.astimezone(UTC).isoformat(timespec='microseconds')}\n"


def _verifies(key: bytes, signature: bytes, words: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, words)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


# --- whose word counts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyChain:
    """The keys whose signature counts. `until`: the last row that each may sign, None for the one that signs now."""

    active: HeldKey
    until: Mapping[bytes, int | None]
    links: tuple[SignedHead, ...]  # the handovers, the newest first
    left_behind: frozenset[bytes]  # keys whose handover a restore has left behind

    def counts(self, head: SignedHead) -> bool:
        """Was it signed by one of these keys, in its time?"""
        return _in_time(head, self.until) and head.holds


def chain_of(keys: AuditKeys, signed: Sequence[SignedHead]) -> KeyChain:
    """From the key that lies here back to the first, over the handovers in the log and those noted beside the keys.

    A key that is held but that nobody has handed over to is only prepared, and signs nothing yet.
    """
    return _chain(keys.held(), keys.handovers(), signed)


def _chain(held: Sequence[HeldKey], noted: Sequence[SignedHead], signed: Sequence[SignedHead]) -> KeyChain:
    handovers = [one for one in (*signed, *noted) if one.said.next_key and one.holds]
    begun = {one.said.next_key for one in handovers}
    active = next((one for one in reversed(held) if one.public in begun), held[0])
    restores = [one for one in signed if one.said.restored and one.holds]
    until: dict[bytes, int | None] = {active.public: None}
    links: list[SignedHead] = []
    behind: set[bytes] = set()
    key = active.public
    while True:
        link = next((one for one in handovers if one.said.next_key == key and one.key not in until), None)
        if link is None:
            return KeyChain(active, until, tuple(links), frozenset(behind))
        left = [one.seq for one in restores if key in one.said.restored and _in_time(one, until)]
        if left:
            behind.add(key)
        until[link.key] = min(left, default=link.seq)
        links.append(link)
        key = link.key


def _in_time(head: SignedHead, until: Mapping[bytes, int | None]) -> bool:
    last = until.get(head.key, -1)
    return last is None or head.seq <= last

"""Is the audit log whole? The head of its chain is signed once a day; whoever keeps such a head elsewhere can tell.

**What finds what.** The chain finds every changed, missing or swapped row. A tail that was cut together with the note of the head
is found by the newest signed head in the database, and a log that somebody wrote anew with everything beside it by a signed head
kept somewhere else (`anchors`). Rows older than the retention may be gone, but only up to a signed head that is a year old.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from handlers.operation import operation

if TYPE_CHECKING:
    from handlers.ports import Door, UnitOfWork

LEAST_KEPT: Final = timedelta(days=365)
"""No row of the log may go before it is so old (security.md A5: audit 12 months)."""
AT_ONCE: Final = 2000
FORMAT: Final = "binhan_audit_head"


@dataclass(frozen=True, slots=True)
class AuditMark:
    """A place in the log: a row's number and its hash. Number 0: before the first row."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One row as it stands: who (a staff uid, "system", "command line: …") did what to which case, in codes and figures."""

    seq: int
    at: datetime
    actor: str
    action: str
    object: str
    detail: str  # JSON


@dataclass(frozen=True, slots=True)
class AuditBreak:
    """The first row that does not hold. `why`: missing, unlinked, changed or unreadable."""

    seq: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """The head of the log at a moment, signed with Ed25519: numbers and hashes only, so that it may be kept anywhere."""

    seq: int
    hash: bytes
    at: datetime
    key: bytes  # public
    signature: bytes

    @property
    def holds(self) -> bool:
        """Was it signed by the key it names?"""
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(self.signature, _signed_words(self))
        except (InvalidSignature, ValueError):
            return False
        return True

    def as_line(self) -> str:
        """One line of JSON, to be kept elsewhere."""
        written = {FORMAT: 1, "seq": self.seq, "hash": self.hash.hex(), "at": self.at.isoformat()}
        return json.dumps(written | {"key": self.key.hex(), "signature": self.signature.hex()})

    @classmethod
    def from_line(cls, line: str) -> SignedHead:
        """Read such a line; ValueError when it is none."""
        try:
            found = json.loads(line)
            if found[FORMAT] != 1 or not isinstance(found["seq"], int):
                raise ValueError(FORMAT)
            at = datetime.fromisoformat(found["at"])
            key, signature = bytes.fromhex(found["key"]), bytes.fromhex(found["signature"])
            return cls(seq=found["seq"], hash=bytes.fromhex(found["hash"]), at=at, key=key, signature=signature)
        except (KeyError, TypeError, ValueError):
            raise ValueError("not a signed head of an audit log") from None


def _signed_words(head: SignedHead) -> bytes:
    at = head.at.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{FORMAT} 1\n{head.seq}\n{head.hash.hex()}\n{at}\n".encode()


class HeadSigner:
    """Signs the head of the log, as an operation."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """`key` is the installation's own."""
        self._key = key
        self.public = key.public_key().public_bytes_raw()

    @operation("sign")
    def sign(self, uow: UnitOfWork, items: Sequence[None]) -> list[SignedHead | None]:
        """The signed head of what was committed before; None for an empty log. Signing the same head again changes nothing."""
        return [self._sign(uow) for _ in items]

    def _sign(self, uow: UnitOfWork) -> SignedHead | None:
        mark, signed = uow.audit.head(), uow.audit.signed()
        if mark.seq == 0:
            return None
        if signed and signed[-1].seq >= mark.seq:
            return signed[-1]
        unsigned = SignedHead(seq=mark.seq, hash=mark.hash, at=uow.now, key=self.public, signature=b"")
        signature = self._key.sign(_signed_words(unsigned))
        head = SignedHead(seq=mark.seq, hash=mark.hash, at=uow.now, key=self.public, signature=signature)
        uow.audit.add_signed(head)
        return head


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What a check of the whole log has found, in plain words; no problems: the log is whole."""

    rows: int
    first_seq: int
    head: AuditMark
    signed: int  # signed heads compared
    anchors: int  # heads kept elsewhere compared
    problems: tuple[str, ...]


async def check_log(door: Door, public: bytes, anchors: Sequence[SignedHead] = ()) -> AuditReport:
    """Walk over the whole log, compare it with every signed head here and with the `anchors` kept elsewhere.

    `public` is the key that signs now. Reads piece by piece, so that a long log stops nobody; changes nothing.
    """
    start, signed, now = await door.read(lambda uow: (uow.audit.beginning(), uow.audit.signed(), uow.now))
    problems = list(_wrong_with_cut(start, signed, now))
    mark, broken = start, None
    while True:
        further, head = await door.read(_Step(mark))
        if isinstance(further, AuditBreak):
            broken = further
            problems.append(_in_words(further))
            break
        if further == mark:
            break
        mark = further
    if broken is None and head != mark:
        problems.append(
            f"the log says that its newest row is {head.seq}, but the rows end at {mark.seq}: the end was cut off"
        )
    hashes = await door.read(
        lambda uow: {one.seq: uow.audit.hash_at(one.seq) for one in (*signed, *anchors) if one.seq > start.seq}
    )
    hashes[start.seq] = start.hash
    problems += _wrong_with_signed(signed, hashes, public)
    problems += _wrong_with_anchors(anchors, hashes, start, public)
    return AuditReport(
        rows=mark.seq - start.seq,
        first_seq=start.seq + 1,
        head=mark,
        signed=len(signed),
        anchors=len(anchors),
        problems=tuple(problems),
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """The next piece of the walk, and the head on the same snapshot."""

    mark: AuditMark

    def __call__(self, uow: UnitOfWork) -> tuple[AuditMark | AuditBreak, AuditMark]:
        return uow.audit.follow(self.mark, AT_ONCE), uow.audit.head()


def _in_words(broken: AuditBreak) -> str:
    says = {
        "missing": "is missing",
        "unlinked": "does not follow from the row before it: rows were swapped, taken out or put in",
        "changed": "was changed after it was written",
        "unreadable": "cannot be read any more: it was damaged or changed",
    }
    return f"row {broken.seq} {says[broken.why]}; nothing after it is proven"


def _wrong_with_cut(start: AuditMark, signed: Sequence[SignedHead], now: datetime) -> Iterable[str]:
    """Rows may be gone only up to a head that we signed at least a year ago."""
    if start.seq == 0:
        return
    at = next((one for one in signed if one.seq == start.seq), None)
    if at is None or not at.holds:
        yield f"rows up to {start.seq} are gone, and no signed head says what they ended with"
    elif now - at.at < LEAST_KEPT:
        yield f"rows up to {start.seq} are gone although the newest of them are from {at.at:%Y-%m-%d}, less than a year ago"


def _wrong_with_signed(signed: Sequence[SignedHead], hashes: dict[int, bytes | None], public: bytes) -> Iterable[str]:
    for one in signed:
        if not one.holds:
            yield f"the signed head of {one.at:%Y-%m-%d} (row {one.seq}) was changed: its signature does not hold"
        elif hashes.get(one.seq) != one.hash:
            yield f"row {one.seq} is not the one that was signed on {one.at:%Y-%m-%d}: the log was cut or written anew"
    if signed and signed[-1].key != public:
        yield "the newest signed head was signed with another key than this installation's audit_key"


def _wrong_with_anchors(
    anchors: Sequence[SignedHead], hashes: dict[int, bytes | None], start: AuditMark, public: bytes
) -> Iterable[str]:
    for one in anchors:
        when = f"the head kept elsewhere, of {one.at:%Y-%m-%d} (row {one.seq})"
        if not one.holds:
            yield f"{when}: its signature does not hold; the copy was changed"
        elif one.seq < start.seq:
            continue  # older than what is kept
        elif hashes.get(one.seq) is None:
            yield f"{when}: the log has no such row (any more); it was cut, or an older backup was restored"
        elif hashes[one.seq] != one.hash:
            yield f"{when}: another row stands there now; the log was written anew"
        elif one.key != public:
            yield f"{when}: it was signed with another key than this installation's audit_key"


def old_enough(signed: Sequence[SignedHead], before: datetime) -> SignedHead | None:
    """The newest signed head from before then: up to there the log may be cut."""
    return next((one for one in reversed(signed) if one.at < before and one.holds), None)

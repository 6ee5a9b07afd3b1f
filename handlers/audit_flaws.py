"""What may be wrong with the audit log, a finding each: in words, and with a mark of everything that stands there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from handlers.audit_heads import AuditMark, KeyChain, SignedHead

LEAST_KEPT: Final = timedelta(days=365)
"""No row of the log may go before it is so old (security.md A5: audit 12 months)."""
CODE_CHARS: Final = 16

Hashes = Mapping[int, bytes | None]
"""The hash that stands in a row, None: there is no such row."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One finding. `mark` is another one as soon as anything there is another; empty: it cannot be acknowledged."""

    said: str
    mark: bytes

    @property
    def code(self) -> str:
        """What an operator types; empty where nothing can be acknowledged."""
        return self.mark.hex()[:CODE_CHARS]


def marked(kind: str, *parts: bytes | str | int) -> bytes:
    """The mark of a finding of this kind over all that stands there."""
    words = [str(one).encode() if not isinstance(one, bytes) else one for one in (kind, *parts)]
    return hashlib.sha256(b"".join(len(one).to_bytes(8, "big") + one for one in words)).digest()


def _of_head(kind: str, one: SignedHead, *more: bytes | str | int) -> bytes:
    return marked(kind, one.seq, one.hash, one.at.isoformat(), one.key, one.signature, one.says, *more)


def row_flaw(seq: int, why: str, stands: bytes, *, newest: int = 0) -> Flaw:
    """A row that does not hold (`AuditBreak`), or with why "cut" the end that is missing up to the row `newest`."""
    says = {
        "missing": f"row {seq} is missing",
        "unlinked": f"row {seq} does not follow from the row before it: rows were swapped, taken out or put in",
        "changed": f"row {seq} was changed after it was written",
        "unreadable": f"row {seq} cannot be read any more: it was damaged or changed",
        "cut": f"the log says that its newest row is {newest}, but the rows end at {seq - 1}: the end was cut off",
    }
    # A gap is the same finding whether a row stands behind it yet or not.
    kind = "gap" if why in ("missing", "unlinked", "cut") else why
    return Flaw(says[why], marked(kind, seq, stands) if stands else b"")


def cut_flaws(start: AuditMark, signed: Sequence[SignedHead], chain: KeyChain, now: datetime) -> Iterator[Flaw]:
    """Rows may be gone only up to a head that we signed at least a year ago."""
    if start.seq == 0:
        return
    at = next((one for one in signed if one.seq == start.seq), None)
    if at is None or not chain.counts(at):
        said = f"rows up to {start.seq} are gone, and no signed head says what they ended with"
        yield Flaw(said, marked("cut", start.seq, start.hash))
    elif now - at.at < LEAST_KEPT:
        said = f"rows up to {start.seq} are gone although the newest of them are from {at.at:%Y-%m-%d}, less than a year ago"
        yield Flaw(said, _of_head("cut-early", at))


def head_flaws(signed: Sequence[SignedHead], hashes: Hashes, chain: KeyChain, start: AuditMark) -> Iterator[Flaw]:
    """Each signed head: its signature, whose it is, its row, and the head before it."""
    foreign: dict[bytes, list[SignedHead]] = {}
    before: SignedHead | None = None
    for one in signed:
        when = f"the signed head of {one.at:%Y-%m-%d} (row {one.seq})"
        stands = hashes.get(one.seq) or b""
        if not one.holds:
            yield Flaw(f"{when} was changed: its signature does not hold", _of_head("forged", one))
        elif one.key not in chain.until:
            foreign.setdefault(one.key, []).append(one)
        elif not chain.counts(one):
            yield Flaw(f"{when} was signed with a key that had been handed over before", _of_head("late", one))
        elif stands != one.hash:
            said = f"row {one.seq} is not the one that was signed on {one.at:%Y-%m-%d}: the log was cut or written anew"
            yield Flaw(said, _of_head("other-row", one, stands))
        if one.holds and not _follows(one, before, start):
            said = f"{when} does not follow from the one before it: signed heads were taken out, put in or changed"
            yield Flaw(said, _of_head("unlinked-head", one, before.name if before else b""))
        before = one
    for key, heads in foreign.items():
        rows = (
            f"row {heads[0].seq}"
            if len(heads) == 1
            else f"{len(heads)} of them, rows {heads[0].seq} to {heads[-1].seq}"
        )
        said = f"signed heads ({rows}) were signed with another key than this installation's audit key, and never handed over"
        yield Flaw(said, marked("foreign", key, *(one.name for one in heads)))


def _follows(one: SignedHead, before: SignedHead | None, start: AuditMark) -> bool:
    """Does it name the head before it? Heads older than a cut are gone, and those from before they named each other name none."""
    after = one.said.after
    if before is None:
        return not after or (start.seq > 0 and one.seq == start.seq)
    return after == before.name or not (after or one.says)


def handover_flaws(signed: Sequence[SignedHead], hashes: Hashes, chain: KeyChain, start: AuditMark) -> Iterator[Flaw]:
    """Every handover of the chain has its row and its record here, and there is no other."""
    recorded = {one.signature for one in signed}
    first = next((one for one in signed if one.seq == start.seq and chain.counts(one)), None)
    for place, link in enumerate(chain.links):
        name = link.said.next_name
        if link.said.next_key in chain.left_behind or link.seq < start.seq:
            continue
        older = {one.key for one in chain.links[place:]}
        if first is not None and first.at > link.at and first.key not in older:
            continue  # all rows of that time are gone, says a newer key; whichever number the row had
        if hashes.get(link.seq) != link.hash:
            said = (
                f"the audit key was handed over to {name} with row {link.seq} on {link.at:%Y-%m-%d}, and this log has not that "
                "row: it was cut or written anew, or it is an older one that was brought back"
            )
            yield Flaw(said, _of_head("handover-gone", link))
        elif link.signature not in recorded:
            said = f"the signed record that the audit key was handed over to {name} (row {link.seq}) was taken out"
            yield Flaw(said, _of_head("handover-unrecorded", link))
    for one in strays(signed, chain):
        said = (
            f"row {one.seq} hands the audit key over to {one.said.next_name}, which is not here. Was that done on another "
            f"machine? Then copy var/secrets/{one.said.next_name} here (0400). Nobody did it? Somebody had the key"
        )
        yield Flaw(said, stray_mark(one))


def strays(signed: Sequence[SignedHead], chain: KeyChain) -> list[SignedHead]:
    """Handovers by keys that count to keys that do not."""
    return [one for one in signed if one.said.next_key and one.said.next_key not in chain.until and chain.counts(one)]


def stray_mark(one: SignedHead) -> bytes:
    """The mark of the finding about it."""
    return _of_head("stray-handover", one)


def kept_elsewhere(anchors: Sequence[SignedHead], hashes: Hashes, start: AuditMark, chain: KeyChain) -> Iterator[Flaw]:
    """Heads that somebody brought from another place; never acknowledged, because they are not here."""
    for one in anchors:
        when = f"the head kept elsewhere, of {one.at:%Y-%m-%d} (row {one.seq})"
        then = one.said.next_key
        if not one.holds:
            said = f"{when}: its signature does not hold; the copy was changed"
        elif one.seq < start.seq:
            continue  # older than what is kept
        elif hashes.get(one.seq) is None:
            said = f"{when}: the log has no such row (any more); it was cut, or an older backup was restored"
        elif hashes[one.seq] != one.hash:
            said = f"{when}: another row stands there now; the log was written anew, or an older backup was restored"
        elif not chain.counts(one):
            said = f"{when}: it was signed with another key than this installation's audit key, or after that was handed over"
        elif then and then not in chain.until:
            said = f"{when}: it hands the audit key over to one that this installation does not have"
        else:
            continue
        yield Flaw(said, b"")

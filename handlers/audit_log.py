"""Is the audit log whole? A walk over every row, compared with every signed head.

**What finds what.** The chain finds every changed, missing or swapped row. A tail that was cut together with the note of the head
is found by the newest signed head in the database, and a log that somebody wrote anew with everything beside it by a signed head
kept somewhere else (`anchors`), or by a handover noted beside the keys. Rows older than the retention may be gone, but only up to
a signed head that is a year old.

**What is known.** Each finding has a mark made of everything that stands there. Somebody who may sign can acknowledge a mark
(`handlers/audit_signing.py`): it is listed on, and rings no more until anything there is another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from handlers.audit_flaws import Flaw, cut_flaws, handover_flaws, head_flaws, kept_elsewhere, row_flaw
from handlers.audit_heads import AuditKeys, AuditMark, KeyChain, SignedHead, chain_of

if TYPE_CHECKING:
    from handlers.ports import Door, UnitOfWork

AT_ONCE: Final = 2000
MOST: Final = 50
"""So many rows that do not hold and are not known end the walk: such a log is not mended row by row."""


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
    stands: bytes = b""  # a hash over all that stands there; empty where it cannot be read at all
    beyond: AuditMark | None = None  # from where the walk can go on, over what stands there


@dataclass(frozen=True, slots=True)
class Known:
    """A finding that somebody has looked into and acknowledged, with the row of the log that says who."""

    flaw: Flaw
    head: SignedHead


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What a check of the whole log has found, in plain words; no flaws: the log is whole, but for what is `known`."""

    rows: int
    first_seq: int
    head: AuditMark
    signed: int  # signed heads compared
    anchors: int  # heads kept elsewhere compared
    keys: int  # that have signed it one after the other
    flaws: tuple[Flaw, ...]
    known: tuple[Known, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """The flaws in words."""
        return tuple(one.said for one in self.flaws)


@dataclass(slots=True)
class _Walk:
    """What is read once, and how far the walk has come."""

    start: AuditMark
    signed: Sequence[SignedHead]
    now: datetime
    chain: KeyChain
    acknowledged: Mapping[bytes, SignedHead]
    mark: AuditMark
    breaks: list[Flaw] = field(default_factory=list)
    fresh: int = 0  # of them, not known
    ended: bool = False
    stopped: bool = False  # before the end

    def take(self, further: AuditMark | AuditBreak, head: AuditMark) -> None:
        """The next piece, and the head on the same snapshot."""
        if isinstance(further, AuditBreak):
            self._note(row_flaw(further.seq, further.why, further.stands))
            self.stopped = further.beyond is None or self.fresh >= MOST
            self.ended = self.stopped
            self.mark = further.beyond or self.mark
        elif further == self.mark:
            self.ended = True
            if head != self.mark:  # the same finding that it is when the next row stands there
                why, stands = _cut_off(self.mark, head)
                self._note(row_flaw(self.mark.seq + 1, why, stands, newest=head.seq))
        else:
            self.mark = further

    def _note(self, flaw: Flaw) -> None:
        self.breaks.append(flaw)
        self.fresh += flaw.mark not in self.acknowledged


def gap(expected: AuditMark, next_seq: int, prev: bytes) -> bytes:
    """What stands where a row does not follow from the one before it (`AuditBreak.stands`)."""
    return b"gap %d %d " % (expected.seq, next_seq) + expected.hash + prev


def _cut_off(mark: AuditMark, head: AuditMark) -> tuple[str, bytes]:
    return ("unlinked" if head.seq == mark.seq else "cut"), gap(mark, head.seq + 1, head.hash)


async def check_log(door: Door, keys: AuditKeys, anchors: Sequence[SignedHead] = ()) -> AuditReport:
    """Walk over the whole log, compare it with every signed head here and with the `anchors` kept elsewhere.

    Reads piece by piece, so that a long log stops nobody; changes nothing. Raises what `AuditKeys.held` raises.
    """
    walk = await door.read(lambda uow: _begin(uow, keys))
    while not walk.ended:
        walk.take(*await door.read(_Step(walk.mark)))
    hashes = await door.read(lambda uow: _hashes(uow, walk, anchors))
    return _judged(walk, hashes, anchors)


def check_at_once(uow: UnitOfWork, keys: AuditKeys) -> AuditReport:
    """The same within one unit of work, where nobody waits."""
    walk = _begin(uow, keys)
    while not walk.ended:
        walk.take(*_Step(walk.mark)(uow))
    return _judged(walk, _hashes(uow, walk, ()), ())


@dataclass(frozen=True, slots=True)
class _Step:
    """The next piece of the walk, and the head on the same snapshot."""

    mark: AuditMark

    def __call__(self, uow: UnitOfWork) -> tuple[AuditMark | AuditBreak, AuditMark]:
        return uow.audit.follow(self.mark, AT_ONCE), uow.audit.head()


def _begin(uow: UnitOfWork, keys: AuditKeys) -> _Walk:
    start, signed = uow.audit.beginning(), uow.audit.signed()
    chain = chain_of(keys, signed)
    return _Walk(start, signed, uow.now, chain, acknowledged(uow, chain, signed), start)


def acknowledged(uow: UnitOfWork, chain: KeyChain, signed: Sequence[SignedHead]) -> dict[bytes, SignedHead]:
    """Marks of findings that somebody acknowledged, with the head that says so: signed by a key that counts, over this log."""
    heads = [one for one in signed if one.said.known and chain.counts(one) and uow.audit.hash_at(one.seq) == one.hash]
    return {mark: one for one in heads for mark in one.said.known if mark}


def _hashes(uow: UnitOfWork, walk: _Walk, anchors: Sequence[SignedHead]) -> dict[int, bytes | None]:
    wanted = {one.seq for one in (*walk.signed, *walk.chain.links, *anchors) if one.seq > walk.start.seq}
    return {seq: uow.audit.hash_at(seq) for seq in wanted} | {walk.start.seq: walk.start.hash}


def _judged(walk: _Walk, hashes: Mapping[int, bytes | None], anchors: Sequence[SignedHead]) -> AuditReport:
    chain, signed, start = walk.chain, walk.signed, walk.start
    found = [
        *cut_flaws(start, signed, chain, walk.now),
        *walk.breaks,
        *head_flaws(signed, hashes, chain, start),
        *handover_flaws(signed, hashes, chain, start),
    ]
    fresh = [one for one in found if one.mark not in walk.acknowledged]
    fresh += kept_elsewhere(anchors, hashes, start, chain)
    if walk.stopped:
        fresh.append(Flaw(f"the check stopped at row {walk.mark.seq + 1}; nothing after it is proven", b""))
    return AuditReport(
        rows=walk.mark.seq - start.seq,
        first_seq=start.seq + 1,
        head=walk.mark,
        signed=len(signed),
        anchors=len(anchors),
        keys=len(chain.until),
        flaws=tuple(fresh),
        known=tuple(Known(one, walk.acknowledged[one.mark]) for one in found if one.mark in walk.acknowledged),
    )


def old_enough(uow: UnitOfWork, keys: AuditKeys, before: datetime) -> SignedHead | None:
    """The newest head that was signed before then by a key that counts, over the row that stands there: up to there the log may
    be cut.
    """
    signed = uow.audit.signed()
    chain, start = chain_of(keys, signed), uow.audit.beginning()
    old = [one for one in signed if one.at < before and one.seq > start.seq and chain.counts(one)]
    return next((one for one in reversed(old) if uow.audit.hash_at(one.seq) == one.hash), None)

"""What is done with the key of the audit log: sign its head, hand over to the next key, acknowledge what was found.

Everything here leaves a signed head, so that whoever may write to the database but has no key can do none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from handlers import audit
from handlers.audit_flaws import stray_mark, strays
from handlers.audit_heads import AuditKeys, AuditMark, HeldKey, KeyChain, Said, SignedHead, chain_of, sign_head
from handlers.audit_log import acknowledged
from handlers.errors import KeyMissing
from handlers.model import AuditEntry
from handlers.operation import operation

if TYPE_CHECKING:
    from handlers.ports import UnitOfWork

REASONS: Final = {
    "own": "somebody of ours did it by hand, and has said so",
    "disk": "the disk or the machine failed",
    "restored": "the database was brought back from an older copy by other means than `restore`",
    "intruder": "somebody who had no right did it; it has been reported",
    "unknown": "nobody could find out",
}
"""Why a finding is known, as an operator writes it. Words of one's own have no place in the log; they belong on paper."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """The key of this file signs from now on. `by`: the actor of the row."""

    to: str
    by: str


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """These findings (`Flaw.mark`) were looked into. `why`: one of REASONS; `by`: the actor of the row."""

    marks: tuple[bytes, ...]
    why: str
    by: str


@dataclass(frozen=True, slots=True)
class HeadSigner:
    """The installation's own hand under its audit log, as operations. Keys are read anew each time, so that a process that has
    run since before a handover signs with the next key too.
    """

    keys: AuditKeys = field(repr=False)

    @operation("sign")
    def sign(self, uow: UnitOfWork, items: Sequence[None]) -> list[SignedHead | None]:
        """The signed head of what was committed before; None for an empty log. Signing the same head again changes nothing.

        Raises KeyMissing when the log was handed over to a key that is not here.
        """
        return [self._sign(uow) for _ in items]

    @operation("hand_over")
    def hand_over(self, uow: UnitOfWork, items: Sequence[HandOver]) -> list[SignedHead]:
        """A row of the log, and a head over it signed by both: from here on the next key signs. Done already: nothing changes.

        Raises KeyMissing when that key is not here, or the log was handed over to another that is not.
        """
        return [self._hand_over(uow, one) for one in items]

    @operation("acknowledge")
    def acknowledge(self, uow: UnitOfWork, items: Sequence[Acknowledge]) -> list[SignedHead]:
        """A row of the log that says who, and a head over it that names the findings: from now on they are known."""
        done = []
        for one in items:
            chain = chain_of(self.keys, uow.audit.signed(hold=True))
            entry = AuditEntry(
                actor=one.by, action=audit.AUDIT_ACKNOWLEDGED, detail={"findings": len(one.marks), "why": one.why}
            )
            mark = _row(uow, entry)
            done.append(_keep(uow, chain.active, mark, Said(known=one.marks, why=one.why)))
        return done

    @operation("writer")
    def keep_over_restore(self, uow: UnitOfWork, items: Sequence[str]) -> list[SignedHead | None]:
        """After a restore from before a handover: the key that signs now goes on with the older log, and says so; None when the
        log knows every handover. Each item is the actor of the row.
        """
        return [self._keep_over_restore(uow, by) for by in items]

    # --- one by one ---------------------------------------------------------------------------------------------------

    def _sign(self, uow: UnitOfWork) -> SignedHead | None:
        signed = uow.audit.signed(hold=True)
        mark = uow.audit.head()
        if mark.seq == 0:
            return None
        chain = chain_of(self.keys, signed)
        there = next((one for one in signed if one.seq == mark.seq), None)
        if there is not None and there.hash == mark.hash and chain.counts(there):
            return there
        _refuse_strays(uow, chain, signed)
        return _keep(uow, chain.active, mark, Said())

    def _hand_over(self, uow: UnitOfWork, wish: HandOver) -> SignedHead:
        signed = uow.audit.signed(hold=True)
        chain = chain_of(self.keys, signed)
        then = next((one for one in self.keys.held() if one.name == wish.to), None)
        if then is None:
            raise KeyMissing(f"secrets/{wish.to} is missing; nothing was changed, run this again")
        if then.public in chain.until:
            done = next((one for one in chain.links if one.said.next_key == then.public), None)
            if done is None:
                raise ValueError(f"{wish.to} is the first key of this log")
            return done
        _refuse_strays(uow, chain, signed)
        mark = _row(uow, AuditEntry(actor=wish.by, action=audit.AUDIT_KEY_HANDED_OVER, object=then.name))
        return _keep(uow, chain.active, mark, Said(), then)

    def _keep_over_restore(self, uow: UnitOfWork, by: str) -> SignedHead | None:
        chain, start = chain_of(self.keys, uow.audit.signed(hold=True)), uow.audit.beginning().seq
        gone = tuple(
            one.said.next_key
            for one in chain.links
            if one.seq > start and one.said.next_key not in chain.left_behind and uow.audit.hash_at(one.seq) != one.hash
        )
        if not gone:
            return None
        mark = _row(uow, AuditEntry(actor=by, action=audit.AUDIT_KEY_KEPT, object=chain.active.name))
        return _keep(uow, chain.active, mark, Said(restored=gone))


def _row(uow: UnitOfWork, entry: AuditEntry) -> AuditMark:
    uow.audit.add(entry)
    return uow.audit.chain()


def _keep(uow: UnitOfWork, by: HeldKey, mark: AuditMark, said: Said, then: HeldKey | None = None) -> SignedHead:
    """Sign, and keep it here. Where another signed head lies over this row already, somebody has put it there: that one stays for
    whoever looks into it, and ours is for the files that are kept elsewhere.
    """
    signed = uow.audit.signed()
    before = next((one for one in reversed(signed) if one.seq < mark.seq), None)
    said = replace(said, after=before.name if before is not None else b"")
    head = sign_head(by, mark, uow.now, said, then)
    if all(one.seq != mark.seq for one in signed):
        uow.audit.add_signed(head)
    return head


def _refuse_strays(uow: UnitOfWork, chain: KeyChain, signed: Sequence[SignedHead]) -> None:
    """Two keys must not sign side by side. What was looked into and acknowledged stops nothing."""
    known = acknowledged(uow, chain, signed)
    for one in strays(signed, chain):
        if stray_mark(one) not in known:
            name = one.said.next_name
            raise KeyMissing(
                f"secrets/{name} is missing here, and the audit log was handed over to it; copy it from the machine where that "
                "was done, or from the second place of the keys (0400). Nobody did it? See: python -m bot audit verify"
            )

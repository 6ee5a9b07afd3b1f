"""A log with a handover in it, for tests that go at it: rows signed by the first key, the handover, rows signed by the second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handlers.audit_heads import AuditMark, HeldKey, Said, SignedHead, sign_head
from handlers.audit_log import AuditReport, check_log
from handlers.audit_signing import HandOver, HeadSigner
from handlers.model import AuditEntry
from handlers.ports import UnitOfWork
from storage.audit_keys import note_handovers, prepare_audit_key, retire_audit_keys
from storage.open import Storage
from storage.secrets import load_secrets
from tests.contract.builders import act

BY = "command line: lan"


@dataclass
class Log:
    """The log of a database, and the folder with the keys that sign it."""

    storage: Storage
    var: Path

    @property
    def folder(self) -> Path:
        return self.var / "secrets"

    @property
    def signer(self) -> HeadSigner:
        return HeadSigner(load_secrets(self.var).audit)

    async def write(self, rows: int = 1) -> None:
        for number in range(rows):
            entry = AuditEntry(actor="system", action=f"a.{number}")
            await act(self.storage.door, lambda uow, entry=entry: uow.audit.add(entry))

    async def sign(self) -> SignedHead:
        head = await self.storage.door.run(self.signer.sign, None)
        assert head is not None
        return head

    async def hand_over(self) -> SignedHead:
        """As the command does it, but for the second place; the old private key is gone afterwards."""
        name = prepare_audit_key(self.folder)
        head = await self.storage.door.run(self.signer.hand_over, HandOver(name, BY))
        note_handovers(self.folder, [head])
        retire_audit_keys(self.folder)
        return head

    async def check(self, *anchors: SignedHead) -> AuditReport:
        return await check_log(self.storage.door, self.signer.keys, anchors)

    async def problems(self, *anchors: SignedHead) -> str:
        return "; ".join((await self.check(*anchors)).problems)

    async def put(self, head: SignedHead) -> None:
        """As whoever may write to the database."""
        await act(self.storage.door, lambda uow: uow.audit.add_signed(head))

    async def forge(self, key: HeldKey, seq: int, said: Said | None = None, **more: object) -> SignedHead:
        """A head over a row as it stands, by whoever has this key."""

        def look(uow: UnitOfWork) -> SignedHead:
            (row,) = [one for one in uow.audit.rows(seq - 1, 1) if one.seq == seq]
            hash = uow.audit.hash_at(row.seq)
            assert hash is not None
            before = [one for one in uow.audit.signed() if one.seq < seq]
            linked = said or Said(after=before[-1].name if before else b"")
            return sign_head(key, AuditMark(seq, hash), more.get("at", uow.now), linked, more.get("then"))  # type: ignore[arg-type]

        return await self.storage.door.read(look)

    def stolen(self, name: str = "audit_key") -> HeldKey:
        """A copy of a private key, as a thief has it."""
        return HeldKey(name, Ed25519PrivateKey.from_private_bytes((self.folder / name).read_bytes()))


def stranger(name: str = "audit_key_2") -> HeldKey:
    """A key that somebody else has made."""
    return HeldKey(name, Ed25519PrivateKey.generate())

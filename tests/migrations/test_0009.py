"""What signed heads say: those from before say nothing, hold as they did, and the next one follows them."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from handlers.audit_heads import AuditMark, Said, sign_head
from handlers.audit_log import check_log
from handlers.audit_signing import HandOver, HeadSigner
from handlers.model import AuditEntry
from storage import schema
from storage.audit import chain
from storage.audit_keys import prepare_audit_key
from storage.engine import connect
from storage.open import open_storage
from storage.secrets import load_secrets
from storage.types import to_micros
from tests.contract.builders import act
from tests.migrations.stopping_at import migrate
from tests.migrations.test_0004 import insert

AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


async def test_heads_from_before_hold_and_are_followed(tmp_path: Path) -> None:
    await open_storage("", tmp_path).close()  # secrets and keys of a first start
    (key,) = load_secrets(tmp_path).audit.held()
    path, prev = tmp_path / "old.db", bytes(32)
    migrate(path, "0008")
    with closing(connect(path)) as connection:
        for seq in (1, 2):
            hash = chain(prev, seq, AT, ("system", "a.b", "", "{}"))
            row = {"seq": seq, "at": to_micros(AT), "actor": "system", "action": "a.b", "object": "", "detail": "{}"}
            insert(connection, "audit_log", row | {"prev": prev, "hash": hash})
            head = sign_head(key, AuditMark(seq, hash), AT, Said())
            assert head.says == ""
            written = {"seq": seq, "hash": hash, "at": to_micros(AT), "key": head.key, "signature": head.signature}
            insert(connection, "audit_signed", written)
            prev = hash
        insert(connection, "audit_head", {"one": 1, "seq": 2, "hash": prev})
    assert schema.upgrade(path) == schema.missing("0008")
    path.replace(tmp_path / "data.db")
    storage = open_storage("", tmp_path)
    signer = HeadSigner(storage.secrets.audit)
    report = await check_log(storage.door, signer.keys)
    assert (report.problems, report.signed, report.rows) == ((), 2, 2)
    await act(storage.door, lambda uow: uow.audit.add(AuditEntry(actor="system", action="a.c")))
    await storage.door.run(signer.sign, None)
    await storage.door.run(signer.hand_over, HandOver(prepare_audit_key(tmp_path / "secrets"), "system"))
    heads = await storage.door.read(lambda uow: uow.audit.signed())
    assert [one.said.after for one in heads] == [b"", b"", heads[1].name, heads[2].name]
    assert (await check_log(storage.door, signer.keys)).problems == ()
    await storage.close()

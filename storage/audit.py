"""The audit log on SQL: append-only, every row chained to the one before by SHA-256."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select, update

from handlers.model import AuditEntry
from storage.tables import audit_head, audit_log
from storage.types import to_micros

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_START = bytes(32)
_HEAD = select(audit_head.c.seq, audit_head.c.hash)
_FIRST_HEAD = insert(audit_head)
_MOVE_HEAD = update(audit_head).values(seq=bindparam("b_seq"), hash=bindparam("b_hash"))
_APPEND = insert(audit_log)
_ROWS = select(audit_log).order_by(audit_log.c.seq)


def chain(prev: bytes, seq: int, at: datetime, entry: tuple[str, str, str, str]) -> bytes:
    """The hash of one row: SHA-256 over the hash before it and the canonical row."""
    row = json.dumps([seq, to_micros(at), *entry], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(prev + row.encode()).digest()


class AuditLog:
    """`handlers.ports.AuditStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow
        self._new: list[AuditEntry] = []

    def add(self, entry: AuditEntry) -> None:
        """Append at the end of the unit of work."""
        self._new.append(entry)

    def verify(self) -> int | None:
        """The first sequence number whose chain does not hold, or None when all holds."""
        self.flush()
        prev, seq = _START, 0
        for row in self._uow.execute(_ROWS):
            entry = (row.actor, row.action, row.object, row.detail)
            if row.seq != seq + 1 or row.prev != prev or row.hash != chain(prev, row.seq, row.at, entry):
                return seq + 1
            prev, seq = row.hash, row.seq
        head = self._uow.execute(_HEAD).first()
        if (seq, prev) != ((0, _START) if head is None else (head.seq, head.hash)):
            return seq + 1  # rows are missing at the end
        return None

    def flush(self) -> None:
        """Chain and write what was added; called last, so that the head row is the last thing locked."""
        if not self._new:
            return
        new, self._new = self._new, []
        head = self._uow.hold(_HEAD, {}).first()
        seq, prev = (0, _START) if head is None else (head.seq, head.hash)
        rows = []
        for entry in new:
            seq += 1
            detail = json.dumps(entry.detail, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            fields = (entry.actor, entry.action, entry.object, detail)
            digest = chain(prev, seq, self._uow.now, fields)
            names = ("actor", "action", "object", "detail")
            rows.append(dict(zip(names, fields, strict=True)) | {"seq": seq, "at": self._uow.now, "prev": prev})
            rows[-1]["hash"] = prev = digest
        self._uow.execute(_APPEND, rows)
        if head is None:
            self._uow.execute(_FIRST_HEAD, {"one": 1, "seq": seq, "hash": prev})
        else:
            self._uow.execute(_MOVE_HEAD, {"b_seq": seq, "b_hash": prev})

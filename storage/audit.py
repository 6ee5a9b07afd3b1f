"""The audit log on SQL: append-only, every row chained to the one before by SHA-256, its head signed now and then.

Rows older than the retention may go, from the beginning up to a signed head: that head is then what the chain begins with.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from handlers.audit_log import AuditBreak, AuditMark, AuditRow, SignedHead
from handlers.model import AuditEntry
from storage.engine import unavailable
from storage.registers import audit_cuts, audit_signed
from storage.tables import audit_head, audit_log
from storage.types import to_micros

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_START = bytes(32)
_HEAD = select(audit_head.c.seq, audit_head.c.hash)
_FIRST_HEAD = insert(audit_head)
_MOVE_HEAD = update(audit_head).values(seq=bindparam("b_seq"), hash=bindparam("b_hash"))
_APPEND = insert(audit_log)
_ROWS = select(audit_log).where(audit_log.c.seq > bindparam("after")).order_by(audit_log.c.seq).limit(bindparam("most"))
_HASH = select(audit_log.c.hash).where(audit_log.c.seq == bindparam("at"))
_SIGNED = select(audit_signed).order_by(audit_signed.c.seq)
_SIGN = insert(audit_signed)
_CUT = select(func.max(audit_cuts.c.seq))
_NOTE_CUT = insert(audit_cuts)
_DROP = delete(audit_log).where(audit_log.c.seq <= bindparam("upto"))
_DROP_SIGNED = delete(audit_signed).where(audit_signed.c.seq < bindparam("upto"))
_AT_ONCE = 5000


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
        mark = self.beginning()
        while True:
            further = self.follow(mark, _AT_ONCE)
            if isinstance(further, AuditBreak):
                return further.seq
            if further == mark:
                break
            mark = further
        return None if self.head() == mark else mark.seq + 1  # rows are missing at the end

    # --- checking, piece by piece -------------------------------------------------------------------------------------

    def beginning(self) -> AuditMark:
        """Before the first row: nothing, or the signed head up to which rows have been removed."""
        cut = self._uow.execute(_CUT).scalar()
        if cut is None:
            return AuditMark(0, _START)
        return next((AuditMark(one.seq, one.hash) for one in self.signed() if one.seq == cut), AuditMark(cut, _START))

    def head(self) -> AuditMark:
        """The newest row, as the log itself notes it."""
        head = self._uow.execute(_HEAD).first()
        return AuditMark(0, _START) if head is None else AuditMark(head.seq, head.hash)

    def follow(self, mark: AuditMark, limit: int) -> AuditMark | AuditBreak:
        """From a row whose hash is known over at most `limit` rows: the last of them, or the first that does not hold."""
        seq, prev = mark.seq, mark.hash
        rows = self._rows(seq, limit)
        if rows is None:
            return AuditBreak(seq + 1, "unreadable") if limit == 1 else self._one_by_one(mark, limit)
        for row in rows:
            if row.seq != seq + 1:
                return AuditBreak(seq + 1, "missing")
            if row.prev != prev:
                return AuditBreak(row.seq, "unlinked")
            if row.hash != chain(prev, row.seq, row.at, (row.actor, row.action, row.object, row.detail)):
                return AuditBreak(row.seq, "changed")
            prev, seq = row.hash, row.seq
        return AuditMark(seq, prev)

    def _one_by_one(self, mark: AuditMark, limit: int) -> AuditMark | AuditBreak:
        for _ in range(limit):
            further = self.follow(mark, 1)
            if isinstance(further, AuditBreak) or further == mark:
                return further
            mark = further
        return mark

    def _rows(self, after: int, limit: int) -> Sequence[Any] | None:
        """None when one of them cannot even be read (SQLite keeps what is no text and no time, too)."""
        try:
            return self._uow.execute(_ROWS, {"after": after, "most": limit}).all()
        except (sqlite3.OperationalError, ValueError, OverflowError, TypeError) as error:
            if unavailable(error) is not None:
                raise
            return None

    def rows(self, after: int, limit: int) -> list[AuditRow]:
        """As they stand, for people who read."""
        found = self._uow.execute(_ROWS, {"after": after, "most": limit})
        return [
            AuditRow(seq=row.seq, at=row.at, actor=row.actor, action=row.action, object=row.object, detail=row.detail)
            for row in found
        ]

    def hash_at(self, seq: int) -> bytes | None:
        """The hash that stands in this row, or None when there is no such row."""
        found: bytes | None = self._uow.execute(_HASH, {"at": seq}).scalar()
        return found

    # --- signed heads -------------------------------------------------------------------------------------------------

    def signed(self) -> list[SignedHead]:
        """Every signed head there is, oldest first."""
        rows = self._uow.execute(_SIGNED)
        return [SignedHead(seq=row.seq, hash=row.hash, at=row.at, key=row.key, signature=row.signature) for row in rows]

    def add_signed(self, head: SignedHead) -> None:
        """Keep a signed head."""
        values = {"seq": head.seq, "hash": head.hash, "at": head.at, "key": head.key, "signature": head.signature}
        self._uow.execute(_SIGN, values)

    def cut(self, upto: SignedHead) -> int:
        """Remove every row up to and including this signed head, which stays; how many."""
        self._uow.execute(_NOTE_CUT, {"seq": upto.seq, "at": self._uow.now})
        gone = self._uow.execute(_DROP, {"upto": upto.seq}).rowcount
        self._uow.execute(_DROP_SIGNED, {"upto": upto.seq})
        return gone

    # --- the end of the unit of work ----------------------------------------------------------------------------------

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

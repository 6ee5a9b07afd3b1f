"""The audit log on SQL: append-only, every row chained to the one before by SHA-256, its head signed now and then.

Rows older than the retention may go, from the beginning up to a signed head: that head is then what the chain begins with.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, LargeBinary, Select, bindparam, cast, delete, func, insert, select, update

from handlers.audit_heads import AuditMark, SignedHead
from handlers.audit_log import AuditBreak, AuditRow, gap
from handlers.model import AuditEntry
from storage.engine import unavailable
from storage.registers import audit_cuts, audit_signed
from storage.tables import audit_head, audit_log
from storage.types import to_micros

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_START = bytes(32)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_HEAD = select(audit_head.c.seq, audit_head.c.hash)
_FIRST_HEAD = insert(audit_head)
_MOVE_HEAD = update(audit_head).values(seq=bindparam("b_seq"), hash=bindparam("b_hash"))
_APPEND = insert(audit_log)
_ROWS = select(audit_log).where(audit_log.c.seq > bindparam("after")).order_by(audit_log.c.seq).limit(bindparam("most"))
_NEXT_RAW = (  # as it lies there, whatever it is; SQLite alone can hold what cannot be read
    select(
        *(cast(audit_log.c[name], LargeBinary) for name in ("actor", "action", "object", "detail", "at")),
        cast(audit_log.c.prev, LargeBinary).label("prev"),
        cast(audit_log.c.hash, LargeBinary).label("hash"),
        cast(audit_log.c.seq, Integer).label("seq"),
    )
    .where(audit_log.c.seq > bindparam("after"))
    .order_by(audit_log.c.seq)
    .limit(1)
)
_HASH = select(audit_log.c.hash).where(audit_log.c.seq == bindparam("at"))
_SIGNED = select(audit_signed).order_by(audit_signed.c.seq)
_SIGNED_AT = select(audit_signed).where(audit_signed.c.seq == bindparam("at"))
_SIGNED_SEQS = select(audit_signed.c.seq).order_by(audit_signed.c.seq)
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


def _head(row: Any) -> SignedHead:
    """What is of another type than it should be is left out, so that its signature does not hold."""
    hash, key, signature = (one if isinstance(one, bytes) else b"" for one in (row.hash, row.key, row.signature))
    says = row.says if isinstance(row.says, str) else "?"
    return SignedHead(seq=row.seq, hash=hash, at=row.at, key=key, signature=signature, says=says)


class AuditLog:
    """`handlers.ports.AuditStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow
        self._new: list[AuditEntry] = []

    def add(self, entry: AuditEntry) -> None:
        """Append at the end of the unit of work."""
        self._new.append(entry)

    def chain(self) -> AuditMark:
        """Chain what was added so far, and give the newest row."""
        self.flush()
        return self.head()

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
            return self._unreadable(seq) if limit == 1 else self._one_by_one(mark, limit)
        for row in rows:
            if row.seq != seq + 1 or row.prev != prev:
                why = "missing" if row.seq != seq + 1 else "unlinked"
                stands = gap(AuditMark(seq, prev), row.seq, row.prev)
                return AuditBreak(seq + 1, why, stands, AuditMark(row.seq - 1, row.prev))
            expected = chain(prev, row.seq, row.at, (row.actor, row.action, row.object, row.detail))
            if row.hash != expected:
                return AuditBreak(row.seq, "changed", expected + row.hash, AuditMark(row.seq, row.hash))
            prev, seq = row.hash, row.seq
        return AuditMark(seq, prev)

    def _unreadable(self, after: int) -> AuditBreak:
        row = None if self._uow.shared else self._uow.execute(_NEXT_RAW, {"after": after}).first()
        if row is None or not isinstance(row.hash, bytes):
            return AuditBreak(after + 1, "unreadable")
        stands = b"".join(len(one).to_bytes(8, "big") + one for one in row[:-1] if isinstance(one, bytes))
        return AuditBreak(after + 1, "unreadable", b"%d " % row.seq + stands, AuditMark(row.seq, row.hash))

    def _one_by_one(self, mark: AuditMark, limit: int) -> AuditMark | AuditBreak:
        for _ in range(limit):
            further = self.follow(mark, 1)
            if isinstance(further, AuditBreak) or further == mark:
                return further
            mark = further
        return mark

    def _rows(self, after: int, limit: int) -> Sequence[Any] | None:
        """None when one of them cannot even be read (SQLite keeps what is no text and no time, too)."""
        rows = self._readable(_ROWS, {"after": after, "most": limit})
        whole = rows is not None and all(isinstance(row.prev, bytes) and isinstance(row.hash, bytes) for row in rows)
        return rows if whole else None

    def _readable(self, statement: Select[Any], values: dict[str, int]) -> Sequence[Any] | None:
        try:
            return self._uow.execute(statement, values).all()
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

    def signed(self, *, hold: bool = False) -> list[SignedHead]:
        """Every signed head there is, oldest first; one that cannot be read holds nothing."""
        if hold:
            self._uow.lock_name("audit signed")
        rows = self._readable(_SIGNED, {})
        if rows is not None:
            return [_head(row) for row in rows]
        heads: list[SignedHead] = []
        for (seq,) in self._uow.execute(_SIGNED_SEQS):
            row = self._readable(_SIGNED_AT, {"at": seq})
            heads += (
                [SignedHead(seq=seq, hash=b"", at=_NEVER, key=b"", signature=b"")] if row is None else map(_head, row)
            )
        return heads

    def add_signed(self, head: SignedHead) -> None:
        """Keep a signed head."""
        names = ("seq", "hash", "at", "key", "signature", "says")
        self._uow.execute(_SIGN, {name: getattr(head, name) for name in names})

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

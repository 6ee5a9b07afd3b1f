"""Every column that holds people's words or addresses: what it is bound to, and whose key opens it.

A sealed field opens only as this table, this column, this row and this owner (`storage/crypto.py:place`). A column that is not
named here does not pass the tests; the drill opens everything by this list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Table, bindparam, select

import storage.registers  # noqa: F401 - its tables belong to the same metadata
from handlers.errors import KeyMissing
from storage.crypto import Unreadable
from storage.keyring import KeyRing
from storage.keystore import Keys
from storage.tables import metadata
from storage.uow import RunsStatements

AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Sealed:
    """One column: `field` names it in the seal, the column is called `field`_sealed; `owner` holds the uid of the key's owner."""

    table: str
    field: str
    owner: str

    @property
    def column(self) -> str:
        """Its name in the table."""
        return f"{self.field}_sealed"


FIELDS: Final = (
    Sealed("contacts", "address", "uid"),
    Sealed("contacts", "session", "uid"),
    Sealed("contacts", "reminder", "uid"),
    Sealed("inbox", "message", "contact_uid"),
    Sealed("cases", "summary", "uid"),
    Sealed("lines", "body", "case_uid"),
    Sealed("outbox", "outgoing", "contact_uid"),
    Sealed("referrals", "details", "case_uid"),
)

NOT_SEALED: Final = {
    ("return_codes", "code_hash"): "a keyed hash",
    ("referral_links", "token_hash"): "a keyed hash",
    ("referral_links", "pin_hash"): "a keyed hash",
    ("audit_log", "prev"): "a hash of ids and enums",
    ("audit_log", "hash"): "a hash of ids and enums",
    ("audit_head", "hash"): "a hash of ids and enums",
    ("content_sets", "files"): "published content, of no person",
    ("content_recordings", "content"): "published recordings, of no person",
}
"""Columns of bytes that hold nothing of a person, and why."""


@dataclass(slots=True)
class Opened:
    """How many sealed fields there are, and how many of them open."""

    fields: int = 0
    opened: int = 0


def open_everything(runner: RunsStatements, keys: Keys) -> dict[str, Opened]:
    """Open every sealed field there is, by table; in a transaction of the caller's. Nothing that is opened is kept."""
    found: dict[str, Opened] = {}
    for field in FIELDS:
        counted = found.setdefault(field.table, Opened())
        for row_uid, owner_uid, sealed in _rows(runner, keys, field):
            counted.fields += 1
            try:
                KeyRing(keys).unseal(field.table, field.field, row_uid, owner_uid, bytes(sealed))
            except (KeyMissing, Unreadable):
                continue
            counted.opened += 1
    return found


def _rows(runner: RunsStatements, keys: Keys, field: Sealed) -> Iterator[tuple[str, str, bytes]]:
    table: Table = metadata.tables[field.table]
    columns = (table.c.id, table.c.uid, table.c[field.owner], table.c[field.column])
    query = (
        select(*columns)
        .where(table.c.id > bindparam("after"), table.c[field.column].is_not(None))
        .order_by(table.c.id)
        .limit(bindparam("most"))
    )
    after = 0
    while rows := [tuple(row) for row in runner.execute(query, {"after": after, "most": AT_ONCE})]:
        keys.load({owner for _, _, owner, _ in rows if owner is not None})
        for _, uid, owner, sealed in rows:
            yield uid, owner or "", sealed
        after = rows[-1][0]

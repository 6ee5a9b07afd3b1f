"""Every column that holds people's words or addresses: what it is bound to, and whose key opens it.

A sealed field opens only as this table, this column, this row and this owner (`storage/crypto.py:place`). A column that is not
named here does not pass the tests; the drill opens everything by this list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Table, bindparam, select

import storage.channel_tables
import storage.registers
import storage.staff_tables  # noqa: F401 - their tables belong to the same metadata
from handlers.errors import KeyMissing
from storage.crypto import Unreadable
from storage.data_keys import Keys
from storage.keyring import KeyRing
from storage.tables import metadata
from storage.uow import RunsStatements
from storage.vault import key_uid

AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Sealed:
    """One column: `field` names it in the seal, the column is called `field`_sealed; `owner` holds the uid of the key's owner.
    `row` holds what the seal is bound to. In the vault both are made from a secret's name (`storage/vault.py:key_uid`).
    """

    table: str
    field: str
    owner: str
    row: str = "uid"

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
    Sealed("media", "source", "case_uid"),
    Sealed("media", "body", "case_uid"),
    Sealed("accounts", "address", "staff_uid"),
    Sealed("factors", "secret", "uid"),
    Sealed("vault", "value", "name", row="name"),
)

NOT_SEALED: Final = {
    ("return_codes", "code_hash"): "a keyed hash",
    ("bind_codes", "code_hash"): "a keyed hash",
    ("spare_codes", "code_hash"): "a keyed hash",
    ("key_challenges", "challenge"): "chance, for one answer within minutes",
    ("referral_links", "token_hash"): "a keyed hash",
    ("referral_links", "pin_hash"): "a keyed hash",
    ("audit_log", "prev"): "a hash of ids and enums",
    ("audit_log", "hash"): "a hash of ids and enums",
    ("audit_head", "hash"): "a hash of ids and enums",
    ("audit_signed", "hash"): "a hash of ids and enums",
    ("audit_signed", "key"): "a public key",
    ("audit_signed", "signature"): "a signature of a hash",
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
    """Open every sealed field there is, by table; in a transaction of the caller's. What was sealed under a key that was
    destroyed on purpose is not counted. Nothing that is opened is kept.
    """
    found: dict[str, Opened] = {}
    destroyed = keys.destroyed()
    for field in FIELDS:
        counted = found.setdefault(field.table, Opened())
        for row_uid, owner_uid, sealed in _rows(runner, keys, field):
            if owner_uid in destroyed:
                continue
            counted.fields += 1
            try:
                KeyRing(keys).unseal(field.table, field.field, row_uid, owner_uid, bytes(sealed))
            except (KeyMissing, Unreadable):
                continue
            counted.opened += 1
    return found


def _rows(runner: RunsStatements, keys: Keys, field: Sealed) -> Iterator[tuple[str, str, bytes]]:
    """What the seal of each row is bound to, the key's owner, and the field."""
    table: Table = metadata.tables[field.table]
    order = table.c["id"] if "id" in table.c else table.c[field.row]
    query = (
        select(order, table.c[field.row].label("row"), table.c[field.owner].label("owner"), table.c[field.column])
        .where(order > bindparam("after", type_=order.type), table.c[field.column].is_not(None))
        .order_by(order)
        .limit(bindparam("most"))
    )
    after: int | str = 0 if "id" in table.c else ""
    while rows := [tuple(row) for row in runner.execute(query, {"after": after, "most": AT_ONCE})]:
        after = rows[-1][0]
        if field.row == "name":
            rows = [(at, key_uid(row), key_uid(owner), sealed) for at, row, owner, sealed in rows]
        keys.load({owner for _, _, owner, _ in rows if owner is not None})
        for _, uid, owner, sealed in rows:
            yield uid, owner or "", sealed

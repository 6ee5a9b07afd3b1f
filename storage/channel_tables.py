"""Tables that only channels need: tokens and leases, staff's accounts on platforms, what platforms call things of ours.

They belong to the same metadata as `storage/tables.py`; kept apart only to keep the files readable.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from storage.tables import Uid, _order, _uid, metadata
from storage.types import UtcTime

# Tokens that a platform hands out and takes back while we run, and leases by which one process at a time refreshes them.
vault = Table(
    "vault",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value_sealed", LargeBinary),
    Column("updated_at", UtcTime),
    Column("lease_holder", String(64)),
    Column("lease_until", UtcTime),
)

# Where a staff member can be called beside the desk page: found by keyed hash, sealed under a key of that staff member.
accounts = Table(
    "accounts",
    metadata,
    _order(),
    _uid(),
    Column("staff_uid", Uid, ForeignKey("staff.uid"), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("lookup", String(64), nullable=False, unique=True),
    Column("address_sealed", LargeBinary, nullable=False),
    Column("bound_at", UtcTime, nullable=False),
    Index("uq_accounts_staff_uid_channel", "staff_uid", "channel", unique=True),
)

bind_codes = Table(
    "bind_codes",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    Column("staff_uid", Uid, ForeignKey("staff.uid"), nullable=False, unique=True),
    Column("expires_at", UtcTime, nullable=False),
)

# What a platform calls something it shows for us, so that it can be taken away or changed: messages of a contact (to wipe),
# pages and topics of a case.
handles = Table(
    "handles",
    metadata,
    _order(),
    Column("kind", String(16), nullable=False),
    Column("owner_uid", Uid, nullable=False),
    Column("channel", String(64), nullable=False),
    Column("handle", String(128), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("uq_handles_owner_uid_kind_channel_handle", "owner_uid", "kind", "channel", "handle", unique=True),
    Index("ix_handles_kind_at", "kind", "at"),
)

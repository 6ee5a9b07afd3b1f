"""Tables that only channels need: tokens and leases, staff's accounts on platforms, what platforms call things of ours.

They belong to the same metadata as `storage/tables.py`; kept apart only to keep the files readable.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from handlers.model import MediaKind, MediaState
from storage.tables import Uid, _order, _partial, _pepper, _uid, metadata
from storage.types import EnumText, UtcTime, words

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
    _pepper(),
    Column("address_sealed", LargeBinary, nullable=False),
    Column("bound_at", UtcTime, nullable=False),
    Index("uq_accounts_staff_uid_channel", "staff_uid", "channel", unique=True),
)

bind_codes = Table(
    "bind_codes",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    _pepper(),
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

# Pictures and voice notes of talks, sealed under the case's key like its lines.
media = Table(
    "media",
    metadata,
    _order(),
    _uid(),
    Column("case_uid", Uid, ForeignKey("cases.uid"), nullable=False, index=True),
    Column("seq", Integer, nullable=False),
    Column("kind", EnumText(MediaKind), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("state", EnumText(MediaState), nullable=False),
    Column("mime", String(32), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("source_sealed", LargeBinary),
    Column("body_sealed", LargeBinary),
    CheckConstraint(f"kind IN ({words(MediaKind)})", name="kind"),
    CheckConstraint(f"state IN ({words(MediaState)})", name="state"),
    _partial("ix_media_due", "next_attempt_at", where="state = 'wanted'"),
)

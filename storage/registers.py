"""The quieter tables: facts, return codes, published content, services, referrals, boundaries, settings, keys to destroy, what
was removed when its time had come, and signed heads of the audit log.

They belong to the same metadata as `storage/tables.py`; kept apart only to keep both files readable.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from flows.severity import Severity
from handlers.keeping import Found
from handlers.model import Disposition
from handlers.referral import Item, ReferralStatus, Tell
from storage.tables import Uid, _order, _pepper, metadata
from storage.types import EnumText, Packed, UtcTime, words

facts = Table(
    "facts",
    metadata,
    _order(),
    Column("month", String(7), nullable=False),
    Column("channel", String(64), nullable=False),
    Column("severity", EnumText(Severity), nullable=False),
    Column("category", String(64), nullable=False),
    Column("disposition", EnumText(Disposition), nullable=False),
    Column("commune", String(16), nullable=False),
    Column("about", String(16), nullable=False),
    Column("age_band", String(16), nullable=False),
    Column("asked_for_person", Boolean, nullable=False),
    Column("first_page_s", Integer),
    Column("claim_s", Integer),
    Column("first_reply_s", Integer),
    Column("lines_in", Integer, nullable=False),
    Column("lines_out", Integer, nullable=False),
    Column("practice", Boolean, nullable=False),
    CheckConstraint(f"severity IN ({words(Severity)})", name="severity"),
    CheckConstraint(f"disposition IN ({words(Disposition)})", name="disposition"),
    Index("ix_facts_month", "month"),
)

return_codes = Table(
    "return_codes",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    _pepper(),
    Column("contact_uid", Uid, ForeignKey("contacts.uid", ondelete="CASCADE"), nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
)

# The lookup peppers that make or have made new hashes (`storage/peppers.py`); the first has no row before a second one begins.
peppers = Table(
    "peppers",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("begun_at", UtcTime, nullable=False),
)

content_sets = Table(
    "content_sets",
    metadata,
    Column("version", String(64), primary_key=True),
    Column("files", LargeBinary, nullable=False),
    Column("published_at", UtcTime, nullable=False),
    Column("published_by", String(64), nullable=False),
)

# Recorded audio, each recording once; a set's files hold only its hash (`flows.audio.pointer`).
content_recordings = Table(
    "content_recordings",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# Every publishing adds a row; the newest one is what runs, the one before is where a rollback leads.
content_current = Table(
    "content_current",
    metadata,
    _order(),
    Column("version", String(64), ForeignKey("content_sets.version"), nullable=False),
    Column("published_at", UtcTime, nullable=False),
    Column("published_by", String(64), nullable=False),
)

services = Table(
    "services",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("row", Text, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# Written in the same commit that takes a person's rows away; the key itself is destroyed right after, or at the next
# start when the process died in between.
key_removals = Table(
    "key_removals",
    metadata,
    Column("uid", Uid, primary_key=True),
    Column("removed_at", UtcTime, nullable=False),
)

# What staff ask of services for a person: ids, enums and times in the clear, the words sealed under the case's key. Rows go
# with the case.
referrals = Table(
    "referrals",
    metadata,
    _order(),
    Column("uid", Uid, nullable=False, unique=True),
    Column("case_uid", Uid, ForeignKey("cases.uid"), nullable=False, index=True),
    Column("status", EnumText(ReferralStatus), nullable=False),
    Column("need", String(32), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("service_id", String(64), nullable=False),
    Column("items", Packed(tuple[Item, ...]), nullable=False),
    Column("consent_step", String(128), nullable=False),
    Column("consent_text", String(64), nullable=False),
    Column("consent_line", Integer),
    Column("consented_at", UtcTime),
    Column("tell", EnumText(Tell), nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Column("details_sealed", LargeBinary),
    CheckConstraint(f"status IN ({words(ReferralStatus)})", name="status"),
    CheckConstraint(f"tell IN ({words(Tell)})", name="tell"),
    # Nothing is ever told to a service without her consent on record.
    CheckConstraint(
        "status IN ('asked', 'declined') OR (consented_at IS NOT NULL AND consent_text <> '')", name="consented"
    ),
    CheckConstraint("status IN ('asked', 'wanted', 'declined') OR sent_at IS NOT NULL", name="sent"),
    CheckConstraint("status <> 'declined' OR details_sealed IS NULL", name="declined_is_empty"),
)

referral_links = Table(
    "referral_links",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("pin_hash", LargeBinary(32), nullable=False),
    Column("referral_uid", Uid, ForeignKey("referrals.uid", ondelete="CASCADE"), nullable=False, index=True),
    Column("case_uid", Uid, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("opened_at", UtcTime),
    Column("tries", Integer, nullable=False),
    Column("ended_at", UtcTime),
)

# Commune boundaries an operator has loaded; none are shipped.
boundaries = Table(
    "boundaries",
    metadata,
    Column("code", String(16), primary_key=True),
    Column("area", Text, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

_Seq = BigInteger().with_variant(Integer, "sqlite")

# The head of the audit log, signed now and then; whoever keeps a copy elsewhere notices a log that was written anew.
audit_signed = Table(
    "audit_signed",
    metadata,
    Column("seq", _Seq, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("key", LargeBinary(32), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    Column("says", Text, nullable=False, server_default=""),
)

# Rows of the audit log up to here have been removed, because their time had come. Only above a cut may nothing be deleted.
audit_cuts = Table(
    "audit_cuts",
    metadata,
    Column("seq", _Seq, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
)

# One row for each daily run: counts by kind, never whose.
keeping_runs = Table(
    "keeping_runs",
    metadata,
    _order(),
    Column("uid", Uid, nullable=False, unique=True),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("clean", Boolean, nullable=False),
    Column("found", Packed(tuple[Found, ...]), nullable=False),
    Column("by", String(64), nullable=False),
)

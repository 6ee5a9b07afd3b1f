"""The tables of staff's second factors and of half sign-ins, of the same metadata as `storage/tables.py`."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, LargeBinary, String, Table

from handlers.factors import FactorKind
from storage.tables import Uid, _order, _pepper, metadata
from storage.types import EnumText, UtcTime, words

factors = Table(
    "factors",
    metadata,
    _order(),
    Column("uid", Uid, nullable=False, unique=True),
    Column("staff_uid", Uid, ForeignKey("staff.uid"), nullable=False, index=True),
    Column("kind", EnumText(FactorKind), nullable=False),
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("credential", String(64), nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("last_used_at", UtcTime),
    CheckConstraint(f"kind IN ({words(FactorKind)})", name="kind"),
    CheckConstraint("(kind = 'key') = (credential <> '')", name="key_has_credential"),
)

# Spare codes: a row is one that still works. `expires_at` for one that a supervisor has read out.
spare_codes = Table(
    "spare_codes",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    _pepper(),
    Column("staff_uid", Uid, ForeignKey("staff.uid"), nullable=False, index=True),
    Column("made_by", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
)

half_sign_ins = Table(
    "half_sign_ins",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("staff_uid", Uid, ForeignKey("staff.uid"), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False, index=True),
    Column("tries", Integer, nullable=False),
)

# What a key has to sign, once: of a half sign-in, or of a session that adds a key.
key_challenges = Table(
    "key_challenges",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("challenge", LargeBinary(32), nullable=False),
    Column("created_at", UtcTime, nullable=False, index=True),
)

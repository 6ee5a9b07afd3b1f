"""Which lookup pepper made each keyed hash, so that the pepper can be changed while everything runs.

Contacts have said so from the beginning; whoever else is found by a hash says it from now on. Everything so far is of the first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

HASHED = ("accounts", "bind_codes", "return_codes", "spare_codes")


def upgrade() -> None:
    """One column more for each, one table, and an index by which what is under an older one is found."""
    moment = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "peppers",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("begun_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_peppers")),
    )
    for table in HASHED:
        op.execute(f"ALTER TABLE {table} ADD COLUMN pepper VARCHAR(32) DEFAULT 'lookup_pepper_1' NOT NULL")
    op.create_index("ix_contacts_pepper", "contacts", ["pepper"])


def downgrade() -> None:
    """An older program knows the first pepper alone: whoever is kept under another one would not be found by it again."""
    op.drop_index("ix_contacts_pepper", "contacts")
    for table in HASHED:
        op.execute(f"ALTER TABLE {table} DROP COLUMN pepper")
    op.drop_table("peppers")

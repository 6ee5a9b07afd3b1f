"""How far the owner of a call is on her way off duty, and since when: so that a shift that ends is a column, not a memory.

A column of its own with the check written into it: SQLite adds a column at no cost, and a constraint of the table never.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CHECK = (
    "leaving IN ('no', 'told', 'left', 'alone', 'kept', 'gone')"
    " AND (left_at IS NULL) = (leaving IN ('no', 'kept', 'gone'))"
    " AND (leaving <> 'gone' OR state = 'ringing') AND (leaving IN ('no', 'gone') OR owner_uid IS NOT NULL)"
)


def upgrade() -> None:
    """Two columns more. Whoever holds a call counts as on duty until the watch has seen that she is not."""
    moment = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
    op.add_column("escalations", sa.Column("left_at", moment))
    op.execute(
        "ALTER TABLE escalations ADD COLUMN leaving VARCHAR(32) DEFAULT 'no' NOT NULL"
        f" CONSTRAINT ck_escalations_leaving CHECK ({CHECK})"
    )


def downgrade() -> None:
    """Nobody knows any more whose shift is over: unanswered lines alone bring a call back, as before."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("ck_escalations_leaving", "escalations", type_="check")
    op.execute("ALTER TABLE escalations DROP COLUMN leaving")
    op.execute("ALTER TABLE escalations DROP COLUMN left_at")

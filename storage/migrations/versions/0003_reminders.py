"""A seeker may ask to be written to once, at an hour she names: the reminder's words (sealed) and its time.

A reminder is a timer of the contact, so it stands in the contact's row: whoever forgets her forgets it, too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two columns more, empty for everybody."""
    op.add_column("contacts", sa.Column("reminder_sealed", sa.LargeBinary))
    moment = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
    op.add_column("contacts", sa.Column("reminder_due_at", moment))
    where = sa.text("reminder_due_at IS NOT NULL")
    op.create_index("ix_contacts_reminder", "contacts", ["reminder_due_at"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Open reminders are lost."""
    op.drop_index("ix_contacts_reminder", "contacts")
    with op.batch_alter_table("contacts") as batch:
        batch.drop_column("reminder_due_at")
        batch.drop_column("reminder_sealed")

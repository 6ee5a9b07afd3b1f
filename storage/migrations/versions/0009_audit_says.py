"""What a signed head of the audit log says beside its row: to which key it hands over, which findings are known.

Heads from before say nothing, and are signed as they were.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column more."""
    op.add_column("audit_signed", sa.Column("says", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """An older program finds the signatures under such heads wrong: they were made over what is gone now."""
    op.execute("ALTER TABLE audit_signed DROP COLUMN says")

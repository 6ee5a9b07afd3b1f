"""Recorded audio of the content: each recording once, whichever versions use it.

A set's files keep the hash of a recording only, so that loading a version does not load hours of sound.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table more; sets that are stored already have no recordings."""
    op.create_table(
        "content_recordings",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_content_recordings")),
    )


def downgrade() -> None:
    """The recordings are lost: publish the content again after the next upgrade."""
    op.drop_table("content_recordings")

"""Channels: tokens that platforms hand out, and whom we have told that a reply window shuts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New tables and empty columns; nothing that is there changes."""
    vault()
    op.add_column("contacts", moment("window_told_at", null=True))


def downgrade() -> None:
    """Take the tables away; tokens are handed out anew."""
    op.drop_table("vault")
    with op.batch_alter_table("contacts") as batch:
        batch.drop_column("window_told_at")


def moment(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql"), nullable=null)


def words(name: str, most: int, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(most), nullable=null)


def vault() -> None:
    op.create_table(
        "vault",
        words("name", 64),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=True),
        moment("updated_at", null=True),
        words("lease_holder", 64, null=True),
        moment("lease_until", null=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_vault")),
    )

"""Channels: tokens, staff's accounts on platforms, what platforms call things of ours, what a page says beside the call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New tables and empty columns; nothing that is there changes."""
    vault()
    accounts()
    bind_codes()
    handles()
    media()
    op.add_column("outbox", sa.Column("note", sa.String(32), nullable=False, server_default=""))
    op.add_column("contacts", moment("window_told_at", null=True))
    op.add_column("staff", sa.Column("woman", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Take the tables away; tokens are handed out anew."""
    for table in ("vault", "accounts", "bind_codes", "handles", "media"):
        op.drop_table(table)
    with op.batch_alter_table("outbox") as batch:
        batch.drop_column("note")
    with op.batch_alter_table("contacts") as batch:
        batch.drop_column("window_told_at")
    with op.batch_alter_table("staff") as batch:
        batch.drop_column("woman")


BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def order() -> sa.Column[int]:
    return sa.Column("id", BIG, autoincrement=True, nullable=False)


def moment(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql"), nullable=null)


def words(name: str, most: int, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(most), nullable=null)


def accounts() -> None:
    op.create_table(
        "accounts",
        order(),
        words("uid", 32),
        words("staff_uid", 32),
        words("channel", 64),
        words("lookup", 64),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=False),
        moment("bound_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.ForeignKeyConstraint(["staff_uid"], ["staff.uid"], name=op.f("fk_accounts_staff_uid_staff")),
        sa.UniqueConstraint("uid", name=op.f("uq_accounts_uid")),
        sa.UniqueConstraint("lookup", name=op.f("uq_accounts_lookup")),
    )
    op.create_index("uq_accounts_staff_uid_channel", "accounts", ["staff_uid", "channel"], unique=True)


def bind_codes() -> None:
    op.create_table(
        "bind_codes",
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        words("staff_uid", 32),
        moment("expires_at"),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_bind_codes")),
        sa.ForeignKeyConstraint(["staff_uid"], ["staff.uid"], name=op.f("fk_bind_codes_staff_uid_staff")),
        sa.UniqueConstraint("staff_uid", name=op.f("uq_bind_codes_staff_uid")),
    )


def handles() -> None:
    op.create_table(
        "handles",
        order(),
        words("kind", 16),
        words("owner_uid", 32),
        words("channel", 64),
        words("handle", 128),
        sa.Column("seq", sa.Integer(), nullable=False),
        moment("at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handles")),
    )
    columns = ["owner_uid", "kind", "channel", "handle"]
    op.create_index("uq_handles_owner_uid_kind_channel_handle", "handles", columns, unique=True)
    op.create_index("ix_handles_kind_at", "handles", ["kind", "at"])


def media() -> None:
    op.create_table(
        "media",
        order(),
        words("uid", 32),
        words("case_uid", 32),
        sa.Column("seq", sa.Integer(), nullable=False),
        words("kind", 32),
        words("channel", 64),
        words("state", 32),
        words("mime", 32),
        sa.Column("attempts", sa.Integer(), nullable=False),
        moment("next_attempt_at", null=True),
        moment("created_at"),
        sa.Column("source_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("kind IN ('image', 'voice')", name=op.f("ck_media_kind")),
        sa.CheckConstraint("state IN ('wanted', 'kept', 'refused')", name=op.f("ck_media_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.ForeignKeyConstraint(["case_uid"], ["cases.uid"], name=op.f("fk_media_case_uid_cases")),
        sa.UniqueConstraint("uid", name=op.f("uq_media_uid")),
    )
    op.create_index("ix_media_case_uid", "media", ["case_uid"])
    where = sa.text("state = 'wanted'")
    op.create_index("ix_media_due", "media", ["next_attempt_at"], sqlite_where=where, postgresql_where=where)


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

"""Referrals with their one-time pages, and the commune boundaries an operator may load.

Nothing that was there changes: the directory's rows are texts already, and read their new columns as empty.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Three new tables."""
    boundaries()
    referrals()
    referral_links()


def downgrade() -> None:
    """There is no way back: what was agreed with people would be lost; restore a backup instead."""
    raise NotImplementedError("restore a backup instead")


def words(name: str, most: int | None = None, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(most) if most else sa.Text(), nullable=null)


def moment(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql"), nullable=null)


def check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def boundaries() -> None:
    op.create_table(
        "boundaries",
        words("code", 16),
        words("area"),
        moment("updated_at"),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_boundaries")),
    )


def referrals() -> None:
    op.create_table(
        "referrals",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        words("uid", 32),
        words("case_uid", 32),
        words("status", 32),
        words("need", 32),
        words("kind", 32),
        words("service_id", 64),
        words("items"),
        words("consent_step", 128),
        words("consent_text", 64),
        sa.Column("consent_line", sa.Integer()),
        moment("consented_at", null=True),
        words("tell", 32),
        words("made_by", 64),
        moment("created_at"),
        moment("changed_at"),
        moment("sent_at", null=True),
        sa.Column("details_sealed", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referrals")),
        sa.ForeignKeyConstraint(["case_uid"], ["cases.uid"], name=op.f("fk_referrals_case_uid_cases")),
        sa.UniqueConstraint("uid", name=op.f("uq_referrals_uid")),
        check(
            "referrals",
            "status",
            "status IN ('asked', 'wanted', 'sent', 'accepted', 'refused', 'full', 'served', 'lost', 'declined')",
        ),
        check("referrals", "tell", "tell IN ('every', 'accepted', 'nothing')"),
        check(
            "referrals",
            "consented",
            "status IN ('asked', 'declined') OR (consented_at IS NOT NULL AND consent_text <> '')",
        ),
        check("referrals", "sent", "status IN ('asked', 'wanted', 'declined') OR sent_at IS NOT NULL"),
        check("referrals", "declined_is_empty", "status <> 'declined' OR details_sealed IS NULL"),
    )
    op.create_index("ix_referrals_case_uid", "referrals", ["case_uid"])


def referral_links() -> None:
    op.create_table(
        "referral_links",
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("pin_hash", sa.LargeBinary(32), nullable=False),
        words("referral_uid", 32),
        words("case_uid", 32),
        moment("created_at"),
        moment("opened_at", null=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        moment("ended_at", null=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_referral_links")),
        sa.ForeignKeyConstraint(
            ["referral_uid"],
            ["referrals.uid"],
            name=op.f("fk_referral_links_referral_uid_referrals"),
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_referral_links_referral_uid", "referral_links", ["referral_uid"])

"""Second factors of staff, spare codes, half sign-ins, and what a session was begun with.

Sessions that live stay alive: they were begun with a password alone, which an empty column says.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Four tables and one column more."""
    op.add_column("sign_ins", sa.Column("proof", sa.String(32)))
    factors()
    codes_and_halves()


def downgrade() -> None:
    """Everybody signs in with the password alone again; what was enrolled is lost."""
    for table in ("key_challenges", "half_sign_ins", "spare_codes", "factors"):
        op.drop_table(table)
    with op.batch_alter_table("sign_ins") as batch:
        batch.drop_column("proof")


def words(name: str, most: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(most), nullable=False)


def moment(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql"), nullable=null)


def of_staff(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["staff_uid"], ["staff.uid"], name=op.f(f"fk_{table}_staff_uid_staff"))


def factors() -> None:
    op.create_table(
        "factors",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        words("uid", 32),
        words("staff_uid", 32),
        words("kind", 32),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        words("credential", 64),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        moment("created_at"),
        moment("last_used_at", null=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_factors")),
        sa.UniqueConstraint("uid", name=op.f("uq_factors_uid")),
        of_staff("factors"),
        sa.CheckConstraint("kind IN ('totp', 'key')", name=op.f("ck_factors_kind")),
        sa.CheckConstraint("(kind = 'key') = (credential <> '')", name=op.f("ck_factors_key_has_credential")),
    )
    op.create_index("ix_factors_staff_uid", "factors", ["staff_uid"])


def codes_and_halves() -> None:
    op.create_table(
        "spare_codes",
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        words("staff_uid", 32),
        words("made_by", 64),
        moment("created_at"),
        moment("expires_at", null=True),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_spare_codes")),
        of_staff("spare_codes"),
    )
    op.create_index("ix_spare_codes_staff_uid", "spare_codes", ["staff_uid"])
    op.create_table(
        "half_sign_ins",
        words("token_hash", 64),
        words("staff_uid", 32),
        moment("created_at"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_half_sign_ins")),
        of_staff("half_sign_ins"),
    )
    op.create_index("ix_half_sign_ins_staff_uid", "half_sign_ins", ["staff_uid"])
    op.create_index("ix_half_sign_ins_created_at", "half_sign_ins", ["created_at"])
    op.create_table(
        "key_challenges",
        words("token_hash", 64),
        sa.Column("challenge", sa.LargeBinary(32), nullable=False),
        moment("created_at"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_key_challenges")),
    )
    op.create_index("ix_key_challenges_created_at", "key_challenges", ["created_at"])

"""What is kept and for how long: runs that removed what was due, signed heads of the audit log, and indexes to find what is due.

The audit log still only grows, but for one thing: rows that are older than the retention, up to a head that was signed before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = {
    "ix_inbox_done": ("inbox", "received_at", "state = 'done'"),
    "ix_outbox_done": ("outbox", "done_at", "done_at IS NOT NULL"),
    "ix_cases_closed": ("cases", "closed_at", "closed_at IS NOT NULL AND erased_at IS NULL"),
    "ix_cases_erased": ("cases", "erased_at", "erased_at IS NOT NULL"),
    "ix_contacts_endless": ("contacts", "id", "erase_at IS NULL"),
}


def upgrade() -> None:
    """Three new tables, five indexes, and the guard of the audit log anew."""
    op.create_table(
        "audit_signed",
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        moment("at"),
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_signed")),
    )
    op.create_table(
        "audit_cuts",
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        moment("at"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_cuts")),
    )
    op.create_table(
        "keeping_runs",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
        moment("started_at"),
        moment("ended_at", null=True),
        sa.Column("clean", sa.Boolean(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keeping_runs")),
        sa.UniqueConstraint("uid", name=op.f("uq_keeping_runs_uid")),
    )
    for name, (table, column, rule) in INDEXES.items():
        op.create_index(name, table, [column], sqlite_where=sa.text(rule), postgresql_where=sa.text(rule))
    if op.get_bind().dialect.name == "postgresql":
        guard_on_postgres()
    else:
        guard_on_sqlite()


def moment(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql"), nullable=null)


def guard_on_sqlite() -> None:
    op.execute("DROP TRIGGER audit_log_no_delete")
    op.execute(
        "CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log "
        "WHEN OLD.seq > coalesce((SELECT max(seq) FROM audit_cuts), 0) "
        "BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
    )


def guard_on_postgres() -> None:
    op.execute("DROP TRIGGER audit_log_only_grows ON audit_log")
    op.execute(
        "CREATE TRIGGER audit_log_only_grows BEFORE UPDATE OR TRUNCATE ON audit_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_only_grows()"
    )
    op.execute(
        "CREATE FUNCTION audit_log_keeps() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN IF OLD.seq > coalesce((SELECT max(seq) FROM audit_cuts), 0) THEN "
        "RAISE EXCEPTION 'the audit log only grows'; END IF; RETURN OLD; END$$"
    )
    op.execute(
        "CREATE TRIGGER audit_log_keeps BEFORE DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_keeps()"
    )
    op.execute("GRANT DELETE ON audit_log TO CURRENT_USER")


def downgrade() -> None:
    """The runs and the signed heads are lost; a log that has been cut cannot be checked by the older program."""
    raise NotImplementedError("restore a backup instead")

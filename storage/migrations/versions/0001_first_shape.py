"""The first shape of the database: every table of the first issue.

Written out in plain types and never changed again: it is the record of what databases out there look like.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DISPOSITION = (
    "disposition IN ('helped', 'informed', 'referred', 'declined', 'lost', "
    "'false_alarm', 'prank', 'bot_only', 'cancelled', 'erased')"
)


def upgrade() -> None:
    """From nothing to the first shape."""
    for make in (
        audit_head,
        audit_log,
        cases,
        contacts,
        content_sets,
        facts,
        failures,
        key_removals,
        outbox,
        services,
        settings,
        staff,
        content_current,
        escalations,
        inbox,
        lines,
        return_codes,
        sign_ins,
    ):
        make()
    if op.get_bind().dialect.name == "postgresql":
        only_grows_on_postgres()
    else:
        only_grows_on_sqlite()


def only_grows_on_sqlite() -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_log_no_{verb.lower()} BEFORE {verb} ON audit_log "
            "BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
        )


def only_grows_on_postgres() -> None:
    op.execute(
        "CREATE FUNCTION audit_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'the audit log only grows'; END$$"
    )
    op.execute(
        "CREATE TRIGGER audit_log_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_only_grows()"
    )
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM PUBLIC, CURRENT_USER")


def downgrade() -> None:
    """There is no way back from the first shape; restore a backup instead."""
    raise NotImplementedError("restore a backup instead")


def order() -> sa.Column[int]:
    return sa.Column("id", BIG, autoincrement=True, nullable=False)


def uid() -> sa.Column[str]:
    return words("uid", 32)


def words(name: str, most: int | None = None, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(most) if most else sa.Text(), nullable=null)


def moment(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql"), nullable=null)


def number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=null)


def flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def binary(name: str, size: int | None = None, *, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(size), nullable=null)


def check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def index(name: str, table: str, *columns: str, where: str | None = None, unique: bool = False) -> None:
    rule = None if where is None else sa.text(where)
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=rule, postgresql_where=rule)


def audit_head() -> None:
    op.create_table(
        "audit_head",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        binary("hash", 32),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_audit_head")),
        check("audit_head", "one", "one = 1"),
    )


def audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        moment("at"),
        words("actor", 64),
        words("action", 64),
        words("object", 64),
        words("detail"),
        binary("prev", 32),
        binary("hash", 32),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_log")),
    )
    index("ix_audit_log_object", "audit_log", "object")


def cases() -> None:
    op.create_table(
        "cases",
        order(),
        uid(),
        words("contact_uid", 32),
        words("code", 16),
        moment("opened_at"),
        words("channel", 64),
        words("desk", 64),
        words("severity", 32),
        words("category", 64),
        binary("summary_sealed", null=True),
        number("next_seq"),
        moment("listed_at", null=True),
        moment("asked_at", null=True),
        moment("agreed_at", null=True),
        moment("retracted_at", null=True),
        moment("danger_at", null=True),
        moment("last_inbound_at", null=True),
        moment("last_human_at", null=True),
        flag("human"),
        moment("next_due_at", null=True),
        flag("practice"),
        moment("closed_at", null=True),
        words("disposition", 32, null=True),
        moment("erased_at", null=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("code", name=op.f("uq_cases_code")),
        sa.UniqueConstraint("uid", name=op.f("uq_cases_uid")),
        check("cases", "closed_with_disposition", "(closed_at IS NULL) = (disposition IS NULL)"),
        check(
            "cases",
            "disposition",
            DISPOSITION,
        ),
        check("cases", "next_seq", "next_seq >= 1"),
        check("cases", "severity", "severity IN ('none', 'info', 'standard', 'urgent', 'emergency')"),
    )
    index("ix_cases_contact_uid", "cases", "contact_uid")
    index("ix_cases_due", "cases", "next_due_at", where="closed_at IS NULL")
    index("ix_cases_listed", "cases", "listed_at", where="closed_at IS NULL AND listed_at IS NOT NULL")


def contacts() -> None:
    op.create_table(
        "contacts",
        order(),
        uid(),
        words("channel", 64),
        words("lookup", 64),
        words("pepper", 32),
        binary("address_sealed"),
        binary("session_sealed", null=True),
        words("content_version", 64),
        moment("session_due_at", null=True),
        number("pending"),
        moment("next_run_at", null=True),
        moment("last_served_at", null=True),
        moment("last_inbound_at", null=True),
        moment("stay_started_at", null=True),
        flag("quiet"),
        flag("confirmed"),
        words("late_answer", 32),
        moment("late_until_at", null=True),
        words("inbound_day", 10),
        number("inbound_count"),
        moment("blocked_at", null=True),
        moment("hidden_at", null=True),
        moment("erase_at", null=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("lookup", name=op.f("uq_contacts_lookup")),
        sa.UniqueConstraint("uid", name=op.f("uq_contacts_uid")),
        check("contacts", "pending", "pending >= 0"),
    )
    index("ix_contacts_erase", "contacts", "erase_at", where="erase_at IS NOT NULL")
    index("ix_contacts_ready", "contacts", "last_served_at", where="pending > 0")
    index("ix_contacts_timer", "contacts", "session_due_at", where="session_due_at IS NOT NULL")


def content_sets() -> None:
    op.create_table(
        "content_sets",
        words("version", 64),
        binary("files"),
        moment("published_at"),
        words("published_by", 64),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_content_sets")),
    )


def facts() -> None:
    op.create_table(
        "facts",
        order(),
        words("month", 7),
        words("channel", 64),
        words("severity", 32),
        words("category", 64),
        words("disposition", 32),
        words("commune", 16),
        words("about", 16),
        words("age_band", 16),
        flag("asked_for_person"),
        number("first_page_s", null=True),
        number("claim_s", null=True),
        number("first_reply_s", null=True),
        number("lines_in"),
        number("lines_out"),
        flag("practice"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facts")),
        check(
            "facts",
            "disposition",
            DISPOSITION,
        ),
        check("facts", "severity", "severity IN ('none', 'info', 'standard', 'urgent', 'emergency')"),
    )
    index("ix_facts_month", "facts", "month")


def failures() -> None:
    op.create_table(
        "failures",
        order(),
        words("key", 255),
        moment("at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failures")),
    )
    index("ix_failures_at", "failures", "at")
    index("ix_failures_key_at", "failures", "key", "at")


def key_removals() -> None:
    op.create_table(
        "key_removals",
        words("uid", 32),
        moment("removed_at"),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_key_removals")),
    )


def outbox() -> None:
    op.create_table(
        "outbox",
        order(),
        uid(),
        words("dedupe_key", 255),
        words("lane", 64),
        words("kind", 32),
        moment("created_at"),
        words("contact_uid", 32, null=True),
        words("staff_uid", 32, null=True),
        words("surface", 64),
        words("case_uid", 32, null=True),
        words("escalation_uid", 32, null=True),
        number("epoch", null=True),
        words("line_uid", 32, null=True),
        binary("outgoing_sealed", null=True),
        moment("fresh_until", null=True),
        words("state", 32),
        number("attempts"),
        moment("next_attempt_at", null=True),
        words("lease_token", 32, null=True),
        moment("lease_until", null=True),
        words("error_class", 64),
        moment("done_at", null=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_outbox_dedupe_key")),
        sa.UniqueConstraint("uid", name=op.f("uq_outbox_uid")),
        check("outbox", "kind", "kind IN ('page', 'card', 'relay', 'bot', 'waiting')"),
        check("outbox", "leased", "(state = 'sending') = (lease_token IS NOT NULL)"),
        check("outbox", "own_lane", "contact_uid IS NULL OR lane = 'c:' || contact_uid"),
        check("outbox", "page_goes_to_staff", "(kind = 'page') = (contact_uid IS NULL)"),
        check("outbox", "state", "state IN ('pending', 'sending', 'sent', 'held', 'failed', 'cancelled')"),
    )
    index("ix_outbox_case_uid", "outbox", "case_uid")
    index("ix_outbox_contact", "outbox", "contact_uid", where="state IN ('pending', 'sending', 'held')")
    index("ix_outbox_fresh", "outbox", "fresh_until", where="state IN ('pending', 'sending')")
    index("ix_outbox_lane", "outbox", "lane", "id", where="state IN ('pending', 'sending')")
    index("ix_outbox_line", "outbox", "line_uid", where="line_uid IS NOT NULL")
    index("ix_outbox_pages", "outbox", "escalation_uid", where="state = 'pending' AND kind = 'page'")


def services() -> None:
    op.create_table(
        "services",
        words("id", 64),
        words("row"),
        moment("updated_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
    )


def settings() -> None:
    op.create_table(
        "settings",
        words("name", 64),
        words("value"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )


def staff() -> None:
    op.create_table(
        "staff",
        order(),
        uid(),
        words("name", 64),
        words("name_key", 64),
        words("alias", 64),
        words("roles"),
        words("password_hash", 255),
        flag("enabled"),
        words("duty", 32),
        moment("duty_until_at", null=True),
        moment("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("name_key", name=op.f("uq_staff_name_key")),
        sa.UniqueConstraint("uid", name=op.f("uq_staff_uid")),
    )


def content_current() -> None:
    op.create_table(
        "content_current",
        order(),
        words("version", 64),
        moment("published_at"),
        words("published_by", 64),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_current")),
        sa.ForeignKeyConstraint(
            ["version"], ["content_sets.version"], name=op.f("fk_content_current_version_content_sets")
        ),
    )


def escalations() -> None:
    op.create_table(
        "escalations",
        order(),
        uid(),
        words("case_uid", 32),
        words("state", 32),
        words("ladder"),
        moment("created_at"),
        moment("next_due_at", null=True),
        number("epoch"),
        number("round"),
        number("rung"),
        number("reminders"),
        words("owner_uid", 32, null=True),
        words("previous_owner_uid", 32, null=True),
        words("only_staff_uid", 32, null=True),
        flag("asked_for"),
        moment("unanswered_since", null=True),
        moment("told_waiting_at", null=True),
        number("fallback_round"),
        moment("first_page_at", null=True),
        moment("claimed_at", null=True),
        moment("first_reply_at", null=True),
        moment("ended_at", null=True),
        words("ended_reason", 64),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalations")),
        sa.ForeignKeyConstraint(["case_uid"], ["cases.uid"], name=op.f("fk_escalations_case_uid_cases")),
        sa.UniqueConstraint("uid", name=op.f("uq_escalations_uid")),
        check("escalations", "open_is_timed", "(next_due_at IS NULL) = (state = 'ended')"),
        check("escalations", "owner", "(owner_uid IS NULL) = (state IN ('ringing', 'ended'))"),
        check("escalations", "state", "state IN ('ringing', 'claimed', 'owing', 'answered', 'ended')"),
    )
    index("ix_escalations_case_uid", "escalations", "case_uid")
    index("ix_escalations_due", "escalations", "next_due_at", where="state <> 'ended'")
    index("ix_escalations_owner", "escalations", "owner_uid", where="owner_uid IS NOT NULL")
    index("uq_escalations_one_open", "escalations", "case_uid", where="state <> 'ended'", unique=True)


def inbox() -> None:
    op.create_table(
        "inbox",
        order(),
        uid(),
        words("contact_uid", 32, null=True),
        words("channel", 64),
        words("message_id", 255),
        binary("message_sealed", null=True),
        moment("received_at"),
        words("state", 32),
        number("attempts"),
        words("error_class", 64),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.ForeignKeyConstraint(
            ["contact_uid"], ["contacts.uid"], name=op.f("fk_inbox_contact_uid_contacts"), ondelete="SET NULL"
        ),
        sa.UniqueConstraint("uid", name=op.f("uq_inbox_uid")),
        check("inbox", "new_is_whole", "state <> 'new' OR (contact_uid IS NOT NULL AND message_sealed IS NOT NULL)"),
        check("inbox", "state", "state IN ('new', 'done', 'dead')"),
    )
    index("ix_inbox_lane", "inbox", "contact_uid", "state", "id")
    index("uq_inbox_channel_message_id", "inbox", "channel", "message_id", unique=True)


def lines() -> None:
    op.create_table(
        "lines",
        order(),
        uid(),
        words("case_uid", 32),
        number("seq"),
        words("direction", 32),
        words("author", 64),
        binary("body_sealed"),
        words("inbox_uid", 32, null=True),
        words("client_key", 64, null=True),
        moment("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lines")),
        sa.ForeignKeyConstraint(["case_uid"], ["cases.uid"], name=op.f("fk_lines_case_uid_cases")),
        sa.UniqueConstraint("uid", name=op.f("uq_lines_uid")),
        check("lines", "direction", "direction IN ('in', 'out', 'note')"),
    )
    index(
        "uq_lines_case_uid_client_key", "lines", "case_uid", "client_key", where="client_key IS NOT NULL", unique=True
    )
    index("uq_lines_case_uid_seq", "lines", "case_uid", "seq", unique=True)
    index("uq_lines_inbox_uid", "lines", "inbox_uid", where="inbox_uid IS NOT NULL AND direction = 'in'", unique=True)


def return_codes() -> None:
    op.create_table(
        "return_codes",
        binary("code_hash", 32),
        words("contact_uid", 32),
        moment("created_at"),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_return_codes")),
        sa.ForeignKeyConstraint(
            ["contact_uid"], ["contacts.uid"], name=op.f("fk_return_codes_contact_uid_contacts"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("contact_uid", name=op.f("uq_return_codes_contact_uid")),
    )


def sign_ins() -> None:
    op.create_table(
        "sign_ins",
        words("token_hash", 64),
        words("staff_uid", 32),
        moment("created_at"),
        moment("last_seen_at"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_ins")),
        sa.ForeignKeyConstraint(["staff_uid"], ["staff.uid"], name=op.f("fk_sign_ins_staff_uid_staff")),
    )
    index("ix_sign_ins_staff_uid", "sign_ins", "staff_uid")

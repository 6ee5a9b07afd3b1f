"""Every table of the hotline's database, its constraints and its indexes of open rows.

`id` gives order only and is never referenced; `uid` is made by the application, is referenced, and is part of what the
seals of a row are bound to. Columns called `..._sealed` hold ciphertext of `storage/crypto.py`, never anything else.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    event,
    false,
    text,
)

from flows.effects import LateAnswer
from flows.severity import Severity
from handlers.factors import Proof
from handlers.model import (
    Direction,
    Disposition,
    DutySwitch,
    EscalationState,
    InboxState,
    Ladder,
    Leaving,
    OutboxKind,
    OutboxState,
    Role,
)
from storage.types import EnumText, Packed, UtcTime, words

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

Uid = String(32)
_OPEN_ROW = "state IN ('pending', 'sending')"
_LEAVING = (
    f"leaving IN ({words(Leaving)}) AND (left_at IS NULL) = (leaving IN ('no', 'kept', 'gone'))"
    " AND (leaving <> 'gone' OR state = 'ringing') AND (leaving IN ('no', 'gone') OR owner_uid IS NOT NULL)"
)


def _order() -> Column[int]:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _uid() -> Column[str]:
    return Column("uid", Uid, nullable=False, unique=True)


def _pepper() -> Column[str]:
    """Which lookup pepper made the hash of this row; rows from before there were several are of the first."""
    return Column("pepper", String(32), nullable=False, server_default="lookup_pepper_1")


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


contacts = Table(
    "contacts",
    metadata,
    _order(),
    _uid(),
    Column("channel", String(64), nullable=False),
    Column("lookup", String(64), nullable=False, unique=True),
    Column("pepper", String(32), nullable=False),
    Column("address_sealed", LargeBinary, nullable=False),
    Column("session_sealed", LargeBinary),
    Column("content_version", String(64), nullable=False),
    Column("session_due_at", UtcTime),
    Column("pending", Integer, nullable=False),
    Column("next_run_at", UtcTime),
    Column("last_served_at", UtcTime),
    Column("last_inbound_at", UtcTime),
    Column("stay_started_at", UtcTime),
    Column("quiet", Boolean, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("late_answer", EnumText(LateAnswer), nullable=False),
    Column("late_until_at", UtcTime),
    Column("inbound_day", String(10), nullable=False),
    Column("inbound_count", Integer, nullable=False),
    Column("blocked_at", UtcTime),
    Column("window_told_at", UtcTime),
    Column("hidden_at", UtcTime),
    Column("erase_at", UtcTime),
    Column("reminder_sealed", LargeBinary),
    Column("reminder_due_at", UtcTime),
    CheckConstraint("pending >= 0", name="pending"),
    Index("ix_contacts_pepper", "pepper"),
    _partial("ix_contacts_ready", "last_served_at", where="pending > 0"),
    _partial("ix_contacts_timer", "session_due_at", where="session_due_at IS NOT NULL"),
    _partial("ix_contacts_erase", "erase_at", where="erase_at IS NOT NULL"),
    _partial("ix_contacts_reminder", "reminder_due_at", where="reminder_due_at IS NOT NULL"),
    _partial("ix_contacts_endless", "id", where="erase_at IS NULL"),
)

# A forgotten contact leaves its inbox rows behind without content and without the contact, so that a late redelivery of
# one of her messages is still recognised and does not make her appear again.
inbox = Table(
    "inbox",
    metadata,
    _order(),
    _uid(),
    Column("contact_uid", Uid, ForeignKey("contacts.uid", ondelete="SET NULL")),
    Column("channel", String(64), nullable=False),
    Column("message_id", String(255), nullable=False),
    Column("message_sealed", LargeBinary),
    Column("received_at", UtcTime, nullable=False),
    Column("state", EnumText(InboxState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error_class", String(64), nullable=False),
    CheckConstraint(f"state IN ({words(InboxState)})", name="state"),
    CheckConstraint("state <> 'new' OR (contact_uid IS NOT NULL AND message_sealed IS NOT NULL)", name="new_is_whole"),
    Index("uq_inbox_channel_message_id", "channel", "message_id", unique=True),
    Index("ix_inbox_lane", "contact_uid", "state", "id"),
    _partial("ix_inbox_done", "received_at", where="state = 'done'"),
)

# `contact_uid` of cases and outbox rows is a plain value: the contact may be forgotten before the case is.
cases = Table(
    "cases",
    metadata,
    _order(),
    _uid(),
    Column("contact_uid", Uid, nullable=False, index=True),
    Column("code", String(16), nullable=False, unique=True),
    Column("opened_at", UtcTime, nullable=False),
    Column("channel", String(64), nullable=False),
    Column("desk", String(64), nullable=False),
    Column("severity", EnumText(Severity), nullable=False),
    Column("category", String(64), nullable=False),
    Column("summary_sealed", LargeBinary),
    Column("next_seq", Integer, nullable=False),
    Column("listed_at", UtcTime),
    Column("asked_at", UtcTime),
    Column("agreed_at", UtcTime),
    Column("retracted_at", UtcTime),
    Column("danger_at", UtcTime),
    Column("last_inbound_at", UtcTime),
    Column("last_human_at", UtcTime),
    Column("human", Boolean, nullable=False),
    Column("next_due_at", UtcTime),
    Column("practice", Boolean, nullable=False),
    Column("closed_at", UtcTime),
    Column("disposition", EnumText(Disposition)),
    Column("erased_at", UtcTime),
    CheckConstraint(f"severity IN ({words(Severity)})", name="severity"),
    CheckConstraint(f"disposition IN ({words(Disposition)})", name="disposition"),
    CheckConstraint("(closed_at IS NULL) = (disposition IS NULL)", name="closed_with_disposition"),
    CheckConstraint("next_seq >= 1", name="next_seq"),
    _partial("ix_cases_due", "next_due_at", where="closed_at IS NULL"),
    _partial("ix_cases_listed", "listed_at", where="closed_at IS NULL AND listed_at IS NOT NULL"),
    _partial("ix_cases_closed", "closed_at", where="closed_at IS NOT NULL AND erased_at IS NULL"),
    _partial("ix_cases_erased", "erased_at", where="erased_at IS NOT NULL"),
)

lines = Table(
    "lines",
    metadata,
    _order(),
    _uid(),
    Column("case_uid", Uid, ForeignKey("cases.uid"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("direction", EnumText(Direction), nullable=False),
    Column("author", String(64), nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
    Column("inbox_uid", Uid),
    Column("client_key", String(64)),
    Column("created_at", UtcTime, nullable=False),
    CheckConstraint(f"direction IN ({words(Direction)})", name="direction"),
    Index("uq_lines_case_uid_seq", "case_uid", "seq", unique=True),
    _partial("uq_lines_case_uid_client_key", "case_uid", "client_key", where="client_key IS NOT NULL", unique=True),
    # A message stands in a transcript at most once; the bot's answers may name the same message.
    _partial("uq_lines_inbox_uid", "inbox_uid", where="inbox_uid IS NOT NULL AND direction = 'in'", unique=True),
)

escalations = Table(
    "escalations",
    metadata,
    _order(),
    _uid(),
    Column("case_uid", Uid, ForeignKey("cases.uid"), nullable=False, index=True),
    Column("state", EnumText(EscalationState), nullable=False),
    Column("ladder", Packed(Ladder), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("next_due_at", UtcTime),
    Column("epoch", Integer, nullable=False),
    Column("round", Integer, nullable=False),
    Column("rung", Integer, nullable=False),
    Column("reminders", Integer, nullable=False),
    Column("owner_uid", Uid),
    Column("previous_owner_uid", Uid),
    Column("only_staff_uid", Uid),
    Column("asked_for", Boolean, nullable=False),
    Column("unanswered_since", UtcTime),
    Column("told_waiting_at", UtcTime),
    Column("fallback_round", Integer, nullable=False),
    Column("first_page_at", UtcTime),
    Column("claimed_at", UtcTime),
    Column("first_reply_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("ended_reason", String(64), nullable=False),
    Column("left_at", UtcTime),
    Column(
        "leaving", EnumText(Leaving), CheckConstraint(_LEAVING, name="leaving"), nullable=False, server_default="no"
    ),
    CheckConstraint(f"state IN ({words(EscalationState)})", name="state"),
    CheckConstraint("(owner_uid IS NULL) = (state IN ('ringing', 'ended'))", name="owner"),
    CheckConstraint("(next_due_at IS NULL) = (state = 'ended')", name="open_is_timed"),
    _partial("uq_escalations_one_open", "case_uid", where="state <> 'ended'", unique=True),
    _partial("ix_escalations_due", "next_due_at", where="state <> 'ended'"),
    _partial("ix_escalations_owner", "owner_uid", where="owner_uid IS NOT NULL"),
)

outbox = Table(
    "outbox",
    metadata,
    _order(),
    _uid(),
    Column("dedupe_key", String(255), nullable=False, unique=True),
    Column("lane", String(64), nullable=False),
    Column("kind", EnumText(OutboxKind), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("contact_uid", Uid),
    Column("staff_uid", Uid),
    Column("surface", String(64), nullable=False),
    Column("case_uid", Uid, index=True),
    Column("escalation_uid", Uid),
    Column("epoch", Integer),
    Column("line_uid", Uid),
    Column("note", String(32), nullable=False, server_default=""),
    Column("outgoing_sealed", LargeBinary),
    Column("fresh_until", UtcTime),
    Column("state", EnumText(OutboxState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcTime),
    Column("lease_token", Uid),
    Column("lease_until", UtcTime),
    Column("error_class", String(64), nullable=False),
    Column("done_at", UtcTime),
    CheckConstraint(f"state IN ({words(OutboxState)})", name="state"),
    CheckConstraint(f"kind IN ({words(OutboxKind)})", name="kind"),
    CheckConstraint("(state = 'sending') = (lease_token IS NOT NULL)", name="leased"),
    CheckConstraint("(kind = 'page') = (contact_uid IS NULL)", name="page_goes_to_staff"),
    CheckConstraint("contact_uid IS NULL OR lane = 'c:' || contact_uid", name="own_lane"),
    _partial("ix_outbox_lane", "lane", "id", where=_OPEN_ROW),
    _partial("ix_outbox_fresh", "fresh_until", where=_OPEN_ROW),
    _partial("ix_outbox_contact", "contact_uid", where="state IN ('pending', 'sending', 'held')"),
    _partial("ix_outbox_pages", "escalation_uid", where="state = 'pending' AND kind = 'page'"),
    _partial("ix_outbox_line", "line_uid", where="line_uid IS NOT NULL"),
    _partial("ix_outbox_done", "done_at", where="done_at IS NOT NULL"),
)

staff = Table(
    "staff",
    metadata,
    _order(),
    _uid(),
    Column("name", String(64), nullable=False),
    Column("name_key", String(64), nullable=False, unique=True),
    Column("alias", String(64), nullable=False),
    Column("roles", Packed(tuple[Role, ...]), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("duty", EnumText(DutySwitch), nullable=False),
    Column("duty_until_at", UtcTime),
    Column("woman", Boolean, nullable=False, server_default=false()),
    Column("created_at", UtcTime, nullable=False),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("staff_uid", Uid, ForeignKey("staff.uid"), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("proof", EnumText(Proof)),
)

failures = Table(
    "failures",
    metadata,
    _order(),
    Column("key", String(255), nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("ix_failures_key_at", "key", "at"),
    Index("ix_failures_at", "at"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("prev", LargeBinary(32), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Index("ix_audit_log_object", "object"),
)
_NO_DELETE_ABOVE_A_CUT = "WHEN OLD.seq > coalesce((SELECT max(seq) FROM audit_cuts), 0) "  # rows past their time may go
for _verb, _when in (("UPDATE", ""), ("DELETE", _NO_DELETE_ABOVE_A_CUT)):
    event.listen(
        audit_log,
        "after_create",
        DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER audit_log_no_{_verb.lower()} BEFORE {_verb} ON audit_log "
            f"{_when}BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
        ).execute_if(dialect="sqlite"),
    )
for _statement in (
    "CREATE FUNCTION audit_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
    "$$BEGIN RAISE EXCEPTION 'the audit log only grows'; END$$",
    "CREATE TRIGGER audit_log_only_grows BEFORE UPDATE OR TRUNCATE ON audit_log "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_only_grows()",
    "CREATE FUNCTION audit_log_keeps() RETURNS trigger LANGUAGE plpgsql AS "
    "$$BEGIN IF OLD.seq > coalesce((SELECT max(seq) FROM audit_cuts), 0) THEN "
    "RAISE EXCEPTION 'the audit log only grows'; END IF; RETURN OLD; END$$",
    "CREATE TRIGGER audit_log_keeps BEFORE DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_keeps()",
    "REVOKE UPDATE, TRUNCATE ON audit_log FROM PUBLIC, CURRENT_USER",
):
    event.listen(
        audit_log,
        "after_create",
        DDL(_statement).execute_if(dialect="postgresql"),  # type: ignore[no-untyped-call]
    )

audit_head = Table(
    "audit_head",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    CheckConstraint("one = 1", name="one"),
)

"""Staff and what is written down of them, and the facts that stay when a case is erased."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from flows.effects import Value
from flows.severity import Severity
from handlers.factors import Proof
from handlers.model.stays import Disposition


class Role(StrEnum):
    """What a staff member may be; what each may do stands in `handlers/permissions.py` alone."""

    COUNSELLOR = "counsellor"
    SUPERVISOR = "supervisor"
    EDITOR = "editor"
    OPERATOR = "operator"
    INSPECTOR = "inspector"


class DutySwitch(StrEnum):
    """The on-duty switch of the desk page: it overrides the roster until the staff member's shift would change."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """One staff member. `alias` is the only name a seeker ever sees."""

    uid: str
    name: str  # sign-in name
    alias: str
    roles: tuple[Role, ...]
    password_hash: str = field(default="", repr=False)
    enabled: bool = True
    duty: DutySwitch = DutySwitch.AUTO
    duty_until_at: datetime | None = None  # the switch falls back to AUTO then
    woman: bool = False  # as seekers may ask for one
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A staff session: the database keeps only the SHA-256 of its token. Idle 20 min, absolute 12 h."""

    token_hash: str
    staff_uid: str
    created_at: datetime
    last_seen_at: datetime
    proof: Proof | None = None  # what she showed beside the password; None: nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One row of the audit log: ids and enums only, never content. `actor` is a staff uid, "system" or "seeker"."""

    actor: str
    action: str  # a constant of handlers/audit.py
    object: str = ""  # case code or staff uid
    detail: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One anonymised row for statistics, written at close: no text, no identifiers, so that it outlives erasure."""

    month: str  # YYYY-MM of closing
    channel: str
    severity: Severity
    category: str
    disposition: Disposition
    commune: str = ""
    about: str = ""
    age_band: str = ""
    asked_for_person: bool = False
    first_page_s: int | None = None
    claim_s: int | None = None
    first_reply_s: int | None = None
    lines_in: int = 0
    lines_out: int = 0
    practice: bool = False

"""What goes out: lines to seekers and pages to staff, each with what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from flows.effects import Button
from flows.severity import Severity
from handlers.model.incoming import Address


class OutboxKind(StrEnum):
    """What an outbox row is; pages go before replies."""

    PAGE = "page"  # to staff, content-free
    CARD = "card"  # emergency card or safety text to the seeker
    RELAY = "relay"  # a counsellor's line
    BOT = "bot"  # a line of a flow or a phrase
    WAITING = "waiting"  # an honest waiting line: a newer one cancels an older pending or held one


class OutboxState(StrEnum):
    """Where an outbox row stands; sent, failed and cancelled are final, held waits for her next line."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    HELD = "held"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A point on a map to show beside a text: only ever of a public service (never of a person, never of a hiding place)."""

    title: str  # neutral: a locked screen may show it
    note: str  # neutral too: where the name stands
    lat: float
    lon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What is to be shown to a seeker, before a channel renders it (sealed in the outbox under the contact's key)."""

    text: str = field(repr=False)
    buttons: tuple[Button, ...] = field(default=(), repr=False)
    wants_location: bool = False
    audio: str = ""  # SHA-256 (hex) of the recording that reads it out, see `ContentStore.recording`
    language: str = ""  # of the text; "" for the language of the content set
    wipe: tuple[str, ...] = field(default=(), repr=False)  # handles of messages to take away; nothing is shown then
    pins: tuple[Pin, ...] = ()  # for channels that show maps; the text says all that matters without them


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One thing to send. For a seeker the address is never here: it is derived from `contact_uid` at the moment of sending."""

    uid: str
    dedupe_key: str  # unique; for pages escalation:epoch:round:rung:staff:surface
    lane: str  # "c:<contact uid>" or "s:<staff uid>": first in, first out inside, parallel across
    kind: OutboxKind
    created_at: datetime
    contact_uid: str | None = None
    staff_uid: str | None = None
    surface: str = ""  # for pages: "desk", later others
    case_uid: str | None = None
    escalation_uid: str | None = None
    epoch: int | None = None
    line_uid: str | None = None  # the transcript line this delivers
    note: str = ""  # pages: what is said beside the call, a word of `handlers.paging`
    outgoing: Outgoing | None = field(default=None, repr=False)  # None for pages
    fresh_until: datetime | None = None
    state: OutboxState = OutboxState.PENDING
    attempts: int = 0
    next_attempt_at: datetime | None = None
    lease_token: str | None = None
    lease_until: datetime | None = None
    error_class: str = ""
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendJob:
    """A claimed outbox row with everything the sender needs; the address decrypts only under the row's own contact."""

    row: OutboxRow
    address: Address | None = None  # seekers; pages: her account on the surface's channel, where she has bound one
    heard_at: datetime | None = None  # seekers: her last line, for channels that shut a while after it
    case_code: str = ""  # pages
    severity: Severity = Severity.NONE
    waiting_since: datetime | None = None
    staff_name: str = ""  # pages to one staff member: her sign-in name
    staff_alias: str = ""  # and her alias
    owner_alias: str = ""  # pages: who holds the case now


class Outcome(StrEnum):
    """What became of a send attempt."""

    SENT = "sent"
    RETRY = "retry"  # try again at `retry_at`
    FAILED = "failed"  # for good; the counsellor sees it
    BLOCKED = "blocked"  # she blocked us; the counsellor sees "not reachable"

"""The words of the hotline as frozen values. See part 2 of the design for what each word means.

Every record has a `uid` (made by the application, used in references and in authenticated encryption). All datetimes are
aware, UTC, and named `..._at`. Fields with people's text are kept out of `repr`, so that no log or exception can carry them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from time import time

from flows.effects import Button, LateAnswer, Value
from flows.severity import Severity
from handlers.chance import chance
from handlers.factors import Proof

_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


def new_uid() -> str:
    """A fresh identifier, 32 hex digits: the hour in the first 20 bits, 102 random bits, version 8 of RFC 9562.

    Rows of one hour stand together in every index, so that a commit touches as few pages with a million conversations stored as
    with a thousand. It is never a secret, and tells no more than the row's own times.
    """
    digits = chance().hex()
    hour = int(time()) // 3600 & 0xFFFFF
    return f"{hour:05x}{digits[5:12]}8{digits[13:16]}{_VARIANT[digits[16]]}{digits[17:]}"


def new_row_uid() -> str:
    """An identifier like those of `new_uid`, with the millisecond in the next 24 bits and 78 random ones. Only for rows that say
    themselves when they were made, as long as they live: messages, lines, what goes out.

    Rows of one commit stand together in every index: of the pages that a commit wrote, more than a third were leaves of an index
    with one new row each.
    """
    digits = chance().hex()
    hours, milliseconds = divmod(int(time() * 1000), 3_600_000)
    return f"{hours & 0xFFFFF:05x}{milliseconds:06x}{digits[11]}8{digits[13:16]}{_VARIANT[digits[16]]}{digits[17:]}"


# --- what comes in ------------------------------------------------------------------------------------------------


class MessageKind(StrEnum):
    """What the seeker sent, after the channel has parsed it."""

    TEXT = "text"
    CHOICE = "choice"  # pressed a button; `choice` holds its opaque data
    LOCATION = "location"  # shared a point; coarsened to communes before it is stored
    START = "start"  # opened the chat (/start, page opened)
    UNSUPPORTED = "unsupported"  # voice, picture, sticker, anything we cannot read: a person is there
    EDITED = "edited"  # changed a message she had sent: shown and screened, but it answers no question
    BLOCKED = "blocked"  # the platform says she has blocked or left the channel
    CODE = "code"  # typed a return code on the web page's own form
    JOINED = "joined"  # followed the account or opened its chat: greeted, unless a talk is under way
    WITHHELD = "withheld"  # the platform does not show us what she sent: she may be a child
    WITHDRAWN = "withdrawn"  # told the platform to withdraw her consent: everything of hers is erased


@dataclass(frozen=True, slots=True)
class Address:
    """Where a seeker can be reached: a configured channel and her id there. Never logged, stored only hashed and sealed."""

    channel: str
    platform_id: str = field(repr=False)


class MediaKind(StrEnum):
    """What may be shown to staff as it is, after cleaning."""

    IMAGE = "image"
    VOICE = "voice"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or a voice note beside a message, as the platform lets us fetch it."""

    kind: MediaKind
    source: str = field(
        default="", repr=False
    )  # the platform's name or address of the file; "" once it must not be fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """One message of a seeker, whitelisted fields only; made by a channel, consumed by `inbound.accept`."""

    address: Address
    message_id: str  # unique per channel; a redelivery carries the same one
    kind: MessageKind
    text: str = field(default="", repr=False)
    choice: str = field(default="", repr=False)
    point: tuple[float, float] | None = field(default=None, repr=False)  # (lat, lon); dropped in `accept`
    handle: str = field(default="", repr=False)  # how the platform calls it, where it can be taken away again
    attachment: Attachment | None = None
    language: str = ""  # chosen at the door (the page's); a talk that begins with this message begins in it


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """What the inbox keeps of a message (sealed): the point has become communes."""

    kind: MessageKind
    text: str = field(default="", repr=False)
    choice: str = field(default="", repr=False)
    communes: tuple[str, ...] = ()  # nearest first
    attachment: Attachment | None = None
    language: str = ""  # chosen at the door, see `InboundMessage`


class InboxState(StrEnum):
    """Where an inbox row stands."""

    NEW = "new"
    DONE = "done"
    DEAD = "dead"  # failed three times; a human reads it


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """One accepted message waiting in its lane."""

    uid: str
    contact_uid: str
    message: StoredMessage
    received_at: datetime
    state: InboxState = InboxState.NEW
    attempts: int = 0
    error_class: str = ""  # class name of the last failure, never its text


# --- who writes -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """What she asked to be written once, see `handlers.reminders` (sealed in the contact's row)."""

    text: str = field(repr=False)
    purpose: str  # the consent it leans on
    case_uid: str  # the stay in which she asked
    audio: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One seeker on one channel: pseudonymous, and the lane in which her messages are handled one at a time."""

    uid: str
    channel: str
    session: dict[str, Value] | None = field(default=None, repr=False)  # flows.session.Session.dump(), sealed
    content_version: str = ""  # the flow set the session began with
    session_due_at: datetime | None = None  # silence timer of the flow
    pending: int = 0  # inbox rows in state new
    next_run_at: datetime | None = None  # lane backs off until then; None: at once
    last_served_at: datetime | None = None
    last_inbound_at: datetime | None = None
    stay_started_at: datetime | None = None  # since when this stay lasts: what the web page may show
    quiet: bool = False  # she said stop: nothing goes out until she writes again
    confirmed: bool = True  # False after a gap: not known whether the same person writes
    late_answer: LateAnswer = LateAnswer.ONLY_NOW
    late_until_at: datetime | None = None
    inbound_day: str = ""  # YYYY-MM-DD, for the flood count
    inbound_count: int = 0
    blocked_at: datetime | None = None  # the platform refuses to deliver
    window_told_at: datetime | None = None  # she was told that this channel's reply window shuts
    hidden_at: datetime | None = None  # erased by her: hidden at once
    erase_at: datetime | None = None  # keys destroyed then
    reminder: Reminder | None = field(default=None, repr=False)  # sealed
    reminder_due_at: datetime | None = None


# --- a stay ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the counsellor sees on claim (sealed under the case key)."""

    signs: tuple[tuple[str, str], ...] = ()  # (sign, words) of screening, newest last, at most 20
    why: tuple[str, ...] = ()  # choices that raised it, "flow.step:choice"
    answers: dict[str, str] = field(default_factory=dict)  # label -> shown value
    commune: str = ""  # code of the post-2025 commune where she is
    commune_unasked: bool = False  # only read from her words, see `handlers.whereabouts`: nobody has asked her back
    places: tuple[str, ...] = ()  # communes that her words or a shared location may mean beside it, newest first
    age_band: str = ""
    about: str = ""  # me, other, child
    woman: bool = False  # she wants to talk with a woman
    avoid: tuple[str, ...] = ()  # uids of staff she does not want to talk with
    urgent_in_a_row: int = 0  # urgent messages since the last calm one, see `rules.standing`


class Disposition(StrEnum):
    """How a case ended."""

    HELPED = "helped"  # talked with a person, need met for now
    INFORMED = "informed"  # got information only
    REFERRED = "referred"  # sent on to a service
    DECLINED = "declined"  # did not want help
    LOST = "lost"  # silent, contact lost
    FALSE_ALARM = "false_alarm"  # a human judged: no need
    PRANK = "prank"
    BOT_ONLY = "bot_only"  # untouched for 24 h, no human asked
    CANCELLED = "cancelled"  # she took back what she had asked for
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One stay of a contact with us, opened at the first inbound, with its own key and a code for staff."""

    uid: str
    contact_uid: str
    code: str  # the case code staff use, like "K7-204"
    opened_at: datetime
    channel: str
    desk: str = "main"
    severity: Severity = Severity.NONE  # rises by machine, falls only by a human
    category: str = ""
    summary: Summary = field(default_factory=Summary, repr=False)
    next_seq: int = 1  # the next transcript line
    listed_at: datetime | None = None  # visible at the desk since (standard up, or a person asked for)
    asked_at: datetime | None = None  # she asked for a person herself
    agreed_at: datetime | None = None  # she agreed that a person reads (or severity emergency, or a dead letter)
    retracted_at: datetime | None = None  # she took it back, stopped or deleted at urgent or above
    danger_at: datetime | None = None  # danger sign during a human talk, not yet answered: banner
    last_inbound_at: datetime | None = None
    last_human_at: datetime | None = None  # last line of a counsellor
    human: bool = False  # a human talks with her: the bot is silent
    next_due_at: datetime | None = None  # close as bot_only, remind the desk, send the relay card
    practice: bool = False
    closed_at: datetime | None = None
    disposition: Disposition | None = None


class Direction(StrEnum):
    """Which way a transcript line went."""

    IN = "in"
    OUT = "out"
    NOTE = "note"  # staff only


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a case's transcript (sealed under the case key)."""

    uid: str
    case_uid: str
    seq: int  # 1..n without gaps
    direction: Direction
    author: str  # "seeker", "bot" or a staff uid
    text: str = field(repr=False)
    buttons: tuple[Button, ...] = field(default=(), repr=False)
    wants_location: bool = False  # the question takes a shared location
    audio: str = ""  # SHA-256 (hex) of the recording that reads it out
    language: str = ""  # of the text; "" for the language of the content set
    inbox_uid: str | None = None
    client_key: str | None = None  # made by the desk page: a repeated post adds nothing
    created_at: datetime


# --- calling a human ---------------------------------------------------------------------------------------------------


class EscalationState(StrEnum):
    """States of security.md 4.4 under our names."""

    RINGING = "ringing"  # looking for a counsellor
    CLAIMED = "claimed"  # somebody said "mine", has not replied yet
    OWING = "owing"  # she wrote, an answer is owed
    ANSWERED = "answered"  # the last line is ours
    ENDED = "ended"


class Leaving(StrEnum):
    """How far the owner of a call is on her way off duty."""

    NO = "no"
    TOLD = "told"  # her shift ends soon: she has been asked to hand over
    LEFT = "left"  # she is off duty, and keeps it for the grace and as long as she works in it
    ALONE = "alone"  # the grace is over, nobody else is on duty: it stays hers, she was told
    KEPT = "kept"  # she took it off duty, or took it back: her duty calls nobody any more
    GONE = "gone"  # it rings because her shift is over; until somebody has it she reads on, and a line of hers takes it back


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One notice of a ladder: whom to page and how long to wait after it (seconds)."""

    who: str  # "on_duty", "backup", "supervisor"
    wait_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """A snapshot of the rules by which an escalation rings; edits never touch a running one. All figures in seconds."""

    name: str  # "emergency" or "urgent"
    rungs: tuple[Rung, ...]
    first_reply_s: int  # a claim without a reply returns after
    unanswered_s: int  # an unanswered line is reminded after
    reminded_s: int  # and returns after this much more
    still_ringing_s: int  # honest waiting line after
    fallback_s: int  # fallback card after
    double_from_round: int  # waits double from this round on
    max_wait_s: int
    away_unanswered_s: int = 90  # the same two while its owner is gone from the desk
    away_reminded_s: int = 90
    shift_grace_s: int = 600  # her shift is over: the next one is called after


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """From calling for a human until that talk ends. Its own row is its timer: `next_due_at` is set while it is open."""

    uid: str
    case_uid: str
    state: EscalationState
    ladder: Ladder
    created_at: datetime
    next_due_at: datetime | None
    epoch: int = 1  # one attempt
    round: int = 0
    rung: int = 0  # index into ladder.rungs of the next notice
    reminders: int = 0
    owner_uid: str | None = None
    previous_owner_uid: str | None = None
    only_staff_uid: str | None = None  # a transfer: page this one first
    asked_for: bool = False  # she asked herself (may cancel below urgent)
    unanswered_since: datetime | None = None
    told_waiting_at: datetime | None = None  # last honest waiting line
    fallback_round: int = -1  # round in which the fallback was said
    first_page_at: datetime | None = None
    claimed_at: datetime | None = None
    first_reply_at: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: str = ""
    leaving: Leaving = Leaving.NO
    left_at: datetime | None = None  # since when its owner is off duty; told: when she will be


# --- what goes out ---------------------------------------------------------------------------------------------------


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


# --- staff ---------------------------------------------------------------------------------------------------------------


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


# --- views for the desk (reads, content only where permitted) -----------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCard:
    """One content-free card of the desk's queue."""

    case_code: str
    severity: Severity
    category: str
    state: EscalationState | None  # None: waits without ringing (standard, info)
    epoch: int
    waiting_since: datetime
    owner_alias: str = ""
    mine: bool = False
    agreed: bool = False
    retracted: bool = False
    danger: bool = False
    practice: bool = False
    offered_to: str | None = None  # uid of the colleague whom its owner asks to take it


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLine:
    """One transcript line as the desk shows it, with what became of it."""

    seq: int
    direction: Direction
    author: str  # "seeker", "bot" or an alias
    text: str = field(repr=False)
    created_at: datetime
    delivery: OutboxState | None = None  # None for lines that came in and notes
    client_key: str | None = None  # of the surface it was written on
    media: Media | None = None


class MediaState(StrEnum):
    """How far a picture or a voice note has come."""

    WANTED = "wanted"  # to be fetched from the platform
    KEPT = "kept"
    REFUSED = "refused"  # too large, no longer there, or not what it says it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A picture or a voice note beside a line of a talk. Its bytes lie sealed under the case's key, and go with the case."""

    uid: str
    case_uid: str
    seq: int  # of the line
    kind: MediaKind
    channel: str
    source: str = field(default="", repr=False)  # sealed; "" once it is kept or refused
    state: MediaState = MediaState.WANTED
    mime: str = ""  # of what is kept
    attempts: int = 0
    next_attempt_at: datetime | None = None
    created_at: datetime

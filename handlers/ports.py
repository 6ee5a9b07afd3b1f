"""What the handlers need from the outside, as small protocols. Each method is a specification; `tests/contract` quotes it.

**Units of work.** A use-case is an *operation*: a plain function `(uow, items) -> results` over a list of items, run by the
`Door` inside one transaction. The door takes whatever is queued (up to 64) into one commit; when that fails it replays every
item alone, so an operation must have no effect outside its `uow` and may run twice. Saves are buffered and written set-based
before the commit; a store's `get` and `..._of` see buffered saves of the same unit of work.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from flows.platforms import Capabilities
from handlers.audit_log import AuditBreak, AuditMark, SignedHead
from handlers.factors import Factor, FactorKind, HalfSignIn
from handlers.model import (
    Address,
    AuditEntry,
    Case,
    Contact,
    DeskLine,
    Escalation,
    Fact,
    InboundMessage,
    InboxRow,
    Line,
    Media,
    OutboxRow,
    Outcome,
    Outgoing,
    QueueCard,
    SendJob,
    SignIn,
    Staff,
)
from handlers.referral import Referral, ReferralLink
from handlers.rules.windows import ReplyWindow

if TYPE_CHECKING:
    from handlers.keeping import Overdue, Run
    from handlers.order_drill import Answer

# --- stores -------------------------------------------------------------------------------------------------------------


class ContactStore(Protocol):
    """Seekers' records: one per channel address. The address is kept as a keyed hash and sealed; it is never returned here."""

    def open(self, addresses: Sequence[Address]) -> list[Contact]:
        """The contact of each address, in order; makes missing ones (with a data key of their own). Set-based.

        A contact that is hidden (she erased it) lets go of its address and a new one is made: she is greeted like anyone.
        """

    def find(self, address: Address) -> Contact | None:
        """The contact of this address, or None; makes nothing and locks nothing: whoever saves it reads it with `get`."""

    def get(self, uid: str) -> Contact:
        """The contact; KeyError when it is gone."""

    def save(self, contact: Contact) -> None:
        """Write all fields of the contact at the end of the unit of work."""

    def ready(self, limit: int) -> list[str]:
        """Uids of lanes with pending messages whose `next_run_at` has come, longest unserved first. A read: no lock."""

    def load(self, uids: Sequence[str], *, wait: bool = False) -> dict[str, Contact]:
        """These contacts, locked until commit (set-based, for the hot path); gone ones are missing from the result, and so
        are, without `wait`, those another process works on at this moment.
        """

    def due_timers(self, limit: int) -> list[Contact]:
        """Contacts with `session_due_at` <= now and nothing pending."""

    def due_reminders(self, limit: int) -> list[Contact]:
        """Contacts whose reminder has come."""

    def due_erasure(self, limit: int) -> list[Contact]:
        """Contacts with `erase_at` <= now."""

    def standing(self, since: datetime) -> dict[tuple[str, str], int]:
        """How many people stand where in the flows, by (content version, "flow.step"): those who wrote at or after `since` or
        are waiting for a human. Counts only, in one pass; ended stays, hidden people and sessions that do not open count nowhere.
        """

    def renew(self, uid: str) -> Contact | None:
        """The address of this contact leads to a new contact (with a key of its own) from now on, which is returned; None
        when the address cannot be read any more.
        """

    def forget(self, uid: str) -> None:
        """Destroy the contact's key and row; inbox rows, open outbox rows and return codes go with it. Safe to repeat."""


class InboxStore(Protocol):
    """Accepted messages, one row per (channel, message id) for ever (at least 7 days)."""

    def accept(self, rows: Sequence[tuple[InboxRow, str, str]]) -> list[bool]:
        """Insert (row, channel, message id) each; False where that message was already there (also within this call)."""

    def oldest(self, contact_uids: Sequence[str]) -> dict[str, InboxRow]:
        """The oldest row in state new of each contact that has one."""

    def move(self, from_contact_uid: str, to_contact_uid: str) -> int:
        """New rows of one seeker go on, in order, in the lane of the other (sealed anew under that one's key); how many."""

    def save(self, row: InboxRow) -> None:
        """Write state, attempts and error class; a row that becomes done loses its sealed payload, a dead one keeps it."""


class CaseStore(Protocol):
    """Stays. Each case has its own data key, made by `add`."""

    def open_of(self, contact_uids: Sequence[str]) -> dict[str, Case]:
        """The open case of each contact that has one."""

    def get(self, uid: str) -> Case:
        """The case; KeyError when there is none or its key is destroyed."""

    def by_code(self, code: str) -> Case | None:
        """The case with this case code (upper and lower case alike), or None."""

    def add(self, case: Case) -> None:
        """A new case with a key of its own; the key is durable before the case is."""

    def save(self, case: Case) -> None:
        """Write all fields."""

    def due(self, limit: int) -> list[Case]:
        """Open cases with `next_due_at` <= now, most overdue first."""

    def queue(self) -> list[QueueCard]:
        """All listed open cases as content-free cards: severity first, then the longest waiting. `mine` is left False."""

    def newest_closed_of(self, contact_uid: str) -> Case | None:
        """The contact's case closed last, or None."""

    def all_of(self, contact_uid: str) -> list[Case]:
        """Every case of the contact that can still be read, oldest first."""

    def destroy(self, uid: str) -> None:
        """Destroy the case's key and its lines and sealed fields; code, severity, category, month and disposition stay."""


class LineStore(Protocol):
    """Transcripts."""

    def add(self, line: Line) -> None:
        """Append; `seq` comes from the case's `next_seq`, which the caller saves with it."""

    def has_client_key(self, case_uid: str, client_key: str) -> bool:
        """Did the desk page post this line already?"""

    def of_case(self, case_uid: str, after_seq: int = 0, limit: int = 500) -> list[DeskLine]:
        """The lines after `after_seq`, in order, with delivery states; `author` holds staff uids, the caller makes aliases."""

    def shown_to_seeker(self, case_uids: Sequence[str], since: datetime | None) -> list[tuple[datetime, str]]:
        """What has reached her, in that order, as (when, line uid): lines in, and lines out whose outbox row is sent (or that
        have none); never notes, and nothing that reached her before `since`. A line that was held counts from its release.
        """

    def load(self, uids: Sequence[str]) -> dict[str, Line]:
        """These lines by uid; gone ones are missing from the result."""


class EscalationStore(Protocol):
    """Ladders. At most one open escalation per case (unique index)."""

    def open_of(self, case_uids: Sequence[str]) -> dict[str, Escalation]:
        """The open escalation of each case that has one."""

    def get(self, uid: str) -> Escalation:
        """The escalation; KeyError when there is none."""

    def add(self, escalation: Escalation) -> None:
        """A new one."""

    def save(self, escalation: Escalation) -> None:
        """Write all fields."""

    def due(self, limit: int) -> list[Escalation]:
        """Open ones with `next_due_at` <= now, most overdue first. A look: whoever acts on one reads it with `get`."""

    def paged(self, uid: str) -> None:
        """A page of it has just been handed over: note the time, for the figures, when it is the first one."""

    def owned_by(self, staff_uid: str) -> list[Escalation]:
        """Open ones this staff member holds."""

    def ringing(self) -> list[Escalation]:
        """All that ring now (for a shift that begins)."""


@dataclass(frozen=True, slots=True)
class Paged:
    """The pages of one epoch of an escalation (calls alone, not reminders)."""

    escalation_uid: str
    epoch: int
    first_at: datetime
    reached: bool  # at least one was handed over


@dataclass(frozen=True, slots=True)
class Reach:
    """What one of several processes can deliver: lines to seekers and pages by other surfaces than the desk page
    (`letters`), and pages to those whose desk page is open in it (`desks`, staff uids).
    """

    letters: bool
    desks: frozenset[str] = frozenset()


class OutboxStore(Protocol):
    """Everything that leaves us passes here."""

    def add(self, row: OutboxRow) -> None:
        """Append to its lane; a row whose `dedupe_key` exists already is not added (no error)."""

    def release(self, contact_uids: Sequence[str], since: datetime | None = None) -> None:
        """Held rows of these seekers (only those made at or after `since`) become pending again, in id order, with a new
        `fresh_until` of now + 15 min.
        """

    def hold_late(self, contact_uid: str) -> None:
        """Pending rows of this seeker that are past their `fresh_until` become held, and those behind them stay as they are: she
        has written again, so what is said from now on must not wait behind what came too late.
        """

    def move(self, from_contact_uid: str, to_contact_uid: str) -> None:
        """Pending and held rows of one seeker continue, in order, in the lane of the other (sealed anew under that one's key)."""

    def cancel_waiting(self, contact_uid: str) -> None:
        """Cancel pending and held waiting lines of this seeker (a newer one replaces them)."""

    def cancel_seeker(self, contact_uid: str) -> None:
        """Cancel everything pending or held for this seeker (she said stop, or erased)."""

    def cancel_pages(self, escalation_uid: str, up_to_epoch: int) -> None:
        """Cancel pending pages of this escalation up to and including the epoch."""

    def claim(
        self, limit: int, lease: timedelta, skip_channels: frozenset[str], reach: Reach | None = None
    ) -> list[SendJob]:
        """Lease due rows: pages before replies, only the oldest open row of each lane, expired leases included. A seeker row
        past `fresh_until` is not leased: it and all later rows of its lane become held. Channels in `skip_channels`
        are pulled by their reader and never claimed (but their stale rows are held). Addresses are decrypted here. `reach`
        leaves to other processes what this one cannot deliver; None: it can deliver everything.
        """

    def take_back(self, holding: Collection[str], lease: timedelta) -> int:
        """Let leases (of length `lease`) run out whose holder is dead; returns how many. `holding`: the lease tokens this
        process is sending under. On an embedded database everybody else is dead; on a shared one the dead are those whose
        every connection has been gone for some seconds. The rows stay in state sending, because they may have arrived:
        nothing cancels them any more.
        """

    def record(
        self, uid: str, lease_token: str, outcome: Outcome, *, retry_at: datetime | None = None, error_class: str = ""
    ) -> bool:
        """Write what became of a leased row; False (and no change) when the lease is no longer ours. A sent row loses its
        payload; BLOCKED fails every open row of the lane. Failed and blocked are visible at the desk at once.
        """

    def sent(self, leases: Sequence[tuple[str, str]]) -> set[str]:
        """`record` with SENT for many rows at once, as (uid, lease token); the uids of those whose lease was still ours."""

    def fetch(self, contact_uid: str) -> list[OutboxRow]:
        """For pulled channels: fresh pending rows of this seeker become sent, in order, and are returned; stale ones held."""

    def pages_of(self, case_uids: Sequence[str]) -> list[Paged]:
        """For each escalation and epoch of these cases that has been paged: when first, and whether anybody got it."""

    def next_due_at(self) -> datetime | None:
        """When the next open row wants attention, or None."""


class StaffStore(Protocol):
    """Staff, their sign-ins and throttles."""

    def all(self) -> list[Staff]:
        """Everybody, enabled or not, by name."""

    def get(self, uid: str) -> Staff | None:
        """By uid."""

    def by_name(self, name: str) -> Staff | None:
        """By sign-in name (case-insensitive)."""

    def save(self, staff: Staff) -> None:
        """Add or overwrite."""

    def sign_in(self, session: SignIn) -> None:
        """Add or touch a staff session."""

    def signed_in(self, token_hash: str) -> SignIn | None:
        """The staff session of this token hash, whatever its age."""

    def sessions(self, staff_uid: str) -> list[SignIn]:
        """Her sessions, whatever their age, the one seen last first."""

    def sign_out(self, *, token_hash: str = "", staff_uid: str = "", but: str = "") -> None:
        """End one session, or all of a staff member `but` one, with whatever she has half begun."""

    def failures(self, key: str, since: datetime) -> int:
        """Failed attempts under `key` (an account, a hashed address prefix, a return-code lane) since then."""

    def note_failure(self, key: str) -> None:
        """One more failed attempt now."""

    def clear_failures(self, key: str) -> None:
        """Forget them (a success)."""

    def forgive(self, key: str) -> None:
        """Take back the attempt counted last under `key` (it was a success)."""

    def forget_failures(self, start: str) -> None:
        """Forget those under every key that begins so."""


class FactorStore(Protocol):
    """Second factors of staff, their spare codes, and sign-ins that still owe the second step."""

    def of(self, staff_uid: str) -> list[Factor]:
        """The factors of a staff member, oldest first; one that cannot be opened any more comes with an empty secret."""

    def kinds(self) -> dict[str, list[FactorKind]]:
        """Staff uid -> the kinds she has, of everybody who has one."""

    def add(self, factor: Factor) -> None:
        """A new one."""

    def use_step(self, uid: str, step: int) -> bool:
        """Use up this step and all before it; False when it was used already, by whomever."""

    def use_key(self, uid: str, sign_count: int) -> bool:
        """Note the key's counter; False when it has not grown, as that of a copied key."""

    def remove(self, uid: str) -> None:
        """Take a factor away and destroy its key. Safe to repeat."""

    def add_codes(self, staff_uid: str, codes: Sequence[str], made_by: str, expires_at: datetime | None = None) -> None:
        """Spare codes that work once each, until `expires_at`; kept only as keyed hashes."""

    def drop_codes(self, staff_uid: str) -> None:
        """None of hers works any more."""

    def spend_code(self, staff_uid: str, code: str) -> bool:
        """Use one up; False when it is none of hers, was used or has run out."""

    def codes_left(self, staff_uid: str) -> int:
        """How many of her own spare codes still work."""

    def begin_half(self, half: HalfSignIn) -> None:
        """The password was right, the second step is owed."""

    def half(self, token_hash: str) -> HalfSignIn | None:
        """This half sign-in, whatever its age."""

    def note_try(self, token_hash: str) -> None:
        """One more try of the second step."""

    def end_half(self, token_hash: str) -> None:
        """It is over."""

    def ask_key(self, token_hash: str, challenge: bytes) -> None:
        """What a key has to sign for this session or half sign-in; an older one is void."""

    def take_challenge(self, token_hash: str, since: datetime) -> bytes | None:
        """What was asked since then, once."""


class AuditStore(Protocol):
    """The append-only, hash-chained log."""

    def add(self, entry: AuditEntry) -> None:
        """Append; sequence, time and chain are set at the end of the unit of work, inside the same commit."""

    def verify(self) -> int | None:
        """The first sequence number whose chain does not hold, or None when all holds."""

    def beginning(self) -> AuditMark:
        """Before the first row: number 0, or the signed head up to which rows have been removed."""

    def head(self) -> AuditMark:
        """The newest row, as the log itself notes it."""

    def follow(self, mark: AuditMark, limit: int) -> AuditMark | AuditBreak:
        """From a row whose hash is known over at most `limit` rows: the last of them (`mark` itself when there are none), or
        the first that does not hold.
        """

    def hash_at(self, seq: int) -> bytes | None:
        """The hash that stands in this row, or None when there is no such row."""

    def signed(self) -> list[SignedHead]:
        """Every signed head, oldest first."""

    def add_signed(self, head: SignedHead) -> None:
        """Keep a signed head; its row must not have one yet."""

    def cut(self, upto: SignedHead) -> int:
        """Remove every row up to and including this signed head, which stays as the beginning; how many. Older signed heads
        go, too.
        """


class FactStore(Protocol):
    """Rows for statistics."""

    def add(self, fact: Fact) -> None:
        """Append."""

    def all(self) -> list[Fact]:
        """Every row, oldest first."""


class CodeStore(Protocol):
    """Return codes: only their keyed hash is kept."""

    def save(self, code: str, contact_uid: str) -> None:
        """Remember the code for this contact; an older code of the same contact stops working."""

    def redeem(self, code: str) -> str | None:
        """The contact uid this code leads to, or None. The code stays valid until its contact is forgotten."""


class AccountStore(Protocol):
    """Staff's own accounts on platforms: where they are called, and who it is that presses a button there."""

    def offer(self, code: str, staff_uid: str, until: datetime) -> None:
        """This one-time code binds an account to the staff member until then; an older code of hers stops working."""

    def bind(self, code: str, address: Address) -> str | None:
        """Spend the code: the account is hers from now on (an older one of hers on this channel, and whoever had this account
        before, are let go). The staff uid; None when the code is unknown, spent or too old.
        """

    def staff_at(self, address: Address) -> str | None:
        """The staff uid this account belongs to, or None."""

    def address_of(self, staff_uid: str, channel: str) -> Address | None:
        """Her account on this channel, or None."""

    def of(self, staff_uid: str) -> list[str]:
        """The channels on which she has an account."""

    def unbind(self, staff_uid: str, channel: str = "") -> int:
        """Let her accounts go (on every channel when none is named); how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """What a platform calls something it shows for us. `kind`: "trace" (a message in a seeker's chat; owner: her contact),
    "page" or "topic" (in a staff group; owner: the case). `seq`: for a topic, the last line it shows.
    """

    kind: str
    owner_uid: str
    channel: str
    handle: str
    seq: int = 0
    at: datetime


class MediaStore(Protocol):
    """Pictures and voice notes of talks."""

    def add(self, media: Media) -> None:
        """A new one, to be fetched."""

    def due(self, limit: int) -> list[Media]:
        """Those to be fetched whose time has come, oldest first. A look: nothing is locked."""

    def get(self, uid: str) -> Media | None:
        """By uid, or None."""

    def of_case(self, case_uid: str) -> list[Media]:
        """All of a case, in the order they came, without their sources."""

    def save(self, media: Media) -> None:
        """Write all fields; nothing when it is gone."""

    def keep(self, media: Media, body: bytes) -> None:
        """Seal the bytes beside it and write all fields; nothing when it is gone, or the key of its case."""

    def body(self, uid: str) -> bytes | None:
        """The bytes, or None."""


class HandleStore(Protocol):
    """Handles: small, short-lived, no content."""

    def add(self, handles: Sequence[Handle]) -> None:
        """Remember them; one that is known gets its new `seq` and `at`."""

    def of(self, owner_uid: str, kind: str, channel: str = "") -> list[Handle]:
        """Those of this owner and kind (of one channel when it is named), oldest first."""

    def find(self, kind: str, channel: str, handle: str) -> Handle | None:
        """The one the platform calls so, or None."""

    def drop(self, owner_uid: str, kind: str = "") -> int:
        """Forget those of this owner (of every kind when none is named); how many."""

    def sweep(self, kind: str, before: datetime) -> int:
        """Forget those of this kind older than that; how many."""


class VaultStore(Protocol):
    """Secrets that platforms hand out and take back while we run (tokens), sealed under a key of their own, and leases by
    which one process at a time does what must be done once.
    """

    def get(self, name: str) -> str | None:
        """The secret of this name, or None."""

    def put(self, name: str, value: str) -> None:
        """Write it; durable with the commit."""

    def take(self, name: str, holder: str, until: datetime) -> bool:
        """The lease `name` is this holder's until then; False while somebody else's has not run out. Atomic."""

    def give_back(self, name: str, holder: str) -> None:
        """The lease is free again; nothing when it is not this holder's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentSet:
    """One published flow set: its files under their hash."""

    version: str
    files: Mapping[str, bytes] = field(repr=False)
    published_at: datetime
    published_by: str  # a staff uid, "first start", or the name given at the command line


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One moment at which a version became current."""

    version: str
    published_at: datetime
    published_by: str


class ContentStore(Protocol):
    """Published flow sets, by version."""

    def publish(self, content: ContentSet) -> None:
        """Store the files (once per version; recordings once over all versions) and make this version current."""

    def current(self) -> str | None:
        """The current version, or None before the first start has published."""

    def get(self, version: str) -> ContentSet | None:
        """A set by version; in place of its recordings stand their hashes (`flows.audio.pointer`)."""

    def recording(self, sha256: str) -> bytes | None:
        """The bytes of a recording of any version, or None."""

    def history(self) -> list[Publication]:
        """Every moment at which a version became current, oldest first; the last one is what runs."""


class ServiceStore(Protocol):
    """The service directory's rows, as flat mappings (handlers/directory.py knows their meaning)."""

    def all(self) -> list[dict[str, str]]:
        """All rows, by id."""

    def get(self, service_id: str) -> dict[str, str] | None:
        """The row with this id, or None."""

    def replace(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Write these rows: new ones added, known ones overwritten, none deleted."""

    def beside(self, name: str) -> str | None:
        """A table kept beside the services (holidays, travel times) as the CSV it was imported as; None: never imported."""

    def put_beside(self, name: str, text: str) -> None:
        """Replace such a table."""

    def revision(self) -> int:
        """Grows with every change, so that processes know when to read again."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many rows are late, and since when the oldest."""

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """How much is open at this moment: counts by word, nothing of anybody. A word that is missing counts 0."""

    messages: int  # taken in, not handled yet
    letters: Mapping[str, int]  # channel -> lines to seekers not sent yet; on the web they lie until she looks
    held: int  # lines that would arrive too late to be safe
    pages: int  # calls to staff not handed over yet
    escalations: Mapping[str, int]  # state -> open ones
    cases: Mapping[str, int]  # severity -> open ones on the desk's list
    ringing: Backlog  # who is being called for, and since when the first


class WatchStore(Protocol):
    """What an auditor looks at: counts and times of open rows, nothing of anybody. Each question is about what should have
    happened before a moment.
    """

    def overdue_escalations(self, before: datetime) -> Backlog:
        """Open escalations with `next_due_at` before then."""

    def unpaged(self, before: datetime) -> Backlog:
        """Escalations ringing since before then, of which no page has been handed over to anybody."""

    def unhandled(self, before: datetime) -> Backlog:
        """New messages received before then, in lanes that do not back off and have not been served since."""

    def unsent(self, before: datetime) -> Backlog:
        """Lines to seekers due before then at the head of their lanes; not those her own page fetches, and none in quarantine."""

    def forsaken(self, before: datetime) -> Backlog:
        """Leases that ran out before then and that nobody has taken over."""

    def overdue_cases(self, before: datetime) -> Backlog:
        """Open cases with `next_due_at` before then."""

    def unkept(self, before: datetime) -> Backlog:
        """Is the last daily run that came to a clean end (or the first try, when none has) from before then?"""

    def refused_codes(self, since: datetime) -> Backlog:
        """Right return codes that were refused since then because too many wrong ones had come."""

    def queues(self) -> Queues:
        """What is open now."""


class ReferralStore(Protocol):
    """Referrals and their one-time pages. What is told to a service is sealed under the case's key and goes with the case."""

    def add(self, referral: Referral) -> None:
        """A new one, of a case that has a key."""

    def save(self, referral: Referral) -> None:
        """Write all fields."""

    def get(self, uid: str) -> Referral | None:
        """By uid; its details are empty when they do not open any more."""

    def of_case(self, case_uid: str) -> list[Referral]:
        """All of a case, oldest first."""

    def add_link(self, link: ReferralLink) -> None:
        """A new one-time page."""

    def link(self, token_hash: bytes) -> ReferralLink | None:
        """The page behind this hash of its address, also one that has ended."""

    def open_links(self, referral_uid: str) -> list[ReferralLink]:
        """The pages of a referral that have not ended."""

    def save_link(self, link: ReferralLink) -> None:
        """Write when it was opened, how often a wrong code was typed, and when it ended."""

    def end_links(self, referral_uid: str) -> None:
        """Every page of a referral ends now."""


class KeepingStore(Protocol):
    """What is kept and for how long (`handlers/policies.py` names the kinds)."""

    def due_contacts(self, before: datetime, limit: int) -> list[str]:
        """Uids of contacts whose end comes before then, the earliest first, but for those somebody is being called for or whose
        message waits.
        """

    def endless_contacts(self, limit: int) -> list[str]:
        """Uids of contacts that have no end and nothing under way."""

    def due_cases(self, before: datetime, limit: int) -> list[str]:
        """Uids of cases closed before then that can still be read, the earliest first."""

    def remove(self, kind: str, before: datetime, limit: int) -> int:
        """Remove at most `limit` rows of a kind that need nothing but to go; how many. KeyError for another kind."""

    def overdue(self, kind: str, before: datetime) -> Overdue:
        """How many records of any kind should be gone by then."""

    def note(self, run: Run) -> None:
        """Write down a run: at its beginning, and again at its end."""

    def runs(self, limit: int) -> list[Run]:
        """The newest runs, the newest first."""

    def answer(self, code: str) -> Answer | None:
        """What an order about the case with this code (upper case) would yield: counts by kind; None: there is no such case."""


class BoundaryStore(Protocol):
    """Commune boundaries an operator has loaded, as rows (handlers/rules/boundaries.py knows their meaning)."""

    def all(self) -> dict[str, str]:
        """Each commune's area, by code."""

    def replace(self, rows: Mapping[str, str]) -> None:
        """These boundaries and no others; none at all takes them away."""

    def revision(self) -> int:
        """Grows with every change."""


class UnitOfWork(Protocol):
    """One transaction. `now` is read once; `ring` wakes loops after the commit (inbox, outbox, escalations, desk, seeker)."""

    now: datetime
    contacts: ContactStore
    inbox: InboxStore
    cases: CaseStore
    lines: LineStore
    escalations: EscalationStore
    outbox: OutboxStore
    staff: StaffStore
    factors: FactorStore
    audit: AuditStore
    facts: FactStore
    codes: CodeStore
    content: ContentStore
    services: ServiceStore
    vault: VaultStore
    accounts: AccountStore
    handles: HandleStore
    media: MediaStore
    watch: WatchStore
    referrals: ReferralStore
    boundaries: BoundaryStore
    keeping: KeepingStore

    def ring(self, *names: str) -> None:
        """Ring these wake-ups once the unit of work is committed, not before and not on rollback."""

    def get_setting(self, name: str) -> str | None:
        """A small persistent value of the installation (quarantine flag, last roster warning …)."""

    def set_setting(self, name: str, value: str) -> None:
        """Write it."""


A = TypeVar("A")
R = TypeVar("R")
Operation = Callable[[UnitOfWork, Sequence[A]], list[R]]


class Door(Protocol):
    """The one asynchronous way to storage."""

    async def run(self, operation: Operation[A, R], item: A) -> R:
        """Run the operation for this item, together with whatever else is queued, in one durable commit; then return its
        result. An exception of the operation rolls back and reaches this caller alone. StorageUnavailable within 1.5 s
        when no commit is possible.
        """

    async def read(self, query: Callable[[UnitOfWork], R]) -> R:
        """Run a query that writes nothing, beside the writer, on a snapshot. Never for content of cases (those are audited)."""


class Wakeups(Protocol):
    """Rings loops after a commit. Only a hint: every loop also looks once a second."""

    def ring(self, *names: str) -> None:
        """Ring, from any thread."""

    async def wait(self, name: str, timeout_s: float = 1.0) -> bool:
        """Wait until `name` rings or the time is up; True when it rang. Rings while nobody waited are remembered once."""


class Presence(Protocol):
    """Who has an open desk page. Only a hint: it may shorten a wait, never decide anything. Never blocks."""

    def here(self, uids: Collection[str]) -> None:
        """These staff members, and no others, have an open page in this process; said again every few seconds."""

    def who(self) -> frozenset[str]:
        """Everybody with an open page in any process, as far as is known here; somebody who left is forgotten within 10 s."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a platform takes: `per_second` tokens come back each second, up to `burst`."""

    per_second: float
    burst: float


class Budgets(Protocol):
    """What all processes together may still do, by name (an account, a chat). A hint as well: a platform's own refusal
    (`retry_after`) counts for more. Names hold no platform id of a person in clear.
    """

    async def take(self, name: str, budget: Budget, cost: float = 1.0) -> float:
        """Take `cost` tokens: 0.0 when they were taken; otherwise nothing is taken, and that many seconds from now there
        will be enough, unless somebody else is quicker. ValueError for a cost that is not above 0 or never fits.
        """


# --- channels -----------------------------------------------------------------------------------------------------------


class Alarms(Protocol):
    """What an operator must know at once: said in the log, at the desk, by `channels check` and through the pager."""

    async def sound(self, name: str, code: str) -> None:
        """Something is wrong with `name` (a channel); `code` is a word of `handlers.alarms`. Safe to repeat."""

    async def hush(self, name: str, code: str) -> None:
        """It is well again. Safe to repeat, and cheap while nothing was wrong."""


class Counters(Protocol):
    """How much of a month's allowance is used."""

    async def add(self, name: str, month: str, used: int) -> int:
        """So many more in this month ("YYYY-MM"); the sum, kept over restarts."""


class Vault(Protocol):
    """`VaultStore` for channels, each call a commit of its own."""

    async def get(self, name: str) -> str | None:
        """The secret, or None."""

    async def put(self, name: str, value: str) -> None:
        """Durable when it returns."""

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        """The lease for so many seconds from now; see `VaultStore.take`."""

    async def give_back(self, name: str, holder: str) -> None:
        """Free again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing `channels check` has found out: `fine`, or what is wrong and what to do; `care`: it works as the operator wants
    it, and that has a danger. Never a secret, never a URL with one.
    """

    fine: bool
    words: str
    care: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """What the platform made of one message. Never carries the platform's text, which may quote people or tokens."""

    outcome: Outcome
    retry_after: timedelta | None = None
    error_class: str = ""
    handles: tuple[str, ...] = ()  # how the platform calls what it has shown, where that can be taken away again


class Receive(Protocol):
    """Gives parsed, verified messages to `inbound.accept`."""

    async def __call__(self, *messages: InboundMessage) -> None:
        """Store these messages, in this order, all in one commit or none; returns after it, raises StorageUnavailable when
        nothing can be stored.
        """


class Channel(Protocol):
    """One configured account on a platform."""

    name: str
    capabilities: Capabilities
    secret_fields: frozenset[str]
    window: ReplyWindow  # how long after her last line the platform lets us answer

    async def send(self, address: Address, outgoing: Outgoing, key: str = "") -> SendResult:
        """Render within the capabilities and send; never raises for what a platform may answer. At most 10 s.

        `key` names this message over all tries: of one that was shown in several parts, those that arrived are not sent again.
        """

    async def run(self, receive: Receive) -> None:
        """Receive until cancelled (polling); returns at once for channels that only have a webhook."""

    async def check(self) -> list[Finding]:
        """Look the channel over for an operator: reachable, signed, within quota, its webhook pointing here. At most 20 s."""

    async def close(self) -> None:
        """Give back connections."""


@runtime_checkable
class Fetches(Protocol):
    """A channel that can fetch pictures and voice notes that were sent on it."""

    async def fetch(self, source: str, most: int) -> bytes | None:
        """The file of an `Attachment`, at most so many bytes; None when it is too large, no longer there, or not the
        platform's. Raises FetchLater when the platform did not answer.
        """


class Surface(Protocol):
    """A way to reach a staff member with a content-free page."""

    name: str

    async def page(self, job: SendJob) -> SendResult:
        """Hand the page over; RETRY while nobody there has received it."""


class StaffLine(Protocol):
    """What staff write on a messenger where they are called."""

    async def take(self, address: Address, text: str) -> bool:
        """True when this was a staff member's word, and is dealt with; False when a seeker may have written it."""

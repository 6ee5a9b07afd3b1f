"""Who writes and what is said: contacts, messages taken in, stays, lines, pictures, referrals, return codes, figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from handlers.model import (
    Address,
    Case,
    Contact,
    DeskLine,
    Fact,
    InboxRow,
    Line,
    Media,
    QueueCard,
)
from handlers.referral import Referral, ReferralLink


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
        when the address cannot be read any more, or leads to another one already.
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

    def newest_by(self, case_uid: str, author: str) -> datetime | None:
        """When this author wrote last in the case, a line or a note; None: never."""

    def load(self, uids: Sequence[str]) -> dict[str, Line]:
        """These lines by uid; gone ones are missing from the result."""


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


class CodeStore(Protocol):
    """Return codes: only their keyed hash is kept."""

    def save(self, code: str, contact_uid: str) -> None:
        """Remember the code for this contact; an older code of the same contact stops working."""

    def redeem(self, code: str) -> str | None:
        """The contact uid this code leads to, or None. The code stays valid until its contact is forgotten."""


class FactStore(Protocol):
    """Rows for statistics."""

    def add(self, fact: Fact) -> None:
        """Append."""

    def all(self) -> list[Fact]:
        """Every row, oldest first."""

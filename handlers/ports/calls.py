"""Calling a human, and everything that leaves us."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from handlers.model import (
    Escalation,
    OutboxRow,
    Outcome,
    SendJob,
)


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

    def held(self) -> list[Escalation]:
        """Open ones that somebody holds. A look, as `due`."""

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

    def take_back(self, holding: Container[str], lease: timedelta, claiming: Callable[[], bool] = lambda: False) -> int:
        """Let leases (of length `lease`) run out whose holder is dead; returns how many. `holding`: the lease tokens this
        process is sending under; `claiming`: is a claim of it under way, whose leases it may not have heard of yet? Both are
        asked once the leases have been read, so they must say how it is then. On an embedded database everybody else is
        dead; on a shared one the dead are those whose every connection has been gone for some seconds. The rows stay in
        state sending, because they may have arrived: nothing cancels them any more.
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

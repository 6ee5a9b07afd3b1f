"""One transaction, the way to it, and what processes tell each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from handlers.ports.calls import EscalationStore, HandleStore, OutboxStore
from handlers.ports.house import (
    BoundaryStore,
    ContentStore,
    KeepingStore,
    ServiceStore,
    VaultStore,
    WatchStore,
)
from handlers.ports.staff import AccountStore, AuditStore, FactorStore, StaffStore
from handlers.ports.talks import (
    CaseStore,
    CodeStore,
    ContactStore,
    FactStore,
    InboxStore,
    LineStore,
    MediaStore,
    ReferralStore,
)


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

    def everywhere(self) -> frozenset[str] | None:
        """The same as `who`, but None while this process does not know who has a page open in the others."""

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

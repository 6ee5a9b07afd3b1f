"""The house itself: secrets of platforms, published content, the directory, what is late, and what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from handlers.keeping import Overdue, Run
    from handlers.order_drill import Answer


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

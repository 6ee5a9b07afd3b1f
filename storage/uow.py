"""One transaction: the stores over one connection, one reading of the clock, and what happens at its end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from handlers import ports
from handlers.model import new_uid
from storage.accounts import Accounts
from storage.audit import AuditLog
from storage.boundaries import BoundaryRows
from storage.cases import Cases
from storage.codes import ReturnCodes
from storage.contacts import Contacts
from storage.content import ContentSets
from storage.escalations import Escalations
from storage.factors import Factors
from storage.facts import Facts
from storage.handles import Handles
from storage.inbox import Inbox
from storage.keeping import KeepingRows
from storage.keyring import KeyRing
from storage.lines import Lines
from storage.locks import Locks
from storage.media import MediaRows
from storage.outbox import Outbox
from storage.peppers import Hashing
from storage.prepared import Compilable, Rows, Values
from storage.referrals import Referrals
from storage.secrets import Peppers
from storage.services import Services
from storage.settings import Settings
from storage.staff import StaffRegister
from storage.vault import SqlVault
from storage.watch import Watch

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


R = TypeVar("R")


class Executes(Protocol):
    """What runs a statement: a runner, or a unit of work."""

    def execute(self, statement: Compilable, values: Values | Sequence[Values] | None = None) -> Rows:
        """Run one statement, for one row of values or many."""


class RunsStatements(Executes, Protocol):
    """How a unit of work reaches its database: `storage.prepared.Runner` or `storage.postgres.runner.PostgresRunner`."""

    @property
    def shared(self) -> bool:
        """Do other processes use this database at the same time?"""

    @property
    def locks(self) -> bool:
        """Does this unit of work have to lock what it reads, because it may write it?"""

    def hold(self, statement: Compilable, values: Values, *, skip: bool = False) -> Rows:
        """Run a query and lock what it returns, where others write at the same time."""

    def lock_name(self, name: str, *, shared: bool = False) -> None:
        """Nobody else works under this name until the end, where others write at the same time; `shared`: nobody but those who
        share it.
        """

    def gone(self, senders: Collection[str]) -> set[str]:
        """Which of these senders, by the first eight characters of their lease tokens, are certainly dead."""


class SqlUnitOfWork:
    """`handlers.ports.UnitOfWork` on a SQL connection. Whoever makes it begins and ends the transaction."""

    def __init__(
        self, runner: RunsStatements, keys: KeyRing, peppers: Peppers, now: datetime, sender: str = ""
    ) -> None:
        """`sender` marks the leases of this process, eight characters, where others send too."""
        self.now = now
        self.sender = sender
        self.expired_before = now  # leases that end before this moment count as run out
        self.locks = Locks(runner)
        self.keys = keys
        self.peppers = Hashing(runner, peppers)
        self.rung: dict[str, None] = {}
        self._runner = runner
        contacts, cases, escalations = Contacts(self), Cases(self), Escalations(self)
        inbox, lines, outbox, handles = Inbox(self), Lines(self), Outbox(self), Handles(self)
        # What refers to another row comes after it: this is also the lock order of the design.
        self._buffered = (contacts, cases, escalations, inbox, lines, outbox, handles)
        self._audit = AuditLog(self)
        self._settings = Settings(self)
        self.contacts: ports.ContactStore = contacts
        self.inbox: ports.InboxStore = inbox
        self.cases: ports.CaseStore = cases
        self.lines: ports.LineStore = lines
        self.escalations: ports.EscalationStore = escalations
        self.outbox: ports.OutboxStore = outbox
        self._register = StaffRegister(self)
        self.staff: ports.StaffStore = self._register
        self.factors: ports.FactorStore = Factors(self)
        self.audit: ports.AuditStore = self._audit
        self.facts: ports.FactStore = Facts(self)
        self.codes: ports.CodeStore = ReturnCodes(self)
        self.content: ports.ContentStore = ContentSets(self)
        self.services: ports.ServiceStore = Services(self)
        self.vault: ports.VaultStore = SqlVault(self)
        self.accounts: ports.AccountStore = Accounts(self)
        self.handles: ports.HandleStore = handles
        self.media: ports.MediaStore = MediaRows(self)
        self.watch: ports.WatchStore = Watch(self)
        self.referrals: ports.ReferralStore = Referrals(self)
        self.boundaries: ports.BoundaryStore = BoundaryRows(self)
        self.keeping: ports.KeepingStore = KeepingRows(self)

    def ring(self, *names: str) -> None:
        """Ring these wake-ups after the commit."""
        self.rung.update(dict.fromkeys(names))

    def get_setting(self, name: str) -> str | None:
        """A small persistent value of the installation."""
        return self._settings.get(name)

    def set_setting(self, name: str, value: str) -> None:
        """Write it."""
        self._settings.set(name, value)

    def forget_staff(self) -> None:
        """Ask for the staff anew the next time: somebody else may have changed them."""
        self._register.forget()

    def flush(self) -> None:
        """Write what is buffered, so that queries see it; set-based, nothing when nothing waits."""
        for store in self._buffered:
            store.flush()

    def finish(self) -> None:
        """Everything that must happen inside the transaction before it commits: writes, durable keys, audit chain.

        The head of the audit log comes last: everybody who writes waits for it.
        """
        self.flush()
        self.keys.commit()
        self._audit.flush()

    @property
    def shared(self) -> bool:
        """Do other processes use this database at the same time?"""
        return self._runner.shared

    def execute(self, statement: Compilable, values: Values | Sequence[Values] | None = None) -> Rows:
        """Run one statement, for one row of values or many; an empty list of rows is a mistake of the caller."""
        return self._runner.execute(statement, values)

    def hold(self, statement: Compilable, values: Values, *, skip: bool = False) -> Rows:
        """Run a query; what it returns is nobody else's until the end (`skip`: without what somebody else has)."""
        return self._runner.hold(statement, values, skip=skip)

    def lock_name(self, name: str, *, shared: bool = False) -> None:
        """Nobody else works under this name until the end: for what has no row of its own to lock."""
        self._runner.lock_name(name, shared=shared)

    def new_lease(self) -> str:
        """A token nobody else has."""
        return self.sender + new_uid()[len(self.sender) :]

    def gone(self, senders: Collection[str]) -> set[str]:
        """Which of these senders are dead, as far as one can be certain."""
        return self._runner.gone(senders)


if TYPE_CHECKING:

    def _is_a_unit_of_work(uow: SqlUnitOfWork) -> ports.UnitOfWork:
        return uow


def over_sql(query: Callable[[SqlUnitOfWork], R]) -> Callable[[ports.UnitOfWork], R]:
    """A query on SQL for the door, whose callers know units of work by their port alone; this storage hands out no other kind."""

    def asked(uow: ports.UnitOfWork) -> R:
        assert isinstance(uow, SqlUnitOfWork)
        return query(uow)

    return asked

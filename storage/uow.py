"""One transaction: the stores over one connection, one reading of the clock, and what happens at its end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from handlers import ports
from storage.accounts import Accounts
from storage.audit import AuditLog
from storage.cases import Cases
from storage.codes import ReturnCodes
from storage.contacts import Contacts
from storage.content import ContentSets
from storage.escalations import Escalations
from storage.facts import Facts
from storage.handles import Handles
from storage.inbox import Inbox
from storage.keyring import KeyRing
from storage.lines import Lines
from storage.outbox import Outbox
from storage.prepared import Compilable, Rows, Runner, Values
from storage.services import Services
from storage.settings import Settings
from storage.staff import StaffRegister
from storage.vault import SqlVault


class SqlUnitOfWork:
    """`handlers.ports.UnitOfWork` on a SQL connection. Whoever makes it begins and ends the transaction."""

    def __init__(self, runner: Runner, keys: KeyRing, pepper: bytes, now: datetime) -> None:
        self.now = now
        self.keys = keys
        self.pepper = pepper
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
        self.staff: ports.StaffStore = StaffRegister(self)
        self.audit: ports.AuditStore = self._audit
        self.facts: ports.FactStore = Facts(self)
        self.codes: ports.CodeStore = ReturnCodes(self)
        self.content: ports.ContentStore = ContentSets(self)
        self.services: ports.ServiceStore = Services(self)
        self.vault: ports.VaultStore = SqlVault(self)
        self.accounts: ports.AccountStore = Accounts(self)
        self.handles: ports.HandleStore = handles

    def ring(self, *names: str) -> None:
        """Ring these wake-ups after the commit."""
        self.rung.update(dict.fromkeys(names))

    def get_setting(self, name: str) -> str | None:
        """A small persistent value of the installation."""
        return self._settings.get(name)

    def set_setting(self, name: str, value: str) -> None:
        """Write it."""
        self._settings.set(name, value)

    def flush(self) -> None:
        """Write what is buffered, so that queries see it; set-based, nothing when nothing waits."""
        for store in self._buffered:
            store.flush()

    def finish(self) -> None:
        """Everything that must happen inside the transaction before it commits: writes, audit chain, durable keys."""
        self.flush()
        self._audit.flush()
        self.keys.commit()

    def execute(self, statement: Compilable, values: Values | Sequence[Values] | None = None) -> Rows:
        """Run one statement, for one row of values or many; an empty list of rows is a mistake of the caller."""
        return self._runner.execute(statement, values)


if TYPE_CHECKING:

    def _is_a_unit_of_work(uow: SqlUnitOfWork) -> ports.UnitOfWork:
        return uow

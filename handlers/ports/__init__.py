"""What the handlers need from the outside, as small protocols. Each method is a specification; `tests/contract` quotes it.

**Units of work.** A use-case is an *operation*: a plain function `(uow, items) -> results` over a list of items, run by the
`Door` inside one transaction. The door takes whatever is queued (up to 64) into one commit; when that fails it replays every
item alone, so an operation must have no effect outside its `uow` and may run twice. Saves are buffered and written set-based
before the commit; a store's `get` and `..._of` see buffered saves of the same unit of work.
"""

from __future__ import annotations

from handlers.ports.calls import EscalationStore, Handle, HandleStore, OutboxStore, Paged, Reach
from handlers.ports.channels import (
    Alarms,
    Channel,
    Counters,
    Fetches,
    Finding,
    Receive,
    SendResult,
    StaffLine,
    Surface,
    Vault,
)
from handlers.ports.house import (
    Backlog,
    BoundaryStore,
    ContentSet,
    ContentStore,
    KeepingStore,
    Publication,
    Queues,
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
from handlers.ports.work import Budget, Budgets, Door, Operation, Presence, UnitOfWork, Wakeups

__all__ = [
    "AccountStore",
    "Alarms",
    "AuditStore",
    "Backlog",
    "BoundaryStore",
    "Budget",
    "Budgets",
    "CaseStore",
    "Channel",
    "CodeStore",
    "ContactStore",
    "ContentSet",
    "ContentStore",
    "Counters",
    "Door",
    "EscalationStore",
    "FactStore",
    "FactorStore",
    "Fetches",
    "Finding",
    "Handle",
    "HandleStore",
    "InboxStore",
    "KeepingStore",
    "LineStore",
    "MediaStore",
    "Operation",
    "OutboxStore",
    "Paged",
    "Presence",
    "Publication",
    "Queues",
    "Reach",
    "Receive",
    "ReferralStore",
    "SendResult",
    "ServiceStore",
    "StaffLine",
    "StaffStore",
    "Surface",
    "UnitOfWork",
    "Vault",
    "VaultStore",
    "Wakeups",
    "WatchStore",
]

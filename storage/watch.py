"""What an auditor asks, on SQL: counts and ages of open rows, each through an index that holds only open rows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, func, or_, select, text

from handlers.model import EscalationState, InboxState, OutboxState
from handlers.ports import Backlog
from storage.outbox_statements import QUARANTINE, is_head
from storage.registers import keeping_runs, settings
from storage.tables import cases, contacts, escalations, inbox, outbox
from storage.types import UtcTime, word

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_before = bindparam("before", type_=UtcTime())


def _backlog(oldest: Any) -> Select[Any]:
    return select(func.count(), func.min(oldest, type_=UtcTime()))


OVERDUE = _backlog(escalations.c.next_due_at).where(
    escalations.c.state != word(EscalationState.ENDED), escalations.c.next_due_at < _before
)
UNPAGED = _backlog(escalations.c.created_at).where(
    escalations.c.state != word(EscalationState.ENDED),
    escalations.c.state == word(EscalationState.RINGING),
    escalations.c.first_page_at.is_(None),
    escalations.c.created_at < _before,
)
_still = select(contacts.c.uid).where(
    contacts.c.pending > text("0"),
    or_(contacts.c.next_run_at.is_(None), contacts.c.next_run_at < _before),
    or_(contacts.c.last_served_at.is_(None), contacts.c.last_served_at < _before),
)
UNHANDLED = _backlog(inbox.c.received_at).where(
    inbox.c.contact_uid.in_(_still), inbox.c.state == word(InboxState.NEW), inbox.c.received_at < _before
)
# A lane that moves is not stuck, however long it is, and what waits behind a try again waits with it: only heads count. What her
# own page fetches lies until she looks; pages to staff are asked for by UNPAGED.
UNSENT = (
    _backlog(func.coalesce(outbox.c.next_attempt_at, outbox.c.created_at))
    .select_from(outbox)
    .join(contacts, contacts.c.uid == outbox.c.contact_uid)
    .where(
        outbox.c.state.in_((word(OutboxState.PENDING), word(OutboxState.SENDING))),
        outbox.c.state == word(OutboxState.PENDING),
        func.coalesce(outbox.c.next_attempt_at, outbox.c.created_at) < _before,
        outbox.c.created_at < _before,
        contacts.c.channel != "web",
        is_head,
        ~select(settings.c.name).where(settings.c.name == QUARANTINE, settings.c.value == "on").exists(),
    )
)
FORSAKEN = _backlog(outbox.c.lease_until).where(
    outbox.c.state.in_((word(OutboxState.PENDING), word(OutboxState.SENDING))),
    outbox.c.state == word(OutboxState.SENDING),
    outbox.c.lease_until < _before,
)
_clean_at = select(func.max(keeping_runs.c.ended_at, type_=UtcTime())).where(keeping_runs.c.clean).scalar_subquery()
_first_try = select(func.min(keeping_runs.c.started_at, type_=UtcTime())).scalar_subquery()
KEPT_LAST = select(func.coalesce(_clean_at, _first_try, type_=UtcTime()))
OVERDUE_CASES = _backlog(cases.c.next_due_at).where(cases.c.closed_at.is_(None), cases.c.next_due_at < _before)


class Watch:
    """`handlers.ports.WatchStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def overdue_escalations(self, before: datetime) -> Backlog:
        """Open escalations that should have moved before then."""
        return self._ask(OVERDUE, before)

    def unpaged(self, before: datetime) -> Backlog:
        """What rings since before then without anybody having been reached."""
        return self._ask(UNPAGED, before)

    def unhandled(self, before: datetime) -> Backlog:
        """Messages taken in before then in lanes that stand still."""
        return self._ask(UNHANDLED, before)

    def unsent(self, before: datetime) -> Backlog:
        """Lines to seekers that could have gone out before then."""
        return self._ask(UNSENT, before)

    def forsaken(self, before: datetime) -> Backlog:
        """Rows in the hand of a sender whose time ran out before then."""
        return self._ask(FORSAKEN, before)

    def overdue_cases(self, before: datetime) -> Backlog:
        """Open cases whose own time came before then."""
        return self._ask(OVERDUE_CASES, before)

    def unkept(self, before: datetime) -> Backlog:
        """The last daily run that came to a clean end, when it is from before then."""
        last = self._uow.execute(KEPT_LAST).scalar()
        return Backlog(0, None) if last is None or last >= before else Backlog(1, last)

    def _ask(self, statement: Select[Any], before: datetime) -> Backlog:
        self._uow.flush()
        row = self._uow.execute(statement, {"before": before}).first()
        assert row is not None
        return Backlog(count=int(row[0]), oldest_at=row[1])

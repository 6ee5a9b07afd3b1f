"""What an auditor asks, on SQL: counts and ages of open rows, each through an index that holds only open rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, func, or_, select, text

from handlers.model import EscalationState, InboxState, OutboxState
from handlers.ports import Backlog, Queues
from handlers.return_codes import REFUSED_RIGHT
from storage.outbox_statements import QUARANTINE, is_head
from storage.registers import keeping_runs, settings
from storage.tables import cases, contacts, escalations, failures, inbox, outbox
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
_AFTER_REFUSED = REFUSED_RIGHT[:-1] + chr(ord(REFUSED_RIGHT[-1]) + 1)  # a range, so that the index over keys is used
REFUSED = select(func.count(), func.min(failures.c.at, type_=UtcTime())).where(
    failures.c.key >= REFUSED_RIGHT,
    failures.c.key < _AFTER_REFUSED,
    failures.c.at >= bindparam("since", type_=UtcTime()),
)

MESSAGES = select(func.coalesce(func.sum(contacts.c.pending), 0)).where(contacts.c.pending > text("0"))
_unfinished = outbox.c.state.in_((word(OutboxState.PENDING), word(OutboxState.SENDING), word(OutboxState.HELD)))
WAITING = (
    select(outbox.c.state, contacts.c.channel, func.count())
    .select_from(outbox)
    .join(contacts, contacts.c.uid == outbox.c.contact_uid, isouter=True)
    .where(_unfinished)
    .group_by(outbox.c.state, contacts.c.channel)
)
TALKS = (
    select(escalations.c.state, func.count(), func.min(escalations.c.created_at, type_=UtcTime()))
    .where(escalations.c.state != word(EscalationState.ENDED))
    .group_by(escalations.c.state)
)
LISTED = (
    select(cases.c.severity, func.count())
    .where(cases.c.closed_at.is_(None), cases.c.listed_at.is_not(None))
    .group_by(cases.c.severity)
)


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

    def refused_codes(self, since: datetime) -> Backlog:
        """See `handlers.ports.WatchStore`."""
        self._uow.flush()
        row = self._uow.execute(REFUSED, {"since": since}).first()
        assert row is not None
        return Backlog(count=int(row[0]), oldest_at=row[1])

    def queues(self) -> Queues:
        """See `handlers.ports.WatchStore`."""
        self._uow.flush()
        waiting = self._uow.execute(WAITING).all()
        open_now = [(channel, count) for state, channel, count in waiting if state != OutboxState.HELD]
        talks = {state: (int(count), oldest) for state, count, oldest in self._uow.execute(TALKS).all()}
        calling, since = talks.get(EscalationState.RINGING, (0, None))
        return Queues(
            messages=int(self._uow.execute(MESSAGES).scalar() or 0),
            letters=_counted((channel, count) for channel, count in open_now if channel is not None),
            held=sum(int(count) for state, _, count in waiting if state == OutboxState.HELD),
            pages=sum(int(count) for channel, count in open_now if channel is None),
            escalations={state.value: count for state, (count, _) in talks.items()},
            cases=_counted((severity.value, count) for severity, count in self._uow.execute(LISTED).all()),
            ringing=Backlog(count=calling, oldest_at=since),
        )

    def _ask(self, statement: Select[Any], before: datetime) -> Backlog:
        self._uow.flush()
        row = self._uow.execute(statement, {"before": before}).first()
        assert row is not None
        return Backlog(count=int(row[0]), oldest_at=row[1])


def _counted(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Counts by word, those of one word together."""
    counted: Counter[str] = Counter()
    for name, count in pairs:
        counted[name] += int(count)
    return dict(counted)

"""Hop 7: claim what is due, and write down what became of it. The sending itself happens between the two, with no transaction."""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import timedelta

from handlers.evolving import evolve
from handlers.model import OutboxKind, OutboxRow, Outcome, SendJob
from handlers.operation import operation
from handlers.paging import CALLS
from handlers.ports import Handle, Reach, SendResult, UnitOfWork

LEASE = timedelta(seconds=30)
"""How long a sender may take; a send gives up after 10 s, so a lease that ran out belongs to a dead sender."""

STARTS_WITHIN = timedelta(seconds=6)
"""So long after its claim a send may still begin: sooner than anybody else takes a frozen sender's rows over, and over before the
lease is.
"""

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 20.0


@dataclass(frozen=True, slots=True)
class Claiming:
    """How many rows to lease; rows of `skip_channels` are pulled by their reader. `reach` None: everything else."""

    limit: int
    skip_channels: frozenset[str] = frozenset()
    reach: Reach | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one claimed row."""

    job: SendJob
    result: SendResult


@operation("claim")
def claim(uow: UnitOfWork, wanted: Sequence[Claiming]) -> list[list[SendJob]]:
    """Lease due rows, fenced by a token: pages before replies, one row in flight per lane; nothing to seekers in quarantine."""
    # Several looks in one commit are one look: the first gets everything.
    limit, first = max(one.limit for one in wanted), wanted[0]
    return [uow.outbox.claim(limit, LEASE, first.skip_channels, first.reach), *([] for _ in wanted[1:])]


@dataclass(frozen=True, slots=True)
class Ours:
    """What this process has of the outbox, as it is whenever it is asked: `holding` the lease tokens it sends under, `claiming`
    whether a claim is under way. A copy would be old by the time a slow database looks at it, and a row would go out twice.
    """

    holding: Container[str] = ()
    claiming: Callable[[], bool] = lambda: False


@operation("writer")
def take_back(uow: UnitOfWork, senders: Sequence[Ours]) -> list[int]:
    """What the dead were sending goes out at once, not a lease later. Each item: what we ourselves are sending."""
    return [uow.outbox.take_back(ours.holding, LEASE, ours.claiming) for ours in senders]


@operation("record")
def record(uow: UnitOfWork, reports: Sequence[Report]) -> list[bool]:
    """Write outcomes; False where the lease had been lost (somebody else has the row now, nothing is changed)."""
    done = []
    sent = uow.outbox.sent(
        [(one.job.row.uid, one.job.row.lease_token or "") for one in reports if one.result.outcome is Outcome.SENT]
    )
    for report in reports:
        row, result = report.job.row, report.result
        if result.outcome is Outcome.SENT:
            if row.uid in sent and row.kind is OutboxKind.PAGE and row.note == CALLS and row.escalation_uid is not None:
                uow.escalations.paged(row.escalation_uid)
            if row.uid in sent and result.handles:
                _remember(uow, report)
            done.append(row.uid in sent)
            continue
        retry_at, contact = None, None
        if result.outcome is Outcome.BLOCKED and row.contact_uid is not None:  # the lock order: the contact first
            contact = uow.contacts.load([row.contact_uid], wait=True).get(row.contact_uid)
        if result.outcome is Outcome.RETRY:
            retry_at = uow.now + (result.retry_after or backoff(row.attempts))
        kept = uow.outbox.record(
            row.uid, row.lease_token or "", result.outcome, retry_at=retry_at, error_class=result.error_class
        )
        if kept and contact is not None and contact.blocked_at is None:
            uow.contacts.save(evolve(contact, blocked_at=uow.now))
        done.append(kept)
    if any(done):
        uow.ring("desk")
    return done


def _remember(uow: UnitOfWork, report: Report) -> None:
    """How the platform calls what it has shown: a page of a case, or a message that she may want to be taken away again."""
    row = report.job.row
    if row.kind is OutboxKind.PAGE:
        kind, owner, channel = "page", row.case_uid, row.surface
    else:
        kind, owner, channel = "trace", row.contact_uid, report.job.address.channel if report.job.address else ""
    if owner is not None:
        made = [
            Handle(kind=kind, owner_uid=owner, channel=channel, handle=handle, at=uow.now)
            for handle in report.result.handles
        ]
        uow.handles.add(made)


def may_still_go(row: OutboxRow, waited: timedelta) -> bool:
    """May a row go out, so long after it was claimed? A process that was frozen in between (a machine that slept) must look
    again: somebody else may have sent it meanwhile, and what was fresh then may be late now.
    """
    if row.lease_until is None or waited >= STARTS_WITHIN:
        return row.lease_until is None
    return row.fresh_until is None or row.lease_until - LEASE + waited <= row.fresh_until


def backoff(attempts: int) -> timedelta:
    """0.5 s doubling to 20 s, with up to a fifth more by chance, so that many rows do not come back at once."""
    seconds = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** max(0, attempts - 1))
    return timedelta(seconds=seconds * (1 + random.random() / 5))  # noqa: S311 (spreads load, protects nothing)

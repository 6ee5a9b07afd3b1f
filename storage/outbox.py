"""The outbox on SQL: lanes first in first out, leases with a token, late rows held."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from flows.severity import Severity
from handlers.evolving import evolve
from handlers.model import Address, OutboxKind, OutboxRow, OutboxState, Outcome, Outgoing, SendJob, new_uid
from handlers.ports import Paged, Reach
from storage import outbox_statements as sql
from storage.records import Mapping, pack
from storage.tables import outbox

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

SENDER = 8
"""So many first characters of a lease token say which process has the lease."""
YOUNG = timedelta(seconds=5)
"""A lease younger than this is left alone: its owner may not have heard of it yet."""
FRESH_AGAIN = timedelta(minutes=15)
"""How long held rows are fresh after she has written again (invariant 10 of the design)."""

_rows = Mapping(outbox, OutboxRow)
_outgoing = msgspec.json.Decoder(Outgoing)
_WITHOUT_ACCOUNT = frozenset({"desk", "pager"})  # surfaces that know themselves how to reach somebody
_WAITS = (OutboxState.PENDING, OutboxState.HELD)
_NOT_LEASED = {"lease_token": None, "lease_until": None}


class Outbox:
    """`handlers.ports.OutboxStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow
        self._new: dict[str, OutboxRow] = {}  # by dedupe key, in order
        self._released: dict[str, datetime | None] = {}  # contact -> only rows made since then
        self._silenced: dict[str, None] = {}  # contacts whose waiting lines are cancelled
        self._stopped: dict[str, None] = {}  # contacts whose every open line is cancelled
        self._unpaged: dict[str, int] = {}  # escalation -> pages up to this epoch are cancelled

    def add(self, row: OutboxRow) -> None:
        """Append to its lane; a known dedupe key adds nothing."""
        self._new.setdefault(row.dedupe_key, row)

    def release(self, contact_uids: Sequence[str], since: datetime | None = None) -> None:
        """Held rows of these seekers become pending again and fresh for 15 minutes."""
        for uid in contact_uids:
            before = self._released.get(uid, since)
            # Asked twice in one unit of work, the wider wish counts.
            self._released[uid] = None if since is None or before is None else min(since, before)

    def hold_late(self, contact_uid: str) -> None:
        """Her pending rows that came too late become held; what follows them does not."""
        self._uow.flush()
        self._uow.execute(sql.HOLD_HERS, {"b_contact": contact_uid, "now": self._uow.now})

    def move(self, from_contact_uid: str, to_contact_uid: str) -> None:
        """Pending and held rows go on in the other lane, sealed anew; the old ones are cancelled."""
        self._uow.flush()
        self._uow.keys.load([from_contact_uid])
        for found in self._uow.execute(sql.UNFINISHED_OF, {"contact_uid": from_contact_uid}).all():
            row = _rows.record(found, outgoing=self._open(found))
            if row.outgoing is not None and not row.outgoing.wipe:  # what stands in another chat is not hers any more
                uid, lane = new_uid(), f"c:{to_contact_uid}"
                self.add(replace(row, uid=uid, dedupe_key=f"moved:{row.uid}", lane=lane, contact_uid=to_contact_uid))
        self.cancel_seeker(from_contact_uid)

    def cancel_waiting(self, contact_uid: str) -> None:
        """Cancel pending and held waiting lines of this seeker."""
        self._silenced[contact_uid] = None
        self._cancel_new(lambda row: row.contact_uid == contact_uid and row.kind is OutboxKind.WAITING)

    def cancel_seeker(self, contact_uid: str) -> None:
        """Cancel everything pending or held for this seeker."""
        self._stopped[contact_uid] = None
        self._cancel_new(lambda row: row.contact_uid == contact_uid)

    def cancel_pages(self, escalation_uid: str, up_to_epoch: int) -> None:
        """Cancel pending pages of this escalation up to and including the epoch."""
        self._unpaged[escalation_uid] = max(up_to_epoch, self._unpaged.get(escalation_uid, up_to_epoch))
        self._cancel_new(
            lambda row: (
                row.kind is OutboxKind.PAGE and row.escalation_uid == escalation_uid and (row.epoch or 0) <= up_to_epoch
            )
        )

    def claim(
        self, limit: int, lease: timedelta, skip_channels: frozenset[str], reach: Reach | None = None
    ) -> list[SendJob]:
        """Lease due rows; see the port. A row whose address or text does not open fails, visibly, and stops nothing else."""
        self._uow.flush()
        now = self._uow.now
        found = self._candidates(limit, skip_channels, reach)
        self._uow.keys.load(row.contact_uid for row in found if row.contact_uid)
        jobs: list[SendJob] = []
        spoilt: list[dict[str, Any]] = []
        for row in found:
            job = self._job(row, now + lease)
            if job is None:
                spoilt.append({"b_uid": row.uid, "error_class": "Unreadable", "done_at": now})
            else:
                jobs.append(job)
        if jobs:
            self._uow.execute(
                sql.LEASE,
                [{"b_uid": job.row.uid, "token": job.row.lease_token, "until": job.row.lease_until} for job in jobs],
            )
        if spoilt:
            self._uow.execute(sql.FAIL, spoilt)
        return jobs

    def _candidates(self, limit: int, skip_channels: frozenset[str], reach: Reach | None) -> list[Any]:
        """What is due, once everything that is too late has been held."""
        at: dict[str, Any] = {"now": self._uow.now, "expired": self._uow.expired_before}
        statement = sql.CANDIDATES
        if reach is not None:
            statement = sql.LETTERS_AND_DESKS if reach.letters else sql.DESKS
        if statement is not sql.DESKS:
            if not self._uow.shared:
                self._uow.execute(sql.HOLD_LATE, at)
            elif late := self._uow.hold(sql.LATE, at, skip=True).all():
                self._uow.execute(sql.HOLD, [{"b_uid": row.uid} for row in late])
        wanted = at | {"most": limit, "skip_channels": sorted(skip_channels)}
        if reach is not None:
            wanted["desks"] = sorted(reach.desks)
        return self._uow.hold(statement, wanted, skip=True).all()

    def take_back(self, holding: Container[str], lease: timedelta, claiming: Callable[[], bool] = lambda: False) -> int:
        """Every lease that nobody holds any more runs out now."""
        self._uow.flush()
        leased = self._uow.execute(sql.LEASED).all()
        if not leased:
            return 0
        dead = self._uow.gone({row.lease_token[:SENDER] for row in leased})
        # Asked after the leases were read: what we had claimed by then we have heard of, or never will.
        unheard = not claiming()
        old = self._uow.now + lease - YOUNG  # nobody's any more: taken for us, and we never heard of it
        past = self._uow.now - timedelta(seconds=1)
        forsaken = [
            {"b_uid": row.uid, "b_token": row.lease_token, "past": past}
            for row in leased
            if row.lease_until > past
            and row.lease_token not in holding
            and (
                row.lease_token[:SENDER] in dead
                or (unheard and row.lease_token[:SENDER] == self._uow.sender and row.lease_until < old)
            )
        ]
        return self._uow.execute(sql.TAKE_BACK_ONE, forsaken).rowcount if forsaken else 0

    def record(
        self, uid: str, lease_token: str, outcome: Outcome, *, retry_at: datetime | None = None, error_class: str = ""
    ) -> bool:
        """Write what became of a leased row; False when the lease is no longer ours."""
        self._uow.flush()
        values: dict[str, Any] = {"error_class": error_class, **_NOT_LEASED}
        if outcome is Outcome.RETRY:
            values |= {"state": OutboxState.PENDING, "next_attempt_at": retry_at}
            statement = sql.RECORD_RETRY
        else:
            state = OutboxState.SENT if outcome is Outcome.SENT else OutboxState.FAILED
            values |= {"state": state, "done_at": self._uow.now, "outgoing_sealed": None}
            statement = sql.RECORD_DONE
        ours = self._uow.execute(statement, {"b_uid": uid, "b_token": lease_token, **values}).rowcount == 1
        if ours and outcome is Outcome.BLOCKED:
            self._uow.execute(sql.FAIL_LANE, {"b_uid": uid, "now": self._uow.now, "b_error": error_class or "Blocked"})
        return ours

    def sent(self, leases: Sequence[tuple[str, str]]) -> set[str]:
        """Record many as sent; the uids of those whose lease was still ours."""
        if not leases:
            return set()
        self._uow.flush()
        held = self._uow.hold(sql.LEASED_OF, {"uids": [uid for uid, _ in leases]})
        tokens = {row.uid: row.lease_token for row in held}
        ours = [uid for uid, token in leases if tokens.get(uid) == token]
        if ours:
            self._uow.execute(sql.SENT, [{"b_uid": uid, "done_at": self._uow.now} for uid in ours])
        return set(ours)

    def fetch(self, contact_uid: str) -> list[OutboxRow]:
        """Fresh pending rows of this seeker become sent, in order, and are returned; from the first stale one on, held."""
        self._uow.flush()
        now = self._uow.now
        found = self._uow.hold(sql.OF_READER, {"contact_uid": contact_uid}).all()
        fresh: list[Any] = []
        late: list[dict[str, str]] = []
        for row in found:
            if late or (row.fresh_until is not None and row.fresh_until < now):
                late.append({"b_uid": row.uid})
            else:
                fresh.append(row)
        if late:
            self._uow.execute(sql.HOLD, late)
        if not fresh:
            return []
        self._uow.execute(sql.FETCHED, [{"b_uid": row.uid, "done_at": now} for row in fresh])
        self._uow.keys.load([contact_uid])
        read = [_rows.record(row, outgoing=self._open(row)) for row in fresh]
        return [replace(row, state=OutboxState.SENT, done_at=now) for row in read if row.outgoing is not None]

    def pages_of(self, case_uids: Sequence[str]) -> list[Paged]:
        """When each epoch of these cases' escalations was paged first, and whether anybody got it."""
        if not case_uids:
            return []
        self._uow.flush()
        found = self._uow.execute(sql.PAGES_OF, {"case_uids": list(case_uids)})
        return [Paged(row.escalation_uid, row.epoch, row.first_at, bool(row.reached)) for row in found]

    def next_due_at(self) -> datetime | None:
        """When the next open row at the head of its lane wants attention, or None."""
        self._uow.flush()
        at: datetime | None = self._uow.execute(sql.NEXT_DUE).scalar()
        return at

    def flush(self) -> None:
        """Write what is buffered: releases and cancellations of rows that were there before, then the new rows."""
        self._flush_changes()
        if self._new:
            new, self._new = self._new, {}
            self._uow.execute(sql.ADD, [self._values(row) for row in new.values()])

    def _flush_changes(self) -> None:
        now = self._uow.now
        if self._released:
            released, self._released = self._released, {}
            self._release(released, now + FRESH_AGAIN)
        if self._silenced:
            silenced, self._silenced = list(self._silenced), {}
            self._uow.execute(sql.CANCEL_WAITING, {"contact_uids": silenced, "now": now})
        if self._stopped:
            stopped, self._stopped = list(self._stopped), {}
            self._uow.execute(sql.CANCEL_SEEKER, {"contact_uids": stopped, "now": now})
        if self._unpaged:
            unpaged, self._unpaged = self._unpaged, {}
            self._uow.execute(
                sql.CANCEL_PAGES, [{"b_escalation": uid, "b_epoch": e, "now": now} for uid, e in unpaged.items()]
            )

    def _release(self, released: dict[str, datetime | None], fresh: datetime) -> None:
        """Every message of hers asks for it, and hardly ever is anything held: one look for all of them first."""
        held = {row[0] for row in self._uow.execute(sql.HELD_OF, {"contact_uids": list(released)})}
        whole = [uid for uid, since in released.items() if since is None and uid in held]
        if whole:
            self._uow.execute(sql.RELEASE, {"contact_uids": whole, "fresh": fresh})
        recent = [
            {"contact_uids": [uid], "fresh": fresh, "since": since}
            for uid, since in released.items()
            if since is not None and uid in held
        ]
        if recent:
            self._uow.execute(sql.RELEASE_SINCE, recent)

    def _cancel_new(self, meant: Callable[[OutboxRow], bool]) -> None:
        for key, row in self._new.items():
            if row.state in _WAITS and meant(row):
                self._new[key] = replace(row, state=OutboxState.CANCELLED, outgoing=None, done_at=self._uow.now)

    def _values(self, row: OutboxRow) -> dict[str, Any]:
        sealed = None
        if row.outgoing is not None and row.contact_uid is not None:
            plain = pack(row.outgoing)
            sealed = self._uow.keys.seal("outbox", "outgoing", row.uid, row.contact_uid, plain)
        return _rows.values(row) | {"outgoing_sealed": sealed}

    def _job(self, row: Any, lease_until: datetime) -> SendJob | None:
        leased = evolve(
            _rows.record(row, outgoing=self._open(row)),
            state=OutboxState.SENDING,
            attempts=row.attempts + 1,
            lease_token=self._uow.new_lease(),
            lease_until=lease_until,
        )
        if row.kind is OutboxKind.PAGE:
            bound = row.staff_uid and row.surface not in _WITHOUT_ACCOUNT
            return SendJob(
                row=leased,
                address=self._uow.accounts.address_of(row.staff_uid, row.surface) if bound else None,
                case_code=row.case_code or "",
                severity=row.case_severity or Severity.NONE,
                waiting_since=row.waiting_since,
                staff_name=row.staff_name or "",
                staff_alias=row.staff_alias or "",
                owner_alias=row.owner_alias or "",
            )
        address = self._uow.keys.try_unseal("contacts", "address", row.contact_uid, row.contact_uid, row.address_sealed)
        if address is None or leased.outgoing is None:
            return None
        her = Address(row.channel, address.decode("utf-8", "surrogatepass"))
        return SendJob(row=leased, address=her, heard_at=row.heard_at)

    def _open(self, row: Any) -> Outgoing | None:
        if row.contact_uid is None:
            return None
        plain = self._uow.keys.try_unseal("outbox", "outgoing", row.uid, row.contact_uid, row.outgoing_sealed)
        return None if plain is None else _outgoing.decode(plain)

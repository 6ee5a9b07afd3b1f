"""The daily run: everything whose time has come goes, and a record says what went and that nothing overdue was left.

It works beside the service, in small pieces, and may be repeated or stopped at any point: what is left is done the next time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Final, TypeVar

from handlers import audit
from handlers.arriving import KEPT_FOR
from handlers.audit_heads import AuditKeys
from handlers.audit_log import old_enough
from handlers.housekeeping import Housekeeping
from handlers.model import AuditEntry, new_uid
from handlers.operation import operation
from handlers.policies import AUDIT, CONTACTS, TALKS, Policy

if TYPE_CHECKING:
    from handlers.ports import Door, UnitOfWork

AT_ONCE: Final = 500
"""Rows that one commit removes: few enough that nobody waits for it."""
PEOPLE_AT_ONCE: Final = 2000
TOGETHER: Final = 16
"""People who go in one commit: whoever writes meanwhile waits for it."""
KEYS: Final = "keys"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """One kind of record in one run. `waiting`: overdue, but kept for a reason (somebody is just being called for her)."""

    kind: str
    days: int
    removed: int = 0
    left: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: counts by kind, never whose. `clean`: it came to its end and nothing overdue was left."""

    uid: str
    started_at: datetime
    ended_at: datetime | None = None
    clean: bool = False
    found: tuple[Found, ...] = ()
    by: str = audit.SYSTEM


@dataclass(frozen=True, slots=True)
class Tidied:
    """What the storage itself did after the rows were gone. `keys_left`: keys that should be destroyed and are still there."""

    keys_gone: int = 0
    keys_left: int = 0


Tidy = Callable[[], Awaitable[Tidied]]


async def nothing_to_tidy() -> Tidied:
    """A database in memory leaves nothing behind."""
    return Tidied()


@dataclass(frozen=True, slots=True)
class Overdue:
    """Records of one kind whose time came before then: those that must go, and those that still wait for something."""

    left: int
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Piece:
    """One batch of one kind to remove."""

    kind: str
    before: datetime


@dataclass(frozen=True, slots=True)
class _Due:
    """Somebody, or a talk, that was found to be due; it is looked at again when its turn comes."""

    uid: str
    before: datetime


@dataclass(frozen=True, slots=True)
class Keeping:
    """Removes what is due, kind by kind. `policies`: how long each kind is kept."""

    policies: tuple[Policy, ...]
    housekeeping: Housekeeping
    tidy: Tidy = field(default=nothing_to_tidy)
    audit_keys: AuditKeys | None = (
        None  # None: nobody can tell which signed heads count, and the audit log lets nothing go
    )

    async def run(self, door: Door, by: str = audit.SYSTEM) -> Run:
        """One whole run, recorded at its beginning and at its end."""
        begun = await door.run(self.begin, by)
        now = begun.started_at
        removed = {policy.kind: await self._remove(door, policy, now) for policy in self.policies}
        tidied = await self.tidy()
        overdue = await door.read(lambda uow: self.overdue(uow, now))
        found = [
            Found(one.kind, one.days, removed[one.kind], overdue[one.kind].left, overdue[one.kind].waiting)
            for one in self.policies
        ]
        found.append(Found(KEYS, 0, tidied.keys_gone, tidied.keys_left))
        clean = not any(one.left for one in found)
        return await door.run(self.end, replace(begun, clean=clean, found=tuple(found)))

    def overdue(self, uow: UnitOfWork, now: datetime) -> dict[str, Overdue]:
        """Of each kind, what should be gone at `now`; for `Door.read`."""
        return {policy.kind: uow.keeping.overdue(policy.kind, _before(policy, now)) for policy in self.policies}

    @operation("keep")
    def begin(self, uow: UnitOfWork, items: Sequence[str]) -> list[Run]:
        """Record that a run begins, so that one that never ends is seen."""
        runs = [Run(uid=new_uid(), started_at=uow.now, by=by) for by in items]
        for run in runs:
            uow.keeping.note(run)
        return runs

    @operation("keep")
    def end(self, uow: UnitOfWork, items: Sequence[Run]) -> list[Run]:
        """Record what it did."""
        ended = [replace(run, ended_at=uow.now) for run in items]
        for run in ended:
            uow.keeping.note(run)
            detail = {one.kind: one.removed for one in run.found if one.removed} | {"clean": run.clean}
            uow.audit.add(AuditEntry(actor=run.by, action=audit.KEPT, detail=dict(detail)))
        return ended

    # --- kind by kind -------------------------------------------------------------------------------------------------

    async def _remove(self, door: Door, policy: Policy, now: datetime) -> int:
        before = _before(policy, now)
        if policy.kind == CONTACTS:
            await self._give_an_end(door)
            return await self._each(
                door,
                lambda uow: [_Due(uid, before) for uid in uow.keeping.due_contacts(before, PEOPLE_AT_ONCE)],
                self.forget,
            )
        if policy.kind == TALKS:
            return await self._each(
                door,
                lambda uow: [_Due(uid, before) for uid in uow.keeping.due_cases(before, PEOPLE_AT_ONCE)],
                self.destroy,
            )
        if policy.kind == AUDIT:
            return await door.run(self.cut, before)
        gone = 0
        while removed := await door.run(self.remove, _Piece(policy.kind, before)):
            gone += removed
        return gone

    async def _each(
        self,
        door: Door,
        due: Callable[[UnitOfWork], list[_Due]],
        work: Callable[[UnitOfWork, Sequence[_Due]], list[bool]],
    ) -> int:
        """Person by person, so that one who cannot be removed keeps nobody else here; as long as some go."""
        gone = 0
        while everybody := await door.read(due):
            done: list[bool | BaseException] = []
            for piece in _pieces(everybody):
                under_way: list[Awaitable[bool]] = [door.run(work, one) for one in piece]
                done += await asyncio.gather(*under_way, return_exceptions=True)
            now_gone = sum(1 for one in done if one is True)
            gone += now_gone
            if not now_gone or len(everybody) < PEOPLE_AT_ONCE:
                break
        return gone

    async def _give_an_end(self, door: Door) -> None:
        """Nobody stays for ever: whoever has no end yet, and nothing under way, gets one."""
        while uids := await door.read(lambda uow: uow.keeping.endless_contacts(AT_ONCE)):
            given: list[bool] = [await door.run(self.give_an_end, uid) for uid in uids]
            if not any(given):
                return

    @operation("keep")
    def give_an_end(self, uow: UnitOfWork, items: Sequence[str]) -> list[bool]:
        """These contacts are kept as long as anybody is, from now."""
        found = uow.contacts.load(items)
        for contact in found.values():
            if contact.erase_at is None:
                uow.contacts.save(replace(contact, erase_at=uow.now + KEPT_FOR))
        return [uid in found for uid in items]

    @operation("erase")
    def forget(self, uow: UnitOfWork, items: Sequence[_Due]) -> list[bool]:
        """Everything of these contacts goes, unless a human is being called or talks, or she has written since she was found."""
        return [self._forget(uow, one) for one in items]

    def _forget(self, uow: UnitOfWork, due: _Due) -> bool:
        contact = uow.contacts.load([due.uid]).get(due.uid)
        if contact is None or contact.erase_at is None or contact.erase_at >= due.before:
            return False
        if contact.erase_at > uow.now:  # the policy is shorter than what was written into her row
            uow.contacts.save(replace(contact, erase_at=uow.now))
        return self.housekeeping.erase(uow, [due.uid])[0]

    @operation("erase")
    def destroy(self, uow: UnitOfWork, items: Sequence[_Due]) -> list[bool]:
        """These closed talks go."""
        return [self.housekeeping.destroy_talk(uow, one.uid) for one in items]

    @operation("keep")
    def remove(self, uow: UnitOfWork, items: Sequence[_Piece]) -> list[int]:
        """A batch of rows that need nothing but to go; how many went."""
        return [uow.keeping.remove(piece.kind, piece.before, AT_ONCE) for piece in items]

    @operation("keep")
    def cut(self, uow: UnitOfWork, items: Sequence[datetime]) -> list[int]:
        """The audit log lets go of its oldest rows, up to a head that was signed before then."""
        return [self._cut(uow, before) for before in items]

    def _cut(self, uow: UnitOfWork, before: datetime) -> int:
        upto = old_enough(uow, self.audit_keys, before) if self.audit_keys is not None else None
        return 0 if upto is None else uow.audit.cut(upto)


def _before(policy: Policy, now: datetime) -> datetime:
    """What is older than this must go. A contact's own end stands in its row, `KEPT_FOR` after her last message."""
    before = now - policy.kept_for
    return before + KEPT_FOR if policy.kind == CONTACTS else before


def _pieces(uids: Sequence[T]) -> list[Sequence[T]]:
    return [uids[start : start + TOGETHER] for start in range(0, len(uids), TOGETHER)]


# --- when -----------------------------------------------------------------------------------------------------------------

TRY_AGAIN: Final = timedelta(hours=1)


def is_due(runs: Sequence[Run], scheduled: datetime, now: datetime) -> bool:
    """Is it time? `runs`: the newest first; `scheduled`: the newest moment at which a run was to begin. A run that did not come
    to a clean end is tried again after an hour.
    """
    if any(run.clean and run.started_at >= scheduled for run in runs):
        return False
    return not runs or runs[0].started_at < scheduled or now - runs[0].started_at >= TRY_AGAIN


def scheduled_at(at: time, zone: tzinfo, now: datetime) -> datetime:
    """The newest moment, not after `now`, at which the clock of the service's time zone said `at`."""
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), at, zone)
    return today if today <= local else datetime.combine(local.date() - timedelta(days=1), at, zone)

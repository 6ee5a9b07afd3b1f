"""Hashes anew, in small steps, what is found by address; counts what is found with each lookup pepper; makes codes void.

Codes cannot be hashed anew, because only their hash is kept. `storage/pepper_change.py` is the change as a whole.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Table, bindparam, delete, func, or_, select, update

from handlers import failpoints
from handlers.model import Address
from handlers.ports import UnitOfWork
from storage.channel_tables import accounts, bind_codes
from storage.contacts import NOWHERE
from storage.crypto import lookup_of
from storage.peppers import COUNT_ADDRESSES, begun, current
from storage.registers import return_codes
from storage.secrets import pepper_number
from storage.staff_tables import spare_codes
from storage.tables import contacts
from storage.types import UtcTime, among
from storage.uow import Executes, SqlUnitOfWork

log = logging.getLogger(__name__)

AT_ONCE: Final = 50


def _statements(table: Table, owner: str) -> tuple[Any, Any, Any]:
    some = (
        select(table.c.id, table.c.uid, table.c[owner].label("owner"), table.c.channel, table.c.lookup)
        .add_columns(table.c.address_sealed)
        .where(table.c.id > bindparam("after"), among(table.c.pepper, "older"))
        .order_by(table.c.id)
        .limit(bindparam("most"))
    )
    taken = select(table.c.lookup).where(among(table.c.lookup, "lookups"))
    move = (
        update(table)
        .where(table.c.uid == bindparam("b_uid"))
        .values(lookup=bindparam("to"), pepper=bindparam("b_pepper"))
    )
    return some, taken, move


_FOUND_BY_ADDRESS: Final = {"contacts": _statements(contacts, "uid"), "accounts": _statements(accounts, "staff_uid")}
TABLES: Final = tuple(_FOUND_BY_ADDRESS)

_now = bindparam("now", type_=UtcTime())
_CODES: Final = {
    return_codes: return_codes.c.code_hash.is_not(None),
    spare_codes: or_(spare_codes.c.expires_at.is_(None), spare_codes.c.expires_at > _now),
    bind_codes: bind_codes.c.expires_at > _now,
}
"""Which of their rows still work."""
_COUNT_CODES = {
    table.name: select(table.c.pepper, func.count()).where(works).group_by(table.c.pepper)
    for table, works in _CODES.items()
}
_VOID = {table.name: delete(table).where(among(table.c.pepper, "older")) for table in _CODES}
_WITH_SPARE_CODES = select(spare_codes.c.staff_uid).where(
    among(spare_codes.c.pepper, "older"), spare_codes.c.expires_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class Under:
    """How much is found with one pepper."""

    contacts: int = 0
    accounts: int = 0  # staff's, on platforms
    return_codes: int = 0
    spare_codes: int = 0  # those that have not run out
    bind_codes: int = 0

    @property
    def codes(self) -> int:
        """What cannot be hashed anew."""
        return self.return_codes + self.spare_codes + self.bind_codes

    @property
    def anything(self) -> bool:
        """Is anything?"""
        return bool(self.contacts or self.accounts or self.codes)


@dataclass(frozen=True, slots=True)
class Step:
    """What one small step did."""

    last: int  # the number of the last row it looked at; 0: there was none
    moved: int = 0
    left: int = 0  # rows whose address does not open


def under(runner: Executes, now: datetime) -> dict[str, Under]:
    """How much is found with each pepper."""
    counts: dict[str, dict[str, int]] = {}
    for name, statement in [*COUNT_ADDRESSES.items(), *_COUNT_CODES.items()]:
        for pepper, count in runner.execute(statement, {"now": now} if name in _COUNT_CODES else {}):
            counts.setdefault(pepper, {})[name] = count
    return {pepper: Under(**found) for pepper, found in counts.items()}


def begin_pepper(uow: SqlUnitOfWork, names: Sequence[str]) -> list[None]:
    """From now on this pepper makes new hashes."""
    for name in names:
        uow.peppers.begin(name, uow.now)
    return [None] * len(names)


def rehash(uow: SqlUnitOfWork, items: Sequence[tuple[str, int]]) -> list[Step]:
    """Hash some rows of a table anew, those after this number that nobody else is working on."""
    return [_rehash(uow, table, after) for table, after in items]


def _rehash(uow: SqlUnitOfWork, table: str, after: int) -> Step:
    uow.flush()
    some, taken, move = _FOUND_BY_ADDRESS[table]
    pepper = current(uow)
    older = [name for name in begun(uow) if name != pepper]
    rows = uow.hold(some, {"after": after, "most": AT_ONCE, "older": older}, skip=True).all()
    if not rows:
        return Step(0)
    uow.keys.load({row.owner for row in rows})
    fresh = {row.uid: lookup for row in rows if (lookup := _fresh(uow, table, pepper, row)) is not None}
    used = {lookup for (lookup,) in uow.execute(taken, {"lookups": list(fresh.values())})}
    moved = []
    for uid, lookup in fresh.items():
        if lookup in used and not lookup.startswith(NOWHERE):
            log.error("%s %s and another one have the same address; it leads to the other one", table, uid)
            lookup = NOWHERE + uid
        used.add(lookup)
        moved.append({"b_uid": uid, "to": lookup, "b_pepper": pepper})
    if moved:
        uow.execute(move, moved)
        failpoints.passing("peppers.rehashing")
    return Step(rows[-1].id, len(moved), len(rows) - len(moved))


def _fresh(uow: SqlUnitOfWork, table: str, pepper: str, row: Any) -> str | None:
    """Its lookup under this pepper; None when its address does not open."""
    if row.lookup.startswith(NOWHERE):
        return str(row.lookup)
    plain = uow.keys.try_unseal(table, "address", row.uid, row.owner, row.address_sealed)
    if plain is None:
        return None
    return lookup_of(uow.peppers.get(pepper), Address(row.channel, plain.decode("utf-8", "surrogatepass")))


def void_codes(uow: UnitOfWork, items: Sequence[Sequence[str] | None]) -> list[tuple[Under, list[str]]]:
    """Codes that were made under these peppers (None: under all older ones) do not work any more; how many of each, and the names
    of the staff members whose own spare codes were among them.
    """
    assert isinstance(uow, SqlUnitOfWork)  # what the door of this storage hands out
    return [_void(uow, peppers) for peppers in items]


def _void(uow: SqlUnitOfWork, peppers: Sequence[str] | None) -> tuple[Under, list[str]]:
    uow.flush()
    older = [name for name in under(uow, uow.now) if name != current(uow)] if peppers is None else list(peppers)
    uids = {uid for (uid,) in uow.execute(_WITH_SPARE_CODES, {"older": older})}
    staff = sorted(one.name for uid in uids if (one := uow.staff.get(uid)) is not None)
    gone = {name: uow.execute(statement, {"older": older}).rowcount for name, statement in _VOID.items()}
    return Under(**gone), staff


def settle_restored(uow: SqlUnitOfWork) -> tuple[int, Under]:
    """Rows of an older backup: nobody goes on under a pepper that was given up since, nor under one whose file is gone. How many
    were hashed anew, and the codes that nobody can find any more. KeyMissing when the newest one of the backup is not here.
    """
    newest, now_current = uow.peppers.names[0], current(uow)
    if pepper_number(newest) > pepper_number(now_current):
        uow.peppers.begin(newest, uow.now)
    uow.peppers.get(current(uow))
    moved = 0
    for table in TABLES:
        step = Step(-1)
        while step.last:
            step = _rehash(uow, table, max(0, step.last))
            moved += step.moved
    lost, _ = _void(uow, [name for name in under(uow, uow.now) if name not in uow.peppers.names])
    return moved, lost

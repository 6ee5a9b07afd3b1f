"""Which lookup peppers one unit of work hashes with, so that nobody is missed and nobody made twice while they change.

Addresses and codes are kept as keyed hashes. Several peppers may be in use at once: new hashes are made with the newest that has
begun (`current`), and whoever is looked for is looked for under all that this process holds, the newest first.

**Nobody is missed.** Rows go over to a pepper only after it has begun, and that it has begun is a row of the database. So a look
that finds nothing asks there before it believes it (`look`): a process that had not heard of the newest pepper reads its file
and looks again, or refuses with KeyMissing when it has not got it.

**Nobody is made twice.** Under one pepper the unique index sees to that. Whoever makes a hash holds a shared lock until the end
(`settle`), and a new pepper begins only while nobody does (`begin`): so what others have made under the older one is committed
by then, and the second look, taken under that lock, finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from handlers.model import Address
from storage.channel_tables import accounts
from storage.crypto import lookup_of
from storage.registers import peppers
from storage.secrets import PEPPER, Peppers, pepper_number
from storage.tables import contacts

if TYPE_CHECKING:
    from storage.uow import Executes, RunsStatements

TURN: Final = "lookup pepper"
"""The lock's name: shared by whoever makes a hash, alone for whoever begins a new pepper."""

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BEGUN = select(peppers.c.name, peppers.c.begun_at).order_by(peppers.c.name)
_BEGIN = insert(peppers).on_conflict_do_nothing(index_elements=[peppers.c.name])
COUNT_ADDRESSES: Final = {
    table.name: select(table.c.pepper, func.count()).group_by(table.c.pepper) for table in (contacts, accounts)
}
"""How many rows of each table are found with each pepper."""

T = TypeVar("T")


def begun(runner: Executes) -> dict[str, datetime]:
    """The peppers that make or have made new hashes, and since when (1970: since the beginning), oldest first."""
    found = {PEPPER: BEGINNING} | {row.name: row.begun_at for row in runner.execute(_BEGUN)}
    return dict(sorted(found.items(), key=lambda one: pepper_number(one[0])))


def current(runner: Executes) -> str:
    """The pepper that makes new hashes."""
    return next(reversed(begun(runner)))


def needed(runner: Executes) -> list[str]:
    """The pepper that makes new hashes, and every one with which somebody is found."""
    counted = (runner.execute(statement) for statement in COUNT_ADDRESSES.values())
    return sorted({current(runner), *(name for rows in counted for name, _ in rows)})


def require(runner: Executes, held: Peppers) -> None:
    """Is each of those here? KeyMissing names the file of the first that is not."""
    for name in needed(runner):
        held.get(name)


class Hashing:
    """The peppers for one unit of work."""

    def __init__(self, runner: RunsStatements, held: Peppers) -> None:
        """`held`: those of this process."""
        self._runner = runner
        self._held = held
        self.names = held.names()
        """Those to look with, the newest first."""
        self._lookups: dict[Address, list[str]] = {}
        self._current: str | None = None

    def get(self, name: str) -> bytes:
        """The pepper of this name; KeyMissing names the file."""
        return self._held.get(name)

    def lookups(self, address: Address) -> list[str]:
        """The hashes under which somebody at this address may be kept, that of the newest pepper first."""
        known = self._lookups.get(address)
        if known is None:
            known = self._lookups[address] = [lookup_of(self._held.get(name), address) for name in self.names]
        return known

    def settle(self) -> str:
        """The pepper for new hashes, the same until the end of this unit of work; KeyMissing when its file is not here."""
        if self._current is None:
            self._runner.lock_name(TURN, shared=True)
            self._current = current(self._runner)
            self._hear_of(self._current)
        self._held.get(self._current)
        return self._current

    def look(self, query: Callable[[], T]) -> T:
        """What `query` finds, which goes through `names` or `lookups`; nothing is believed only when it is certain."""
        settled = self._current is not None
        found = query()
        if not found and not settled:
            self.settle()
            if len(self.names) > 1:
                return query()
        return found

    def begin(self, name: str, at: datetime) -> None:
        """From now on this one makes new hashes; KeyMissing when its file is not here. Waits until nobody is making any."""
        self._hear_of(name)
        self._held.get(name)
        self._runner.lock_name(TURN)
        self._runner.execute(_BEGIN, {"name": name, "begun_at": at})
        self._current = None

    def _hear_of(self, name: str) -> None:
        if name not in self.names:
            self._held.learn()
            self.names = self._held.names()
            self._lookups.clear()

"""Runs the stores' statements on psycopg, and locks the rows that a unit of work is going to change.

**Locks.** Rows are locked when they are read, in the order contact, case, escalation, outbox, audit head, so that two processes
wait for each other at most in one direction. Many items share a transaction; for them this order cannot be kept from one item to
the next, so only the first lock of a shared transaction may wait: where a later one would have to, the transaction is given up
and its items run one by one (`storage/postgres/door.py`).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar

import psycopg
from sqlalchemy import Boolean, Insert, LargeBinary, Select, String, Text
from sqlalchemy.dialects.postgresql.psycopg import dialect

from storage.postgres.many import Many
from storage.postgres.seats import Seat
from storage.prepared import Compilable, Driver, Prepared, Rows, Values
from storage.types import EnumText, Names, Packed, UtcTime, without_nul


def _takes(kind: Any) -> Any:
    if isinstance(kind, UtcTime | EnumText | Packed | Names):
        return kind.to_postgres
    if isinstance(kind, Boolean):
        return bool
    return without_nul if isinstance(kind, String | Text) else None


def _gives(kind: Any) -> Any:
    if isinstance(kind, UtcTime | EnumText | Packed):
        return kind.from_postgres
    return bytes if isinstance(kind, LargeBinary) else None


POSTGRES = Driver(dialect(paramstyle="numeric_dollar"), _takes, _gives)  # type: ignore[no-untyped-call]

_LOCK_NAME = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_SHARE_NAME = "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))"


class Waiting:
    """Since when one thread waits for the database, so that its callers can be told while it does."""

    __slots__ = ("since",)

    def __init__(self) -> None:
        """It does not."""
        self.since: float | None = None

    def __enter__(self) -> None:
        self.since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.since = None


class Locking(Enum):
    """Who else is in this transaction, which decides whether a lock may be waited for."""

    NEVER = "never"  # a look on a snapshot: nothing is locked
    TOGETHER = "together"  # many items: only the first lock waits
    ALONE = "alone"  # one item, which keeps the lock order


class PostgresRunner:
    """Runs statements on one connection, inside a transaction that somebody else begins and ends."""

    shared = True

    _plans: ClassVar[dict[tuple[int, tuple[str, ...], str], tuple[Compilable, Prepared]]] = {}
    _many: ClassVar[dict[str, Many]] = {}

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        locking: Locking,
        seat: Seat | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        """`connection` makes raw cursors ($1 placeholders); `seat` knows which processes live; `waiting` is told of each wait."""
        self._connection = connection
        self._waiting = waiting or Waiting()
        self._locking = locking
        self._seat = seat
        self._may_wait = locking is not Locking.NEVER
        self.changed = 0  # rows written so far

    @property
    def locks(self) -> bool:
        """Are rows locked at all?"""
        return self._locking is not Locking.NEVER

    def execute(self, statement: Compilable, values: Values | Sequence[Values] | None = None) -> Rows:
        """Run the statement for one row of values or for each of many (all with the same names)."""
        if values is None:
            values = {}
        if isinstance(values, Mapping):
            plan = self._plan(statement, values, "")
            given = plan.parameters(values)
            with self._waiting:
                cursor = self._connection.execute(plan.sql, given, binary=True)
            if plan.writes:
                self._wrote(cursor.rowcount)
            return plan.rows(cursor)
        plan = self._plan(statement, values[0], "")
        many = self._many.get(plan.sql) or self._many.setdefault(plan.sql, Many(plan))
        with self._connection.cursor() as cursor:
            if len(values) > 1 and many.sql:
                arrays = many.parameters(values)
                with self._waiting:
                    cursor.execute(many.sql, arrays)
            else:
                given = [plan.parameters(each) for each in values]
                with self._waiting:
                    cursor.executemany(plan.sql, given)
            self._wrote(cursor.rowcount)
            return Rows([], cursor.rowcount)

    def hold(self, statement: Compilable, values: Values, *, skip: bool = False) -> Rows:
        """Run a query of one table and lock the rows it returns until the end of the unit of work.

        `skip`: rows that somebody else holds are left out. Otherwise they are waited for where that cannot end in a
        deadlock; where it could, LockNotAvailable is raised at once.
        """
        how = self._how(skip)
        plan = self._plan(statement, values, how)
        given = plan.parameters(values)
        with self._waiting:
            cursor = self._connection.execute(plan.sql, given, binary=True)
        return plan.rows(cursor)

    def lock_name(self, name: str, *, shared: bool = False) -> None:
        """Nobody else works under this name until the end of the unit of work (`shared`: nobody but those who share it)."""
        if self.locks:
            with self._waiting:
                self._connection.execute(_SHARE_NAME if shared else _LOCK_NAME, (name,))

    def gone(self, senders: Collection[str]) -> set[str]:
        """Which of these senders are dead, as far as one can be certain."""
        return set() if self._seat is None else self._seat.gone(self._connection, senders)

    def _how(self, skip: bool) -> str:
        if not self.locks:
            return ""
        if skip:
            return "skip"
        if self._may_wait:
            self._may_wait = self._locking is Locking.ALONE
            return "wait"
        return "nowait"

    def _wrote(self, rows: int) -> None:
        self.changed += max(0, rows)
        self._may_wait = self._locking is Locking.ALONE

    def _plan(self, statement: Compilable, values: Values, how: str) -> Prepared:
        # The statement is kept beside its plan, so that its id cannot be given to another one.
        key = (id(statement), tuple(values), how)
        known = self._plans.get(key)
        if known is None:
            known = self._plans[key] = (statement, Prepared(_locked(statement, how), key[1], POSTGRES))
        return known[1]


def _locked(statement: Compilable, how: str) -> Compilable:
    """The query with its locking clause: for the rows of the table of its first column, which is what it is about."""
    if isinstance(statement, Insert):
        return statement.inline()  # nobody asks for the numbers of new rows
    if not how:
        return statement
    assert isinstance(statement, Select)
    table = next(iter(statement.selected_columns)).table
    if not statement._order_by_clauses and "id" in table.c:
        statement = statement.order_by(table.c.id)  # everybody locks many rows in the same order
    # "No key": nobody changes what others refer to, so that rows which refer to this one can be added beside.
    return statement.with_for_update(key_share=True, nowait=how == "nowait", skip_locked=how == "skip", of=table)

"""Runs statements written in SQLAlchemy straight on the database's driver: compiled once, then only values move.

Why: on the message path the price of a statement through the full execution layer is several times the price of SQLite's
own work (measured: 60 µs against 8 µs), and the writer is one thread. The statements stay Core expressions, so that SQLite
(`Runner` here) and PostgreSQL (`storage/postgres/runner.py`) run the same ones.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, ClassVar, Protocol

from sqlalchemy import Boolean
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

from storage.types import EnumText, Names, Packed, UtcTime

Fix = Callable[[Any], Any]
"""What turns one value into the driver's, or back; never called with None."""


class Compilable(Protocol):
    """A Core statement."""

    def compile(self, **options: Any) -> Any:
        """Its SQL."""


Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Driver:
    """How one database wants its statements and values, by the type of the column."""

    dialect: Dialect
    takes: Callable[[Any], Fix | None]
    gives: Callable[[Any], Fix | None]


class Rows:
    """The rows of one query, read at once."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> list[Any]:
        """All rows; a row is a tuple with names."""
        return self._rows

    def first(self) -> Any | None:
        """The first row, or None."""
        return self._rows[0] if self._rows else None

    def scalar(self) -> Any:
        """The first value of the first row, or None."""
        return self._rows[0][0] if self._rows else None


class Prepared:
    """One statement for one set of column names."""

    __slots__ = ("_constants", "_fixed", "_fixes", "_given", "_order", "_row", "kinds", "sql", "writes")

    def __init__(self, statement: Compilable, keys: Sequence[str], driver: Driver | None = None) -> None:
        driver = driver or SQLITE
        compiled: SQLCompiler = statement.compile(dialect=driver.dialect, column_keys=list(keys))
        self.sql = compiled.string
        self.writes = bool(compiled.isinsert or compiled.isupdate or compiled.isdelete)
        binds = [(name, compiled.binds[name]) for name in compiled.positiontup or ()]
        self._order = [(name, driver.takes(bind.type)) for name, bind in binds]
        self._given = _picker([name for name, _ in binds])
        self.kinds = [bind.type for _, bind in binds]
        self._fixed = [(place, fix) for place, (_, fix) in enumerate(self._order) if fix is not None]
        self._constants = {name: bind.effective_value for name, bind in binds if not bind.required and name not in keys}
        columns = compiled._result_columns
        self._row: Any = namedtuple("Row", [column.keyname for column in columns], rename=True) if columns else None
        fixes = [(place, driver.gives(column.type)) for place, column in enumerate(columns)]
        self._fixes = [(place, fix) for place, fix in fixes if fix is not None]

    def parameters(self, values: Values) -> list[Any]:
        """The values in the statement's order, as the driver takes them."""
        if self._constants:
            values = {**self._constants, **values}
        parameters = list(self._given(values))
        for place, fix in self._fixed:
            value = parameters[place]
            if value is not None:
                parameters[place] = fix(value)
        return parameters

    def rows(self, cursor: Any) -> Rows:
        """What the cursor holds, as the program's values."""
        if self._row is None:
            return Rows([], cursor.rowcount)
        made = []
        for raw in cursor.fetchall():
            row = list(raw)
            for place, fix in self._fixes:
                value = row[place]
                if value is not None:
                    row[place] = fix(value)
            made.append(self._row._make(row))
        return Rows(made, len(made))


def _picker(names: Sequence[str]) -> Callable[[Values], Sequence[Any]]:
    """What takes the values of these names, in this order."""
    if len(names) == 1:
        return lambda values: (values[names[0]],)
    return itemgetter(*names) if names else lambda _: ()


class Runner:
    """Runs statements on one SQLite connection. The plans are shared by all runners of the process."""

    shared = False  # one process uses an embedded database
    locks = False  # nobody else writes while a unit of work does

    _plans: ClassVar[dict[tuple[int, tuple[str, ...]], tuple[Compilable, Prepared]]] = {}

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: Compilable, values: Values | Sequence[Values] | None = None) -> Rows:
        """Run the statement for one row of values or for each of many (all with the same names)."""
        if values is None:
            values = {}
        if isinstance(values, Mapping):
            plan = self._plan(statement, values)
            return plan.rows(self._connection.execute(plan.sql, plan.parameters(values)))
        plan = self._plan(statement, values[0])
        cursor = self._connection.executemany(plan.sql, [plan.parameters(each) for each in values])
        return Rows([], cursor.rowcount)

    def hold(self, statement: Compilable, values: Values, *, skip: bool = False) -> Rows:
        """Run a query; the rows it returns are ours until the end of the unit of work, as everything is here."""
        return self.execute(statement, values)

    def lock_name(self, name: str, *, shared: bool = False) -> None:
        """Nobody else works under this name until the end of the unit of work; nobody else works at all here."""

    def gone(self, senders: Collection[str]) -> set[str]:
        """Which of these senders are dead: all of them, only one process sends from an embedded database."""
        return set(senders)

    def _plan(self, statement: Compilable, values: Values) -> Prepared:
        # The statement is kept beside its plan, so that its id cannot be given to another one.
        key = (id(statement), tuple(values))
        known = self._plans.get(key)
        if known is None:
            known = self._plans[key] = (statement, Prepared(statement, key[1]))
        return known[1]


def _to_sqlite(kind: Any) -> Fix | None:
    if isinstance(kind, UtcTime | EnumText | Packed | Names):
        return kind.to_sqlite
    return int if isinstance(kind, Boolean) else None


def _from_sqlite(kind: Any) -> Fix | None:
    if isinstance(kind, UtcTime | EnumText | Packed):
        return kind.from_sqlite
    return bool if isinstance(kind, Boolean) else None


SQLITE = Driver(sqlite.dialect(), _to_sqlite, _from_sqlite)

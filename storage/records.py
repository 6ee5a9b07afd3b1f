"""Between frozen records and rows: one mapping per kind of record, and the buffer of a unit of work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from functools import cached_property
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from sqlalchemy import Table, Update, bindparam, insert, update

from handlers.evolving import maker


def pack(value: Any) -> bytes:
    """A value as compact JSON, for sealing. A lone surrogate, which no platform should send, becomes a question mark:
    the rest of her text must not be lost for it.
    """
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_mended(msgspec.to_builtins(value)))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_mended(key): _mended(each) for key, each in value.items()}
    return [_mended(each) for each in value] if isinstance(value, list | tuple) else value


class Record(Protocol):
    """A frozen value with a uid."""

    @property
    def uid(self) -> str:
        """What references name."""


R = TypeVar("R", bound=Record)
K = TypeVar("K")


class Mapping(Generic[K]):
    """Which fields of a record stand in columns of the same name, and how to go both ways."""

    def __init__(self, table: Table, kind: type[K]) -> None:
        """Fields without a column of their own (the sealed ones) are left to the store."""
        self.names = tuple(f.name for f in fields(kind) if f.name in table.c)  # type: ignore[arg-type]
        self.columns = tuple(table.c[name] for name in self.names)
        self.width = len(self.names)
        self._make = maker(kind, self.names)
        self._table = table
        self._get = attrgetter(*self.names)
        self.insert = insert(table)

    def values(self, record: K) -> dict[str, Any]:
        """The record as parameters of `insert`."""
        return dict(zip(self.names, self._get(record), strict=True))

    @cached_property
    def update(self) -> Update:
        """The statement that `changes` are the parameters of."""
        return update(self._table).where(self._table.c.uid == bindparam("b_uid"))

    def changes(self, record: K, before: K | None = None) -> dict[str, Any]:
        """The record as parameters of `update`; with `before` only what has changed since, besides its uid."""
        if before is None:
            values = self.values(record)
            values["b_uid"] = values.pop("uid")
            return values
        changed: dict[str, Any] = {"b_uid": record.uid}  # type: ignore[attr-defined]
        for name, value, old in zip(self.names, self._get(record), self._get(before), strict=True):
            if value is not old and value != old:
                changed[name] = value
        return changed

    def record(self, row: Sequence[Any], **rest: Any) -> K:
        """The record of a row that begins with `columns`; `rest` are the fields a store has opened itself."""
        return self._make(row, rest)


def alike(changes: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Parameters of `update` by the columns they change, in order: each group is one statement. What changes nothing is left out.

    A column that keeps its value must not be named: SQLite writes every index of the columns that an update names.
    """
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for values in changes:
        if len(values) > 1:
            groups.setdefault(tuple(values), []).append(values)
    return list(groups.values())


class Buffer(Generic[R]):
    """The records of one kind that a unit of work has seen: the newest version of each, and which are not yet written."""

    __slots__ = ("_added", "_changed", "_kept", "_stands")

    def __init__(self) -> None:
        self._kept: dict[str, R] = {}
        self._added: dict[str, None] = {}
        self._changed: dict[str, None] = {}
        self._stands: dict[str, R] = {}  # as the database has them

    def __bool__(self) -> bool:
        """Is anything waiting to be written?"""
        return bool(self._added or self._changed)

    def get(self, uid: str) -> R | None:
        """The newest version seen or saved here."""
        return self._kept.get(uid)

    def kept(self) -> Iterable[R]:
        """Every record seen or saved here, in order of appearance."""
        return self._kept.values()

    def seen(self, record: R) -> R:
        """Note a record just read; a version saved here before stays the newer one."""
        self._stands.setdefault(record.uid, record)
        return self._kept.setdefault(record.uid, record)

    def add(self, record: R) -> None:
        """Note a new record to insert."""
        self._kept[record.uid] = record
        self._added[record.uid] = None

    def save(self, record: R) -> None:
        """Note a record to write; what equals the database at the end is not written (`alike`)."""
        self._kept[record.uid] = record
        if record.uid not in self._added:
            self._changed[record.uid] = None

    def drop(self, uid: str) -> None:
        """Forget a record that is gone."""
        for book in (self._kept, self._added, self._changed, self._stands):
            book.pop(uid, None)

    def take(self) -> tuple[list[tuple[R, R | None]], list[R]]:
        """What to update, each with what the database has (None where that was not read under a lock), and what to insert, in
        order; nothing is waiting afterwards.
        """
        changed = [(self._kept[uid], self._stands.get(uid)) for uid in self._changed]
        added = [self._kept[uid] for uid in self._added]
        for uid in (*self._changed, *self._added):
            self._stands[uid] = self._kept[uid]
        self._changed.clear()
        self._added.clear()
        return changed, added

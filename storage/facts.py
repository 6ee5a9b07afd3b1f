"""Facts on SQL: one anonymised row per closed case, referring to nothing, so that it outlives erasure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from handlers.model import Fact
from storage.records import Mapping
from storage.registers import facts

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_rows = Mapping(facts, Fact)
_ALL = select(*_rows.columns).order_by(facts.c.id)
_ADD = insert(facts)


class Facts:
    """`handlers.ports.FactStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def add(self, fact: Fact) -> None:
        """Append."""
        self._uow.execute(_ADD, _rows.values(fact))

    def all(self) -> list[Fact]:
        """Every row, oldest first."""
        return [_rows.record(row) for row in self._uow.execute(_ALL)]

"""Commune boundaries on SQL, as the compact rows that `handlers/rules/boundaries.py` understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from storage.registers import boundaries

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

REVISION = "boundaries_revision"

_ALL = select(boundaries.c.code, boundaries.c.area).order_by(boundaries.c.code)
_CLEAR = delete(boundaries)
_ADD = insert(boundaries)


class BoundaryRows:
    """`handlers.ports.BoundaryStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def all(self) -> dict[str, str]:
        """Each commune's area, by code."""
        return {code: area for code, area in self._uow.execute(_ALL)}

    def replace(self, rows: Mapping[str, str]) -> None:
        """These boundaries and no others; none at all takes them away."""
        self._uow.execute(_CLEAR)
        if rows:
            now = self._uow.now
            self._uow.execute(_ADD, [{"code": code, "area": area, "updated_at": now} for code, area in rows.items()])
        self._uow.set_setting(REVISION, str(self.revision() + 1))

    def revision(self) -> int:
        """Grows with every change."""
        return int(self._uow.get_setting(REVISION) or 0)

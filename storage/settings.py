"""Small persistent values of the installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from storage.registers import settings

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_GET = select(settings.c.value).where(settings.c.name == bindparam("name"))
_insert = insert(settings)
_SET = _insert.on_conflict_do_update(index_elements=[settings.c.name], set_={"value": _insert.excluded.value})


class Settings:
    """Names and values."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def get(self, name: str) -> str | None:
        """The value, or None. Whoever may write reads it alone: what is counted up or compared must not be so twice."""
        self._uow.lock_name(f"setting:{name}")
        value: str | None = self._uow.execute(_GET, {"name": name}).scalar()
        return value

    def set(self, name: str, value: str) -> None:
        """Write it."""
        self._uow.execute(_SET, {"name": name, "value": value})

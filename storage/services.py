"""The directory's rows on SQL, kept as the flat mappings that `handlers/directory.py` understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from storage.registers import services

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

REVISION = "services_revision"
BESIDE = "directory_"

_row = msgspec.json.Decoder(dict[str, str])
_ALL = select(services.c.row).order_by(services.c.id)
_ONE = select(services.c.row).where(services.c.id == bindparam("service_id"))
_insert = insert(services)
_PUT = _insert.on_conflict_do_update(
    index_elements=[services.c.id], set_={"row": _insert.excluded.row, "updated_at": _insert.excluded.updated_at}
)


class Services:
    """`handlers.ports.ServiceStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def all(self) -> list[dict[str, str]]:
        """All rows, by id."""
        return [_row.decode(row) for (row,) in self._uow.execute(_ALL)]

    def get(self, service_id: str) -> dict[str, str] | None:
        """The row with this id, or None."""
        found = self._uow.execute(_ONE, {"service_id": service_id}).first()
        return None if found is None else _row.decode(found[0])

    def replace(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Write these rows: new ones added, known ones overwritten, none deleted. Each row has an `id`."""
        if not rows:
            return
        now = self._uow.now
        self._uow.execute(
            _PUT,
            [{"id": row["id"], "row": msgspec.json.encode(dict(row)).decode(), "updated_at": now} for row in rows],
        )
        self._uow.set_setting(REVISION, str(self.revision() + 1))

    def beside(self, name: str) -> str | None:
        """A table kept beside the services."""
        return self._uow.get_setting(f"{BESIDE}{name}")

    def put_beside(self, name: str, text: str) -> None:
        """Replace such a table."""
        self._uow.set_setting(f"{BESIDE}{name}", text)
        self._uow.set_setting(REVISION, str(self.revision() + 1))

    def revision(self) -> int:
        """Grows with every change."""
        return int(self._uow.get_setting(REVISION) or 0)

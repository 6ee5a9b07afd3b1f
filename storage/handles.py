"""Handles on SQL: what platforms call the things they show for us."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from handlers.ports import Handle
from storage.channel_tables import handles

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_NAMES = ("kind", "owner_uid", "channel", "handle", "seq", "at")
_insert = insert(handles)
_ADD = _insert.on_conflict_do_update(
    index_elements=[handles.c.owner_uid, handles.c.kind, handles.c.channel, handles.c.handle],
    set_={"seq": _insert.excluded.seq, "at": _insert.excluded.at},
)
_select = select(*(handles.c[name] for name in _NAMES)).order_by(handles.c.id)
_OF = _select.where(
    handles.c.owner_uid == bindparam("owner_uid"),
    handles.c.kind == bindparam("kind"),
    or_(bindparam("channel") == "", handles.c.channel == bindparam("channel")),
)
_FIND = _select.where(
    handles.c.kind == bindparam("kind"),
    handles.c.channel == bindparam("channel"),
    handles.c.handle == bindparam("handle"),
)
_DROP = delete(handles).where(
    handles.c.owner_uid == bindparam("b_owner"), or_(bindparam("b_kind") == "", handles.c.kind == bindparam("b_kind"))
)
_SWEEP = delete(handles).where(handles.c.kind == bindparam("b_kind"), handles.c.at < bindparam("b_before"))


class Handles:
    """`handlers.ports.HandleStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow
        self._new: list[dict[str, Any]] = []

    def add(self, handles: Sequence[Handle]) -> None:
        """Remember them."""
        self._new += [{name: getattr(handle, name) for name in _NAMES} for handle in handles]

    def of(self, owner_uid: str, kind: str, channel: str = "") -> list[Handle]:
        """Those of this owner and kind, oldest first."""
        self._uow.flush()
        found = self._uow.execute(_OF, {"owner_uid": owner_uid, "kind": kind, "channel": channel})
        return [Handle(**row._asdict()) for row in found]

    def find(self, kind: str, channel: str, handle: str) -> Handle | None:
        """The one the platform calls so, or None."""
        self._uow.flush()
        row = self._uow.execute(_FIND, {"kind": kind, "channel": channel, "handle": handle}).first()
        return None if row is None else Handle(**row._asdict())

    def drop(self, owner_uid: str, kind: str = "") -> int:
        """Forget those of this owner."""
        self._uow.flush()
        gone: int = self._uow.execute(_DROP, {"b_owner": owner_uid, "b_kind": kind}).rowcount
        return gone

    def sweep(self, kind: str, before: datetime) -> int:
        """Forget those of this kind that are older."""
        self._uow.flush()
        gone: int = self._uow.execute(_SWEEP, {"b_kind": kind, "b_before": before}).rowcount
        return gone

    def flush(self) -> None:
        """Write buffered handles."""
        if self._new:
            new, self._new = self._new, []
            self._uow.execute(_ADD, new)

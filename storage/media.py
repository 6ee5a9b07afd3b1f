"""Pictures and voice notes on SQL: where they come from and what they are, sealed under the key of their case. Rare, so written
at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from handlers.model import Media, MediaState
from storage.channel_tables import media
from storage.records import Mapping
from storage.types import word

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_rows = Mapping(media, Media)
_select = select(*_rows.columns, media.c.source_sealed)
_DUE = (
    _select.where(media.c.state == word(MediaState.WANTED), media.c.next_attempt_at <= bindparam("now"))
    .order_by(media.c.next_attempt_at)
    .limit(bindparam("most"))
)
_GET = _select.where(media.c.uid == bindparam("uid"))
_OF_CASE = select(*_rows.columns).where(media.c.case_uid == bindparam("case_uid")).order_by(media.c.id)
_BODY = select(media.c.body_sealed, media.c.case_uid).where(media.c.uid == bindparam("uid"))
_SAVE = (
    update(media)
    .where(media.c.uid == bindparam("b_uid"))
    .values({name: bindparam(f"b_{name}", type_=media.c[name].type) for name in _rows.names if name != "uid"})
)
_KEEP = update(media).where(media.c.uid == bindparam("b_uid")).values(body_sealed=bindparam("b_body"))
_FORGET_SOURCE = update(media).where(media.c.uid == bindparam("b_uid")).values(source_sealed=None)


class MediaRows:
    """`handlers.ports.MediaStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def add(self, media: Media) -> None:
        """A new one, to be fetched."""
        self._uow.flush()
        self._uow.keys.load([media.case_uid])
        sealed = self._uow.keys.seal("media", "source", media.uid, media.case_uid, media.source.encode())
        self._uow.execute(_rows.insert, _rows.values(media) | {"source_sealed": sealed})

    def due(self, limit: int) -> list[Media]:
        """Those to be fetched whose time has come, oldest first."""
        self._uow.flush()
        return [self._open(row) for row in self._uow.execute(_DUE, {"now": self._uow.now, "most": limit}).all()]

    def get(self, uid: str) -> Media | None:
        """By uid, or None."""
        row = self._uow.execute(_GET, {"uid": uid}).first()
        return None if row is None else self._open(row)

    def of_case(self, case_uid: str) -> list[Media]:
        """All of a case, in the order they came, without their sources."""
        self._uow.flush()
        return [_rows.record(row) for row in self._uow.execute(_OF_CASE, {"case_uid": case_uid})]

    def save(self, media: Media) -> None:
        """Write all fields; nothing when it is gone."""
        self._uow.execute(_SAVE, {f"b_{name}": value for name, value in _rows.values(media).items()})
        if not media.source:
            self._uow.execute(_FORGET_SOURCE, {"b_uid": media.uid})

    def keep(self, media: Media, body: bytes) -> None:
        """Seal the bytes beside it and write all fields; nothing when it is gone, or the key of its case."""
        self._uow.keys.load([media.case_uid])
        if self._uow.keys.holds(media.case_uid):
            self.save(media)
            sealed = self._uow.keys.seal("media", "body", media.uid, media.case_uid, body)
            self._uow.execute(_KEEP, {"b_uid": media.uid, "b_body": sealed})

    def body(self, uid: str) -> bytes | None:
        """The bytes, or None."""
        row = self._uow.execute(_BODY, {"uid": uid}).first()
        if row is None:
            return None
        self._uow.keys.load([row.case_uid])
        return self._uow.keys.try_unseal("media", "body", uid, row.case_uid, row.body_sealed)

    def _open(self, row: Any) -> Media:
        self._uow.keys.load([row.case_uid])
        plain = self._uow.keys.try_unseal("media", "source", row.uid, row.case_uid, row.source_sealed)
        return _rows.record(row, source=plain.decode() if plain else "")

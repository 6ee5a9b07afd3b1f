"""Transcripts on SQL: every body sealed under its case's key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, bindparam, func, insert, or_, select

from flows.effects import Button
from handlers.model import DeskLine, Direction, Line, OutboxState
from storage.records import Mapping, pack
from storage.tables import lines, outbox
from storage.types import among, word

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork


class Body(msgspec.Struct, frozen=True, array_like=True):
    """What is sealed of a line."""

    text: str
    buttons: tuple[Button, ...] = ()
    wants_location: bool = False
    audio: str = ""
    language: str = ""


_rows = Mapping(lines, Line)
_body = msgspec.json.Decoder(Body)
_INSERT = insert(lines)
# The newest outbox row of a line says what became of it.
_delivery: ColumnElement[OutboxState | None] = (
    select(outbox.c.state)
    .where(outbox.c.line_uid == lines.c.uid)
    .order_by(outbox.c.id.desc())
    .limit(1)
    .correlate(lines)
    .scalar_subquery()
)
_select = select(*_rows.columns, lines.c.body_sealed, _delivery.label("delivery"))
_OF_CASE = (
    _select.where(lines.c.case_uid == bindparam("case_uid"), lines.c.seq > bindparam("after_seq"))
    .order_by(lines.c.seq)
    .limit(bindparam("most"))
)
# When a line reached her: a line out when its row was sent, a line in when it was taken in.
_reached_at = func.coalesce(
    select(outbox.c.done_at)
    .where(outbox.c.line_uid == lines.c.uid)
    .order_by(outbox.c.id.desc())
    .limit(1)
    .correlate(lines)
    .scalar_subquery(),
    lines.c.created_at,
    type_=lines.c.created_at.type,
)
_SHOWN = (
    select(lines.c.uid, _reached_at.label("reached_at"))
    .where(
        among(lines.c.case_uid, "case_uids"),
        lines.c.direction != word(Direction.NOTE),
        or_(
            bindparam("since", type_=lines.c.created_at.type).is_(None),
            _reached_at >= bindparam("since", type_=lines.c.created_at.type),
        ),
        or_(
            lines.c.direction == word(Direction.IN),
            func.coalesce(_delivery, word(OutboxState.SENT)) == word(OutboxState.SENT),
        ),
    )
    .order_by(_reached_at, lines.c.id)
)
_BY_UIDS = _select.where(among(lines.c.uid, "uids"))
_NEWEST_BY = (
    select(lines.c.created_at)
    .where(lines.c.case_uid == bindparam("case_uid"), lines.c.author == bindparam("author"))
    .order_by(lines.c.seq.desc())
    .limit(1)
)
_CLIENT_KEY = select(lines.c.id).where(
    lines.c.case_uid == bindparam("case_uid"), lines.c.client_key == bindparam("client_key")
)


class Lines:
    """`handlers.ports.LineStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow
        self._new: list[dict[str, Any]] = []
        self._client_keys: set[tuple[str, str]] = set()

    def add(self, line: Line) -> None:
        """Append to the transcript of its case."""
        plain = pack(Body(line.text, line.buttons, line.wants_location, line.audio, line.language))
        sealed = self._uow.keys.seal("lines", "body", line.uid, line.case_uid, plain)
        self._new.append(_rows.values(line) | {"body_sealed": sealed})
        if line.client_key is not None:
            self._client_keys.add((line.case_uid, line.client_key))

    def has_client_key(self, case_uid: str, client_key: str) -> bool:
        """Did the desk page post this line already?"""
        if (case_uid, client_key) in self._client_keys:
            return True
        return self._uow.execute(_CLIENT_KEY, {"case_uid": case_uid, "client_key": client_key}).first() is not None

    def of_case(self, case_uid: str, after_seq: int = 0, limit: int = 500) -> list[DeskLine]:
        """The lines after `after_seq`, in order, with delivery states."""
        self._uow.flush()
        found = self._uow.execute(_OF_CASE, {"case_uid": case_uid, "after_seq": after_seq, "most": limit})
        return [
            DeskLine(
                seq=row.seq,
                direction=row.direction,
                author=row.author,
                text=self._open(row).text,
                created_at=row.created_at,
                delivery=row.delivery,
                client_key=row.client_key,
            )
            for row in found
        ]

    def shown_to_seeker(self, case_uids: Sequence[str], since: datetime | None) -> list[tuple[datetime, str]]:
        """What has reached her, in that order, as (when, line uid)."""
        self._uow.flush()
        found = self._uow.execute(_SHOWN, {"case_uids": list(case_uids), "since": since})
        return [(row.reached_at, row.uid) for row in found]

    def newest_by(self, case_uid: str, author: str) -> datetime | None:
        """When this author wrote last in the case."""
        self._uow.flush()
        row = self._uow.execute(_NEWEST_BY, {"case_uid": case_uid, "author": author}).first()
        return None if row is None else row[0]

    def load(self, uids: Sequence[str]) -> dict[str, Line]:
        """These lines by uid."""
        self._uow.flush()
        loaded = {}
        for row in self._uow.execute(_BY_UIDS, {"uids": list(uids)}):
            body = self._open(row)
            loaded[row.uid] = _rows.record(
                row,
                text=body.text,
                buttons=body.buttons,
                wants_location=body.wants_location,
                audio=body.audio,
                language=body.language,
            )
        return loaded

    def flush(self) -> None:
        """Write buffered lines."""
        if self._new:
            new, self._new = self._new, []
            self._uow.execute(_INSERT, new)

    def _open(self, row: Any) -> Body:
        plain = self._uow.keys.try_unseal("lines", "body", row.uid, row.case_uid, row.body_sealed)
        # One spoilt line must not hide the rest of the talk from the counsellor.
        return _body.decode(plain) if plain is not None else Body("")

"""The inbox on SQL: each message once, sealed under its contact's key until it is done."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, case, func, null, select, update

from handlers.model import InboxRow, InboxState, MessageKind, StoredMessage
from storage.records import Mapping, pack
from storage.tables import inbox
from storage.types import among, word

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

LONGEST_ID = 255
_rows = Mapping(inbox, InboxRow)
_message = msgspec.json.Decoder(StoredMessage)
_KNOWN = select(inbox.c.channel, inbox.c.message_id).where(
    among(inbox.c.channel, "channels"),
    among(inbox.c.message_id, "message_ids"),
)
_first = (
    select(func.min(inbox.c.id))
    .where(inbox.c.state == word(InboxState.NEW))
    .where(among(inbox.c.contact_uid, "contact_uids"))
    .group_by(inbox.c.contact_uid)
)
_OLDEST = select(*_rows.columns, inbox.c.message_sealed).where(inbox.c.id.in_(_first))
_SAVE = (
    update(inbox)
    .where(inbox.c.uid == bindparam("b_uid"))
    .values(
        state=bindparam("b_state"),
        attempts=bindparam("b_attempts"),
        error_class=bindparam("b_error_class"),
        message_sealed=case(
            (bindparam("b_state", type_=inbox.c.state.type) == word(InboxState.DONE), null()),
            else_=inbox.c.message_sealed,
        ),
    )
)
_NEW_OF = (
    select(inbox.c.uid, inbox.c.message_sealed)
    .where(inbox.c.contact_uid == bindparam("contact_uid"), inbox.c.state == word(InboxState.NEW))
    .order_by(inbox.c.id)
)
_MOVE = (
    update(inbox)
    .where(inbox.c.uid == bindparam("b_uid"))
    .values(contact_uid=bindparam("b_contact"), message_sealed=bindparam("b_sealed"))
)


def _short(message_id: str) -> str:
    """The id as it is stored: the same one each time, however long a platform makes it, and whatever stands in it."""
    if len(message_id) <= LONGEST_ID and "\x00" not in message_id:
        return message_id
    return hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()


class Inbox:
    """`handlers.ports.InboxStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow
        self._new: list[dict[str, Any]] = []
        self._accepted: set[tuple[str, str]] = set()
        self._saved: dict[str, InboxRow] = {}

    def accept(self, rows: Sequence[tuple[InboxRow, str, str]]) -> list[bool]:
        """Insert each message not there yet; False for the others."""
        if not rows:
            return []
        rows = [(row, channel, _short(message_id)) for row, channel, message_id in rows]
        known = self._known({channel for _, channel, _ in rows}, {message_id for _, _, message_id in rows})
        fresh = []
        for row, channel, message_id in rows:
            is_new = (channel, message_id) not in known and (channel, message_id) not in self._accepted
            if is_new:
                self._accepted.add((channel, message_id))
                plain = pack(row.message)
                sealed = self._uow.keys.seal("inbox", "message", row.uid, row.contact_uid, plain)
                values = {"channel": channel, "message_id": message_id, "message_sealed": sealed}
                self._new.append(_rows.values(row) | values)
            fresh.append(is_new)
        return fresh

    def oldest(self, contact_uids: Sequence[str]) -> dict[str, InboxRow]:
        """The oldest new row of each contact that has one."""
        if not contact_uids:
            return {}
        self._uow.flush()
        found = self._uow.execute(_OLDEST, {"contact_uids": list(contact_uids)}).all()
        self._uow.keys.load(row.contact_uid for row in found)
        oldest = {}
        for row in found:
            plain = self._uow.keys.try_unseal("inbox", "message", row.uid, row.contact_uid, row.message_sealed)
            # What cannot be read is still a call for help: it goes on as something we cannot read.
            message = _message.decode(plain) if plain is not None else StoredMessage(kind=MessageKind.UNSUPPORTED)
            oldest[row.contact_uid] = _rows.record(row, message=message)
        return oldest

    def move(self, from_contact_uid: str, to_contact_uid: str) -> int:
        """New rows go on in the other lane, sealed anew; what does not open goes on as something we cannot read."""
        self._uow.flush()
        self._uow.keys.load([from_contact_uid, to_contact_uid])
        moved = []
        for row in self._uow.execute(_NEW_OF, {"contact_uid": from_contact_uid}).all():
            plain = self._uow.keys.try_unseal("inbox", "message", row.uid, from_contact_uid, row.message_sealed)
            sealed = None if plain is None else self._uow.keys.seal("inbox", "message", row.uid, to_contact_uid, plain)
            moved.append({"b_uid": row.uid, "b_contact": to_contact_uid, "b_sealed": sealed})
        if moved:
            self._uow.execute(_MOVE, moved)
        return len(moved)

    def save(self, row: InboxRow) -> None:
        """Write state, attempts and error class; done rows lose their sealed message."""
        self._saved[row.uid] = row

    def flush(self) -> None:
        """Write buffered rows."""
        if self._new:
            new, self._new = self._new, []
            self._uow.execute(_rows.insert, new)
        if self._saved:
            saved, self._saved = self._saved, {}
            self._uow.execute(
                _SAVE,
                [
                    {"b_uid": r.uid, "b_state": r.state, "b_attempts": r.attempts, "b_error_class": r.error_class}
                    for r in saved.values()
                ],
            )

    def _known(self, channels: set[str], message_ids: set[str]) -> set[tuple[str, str]]:
        found = self._uow.execute(_KNOWN, {"channels": list(channels), "message_ids": list(message_ids)})
        return {(channel, message_id) for channel, message_id in found}

"""Pictures and voice notes that she sends, shown to staff where an operator allows it: only in a talk to which a human is called.

The machine looks at none of them. They are fetched from the platform once, cleaned (see `bot.media`), sealed with the talk, and
destroyed with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from flows.effects import Value
from handlers import audit
from handlers.calling import open_of
from handlers.model import AuditEntry, Case, InboundMessage, Media, MediaState, StoredMessage, new_uid
from handlers.operation import operation
from handlers.ports import UnitOfWork

MOST_A_CASE: Final = 30
TRIES: Final = 6
"""After so many failures, a quarter of an hour, it is given up: platforms keep their links only for a while."""


def wanted(message: InboundMessage, *, keeps: bool) -> InboundMessage:
    """The message as the inbox keeps it: where nothing is fetched, not even the address of a picture is stored."""
    if keeps or message.attachment is None:
        return message
    return replace(message, attachment=replace(message.attachment, source=""))


def note(uow: UnitOfWork, case: Case, message: StoredMessage, seq: int) -> None:
    """Remember that her line `seq` has a picture or a voice note, when a human is called or talks with her."""
    attached = message.attachment
    if attached is None or not attached.source or (open_of(uow, case) is None and not case.human):
        return
    if len(uow.media.of_case(case.uid)) >= MOST_A_CASE:
        return
    uow.media.add(
        Media(
            uid=new_uid(),
            case_uid=case.uid,
            seq=seq,
            kind=attached.kind,
            channel=case.channel,
            source=attached.source,
            next_attempt_at=uow.now,
            created_at=uow.now,
        )
    )
    uow.ring("media")


# --- fetching ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What became of one try: `body` as it is kept, or `again` (the platform did not answer), or neither (refused)."""

    uid: str
    body: bytes | None = None
    mime: str = ""
    again: bool = False


@operation("writer")
def settle(uow: UnitOfWork, items: Sequence[Fetched]) -> list[MediaState | None]:
    """Write what became of each; the state it is in now, None where it is gone. Safe to repeat."""
    return [_settle(uow, item) for item in items]


def _settle(uow: UnitOfWork, item: Fetched) -> MediaState | None:
    media = uow.media.get(item.uid)
    if media is None or media.state is not MediaState.WANTED:
        return None if media is None else media.state
    if item.body is not None:
        kept = replace(media, state=MediaState.KEPT, mime=item.mime, source="", next_attempt_at=None)
        uow.media.keep(kept, item.body)
        uow.ring("desk")
        return MediaState.KEPT
    attempts = media.attempts + 1
    if item.again and attempts < TRIES:
        pause = timedelta(seconds=min(300, 10 * 2**attempts))
        uow.media.save(replace(media, attempts=attempts, next_attempt_at=uow.now + pause))
        return MediaState.WANTED
    uow.media.save(replace(media, state=MediaState.REFUSED, attempts=attempts, source="", next_attempt_at=None))
    uow.ring("desk")
    return MediaState.REFUSED


def seen(uow: UnitOfWork, case: Case, media: Media, actor: str) -> None:
    """A staff member has looked at it."""
    detail: dict[str, Value] = {"kind": media.kind.value, "line": media.seq}
    uow.audit.add(AuditEntry(actor=actor, action=audit.MEDIA_READ, object=case.code, detail=detail))

"""What the desk shows: reads, with content only where it is permitted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from flows.severity import Severity
from handlers.model.calling import EscalationState
from handlers.model.incoming import MediaKind
from handlers.model.outgoing import OutboxState
from handlers.model.stays import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCard:
    """One content-free card of the desk's queue."""

    case_code: str
    severity: Severity
    category: str
    state: EscalationState | None  # None: waits without ringing (standard, info)
    epoch: int
    waiting_since: datetime
    owner_alias: str = ""
    mine: bool = False
    agreed: bool = False
    retracted: bool = False
    danger: bool = False
    practice: bool = False
    offered_to: str | None = None  # uid of the colleague whom its owner asks to take it


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLine:
    """One transcript line as the desk shows it, with what became of it."""

    seq: int
    direction: Direction
    author: str  # "seeker", "bot" or an alias
    text: str = field(repr=False)
    created_at: datetime
    delivery: OutboxState | None = None  # None for lines that came in and notes
    client_key: str | None = None  # of the surface it was written on
    media: Media | None = None


class MediaState(StrEnum):
    """How far a picture or a voice note has come."""

    WANTED = "wanted"  # to be fetched from the platform
    KEPT = "kept"
    REFUSED = "refused"  # too large, no longer there, or not what it says it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A picture or a voice note beside a line of a talk. Its bytes lie sealed under the case's key, and go with the case."""

    uid: str
    case_uid: str
    seq: int  # of the line
    kind: MediaKind
    channel: str
    source: str = field(default="", repr=False)  # sealed; "" once it is kept or refused
    state: MediaState = MediaState.WANTED
    mime: str = ""  # of what is kept
    attempts: int = 0
    next_attempt_at: datetime | None = None
    created_at: datetime

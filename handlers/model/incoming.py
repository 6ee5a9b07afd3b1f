"""What comes in: addresses, messages, and the row in which a message waits until it is handled."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class MessageKind(StrEnum):
    """What the seeker sent, after the channel has parsed it."""

    TEXT = "text"
    CHOICE = "choice"  # pressed a button; `choice` holds its opaque data
    LOCATION = "location"  # shared a point; coarsened to communes before it is stored
    START = "start"  # opened the chat (/start, page opened)
    UNSUPPORTED = "unsupported"  # voice, picture, sticker, anything we cannot read: a person is there
    EDITED = "edited"  # changed a message she had sent: shown and screened, but it answers no question
    BLOCKED = "blocked"  # the platform says she has blocked or left the channel
    CODE = "code"  # typed a return code on the web page's own form
    JOINED = "joined"  # followed the account or opened its chat: greeted, unless a talk is under way
    WITHHELD = "withheld"  # the platform does not show us what she sent: she may be a child
    WITHDRAWN = "withdrawn"  # told the platform to withdraw her consent: everything of hers is erased


@dataclass(frozen=True, slots=True)
class Address:
    """Where a seeker can be reached: a configured channel and her id there. Never logged, stored only hashed and sealed."""

    channel: str
    platform_id: str = field(repr=False)


class MediaKind(StrEnum):
    """What may be shown to staff as it is, after cleaning."""

    IMAGE = "image"
    VOICE = "voice"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or a voice note beside a message, as the platform lets us fetch it."""

    kind: MediaKind
    source: str = field(
        default="", repr=False
    )  # the platform's name or address of the file; "" once it must not be fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """One message of a seeker, whitelisted fields only; made by a channel, consumed by `inbound.accept`."""

    address: Address
    message_id: str  # unique per channel; a redelivery carries the same one
    kind: MessageKind
    text: str = field(default="", repr=False)
    choice: str = field(default="", repr=False)
    point: tuple[float, float] | None = field(default=None, repr=False)  # (lat, lon); dropped in `accept`
    handle: str = field(default="", repr=False)  # how the platform calls it, where it can be taken away again
    attachment: Attachment | None = None
    language: str = ""  # chosen at the door (the page's); a talk that begins with this message begins in it


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """What the inbox keeps of a message (sealed): the point has become communes."""

    kind: MessageKind
    text: str = field(default="", repr=False)
    choice: str = field(default="", repr=False)
    communes: tuple[str, ...] = ()  # nearest first
    attachment: Attachment | None = None
    language: str = ""  # chosen at the door, see `InboundMessage`


class InboxState(StrEnum):
    """Where an inbox row stands."""

    NEW = "new"
    DONE = "done"
    DEAD = "dead"  # failed three times; a human reads it


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """One accepted message waiting in its lane."""

    uid: str
    contact_uid: str
    message: StoredMessage
    received_at: datetime
    state: InboxState = InboxState.NEW
    attempts: int = 0
    error_class: str = ""  # class name of the last failure, never its text

"""Updates of the Zalo Bot Platform as our messages: whitelisted fields only, groups dropped. Pure.

The documentation wraps an update in `{"ok": true, "result": …}`; real webhooks bring it bare. Both are taken, everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from handlers.model import Address, Attachment, InboundMessage, MediaKind, MessageKind

WITHHELD = "message.unsupported.received"
"""Zalo does not show us what she sent: a place, a contact, a file, or anything from a child or another protected person."""

_NOT_HERS = ("message.reaction.",)
_WORDS = ("message.text.received", "message.link.received")


class _Someone(msgspec.Struct):
    id: str = ""
    is_bot: bool = False


class _Chat(msgspec.Struct):
    id: str = ""
    chat_type: str = ""


class _Message(msgspec.Struct):
    """The fields we use, and no others: display names are dropped by not being here."""

    chat: _Chat
    message_id: str = ""
    sender: _Someone | None = msgspec.field(default=None, name="from")
    text: str = ""
    caption: str = ""
    photo_url: str = ""  # as it comes; documented is `photo`
    photo: str = ""
    voice_url: str = ""
    date: int | str = ""


class _Update(msgspec.Struct):
    event_name: str
    message: _Message


class _BareMessage(msgspec.Struct):
    chat: _Chat
    message_id: str = ""


class _BareUpdate(msgspec.Struct):
    """What must be there for somebody to get an answer, when the rest has a shape we do not know."""

    event_name: str
    message: _BareMessage


def unwrapped(raw: object) -> tuple[object, bool]:
    """The update itself, and whether it came wrapped."""
    if isinstance(raw, dict) and raw.get("ok") is True and isinstance(raw.get("result"), dict):
        return raw["result"], True
    return raw, False


def parse(channel: str, raw: object, keyed: Callable[[str], str]) -> InboundMessage | None:
    """One update (not wrapped) as a message; None for groups, other bots and reactions. What we do not know is a person too: it
    becomes kind *unsupported*. `keyed` makes an id where there is none; it must be a keyed hash. Raises
    msgspec.ValidationError on something that is not an update of a chat at all.
    """
    try:
        update = msgspec.convert(raw, _Update, strict=False)
    except msgspec.ValidationError:
        bare = msgspec.convert(raw, _BareUpdate, strict=False)
        return _message(channel, bare.event_name, bare.message, keyed, MessageKind.UNSUPPORTED)
    message = update.message
    if message.sender is not None and message.sender.is_bot:
        return None
    kind, text = _read(update.event_name, message)
    attached = _attached(update.event_name, message) if kind is MessageKind.UNSUPPORTED else None
    sender = message.sender.id if message.sender is not None else ""
    return _message(
        channel,
        update.event_name,
        message,
        keyed,
        kind,
        text=text,
        sender=sender,
        date=str(message.date),
        attachment=attached,
    )


def _attached(event_name: str, message: _Message) -> Attachment | None:
    found = {
        "message.image.received": (MediaKind.IMAGE, message.photo_url or message.photo),
        "message.voice.received": (MediaKind.VOICE, message.voice_url),
    }.get(event_name)
    return Attachment(*found) if found is not None and found[1] else None


def _read(event_name: str, message: _Message) -> tuple[MessageKind, str]:
    if event_name == WITHHELD:
        return MessageKind.WITHHELD, ""
    words = (message.text or message.caption).encode("utf-8", "replace").decode("utf-8")
    if event_name in _WORDS and words.strip():
        return (MessageKind.START, "") if words.strip() == "/start" else (MessageKind.TEXT, words)
    return MessageKind.UNSUPPORTED, words


def _message(
    channel: str,
    event_name: str,
    message: Any,
    keyed: Callable[[str], str],
    kind: MessageKind,
    *,
    text: str = "",
    sender: str = "",
    date: str = "",
    attachment: Attachment | None = None,
) -> InboundMessage | None:
    chat = message.chat
    private = chat.chat_type.upper() == "PRIVATE" or (not chat.chat_type and chat.id == sender)
    if not chat.id or not private or event_name.startswith(_NOT_HERS):
        return None  # never answer where others read along
    message_id = message.message_id or keyed(f"{event_name}|{chat.id}|{date}|{text}")
    return InboundMessage(
        address=Address(channel, chat.id), message_id=message_id, kind=kind, text=text, attachment=attachment
    )

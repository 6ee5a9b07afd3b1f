"""Telegram's updates as our messages: whitelisted fields only, nobody answered where others read along. Pure.

Telegram tells a bot of edits, but never that somebody has deleted a message in a private chat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import msgspec

from handlers.model import Address, Attachment, InboundMessage, MediaKind, MessageKind


class _Chat(msgspec.Struct):
    id: int
    type: str = ""


class _Point(msgspec.Struct):
    latitude: float
    longitude: float


class _File(msgspec.Struct):
    file_id: str = ""
    file_size: int = 0


class _Message(msgspec.Struct):
    chat: _Chat
    message_id: int = 0
    text: str | None = None
    caption: str | None = None
    location: _Point | None = None
    photo: list[_File] = []  # the same picture in several sizes
    voice: _File | None = None


class _Callback(msgspec.Struct):
    id: str
    data: str | None = None
    message: _Message | None = None


class _Member(msgspec.Struct):
    status: str = ""


class _Membership(msgspec.Struct):
    chat: _Chat
    new_chat_member: _Member


class _BareMessage(msgspec.Struct):
    chat: _Chat
    message_id: int = 0


class _BareUpdate(msgspec.Struct):
    """What must be there for somebody to get an answer, when the rest has a shape we do not know."""

    update_id: int
    message: _BareMessage | None = None
    edited_message: _BareMessage | None = None


class _Update(msgspec.Struct):
    """The fields we use, and no others: names, usernames and phone numbers are dropped by not being here."""

    update_id: int
    message: _Message | None = None
    edited_message: _Message | None = None
    callback_query: _Callback | None = None
    my_chat_member: _Membership | None = None


def parse(channel: str, raw: object) -> InboundMessage | None:
    """One update as a message; None for what concerns no seeker (groups, channels). What we do not know is a person too:
    it becomes kind *unsupported*. Raises msgspec.ValidationError on something that is not an update of a chat at all.
    """
    try:
        update = msgspec.convert(raw, _Update, strict=False)
    except msgspec.ValidationError:
        bare = msgspec.convert(raw, _BareUpdate, strict=False)
        person = bare.message or bare.edited_message
        if person is None:
            raise
        return _message(channel, bare.update_id, person.chat, MessageKind.UNSUPPORTED, handle=person.message_id)
    if update.my_chat_member is not None:
        gone = update.my_chat_member.new_chat_member.status in ("kicked", "left")
        kind = MessageKind.BLOCKED if gone else MessageKind.START
        return _message(channel, update.update_id, update.my_chat_member.chat, kind)
    if update.callback_query is not None:
        query = update.callback_query
        if query.message is None:
            return None
        return _message(channel, update.update_id, query.message.chat, MessageKind.CHOICE, choice=query.data or "")
    if update.message is not None:
        return _written(channel, update.update_id, update.message)
    edited = update.edited_message
    # A live location moves by edits, which answer nothing; an edited text is shown to whoever reads along, and screened.
    if edited is None or not (edited.text or edited.caption):
        return None
    words = edited.text or edited.caption or ""
    return _message(channel, update.update_id, edited.chat, MessageKind.EDITED, text=words)


def _written(channel: str, update_id: int, message: _Message) -> InboundMessage | None:
    chat, handle = message.chat, message.message_id
    if message.location is not None:
        lat, lon = message.location.latitude, message.location.longitude
        if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
            return _message(channel, update_id, chat, MessageKind.UNSUPPORTED, handle=handle)
        return _message(channel, update_id, chat, MessageKind.LOCATION, point=(lat, lon), handle=handle)
    if not message.text:
        # The words beside a picture are screened, though the picture is not looked at.
        caption = message.caption or ""
        attached = _attached(message)
        return _message(
            channel, update_id, chat, MessageKind.UNSUPPORTED, text=caption, handle=handle, attachment=attached
        )
    if message.text == "/start" or message.text.startswith("/start "):
        return _message(channel, update_id, chat, MessageKind.START, handle=handle)
    return _message(channel, update_id, chat, MessageKind.TEXT, text=message.text, handle=handle)


def _message(
    channel: str,
    update_id: int,
    chat: _Chat,
    kind: MessageKind,
    *,
    text: str = "",
    choice: str = "",
    point: tuple[float, float] | None = None,
    handle: int = 0,
    attachment: Attachment | None = None,
) -> InboundMessage | None:
    if chat.type != "private":
        return None  # never answer where others read along
    return InboundMessage(
        address=Address(channel, str(chat.id)),
        message_id=str(update_id),
        kind=kind,
        text=_whole(text),
        choice=_whole(choice),
        point=point,
        handle=str(handle) if handle else "",
        attachment=attachment,
    )


def _attached(message: _Message) -> Attachment | None:
    if message.photo:
        largest = max(message.photo, key=lambda one: one.file_size)
        return Attachment(MediaKind.IMAGE, largest.file_id)
    return Attachment(MediaKind.VOICE, message.voice.file_id) if message.voice is not None else None


def _whole(text: str) -> str:
    """The text without half characters (lone surrogates), which no store can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


# --- the staff group -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEvent:
    """What somebody did in the staff group: pressed a button (`query_id`) or wrote."""

    update_id: int
    who: str  # her account's id there
    message_id: int
    topic_id: int = 0  # of a forum; 0: none
    query_id: str = ""
    data: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    is_reply: bool = False  # an answer to a message of the topic
    has_more: bool = False  # a picture, a voice note, anything that is no text


class _Person(msgspec.Struct):
    id: int
    is_bot: bool = False


class _Answered(msgspec.Struct):
    message_id: int = 0


class _GroupMessage(msgspec.Struct):
    chat: _Chat
    message_id: int = 0
    message_thread_id: int = 0
    is_topic_message: bool = False
    sender: _Person | None = msgspec.field(default=None, name="from")
    text: str | None = None
    reply_to_message: _Answered | None = None
    forum_topic_created: dict[str, object] | None = None
    forum_topic_edited: dict[str, object] | None = None
    forum_topic_closed: dict[str, object] | None = None
    new_chat_members: list[object] | None = None
    left_chat_member: dict[str, object] | None = None
    pinned_message: dict[str, object] | None = None


class _GroupQuery(msgspec.Struct):
    id: str
    sender: _Person = msgspec.field(name="from")
    data: str | None = None
    message: _GroupMessage | None = None


class _GroupUpdate(msgspec.Struct):
    update_id: int
    message: _GroupMessage | None = None
    callback_query: _GroupQuery | None = None


def group_event(raw: object, chat_id: int) -> GroupEvent | None:
    """What was done in this very group; None for everything else, also for what has a shape we do not know."""
    try:
        update = msgspec.convert(raw, _GroupUpdate, strict=False)
    except (msgspec.ValidationError, RecursionError):
        return None
    query, message = update.callback_query, update.message
    if query is not None and query.message is not None and query.message.chat.id == chat_id and not query.sender.is_bot:
        return GroupEvent(
            update_id=update.update_id,
            who=str(query.sender.id),
            message_id=query.message.message_id,
            topic_id=query.message.message_thread_id if query.message.is_topic_message else 0,
            query_id=query.id,
            data=query.data or "",
        )
    if message is None or message.chat.id != chat_id or message.sender is None or message.sender.is_bot:
        return None
    service = (
        message.forum_topic_created, message.forum_topic_edited, message.forum_topic_closed, message.new_chat_members,
        message.left_chat_member, message.pinned_message,
    )  # fmt: skip
    if any(one is not None for one in service):
        return None
    topic = message.message_thread_id if message.is_topic_message else 0
    answered = message.reply_to_message
    return GroupEvent(
        update_id=update.update_id,
        who=str(message.sender.id),
        message_id=message.message_id,
        topic_id=topic,
        text=_whole(message.text or ""),
        # In a topic every message formally answers the one that opened it.
        is_reply=answered is not None and answered.message_id not in (0, topic),
        has_more=not message.text,
    )

"""Telegram's updates as our messages: whitelisted fields only, nobody answered where others read along. Pure."""

from __future__ import annotations

import math

import msgspec

from handlers.model import Address, InboundMessage, MessageKind


class _Chat(msgspec.Struct):
    id: int
    type: str = ""


class _Point(msgspec.Struct):
    latitude: float
    longitude: float


class _Message(msgspec.Struct):
    chat: _Chat
    text: str | None = None
    location: _Point | None = None


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
        return _message(channel, bare.update_id, person.chat, MessageKind.UNSUPPORTED)
    if update.my_chat_member is not None:
        gone = update.my_chat_member.new_chat_member.status in ("kicked", "left")
        kind = MessageKind.BLOCKED if gone else MessageKind.START
        return _message(channel, update.update_id, update.my_chat_member.chat, kind)
    if update.callback_query is not None:
        query = update.callback_query
        if query.message is None:
            return None
        return _message(channel, update.update_id, query.message.chat, MessageKind.CHOICE, choice=query.data or "")
    message = update.message or update.edited_message
    return None if message is None else _written(channel, update.update_id, message)


def _written(channel: str, update_id: int, message: _Message) -> InboundMessage | None:
    if message.location is not None:
        lat, lon = message.location.latitude, message.location.longitude
        if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
            return _message(channel, update_id, message.chat, MessageKind.UNSUPPORTED)
        return _message(channel, update_id, message.chat, MessageKind.LOCATION, point=(lat, lon))
    if not message.text:
        return _message(channel, update_id, message.chat, MessageKind.UNSUPPORTED)
    if message.text == "/start" or message.text.startswith("/start "):
        return _message(channel, update_id, message.chat, MessageKind.START)
    return _message(channel, update_id, message.chat, MessageKind.TEXT, text=message.text)


def _message(
    channel: str,
    update_id: int,
    chat: _Chat,
    kind: MessageKind,
    *,
    text: str = "",
    choice: str = "",
    point: tuple[float, float] | None = None,
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
    )


def _whole(text: str) -> str:
    """The text without half characters (lone surrogates), which no store can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")

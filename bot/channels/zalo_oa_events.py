"""Events of a Zalo Official Account as our messages: whitelisted fields only, echoes and groups dropped. Pure.

A button of ours comes back as an ordinary text that holds its payload, so payloads begin with a sign of their own.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from handlers.model import Address, Attachment, InboundMessage, MediaKind, MessageKind

PRESSED = "#chon:"
"""What the payload of every button of ours begins with."""

ANONYMOUS = "anon"
_NOT_HERS = ("oa_", "user_send_group_", "user_seen_", "user_received_", "user_reacted_", "add_user_to_tag")
"""Echoes of what we send, groups, and signs that a message was seen: nobody has written to us."""

_KINDS = {
    "follow": MessageKind.JOINED,
    "user_click_chatnow": MessageKind.JOINED,
    "unfollow": MessageKind.BLOCKED,
    "user_withdraw": MessageKind.WITHDRAWN,
}


_MEDIA = {
    "user_send_image": MediaKind.IMAGE,
    "anonymous_send_image": MediaKind.IMAGE,
    "user_send_audio": MediaKind.VOICE,
    "anonymous_send_audio": MediaKind.VOICE,
}


_Word = str | int  # ids and time stamps are strings as documented; a number would be read as well


class _Id(msgspec.Struct):
    id: _Word = ""


class _Coordinates(msgspec.Struct):
    latitude: float
    longitude: float


class _Payload(msgspec.Struct):
    coordinates: _Coordinates | None = None
    url: str = ""


class _Attachment(msgspec.Struct):
    type: str = ""
    payload: _Payload | None = None


class _Message(msgspec.Struct):
    text: str = ""
    msg_id: _Word = ""
    conversation_id: _Word = ""
    attachments: list[_Attachment] = []


class _BareMessage(msgspec.Struct):
    msg_id: _Word = ""
    conversation_id: _Word = ""


class _Event(msgspec.Struct):
    """The fields we use, and no others: display names and phone numbers are dropped by not being here."""

    event_name: str
    timestamp: _Word = ""
    oa_id: _Word = ""
    user_id: _Word = ""
    sender: _Id | None = None
    recipient: _Id | None = None
    follower: _Id | None = None
    message: _Message | None = None


class _BareEvent(msgspec.Struct):
    """What must be there for somebody to get an answer, when the rest has a shape we do not know."""

    event_name: str
    timestamp: _Word = ""
    sender: _Id | None = None
    recipient: _Id | None = None
    message: _BareMessage | None = None


class _Stamped(msgspec.Struct):
    timestamp: _Word = ""


# --- who sent it -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signs: the app, the Official Account, and the secret key shown in the webhook settings (not the app's secret)."""

    app_id: str
    oa_id: str
    secret: str


def signed_by(body: bytes, header: str, stamp: str, who: Signed) -> str:
    """Which known variant of the signature this is ("app-body", "app-header", "oa-body", "oa-header"); "" when none fits.

    The signature is the SHA-256 of id, raw body, time stamp and secret key, one behind the other. Sources differ in whose id
    and which time stamp, so each is tried, all in constant time.
    """
    given = header.strip().removeprefix("mac=").strip().lower()
    if not who.secret or len(given) != 64:
        return ""
    matched = ""
    for variant, wanted in _variants(body, stamp, who):
        if hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode()):
            matched = matched or variant
    return matched


def signature(body: bytes, stamp: str, first_id: str, secret: str) -> str:
    """The signature in hexadecimal digits."""
    return hashlib.sha256(first_id.encode() + body + stamp.encode("utf-8", "replace") + secret.encode()).hexdigest()


def _variants(body: bytes, stamp: str, who: Signed) -> Iterator[tuple[str, str]]:
    stamps = {"body": _stamp_in(body), "header": stamp}
    for id_name, first_id in (("app", who.app_id), ("oa", who.oa_id)):
        for stamp_name, moment in stamps.items():
            if first_id and moment:
                yield f"{id_name}-{stamp_name}", signature(body, moment, first_id, who.secret)


def _stamp_in(body: bytes) -> str:
    """The time stamp a body carries, as it is written there; nothing else of an unproved body is looked at."""
    try:
        return str(msgspec.json.decode(body, type=_Stamped, strict=False).timestamp)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


# --- what it says --------------------------------------------------------------------------------------------------------


def parse(channel: str, raw: object, keyed: Callable[[str], str], oa_id: str = "") -> InboundMessage | None:
    """One event as a message; None for what no person has written to us. What we do not know is a person too: it becomes kind
    *unsupported*. `keyed` makes an id of an event that has none; it must be a keyed hash, because ids are kept in clear.
    Raises msgspec.ValidationError on something that is not an event of a person at all.
    """
    try:
        event = msgspec.convert(raw, _Event, strict=False)
    except msgspec.ValidationError:
        return _bare(channel, msgspec.convert(raw, _BareEvent, strict=False), keyed)
    to = str(event.oa_id or (event.recipient.id if event.recipient is not None else ""))
    if event.event_name.startswith(_NOT_HERS) or (oa_id and to and to != oa_id):
        return None
    who = _platform_id(event)
    if not who:
        return None
    message = event.message or _Message()
    message_id = str(message.msg_id) or keyed(f"{event.event_name}|{who}|{event.timestamp}")
    kind, text, choice, point = _read(event.event_name, message)
    attached = _attached(event.event_name, message) if kind is MessageKind.UNSUPPORTED else None
    return InboundMessage(
        address=Address(channel, who),
        message_id=message_id,
        kind=kind,
        text=text,
        choice=choice,
        point=point,
        attachment=attached,
    )


def _attached(event_name: str, message: _Message) -> Attachment | None:
    kind = _MEDIA.get(event_name)
    urls = [one.payload.url for one in message.attachments if one.payload is not None and one.payload.url]
    return Attachment(kind, urls[0]) if kind is not None and urls else None


def _platform_id(event: _Event) -> str:
    if event.event_name.startswith("anonymous_"):
        sender, conversation = event.sender, event.message.conversation_id if event.message else ""
        return f"{ANONYMOUS}:{sender.id}:{conversation}" if sender and sender.id and conversation else ""
    person = event.follower or event.sender
    return str(person.id if person is not None and person.id else event.user_id)


def recipient_of(platform_id: str) -> dict[str, str]:
    """The recipient as the platform wants it, of the id that `parse` has made."""
    kind, _, rest = platform_id.partition(":")
    if kind != ANONYMOUS or not rest:
        return {"user_id": platform_id}
    anonymous_id, _, conversation_id = rest.partition(":")
    return {"anonymous_id": anonymous_id, "conversation_id": conversation_id}


Read = tuple[MessageKind, str, str, tuple[float, float] | None]


def _read(event_name: str, message: _Message) -> Read:
    if event_name in _KINDS:
        return _KINDS[event_name], "", "", None
    for attachment in message.attachments:
        place = attachment.payload.coordinates if attachment.payload is not None else None
        if place is not None and _on_earth(place.latitude, place.longitude):
            return MessageKind.LOCATION, "", "", (place.latitude, place.longitude)
    text = _whole(message.text)
    if event_name in ("user_send_text", "anonymous_send_text", "user_send_link") and text.strip():
        if text.startswith(PRESSED):
            return MessageKind.CHOICE, "", text.removeprefix(PRESSED), None
        return MessageKind.TEXT, text, "", None
    # A picture may have words beside it, and those are screened; the place name beside a location is not hers.
    return MessageKind.UNSUPPORTED, "" if event_name == "user_send_location" else text, "", None


def _bare(channel: str, event: _BareEvent, keyed: Callable[[str], str]) -> InboundMessage | None:
    who = str(event.sender.id) if event.sender is not None else ""
    if not who or event.event_name.startswith(_NOT_HERS):
        return None
    if event.event_name.startswith("anonymous_"):
        conversation = event.message.conversation_id if event.message is not None else ""
        who = f"{ANONYMOUS}:{who}:{conversation}"
    known = str(event.message.msg_id) if event.message is not None else ""
    message_id = known or keyed(f"{event.event_name}|{who}|{event.timestamp}")
    return InboundMessage(address=Address(channel, who), message_id=message_id, kind=MessageKind.UNSUPPORTED)


def _on_earth(lat: float, lon: float) -> bool:
    return math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180


def _whole(text: str) -> str:
    """The text without half characters (lone surrogates), which no store can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")

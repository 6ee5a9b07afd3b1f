"""Storing what a platform brings: what breaks something of ours again and again is stored as something nobody could read."""

from __future__ import annotations

import pytest

from bot.channels.receiving import TRIES, Storing
from handlers.model import Address, Attachment, InboundMessage, MediaKind, MessageKind

MESSAGE = InboundMessage(
    address=Address("tg", "77"),
    message_id="m1",
    kind=MessageKind.LOCATION,
    text="x",
    choice="c",
    point=(22.0, 103.0),
    attachment=Attachment(MediaKind.IMAGE, "what nothing of ours can hold"),
)


async def test_the_third_time_nothing_is_left_of_it_but_that_somebody_is_there() -> None:
    stored: list[InboundMessage] = []

    async def receive(*messages: InboundMessage) -> None:
        for message in messages:
            if message.text or message.choice or message.point or message.attachment:
                raise UnicodeEncodeError("utf-8", "x", 0, 1, "y")
            stored.append(message)

    storing = Storing("tg")
    for _ in range(TRIES - 1):
        with pytest.raises(UnicodeEncodeError):
            await storing.store(MESSAGE, receive)
    await storing.store(MESSAGE, receive)
    (kept,) = stored
    assert (kept.message_id, kept.kind, kept.address) == ("m1", MessageKind.UNSUPPORTED, MESSAGE.address)

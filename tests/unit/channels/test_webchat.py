"""What the page posts, as messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.webchat import WebChat, is_message_key, is_token, new_message_key, new_token
from handlers.model import Address, InboundMessage, MessageKind, Outcome, Outgoing

TOKEN = new_token()
WEB = WebChat()


def parsed(**fields: str) -> InboundMessage | None:
    return WEB.parse(TOKEN, {"mid": "some-key-01", **fields})


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"text": "chào"}, MessageKind.TEXT),
        ({"act": "start"}, MessageKind.START),
        ({"choice": "safety.ask:safe", "text": "đang gõ"}, MessageKind.CHOICE),
        ({"act": "code", "code": "AB12"}, MessageKind.CODE),
        ({"act": "location", "lat": "22.4", "lon": "103.4"}, MessageKind.LOCATION),
        ({"act": "never heard of", "text": "chào"}, MessageKind.TEXT),
    ],
)
def test_each_form_is_its_kind(fields: dict[str, str], kind: MessageKind) -> None:
    message = parsed(**fields)
    assert message is not None
    assert message.kind is kind
    assert message.address == Address("web", TOKEN)


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"text": "  \n"}, {"act": "look", "text": "x"}, {"act": "location", "lat": "nan", "lon": "1"},
        {"act": "location", "lat": "91", "lon": "1"}, {"act": "location"}, {"text": "\x00"},
    ],
)  # fmt: skip
def test_a_form_without_a_message_is_none(fields: dict[str, str]) -> None:
    assert parsed(**fields) is None


def test_the_same_key_is_the_same_message_and_says_nothing_of_the_token() -> None:
    first, again, other = parsed(text="a"), parsed(text="a"), parsed(text="a", mid="some-key-02")
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.message_id == again.message_id != other.message_id
    assert TOKEN not in first.message_id
    elsewhere = WEB.parse(new_token(), {"mid": "some-key-01", "text": "a"})
    assert elsewhere is not None
    assert elsewhere.message_id != first.message_id, "two people with one key stay two"


def test_without_a_usable_key_every_post_is_a_message_of_its_own() -> None:
    first, second = parsed(text="a", mid="?"), parsed(text="a", mid="?")
    assert first is not None
    assert second is not None
    assert first.message_id != second.message_id


@given(
    fields=st.dictionaries(
        st.sampled_from(["text", "mid", "act", "choice", "code", "lat", "lon"]), st.text(max_size=40)
    )
)
def test_no_form_breaks_it_and_every_text_can_be_stored(fields: dict[str, str]) -> None:
    message = WEB.parse(TOKEN, fields)
    if message is not None:
        (message.text + message.choice).encode("utf-8")
        assert "\x00" not in message.text


def test_tokens_and_keys_have_their_shape() -> None:
    assert is_token(new_token())
    assert is_message_key(new_message_key())
    assert not is_token("A" * 42)
    assert not is_token("ă" * 43)
    assert not is_message_key("a b c d e f")


async def test_nothing_is_ever_pushed() -> None:
    assert (await WEB.send(Address("web", TOKEN), Outgoing(text="x"))).outcome is Outcome.FAILED

"""Whom she wants to talk with: understood when that is all a message says, never guessed."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.shipped import content_files
from flows.loader import load
from flows.manifest import Wishes
from flows.wishes import ANOTHER, WOMAN, WishBook

SHIPPED = load(content_files()).library


def find(text: str) -> str:
    assert SHIPPED is not None
    return SHIPPED.program.wishes.find(text)


@pytest.mark.parametrize(
    "text",
    [
        "Xin gặp nữ tư vấn viên",
        "gặp nữ tư vấn viên",
        "Cho em gặp tư vấn viên nữ được không ạ?",
        "em muon noi chuyen voi nu",
        "Cháu muốn nói chuyện với chị tư vấn ạ",
        "có tư vấn viên nữ không",
        "Em không muốn gặp nam",
        "tôi ngại nói chuyện với đàn ông",
        "can i talk to a woman please",
        "I don't want a man",
    ],
)
def test_a_wish_for_a_woman(text: str) -> None:
    assert find(text) == WOMAN


@pytest.mark.parametrize(
    "text",
    [
        "Đổi người khác",
        "em muốn gặp tư vấn viên khác ạ",
        "Tôi không muốn nói chuyện với người này nữa",
        "đừng cho người này đọc",
        "a different counsellor please",
        "I dont want to talk to this person",
    ],
)
def test_a_wish_for_somebody_else(text: str) -> None:
    assert find(text) == ANOTHER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nữ",
        "em là nữ",
        "chồng em hay gặp nữ sinh khác",
        "Chồng em đi gặp người khác",
        "không cần tư vấn viên nữ",
        "em không muốn gặp nữ tư vấn viên",
        "người khác",
        "gặp người",
        "em sợ gặp chị chồng",
        "anh ấy nói chuyện với phụ nữ khác suốt ngày",
        "xin ạ",
        "a woman",
        "my husband wants to talk to a woman",
    ],
)
def test_what_only_sounds_like_one(text: str) -> None:
    assert find(text) == ""


def test_no_wish_is_a_global_word() -> None:
    """A wish must not end a talk, and a call for help must not be taken for a wish."""
    assert SHIPPED is not None
    words = SHIPPED.program.words
    lists = [SHIPPED.manifest.wishes, *(one.wishes for one in SHIPPED.languages.values())]
    from flows.text import key_of

    assert [phrase for one in lists for phrase in (*one.woman, *one.another) if words.find(key_of(phrase))] == []
    said = [
        word
        for meaning in type(SHIPPED.manifest.words).model_fields
        for word in getattr(SHIPPED.manifest.words, meaning)
    ]
    assert [word for word in said if find(word)] == []


@given(st.text(max_size=300))
def test_any_text_can_be_asked(text: str) -> None:
    assert find(text) in ("", WOMAN, ANOTHER)


BOOK = WishBook([Wishes(woman=["gặp nữ"], before=["em", "muốn"], after=["ạ", "được không"])])


@given(
    st.lists(st.sampled_from(["em", "Em", "muốn", "muon"]), max_size=5),
    st.lists(st.sampled_from(["ạ", "được không", "duoc khong", "a"]), max_size=5),
)
def test_courtesy_before_and_after_changes_nothing(before: list[str], after: list[str]) -> None:
    assert BOOK.find(" ".join([*before, "gặp nữ", *after])) == WOMAN


def test_nothing_written_means_nothing() -> None:
    assert WishBook().find("gặp nữ") == ""


def test_courtesy_without_end_keeps_nobody_waiting() -> None:
    """Everybody's messages go through one thread: before its parts were looked up, such a one held it for more than a second."""
    began = process_time()
    assert find("em " * 40 + "ạ " * 38) == ""
    assert find("em ơi " * 22 + "gặp nữ tư vấn viên" + " ạ" * 20) == WOMAN
    assert process_time() - began < 0.4

"""What a platform is asked to show never exceeds what it declared, and nothing of the text is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.render import length, render, split
from flows.effects import Button
from handlers.model import Outgoing
from handlers.ports import Capabilities

NARROW = Capabilities(
    buttons=True, max_buttons=3, max_text=60, unit="utf16", max_button_label=12, max_button_data_bytes=20
)
TEXT_ONLY = Capabilities(buttons=False, max_buttons=0, max_text=2000)
YES, NO = Button("Có", "a.b:yes"), Button("Không", "a.b:no")


@given(text=st.text(max_size=400), unit=st.sampled_from(["chars", "utf16", "bytes"]), most=st.integers(8, 90))
def test_no_piece_is_too_long_and_no_letter_is_lost(text: str, unit: str, most: int) -> None:
    pieces = split(text, Capabilities(buttons=False, max_buttons=0, max_text=most, unit=unit))
    assert all(piece.strip() and length(piece, unit) <= most for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "unit", "expected"), [("ạ", "bytes", 3), ("ạ", "utf16", 1), ("😢", "utf16", 2), ("😢", "chars", 1)]
)
def test_lengths_are_counted_as_the_platform_counts(text: str, unit: str, expected: int) -> None:
    assert length(text, unit) == expected


def test_a_text_is_cut_at_a_line_before_a_sentence_before_a_word() -> None:
    pieces = split("Dòng đầu dài vừa đủ để đứng riêng.\nDòng sau cũng dài như thế, không hơn.", NARROW)
    assert pieces == ("Dòng đầu dài vừa đủ để đứng riêng.", "Dòng sau cũng dài như thế, không hơn.")


def test_buttons_stand_in_rows_under_the_last_piece() -> None:
    rendered = render(Outgoing(text="Bạn an toàn không?", buttons=(YES, NO)), NARROW)
    assert rendered.texts == ("Bạn an toàn không?",)
    assert [[button.label for button in row] for row in rendered.rows] == [["Có", "Không"]]


@pytest.mark.parametrize(
    "buttons",
    [
        (YES,) * 4,  # too many
        (YES, Button("một nhãn dài quá", "a.b:c")),
        (YES, Button("Dài", "a" * 21)),
        (YES, Button("Trống", "")),
    ],
)
def test_buttons_that_do_not_fit_become_numbers_to_type(buttons: tuple[Button, ...]) -> None:
    rendered = render(Outgoing(text="Chọn:", buttons=buttons), NARROW)
    assert rendered.rows == ()
    shown = "\n".join(rendered.texts)
    assert all(f"{number}. {button.label}" in shown for number, button in enumerate(buttons, start=1))


def test_where_there_are_no_buttons_choices_are_numbered() -> None:
    rendered = render(Outgoing(text="Bạn an toàn không?", buttons=(YES, NO)), TEXT_ONLY)
    assert rendered.texts == ("Bạn an toàn không?\n1. Có\n2. Không",)


def test_what_would_make_a_platform_refuse_the_message_is_left_out() -> None:
    rendered = render(Outgoing(text="a\x00b\ud800c\x1b\nd\te"), NARROW)
    assert rendered.texts == ("abc\nd\te",)


def test_the_smallest_limits_still_come_to_an_end() -> None:
    assert split("😢😢😢", Capabilities(buttons=False, max_buttons=0, max_text=8, unit="bytes")) == ("😢😢", "😢")

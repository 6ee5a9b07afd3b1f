"""What a platform is asked to show never exceeds what it declared, nothing of the text is lost, and no beginning tells."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.render import VIETNAMESE, Rendered, is_neutral, render, split
from flows.checks.wording import PREVIEW_CHARS
from flows.effects import Button
from flows.platforms import PLATFORMS, TELEGRAM, ZALO_BOT, ZALO_OA, Capabilities
from flows.text import length
from handlers.model import Outgoing

NARROW = Capabilities(
    buttons=True, max_buttons=3, max_text=60, unit="utf16", max_button_label=12, max_button_data_bytes=20
)
TEXT_ONLY = Capabilities(buttons=False, max_buttons=0, max_text=2000)
YES, NO = Button("Có", "a.b:yes"), Button("Không", "a.b:no")


def many(count: int) -> tuple[Button, ...]:
    return tuple(Button(f"lựa chọn {chr(64 + number)}", f"q.{number}") for number in range(1, count + 1))


def labels(rendered: Rendered) -> list[str]:
    return [button.label for part in rendered.parts for button in part.buttons]


@given(text=st.text(max_size=400), unit=st.sampled_from(["chars", "utf16", "bytes"]), most=st.integers(8, 90))
def test_no_piece_is_too_long_and_no_letter_is_lost(text: str, unit: str, most: int) -> None:
    pieces = split(text, Capabilities(buttons=False, max_buttons=0, max_text=most, unit=unit))
    assert all(piece.strip() and length(piece, unit) <= most for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


sentences = st.lists(
    st.sampled_from(
        ["Chồng em đánh em.", "Bạn gọi 113 nhé!", "Mình nghe bạn.", "Cứu em với", "a" * 70, "\n", "Gọi 1900 969 680."]
    ),
    max_size=300,
).map(" ".join)


@given(
    text=sentences | st.text(max_size=300),
    count=st.integers(0, 23),
    platform=st.sampled_from(sorted(PLATFORMS)),
    wide=st.booleans(),
)
def test_every_platform_gets_what_it_takes_and_every_choice(text: str, count: int, platform: str, wide: bool) -> None:
    capabilities = PLATFORMS[platform]
    buttons = tuple(
        Button(f"xã {number} " + "dài " * (40 if wide and number == 2 else 0), f"q.{number}") for number in range(count)
    )
    rendered = render(Outgoing(text=text, buttons=buttons), capabilities)
    shown = "\n".join(rendered.texts)
    for part in rendered.parts:
        assert part.text.strip()
        assert length(part.text, capabilities.unit) <= capabilities.max_text
        assert len(part.buttons) <= capabilities.max_buttons
        assert all(length(button.label, capabilities.unit) <= capabilities.max_button_label for button in part.buttons)
        assert not capabilities.previews or is_neutral(part.text)
    pressable = [button.data for part in rendered.parts for button in part.buttons]
    assert pressable == ([button.data for button in buttons] if capabilities.buttons else [])
    if not capabilities.buttons:
        assert all(button.label.strip() in shown for button in buttons)


def test_the_leads_fill_a_preview_and_tell_nothing() -> None:
    for lead in (VIETNAMESE.continued, VIETNAMESE.opened):
        assert len(lead) >= PREVIEW_CHARS
        assert is_neutral(lead)
    assert is_neutral(VIETNAMESE.more_choices)


@pytest.mark.parametrize(
    ("text", "unit", "expected"), [("ạ", "bytes", 3), ("ạ", "utf16", 1), ("😢", "utf16", 2), ("😢", "chars", 1)]
)
def test_lengths_are_counted_as_the_platform_counts(text: str, unit: str, expected: int) -> None:
    assert length(text, unit) == expected


def test_a_text_is_cut_at_a_line_before_a_sentence_before_a_word() -> None:
    pieces = split("Dòng đầu dài vừa đủ để đứng riêng.\nDòng sau cũng dài như thế, không hơn.", NARROW)
    assert pieces == ("Dòng đầu dài vừa đủ để đứng riêng.", "Dòng sau cũng dài như thế, không hơn.")
    pieces = split("Câu này dài vừa đủ để đứng riêng. Câu sau cũng dài như thế, không hơn.", NARROW)
    assert pieces == ("Câu này dài vừa đủ để đứng riêng.", "Câu sau cũng dài như thế, không hơn.")
    pieces = split("Dài mà không có câu nào ngừng lại nên cắt ở giữa hai chữ thôi", replace(NARROW, max_text=30))
    assert pieces == ("Dài mà không có câu nào ngừng", "lại nên cắt ở giữa hai chữ", "thôi")


def test_a_number_to_call_stays_whole() -> None:
    text = "Bạn có thể gọi tới Ngôi nhà Bình yên, số 1900 969 680 ngày đêm"
    for most in range(48, 60):
        assert any("1900 969 680" in piece for piece in split(text, replace(NARROW, max_text=most)))


def test_a_letter_keeps_its_marks_and_a_joined_sign_its_parts() -> None:
    family = "👩‍👧"
    for most in range(8, 20):
        pieces = split("x" * 6 + family + "y" * 30, replace(NARROW, max_text=most))
        assert any(family in piece for piece in pieces)
    assert render(Outgoing(text="a\u0323\u0302"), NARROW).texts == ("ậ",), "composed, so counted as one"


def test_buttons_stand_in_rows_under_the_last_piece() -> None:
    rendered = render(Outgoing(text="Bạn ổn không?", buttons=(YES, NO)), NARROW)
    assert rendered.texts == ("Bạn ổn không?",)
    assert [[button.label for button in row] for row in rendered.parts[0].rows] == [["Có", "Không"]]


def test_more_buttons_than_a_message_takes_go_on_in_the_next_one() -> None:
    rendered = render(Outgoing(text="Bạn chọn nhé.", buttons=many(12)), ZALO_OA)
    assert [len(part.buttons) for part in rendered.parts] == [5, 5, 2]
    assert rendered.texts == ("Bạn chọn nhé.", VIETNAMESE.more_choices, VIETNAMESE.more_choices)
    assert labels(rendered) == [button.label for button in many(12)]


def test_a_label_too_long_for_a_button_is_listed_and_its_number_pressed() -> None:
    long = Button("xã " + "Mường " * 19 + "Mường", "q.2")
    rendered = render(Outgoing(text="Bạn chọn nhé.", buttons=(YES, long)), TELEGRAM)
    assert labels(rendered) == ["1", "2"]
    assert f"2. {long.label}" in rendered.texts[0]
    assert [button.data for button in rendered.parts[0].buttons] == ["a.b:yes", "q.2"]


@pytest.mark.parametrize("data", ["", "a" * 21])
def test_buttons_the_platform_cannot_carry_become_numbers_to_type(data: str) -> None:
    rendered = render(Outgoing(text="Chọn:", buttons=(YES, Button("Dài", data))), NARROW)
    assert labels(rendered) == []
    assert "1. Có\n2. Dài" in "\n".join(rendered.texts)


def test_where_there_are_no_buttons_choices_are_numbered() -> None:
    rendered = render(Outgoing(text="Bạn ổn không?", buttons=(YES, NO)), TEXT_ONLY)
    assert rendered.texts == (f"Bạn ổn không?\n1. Có\n2. Không\n{VIETNAMESE.type_number}",)


def test_a_long_numbered_list_goes_on_with_its_numbers() -> None:
    rendered = render(Outgoing(text="Bạn chọn nhé.", buttons=many(12)), ZALO_BOT)
    assert len(rendered.parts) == 2
    assert rendered.texts[0].endswith("10. lựa chọn J")
    assert rendered.texts[1] == f"11. lựa chọn K\n12. lựa chọn L\n{VIETNAMESE.type_number}"


def test_a_single_choice_has_no_number_because_the_answer_may_be_one() -> None:
    rendered = render(Outgoing(text="Có mấy bạn nhỏ ở cùng?", buttons=(Button("Bỏ qua", "q.0"),)), ZALO_BOT)
    assert rendered.texts == ("Có mấy bạn nhỏ ở cùng?\nHoặc bạn gõ: Bỏ qua",)


def test_a_beginning_that_tells_gets_a_neutral_line_before_it() -> None:
    tells = Outgoing(text="Anh ấy đánh bạn lúc nào?")
    assert render(tells, TELEGRAM).texts == (f"{VIETNAMESE.opened}\nAnh ấy đánh bạn lúc nào?",)
    assert render(tells, PLATFORMS["web"]).texts == (tells.text,), "a page that is read has no preview"
    assert render(Outgoing(text="Bạn gọi 113 ngay."), ZALO_OA).texts[0].startswith(VIETNAMESE.opened)


def test_pieces_behind_the_first_begin_neutrally_too() -> None:
    rendered = render(Outgoing(text="Mình nghe bạn. " + "Anh ấy đánh bạn. " * 400), ZALO_OA)
    assert len(rendered.parts) > 2
    assert all(is_neutral(text) for text in rendered.texts)
    assert rendered.texts[1].startswith(VIETNAMESE.continued)
    assert "".join(rendered.texts).count("Anh ấy đánh bạn.") == 400


@pytest.mark.parametrize(("text", "captioned"), [("Câu ngắn.", True), ("Câu dài. " * 200, False)])
def test_a_recorded_line_is_spoken_where_that_can_be(text: str, captioned: bool) -> None:
    spoken = Outgoing(text=text, audio="greeting")
    rendered = render(spoken, TELEGRAM)
    assert rendered.audio == "greeting"
    assert [part.audio for part in rendered.parts] == (["greeting"] if captioned else [""])
    assert render(spoken, ZALO_OA).audio == ""


def test_a_point_is_asked_for_only_where_there_is_a_button_for_it() -> None:
    wanted = Outgoing(text="Bạn ở xã nào?", wants_location=True)
    asked = render(wanted, TELEGRAM)
    assert (asked.share, asked.texts) == (VIETNAMESE.share_location, (wanted.text, VIETNAMESE.ask_location))
    assert (render(wanted, ZALO_OA).share, render(wanted, ZALO_OA).texts) == ("", (wanted.text,))


def test_what_would_make_a_platform_refuse_the_message_is_left_out() -> None:
    rendered = render(Outgoing(text="a\x00b\ud800c\x1b\nd\te"), NARROW)
    assert rendered.texts == ("abc\nd\te",)


def test_the_smallest_limits_still_come_to_an_end() -> None:
    assert split("😢😢😢", Capabilities(buttons=False, max_buttons=0, max_text=8, unit="bytes")) == ("😢😢", "😢")

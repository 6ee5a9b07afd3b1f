"""Vietnamese as people type it: folding, whole-message matching, answers, lengths."""

from __future__ import annotations

import unicodedata

import pytest

from flows import answers
from flows.text import Phrasebook, clean, fold, key_of, length


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Đường ĐI", "duong di"),
        ("Phường Tân Phong.", "phuong tan phong"),
        (unicodedata.normalize("NFD", "Mường Tè"), "muong te"),
        ("xoá / xóa", "xoa xoa"),
        ("👍🏽 có\u200b ạ…", "co a"),
        ("1️⃣", "1"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert key_of(text).folded == folded


@pytest.mark.parametrize(
    ("typed", "written", "fits"),
    [
        ("dung", "dừng", True),
        ("DỪNG!", "dừng", True),
        ("đung", "dừng", False),
        ("đúng", "dừng", False),
        ("xoá", "xóa", True),
        ("cưu", "cứu", True),
        ("cứu", "cuu", False),
        ("dưng lai", "dừng lại", True),
        ("dừng", "dừng lại", False),
        (unicodedata.normalize("NFD", "cứu với"), "cứu với", True),
    ],
)
def test_accents_may_be_left_out_but_not_contradict(typed: str, written: str, fits: bool) -> None:
    assert (Phrasebook([(written, "x")]).find(key_of(typed)) == "x") is fits


def test_exact_spelling_decides_between_words_that_differ_in_accents_only() -> None:
    book = Phrasebook([("bán", 1), ("bạn", 2), ("bàn", 1)])
    assert book.find_only(key_of("bạn")) == 2
    assert book.find_only(key_of("ban")) is None
    assert book.find(key_of("ban")) == 1
    assert book.find(key_of("chăn")) is None
    assert Phrasebook([("ban", 1), ("bạn", 2)]).find_only(key_of("ban")) == 1


def test_long_and_empty_texts_are_no_word() -> None:
    assert key_of("a" * 201).folded == ""
    assert Phrasebook([("…", 1)]).find(key_of("...")) is None


def test_clean_keeps_the_words_and_drops_what_could_mislead() -> None:
    assert clean(" \x00a\u202eb\u2066\ud800\n\tc ") == "ab\n\tc"
    assert clean(unicodedata.normalize("NFD", "đằng")) == "đằng"
    assert len(clean("ằ" * 100_000)) == 2000


def test_lengths_by_unit() -> None:
    assert [length("ằ👍", unit) for unit in ("chars", "utf16", "bytes")] == [2, 3, 7]
    with pytest.raises(ValueError, match="chars, utf16 or bytes"):
        length("a", "words")


@pytest.mark.parametrize(
    "text", ["có", "co", "ừ", "uh", "Vâng ạ", "dạ vâng", "dạ có ạ", "đúng rồi", "ok", "Phải", "có nha"]
)
def test_yes(text: str) -> None:
    assert answers.yes_or_no(key_of(text)) is True


@pytest.mark.parametrize(
    "text", ["không", "khong", "k", "ko", "hông", "dạ không ạ", "không có", "chưa", "ko phải", "thôi", "đừng"]
)
def test_no(text: str) -> None:
    assert answers.yes_or_no(key_of(text)) is False


@pytest.mark.parametrize("text", ["", "dung", "không biết", "có khi nào", "cô", "kể", "👍", "chó"])
def test_neither_yes_nor_no(text: str) -> None:
    assert answers.yes_or_no(key_of(text)) is None


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("21:30", "21:30"),
        ("21h30", "21:30"),
        ("21.30", "21:30"),
        ("22 h", "22:00"),
        ("9h tối", "21:00"),
        ("9h toi nha", "21:00"),
        ("khoảng 8 giờ tối", "20:00"),
        ("9 giờ rưỡi tối", "21:30"),
        ("9 rưỡi tối", "21:30"),
        ("10h kém 15 đêm", "21:45"),
        ("8 tối", "20:00"),
        ("7h sáng", "07:00"),
        ("1h sáng", "01:00"),
        ("12 giờ trưa", "12:00"),
        ("1h trưa", "13:00"),
        ("5h chiều", "17:00"),
        ("12h đêm", "00:00"),
        ("nửa đêm", "00:00"),
        ("9pm", "21:00"),
        ("09:00", "09:00"),
        ("0h", "00:00"),
        ("21h tối", "21:00"),
        ("9 p.m.", "21:00"),
        ("9:30 PM", "21:30"),
        ("until 9 pm please", "21:00"),
        ("8 in the morning", "08:00"),
        ("9 o'clock in the evening", "21:00"),
        ("at 10 at night", "22:00"),
        ("8 tonight", "20:00"),
        ("tomorrow at 3 in the afternoon", "15:00"),
        ("8pm tomorrow", "20:00"),
        ("noon", "12:00"),
        ("midnight", "00:00"),
    ],
)
def test_time_of_day(text: str, time: str) -> None:
    assert answers.time_of_day(text) == time


@pytest.mark.parametrize(
    "text", ["", "9h", "12h", "tối", "25:00", "21:75", "từ 8h tối đến 9h tối", "2h tối", "9:30", "sáng mai", "9 2 1",
             "9 o'clock", "after 9 pm", "before 8 tonight", "half past 8 pm", "6 at night", "tomorrow morning"],
)  # fmt: skip
def test_hour_that_could_be_two_is_no_answer(text: str) -> None:
    assert answers.time_of_day(text) is None


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("5", "age_0_5"),
        ("8 tháng", "age_0_5"),
        ("sơ sinh", "age_0_5"),
        ("dưới 6 tuổi", "age_0_5"),
        ("em 12 tuổi", "age_6_12"),
        ("15t", "age_13_17"),
        ("mười lăm tuổi", "age_13_17"),
        ("17", "age_13_17"),
        ("18", "age_18_59"),
        ("hai mươi mốt", "age_18_59"),
        ("trên 60", "age_60"),
        ("72 tuổi", "age_60"),
        ("dưới 18", None),
        ("5 và 9 tuổi", None),
        ("130", None),
        ("không nói", None),
    ],
)
def test_age_band(text: str, band: str | None) -> None:
    assert answers.age_band(key_of(text)) == band


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("hai đứa", 2),
        ("có 3 con", 3),
        ("không có", 0),
        ("mười hai", 12),
        ("13", None),
        ("1 hay 2", None),
        ("nhiều", None),
    ],
)
def test_number(text: str, value: int | None) -> None:
    assert answers.number(key_of(text), 0, 12) == value


@pytest.mark.parametrize(
    ("text", "index"), [("1", 0), ("2.", 1), ("số 3", 2), ("4", None), ("0", None), ("1 2", None), ("hai", 1),
                        ("number 2", 1), ("option 3", 2), ("no 2", None)],
)  # fmt: skip
def test_option_number(text: str, index: int | None) -> None:
    assert answers.option_number(key_of(text), 3) == index


def test_return_code_has_the_size_of_one() -> None:
    assert answers.return_code("  ab12   cd34 ") == "ab12 cd34"
    assert answers.return_code("a-b") is None
    assert answers.return_code("x" * 61) is None

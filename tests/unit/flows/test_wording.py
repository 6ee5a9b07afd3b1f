"""Numbers to call and telling words are found however they are written, and ordinary texts are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.checks.wording import preview, sensitive_in, sensitive_words, written_numbers

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "text",
    [
        "Gọi 113 nhé", "1 1 3", "1.1.3", "1-1-3", "gọi 1\u200b1\u200b3", "số １１５", "1900 969 680", "1900", "0900", "+84 9",
        "113 ngày đêm", "113. 72 giờ đầu", "một một ba", "Một, một, lăm hay một một ba", "1234",
        "call 113 day and night", "113 metres away", "One one three", "nine, one, one", "one-eight-hundred, or one oh two",
    ],
)  # fmt: skip
def test_numbers_to_call_are_seen(text: str) -> None:
    assert written_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "trong 72 giờ", "72-120 giờ", "72–120 giờ đầu", "trong 120 tiếng", "năm 2025", "từ 2025 đến 2030", "23/11/2026",
        "24/7", "21:30", "13-17 tuổi", "từ 0 đến 5", "18 - 59", "150 km", "10.000 đồng", "hai ba năm nay", "15 phút",
        "1. một việc 2. hai việc", "180 ngày", "4000 chữ", "100 metres away", "within 120 hours", "since 2026",
        "at least 100 meters", "one or two people", "a second one, and a third", "from one to three",
    ],
)  # fmt: skip
def test_hours_ages_and_dates_are_no_numbers_to_call(text: str) -> None:
    assert written_numbers(text) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Bạn đang bị bạo lực phải không", "bạo lực"),
        ("BẠO LỰC gia đình", "bạo lực"),
        ("bao luc gia dinh", "bạo lực"),
        ("hoà giải", "hòa giải"),
        ("Có người bị đánh", "đánh"),
        ("ai bi danh", "đánh"),
        ("Công\nan xã", "công an"),
        ("the police station", "police"),
        ("Is somebody hurting you?", "hurting"),
        ("Did he HIT you today?", "hit"),
        ("Threats to post pictures", "threats"),
        ("Find a shelter near you", "shelter"),
        ("Do you want to end your life?", "end your life"),
        ("Are you pregnant?", "pregnant"),
        ("This is not your fault.", "not your fault"),
        ("Please go somewhere private before you read on.", "somewhere private"),
        ("Bạn ơi, mình ở đây với bạn đây, anh ấy hiếp", "hiếp"),
        ("Bạn ra chỗ kín rồi hãy đọc nhé", "chỗ kín"),
        ("Chào bạn, đến giờ bạn đã hẹn rồi nhé", "đã hẹn"),
        ("ban khong co loi gi ca", "không có lỗi"),
    ],
)
def test_telling_words_are_seen_in_the_preview(text: str, word: str) -> None:
    assert sensitive_in(text) == word


@pytest.mark.parametrize(
    "text",
    [
        "Bình An đây. Bạn có an toàn để nhắn tin lúc này không?",
        "Danh sách các xã",  # "danh" is not "đánh"
        "Người Dao ở đây",
        "Bạn hít thở chậm nhé",  # "hít" (to breathe in) is not "hit"
        "I'm still here. What would you like to do now?",
        "I'm listening. Take your time, line by line. It's not your fault.",
        "Bạn cứ thong thả nhé, mình vẫn ở đây với bạn. Công an: {line.police}",  # behind the first 40 characters
    ],
)
def test_neutral_beginnings_pass(text: str) -> None:
    assert sensitive_in(text) is None


def test_a_word_cut_by_the_limit_is_read_to_its_end() -> None:
    assert preview("x" * 37 + " policeman lives here").endswith("policeman")


def test_every_sensitive_word_is_found_by_itself() -> None:
    text = (ROOT / "flows" / "checks" / "sensitive_words.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    forms = [form.strip() for line in lines for form in line.replace("|", ",").split(",")]
    assert len(forms) == len(sensitive_words()) > 150
    assert [form for form in forms if sensitive_in(form.upper()) is None] == []

"""Close spellings are forgiven where that is sure, and never where safety hangs on the word."""

from __future__ import annotations

import pytest

from flows.spelling import nearest, slips
from tests.unit.flows.small_set import Talker, small_library

LABELS = ("toi can giup", "nguoi khac", "thoi")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("toi cna giup", 0),
        ("toi can gup", 0),
        ("ti can giu", 0),
        ("nguoi kahc", 1),
        ("nguo khac", 1),
        ("nguoi", None),
        ("thui", None),
        ("toi khong can giup", None),
        ("", None),
        ("a" * 200, None),
    ],
)
def test_one_slip_or_two_in_a_long_label(typed: str, expected: int | None) -> None:
    assert nearest(typed, LABELS) == expected


def test_what_is_near_two_labels_is_neither() -> None:
    assert nearest("bi danh moi", ("bi danh roi", "bi danh mai")) is None
    assert nearest("nha 2 tangg", ("nha 3 tang",)) is None
    assert nearest("dong yy", ("khong dong y", "dong y")) == 1
    assert nearest("muon gap nguoi", ("muon gap nguoi",)) is None  # same letters: an accent disagreed


@pytest.mark.parametrize(
    ("typed", "written", "expected"),
    [("abc", "abc", 0), ("acb", "abc", 1), ("ab", "abc", 1), ("abcd", "abc", 1), ("xyz", "abc", 3), ("", "abc", 3)],
)
def test_slips_are_counted(typed: str, written: str, expected: int) -> None:
    assert slips(typed, written, 2) == expected


def test_a_mistyped_choice_is_taken_but_not_where_a_choice_says_emergency() -> None:
    talk = Talker(small_library())
    talk.type("chào", "Tôi cần gíup")
    assert talk.session.place() == "home.story"
    held = Talker(small_library())
    held.type("chào", "cứu", "Đang bị nhôtt")
    assert held.session.place() == "card.show"

"""What the desk calls things: every sign of the shipped lexicon has words for staff."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.web.texts import DESK, SIGN
from bot.web.words import state_words, where
from handlers.model import EscalationState, Summary

RULES = Path(__file__).resolve().parents[3] / "flows" / "content" / "lexicon" / "rules.yaml"


def named() -> set[str]:
    found = set()
    for line in RULES.read_text(encoding="utf-8").splitlines():
        if "sign: " in line:
            found.add(line.split("sign: ", 1)[1].split(",", 1)[0].strip())
    return found


def test_the_lexicon_is_read_at_all():
    assert {"many_signs", "suicide", "strangling"} <= named()


@pytest.mark.parametrize("sign", sorted(named()))
def test_a_sign_has_words_for_staff(sign: str):
    assert SIGN[sign]
    assert SIGN[sign] != sign


def test_who_has_not_agreed_is_being_asked_not_answered():
    assert state_words(EscalationState.ANSWERED, agreed=False) == DESK["asked"]
    assert state_words(EscalationState.ANSWERED, agreed=True) == DESK["answered"]
    assert state_words(EscalationState.RINGING, agreed=False) == DESK["ringing"], "nobody asks yet"


NAMES = {"03549": "xã Mường So", "03390": "xã Bình Lư"}


@pytest.mark.parametrize(
    ("summary", "told"),
    [
        (Summary(), ("", "")),
        (Summary(commune="03549"), ("xã Mường So", "")),
        (Summary(commune="03549", commune_unasked=True), (f"xã Mường So ({DESK['place_unasked']})", "")),
        (Summary(places=("03390", "03549")), ("", "xã Bình Lư · xã Mường So")),
    ],
)
def test_the_case_says_where_she_is_and_who_says_so(summary: Summary, told: tuple[str, str]):
    assert where(summary, NAMES.__getitem__) == [(DESK["place"], told[0]), (DESK["places"], told[1])]

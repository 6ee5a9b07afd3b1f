"""What the desk calls things: every sign of the shipped lexicon has words for staff."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.web.texts import DESK, SIGN
from bot.web.words import state_words, talk, where
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


def told(seq: int, kind: str, delivery: str = "") -> dict[str, Any]:
    return {"seq": seq, "kind": kind, "delivery": delivery}


def test_what_the_machine_never_brought_her_is_folded_away_and_nothing_else():
    lines = [
        told(1, "in"),
        told(2, "bot", "sent"),
        told(3, "bot", "cancelled"),
        told(4, "bot", "held"),
        told(5, "in"),
        told(6, "out", "held"),
        told(7, "bot", "cancelled"),
        told(8, "note"),
        told(9, "bot", "pending"),
        told(10, "bot", "failed"),
    ]
    shown = [(bool(group["folded"]), [one["seq"] for one in group["lines"]]) for group in talk(lines)]
    assert shown == [
        (False, [1]), (False, [2]), (True, [3, 4]), (False, [5]), (False, [6]), (True, [7]), (False, [8]), (False, [9]),
        (False, [10]),
    ]  # fmt: skip
    assert "2" in talk(lines)[2]["folded"]
    assert talk([]) == []

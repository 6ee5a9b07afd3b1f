"""How well places are read in texts whose author had not seen the rules: the measured level, with a small margin.

The figures of the first run and of today stand in docs/places.md. A row is never mended to fit an answer; a label that is
wrong is corrected, and the commit says so.
"""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from bot import shipped
from handlers.rules.places_table import POST, read_table
from tests.benchmarks.report_places import INDEPENDENT, core_of, counted_by_case


@pytest.fixture(scope="module")
def counted() -> dict[str, Counter[str]]:
    return counted_by_case(INDEPENDENT)


def rows() -> list[dict[str, str]]:
    with INDEPENDENT.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_label_is_an_outcome_with_communes_of_today():
    today = {code for era, code in read_table(shipped.place_files()).units if era == POST}
    assert len(rows()) >= 500
    assert len({row["id"] for row in rows()}) == len({row["text"] for row in rows()}) == len(rows())
    for row in rows():
        kind, _, codes = row["expected"].partition(" ")
        named = codes.split("|") if codes else []
        assert today.issuperset(named), row["id"]
        fits = {"exact": len(named) == 1, "ambiguous": len(named) > 1, "outside": not named, "none": not named}
        assert fits[kind], row["id"]


def test_hardly_ever_is_it_sure_and_wrong(counted):
    every = sum(counted.values(), Counter())
    assert every["wrong"] / every.total() <= 0.01  # measured 0 of 747


def test_a_name_spelled_rightly_is_answered_as_labelled(counted):
    core = core_of(INDEPENDENT, counted)
    assert core["right"] / core.total() >= 0.97  # measured 97.6 %
    assert (core["right"] + core["unsure"]) / core.total() >= 0.985  # 99.4 %


def test_all_kinds_together(counted):
    every = sum(counted.values(), Counter())
    assert every["right"] / every.total() >= 0.93  # measured 94.1 %
    assert (every["right"] + every["unsure"] + every["question"]) / every.total() >= 0.98  # 99.1 %


@pytest.mark.parametrize("kind", ["word", "noplace", "name"])
def test_ordinary_words_and_people_are_no_place_to_be_sure_of(counted, kind):
    assert counted[kind]["wrong"] == 0

"""What may be published of a year: no small count, nothing from which one could work one out, and no practice."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.severity import Severity
from handlers.figures import Figures, figures
from handlers.model import Disposition, Fact
from handlers.rules.small_counts import LEAST, Shown, middle_and_slow, shown

KEYS = "abcde"


def fact(**fields: object) -> Fact:
    made = {"month": "2026-03", "channel": "web", "severity": Severity.URGENT, "category": "dv_physical"}
    return Fact(**made | {"disposition": Disposition.HELPED} | fields)  # type: ignore[arg-type]


def table(found: Figures, name: str) -> Shown | None:
    return dict(found.tables)[name]


@given(st.dictionaries(st.sampled_from(KEYS), st.integers(0, 40), max_size=5))
def test_no_small_count_is_shown_and_nothing_is_lost(counts: dict[str, int]) -> None:
    found = shown(counts)
    if found is None:
        return
    assert all(count >= LEAST for _, count in found.counts)
    assert found.total == sum(counts.values())
    assert len(found.together) != 1
    assert not found.together or found.together_count >= LEAST
    assert {key for key, _ in found.counts}.isdisjoint(found.together)


@given(st.lists(st.integers(1, 8), min_size=1, max_size=4))
def test_who_tries_every_possibility_finds_no_hidden_count(values: list[int]) -> None:
    """Also somebody who knows the rule: every count that was put together could be one of at least two."""
    counts = dict(zip(KEYS, values, strict=False))
    found = shown(counts)
    if found is None or not found.together:
        return
    known = dict(found.counts)
    possible: dict[str, set[int]] = {key: set() for key in found.together}
    for guess in product(range(1, found.together_count), repeat=len(found.together)):
        guessed = dict(zip(found.together, guess, strict=True))
        if sum(guess) == found.together_count and shown(known | guessed) == found:
            for key, value in guessed.items():
                possible[key].add(value)
    assert all(len(could) >= 2 for could in possible.values()), possible


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, None),
        ({"a": 4}, None),
        ({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}, None),  # they would all be ones
        ({"a": 5}, Shown((("a", 5),))),
        ({"a": 20, "b": 9, "c": 3}, Shown((("b", 9),), ("a", "c"), 23)),  # c alone would be what is missing to all
        ({"a": 3, "b": 9, "c": 20}, Shown((("c", 20),), ("a", "b"), 12)),
        ({"a": 20, "b": 9, "c": 3, "d": 3}, Shown((("a", 20), ("b", 9)), ("c", "d"), 6)),
        ({"a": 20, "b": 9, "c": 1, "d": 1}, Shown((("b", 9),), ("a", "c", "d"), 22)),
        ({"a": 20, "b": 9, "c": 4, "d": 4}, Shown((("b", 9),), ("a", "c", "d"), 28)),
    ],
)
def test_tables(counts: dict[str, int], expected: Shown | None) -> None:
    assert shown(counts) == expected


def test_a_year_is_counted_without_practice_and_only_months_that_are_over() -> None:
    facts = [fact() for _ in range(6)] + [fact(month="2026-04") for _ in range(7)]
    others = [fact(practice=True), fact(month="2025-12"), fact(month="2027-01"), fact(month="2026-05")]
    found = figures([*facts, *others], 2026, "2026-05")
    assert (found.total, found.until) == (13, "2026-04")
    assert table(found, "month") == Shown((("2026-04", 7), ("2026-03", 6)))
    assert table(found, "commune") == Shown((("", 13),))
    assert figures(facts, 2026, "2027-02").until == "2026-12"
    assert figures(facts, 2027, "2026-05") == Figures(
        2027, "", None, tuple((name, None) for name, _ in found.tables), found.times
    )


def test_too_few_say_nothing() -> None:
    found = figures([fact() for _ in range(4)], 2026, "2027-01")
    assert found.total is None
    assert all(one is None for _, one in found.tables)
    assert all(one is None for _, one in found.times)


def test_a_day_more_does_not_tell_who_came() -> None:
    """The differencing attack: the report of yesterday and of today are the same within a month."""
    before = [fact(commune="03390") for _ in range(6)] + [fact(commune="03400") for _ in range(6)]
    after = [*before, fact(month="2026-05", commune="03400")]
    assert figures(before, 2026, "2026-05") == figures(after, 2026, "2026-05")


def test_waiting_times_from_ten_cases_on() -> None:
    assert middle_and_slow(list(range(9))) is None
    assert middle_and_slow([10] * 9 + [500]) == (10, 500)
    assert middle_and_slow(list(range(100))) == (49, 90)

"""Whatever people type: screening never fails, case means nothing, and leaving accents out never hides an emergency."""

from __future__ import annotations

import unicodedata
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.severity import Severity
from handlers.rules.reading.variants import without_accents
from handlers.rules.screening import Screening
from tests.unit.handlers.screening_sample import messages, shipped

EMERGENCIES = [
    message.text for message in messages() if message.severity is Severity.EMERGENCY and not message.held_out
]
EVERYTHING = [message.text for message in messages()]
CALM = [
    "em chào chị",
    "cảm ơn chị",
    "em ở Than Uyên",
    "nhà em có hai con",
    "trời mưa to",
    "em nhắn từ bản",
    "chị ơi",
    "ạ",
    "vâng",
    "dạ",
]


@cache
def screening() -> Screening:
    return shipped()


@given(st.text(max_size=400))
def test_any_text_can_be_read(text: str):
    verdict = screening().read(text)
    assert verdict.severity in Severity
    assert verdict.category


@settings(derandomize=True)
@given(st.lists(st.sampled_from(EVERYTHING), min_size=1, max_size=3).map(". ".join))
def test_case_and_composition_mean_nothing(text: str):
    verdict = screening().read(text)
    for other in (text.upper(), text.lower(), unicodedata.normalize("NFD", text), unicodedata.normalize("NFKD", text)):
        again = screening().read(other)
        assert (again.severity, again.category) == (verdict.severity, verdict.category)


@settings(max_examples=150, derandomize=True)
@given(
    st.sampled_from(EMERGENCIES),
    st.lists(st.sampled_from(CALM), max_size=2),
    st.lists(st.sampled_from(CALM), max_size=2),
)
def test_leaving_accents_out_never_lowers_an_emergency_below_urgent(text: str, before: list[str], after: list[str]):
    whole = ". ".join([*before, text, *after])
    if screening().read(whole).severity is Severity.EMERGENCY:
        assert screening().read(without_accents(whole)).severity.at_least(Severity.URGENT)


@settings(derandomize=True)
@given(st.sampled_from(EMERGENCIES), st.sampled_from(CALM), st.booleans())
def test_a_calm_sentence_beside_it_never_hides_an_emergency(text: str, calm: str, first: bool):
    whole = f"{calm}. {text}" if first else f"{text}. {calm}"
    if screening().read(text).severity is Severity.EMERGENCY:
        assert screening().read(whole).severity is Severity.EMERGENCY


@given(st.sampled_from(EVERYTHING))
def test_reading_twice_gives_the_same(text: str):
    assert screening().read(text) == screening().read(text)


@given(st.sampled_from(EMERGENCIES))
def test_the_words_of_a_sign_are_hers(text: str):
    composed = unicodedata.normalize("NFKC", text)
    for sign in screening().read(text).signs:
        for piece in sign.words.split(" … "):
            assert piece in composed

"""Throttles under any interleaving: strangers never get more tries than promised, and never take hers away."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta

import pyotp
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.web import keys
from handlers.factors import STEP_S, new_seed, step_of
from handlers.signing_in import (
    THROTTLE_WINDOW,
    TRIES_PER_DEVICE,
    TRIES_PER_NAME,
    TRIES_PER_PAIR,
    TRIES_PER_SOURCE,
    Knock,
    Known,
    Throttle,
    knock,
)
from tests.fakes.hotline import START, Hotline

STRANGER = st.tuples(st.just("stranger"), st.integers(0, 1), st.integers(0, 15), st.integers(1, 12))
SHE = st.tuples(st.just("she"), st.just(0), st.just(0), st.integers(1, 2))
TIME = st.tuples(st.just("time"), st.just(0), st.just(0), st.integers(1, 1200))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(STRANGER, STRANGER, SHE, TIME), max_size=60))
def test_strangers_are_bounded_and_she_is_not_shut_out(events: list[tuple[str, int, int, int]]) -> None:
    hotline = Hotline()
    compared: list[tuple[datetime, str, str]] = []
    hers: list[datetime] = []

    def tries(throttle: Throttle) -> bool:
        answer: object = hotline.run(knock, Knock(name=throttle.name, throttle=throttle))
        return isinstance(answer, Known)

    try:
        for kind, name, place, times in events:
            if kind == "time":
                hotline.now += timedelta(seconds=times)
                continue
            for _ in range(times):
                if kind == "she":
                    recent = [at for at in hers if at >= hotline.now - THROTTLE_WINDOW]
                    # Whatever strangers have done, only her own tries count for the browser she always uses.
                    assert tries(Throttle(name="n0", source="p0", device="d")) == (len(recent) < TRIES_PER_DEVICE)
                    if len(recent) < TRIES_PER_DEVICE:
                        hers.append(hotline.now)
                elif tries(Throttle(name=f"n{name}", source=f"p{place}")):
                    compared.append((hotline.now, f"n{name}", f"p{place}"))
        for end, _, _ in compared:
            within = [one for one in compared if end - THROTTLE_WINDOW < one[0] <= end]
            assert max(Counter(one[1:] for one in within).values()) <= TRIES_PER_PAIR
            assert max(Counter(one[1] for one in within).values()) <= TRIES_PER_NAME
            assert max(Counter(one[2] for one in within).values()) <= TRIES_PER_SOURCE
    finally:
        hotline.close()


@given(st.integers(0, 10**9), st.integers(-5, 5))
def test_a_code_belongs_to_one_step_and_only_its_neighbours_take_it(seconds: int, away: int) -> None:
    seed, now = new_seed(), START + timedelta(seconds=seconds)
    step = pyotp.TOTP(seed).timecode(now)
    found = step_of(seed, pyotp.TOTP(seed).generate_otp(step + away), now)
    if abs(away) <= 1:
        assert found is not None
        assert abs(found - step) <= 1
    elif found is not None:  # one chance in a million per step that two codes are alike
        assert pyotp.TOTP(seed).generate_otp(found) == pyotp.TOTP(seed).generate_otp(step + away)
    assert timedelta(seconds=STEP_S) == timedelta(seconds=pyotp.TOTP(seed).interval)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
ANSWER = st.fixed_dictionaries(
    {"id": JSON, "rawId": JSON, "type": JSON, "response": st.dictionaries(
        st.sampled_from(["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]), JSON
    )}
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(ANSWER, JSON).map(str), st.one_of(ANSWER, JSON))
def test_whatever_a_page_sends_as_a_keys_answer_is_an_answer_or_none(text: str, told: object) -> None:
    party = keys.Party("example.org", "https://example.org")
    for sent in (text, json.dumps(told)):
        assert keys.read_new(party, sent, b"c" * 32) is None
        answer = keys.answer_of(party, sent)
        if answer is not None:
            assert answer.check(b"not a key", b"c" * 32) is None

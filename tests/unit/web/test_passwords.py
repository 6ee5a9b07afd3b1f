"""Passwords: what is accepted, what a check costs, and that nothing tells who works here."""

from __future__ import annotations

import asyncio

import pytest

from bot.web import passwords
from bot.web.passwords import Verifier, hash_password, new_password, problem


@pytest.mark.parametrize(
    "password",
    [
        "123456789012345", "passwordpassword1", "matkhaumatkhau123", "aaaaaaaaaaaaaaaaaa", "qwertyuiop12345678",
        "Password123456789!", "abcabcabcabcabcabc", "mật khẩu mật khẩu 1", "iloveyou iloveyou 1234", "P@ssword P@ssword",
        "hoahoahoahoahoahoa1",
    ],
)  # fmt: skip
def test_what_stands_in_every_leaked_list_is_refused(password: str) -> None:
    assert problem(password, "hoa") == "common"


@pytest.mark.parametrize(
    "password", ["con mèo nhỏ ngủ trên mái", "tules xanh mua hoa ban", new_password()], ids=["marks", "plain", "made"]
)
def test_a_few_unrelated_words_are_welcome(password: str) -> None:
    assert problem(password, "hoa") == ""


def test_length_is_the_first_question() -> None:
    assert problem("ngắn quá 1") == "too-short"
    assert problem("x" * 129) == "too-long"


def test_the_hash_is_argon2id_of_the_agreed_strength() -> None:
    assert hash_password("x" * 20).startswith("$argon2id$v=19$m=65536,t=3,p=1$")


async def test_unknown_names_cost_the_same_work_and_are_never_right(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier()
    tried: list[str] = []

    def verify(password_hash: str, password: str) -> bool:
        tried.append(password_hash)
        return True

    monkeypatch.setattr(passwords, "_verify", verify)
    assert await verifier.matches("x" * 20, "") is False
    assert await verifier.matches("x" * 20, "hash") is True
    assert len(tried) == 2
    assert tried[0].startswith("$argon2id$v=19$m=65536,t=3,p=1$")


async def test_impossible_lengths_are_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier()
    monkeypatch.setattr(passwords, "_verify", lambda *_: pytest.fail("hashed"))
    for password in ("", "x" * 129, "x" * 1_000_000):
        assert await verifier.matches(password, "hash") is False


async def test_at_most_two_are_checked_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading
    import time

    lock, now, most = threading.Lock(), 0, 0

    def verify(password_hash: str, password: str) -> bool:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return False

    verifier = Verifier()
    monkeypatch.setattr(passwords, "_verify", verify)
    await asyncio.gather(*(verifier.matches("x" * 20, "hash") for _ in range(8)))
    assert most == 2


async def test_a_broken_hash_is_no_password() -> None:
    assert await Verifier().matches("x" * 20, "not a hash") is False

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
        "hoahoahoahoahoahoa1", "cocongmaisatcongaynenkim", "Có công mài sắt có ngày nên kim", "toiyeuvietnam2026",
        "Không có gì quý hơn độc lập tự do", "Nguyễn Thị Nguyễn Thị", "meyeuconmeyeucon1", "correct horse battery staple",
        "1qaz2wsx3edc4rfv", "laichau2026laichau",
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


def test_the_shipped_list_is_as_it_is_compared() -> None:
    listed = passwords._common()
    assert len(listed) > 200
    assert len(set(listed)) == len(listed)
    assert all(word == passwords._plain(word) and len(word) >= 3 for word in listed)


@pytest.mark.parametrize("typed", ["cafe\u0301 tre\u0302n nu\u0301i cao", "caf\u00e9 tr\u00ean n\u00fai cao"])
async def test_a_password_is_the_same_from_every_keyboard(typed: str) -> None:
    stored = hash_password("caf\u00e9 tr\u00ean n\u00fai cao")
    assert await Verifier().matches(typed, stored)


async def test_a_browser_that_was_here_before_does_not_wait_behind_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    gate = threading.Event()

    def verify(password_hash: str, password: str) -> bool:
        return password == "k" * 20 or gate.wait(10)

    monkeypatch.setattr(passwords, "_verify", verify)
    verifier = Verifier()
    strangers = [asyncio.create_task(verifier.matches("s" * 20, "hash")) for _ in range(passwords.MOST_WAITING)]
    await asyncio.sleep(0.05)
    assert verifier.full
    async with asyncio.timeout(5):
        assert await verifier.matches("k" * 20, "hash", known=True)
    gate.set()
    assert all(await asyncio.gather(*strangers))
    assert not verifier.full


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

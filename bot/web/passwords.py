"""Staff passwords: Argon2id (64 MiB, 3 passes, 1 lane), at most two at a time, and never a password everybody knows."""

from __future__ import annotations

import asyncio
import re
import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_CHARS = 15
MAX_CHARS = 128

_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # no i, l, o, 0, 1: read aloud and copied from a terminal

# Bases of the passwords that top every published list of leaked ones, worldwide and Vietnamese. With 15 characters at least,
# what people choose from such lists are repetitions and chains of these.
_COMMON = (
    "password", "passw0rd", "p@ssword", "matkhau", "qwertyuiop", "qwerty", "asdfghjkl", "asdfgh", "zxcvbnm", "zxcvbn",
    "1q2w3e4r5t", "1q2w3e4r", "qazwsx", "q1w2e3r4", "abcdefgh", "abcdef", "abcd", "abc", "iloveyou", "loveyou", "anhyeuem",
    "emyeuanh", "yeuem", "yeuanh", "welcome", "letmein", "admin", "administrator", "quantri", "changeme", "default",
    "monkey", "dragon", "sunshine", "princess", "football", "baseball", "superman", "michael", "master", "shadow", "login",
    "secret", "trustno", "freedom", "whatever", "computer", "internet", "google", "facebook", "samsung", "vietnam",
    "laichau", "hanoi", "saigon", "binhan", "phunu", "hoilienhiep", "khongbiet", "hoilamgi", "xinchao", "tinhyeu",
    "giadinh", "conyeu", "meyeu", "nguyen", "tranthi", "hello", "test", "temp", "pass", "user", "root", "love",
)  # fmt: skip
_RUNS = ("01234567890123456789", "98765432109876543210", "abcdefghijklmnopqrstuvwxyz", "zyxwvutsrqponmlkjihgfedcba")
_LEFT_ENOUGH = 8


def problem(password: str, *names: str) -> str:
    """Why this password cannot be used ("too-short", "too-long", "common"), or "" when it can. No rules of composition."""
    if len(password) < MIN_CHARS:
        return "too-short"
    if len(password) > MAX_CHARS:
        return "too-long"
    left = _plain(password)
    for word in sorted((*_COMMON, *filter(None, map(_plain, names))), key=len, reverse=True):
        left = left.replace(word, " ")
    for run in _RUNS:
        for size in range(len(run), 2, -1):
            for start in range(len(run) - size + 1):
                left = left.replace(run[start : start + size], " ")
    left = re.sub(r"(.{1,6}?)\1+", r"\1", left)  # repetitions count once
    return "common" if len(re.sub(r"[\W_]", "", left)) < _LEFT_ENOUGH else ""


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return re.sub(r"\s", "", "".join(ch for ch in folded if not unicodedata.combining(ch)))


def new_password() -> str:
    """A first password to be shown once: 20 letters and digits in groups of five (about 99 bits)."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(20))
    return "-".join(letters[start : start + 5] for start in range(0, 20, 5))


def hash_password(password: str) -> str:
    """The Argon2id hash, with its own salt and parameters in it. Slow on purpose: about 0.15 s, 64 MiB."""
    return _HASHER.hash(password)


class Verifier:
    """Checks passwords in threads, two at a time, so that sign-ins cannot starve the hotline of memory or cores."""

    def __init__(self) -> None:
        """The hash that is compared when there is nobody to compare with is made at the first sign-in, not at the start:
        a hotline that restarts must answer seekers first.
        """
        self._room = asyncio.Semaphore(2)

    async def matches(self, password: str, password_hash: str) -> bool:
        """Is this the password? An empty hash (unknown name) costs the same time and is never right.

        A password of impossible length is refused before any work, whoever's it is.
        """
        if not 0 < len(password) <= MAX_CHARS:
            return False
        async with self._room:
            nobody = await asyncio.to_thread(_nobodys_hash)  # whoever signs in first pays for it, known or not
            right = await asyncio.to_thread(_verify, password_hash or nobody, password)
        return right and bool(password_hash)


@cache
def _nobodys_hash() -> str:
    return hash_password(secrets.token_urlsafe(32))


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False

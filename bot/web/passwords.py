"""Staff passwords: Argon2id (64 MiB, 3 passes, 1 lane), few at a time, and never a password everybody knows.

What everybody knows is shipped as a list (`common_passwords.txt`): with 15 characters at least, what people choose from the top
of every leaked list are repetitions and chains of short words, and lines that everybody can recite.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import unicodedata
from functools import cache
from importlib import resources

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_CHARS = 15
MAX_CHARS = 128
MOST_WAITING = 24
"""Strangers whose passwords are waiting to be checked: about two seconds of work."""

_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # no i, l, o, 0, 1: read aloud and copied from a terminal

_RUNS = ("01234567890123456789", "98765432109876543210", "abcdefghijklmnopqrstuvwxyz", "zyxwvutsrqponmlkjihgfedcba")
_LEFT_ENOUGH = 8


def problem(password: str, *names: str) -> str:
    """Why this password cannot be used ("too-short", "too-long", "common"), or "" when it can. No rules of composition."""
    if not possible(password):
        return "too-short" if len(password) < MAX_CHARS else "too-long"
    left = _plain(password)
    for word in sorted((*_common(), *filter(None, map(_plain, names))), key=len, reverse=True):
        left = left.replace(word, " ")
    for run in _RUNS:
        for size in range(len(run), 2, -1):
            for start in range(len(run) - size + 1):
                left = left.replace(run[start : start + size], " ")
    left = re.sub(r"(.{1,6}?)\1+", r"\1", left)  # repetitions count once
    return "common" if len(re.sub(r"[\W_]", "", left)) < _LEFT_ENOUGH else ""


@cache
def _common() -> tuple[str, ...]:
    """The shipped list: lower case, without marks and spaces; `#` begins a remark."""
    lines = (resources.files("bot.web") / "common_passwords.txt").read_text(encoding="utf-8").splitlines()
    return tuple(filter(None, (_plain(line) for line in lines if not line.startswith("#"))))


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return re.sub(r"\s", "", "".join(ch for ch in folded if not unicodedata.combining(ch)))


def new_password() -> str:
    """A first password to be shown once: 20 letters and digits in groups of five (about 99 bits)."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(20))
    return "-".join(letters[start : start + 5] for start in range(0, 20, 5))


def hash_password(password: str) -> str:
    """The Argon2id hash, with its own salt and parameters in it. Slow on purpose: about 0.15 s, 64 MiB."""
    return _HASHER.hash(_typed(password))


async def hash_password_aside(password: str) -> str:
    """The same, off the event loop."""
    return await asyncio.to_thread(hash_password, password)


def possible(password: str) -> bool:
    """Can this be anybody's password at all? One of another length is refused before any work, whoever's it is."""
    return MIN_CHARS <= len(_typed(password[: 4 * MAX_CHARS])) <= MAX_CHARS


class Verifier:
    """Checks passwords in threads, two at a time, so that sign-ins cannot starve the hotline of memory or cores. A browser that
    somebody has signed in with before does not wait behind strangers.
    """

    def __init__(self) -> None:
        """The hash that is compared when there is nobody to compare with is made at the first sign-in, not at the start:
        a hotline that restarts must answer seekers first.
        """
        self._strangers, self._known = asyncio.Semaphore(2), asyncio.Semaphore(1)
        self._waiting = 0

    @property
    def full(self) -> bool:
        """So many strangers wait that one more would wait longer than a person does; say so, and do nothing else."""
        return self._waiting >= MOST_WAITING

    async def matches(self, password: str, password_hash: str, *, known: bool = False) -> bool:
        """Is this the password? An empty hash (unknown name) costs the same time and is never right.

        An impossible password is refused before any work. `known`: from a browser that was here before.
        """
        if not possible(password):
            return False
        self._waiting += not known
        try:
            async with self._known if known else self._strangers:
                nobody = await asyncio.to_thread(_nobodys_hash)  # whoever signs in first pays for it, known or not
                right = await asyncio.to_thread(_verify, password_hash or nobody, password)
        finally:
            self._waiting -= not known
        return right and bool(password_hash)


def _typed(password: str) -> str:
    """The same letters, however a keyboard composes them: some phones send "ố" as one character, others as three."""
    return unicodedata.normalize("NFC", password)


@cache
def _nobodys_hash() -> str:
    return hash_password(secrets.token_urlsafe(32))


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, _typed(password))
    except (VerificationError, InvalidHashError):
        return False

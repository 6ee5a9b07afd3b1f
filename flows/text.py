"""Vietnamese as people type it: one normal form, whole-message matching with and without accents, lengths by unit.

People write to us without accents, with some of them, or with all; *đúng* (right) and *dừng* (stop) are then the same
letters. So a typed text may leave accents out, but an accent it does have must agree with the word it is matched with.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

MAX_KEY_CHARS = 200  # a longer text is no choice and no global word, so it is not even looked at
MAX_ANSWER_CHARS = 2000  # what a text variable keeps; the whole message stands in the case

_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")  # huyền, sắc, ngã, hỏi, nặng
_SHAPES = frozenset("\u0302\u0306\u031b")  # â ă ơ: these make another letter
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key:
    """A text reduced to its words: letters without accents, and the accents that were taken off."""

    folded: str  # "dung lai"
    tones: tuple[str, ...]  # per word: its tone mark, or ""
    shapes: str  # per letter and gap: "." or the mark that makes it another letter (đ is d with one)

    def agrees_with(self, written: Key) -> bool:
        """Could this typed text be that written word with accents left out? (Accents it has must be there too.)"""
        return (
            self.folded == written.folded
            and all(tone in ("", other) for tone, other in zip(self.tones, written.tones, strict=True))
            and all(shape in (".", other) for shape, other in zip(self.shapes, written.shapes, strict=True))
        )


def clean(text: str) -> str:
    """What we keep of a typed answer: composed letters, no control or direction marks, at most 2,000 characters."""
    head = unicodedata.normalize("NFC", text[: MAX_ANSWER_CHARS * 2])
    kept = "".join(
        character
        for character in head
        if character in "\n\t" or not (character in _BIDI or unicodedata.category(character) in ("Cc", "Cs"))
    )
    return kept[:MAX_ANSWER_CHARS].strip()


def key_of(text: str) -> Key:
    """The words of a short text; empty for a text over 200 characters or without letters and digits."""
    if len(text) > MAX_KEY_CHARS:
        return _NOTHING
    if text.isascii():
        words = "".join(c if c.isalnum() else " " for c in text.replace("\x00", "").lower()).split()
        folded = " ".join(words)
        return Key(folded, ("",) * len(words), "." * len(folded))
    return _accented_key(text)


def _accented_key(text: str) -> Key:
    letters: list[str] = []
    shapes: list[str] = []
    tones: list[str] = []
    in_word = False
    for character in unicodedata.normalize("NFKD", text.casefold()):
        if character in _TONES:
            if in_word and character not in tones[-1]:
                tones[-1] += character
        elif character in _SHAPES:
            if in_word:
                shapes[-1] = character
        elif character.isalnum():
            if not in_word:
                if letters:
                    letters.append(" ")
                    shapes.append(".")
                tones.append("")
                in_word = True
            letters.append("d" if character == "đ" else character)
            shapes.append("đ" if character == "đ" else ".")
        elif unicodedata.category(character) not in ("Mn", "Me", "Cf", "Cc") or character.isspace():
            in_word = False  # a gap; other marks, zero-width and direction characters are passed over
    return Key("".join(letters), tuple(tones), "".join(shapes))


_NOTHING = Key("", (), "")


def squeezed(key: Key) -> Key:
    """The same words with letters that were held down written once: "dạaaa", "okkk", "khoong"."""
    letters: list[str] = []
    shapes: list[str] = []
    for letter, shape in zip(key.folded, key.shapes, strict=True):
        if letters and letter == letters[-1] and letter.isalpha():
            shapes[-1] = shapes[-1] if shapes[-1] != "." else shape
        else:
            letters.append(letter)
            shapes.append(shape)
    return Key("".join(letters), key.tones, "".join(shapes))


def fold(text: str) -> str:
    """Lower case, no accents (đ as d), words separated by one space; punctuation and emoji are gaps.

    Of any length; for whole-message matching use `key_of`, which keeps the accents apart.
    """
    if text.isascii():
        return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())
    return _accented_key(text).folded


class Phrasebook(Generic[T]):
    """Words and what each stands for; finds the one a whole message is, with or without accents.

    Earlier entries win over later ones that are the same word.
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[tuple[str | Key, T]]) -> None:
        """Make it from (word as written or its key, meaning) pairs."""
        self._entries: dict[str, list[tuple[Key, T]]] = {}
        for word, meaning in entries:
            key = key_of(word) if isinstance(word, str) else word
            if key.folded:
                self._entries.setdefault(key.folded, []).append((key, meaning))

    def find(self, key: Key) -> T | None:
        """The meaning of a message, the first written one when several fit."""
        return next(iter(self._fitting(key)), None)

    def find_only(self, key: Key) -> T | None:
        """The meaning of a message when it is certain: exactly as written, or the only one that fits."""
        fitting = self._fitting(key)
        return fitting[0] if len(fitting) == 1 else None

    def _fitting(self, key: Key) -> Sequence[T]:
        found = self._entries.get(key.folded)
        if found is None:
            return ()
        exact = list(dict.fromkeys(meaning for written, meaning in found if written == key))
        return exact or list(dict.fromkeys(meaning for written, meaning in found if key.agrees_with(written)))


def length(text: str, unit: str) -> int:
    """Length in the unit a platform counts: "chars" (code points), "utf16" (Telegram) or "bytes" (UTF-8)."""
    if unit == "chars":
        return len(text)
    if unit == "utf16":
        return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)
    if unit == "bytes":
        return len(text.encode("utf-8", "surrogatepass"))
    raise ValueError(f"unknown unit {unit!r}: use chars, utf16 or bytes")

"""Vietnamese spelling for the gazetteer: syllables with their marks, tokens, and how well a typed word fits a name."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum

MAX_CHARS = 1_500
"""Longer texts are read up to here: a place stands near the beginning, and the time per message stays bounded."""

INITIALS = frozenset({"x", "p", "h", "tt", "tp", "tx"})
"""Abbreviated units; a full stop behind one ends no sentence, and each means much else besides."""

_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")
_HOOK_AND_TILDE = frozenset("\u0309\u0303")
_WORD = re.compile(r"[^\W_]+")
_INVISIBLE = re.compile("[\u0000\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_TELEX_TONE = re.compile(r"(?<=[aeiouyw])[sfrxj]|(?<=[cghmnpt])[sfrxj]$")
_TELEX_LETTER = re.compile(r"aa|ee|oo|dd|[aou]w|w")
_TELEX = {"aa": "a", "ee": "e", "oo": "o", "dd": "d", "aw": "a", "ow": "o", "uw": "u", "w": "u"}
_SENTENCE_BREAK = re.compile(r"[,;:!?\n]|\.\s")


class Marks(IntEnum):
    """How the marks of a typed syllable fit those of a name, best first."""

    EXACT = 0  # the same letters, the same tone
    BARE = 1  # typed without any mark where the name has some
    PARTIAL = 2  # some marks missing, none wrong (hỏi and ngã are not told apart)
    CONFLICT = 3  # another word


@dataclass(frozen=True, slots=True)
class Syllable:
    """A syllable taken apart. The tone stands alone, so that `khóa` and `khoá` are the same."""

    folded: str  # lower case, no marks, đ as d
    letters: str  # with the marks that make letters (ă â đ ê ô ơ ư), without the tone
    tone: str  # one combining sign, or ""

    @property
    def marked(self) -> bool:
        """Whether anything was typed that a keyboard without Vietnamese cannot type."""
        return bool(self.tone) or self.letters != self.folded


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text with what stands before it."""

    text: str  # lower case, composed
    syllable: Syllable
    gap: str  # what separates it from the word before
    retyped: str  # what a keyboard left in Telex or VNI meant, folded; the same as `folded` for other words

    @property
    def folded(self) -> str:
        """The word without marks."""
        return self.syllable.folded

    @property
    def starts_clause(self) -> bool:
        """Whether a comma, a full stop or a new line separates it from the word before."""
        return bool(_SENTENCE_BREAK.search(self.gap))


def word_set(words: str) -> frozenset[str]:
    """A set of words written as a line of words, which is easier to read and to argue with than a list in quotes."""
    return frozenset(words.split())


def syllable(word: str) -> Syllable:
    """Take one word apart."""
    tone, letters, folded = "", [], []
    for sign in unicodedata.normalize("NFD", word.lower()):
        if sign in _TONES:
            tone = sign
        elif unicodedata.combining(sign):
            letters.append(sign)
        else:
            letters.append(sign)
            folded.append("d" if sign == "đ" else sign)
    return Syllable("".join(folded), unicodedata.normalize("NFC", "".join(letters)), tone)


def syllables(name: str) -> tuple[Syllable, ...]:
    """The syllables of a name."""
    return tuple(syllable(word) for word in _WORD.findall(unicodedata.normalize("NFC", name)))


def joined(parts: tuple[Syllable, ...]) -> str:
    """The key of a name: its folded syllables without blanks, so that wrong spacing does not matter."""
    return "".join(part.folded for part in parts)


def tokens(text: str) -> tuple[Token, ...]:
    """The words of a text, of its first `MAX_CHARS` characters; signs nobody sees are dropped."""
    clean = _INVISIBLE.sub("", unicodedata.normalize("NFC", text[:MAX_CHARS]))
    found: list[Token] = []
    end = 0
    for match in _WORD.finditer(clean):
        word = match.group().lower()
        taken_apart = syllable(word)
        gap = clean[end : match.start()]
        if found and found[-1].text in INITIALS and gap.startswith("."):
            gap = gap[1:]
        found.append(Token(word, taken_apart, gap, _retyped(taken_apart.folded)))
        end = match.end()
    return tuple(found)


def marks(typed: Syllable, name: Syllable) -> Marks:
    """How the marks of a typed syllable fit; both must have the same folded form."""
    if typed.letters == name.letters and typed.tone == name.tone:
        return Marks.EXACT
    if not typed.marked:
        return Marks.BARE
    letters_fit = all(
        one in (other, plain) for one, other, plain in zip(typed.letters, name.letters, name.folded, strict=False)
    )
    return Marks.PARTIAL if letters_fit and tone_fits(typed, name) else Marks.CONFLICT


def tone_fits(typed: Syllable, name: Syllable) -> bool:
    """Whether the tone is the same, missing, or hỏi for ngã, which many people do not tell apart."""
    return typed.tone in ("", name.tone) or {typed.tone, name.tone} == _HOOK_AND_TILDE


def sound(folded: str) -> str:
    """A syllable as the north-west says it: s and x, tr and ch, k and c, i and y, gi, r and d fall together."""
    word = folded.replace("y", "i")
    for spelled, said in (("tr", "ch"), ("gi", "d"), ("x", "s"), ("k", "c"), ("r", "d")):
        if word.startswith(spelled) and not (spelled == "k" and word.startswith("kh")):
            return said + word[len(spelled) :]
    return word


def _retyped(folded: str) -> str:
    """`muowngf` and `mu7o7ng2` are muong: what is left of Telex or VNI when the keyboard is off."""
    if not folded.isascii() or len(folded) < 3:
        return folded
    without_digits = re.sub(r"\d", "", folded) if folded[0].isalpha() else folded
    if without_digits != folded:
        return without_digits
    return _TELEX_LETTER.sub(lambda found: _TELEX[found.group()], _TELEX_TONE.sub("", folded))

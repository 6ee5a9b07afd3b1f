"""Vietnamese spelling for the gazetteer: syllables with their marks, tokens, and how well a typed word fits a name."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum

from handlers.rules.reading.letters import (
    fold,
    form_of,
    from_chat_spelling,
    from_telex,
    from_vni,
    is_syllable,
    squeeze,
    squeeze_pairs,
)

MAX_CHARS = 1_500
"""Longer texts are read up to here: a place stands near the beginning, and the time per message stays bounded."""

INITIALS = frozenset({"x", "p", "f", "ph", "h", "tt", "ttr", "tp", "tx"})
"""Abbreviated units; a full stop behind one ends no sentence, and each means much else besides."""

_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")
_HOOK_AND_TILDE = frozenset("\u0309\u0303")
_WORD = re.compile(r"[^\W_]+")
_INVISIBLE = re.compile("[\u0000\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LONG_O = re.compile(r"[blnx]oo(?:ng|c)")  # noong, loong, xoong: syllables as they are, not Telex for ô
_TONE_OF_FORM = {"S": "\u0301", "F": "\u0300", "J": "\u0323", "R": "\u0309"}
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

    text: str  # lower case, composed; what Telex or VNI keys left in ("naamj"), or chat spelling ("nậmm"), meant
    syllable: Syllable
    folded: str  # the word without marks
    said: str  # how it sounds, see `sound`
    starts_clause: bool = False  # a comma, a full stop or a new line separates it from the word before
    keys: str = ""  # the keys, or the chat spelling, as they were typed; "" for words that were read as they stand
    respelled: bool = False  # `text` is what chat spelling meant ("muog" is muong)
    capital: bool = False  # begins with a capital letter, in a text that is not all capitals


def token(
    word: str, *, starts_clause: bool = False, keys: str = "", respelled: bool = False, capital: bool = False
) -> Token:
    """A token of a word in lower case."""
    apart = syllable(word)
    return Token(word, apart, apart.folded, sound(apart.folded), starts_clause, keys, respelled, capital)


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
    shouted = clean.isupper()
    found: list[Token] = []
    end = 0
    for match in _WORD.finditer(clean):
        written = match.group()
        word = written.lower()
        by_keys = _undo_keys(word)
        meant = by_keys or _undo_chat(word)
        gap = clean[end : match.start()]
        if found and found[-1].text in INITIALS and gap.startswith("."):
            gap = gap[1:]
        found.append(
            token(
                meant or word,
                starts_clause=_SENTENCE_BREAK.search(gap) is not None,
                keys=word if meant else "",
                respelled=bool(meant) and not by_keys,
                capital=written[0].isupper() and not shouted,
            )
        )
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
    """A syllable as the north-west says it: s and x, tr and ch, l and n, k and c, i and y, gi, r and d fall together."""
    word = folded.replace("y", "i")
    for spelled, said in (("tr", "ch"), ("gi", "d"), ("x", "s"), ("k", "c"), ("r", "d"), ("l", "n")):
        if word.startswith(spelled) and not (spelled == "k" and word.startswith("kh")):
            return said + word[len(spelled) :]
    return word


def _undo_keys(word: str) -> str:
    """`muwowngf` and `mu7o7ng2` are mường: what Telex or VNI keys meant when the keyboard was off; "" for other words."""
    if not word.isascii() or len(word) < 2 or is_syllable(word) or _LONG_O.fullmatch(word):
        return ""
    form = from_vni(word) if any(sign.isdigit() for sign in word[1:]) else from_telex(word)
    if form == word or not is_syllable(fold(form)):
        return ""
    letters, tone = form.rstrip("SFJR"), _TONE_OF_FORM.get(form[-1], "")
    if form[-1] == "R" and ("x" in word[1:] or "4" in word):
        tone = "\u0303"  # the form keeps hỏi and ngã together
    return _with_tone(letters, tone)


def _undo_chat(word: str) -> str:
    """`lèngggg` is lèng, `muog` muong, `fường` phường: what a word that is no syllable stands for in chats; else ""."""
    form = form_of(word)
    if len(word) < 2 or is_syllable(fold(form)) or _LONG_O.fullmatch(fold(form)) or not word.isalpha():
        return ""
    held = squeeze(form)[0]
    for one in (held, squeeze_pairs(held), *from_chat_spelling(held)):
        if is_syllable(fold(one)):
            return _with_tone(one.rstrip("SFJR"), _TONE_OF_FORM.get(one[-1], ""))
    return ""


def _with_tone(letters: str, tone: str) -> str:
    """The tone on some vowel: which one does not matter, a syllable is taken apart again."""
    at = max((at for at, letter in enumerate(letters) if syllable(letter).folded in "aeiouy"), default=0)
    return unicodedata.normalize("NFC", letters[: at + 1] + tone + letters[at + 1 :])

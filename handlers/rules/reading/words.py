"""From a text to words: cuts it into tokens and says which words of the lexicon each token may be.

What is written with accents is taken by its accents; what is written without may be any word that folds to it. Only a token
that is no Vietnamese syllable as typed is tried as Telex or VNI keys, chat spelling, words run together, or a slip.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from handlers.rules.reading import letters

NUMBERS = {"#": 10**9, "#<18": 18, "#<8": 8, "#<4": 4}  # a lexicon word that stands for any number below the bound
ABBREVIATION = "@"  # marks the lexicon word that stands for several words ("@ca" for công an)

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff\u0000]")
_STRAY_MARKS = re.compile("[\u0300-\u036f]")
_SPACED_OUT = re.compile(r"(?<!\w)(?:[^\W\d_][.\-*_]){2,}[^\W\d_](?!\w)")
_TOKEN = re.compile(r"\d+|[^\W\d_][^\W_]*|[.!?…;\n]+|,")
_PICTURES = {"🆘": " sos ", "🔪": " dao "}
_LONGEST_TOKEN = 40  # longer ones are no words; they are passed over


@dataclass(frozen=True, slots=True)
class Token:
    """One word as typed: where it stands in the cleaned text, its sentence and clause, and what it may be."""

    start: int
    end: int
    sentence: int
    clause: int
    words: tuple[int, ...]
    plain: str  # as read, without accents; "cong an" for an abbreviation of two words, "#" for a number
    is_exact: bool  # typed with its accents, or in a text that uses accents


def clean(text: str) -> str:
    """The text composed (NFKC) without invisible characters; letters spelled out with dots are joined."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    if not text.isascii():
        text = _STRAY_MARKS.sub("", text)
        for picture, word in _PICTURES.items():
            text = text.replace(picture, word)
    return _SPACED_OUT.sub(lambda match: re.sub(r"[.\-*_]", "", match.group()), text)


class Vocabulary:
    """All words of the lexicon, numbered, and every way a token can stand for one of them."""

    def __init__(self, words: Iterable[str], abbreviations: Mapping[str, tuple[str, ...]]) -> None:
        """`words` as the lexicon writes them; `abbreviations`: token as typed -> words (or `@token`) it may stand for."""
        self.numbers: dict[str, int] = {}
        self._by_fold: dict[str, list[tuple[str, int]]] = {}
        self._plain_words: list[str] = []
        for word in sorted(set(words)):
            self._add(word)
        self._short: dict[str, tuple[int, ...]] = {}
        for token, meanings in abbreviations.items():
            self._short[letters.form_of(token)] = tuple(self.numbers[word] for word in meanings if word in self.numbers)
        self._slips = self._slip_index()
        self._known: dict[tuple[str, bool], tuple[int, ...]] = {}

    def _add(self, word: str) -> None:
        number = self.numbers[word] = len(self.numbers)
        if word[0] not in "#@":
            form = letters.form_of(word)
            self._by_fold.setdefault(letters.fold(form), []).append((form, number))
            self._plain_words.append(letters.fold(form))
        else:
            self._plain_words.append(
                " ".join(letters.fold(letters.form_of(part)) for part in word.lstrip("#@<").split())
            )

    def _plain(self, form: str, words: tuple[int, ...]) -> str:
        """How a token reads without accents, also when it is in no phrase."""
        folded = letters.fold(form)
        if form[0].isdigit():
            return "#"
        if form in self._short or not letters.is_syllable(folded):
            if words:
                return self._plain_words[words[0]]
            undone = letters.fold(letters.from_telex(form))
            return undone if letters.is_syllable(undone) else folded
        return folded

    def _slip_index(self) -> dict[str, tuple[str, ...]]:
        """Every fold of four letters or more by each string it becomes when one letter is left out."""
        found: dict[str, list[str]] = {}
        for folded in self._by_fold:
            if len(folded) >= 4:
                for shorter in {folded[:at] + folded[at + 1 :] for at in range(len(folded))}:
                    found.setdefault(shorter, []).append(folded)
        return {shorter: tuple(folds) for shorter, folds in found.items()}

    def tokens(self, text: str) -> list[Token]:
        """The tokens of a cleaned text."""
        pieces: list[tuple[int, int, str]] = []
        marked = plain = bare = 0
        for match in _TOKEN.finditer(text):
            piece = match.group()
            form = letters.form_of(piece) if piece[0].isalnum() else piece[0]
            pieces.append((match.start(), match.end(), form))
            if len(piece) > 1 and piece[0].isalpha():
                if letters.is_marked(form):
                    marked += 1
                else:
                    plain += 1
                    bare += letters.needs_marks(form)
            elif form in self._short:
                bare += 1
        strict = marked >= plain and bare * 6 <= marked  # else accents were left out here and there
        found: list[Token] = []
        sentence = clause = 0
        for start, end, form in _join_single_letters(pieces, self._by_fold):
            if form[0] in ".!?…;\n":
                sentence += 1
                clause += 1
            elif form == ",":
                clause += 1
            else:
                for words in self._read(form, strict):
                    exact = strict or letters.shows_marks(form)
                    found.append(Token(start, end, sentence, clause, words, self._plain(form, words), exact))
        return found

    def _read(self, form: str, strict: bool) -> list[tuple[int, ...]]:
        """The words a token may be; several entries when it is words run together."""
        if len(form) > _LONGEST_TOKEN:
            return [()]
        if form[0].isdigit():
            value = int(form) if form.isdigit() and len(form) < 10 else 10**8
            return [tuple(self.numbers[name] for name, top in NUMBERS.items() if value < top and name in self.numbers)]
        known = self._known.get((form, strict))
        if known is None:
            known = self._meanings(form, strict)
            if known:
                if len(self._known) > 20_000:
                    self._known.clear()
                self._known[form, strict] = known  # only words of the lexicon are remembered, nothing personal
        if not known and len(form) > 4 and not letters.is_syllable(letters.fold(form)):
            return self._split(form, strict) or [()]
        return [known]

    def _meanings(self, form: str, strict: bool) -> tuple[int, ...]:
        short = self._short.get(form, ())
        found = self._look_up(form, strict)
        if found or short:
            return tuple(dict.fromkeys((*short, *found)))
        squeezed = letters.squeeze(form)
        if squeezed != form:
            found = self._short.get(squeezed, ()) + self._look_up(squeezed, strict)
            if found:
                return found
        folded = letters.fold(squeezed)
        if letters.is_syllable(folded):
            if letters.is_marked(form):
                for other in letters.from_sound(squeezed):
                    if found := self._exact(other):
                        return found
            return ()
        return self._decoded(squeezed, folded)

    def _decoded(self, form: str, folded: str) -> tuple[int, ...]:
        """For a token that is no syllable: raw keys, chat spelling, doubled letters, then one slip."""
        tries = [letters.from_vni(form)] if any(letter.isdigit() for letter in form) else [letters.from_telex(form)]
        pairs = letters.squeeze_pairs(form)
        for attempt in (*tries, pairs, *letters.from_chat_spelling(form), *letters.from_chat_spelling(pairs)):
            if attempt and (found := self._exact(attempt) or self._look_up(attempt, False)):
                return found
        undone = letters.fold(tries[0])
        if form.isascii() and form.isalpha() and len(undone) > 3 and undone in self._by_fold:
            return tuple(number for word, number in self._by_fold[undone] if word[-1] == tries[0][-1])
        return self._slip(form, folded)

    def _slip(self, form: str, folded: str) -> tuple[int, ...]:
        if len(folded) < 4:
            return ()
        near = {folded[:at] + folded[at + 1 :] for at in range(len(folded))}
        hits = {other for other in near if other in self._by_fold and len(other) >= 3 and other[0] == folded[0]}
        for shorter in (folded, *near):
            hits.update(
                fold
                for fold in self._slips.get(shorter, ())
                if fold[0] == folded[0] and abs(len(fold) - len(folded)) < 2
            )
        if len(hits) > 4:  # too many words it could be: it says nothing
            return ()
        return tuple(
            number for hit in hits for word, number in self._by_fold[hit] if word[-1] == form[-1] or form.isascii()
        )

    def _look_up(self, form: str, strict: bool) -> tuple[int, ...]:
        entries = self._by_fold.get(letters.fold(form))
        if not entries:
            return ()
        if strict or letters.is_marked(form):
            exact = tuple(number for word, number in entries if word == form)
            if exact or (strict and not letters.is_marked(form) and not letters.needs_marks(form)):
                return exact
        return tuple(number for word, number in entries if letters.fits(form, word))

    def _exact(self, form: str) -> tuple[int, ...]:
        return tuple(number for word, number in self._by_fold.get(letters.fold(form), ()) if word == form)

    def _split(self, form: str, strict: bool) -> list[tuple[int, ...]]:
        """Words run together ("cứutôi"), all of them known, at most six; else nothing."""
        ways: list[list[tuple[int, ...]] | None] = [[]] + [None] * len(form)
        for end in range(2, len(form) + 1):
            for begin in range(max(0, end - 7), end - 1):
                before = ways[begin]
                if before is None or len(before) >= 6 or not letters.is_syllable(letters.fold(form[begin:end])):
                    continue
                if words := self._look_up(_tone_last(form, begin, end), False):
                    best = ways[end]
                    if best is None or len(best) > len(before) + 1:
                        ways[end] = [*before, words]
        return ways[-1] or []


def _tone_last(form: str, begin: int, end: int) -> str:
    piece = form[begin:end].rstrip(letters.TONES)
    return piece  # the tone of a joined token cannot be placed: any tone may be meant


def _join_single_letters(pieces: list[tuple[int, int, str]], known: Mapping[str, object]) -> list[tuple[int, int, str]]:
    """Joins three or more letters typed apart ("s o s", "c ứ u") when together they are a word we know."""
    found: list[tuple[int, int, str]] = []
    at = 0
    while at < len(pieces):
        run = at
        while (
            run < len(pieces)
            and run < at + 8
            and len(pieces[run][2].rstrip(letters.TONES)) == 1
            and pieces[run][2][0].isalpha()
        ):
            run += 1
        if run - at >= 3:
            joined = "".join(form.rstrip(letters.TONES) for _, _, form in pieces[at:run])
            tone = next((form[-1] for _, _, form in pieces[at:run] if form[-1] in letters.TONES), "")
            if letters.fold(joined) in known:
                found.append((pieces[at][0], pieces[run - 1][1], joined + tone))
                at = run
                continue
        found.append(pieces[at])
        at += 1
    return found

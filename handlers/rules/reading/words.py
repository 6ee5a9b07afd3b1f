"""From a text to words: cleans it and cuts it into tokens, with the sentence and clause each stands in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from handlers.rules.reading import letters
from handlers.rules.reading.vocabulary import BARE, BARE_LETTER, MARKED, PLAIN, STOP, Reading, Typed, Vocabulary

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff\u0000]")
_STRAY_MARKS = re.compile("[\u0300-\u036f]")
_SPACED_OUT = re.compile(r"(?<!\w)(?:[^\W\d_][.\-*_]){2,}[^\W\d_](?!\w)")
_BETWEEN = re.compile(r"[.\-*_]")
_PIECE = re.compile(r"(\d+|[^\W\d_][^\W_]*|[.!?…;\n]+|,)")
_PICTURES = {"🆘": " sos ", "🔪": " dao "}
_LONGEST_TOKEN = 40  # characters; no word is longer, the rest of such a token is passed over
_LONGEST_SPELLING = 8  # letters typed apart that may be one word
_SLOPPY = 6  # with one word in so many lacking its accents, every bare word may lack them


@dataclass(slots=True)
class Pieces:
    """Everything in a text that is a word, a number, a comma or a stop, and where it stands."""

    starts: list[int]
    ends: list[int]
    typed: list[Typed]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words of a text in its order, one list a property: reading a text asks for one property of all far oftener than
    for all of one.
    """

    readings: list[Reading]
    sentences: list[int]
    clauses: list[int]
    exact: list[bool]  # typed with its accents, or in a text that uses accents
    pieces: Pieces
    numbers: list[int]  # the piece each word stands in

    def __len__(self) -> int:
        return len(self.readings)

    def start(self, at: int) -> int:
        """Where a word begins in the cleaned text."""
        return self.pieces.starts[self.numbers[at]]

    def end(self, at: int) -> int:
        """One past its last character."""
        return self.pieces.ends[self.numbers[at]]

    def part(self, begin: int, end: int) -> Tokens:
        """Some words in a row."""
        if begin <= 0 and end >= len(self):
            return self
        here = slice(max(begin, 0), end)
        return Tokens(
            self.readings[here],
            self.sentences[here],
            self.clauses[here],
            self.exact[here],
            self.pieces,
            self.numbers[here],
        )

    def among(self, kept: Sequence[int]) -> Tokens:
        """The words at these places only."""
        return Tokens(
            [self.readings[at] for at in kept],
            [self.sentences[at] for at in kept],
            [self.clauses[at] for at in kept],
            [self.exact[at] for at in kept],
            self.pieces,
            [self.numbers[at] for at in kept],
        )


def clean(text: str) -> str:
    """The text composed (NFKC) without invisible characters; letters spelled out with dots are joined."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    if not text.isascii():
        text = _STRAY_MARKS.sub("", text)
        for picture, word in _PICTURES.items():
            text = text.replace(picture, word)
    if not _BETWEEN.search(text):
        return text
    return _SPACED_OUT.sub(lambda match: _BETWEEN.sub("", match.group()), text)


def cut(text: str, vocabulary: Vocabulary) -> Tokens:
    """The tokens of a cleaned text."""
    pieces = _pieces(text, vocabulary)
    manners = [one.manner for one in pieces.typed]
    strict = _uses_accents(manners)
    if _has_letters_apart(pieces.typed):
        pieces = _join_single_letters(pieces, vocabulary)
        manners = [one.manner for one in pieces.typed]
    read = vocabulary.read
    several = [(one.strict if strict else one.loose) or read(one, strict) for one in pieces.typed]
    sentences, clauses = _sentences_and_clauses(manners)
    readings = [reading for these in several for reading in these]
    numbers = [number for number, these in enumerate(several) for _ in these]
    is_exact = strict or not vocabulary.has_accents
    return Tokens(
        readings,
        [sentences[number] for number in numbers],
        [clauses[number] for number in numbers],
        [True] * len(readings) if is_exact else [reading.shows_marks for reading in readings],
        pieces,
        numbers,
    )


def _pieces(text: str, vocabulary: Vocabulary) -> Pieces:
    parts = _PIECE.split(text)  # what stands before the first piece, the first piece, what stands between, …
    ends = list(accumulate(map(len, parts)))
    written = [piece[:_LONGEST_TOKEN] for piece in parts[1::2]]
    known = vocabulary.typed
    typed = [known.get(piece) or vocabulary.typed_as(piece) for piece in written]
    return Pieces(ends[:-1:2], ends[1::2], typed)


def _sentences_and_clauses(manners: Sequence[int]) -> tuple[list[int], list[int]]:
    """The sentence and the clause of each piece, counted from 0."""
    sentences: list[int] = []
    clauses: list[int] = []
    sentence = 0
    parting = [at for at, manner in enumerate(manners) if manner >= STOP]
    for clause, end in enumerate([*parting, len(manners)]):
        size = end - len(clauses)
        sentences += [sentence] * size
        clauses += [clause] * size
        sentence += end < len(manners) and manners[end] == STOP
    return sentences, clauses


def _uses_accents(manners: Sequence[int]) -> bool:
    """Is the text typed with its accents, so that a word without any has none? `manners`: how each word is typed."""
    marked, bare, letter = manners.count(MARKED), manners.count(BARE), manners.count(BARE_LETTER)
    return marked >= manners.count(PLAIN) + bare and (bare + letter) * _SLOPPY <= marked


def _has_letters_apart(typed: Sequence[Typed]) -> bool:
    """Do three letters in a row stand alone?"""
    letters_at = [at for at, one in enumerate(typed) if one.is_letter]
    return any([third - first == 2 for first, third in zip(letters_at, letters_at[2:], strict=False)])


def _join_single_letters(pieces: Pieces, vocabulary: Vocabulary) -> Pieces:
    """Joins three or more letters typed apart ("s o s", "c ứ u") when together they are a word we know."""
    found = Pieces([], [], [])
    run: list[int] = []

    def add(first: int, last: int, typed: Typed) -> None:
        found.starts.append(pieces.starts[first])
        found.ends.append(pieces.ends[last])
        found.typed.append(typed)

    for at, one in enumerate([*pieces.typed, None]):
        if one is not None and one.is_letter:
            run.append(at)
            continue
        joined = _as_one([pieces.typed[letter] for letter in run], vocabulary)
        if joined is not None:
            add(run[0], run[-1], joined)
        else:
            for letter in run:
                add(letter, letter, pieces.typed[letter])
        run = []
        if one is not None:
            add(at, at, one)
    return found


def _as_one(run: Sequence[Typed], vocabulary: Vocabulary) -> Typed | None:
    """The word that letters typed apart make, if it is one we know."""
    if not 3 <= len(run) <= _LONGEST_SPELLING:
        return None
    joined = "".join([one.form.rstrip(letters.TONES) for one in run])
    tone = next((one.form[-1] for one in run if one.form[-1] in letters.TONES), "")
    return vocabulary.of_form(joined + tone) if vocabulary.has(letters.fold(joined)) else None

"""From a text to words: cleans it and cuts it into tokens, with the sentence and clause each stands in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from handlers.rules.reading import letters
from handlers.rules.reading.vocabulary import BARE, BARE_LETTER, MARKED, PLAIN, Vocabulary

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff\u0000]")
_STRAY_MARKS = re.compile("[\u0300-\u036f]")
_SPACED_OUT = re.compile(r"(?<!\w)(?:[^\W\d_][.\-*_]){2,}[^\W\d_](?!\w)")
_BETWEEN = re.compile(r"[.\-*_]")
_TOKEN = re.compile(r"\d+|[^\W\d_][^\W_]*|[.!?…;\n]+|,")
_PICTURES = {"🆘": " sos ", "🔪": " dao "}
_LONGEST_TOKEN = 40  # characters; no word is longer, the rest of such a token is passed over
_LONGEST_SPELLING = 8  # letters typed apart that may be one word
_SLOPPY = 6  # with one word in so many lacking its accents, every bare word may lack them

_Piece = tuple[int, int, str]  # start and end in the cleaned text, form


class Token(NamedTuple):
    """One word as typed: where it stands in the cleaned text, its sentence and clause, and what it may be."""

    start: int
    end: int
    sentence: int
    clause: int
    words: tuple[int, ...]
    plain: str  # see `Reading`
    is_exact: bool  # typed with its accents, or in a text that uses accents


def clean(text: str) -> str:
    """The text composed (NFKC) without invisible characters; letters spelled out with dots are joined."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    if not text.isascii():
        text = _STRAY_MARKS.sub("", text)
        for picture, word in _PICTURES.items():
            text = text.replace(picture, word)
    return _SPACED_OUT.sub(lambda match: _BETWEEN.sub("", match.group()), text)


def cut(text: str, vocabulary: Vocabulary) -> list[Token]:
    """The tokens of a cleaned text."""
    pieces: list[_Piece] = []
    manners = [0, 0, 0, 0, 0]
    short = 0
    typed = vocabulary.typed
    for match in _TOKEN.finditer(text):
        piece = match.group()
        if piece[0].isalnum():
            known = typed.get(piece)
            form, manner = vocabulary.form_of(piece[:_LONGEST_TOKEN]) if known is None else known
            manners[manner] += 1
            short += len(form) < 3
        else:
            form = piece[0]
        pieces.append((*match.span(), form))
    strict = _uses_accents(manners)
    is_exact = strict or not vocabulary.has_accents
    if short > 2:
        pieces = _join_single_letters(pieces, vocabulary)
    found: list[Token] = []
    sentence = clause = 0
    remembered, new = vocabulary.remembered[strict], tuple.__new__  # the class's own way takes twice as long
    for start, end, form in pieces:
        if form[0].isalnum():
            for words, plain, shows_marks in remembered.get(form) or vocabulary.read(form, strict):
                found.append(new(Token, (start, end, sentence, clause, words, plain, is_exact or shows_marks)))
        else:
            clause += 1
            sentence += form != ","
    return found


def _uses_accents(manners: Sequence[int]) -> bool:
    """Is the text typed with its accents, so that a word without any has none? `manners`: how many words of each manner."""
    plain = manners[PLAIN] + manners[BARE]
    return manners[MARKED] >= plain and (manners[BARE] + manners[BARE_LETTER]) * _SLOPPY <= manners[MARKED]


def _join_single_letters(pieces: list[_Piece], vocabulary: Vocabulary) -> list[_Piece]:
    """Joins three or more letters typed apart ("s o s", "c ứ u") when together they are a word we know."""
    found: list[_Piece] = []
    run: list[_Piece] = []
    for piece in pieces:
        form = piece[2]
        if len(form) <= 2 and form[0].isalpha() and (len(form) == 1 or form[1] in letters.TONES):
            run.append(piece)
            continue
        if run:
            found.extend(_as_one(run, vocabulary))
            run = []
        found.append(piece)
    return found + _as_one(run, vocabulary)


def _as_one(run: list[_Piece], vocabulary: Vocabulary) -> list[_Piece]:
    if 3 <= len(run) <= _LONGEST_SPELLING:
        joined = "".join(form.rstrip(letters.TONES) for _, _, form in run)
        tone = next((form[-1] for _, _, form in run if form[-1] in letters.TONES), "")
        if vocabulary.has(letters.fold(joined)):
            return [(run[0][0], run[-1][1], joined + tone)]
    return run

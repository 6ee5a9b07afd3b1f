"""All words of the lexicon, and every way a token can stand for one of them.

What is written with accents is taken by its accents; what is written without may be any word that folds to it. Only a token
that is no Vietnamese syllable as typed is tried as Telex or VNI keys, chat spelling, words run together, or a slip.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from handlers.rules.reading import letters

NUMBERS = {"#": 10**9, "#<18": 18, "#<8": 8, "#<4": 4}  # a lexicon word that stands for any number below the bound
ABBREVIATION = "@"  # marks the lexicon word that stands for several words ("@công an" for what is typed as "ca")
_MOST_REMEMBERED = 20_000
# How a piece is typed: with marks, without, or without though it has some; or it is what parts two sentences or clauses.
MARKED, PLAIN, BARE, BARE_LETTER, SILENT, STOP, COMMA = range(7)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What one token (or one word of several run together) may be."""

    words: tuple[int, ...]
    plain: str  # as read, without accents; "cong an" for an abbreviation of two words, "#" for a number
    shows_marks: bool  # the writer gave its accents


@dataclass(slots=True, eq=False)
class Typed:
    """One piece of a text as somebody typed it. Its readings are worked out when first asked for: see `Vocabulary.read`."""

    form: str
    manner: int
    piece: str  # as typed; nothing for what is never remembered
    is_letter: bool  # one letter, with or without accents
    loose: tuple[Reading, ...] | None = None  # in a text that may lack its accents
    strict: tuple[Reading, ...] | None = None  # in one typed with them


class Vocabulary:
    """The words of the lexicon, numbered."""

    def __init__(
        self, words: Iterable[str], abbreviations: Mapping[str, tuple[str, ...]], *, has_accents: bool = True
    ) -> None:
        """`words` as the lexicon writes them; `abbreviations`: token as typed -> words (or `@words`) it may stand for.

        An abbreviation whose first meaning is the token itself is mostly just that word. `has_accents`: a language in which
        a word without accents may have lost them; otherwise every word is meant as it is typed.
        """
        self.has_accents = has_accents
        self.numbers: dict[str, int] = {}
        self._by_fold: dict[str, list[tuple[str, int]]] = {}
        self._plain_words: list[str] = []
        for word in sorted(set(words)):
            self._add(word)
        self._short: dict[str, tuple[int, ...]] = {}
        self._own = {letters.form_of(token) for token, meanings in abbreviations.items() if meanings[:1] == (token,)}
        for token, meanings in abbreviations.items():
            self._short[letters.form_of(token)] = tuple(self.numbers[word] for word in meanings if word in self.numbers)
        self._slips = self._slip_index()
        # What was typed before, so that a common word costs one look; only `typed_as` and `read` write here.
        self.typed: dict[str, Typed] = {}

    def _add(self, word: str) -> None:
        number = self.numbers[word] = len(self.numbers)
        folded = [letters.fold(letters.form_of(part)) for part in word.lstrip("#@<").split()]
        self._plain_words.append(" ".join(folded))
        if word[0] not in "#@":
            self._by_fold.setdefault(folded[0], []).append((letters.form_of(word), number))

    def _slip_index(self) -> dict[str, tuple[str, ...]]:
        """Every fold of four letters or more by each string it becomes when one letter is left out."""
        found: dict[str, list[str]] = {}
        for folded in self._by_fold:
            if len(folded) >= 4:
                for shorter in {folded[:at] + folded[at + 1 :] for at in range(len(folded))}:
                    found.setdefault(shorter, []).append(folded)
        return {shorter: tuple(folds) for shorter, folds in found.items()}

    def is_short(self, form: str) -> bool:
        """Is this an abbreviation of the lexicon?"""
        return form in self._short

    def has(self, folded: str) -> bool:
        """Does a word of the lexicon fold to this?"""
        return folded in self._by_fold

    def typed_as(self, piece: str) -> Typed:
        """What a piece of a text is: a word, a number, a comma, a full stop."""
        known = self.typed.get(piece)
        if known is None:
            known = self._comma_or_stop(piece) or self.of_form(letters.form_of(piece), piece)
            if self.is_short(known.form) or letters.is_syllable(letters.fold(known.form)):
                self._remember(known)  # a single syllable names nobody
        return known

    def of_form(self, form: str, piece: str = "") -> Typed:
        """The same for a form."""
        is_letter = len(form) <= 2 and form[0].isalpha() and (len(form) == 1 or form[1] in letters.TONES)
        return Typed(form, self._manner(form), piece, is_letter)

    def _comma_or_stop(self, piece: str) -> Typed | None:
        if piece[0].isalnum():
            return None
        found = Typed(piece[0], COMMA if piece[0] == "," else STOP, piece, False, (), ())
        if len(piece) == 1:
            self._remember(found)
        return found

    def _remember(self, typed: Typed) -> None:
        """Keeps what is the same for everybody: a dozen letters of a lexicon's word or a bare syllable, never a text.

        Bounded, and begun anew when full; nothing of it leaves the process.
        """
        if len(self.typed) >= _MOST_REMEMBERED:
            self.typed.clear()
        self.typed[typed.piece] = typed

    def _manner(self, form: str) -> int:
        if letters.is_marked(form):
            return MARKED
        if not form[0].isalpha():
            return SILENT
        if len(form) == 1:
            return BARE_LETTER if self.is_short(form) else SILENT
        return BARE if letters.needs_marks(form) else PLAIN

    def read(self, typed: Typed, strict: bool) -> tuple[Reading, ...]:
        """What a piece may be; several readings when it is words run together. `strict`: the text is typed with accents."""
        found = typed.strict if strict else typed.loose
        if found is None:
            found = self._read(typed.form, strict)
            if strict:
                typed.strict = found
            else:
                typed.loose = found
            # Beside single syllables only words of the lexicon are remembered: they name nobody.
            if typed.piece and found[0].words and not typed.form[0].isdigit():
                self._remember(typed)
        return found

    def _read(self, form: str, strict: bool) -> tuple[Reading, ...]:
        if form[0].isdigit():
            value = int(form) if form.isdecimal() and len(form) < 10 else 10**8
            names = (
                name for name, top in (*NUMBERS.items(), (form, value + 1)) if value < top and name in self.numbers
            )
            return (Reading(tuple(self.numbers[name] for name in names), "#", True),)
        shows = letters.shows_marks(form)
        words = self._meanings(form, strict)
        if not words and shows and len(form) > 4 and not letters.is_syllable(letters.fold(form)):
            parts = self._split(form)
            if parts:
                return tuple(Reading(part, self._plain_words[part[0]], False) for part in parts)
        return (Reading(words, self._plain(form, words), shows),)

    def _plain(self, form: str, words: tuple[int, ...]) -> str:
        """How a token reads without accents, also when it is in no phrase."""
        folded = letters.fold(form)
        if form in self._own:
            return folded
        if words and (form in self._short or self._plain_words[words[0]] != folded):
            return self._plain_words[words[0]]
        undone = folded if letters.is_syllable(folded) else letters.fold(letters.from_telex(form))
        return undone if letters.is_syllable(undone) else folded

    def _meanings(self, form: str, strict: bool) -> tuple[int, ...]:
        short = self._short.get(form, ())
        found = self._look_up(form, strict)
        if found or short:
            return tuple(dict.fromkeys((*short, *found)))
        if form in self._own:  # the table says it is a word like any other
            return ()
        squeezed, doubled = letters.squeeze(form)
        for attempt in (doubled, squeezed) if squeezed != form else ():
            if found := self._short.get(attempt, ()) + self._look_up(attempt, strict):
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
        has_digits = any(letter.isdigit() for letter in form)
        undone = letters.from_vni(form) if has_digits else letters.from_telex(form)
        if found := self._exact(undone) or self._look_up(undone, False):
            return found
        bare = letters.fold(undone)
        if (
            undone != form and form.isascii() and letters.is_syllable(bare)
        ):  # keys of a word we do not know, or nearly so
            near = self._by_fold.get(bare, ()) if len(bare) > 3 else ()
            return tuple(number for word, number in near if word[-1] == undone[-1])
        pairs = letters.squeeze_pairs(form)
        for attempt in (pairs, *letters.from_chat_spelling(form), *letters.from_chat_spelling(pairs)):
            if attempt and (found := self._exact(attempt) or self._look_up(attempt, False)):
                return found
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
            number
            for hit in sorted(hits)
            for word, number in self._by_fold[hit]
            if word[-1] == form[-1] or form.isascii()
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

    def _split(self, form: str) -> list[tuple[int, ...]]:
        """Words run together ("cứutôi"), all of them known, at most six; else nothing. Their tones cannot be placed."""
        ways: list[list[tuple[int, ...]] | None] = [[]] + [None] * len(form)
        for end in range(2, len(form) + 1):
            for begin in range(max(0, end - 7), end - 1):
                before = ways[begin]
                if before is None or len(before) >= 6 or not letters.is_syllable(letters.fold(form[begin:end])):
                    continue
                if words := self._look_up(form[begin:end].rstrip(letters.TONES), False):
                    best = ways[end]
                    if best is None or len(best) > len(before) + 1:
                        ways[end] = [*before, words]
        return ways[-1] or []

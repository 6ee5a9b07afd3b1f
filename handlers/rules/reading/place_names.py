"""Takes the names of places out of a text before it is read for danger: "em o Muong So" is an address, not *sợ*.

Folded names are full of the words of danger (Dào San: *dao*, Nậm Sỏ: *sợ*, Noong Hẻo: *nóng*), and everybody is asked where
she is. A name goes only where it can be nothing else: written with its accents, behind a word that leads to a place, or as all
there is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TypeAlias

from flows.findings import Finding
from handlers.rules.reading.items import LexiconError
from handlers.rules.reading.letters import fold, form_of, is_marked
from handlers.rules.reading.words import Tokens

_Name: TypeAlias = "tuple[tuple[str, ...], tuple[str, ...]]"  # syllables folded, and as they are written

LEADS = frozenset(
    (
        *("xa", "x", "phuong", "p", "ban", "thon", "to", "khu", "huyen", "h", "tinh", "thi", "tran", "tt", "tx", "tp"),
        *("thanh", "pho", "o", "tai", "que", "nha", "tu", "ve", "len", "den", "qua", "xuong", "ben", "gan"),
    )
)
"""Words before a name that make it a place: units, and where somebody is, comes from or goes to. Folded."""
LIGHT = frozenset(("da", "vang", "a", "em", "toi", "minh", "chau", "con", "o", "la"))
"""What may stand beside a name that is the whole answer. Folded."""


class PlaceNames:
    """The names of one province: communes of now and before, districts, villages."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        """Names of one syllable are left out: too many words are spelt like them."""
        self._begun: dict[str, dict[str, list[_Name]]] = {}  # first syllable -> second -> names, long ones first
        for name in {name.casefold(): name for name in names}.values():
            written = tuple(form_of(syllable) for syllable in name.split())
            folded = tuple(fold(form) for form in written)
            if len(folded) > 1:
                for spelt in dict.fromkeys(zip(_as_read(folded), _as_read(written), strict=True)):
                    first, second = spelt[0][:2]
                    self._begun.setdefault(first, {}).setdefault(second, []).append(spelt)
        for seconds in self._begun.values():
            for begun in seconds.values():
                begun.sort(key=lambda name: -len(name[0]))

    @classmethod
    def load(cls, file: str, content: bytes) -> PlaceNames:
        """From CSV: a header `name` and one name a line; raises `LexiconError` with the line."""
        try:
            lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), strict=True))
        except (ValueError, csv.Error):
            lines = []
        bad = next((number for number, line in enumerate(lines, 1) if len(line) != 1 or not line[0].strip()), 0)
        if lines[:1] != [["name"]] or bad:
            vi, en = "dòng đầu: name; mỗi dòng sau: một tên", "the first line: name; then one name a line"
            raise LexiconError([Finding(file, bad or 1, 1, "bad-places", vi, en)])
        return cls([line[0] for line in lines[1:]])

    def without(self, text: str, tokens: Tokens) -> Tokens:
        """The tokens of the cleaned text that belong to no place."""
        folded = [reading.plain for reading in tokens.readings]  # Telex and the like are read already
        begun = self._begun
        found: list[tuple[int, int, bool]] = []
        after = 0
        for at in [at for at, plain in enumerate(folded[:-1]) if plain in begun and folded[at + 1] in begun[plain]]:
            if at >= after:
                size, is_written = self._at(text, tokens, folded, at)
                if size:
                    after = at + size
                    found.append((at, after, is_written or (at > 0 and folded[at - 1] in LEADS)))
        if not found:
            return tokens
        inside = {at for start, end, _ in found for at in range(start, end)}
        alone = all(folded[at] in LIGHT | LEADS for at in range(len(tokens)) if at not in inside)
        gone = {at for start, end, is_sure in found if is_sure or alone for at in range(start, end)}
        return tokens.among([at for at in range(len(tokens)) if at not in gone]) if gone else tokens

    def _at(self, text: str, tokens: Tokens, folded: list[str], at: int) -> tuple[int, bool]:
        """How many tokens the longest name here has, and whether its accents say that it is one."""
        for name, written in self._begun[folded[at]][folded[at + 1]]:
            end = at + len(name)
            if tuple(folded[at:end]) != name:
                continue
            here = tuple([form_of(text[tokens.start(place) : tokens.end(place)]) for place in range(at, end)])
            if here == written:
                return len(name), any(is_marked(form) for form in written)
            if not any(_is_another(*syllable) for syllable in zip(here, written, name, strict=True)):
                return len(name), False
        return 0, False


def _as_read(syllables: tuple[str, ...]) -> list[tuple[str, ...]]:
    """How they may come: the "oo" of Noong is a Telex "ô" to whoever reads keys, or the seam of two words."""
    whole = " ".join(syllables)
    return [syllables, tuple(whole.replace("oo", "o").split()), tuple(whole.replace("oo", "o o").split())]


def _is_another(form: str, written: str, plain: str) -> bool:
    """Is this syllable written with other accents than the name's? Chat spelling ("thàg") is not another word."""
    return is_marked(form) and form != written and fold(form) == plain

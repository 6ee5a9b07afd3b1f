"""Whom she wants to talk with: recognised only when a message says nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flows.courtesy import Courtesy
from flows.manifest import Wishes
from flows.text import Phrasebook, key_of

WOMAN: Final = "woman"
ANOTHER: Final = "another"


class WishBook:
    """The wishes of all languages of a set."""

    __slots__ = ("_courtesy", "_wishes")

    def __init__(self, written: Iterable[Wishes] = ()) -> None:
        """From what the set and its languages write."""
        lists = list(written)
        self._wishes = Phrasebook(
            [(phrase, WOMAN) for one in lists for phrase in one.woman]
            + [(phrase, ANOTHER) for one in lists for phrase in one.another]
        )
        self._courtesy = Courtesy(
            [phrase for one in lists for phrase in one.before], [phrase for one in lists for phrase in one.after]
        )

    def find(self, text: str) -> str:
        """`WOMAN`, `ANOTHER`, or "" for anything else."""
        found = (self._wishes.find(words) for words in self._courtesy.left(key_of(text)))
        return next((wish for wish in found if wish is not None), "")

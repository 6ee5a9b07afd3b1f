"""Whom she wants to talk with: recognised only when a message says nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from flows.courtesy import Courtesy
from flows.manifest import Wishes
from flows.text import Phrasebook, key_of

WOMAN: Final = "woman"
ANOTHER: Final = "another"


class WishBook:
    """The wishes of all languages of a set."""

    __slots__ = ("_courtesy", "_lengths", "_phrases", "_wishes")

    def __init__(self, written: Iterable[Wishes] = ()) -> None:
        """From what the set and its languages write."""
        lists = list(written)
        meant = [(phrase, WOMAN) for one in lists for phrase in one.woman]
        meant += [(phrase, ANOTHER) for one in lists for phrase in one.another]
        self._wishes = Phrasebook(meant)
        self._courtesy = Courtesy(
            [phrase for one in lists for phrase in one.before], [phrase for one in lists for phrase in one.after]
        )
        wishes = [words for phrase, _ in meant if (words := key_of(phrase).folded.split())]
        self._phrases = {" ".join(words) for words in wishes}
        self._lengths = {words[0]: {len(each) for each in wishes if each[0] == words[0]} for words in wishes}

    def find(self, text: str) -> str:
        """`WOMAN`, `ANOTHER`, or "" for anything else."""
        whole = key_of(text)
        if not self._may_hold_one(whole.folded.split()):
            return ""
        found = (self._wishes.find(words) for words in self._courtesy.left(whole))
        return next((wish for wish in found if wish is not None), "")

    def _may_hold_one(self, words: Sequence[str]) -> bool:
        """Do the letters of a wish stand in it at all? Every message is asked, and hardly one of them holds one."""
        return any(
            " ".join(words[begin : begin + length]) in self._phrases
            for begin, word in enumerate(words)
            for length in self._lengths.get(word, ())
        )

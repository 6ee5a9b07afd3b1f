"""Whom she wants to talk with: recognised only when a message says nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from flows.manifest import Wishes
from flows.text import Key, Phrasebook, key_of

WOMAN: Final = "woman"
ANOTHER: Final = "another"


class WishBook:
    """The wishes of all languages of a set."""

    __slots__ = ("_after", "_before", "_wishes")

    def __init__(self, written: Iterable[Wishes] = ()) -> None:
        """From what the set and its languages write."""
        lists = list(written)
        self._wishes = Phrasebook(
            [(phrase, WOMAN) for one in lists for phrase in one.woman]
            + [(phrase, ANOTHER) for one in lists for phrase in one.another]
        )
        self._before = _keys(phrase for one in lists for phrase in one.before)
        self._after = _keys(phrase for one in lists for phrase in one.after)

    def find(self, text: str) -> str:
        """`WOMAN`, `ANOTHER`, or "" for anything else."""
        whole = key_of(text)
        left, seen = [(0, len(whole.tones))], {(0, len(whole.tones))}
        while left:  # the whole message first, then with less and less courtesy around it
            begin, end = left.pop(0)
            found = self._wishes.find(_part(whole, begin, end))
            if found is not None:
                return found
            shorter = [span for span in self._shorter(whole, begin, end) if span not in seen]
            left += shorter
            seen.update(shorter)
        return ""

    def _shorter(self, whole: Key, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The same words without one phrase of courtesy at the beginning or at the end."""
        for phrase in self._before:
            cut = begin + len(phrase.tones)
            if cut < end and _part(whole, begin, cut).agrees_with(phrase):
                yield cut, end
        for phrase in self._after:
            cut = end - len(phrase.tones)
            if begin < cut and _part(whole, cut, end).agrees_with(phrase):
                yield begin, cut


def _keys(phrases: Iterable[str]) -> tuple[Key, ...]:
    return tuple(dict.fromkeys(key for key in map(key_of, phrases) if key.folded))


def _part(key: Key, begin: int, end: int) -> Key:
    """The words from `begin` up to `end`."""
    words = key.folded.split(" ")
    at = sum(len(word) + 1 for word in words[:begin])
    folded = " ".join(words[begin:end])
    return Key(folded, key.tones[begin:end], key.shapes[at : at + len(folded)])

"""Whom she wants to talk with: recognised only when a message says nothing else."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from flows.manifest import Wishes
from flows.text import Key, Phrasebook, key_of

WOMAN: Final = "woman"
ANOTHER: Final = "another"


class _Words:
    """The words of a message, each part of it at hand without going through the message again."""

    __slots__ = ("_at", "_key", "words")

    def __init__(self, key: Key) -> None:
        self._key = key
        self.words = key.folded.split()
        self._at = [0, *accumulate(len(word) + 1 for word in self.words)]

    def part(self, begin: int, end: int) -> Key:
        """The words from `begin` up to `end`, at least one."""
        start, stop = self._at[begin], self._at[end] - 1
        return Key(self._key.folded[start:stop], self._key.tones[begin:end], self._key.shapes[start:stop])


class WishBook:
    """The wishes of all languages of a set."""

    __slots__ = ("_after", "_before", "_lengths", "_phrases", "_wishes")

    def __init__(self, written: Iterable[Wishes] = ()) -> None:
        """From what the set and its languages write."""
        lists = list(written)
        meant = [(phrase, WOMAN) for one in lists for phrase in one.woman]
        meant += [(phrase, ANOTHER) for one in lists for phrase in one.another]
        self._wishes = Phrasebook(meant)
        wishes = [key.folded.split() for key in _keys(phrase for phrase, _ in meant)]
        self._phrases = {" ".join(words) for words in wishes}
        self._lengths = {words[0]: {len(each) for each in wishes if each[0] == words[0]} for words in wishes}
        # By the word each begins with, and by the word each ends with.
        self._before = _by_word((phrase for one in lists for phrase in one.before), 0)
        self._after = _by_word((phrase for one in lists for phrase in one.after), -1)

    def find(self, text: str) -> str:
        """`WOMAN`, `ANOTHER`, or "" for anything else."""
        whole = _Words(key_of(text))
        if not self._may_hold_one(whole.words):
            return ""
        left = deque([(0, len(whole.words))])
        seen = set(left)
        while left:  # the whole message first, then with less and less courtesy around it
            begin, end = left.popleft()
            found = self._wishes.find(whole.part(begin, end))
            if found is not None:
                return found
            shorter = [span for span in self._shorter(whole, begin, end) if span not in seen]
            left += shorter
            seen.update(shorter)
        return ""

    def _may_hold_one(self, words: Sequence[str]) -> bool:
        """Do the letters of a wish stand in it at all? Every message is asked, and hardly one of them holds one."""
        return any(
            " ".join(words[begin : begin + length]) in self._phrases
            for begin, word in enumerate(words)
            for length in self._lengths.get(word, ())
        )

    def _shorter(self, whole: _Words, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The same words without one phrase of courtesy at the beginning or at the end."""
        for phrase in self._before.get(whole.words[begin], ()):
            cut = begin + len(phrase.tones)
            if cut < end and whole.part(begin, cut).agrees_with(phrase):
                yield cut, end
        for phrase in self._after.get(whole.words[end - 1], ()):
            cut = end - len(phrase.tones)
            if begin < cut and whole.part(cut, end).agrees_with(phrase):
                yield begin, cut


def _keys(phrases: Iterable[str]) -> tuple[Key, ...]:
    return tuple(dict.fromkeys(key for key in map(key_of, phrases) if key.folded))


def _by_word(phrases: Iterable[str], place: int) -> dict[str, list[Key]]:
    found: dict[str, list[Key]] = {}
    for key in _keys(phrases):
        found.setdefault(key.folded.split()[place], []).append(key)
    return found

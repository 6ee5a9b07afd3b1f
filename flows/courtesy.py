"""A message without the words of courtesy around it: "dạ thôi ạ, cảm ơn chị" says *thôi*."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import accumulate

from flows.text import Key, key_of


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


class Courtesy:
    """Phrases that may stand before or behind what a message says."""

    __slots__ = ("_after", "_before")

    def __init__(self, before: Iterable[str] = (), after: Iterable[str] = ()) -> None:
        """The phrases as people write them."""
        # By the word each begins with, and by the word each ends with.
        self._before, self._after = _by_word(before, 0), _by_word(after, -1)

    def left(self, whole: Key) -> Iterator[Key]:
        """The whole message first, then what is left with less and less courtesy around it; never nothing."""
        words = _Words(whole)
        spans = deque([(0, len(words.words))] if words.words else [])
        seen = set(spans)
        while spans:
            begin, end = spans.popleft()
            yield words.part(begin, end)
            shorter = [span for span in self._shorter(words, begin, end) if span not in seen]
            spans += shorter
            seen.update(shorter)

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


def part(key: Key, begin: int, end: int) -> Key:
    """The words from `begin` up to `end`, at least one."""
    return _Words(key).part(begin, end)


def _by_word(phrases: Iterable[str], place: int) -> dict[str, list[Key]]:
    found: dict[str, list[Key]] = {}
    for key in dict.fromkeys(key for key in map(key_of, phrases) if key.folded):
        found.setdefault(key.folded.split()[place], []).append(key)
    return found

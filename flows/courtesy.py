"""A message without the words of courtesy around it: "dạ thôi ạ, cảm ơn chị" says *thôi*."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flows.text import Key, key_of


class Courtesy:
    """Phrases that may stand before or behind what a message says."""

    __slots__ = ("_after", "_before")

    def __init__(self, before: Iterable[str] = (), after: Iterable[str] = ()) -> None:
        """The phrases as people write them."""
        self._before, self._after = _keys(before), _keys(after)

    def left(self, whole: Key) -> Iterator[Key]:
        """The whole message first, then what is left with less and less courtesy around it; never nothing."""
        spans = [(0, len(whole.tones))]
        seen = set(spans)
        while spans:
            begin, end = spans.pop(0)
            yield part(whole, begin, end)
            shorter = [span for span in self._shorter(whole, begin, end) if span not in seen]
            spans += shorter
            seen.update(shorter)

    def _shorter(self, whole: Key, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The same words without one phrase of courtesy at the beginning or at the end."""
        for phrase in self._before:
            cut = begin + len(phrase.tones)
            if cut < end and part(whole, begin, cut).agrees_with(phrase):
                yield cut, end
        for phrase in self._after:
            cut = end - len(phrase.tones)
            if begin < cut and part(whole, cut, end).agrees_with(phrase):
                yield begin, cut


def part(key: Key, begin: int, end: int) -> Key:
    """The words from `begin` up to `end`."""
    words = key.folded.split(" ")
    at = sum(len(word) + 1 for word in words[:begin])
    folded = " ".join(words[begin:end])
    return Key(folded, key.tones[begin:end], key.shapes[at : at + len(folded)])


def _keys(phrases: Iterable[str]) -> tuple[Key, ...]:
    return tuple(dict.fromkeys(key for key in map(key_of, phrases) if key.folded))

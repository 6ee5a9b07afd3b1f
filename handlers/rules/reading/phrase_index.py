"""All phrases of all groups in one tree of words, so that one walk over a text finds every phrase in it."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from handlers.rules.reading.vocabulary import ABBREVIATION, Vocabulary

ROLES = ("negators", "bridges", "fillers", "openers")  # groups with a fixed meaning for the reading itself
NEGATOR, BRIDGE, FILLER, OPENER, MASK, NEGATABLE = (1 << at for at in range(6))  # what groups are for, as bits
END = -1  # the key of a tree node under which stands which groups a phrase ends for, an `Ending`
Phrase: TypeAlias = "tuple[str, ...]"
Trie: TypeAlias = "dict[int, Any]"  # word -> next node


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Some groups: the numbers of those that patterns name, the names of those that may carry points, what they are for. The
    same groups are one object, so that what is known of it is found by the object itself.
    """

    mask: int  # of those that have a bit: see `index_phrases`
    numbers: frozenset[int]
    names: tuple[str, ...]
    roles: int


NOTHING = Groups(0, frozenset(), (), 0)


class Ending(NamedTuple):
    """The groups of a phrase: however it is spelled, and when it is written with its accents."""

    loose: Groups
    exact: Groups


@dataclass(slots=True)
class Group:
    """A named set of phrases.

    `negatable`: a denial before it takes it away. `mask`: hides shorter phrases inside it. `careful`: it can play danger
    down, so a single word of it counts only as written with its accents ("mơ" is not seen in "mo"). `people`: names
    somebody, which alone makes no act more certain.
    """

    name: str
    phrases: list[tuple[Phrase, bool]] = field(default_factory=list)  # (words, counts only as written with accents)
    includes: list[str] = field(default_factory=list)
    negatable: bool = False
    careful: bool = False
    mask: bool = False
    people: bool = False


def index_phrases(
    groups: Mapping[str, Group],
    numbers: Mapping[str, int],
    abbreviations: Mapping[str, Sequence[Phrase]],
    in_patterns: Container[str],
    bits: Mapping[int, int],
    *,
    has_accents: bool = True,
) -> tuple[Vocabulary, Trie]:
    """The vocabulary of all groups and the tree of their phrases; `numbers` names the groups in the tree, `bits` says which bit
    of a mask stands for which of them.
    """
    short: dict[str, tuple[str, ...]] = {}
    longer: dict[Phrase, str] = {}
    for token, meanings in abbreviations.items():
        short[token] = tuple(_name(meaning) for meaning in meanings)
        longer.update({meaning: _name(meaning) for meaning in meanings if len(meaning) > 1})
    holders = _holders(groups)
    by_first: dict[str, list[tuple[Phrase, str]]] = {}
    for meaning, name in longer.items():
        by_first.setdefault(meaning[0], []).append((meaning, name))
    phrases = [
        (way, exact or (group.careful and len(words) == 1), tuple(numbers[name] for name in holders[group.name]))
        for group in groups.values()
        for words, exact in group.phrases
        for way in _with_abbreviations(words, by_first)
    ]
    words_of_phrases = {word for words, _, _ in phrases for word in words}
    vocabulary = Vocabulary(words_of_phrases, short, has_accents=has_accents)
    trie: Trie = {}
    for words, exact, held_by in phrases:
        node = trie
        for word in words:
            node = node.setdefault(vocabulary.numbers[word], {})
        node.setdefault(END, []).append((exact, held_by))
    known = {
        number: _Known(name, _roles(groups[name]), name in in_patterns, 1 << bits[number] if number in bits else 0)
        for name, number in numbers.items()
    }
    _seal(trie, known, {frozenset(): NOTHING})
    return vocabulary, trie


def _roles(group: Group) -> int:
    own = 1 << ROLES.index(group.name) if group.name in ROLES else 0
    return own | MASK * group.mask | NEGATABLE * group.negatable


def group_weights(groups: Mapping[str, Group]) -> Iterator[float]:
    """How often each group may be met: how many phrases it has, with those of the groups it includes, long ones counting less."""
    for group in groups.values():
        reached = [group.name]
        for name in reached:
            reached.extend(other for other in groups[name].includes if other not in reached)
        yield sum(8.0 ** (1 - len(words)) for name in reached for words, _ in groups[name].phrases)


class _Known(NamedTuple):
    """A group, as a tree node needs it."""

    name: str
    roles: int
    in_patterns: bool
    mask: int


def _seal(node: Trie, known: Mapping[int, _Known], made: dict[frozenset[int], Groups]) -> None:
    """Turns what each ending collected into an `Ending`; `made`: what was made of which groups before."""
    for word, below in node.items():
        if word != END:
            _seal(below, known, made)
    if END in node:
        loose = frozenset([group for exact, groups in node[END] if not exact for group in groups])
        every = loose.union(*[groups for _, groups in node[END]])
        for numbers in (loose, every):
            if numbers not in made:
                made[numbers] = _groups(numbers, known)
        node[END] = Ending(made[loose], made[every])


def _groups(numbers: frozenset[int], known: Mapping[int, _Known]) -> Groups:
    mask = roles = 0
    names = []
    for number in sorted(numbers):
        group = known[number]
        mask |= group.mask
        roles |= group.roles
        if group.name[0] != "=" and group.name not in ROLES:
            names.append(group.name)
    return Groups(mask, frozenset([number for number in numbers if known[number].in_patterns]), tuple(names), roles)


def _name(meaning: Phrase) -> str:
    return meaning[0] if len(meaning) == 1 else ABBREVIATION + " ".join(meaning)


def _holders(groups: Mapping[str, Group]) -> dict[str, list[str]]:
    """For each group: itself and every group that includes it, directly or not."""
    parents: dict[str, list[str]] = {name: [] for name in groups}
    for group in groups.values():
        for name in group.includes:
            parents[name].append(group.name)
    found: dict[str, list[str]] = {}
    for name in groups:
        reached = [name]
        for other in reached:
            reached.extend(parent for parent in parents[other] if parent not in reached)
        found[name] = reached
    return found


def _with_abbreviations(words: Phrase, by_first: Mapping[str, Sequence[tuple[Phrase, str]]]) -> Iterator[Phrase]:
    """The phrase itself, and with each meaning of several words (found by its first word) replaced by its abbreviation."""
    yield words
    for at, word in enumerate(words):
        for meaning, name in by_first.get(word, ()):
            if words[at : at + len(meaning)] == meaning:
                yield (*words[:at], name, *words[at + len(meaning) :])

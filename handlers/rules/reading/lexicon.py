"""What a lexicon is once it is read: patterns of word groups, signs, and the rules of the triage guideline.

A *group* is a named list of phrases (`<hit>`: đánh, đấm, …). A *pattern* is a row of groups and plain words with room
between them (`..` up to 3 words, `...` up to 8). A *sign* is a list of patterns. A *rule* of the triage guideline says
which signs together deserve which severity and category; a *guard* is a sign that switches off every rule of a severity
(fiction, an impersonal question) except rules written `despite` it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flows.severity import Severity
from handlers.rules.reading.phrase_index import END, NOTHING, Groups, Trie
from handlers.rules.reading.vocabulary import Vocabulary

CATEGORIES = (
    "dv_physical", "dv_psych_econ", "sexual_violence", "child_abuse", "trafficking_forced_marriage", "workplace_harassment",
    "digital_abuse", "stalking_harassment", "suicide_self_harm", "perpetrator_help", "perpetrator_probe", "unspecified_sos",
    "other_emergency", "other_distress", "info_request", "unrelated",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pattern:
    """Groups in order; `gaps[i]` is how many words may stand before element i."""

    sign: int
    elements: tuple[int, ...]
    gaps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """If every entry of `all_of` (a bit mask: any of these signs) holds and no sign of `none_of` does, then this severity."""

    code: str
    severity: Severity
    category: str
    sign: str
    all_of: tuple[int, ...]
    none_of: int


@dataclass(frozen=True, slots=True)
class Derived:
    """A sign of the whole text that follows from others: it holds when all of `all_of` and none of `none_of` hold."""

    sign: int
    all_of: tuple[int, ...]
    none_of: int


_MOST_STEPS = 100_000  # remembered; then the lexicon begins anew, so that no flood of odd texts fills the memory


@dataclass(frozen=True, slots=True)
class Step:
    """How far into the tree of phrases some tokens in a row lead: the groups whose phrases end here, loosely or written with
    their accents, and what may follow. Worked out once for each row of words; `then` knows those that came before.
    """

    loose: Groups
    exact: Groups
    nodes: tuple[Trie, ...]
    then: dict[tuple[int, ...], Step | None] = field(default_factory=dict)


NOT_KNOWN = Step(NOTHING, NOTHING, ())
"""Stands for a step that nobody has taken yet, where nothing would mean that none leads on."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything the matching needs, with names resolved to numbers."""

    vocabulary: Vocabulary
    trie: Trie
    group_numbers: Mapping[str, int]
    people: frozenset[int]  # groups that name somebody
    patterns: tuple[Pattern, ...]
    sign_names: tuple[str, ...]
    possible: int  # the sign that the points find a text possibly an emergency
    derived: tuple[Derived, ...]  # in the order they are worked out
    rules: tuple[Rule, ...]
    group_weights: tuple[float, ...]  # how often each group may be met
    group_bits: Mapping[int, int]  # see `group_bits`
    # rarest element -> its patterns: number, and the other elements as a bit mask
    patterns_by_group: Mapping[int, list[tuple[int, int]]] = field(init=False)
    rules_by_sign: Mapping[int, tuple[int, ...]] = field(init=False)  # sign -> rules whose first condition it meets
    rules_without: tuple[int, ...] = field(init=False)  # rules without a condition
    openings: dict[tuple[int, ...], Step] = field(default_factory=dict)  # see `opening`
    steps: list[int] = field(default_factory=lambda: [0])  # how many are remembered
    patterns_of: dict[Groups, tuple[tuple[int, int], ...]] = field(default_factory=dict)  # see `_patterns_of`
    unions: dict[tuple[Groups, Groups], Groups] = field(default_factory=dict)  # few words share a spelling

    def __post_init__(self) -> None:
        by_group: dict[int, list[tuple[int, int]]] = {}
        for number, pattern in enumerate(self.patterns):
            rarest, *others = _rarest_first(pattern, self.group_weights)
            by_group.setdefault(rarest, []).append((number, sum(1 << self.group_bits[other] for other in others)))
        by_sign: dict[int, list[int]] = {}
        for number, rule in enumerate(self.rules):
            for sign in range(rule.all_of[0].bit_length() if rule.all_of else 0):
                if rule.all_of[0] >> sign & 1:
                    by_sign.setdefault(sign, []).append(number)
        without = tuple(number for number, rule in enumerate(self.rules) if not rule.all_of)
        object.__setattr__(self, "patterns_by_group", by_group)
        object.__setattr__(self, "rules_by_sign", {key: tuple(numbers) for key, numbers in by_sign.items()})
        object.__setattr__(self, "rules_without", without)

    def opening(self, words: tuple[int, ...]) -> Step:
        """What begins with a token that may be any of these words."""
        known = self.openings.get(words)
        if known is None:
            known = self._step([self.trie[word] for word in words if word in self.trie])
            self._make_room()
            self.openings[words] = known
        return known

    def step(self, before: Step, words: tuple[int, ...]) -> Step | None:
        """Where a token that may be any of these words leads from there; nothing if no phrase goes on so."""
        self._make_room()
        nodes = [node[word] for word in words for node in before.nodes if word in node]
        found = before.then[words] = self._step(nodes) if nodes else None
        return found

    def _make_room(self) -> None:
        """Before one more step is remembered: forgets all of them when they are too many."""
        if self.steps[0] >= _MOST_STEPS:
            self.openings.clear()
            self.steps[0] = 0
        self.steps[0] += 1

    def _step(self, nodes: Sequence[Trie]) -> Step:
        loose = exact = NOTHING
        for node in nodes:
            if END in node:
                loose, exact = self.both(loose, node[END].loose), self.both(exact, node[END].exact)
        return Step(loose, exact, tuple(nodes))

    def both(self, one: Groups, other: Groups) -> Groups:
        """The groups of two words that one token may be; the same two always give the same value."""
        if one is NOTHING or one is other:
            return other
        if other is NOTHING:
            return one
        key = (one, other)
        union = self.unions.get(key)
        if union is None:
            names = one.names + tuple(name for name in other.names if name not in one.names)
            union = self.unions[key] = Groups(
                one.mask | other.mask,
                one.numbers | other.numbers,
                names,
                one.roles | other.roles,
            )
        return union

    def patterns_among(self, found: Iterable[Groups]) -> list[Pattern]:
        """The patterns that may hold, in the lexicon's order: all their groups are among those found, and no pattern of the
        same sign holds for certain before them.
        """
        kinds = set(found)
        present = 0
        known = self.patterns_of
        for groups in kinds:
            present |= groups.mask
            if groups not in known:
                known[groups] = self._patterns_of(groups)
        near = {number for groups in kinds for number, others in known[groups] if others & present == others}
        patterns = self.patterns
        kept: list[Pattern] = []
        certain = -1
        for number in sorted(near):
            pattern = patterns[number]
            if pattern.sign != certain:
                kept.append(pattern)
                if len(pattern.elements) == 1:
                    certain = pattern.sign
        return kept

    def _patterns_of(self, groups: Groups) -> tuple[tuple[int, int], ...]:
        """The patterns whose rarest group is one of these: number, and the other groups as a bit mask."""
        return tuple({key for group in groups.numbers for key in self.patterns_by_group.get(group, ())})

    def rules_among(self, signs: Iterable[int]) -> list[Rule]:
        """The rules that these signs can fulfil, in the lexicon's order."""
        near = set(self.rules_without)
        by_sign = self.rules_by_sign
        for sign in signs:
            if sign in by_sign:
                near.update(by_sign[sign])
        return [self.rules[number] for number in sorted(near)]


def _rarest_first(pattern: Pattern, weights: Sequence[float]) -> list[int]:
    return sorted(set(pattern.elements), key=weights.__getitem__)


def group_bits(patterns: Iterable[Pattern], weights: Sequence[float]) -> dict[int, int]:
    """Which bit of a mask stands for which group: a pattern is looked at when its rarest group is met, and masks say whether
    the others are. The commonest come first, so that masks stay short.
    """
    others = {group for pattern in patterns for group in _rarest_first(pattern, weights)[1:]}
    return {group: bit for bit, group in enumerate(sorted(others, key=lambda group: (-weights[group], group)))}

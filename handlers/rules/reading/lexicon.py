"""What a lexicon is once it is read: patterns of word groups, signs, and the rules of the triage guideline.

A *group* is a named list of phrases (`<hit>`: đánh, đấm, …). A *pattern* is a row of groups and plain words with room
between them (`..` up to 3 words, `...` up to 8). A *sign* is a list of patterns. A *rule* of the triage guideline says
which signs together deserve which severity and category; a *guard* is a sign that switches off every rule of a severity
(fiction, an impersonal question) except rules written `despite` it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flows.severity import Severity
from handlers.rules.reading.phrase_index import Groups, Trie
from handlers.rules.reading.vocabulary import Vocabulary

CATEGORIES = (
    "dv_physical", "dv_psych_econ", "sexual_violence", "child_abuse", "trafficking_forced_marriage", "workplace_harassment",
    "digital_abuse", "stalking_harassment", "suicide_self_harm", "perpetrator_help", "perpetrator_probe", "unspecified_sos",
    "other_emergency", "other_distress", "info_request", "unrelated",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pattern:
    """Groups in order; `gaps[i]` is how many words may stand before element i; `needs` the bit mask of its groups."""

    sign: int
    elements: tuple[int, ...]
    gaps: tuple[int, ...]
    needs: int


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


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything the matching needs, with names resolved to numbers."""

    vocabulary: Vocabulary
    trie: Trie
    group_numbers: Mapping[str, int]
    negatable: int  # bit mask of groups that a denial takes away
    masks: int  # bit mask of groups that hide shorter phrases
    people: int  # bit mask of groups that name somebody
    patterns: tuple[Pattern, ...]
    sign_names: tuple[str, ...]
    possible: int  # the sign that the points find a text possibly an emergency
    derived: tuple[Derived, ...]  # in the order they are worked out
    rules: tuple[Rule, ...]
    patterns_by_group: Mapping[int, tuple[int, ...]] = field(init=False)  # first element -> numbers of its patterns
    rules_by_sign: Mapping[int, tuple[int, ...]] = field(init=False)  # sign -> rules whose first condition it meets
    rules_without: tuple[int, ...] = field(init=False)  # rules without a condition
    unions: dict[tuple[int, int], Groups] = field(default_factory=dict)  # worked out once: few words share a spelling

    def __post_init__(self) -> None:
        by_group: dict[int, list[int]] = {}
        for number, pattern in enumerate(self.patterns):
            by_group.setdefault(pattern.elements[0], []).append(number)
        by_sign: dict[int, list[int]] = {}
        for number, rule in enumerate(self.rules):
            for sign in range(rule.all_of[0].bit_length() if rule.all_of else 0):
                if rule.all_of[0] >> sign & 1:
                    by_sign.setdefault(sign, []).append(number)
        without = tuple(number for number, rule in enumerate(self.rules) if not rule.all_of)
        object.__setattr__(self, "patterns_by_group", {key: tuple(numbers) for key, numbers in by_group.items()})
        object.__setattr__(self, "rules_by_sign", {key: tuple(numbers) for key, numbers in by_sign.items()})
        object.__setattr__(self, "rules_without", without)

    def patterns_among(self, present: int, groups: Iterable[int]) -> list[Pattern]:
        """The patterns all of whose groups are in the mask `present` (`groups` are its bits), in the lexicon's order."""
        near = sorted({number for group in groups for number in self.patterns_by_group.get(group, ())})
        patterns = self.patterns
        return [patterns[number] for number in near if patterns[number].needs & present == patterns[number].needs]

    def rules_among(self, present: int) -> list[Rule]:
        """The rules that the signs in the mask `present` can fulfil, in the lexicon's order."""
        near = set(self.rules_without)
        left = present
        while left:
            lowest = left & -left
            near.update(self.rules_by_sign.get(lowest.bit_length() - 1, ()))
            left ^= lowest
        return [self.rules[number] for number in sorted(near)]

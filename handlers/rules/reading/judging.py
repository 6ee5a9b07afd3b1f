"""From signs to a judgement: which rules hold, which words carry them, what the main harm is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flows.severity import Severity
from handlers.rules.reading.lexicon import CATEGORIES, Lexicon, Rule
from handlers.rules.reading.matching import Hit

UNRELATED = "unrelated"
_SELF_HARM, _CHILD = "suicide_self_harm", "child_abuse"
# a child's case keeps these categories of its own (guideline, "Two categories fit?")
_KEPT_FOR_CHILDREN = frozenset(
    {"trafficking_forced_marriage", "digital_abuse", "perpetrator_probe", "perpetrator_help"}
)
# acts that say more than the blows and threats that come with them
_TELLING = frozenset({"sexual_violence", "trafficking_forced_marriage", "digital_abuse", "stalking_harassment"})
_SOFT = frozenset(
    {"unspecified_sos", "other_emergency", "other_distress", "info_request", UNRELATED}
)  # only when nothing firmer is known


class Held(NamedTuple):
    """A rule that holds, and the hits that carry it."""

    rule: Rule
    hits: tuple[Hit, ...]
    severity: Severity

    @property
    def at(self) -> int:
        """The first token that carries it."""
        return min((hit.start for hit in self.hits), default=0)


def rules_that_hold(lexicon: Lexicon, hits: Sequence[Hit]) -> list[Held]:
    """All rules that hold for the signs found in a text, the most urgent first.

    An emergency of which every sign is a guess (short words without accents) needs the points as a second witness; without
    it, it is urgent.
    """
    by_sign: dict[int, list[Hit]] = {}
    present = 0
    for hit in hits:
        by_sign.setdefault(hit.sign, []).append(hit)
        present |= 1 << hit.sign
    signs = set(by_sign)
    for derived in lexicon.derived:
        if not present & derived.none_of and _meets_all(present, derived.all_of):
            present |= 1 << derived.sign
            signs.add(derived.sign)
    is_possible = lexicon.possible in by_sign
    held = []
    for rule in lexicon.rules_among(signs):
        if not present & rule.none_of and _meets_all(present, rule.all_of):
            carriers = tuple([hit for mask in rule.all_of for hit in _carriers(by_sign, mask & present)])
            severity = rule.severity
            if (
                severity is Severity.EMERGENCY
                and carriers
                and not is_possible
                and all(hit.is_guess for hit in carriers)
            ):
                severity = Severity.URGENT
            held.append(Held(rule, carriers, severity))
    return sorted(held, key=lambda one: -one.severity.rank)


def _meets_all(present: int, masks: Sequence[int]) -> bool:
    """Is a sign of each mask present?"""
    return not [mask for mask in masks if not mask & present]


def _carriers(by_sign: Mapping[int, list[Hit]], mask: int) -> list[Hit]:
    """The hits of the first sign in the text among those of the mask; a derived sign has no words of its own."""
    best: list[Hit] = []
    while mask:
        lowest = mask & -mask
        mask ^= lowest
        hits = by_sign.get(lowest.bit_length() - 1)
        if hits and (not best or hits[0].start < best[0].start):
            best = hits
    return best


def main_category(held: Sequence[Held], top: Severity) -> str:
    """The main harm among the rules that hold, by the guideline's order; rules without a category take that of others."""
    named = [one for one in held if one.rule.category in CATEGORIES and one.severity is not Severity.NONE]
    highest = [one for one in named if one.severity is top]
    if top.rank <= Severity.INFO.rank:
        return highest[0].rule.category if highest else UNRELATED
    firm = [one for one in highest if one.rule.category not in _SOFT]
    firm = [one for one in firm if one.rule.category in _TELLING] or firm
    if not firm and any(one.rule.category == "other_emergency" for one in highest):
        return "other_emergency"
    firm = firm or [one for one in named if one.rule.category not in _SOFT] or _hints(held) or highest or named
    if not firm:
        return "unspecified_sos"
    chosen = min(firm, key=lambda one: (-one.severity.rank, one.at)).rule.category
    if top.rank >= Severity.URGENT.rank and _SELF_HARM in {one.rule.category for one in highest}:
        return _SELF_HARM
    if chosen not in _KEPT_FOR_CHILDREN and any(one.rule.category == _CHILD for one in named):
        return _CHILD
    return chosen


def _hints(held: Sequence[Held]) -> list[Held]:
    """Rules of severity none only say which kind a text is when nothing else does; not against a bare cry for help."""
    if any(one.rule.category in _SOFT and one.severity is not Severity.NONE for one in held):
        return []
    return [one for one in held if one.severity is Severity.NONE][:1]

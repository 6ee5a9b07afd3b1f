"""The danger check of every text: how urgent, what kind, and which words say so. Offline, in process, no clock, no I/O.

What is dangerous stands in the lexicon (`flows/content/lexicon/`), which admins own; this module reads a text with it and
applies the rules of the triage guideline: the highest rule that holds wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flows.severity import Severity
from handlers.rules.reading.lexicon import CATEGORIES, Lexicon, Rule, load_lexicon
from handlers.rules.reading.matching import Hit, find_signs
from handlers.rules.reading.words import Token, clean

FOLDER = "lexicon/"  # where the lexicon stands in a content set
_WINDOW = 400  # tokens read together; longer texts are read in windows, so the work grows with the length only
_OVERLAP = 60
_LONGEST_QUOTE = 120  # characters of a sign's words
_KEPT_FOR_CHILDREN = frozenset({"trafficking_forced_marriage", "digital_abuse", "perpetrator_probe", "perpetrator_help"})
_SOFT = frozenset({"unspecified_sos", "other_distress", "info_request", "unrelated"})
_RETRACTION, _PLACE_PROBE = "retraction", "place_probe"


@dataclass(frozen=True, slots=True)
class Sign:
    """One reason of a verdict. `words` is a piece of the person's text: for staff of the case only, sealed, never logged."""

    name: str  # weapon, strangling, place_probe …
    words: str
    rule: str  # rule of the triage guideline: E1 … N4


@dataclass(frozen=True, slots=True)
class Verdict:
    """What screening makes of one text."""

    severity: Severity
    category: str
    signs: tuple[Sign, ...] = ()
    is_retraction: bool = False  # she takes it back in this text; whether that changes anything is for the host to decide
    is_place_probe: bool = False  # somebody asks where a person or a shelter is, or whether someone wrote

    def to_json(self) -> dict[str, object]:
        """The verdict as JSON values, as the command line prints it."""
        signs = [{"name": sign.name, "words": sign.words, "rule": sign.rule} for sign in self.signs]
        return {"severity": self.severity.value, "category": self.category, "signs": signs}


@dataclass(frozen=True, slots=True)
class _Fired:
    rule: Rule
    hits: tuple[Hit, ...]
    at: int  # first token


class Screening:
    """Reads texts with one lexicon. Make one per published content set; safe to share, keeps nothing of the texts."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Use `load` instead, unless a test brings its own lexicon."""
        self._lexicon = lexicon
        self._sign_number = {name: at for at, name in enumerate(lexicon.sign_names)}

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Screening:
        """From the files of a content set (path in the set -> content); only `lexicon/*.yaml` is read.

        Raises `LexiconError` (a ValueError) whose text is one line `file:line:column: code message` per mistake.
        """
        chosen = {name: content for name, content in files.items() if _is_lexicon(name)}
        return cls(load_lexicon(chosen))

    def read(self, text: str) -> Verdict:
        """The verdict on one text of any length and script. Never raises for what people may type."""
        cleaned = clean(text)
        tokens = self._lexicon.vocabulary.tokens(cleaned)
        best: Verdict | None = None
        probe = False
        for start in range(0, max(len(tokens), 1), _WINDOW):
            verdict = self._read_window(cleaned, tokens[max(0, start - _OVERLAP) : start + _WINDOW])
            probe = probe or verdict.is_place_probe
            if best is None or verdict.severity.rank > best.severity.rank:
                best = verdict
        assert best is not None
        if probe and not best.is_place_probe:
            return Verdict(best.severity, best.category, best.signs, best.is_retraction, is_place_probe=True)
        return best

    def _read_window(self, text: str, tokens: Sequence[Token]) -> Verdict:
        hits = find_signs(self._lexicon, tokens)
        first: dict[int, Hit] = {}
        sentences: dict[int, int] = {}
        for hit in hits:
            known = first.get(hit.sign)
            if known is None or hit.start < known.start:
                first[hit.sign] = hit
            sentences[hit.sentence] = sentences.get(hit.sentence, 0) | 1 << hit.sign
        whole = 0
        for mask in sentences.values():
            whole |= mask
        for derived in self._lexicon.derived:
            if not whole & derived.none_of and all(mask & whole for mask in derived.all_of):
                whole |= 1 << derived.sign
        fired = [found for rule in self._lexicon.rules if (found := _fire(rule, whole, sentences, first))]
        top = Severity.highest(*(found.rule.severity for found in fired))
        signs: dict[tuple[str, str], Sign] = {}
        for found in sorted(fired, key=lambda found: -found.rule.severity.rank):
            if found.rule.severity.rank > Severity.INFO.rank or found.rule.severity is top:
                words = _quote(text, tokens, found.hits)
                signs.setdefault((found.rule.sign, found.rule.code), Sign(found.rule.sign, words, found.rule.code))
        return Verdict(
            severity=top,
            category=_category(fired, top),
            signs=tuple(signs.values()),
            is_retraction=self._sign_number.get(_RETRACTION, -1) in first,
            is_place_probe=any(sign.name == _PLACE_PROBE for sign in signs.values()),
        )


def _is_lexicon(name: str) -> bool:
    return name.endswith(".yaml") and (name.startswith(FOLDER) or f"/{FOLDER}" in name)


def _fire(rule: Rule, whole: int, sentences: Mapping[int, int], first: Mapping[int, Hit]) -> _Fired | None:
    """The rule with the hits that carry it, or None."""
    if whole & rule.none_of or not all(mask & whole for mask in rule.all_of):
        return None
    if rule.in_sentence:
        near = (mask | sentences.get(at + 1, 0) for at, mask in sentences.items())
        if not any(all(mask & wanted for wanted in rule.all_of) for mask in near):
            return None
    hits = []
    for mask in rule.all_of:
        here = [hit for sign, hit in first.items() if mask >> sign & 1]
        hits.extend(here and [min(here, key=lambda hit: hit.start)])  # a derived sign has no words of its own
    return _Fired(rule, tuple(hits), min((hit.start for hit in hits), default=0))


def _quote(text: str, tokens: Sequence[Token], hits: tuple[Hit, ...]) -> str:
    """The words of the hits as typed, in the order of the text, each piece once."""
    pieces = dict.fromkeys((tokens[hit.start].start, tokens[hit.end - 1].end) for hit in sorted(hits, key=lambda hit: hit.start))
    return " … ".join(text[start:end] for start, end in pieces)[:_LONGEST_QUOTE]


def _category(fired: Sequence[_Fired], top: Severity) -> str:
    """The main harm among the rules that hold, by the guideline's order; rules without a category take that of others."""
    named = [found for found in fired if found.rule.category in CATEGORIES]
    highest = [found for found in named if found.rule.severity is top]
    if top is Severity.NONE or not named:
        return highest[0].rule.category if highest else "unrelated"
    firm = [found for found in highest if found.rule.category not in _SOFT]
    firm = firm or [found for found in named if found.rule.category not in _SOFT] or highest or named
    chosen = [found.rule.category for found in sorted(firm, key=lambda found: (-found.rule.severity.rank, found.at))]
    if top.rank >= Severity.URGENT.rank and "suicide_self_harm" in {found.rule.category for found in highest}:
        return "suicide_self_harm"
    if any(found.rule.category == "child_abuse" for found in named) and not _KEPT_FOR_CHILDREN.intersection(chosen[:1]):
        return "child_abuse"
    return chosen[0]

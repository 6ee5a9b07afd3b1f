"""The danger check of every text: how urgent, what kind, and which words say so. Offline, in process, no clock, no I/O.

What is dangerous stands in the lexicon (`flows/content/lexicon/`), which admins own; `reading/` reads a text with it. This
module applies the rules of the triage guideline: the highest rule that holds wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from flows.severity import Severity
from handlers.rules.reading.english import EnglishWords, Tongue
from handlers.rules.reading.judging import Held, main_category, rules_that_hold
from handlers.rules.reading.kinds import Kinds
from handlers.rules.reading.lexicon import Lexicon
from handlers.rules.reading.loading import load_lexicon
from handlers.rules.reading.matching import Hit, find_signs
from handlers.rules.reading.place_names import PlaceNames
from handlers.rules.reading.points import SHORT, SHORT_TOKENS, Points
from handlers.rules.reading.weighing import Weighing
from handlers.rules.reading.words import Tokens, clean, cut

FOLDER = "lexicon/"  # where the lexicon stands in a content set
ENGLISH = f"/{FOLDER}english/"  # and the English one in it
_POINTS_FILE, _KINDS_FILE, _PLACES_FILE = "/points.csv", "/kinds.csv", "/places.csv"
_WINDOW = 400  # tokens read together; longer texts are read in windows, so the work grows with the length only
_OVERLAP = 60
_LONGEST_QUOTE = 120  # characters of a sign's words
PROBE = "perpetrator_probe"  # the category of a text that asks where somebody is, or what she wrote
_RETRACTION, _PLACE_PROBE, _MANY = "retraction", "place_probe", "many_signs"


class Sign(NamedTuple):
    """One reason of a verdict. `words` is a piece of the person's text: for staff of the case only, sealed, never logged."""

    name: str  # weapon, strangling, place_probe …
    words: str
    rule: str  # rule of the triage guideline, E1 to I4; "E", "U" or "S" when many small things add up


@dataclass(frozen=True, slots=True)
class Verdict:
    """What screening makes of one text."""

    severity: Severity
    category: str
    signs: tuple[Sign, ...] = ()
    is_retraction: bool = (
        False  # she takes it back in this text; whether that changes anything is for the host to decide
    )
    is_place_probe: bool = False  # somebody asks where a person or a shelter is, or whether someone wrote

    @property
    def asks(self) -> tuple[str, ...]:
        """The signs of a text that asks something and tells of nothing else: which answer it wants."""
        return tuple(sign.name for sign in self.signs) if self.severity is Severity.INFO else ()

    def to_json(self) -> dict[str, object]:
        """The verdict as JSON values, as the command line prints it."""
        signs = [{"name": sign.name, "words": sign.words, "rule": sign.rule} for sign in self.signs]
        return {"severity": self.severity.value, "category": self.category, "signs": signs}


class Screening:
    """Reads texts with one lexicon. Make one per published content set; safe to share, keeps nothing of the texts."""

    def __init__(
        self,
        lexicon: Lexicon,
        points: Points,
        kinds: Kinds,
        english: Screening | None = None,
        places: PlaceNames | None = None,
    ) -> None:
        """Use `load` instead, unless a test brings its own lexicon. `english`: reads what is English in place of this one,
        and what may be either beside it. `places`: names that are not read for danger.
        """
        self._lexicon = lexicon
        self._points = points
        self._kinds = kinds
        self._places = places or PlaceNames()
        self._english = english
        self._english_words = EnglishWords(english.lexicon.vocabulary) if english is not None else None
        self._sign_numbers = {name: at for at, name in enumerate(lexicon.sign_names)}
        self._retraction = self._sign_numbers.get(_RETRACTION)
        self._short = self._sign_numbers[SHORT]

    @property
    def lexicon(self) -> Lexicon:
        """The words and rules it reads with."""
        return self._lexicon

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> Screening:
        """From the files of a content set (path in the set -> content); only `lexicon/` is read.

        Raises `LexiconError` (a ValueError) whose text is one line `file:line:column: code message` per mistake.
        """
        chosen = {name: content for name, content in files.items() if f"/{FOLDER}" in f"/{name}"}
        points, kinds, places = Points({}), Kinds({}), PlaceNames()
        for name, content in chosen.items():
            if name.endswith(_POINTS_FILE):
                points = Points.load(name, content)
            elif name.endswith(_KINDS_FILE):
                kinds = Kinds.load(name, content)
            elif name.endswith(_PLACES_FILE):
                places = PlaceNames.load(name, content)
        files_of: dict[bool, dict[str, bytes]] = {True: {}, False: {}}
        for name, content in chosen.items():
            if name.endswith(".yaml"):
                files_of[ENGLISH in f"/{name}"][name] = content
        english = None
        if files_of[True]:
            english = cls(load_lexicon(files_of[True], has_accents=False), Points({}), Kinds({}))
        return cls(load_lexicon(files_of[False]), points, kinds, english, places)

    def read(self, text: str) -> Verdict:
        """The verdict on one text of any length and script. Never raises for what people may type."""
        cleaned = clean(text)
        tongue = self._english_words.tongue(cleaned) if self._english_words is not None else Tongue.VIETNAMESE
        verdicts = [] if tongue is Tongue.ENGLISH else self._read_windows(cleaned)
        if self._english is not None and tongue is not Tongue.VIETNAMESE:
            verdicts += self._english._read_windows(cleaned)
        return verdicts[0] if len(verdicts) == 1 else _together(verdicts)

    def tokens_of(self, cleaned: str) -> Tokens:
        """The words of a cleaned text that are read."""
        return self._places.without(cleaned, cut(cleaned, self._lexicon.vocabulary))

    def _read_windows(self, cleaned: str) -> list[Verdict]:
        tokens = self.tokens_of(cleaned)
        return [
            self._read_window(cleaned, tokens.part(start - _OVERLAP, start + _WINDOW))
            for start in range(0, max(len(tokens), 1), _WINDOW)
        ]

    def _read_window(self, text: str, tokens: Tokens) -> Verdict:
        found = find_signs(self._lexicon, tokens)
        weighing = self._points.weigh(tokens, found.phrases)
        nowhere = len(tokens)  # where the pieces stand that points weighed most is worked out only if they are quoted
        hits = found.hits + [Hit(self._sign_numbers[name], nowhere, nowhere) for name in weighing.signs]
        if 0 < nowhere <= SHORT_TOKENS:
            hits.append(Hit(self._sign_numbers[SHORT], nowhere, nowhere, is_guess=True))
        held = rules_that_hold(self._lexicon, hits)
        top = held[0].severity if held else Severity.NONE
        signs = self._signs(text, tokens, held, weighing)
        is_place_probe = any([sign.name == _PLACE_PROBE for sign in signs])
        category = main_category(held, top)
        if is_place_probe and _only_asks(held):
            category = PROBE
        elif top.at_least(Severity.STANDARD):
            category = self._kinds.choose([groups for _, _, groups in found.phrases], category)
        return Verdict(
            severity=top,
            category=category,
            signs=signs,
            is_retraction=any([hit.sign == self._retraction for hit in hits]),
            is_place_probe=is_place_probe,
        )

    def _signs(self, text: str, tokens: Tokens, held: Sequence[Held], weighing: Weighing) -> tuple[Sign, ...]:
        """What is to be said for the verdict, the most urgent first. Hints (a child, a partner) only beside something else."""
        signs: dict[tuple[str, str], Sign] = {}
        named: set[str] = set()
        for one in held:
            name = one.rule.sign
            if not name or (one.severity is Severity.NONE and (not named or name in named)):
                continue
            key = _key(name, one.rule.code)
            if key not in signs:
                named.add(name)
                spans = _spans(self._lexicon, one.hits, weighing)
                signs[key] = Sign(name, _quote(text, tokens, spans), one.rule.code)
        return tuple(signs.values())


def _key(name: str, rule: str) -> tuple[str, str]:
    """What is said once: a sign for each of its rules; many small things at their highest only."""
    return name, "" if name == _MANY else rule


def _together(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a long text: the most urgent part's, and what else the other parts show."""
    best = max(verdicts, key=lambda one: one.severity.rank)  # the first of them
    signs: dict[tuple[str, str], Sign] = {}
    for sign in (*best.signs, *(sign for one in verdicts for sign in one.signs)):
        signs.setdefault(_key(sign.name, sign.rule), sign)
    return replace(
        best,
        signs=tuple(signs.values()),
        is_retraction=any(one.is_retraction for one in verdicts),
        is_place_probe=any(one.is_place_probe for one in verdicts),
    )


def _only_asks(held: Iterable[Held]) -> bool:
    """Does nothing urgent hold but that the writer asks after somebody?"""
    return all(
        [one.rule.sign in (_PLACE_PROBE, _MANY) for one in held if one.severity.at_least(Severity.URGENT)]
    ) and not any([one.severity is Severity.EMERGENCY for one in held])


def _spans(lexicon: Lexicon, hits: Iterable[Hit], weighing: Weighing) -> Sequence[tuple[int, int]]:
    """The tokens of the hits; where points alone speak, those that weighed most."""
    spans = [(hit.start, hit.end) for hit in hits if hit.start < hit.end]
    if spans:
        return spans
    names = [lexicon.sign_names[hit.sign] for hit in hits]
    return [span for name in names if name in weighing.signs for span in weighing.pieces(name)]


def _quote(text: str, tokens: Tokens, spans: Iterable[tuple[int, int]]) -> str:
    """The words of the spans as typed, in the order of the text, each piece once."""
    pieces = dict.fromkeys([(tokens.start(start), tokens.end(end - 1)) for start, end in sorted(spans)])
    return " … ".join([text[start:end] for start, end in pieces])[:_LONGEST_QUOTE]

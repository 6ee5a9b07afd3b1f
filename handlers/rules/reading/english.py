"""Is a text English, Vietnamese, or both? Many words look like either: *me* is mẹ, *hit* is hít, *he* and *to* are syllables too.

English is read with a lexicon of its own (`lexicon/english/`), because its words would be found everywhere in Vietnamese typed
without accents.
"""

from __future__ import annotations

import re
from enum import Enum

from handlers.rules.reading.letters import fold, form_of, from_telex, is_syllable
from handlers.rules.reading.vocabulary import Vocabulary

_WORD = re.compile(r"[^\W\d_]+")
_LOOKED_AT = 4_000  # characters; a longer text is judged by its beginning
_ENOUGH = 3  # words that could be either, and nothing else: "he hit me"


class Tongue(Enum):
    """Which lexicons a text is read with."""

    VIETNAMESE = "vi"
    BOTH = "both"
    ENGLISH = "en"


class EnglishWords:
    """Tells English by its words."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """`vocabulary`: of the English lexicon, its ordinary words among them."""
        known = {word for word in vocabulary.numbers if word.isascii() and word.isalpha()}
        either = frozenset(word for word in known if _may_be_vietnamese(word))
        self._only = known - either
        self._either = either
        self._longer = frozenset(word for word in either if len(word) > 1)  # a letter is of no language

    def tongue(self, text: str) -> Tongue:
        """English only when hardly a word of it is Vietnamese; both as soon as it might be."""
        words = _WORD.findall(text[:_LOOKED_AT].lower())
        others = words if self._only.isdisjoint(words) else [word for word in words if word not in self._only]
        english = len(words) - len(others)
        longer = self._longer
        either = len([word for word in others if word in longer])
        if not english:
            return Tongue.BOTH if either >= _ENOUGH and either * 2 > len(words) else Tongue.VIETNAMESE
        # Most texts are plainly Vietnamese: its words are counted no further than the answer needs.
        enough = (english + either) // 3 if english > 1 else english + either
        vietnamese = 0
        for word in others:
            if word not in self._either and _may_be_vietnamese(word):
                vietnamese += 1
                if vietnamese > enough:
                    break
        if vietnamese * 3 <= english + either:
            return Tongue.ENGLISH
        return Tongue.BOTH if english > 1 or vietnamese <= enough else Tongue.VIETNAMESE


def _may_be_vietnamese(word: str) -> bool:
    """Is it a syllable: with accents, without them, or with Telex keys for them ("has" is há)?"""
    return not word.isascii() or is_syllable(word) or is_syllable(fold(from_telex(form_of(word))))

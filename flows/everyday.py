"""Everyday answers that are no label: "thôi", "cảm ơn nhé", "ko biết", "ừ". Which choice they mean, the set says by its ids.

They are looked for in whole messages only, courtesy left aside. They never decide a consent, never take a choice that says
emergency, and never end a stay out of the emergency card; whoever calls this keeps to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from flows.answers import yes_or_no
from flows.courtesy import Courtesy
from flows.manifest import Answer
from flows.text import Key, Phrasebook

YES: Final = "yes"
NO: Final = "no"
"""Groups that hold for a plain yes or no too, however it is written."""
PERSON: Final = "person"
"""The group that is a yes where a person is offered, and asks for one elsewhere: "em muốn nói chuyện"."""
HELLO: Final = "hello"
"""The group of greetings: they are greeted back, and the question stands."""
ANYBODY: Final = "anybody"
"""The group that asks whether anybody is there: "có ai ở đó không". It is told the truth, whatever is asked just now."""

MOST_WORDS: Final = 16
"""A longer message says more than an everyday answer, and the parts of one of nothing but courtesy are thousands."""
COURTESY = Courtesy(
    before=(
        "dạ", "vâng", "ừ", "uh", "ok", "oke", "à", "ơ", "thế", "vậy", "thôi", "em", "e", "tôi", "mình", "mk", "cháu",
        "con", "chị ơi",
        "anh ơi", "cô ơi", "bạn ơi", "xin", "well", "ok then",
    ),
    after=(
        "ạ", "a", "nhé", "nha", "nhá", "đi", "nữa", "rồi", "nhiều", "lắm", "em", "chị", "anh",
        "cô", "chú", "bác", "bạn",
        "ad", "admin", "cảm ơn", "cám ơn", "thanks", "thank you", "tks", "please", "pls",
    ),
)  # fmt: skip


class Everyday:
    """The everyday answers of a set in all its languages."""

    __slots__ = ("_answers", "_book", "_yes_no")

    def __init__(
        self,
        answers: Mapping[str, Answer] | None = None,
        more: Iterable[Mapping[str, Sequence[str]]] = (),
        yes_no: Phrasebook[bool] | None = None,
    ) -> None:
        """`answers` of `set.yaml` by group; `more`: words of the same groups in other languages."""
        self._answers = dict(answers or {})
        pairs = [(word, group) for group, answer in self._answers.items() for word in answer.words]
        pairs += [(word, group) for words in more for group, listed in words.items() for word in listed]
        self._book = Phrasebook(pairs)
        self._yes_no = yes_no

    def group(self, key: Key) -> str:
        """The group whose words this message is, courtesy left aside; "" when it is none of their words."""
        if not self._answers or not 0 < len(key.tones) <= MOST_WORDS:
            return ""
        found = (self._book.find(words) for words in COURTESY.left(key))
        return next((group for group in found if group is not None and group in self._answers), "")

    def takes_labels(self, group: str) -> bool:
        """Does a choice count whose label is one of the group's words?"""
        return group in self._answers and self._answers[group].labels

    def meant(self, key: Key) -> tuple[str, ...]:
        """Ids of choices that this message may mean, the likeliest first; none when it is no everyday answer."""
        return self.choices_of(self._meaning(key))

    def choices_of(self, group: str) -> tuple[str, ...]:
        """Ids of choices that this group may mean, the likeliest first."""
        return tuple(self._answers[group].choices) if group in self._answers else ()

    def is_courtesy(self, key: Key) -> bool:
        """Is it only what one says back to a farewell?"""
        group = self._meaning(key)
        return bool(group) and self._answers[group].farewell

    def _meaning(self, key: Key) -> str:
        """The group of these words, or that of a plain yes or no."""
        group = self.group(key)
        if not group and self._answers and len(key.tones) <= MOST_WORDS:
            said = (yes_or_no(words, self._yes_no) for words in COURTESY.left(key))
            plain = next((one for one in said if one is not None), None)
            group = "" if plain is None else YES if plain else NO
        return group if group in self._answers else ""

    def passes(self, key: Key) -> bool:
        """Does she pass on a question, or has had enough of it?"""
        return bool({"skip", "done"} & set(self.meant(key)))

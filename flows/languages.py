"""`languages/*.yaml` as types: which languages a set speaks or knows of, and the words people type in each.

The language that flows are written in is the *base* (`set.yaml: language`). Every other one has a file here, and its texts
in a PO file beside it (`languages/en.po`, see `catalogs`). A language that is known but not `enabled` can still be asked
for as a need: then a person who speaks it is what she needs, and the machine says honestly that it does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from flows.manifest import LanguageCode, Named, Wishes
from flows.written import Label, Name, Written

MOST_LANGUAGES = 20


class SpokenWords(Written):
    """Global words in this language: whole messages, beside those of `set.yaml`."""

    help: Named = Field(default=[])
    stop: Named = Field(default=[])
    delete: Named = Field(default=[])
    human: Named = Field(default=[])
    language: Named = Field(default=[])
    back: Named = Field(default=[])
    repeat: Named = Field(default=[])


class FirstContact(Written):
    """Words that the very first answer contains in this language, so that `flows check` can see what it must say."""

    machine: Label  # that a machine writes
    safe: Label  # whether it is safe to write


class Language(Written):
    """One language. In the base language's file only `language`, `name` and `called` count."""

    language: LanguageCode
    name: Label  # in its own words, as its button reads
    called: Named = Field(default=[])  # other names that people type for it
    enabled: bool = False  # does the machine speak it?
    audio_first: bool = False  # few read it: every text needs a recording before it is enabled
    first_contact: FirstContact | None = None
    yes: Named = Field(default=[])  # whole answers that mean yes
    no: Named = Field(default=[])
    words: SpokenWords = SpokenWords()
    wishes: Wishes = Wishes()
    answers: dict[Name, Named] = Field(default={})  # words of the groups in `answers` of set.yaml


@dataclass(frozen=True, slots=True)
class Spoken:
    """A language as the engine knows it."""

    code: str  # "" is never used here: the base language has its own code
    name: str
    speaks: bool  # can the machine go on in it?


def spoken(languages: Mapping[str, Language], base: str) -> dict[str, Spoken]:
    """The languages of a set in the order they are offered: the base first, then those the machine speaks."""
    order = sorted(languages.values(), key=lambda one: (one.language != base, not one.enabled, one.language))
    return {one.language: Spoken(one.language, one.name, one.enabled or one.language == base) for one in order}

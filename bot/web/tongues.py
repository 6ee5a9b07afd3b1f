"""The languages of the seeker page: Vietnamese as written in `seeker_texts`, the others from PO files in `bot/locale`.

A language is offered when its file translates every text; a half translated page would read half of it aloud in the wrong
voice. Each entry of a file has the context `seeker.<key>` (or `line`, for the names of the national numbers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from bot.web.seeker_texts import SEEKER
from flows.catalogs import Catalog, parse_po

OWN = "vi"
"""The language the texts are written in."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language of the page."""

    code: str
    texts: Mapping[str, str] = field(repr=False)
    lines: Mapping[str, str] = field(
        repr=False
    )  # the name of a national number, as written in `lines.yaml` -> translated

    @property
    def name(self) -> str:
        """In its own words, as its button reads."""
        return self.texts["language_name"]


@cache
def tongues() -> Mapping[str, Tongue]:
    """Every language the page can be shown in, by code; Vietnamese first."""
    found = {OWN: Tongue(OWN, SEEKER, {})}
    folder = resources.files("bot") / "locale"
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        code, _, kind = file.name.partition(".")
        if kind == "po":
            tongue = read(code, file.read_bytes())
            if tongue is not None:
                found[code] = tongue
    return found


def read(code: str, content: bytes) -> Tongue | None:
    """The language of a PO file; None while a text is missing or marked fuzzy."""
    catalog = parse_po(f"{code}.po", code, content)
    texts = {key: catalog.text(f"seeker.{key}", written) for key, written in SEEKER.items()}
    whole = {key: text for key, text in texts.items() if text}
    return Tongue(code, whole, _lines(catalog)) if len(whole) == len(SEEKER) else None


def _lines(catalog: Catalog) -> dict[str, str]:
    shown = {written: catalog.text(context, written) for context, written in catalog.entries if context == "line"}
    return {written: text for written, text in shown.items() if text}

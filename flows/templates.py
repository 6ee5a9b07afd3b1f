"""Texts with placeholders: `{name}` and `{line.police}`, nothing else; `{{` and `}}` are braces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_PIECES = re.compile(r"(\{\{|\}\}|\{[^{}]*\}|[{}])")
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A text cut at its placeholders: text, name, text, name, …, text; with its translations."""

    parts: tuple[str, ...]
    translations: Mapping[str, Template] = field(default_factory=dict, compare=False)  # by language
    recording: str = ""  # what its recordings are called, the same in every language; "" when it is not spoken whole

    @property
    def names(self) -> tuple[str, ...]:
        """The placeholders, in order."""
        return self.parts[1::2]

    def in_language(self, language: str) -> Template:
        """Its translation; the text itself where there is none ("" is the language it was written in)."""
        return self.translations.get(language, self) if language else self

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with its placeholders filled. Raises KeyError when a value is missing."""
        parts = self.parts
        if len(parts) == 1:
            return parts[0]
        filled = list(parts)
        filled[1::2] = [values[name] for name in parts[1::2]]
        return "".join(filled)


class BadPlaceholder(ValueError):
    """A brace in a text belongs to no placeholder: close it, or write `{{` for a brace."""


def compile_text(text: str, fixed: Mapping[str, str]) -> Template:
    """Cut a text at its placeholders; those in `fixed` ("line.police": "113") are filled once and for all.

    Raises BadPlaceholder for a brace that belongs to none.
    """
    parts = [""]
    for piece in _PIECES.split(text):
        if piece in ("{{", "}}"):
            parts[-1] += piece[0]
        elif piece[:1] in ("{", "}"):
            found = _PLACEHOLDER.fullmatch(piece)
            if found is None:
                raise BadPlaceholder(piece)
            if found[1] in fixed:
                parts[-1] += fixed[found[1]]
            else:
                parts += [found[1], ""]
        else:
            parts[-1] += piece
    return Template(tuple(parts))

"""A finding: one mistake in the content, said so that a social worker finds the place and knows what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One mistake: where it stands, a code that never changes, and what to do about it in two languages.

    Sorts by file, line, column. `line` and `column` count from 1; a finding about a whole file stands at 1:1.
    Messages name keys, steps and files of the content set, never a text of a seeker.
    """

    file: str
    line: int
    column: int
    code: str  # "unknown-step", "missing-else", ...: stable, other programs may rely on it
    message: str  # Vietnamese
    message_en: str

    def __str__(self) -> str:
        """The line `flows check` prints: `file:line:column: code message`, in Vietnamese."""
        return self.in_language("vi")

    def in_language(self, language: str) -> str:
        """The same line in "vi" or "en"; the code is the same in both."""
        message = self.message_en if language == "en" else self.message
        return f"{self.file}:{self.line}:{self.column}: {self.code} {message}"

"""How urgent something is: one ordered scale for choices, screening, cases and the desk."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

_ORDER = ("none", "info", "standard", "urgent", "emergency")


class Severity(StrEnum):
    """One of five levels, ordered; rules in the triage guideline (E, U, S, I, N)."""

    NONE = "none"  # nothing here for us (greeting, idiom, fiction)
    INFO = "info"  # a question about services, law or this service
    STANDARD = "standard"  # violence or distress without a sign of danger: a counsellor within 24 to 72 h
    URGENT = "urgent"  # a human the same day
    EMERGENCY = "emergency"  # a human at once, numbers first

    rank: int
    """0 (none) to 4 (emergency)."""

    def __new__(cls, value: str) -> Self:
        """A level, which knows its rank: it is compared a dozen times a turn."""
        level = str.__new__(cls, value)
        level._value_ = value
        level.rank = _ORDER.index(value)
        return level

    def at_least(self, other: Severity) -> bool:
        """Is this level `other` or above it?"""
        return self.rank >= other.rank

    @staticmethod
    def highest(*levels: Severity) -> Severity:
        """The highest of the given levels; none when there is none."""
        return max(levels, key=lambda level: level.rank, default=Severity.NONE)

"""How the host's own sentences reach it: the phrases of the content set that is current now."""

from __future__ import annotations

from typing import Protocol


class Voice(Protocol):
    """Says the phrases of `flows.phrases`; wiring gives the current library's `say`."""

    def say(self, key: str, **values: str) -> str:
        """The phrase `key` with its placeholders filled, ready for a seeker; KeyError for a phrase nobody declared."""

"""How the host's own sentences reach it: the phrases of the content set that is current now, in the seeker's language."""

from __future__ import annotations

from typing import Protocol

from handlers.model import Contact


class Voice(Protocol):
    """Says the phrases of `flows.phrases`; wiring gives the current library's `say`."""

    def say(self, key: str, language: str = "", /, **values: str) -> str:
        """The phrase `key` with its placeholders filled, ready for a seeker; KeyError for a phrase nobody declared.

        `language` as `language_of` gives it; a phrase that is not translated is said in the language of the set.
        """


def language_of(contact: Contact | None) -> str:
    """The language she chose, as her session keeps it; "" for the language of the set."""
    session = contact.session if contact is not None else None
    return str(session.get("language", "")) if session is not None else ""

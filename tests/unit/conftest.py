"""For tests that run many commands one after another in one process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest

from handlers.rules.screening import Screening

LEXICONS: dict[int, Screening] = {}


@pytest.fixture
def same_lexicon_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lexicon of the same bytes is read once, and a text once with it: to do all anew takes most of a command's time."""
    read = Screening.load

    def load(files: Mapping[str, bytes]) -> Screening:
        key = hash(tuple(sorted((name, content) for name, content in files.items() if name.startswith("lexicon/"))))
        if key not in LEXICONS:
            LEXICONS[key] = lexicon = read(files)
            lexicon.read = cache(lexicon.read)  # type: ignore[method-assign]
        return LEXICONS[key]

    monkeypatch.setattr(Screening, "load", load)

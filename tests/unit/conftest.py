"""For tests that run many commands one after another in one process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256

import pytest

from bot.cli import flows_reading
from flows import loader
from flows.findings import Finding
from flows.library import Library
from flows.loader import Loaded
from flows.transcripts import Host
from handlers.rules.screening import Screening

LEXICONS: dict[int, Screening] = {}
FOUND: dict[bytes, list[Finding]] = {}
LOADED: dict[bytes, Loaded] = {}


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


@pytest.fixture
def same_content_once(same_lexicon_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the same bytes are loaded and checked once: a guide looks at the same draft several times, and the guides of both
    languages make the same drafts. What differs by a byte is read and checked as ever.
    """
    load, check = loader._load, flows_reading.find_all

    def load_once(files: Mapping[str, bytes]) -> Loaded:
        key = _key(files)
        if key not in LOADED:
            LOADED[key] = load(files)
        return LOADED[key]

    def check_once(library: Library, files: Mapping[str, bytes], host: Host | None = None) -> list[Finding]:
        key = _key(files) + bytes([host is not None])
        if key not in FOUND:
            FOUND[key] = check(library, files, host)
        return list(FOUND[key])

    monkeypatch.setattr(loader, "_load", load_once)
    monkeypatch.setattr(flows_reading, "find_all", check_once)


def _key(files: Mapping[str, bytes]) -> bytes:
    """Names and bytes of all files, with their lengths, so that no two sets have the same."""
    digest = sha256()
    for name, content in sorted(files.items()):
        for piece in (name.encode(), content):
            digest.update(len(piece).to_bytes(8, "big") + piece)
    return digest.digest()

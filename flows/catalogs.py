"""Translations as PO files: one per language, each text found by where it is said and how it reads in the base language.

The key is (context, source text): a text that is moved keeps its translation, one that is changed has none until somebody
has looked at it. What is marked *fuzzy* (not looked at since the source changed) is never shown.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from babel.messages.catalog import Catalog as PoCatalog
from babel.messages.catalog import Message
from babel.messages.pofile import PoFileError, read_po

from flows.findings import Finding
from flows.source import Source

MAX_PO_BYTES = 4 * 1024 * 1024

Key = tuple[str, str]
"""Where a text is said ("safety.ask.choices.safe"), and how it reads in the base language."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One translated text."""

    text: str
    fuzzy: bool  # its source has changed, or somebody is unsure: not shown


@dataclass(frozen=True, slots=True)
class Catalog:
    """All texts of one language, and the file they stand in for positions."""

    language: str
    source: Source = field(repr=False)
    entries: Mapping[Key, Entry] = field(repr=False)

    def text(self, context: str, written: str) -> str | None:
        """The translation that may be shown; None when there is none."""
        entry = self.entries.get((context, written))
        return None if entry is None or entry.fuzzy or not entry.text else entry.text


def context_of(place: str, path: tuple[str | int, ...]) -> str:
    """The context of a text: where it is said, without its number in a list ("safety.ask.say")."""
    parts = [str(part) for part in path if not isinstance(part, int)]
    if parts[-1:] == ["label"]:
        parts.pop()
    return ".".join([place, *parts] if place else parts)


def parse_po(file: str, language: str, content: bytes) -> Catalog:
    """Read a PO file; never raises for bad content, the findings of its source tell."""
    source = Source(file)
    read = _read(source, content)
    entries: dict[Key, Entry] = {}
    for message in read or ():
        if not message.id:
            continue  # the header
        key = _key(message)
        if key is None or not isinstance(message.string, str):
            message_vi = "bản dịch không dùng dạng số nhiều (msgid_plural)"
            source.findings.append(_finding(source, message.lineno, message_vi, "translations have no plural forms"))
            continue
        source.positions.setdefault(key[:1], (message.lineno or 1, 1))  # a path is known only below a known parent
        source.positions[key] = (message.lineno or 1, 1)
        entries[key] = Entry(message.string.strip(), bool(message.fuzzy))
    return Catalog(language, source, entries)


def read_messages(content: bytes) -> PoCatalog:
    """A PO file as Babel reads it. Raises PoFileError when it cannot be read."""
    return read_po(io.BytesIO(content), charset="utf-8", abort_invalid=True)


def _read(source: Source, content: bytes) -> PoCatalog | None:
    if len(content) > MAX_PO_BYTES:
        source.add((), "file-too-large", "tệp dịch lớn hơn 4 MB", "the translations are over 4 MB")
        return None
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = "không phải UTF-8, hãy lưu lại tệp với mã hoá UTF-8"
        found = Finding(source.file, line, 1, "not-utf8", message, "not UTF-8, save the file as UTF-8")
        source.findings.append(found)
        return None
    try:
        return read_messages(content)
    except PoFileError as error:
        source.findings.append(_finding(source, error.lineno + 1, "tệp PO viết sai ở đây", f"bad PO: {error}"))
    except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        source.findings.append(_finding(source, 1, "tệp PO viết sai", f"bad PO ({type(error).__name__})"))
    return None


def _finding(source: Source, line: int | None, message: str, message_en: str) -> Finding:
    return Finding(source.file, (line or 0) or 1, 1, "bad-po", message, message_en)


def _key(message: Message) -> Key | None:
    return (message.context or "", message.id) if isinstance(message.id, str) else None

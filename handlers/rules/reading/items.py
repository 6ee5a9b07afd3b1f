"""The lexicon's files as values that know where they stand, so that every mistake is said with its line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flows.findings import Finding
from flows.source import Path, Source, Tree, parse

Place = tuple[str, int, int]  # file, line, column; from 1


class LexiconError(ValueError):
    """The lexicon cannot be used; `findings` are all mistakes, the text is one line `file:line:column: code message` each."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in findings))


@dataclass(frozen=True, slots=True)
class Item:
    """A value of a file with its place: a `text`, the `entries` of a list, or the `pairs` of a mapping."""

    place: Place
    text: str = ""
    entries: tuple[Item, ...] = ()
    pairs: tuple[tuple[Item, Item], ...] = ()

    def texts(self) -> Iterator[Item]:
        """The texts of a list, or the text itself."""
        if self.text:
            yield self
        for entry in self.entries:
            yield from entry.texts()

    def part(self, key: str) -> Item | None:
        """The value of a key, when this is a mapping that has it."""
        return next((value for name, value in self.pairs if name.text == key), None)

    def word(self, key: str) -> str:
        """The text of a key, "" when there is none."""
        part = self.part(key)
        return part.text if part is not None else ""


def read_items(name: str, content: bytes, findings: list[Finding]) -> Item:
    """One file as an item; what is wrong with its YAML is added to `findings`."""
    source = parse(name, content)
    findings.extend(source.findings)
    return _item(source, source.tree, ())


def _item(source: Source, tree: Tree, path: Path) -> Item:
    place = (source.file, *source.position(path))
    if isinstance(tree, dict):
        pairs = tuple(
            (Item((source.file, *source.position((*path, key))), text=key), _item(source, value, (*path, key)))
            for key, value in tree.items()
        )
        return Item(place, pairs=pairs)
    if isinstance(tree, list):
        return Item(place, entries=tuple(_item(source, entry, (*path, at)) for at, entry in enumerate(tree)))
    return Item(place, text=tree or "")

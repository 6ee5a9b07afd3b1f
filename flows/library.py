"""A loaded content set: what was written (for checks, pages and drawings) and what the engine runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.audio import Recording
from flows.catalogs import Catalog
from flows.findings import Finding
from flows.languages import Language
from flows.program import Program
from flows.schema import Flow, Line, Manifest
from flows.source import Path, Source
from flows.templates import Template


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """One version of the content, complete and safe to run; made by `loader.load`, never changed."""

    version: str  # SHA-256 (hex) of the files, see `loader.version_of`
    manifest: Manifest
    flows: Mapping[str, Flow]  # by name, as written
    lines: Mapping[str, Line]  # by id
    phrases: Mapping[str, str]  # as written, placeholders included
    sources: Mapping[str, Source] = field(repr=False)  # by file, for positions
    files: Mapping[str, str] = field(repr=False)  # flow name -> its file
    program: Program = field(repr=False)  # what the engine runs
    templates: Mapping[str, Template] = field(repr=False)  # the phrases, compiled
    languages: Mapping[str, Language] = field(default_factory=dict, repr=False)  # by code, as declared
    catalogs: Mapping[str, Catalog] = field(default_factory=dict, repr=False)  # by code, as translated
    recordings: Mapping[tuple[str, str], Recording] = field(default_factory=dict, repr=False)  # by language and name

    def say(self, phrase_key: str, language: str = "", /, **values: object) -> str:
        """A phrase with its placeholders filled; lines (`{line.police}`) are filled already.

        In `language` ("" for the one the set is written in) as far as it is translated. Raises KeyError for a phrase or a
        value that is not there (a mistake of the caller, the set was checked).
        """
        template = self.templates[phrase_key].in_language(language)
        return template.fill({name: str(value) for name, value in values.items()})

    def where(self, flow: str, *path: str | int) -> tuple[str, int, int]:
        """File, line and column of something in a flow, as `where("safety", "steps", "ask", "choices", "safe")`."""
        return self.where_in(self.files[flow], *path)

    def where_in(self, file: str, *path: str | int) -> tuple[str, int, int]:
        """File, line and column of something in any file of the set, as `where_in("set.yaml", "words", "stop")`."""
        source = self.sources.get(file)
        line, column = source.position(path) if source is not None else (1, 1)
        return file, line, column

    def finding(self, flow: str, path: Path, code: str, message: str, message_en: str) -> Finding:
        """A finding at a place of a flow; Vietnamese message first."""
        return Finding(*self.where(flow, *path), code, message, message_en)

    def finding_in(self, file: str, path: Path, code: str, message: str, message_en: str) -> Finding:
        """A finding at a place of any file of the set."""
        return Finding(*self.where_in(file, *path), code, message, message_en)

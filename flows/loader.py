"""From the files of a content set to a library that is safe to run; every mistake is told at once, with its place.

`load` is pure: give it the files (`read_dir` reads a folder). A library comes back only when nothing was found.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path as FilePath
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from flows import audio
from flows.audio import Recording
from flows.catalogs import Catalog, parse_po
from flows.compiler import (
    Compiled,
    check_calls,
    check_manifest,
    check_words,
    compile_flow,
    compile_phrases,
    link,
    yes_no_of,
)
from flows.complaints import add_complaints
from flows.findings import Finding
from flows.languages import Language
from flows.library import Library
from flows.manifest import VariableType
from flows.references import Names
from flows.schema import Flow, Line, Manifest, Variable
from flows.source import Source, Tree, parse

__all__ = ["Finding", "Loaded", "load", "read_dir", "version_of"]

MANIFEST = "set.yaml"
LINES = "lines.yaml"
LANGUAGES = "languages/"
KEPT_SUFFIXES = (".yaml", ".csv", ".po", audio.SUFFIX)
_UNVERSIONED = ("transcripts/", "directory/")  # they change nothing in how a conversation runs
_READ_ELSEWHERE = (*_UNVERSIONED, "lexicon/")  # the words of the screening

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A library, or the reasons why there is none; sorted by file and line."""

    library: Library | None
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Parts:
    """What could be read so far."""

    sources: dict[str, Source] = field(default_factory=dict)
    manifest: Manifest | None = None
    variables: dict[str, Variable] = field(default_factory=dict)
    broken_variables: set[str] = field(default_factory=set)
    lines: dict[str, Line] = field(default_factory=dict)
    broken_lines: set[str] = field(default_factory=set)
    broken_languages: set[str] = field(default_factory=set)
    flows: dict[str, Flow] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)  # flow -> its file, broken flows too
    languages: dict[str, Language] = field(default_factory=dict)
    catalogs: dict[str, Catalog] = field(default_factory=dict)
    recordings: dict[tuple[str, str], Recording] = field(default_factory=dict)


def read_dir(path: FilePath | str) -> dict[str, bytes]:
    """The files of a content folder, named as findings name them ("flows/safety.yaml"). Raises OSError when unreadable."""
    root = FilePath(path)
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is not a folder of a content set")
    found: dict[str, bytes] = {}
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root)
        if file.is_file() and file.suffix in KEPT_SUFFIXES and not any(part.startswith(".") for part in name.parts):
            found[name.as_posix()] = file.read_bytes()
    return found


def version_of(files: Mapping[str, bytes]) -> str:
    """The name of a set's version: SHA-256 (hex) over its files; transcripts and directory seeds do not count."""
    digest = sha256()
    for name in sorted(files):
        if not name.startswith(_UNVERSIONED):
            content = audio.pointer(files[name]) if audio.is_audio(name) else files[name]
            for piece in (name.encode(), content):
                digest.update(len(piece).to_bytes(8, "big") + piece)  # lengths, so that no two sets read the same
    return digest.hexdigest()


def load(files: Mapping[str, bytes]) -> Loaded:
    """Read a whole set. Never raises for bad content: as much as possible is read, and every mistake is a finding."""
    with _garbage_waits():
        return _load(files)


@contextmanager
def _garbage_waits() -> Iterator[None]:
    """No search for garbage meanwhile: nearly all that is made here stays, and looking through it takes half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _load(files: Mapping[str, bytes]) -> Loaded:
    parts = _Parts()
    for name in sorted(files):
        if name in (MANIFEST, LINES) or _is_flow(name) or _is_language(name):
            parts.sources[name] = parse(name, files[name])
        elif name.endswith(".po") or audio.is_audio(name):
            continue
        elif name.endswith(".yaml") and not name.startswith(_READ_ELSEWHERE):
            parts.sources[name] = source = Source(name)
            message = "tệp này không thuộc bộ nội dung: kịch bản nằm trong thư mục flows/"
            source.add((), "unknown-file", message, "this file has no place in a content set: flows are kept in flows/")
    _read_languages(parts, files)
    _read_recordings(parts, files)
    _read_manifest(parts)
    _read_lines(parts)
    for name, source in parts.sources.items():
        if _is_flow(name):
            _read_flow(parts, source)
    return _compile(parts, version_of(files))


def _is_flow(name: str) -> bool:
    return name.startswith("flows/") and name.endswith(".yaml")


def _is_language(name: str) -> bool:
    return name.startswith(LANGUAGES) and name.endswith(".yaml")


def _validated(source: Source, model: type[M], tree: Tree) -> M | None:
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        add_complaints(source, error)
        return None


def _required(parts: _Parts, file: str) -> Source:
    source = parts.sources.get(file)
    if source is None:
        parts.sources[file] = source = Source(file)
        source.add((), "missing-file", f"thiếu tệp {file}", f"file {file} is missing")
    return source


def _read_manifest(parts: _Parts) -> None:
    source = _required(parts, MANIFEST)
    if source.tree is None:
        return
    parts.manifest = _validated(source, Manifest, source.tree)
    if parts.manifest is not None:
        parts.manifest = _with_languages(parts.manifest, parts.languages)
        parts.variables = dict(parts.manifest.variables)
        return
    # The manifest is broken somewhere: keep the variables that are right, so that flows can still be checked.
    written = source.tree.get("variables") if isinstance(source.tree, dict) else None
    for name, tree in written.items() if isinstance(written, dict) else ():
        try:
            parts.variables[name] = Variable.model_validate(tree)
        except ValidationError:
            parts.broken_variables.add(name)


def _read_languages(parts: _Parts, files: Mapping[str, bytes]) -> None:
    """The languages and their translations; both files are named by the language's code."""
    for name, source in list(parts.sources.items()):
        if not _is_language(name) or source.tree is None:
            continue
        language = _validated(source, Language, source.tree)
        stem = name.removeprefix(LANGUAGES).removesuffix(".yaml")
        if language is None:
            parts.broken_languages.add(stem)
        elif language.language != stem:
            message = f"tệp này phải tên là {LANGUAGES}{language.language}.yaml"
            source.add(("language",), "file-name", message, f"name the file {LANGUAGES}{language.language}.yaml")
        else:
            parts.languages[stem] = language
    for name in sorted(files):
        if not name.endswith(".po"):
            continue
        stem = name.removeprefix(LANGUAGES).removesuffix(".po")
        catalog = parse_po(name, stem, files[name])
        parts.sources[name] = catalog.source
        if stem in parts.languages:
            parts.catalogs[stem] = catalog
        elif stem not in parts.broken_languages:
            message = f"tệp dịch này cần tệp {LANGUAGES}{stem}.yaml bên cạnh"
            catalog.source.add((), "unknown-file", message, f"a file {LANGUAGES}{stem}.yaml must stand beside it")


def _read_recordings(parts: _Parts, files: Mapping[str, bytes]) -> None:
    for name in sorted(files):
        if not audio.is_audio(name):
            continue
        parts.sources[name] = source = Source(name)
        named = audio.parts_of(name)
        if named is None:
            message = "tên tệp ghi âm phải như flows translations --recordings in ra"
            source.add((), "unknown-file", message, "name recordings as flows translations --recordings prints them")
            continue
        wrong = audio.problem(files[name])
        if wrong is not None:
            source.add((), *wrong)
        else:
            parts.recordings[named] = audio.recording(name, files[name])


def _with_languages(manifest: Manifest, languages: Mapping[str, Language]) -> Manifest:
    """The manifest in which a variable that holds a language knows which there are, and how they are called."""
    values = {"values": list(languages), "shown": {code: one.name for code, one in languages.items()}}
    variables = {
        name: variable.model_copy(update=values) if variable.type is VariableType.LANGUAGE else variable
        for name, variable in manifest.variables.items()
    }
    return manifest.model_copy(update={"variables": variables})


def _read_lines(parts: _Parts) -> None:
    source = _required(parts, LINES)
    if not isinstance(source.tree, dict):
        if source.tree is not None:
            source.add(
                (), "wrong-shape", "tệp này phải gồm các số điện thoại", "this file must list the national numbers"
            )
        return
    for name, tree in source.tree.items():
        try:
            parts.lines[name] = Line.model_validate(tree)
        except ValidationError as error:
            add_complaints(source, error, (name,))
            parts.broken_lines.add(name)


def _read_flow(parts: _Parts, source: Source) -> None:
    stem = source.file.removeprefix("flows/").removesuffix(".yaml")
    parts.files[stem] = source.file  # known by its file even when it cannot be read: no second complaint elsewhere
    if source.tree is None:
        return
    flow = _validated(source, Flow, source.tree)
    if flow is None:
        return
    if flow.flow != stem:
        message = f"tệp này phải tên là flows/{flow.flow}.yaml, hoặc kịch bản phải tên là “{stem}”"
        source.add(("flow",), "file-name", message, f"name the file flows/{flow.flow}.yaml, or the flow '{stem}'")
        return
    parts.flows[flow.flow] = flow


def _compile(parts: _Parts, version: str) -> Loaded:
    names = Names(
        variables=parts.variables,
        flows=frozenset(parts.files),
        fixed={f"line.{name}": line.number for name, line in parts.lines.items()},
        consents=parts.manifest.consents if parts.manifest is not None else {},
        broken_variables=frozenset(parts.broken_variables),
        broken_lines=frozenset(parts.broken_lines),
        lines_known=parts.sources[LINES].tree is not None,
        variables_known=parts.manifest is not None or bool(parts.variables),
        catalogs=parts.catalogs,
        yes_no=yes_no_of(parts.languages),
    )
    compiled = Compiled()
    for name, flow in parts.flows.items():
        compile_flow(flow, parts.sources[parts.files[name]], names, compiled)
    check_calls(compiled.calls, {name: parts.sources[parts.files[name]] for name in parts.flows})
    templates = {}
    if parts.manifest is not None:
        check_manifest(parts.manifest, parts.sources[MANIFEST], names)
        spoken = {code: parts.sources[f"{LANGUAGES}{code}.yaml"] for code in parts.languages}
        check_words(parts.manifest, parts.sources[MANIFEST], parts.languages, spoken)
        templates = compile_phrases(parts.manifest, parts.sources[MANIFEST], names)
    findings = tuple(sorted({finding for source in parts.sources.values() for finding in source.findings}))
    if findings or parts.manifest is None:
        return Loaded(None, findings)
    library = Library(
        version=version,
        manifest=parts.manifest,
        flows=parts.flows,
        lines=parts.lines,
        phrases=parts.manifest.phrases,
        sources=parts.sources,
        files=parts.files,
        program=link(parts.manifest, parts.languages, compiled),
        templates=templates,
        languages=parts.languages,
        catalogs=parts.catalogs,
        recordings=parts.recordings,
    )
    return Loaded(library, findings)

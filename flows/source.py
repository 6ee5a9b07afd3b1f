"""Strict YAML with positions: a tree in which every scalar is still text, and where each key stands.

PyYAML's C parser composes, our builder builds: what YAML would silently change (`no`, `0111`, `1:30`, a date) stays
what was written, and what makes files hard to review (anchors, aliases, tags, duplicate keys) is refused with its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import yaml

from flows.findings import Finding

MAX_FILE_BYTES = 256 * 1024
MAX_NESTING = 20  # levels of mappings and lists

Path: TypeAlias = "tuple[str | int, ...]"
Tree: TypeAlias = "str | list[Tree] | dict[str, Tree] | None"

_PLAIN_NULLS = frozenset({"", "~", "null"})
_TOO_DEEP = f"lồng nhau quá {MAX_NESTING} tầng", f"nested deeper than {MAX_NESTING} levels"
_TOO_DEEP_FOR_PARSER = "maximum nesting depth"
"""How the parser's own limit reads. It reads ahead, so a line of many brackets meets that limit before ours."""


@dataclass(slots=True)
class Source:
    """One parsed file: its tree (None when it cannot be read), where each key stands, and what is wrong with its YAML."""

    file: str
    tree: Tree = None
    positions: dict[Path, tuple[int, int]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def position(self, path: Path) -> tuple[int, int]:
        """Line and column (from 1) of a key or list item; of its nearest known parent when it is not written itself.

        Parts that are not in the file (as the tags pydantic puts into its error paths) are passed over.
        """
        known: Path = ()
        for part in path:
            if (*known, part) in self.positions:
                known = (*known, part)
        return self.positions.get(known, (1, 1))

    def add(self, path: Path, code: str, message: str, message_en: str) -> None:
        """Note a finding at a path."""
        line, column = self.position(path)
        self.findings.append(Finding(self.file, line, column, code, message, message_en))


def parse(file: str, content: bytes) -> Source:
    """Read one file of the content set; never raises for bad content, the findings tell."""
    source = Source(file)
    text = _text_of(source, content)
    if text is None:
        return source
    builder = _Builder(source)
    try:
        clean = _read(source, builder, text)
    except yaml.YAMLError as error:
        _add_yaml_error(source, error)
        return source
    if not clean:
        return source
    if not builder.documents:
        source.add((), "empty-file", "tệp trống", "the file is empty")
        return source
    source.tree = builder.root
    source.findings += builder.findings
    return source


def _text_of(source: Source, content: bytes) -> str | None:
    if len(content) > MAX_FILE_BYTES:
        source.add((), "file-too-large", "tệp lớn hơn 256 KB, hãy tách ra", "the file is over 256 KB, split it")
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        message = "không phải UTF-8, hãy lưu lại tệp với mã hoá UTF-8"
        source.findings.append(
            Finding(source.file, line, column, "not-utf8", message, "not UTF-8, save the file as UTF-8")
        )
        return None
    return text


def _read(source: Source, builder: _Builder, text: str) -> bool:
    """Build the tree while the file is parsed; after an alias, anchor, tag or too much depth nothing more is built."""
    depth, clean = 0, True
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        kind = type(event)
        if (
            isinstance(event, yaml.ScalarEvent) and clean and event.anchor is None and event.tag is None
        ):  # the most by far
            builder.scalar(event)
            continue
        problem = _event_problem(event, depth)
        if problem is not None:
            source.findings.append(Finding(source.file, *_mark(event.start_mark), *problem))
            clean = False
            if problem[0] == "too-deep":
                return False
        if kind in (yaml.MappingStartEvent, yaml.SequenceStartEvent):
            depth += 1
            if clean:
                builder.open({} if kind is yaml.MappingStartEvent else [], event.start_mark)
        elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            depth -= 1
            if clean:
                builder.close()
        elif kind is yaml.DocumentStartEvent:
            builder.documents += 1
            if builder.documents > 1:
                mark = cast("yaml.Mark | None", event.start_mark)
                raise yaml.MarkedYAMLError(problem="but found another document", problem_mark=mark)
    return clean


def _event_problem(event: Any, depth: int) -> tuple[str, str, str] | None:
    if isinstance(event, yaml.AliasEvent):
        return "alias", "không dùng bí danh YAML (*), hãy viết đầy đủ", "no YAML aliases (*), write it out"
    if getattr(event, "anchor", None):
        return "anchor", "không dùng neo YAML (&), hãy viết đầy đủ", "no YAML anchors (&), write it out"
    if getattr(event, "tag", None):
        return "tag", "không dùng thẻ YAML (!)", "no YAML tags (!)"
    if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)) and depth >= MAX_NESTING:
        return "too-deep", *_TOO_DEEP
    return None


def _add_yaml_error(source: Source, error: yaml.YAMLError) -> None:
    mark = getattr(error, "problem_mark", None)
    detail = str(getattr(error, "problem", None) or "cannot be read as YAML")
    if _TOO_DEEP_FOR_PARSER in detail:
        source.findings.append(Finding(source.file, *_mark(mark), "too-deep", *_TOO_DEEP))
        return
    message = "YAML viết sai ở đây: xem lại thụt dòng, dấu hai chấm, dấu ngoặc kép"
    source.findings.append(Finding(source.file, *_mark(mark), "bad-yaml", message, f"bad YAML: {detail}"))


def _mark(mark: Any) -> tuple[int, int]:
    """Line and column from 1; the beginning of the file when the parser names no place."""
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


class _Builder:
    """Makes the tree out of what the parser meets, one event after the other.

    A position is kept per key, so that an error about a value points at the line where its key stands.
    """

    def __init__(self, source: Source) -> None:
        self.root: Tree = None
        self.documents = 0
        self.findings: list[Finding] = []
        self._source = source
        self._open: list[tuple[dict[str, Tree] | list[Tree], Path]] = []
        self._keys: list[str | None] = []  # of the open mappings: the key whose value comes next
        self._left_out = 0  # depth inside a part that is not built
        self._leave_out = False  # the next value belongs to a bad or repeated key

    def scalar(self, event: Any) -> None:
        """Take a scalar: a key, or a value that is still text."""
        if self._left_out:
            return
        if self._open and isinstance(self._open[-1][0], dict) and self._keys[-1] is None and not self._leave_out:
            self._key(str(event.value), _mark(event.start_mark))
            return
        plain_null = not event.style and event.value in _PLAIN_NULLS
        self._put(None if plain_null else str(event.value), event.start_mark)

    def open(self, container: dict[str, Tree] | list[Tree], mark: Any) -> None:
        """A mapping or list begins."""
        if self._left_out:
            self._left_out += 1
            return
        if self._open and isinstance(self._open[-1][0], dict) and self._keys[-1] is None and not self._leave_out:
            self._bad_key(_mark(mark))  # a mapping or list as a key: left out, and its value after it
            self._keys[-1] = ""
            self._left_out = 1
            return
        path = self._put(container, mark)
        if path is None:
            self._left_out = 1
            return
        self._open.append((container, path))
        self._keys.append(None)

    def close(self) -> None:
        """The innermost mapping or list ends."""
        if not self._left_out:
            self._open.pop()
            self._keys.pop()
            return
        self._left_out -= 1
        if not self._left_out and self._keys and self._keys[-1] == "":
            self._keys[-1], self._leave_out = None, True

    def _key(self, key: str, mark: tuple[int, int]) -> None:
        tree, path = self._open[-1]
        assert isinstance(tree, dict)
        if key == "<<":
            self._bad_key(mark)
            self._leave_out = True
        elif key in tree:
            message, message_en = f"khoá “{key}” bị viết hai lần", f"key '{key}' is written twice"
            self.findings.append(Finding(self._source.file, *mark, "duplicate-key", message, message_en))
            self._leave_out = True
        else:
            self._source.positions[*path, key] = mark
            self._keys[-1] = key

    def _bad_key(self, mark: tuple[int, int]) -> None:
        message, message_en = "khoá phải là một từ đơn", "a key must be a single word"
        self.findings.append(Finding(self._source.file, *mark, "bad-key", message, message_en))

    def _put(self, value: Tree, mark: Any) -> Path | None:
        """Put a value where it belongs, and say where that is; None for one that is left out."""
        if self._leave_out:
            self._leave_out = False
            return None
        if not self._open:
            self.root = value
            self._source.positions.setdefault((), _mark(mark))
            return ()
        tree, path = self._open[-1]
        if isinstance(tree, list):
            path = (*path, len(tree))
            self._source.positions[path] = _mark(mark)
            tree.append(value)
            return path
        key = self._keys[-1]
        assert key is not None
        tree[key] = value
        self._keys[-1] = None
        return (*path, key)


def scalars(tree: Tree) -> Mapping[Path, str]:
    """Every scalar of a tree by its path, for checks that read all texts."""
    found: dict[Path, str] = {}
    _collect(tree, (), found)
    return found


def _collect(tree: Tree, path: Path, found: dict[Path, str]) -> None:
    if isinstance(tree, str):
        found[path] = tree
    elif isinstance(tree, list):
        for index, item in enumerate(tree):
            _collect(item, (*path, index), found)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            _collect(value, (*path, key), found)

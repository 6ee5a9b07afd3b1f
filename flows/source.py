"""Strict YAML with positions: a tree in which every scalar is still text, and where each key stands.

PyYAML's C parser composes, our builder builds: what YAML would silently change (`no`, `0111`, `1:30`, a date) stays
what was written, and what makes files hard to review (anchors, aliases, tags, duplicate keys) is refused with its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from flows.findings import Finding

MAX_FILE_BYTES = 256 * 1024
MAX_NESTING = 20  # levels of mappings and lists

Path: TypeAlias = "tuple[str | int, ...]"
Tree: TypeAlias = "str | list[Tree] | dict[str, Tree] | None"

_PLAIN_NULLS = frozenset({"", "~", "null"})


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
    if not _anchors_free(source, text):
        return source
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        _add_yaml_error(source, error)
        return source
    if node is None:
        source.add((), "empty-file", "tệp trống", "the file is empty")
        return source
    source.tree = _build(source, node, ())
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


def _anchors_free(source: Source, text: str) -> bool:
    """Walk the events before composing: aliases (also self-referring ones), anchors, tags and depth are refused at once."""
    depth, clean = 0, True
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            problem = _event_problem(event, depth)
            if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                depth += 1
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                depth -= 1
            if problem is not None:
                source.findings.append(Finding(source.file, *_mark(event.start_mark), *problem))
                clean = False
                if problem[0] == "too-deep":
                    return False
    except yaml.YAMLError as error:
        _add_yaml_error(source, error)
        return False
    return clean


def _event_problem(event: Any, depth: int) -> tuple[str, str, str] | None:
    if isinstance(event, yaml.AliasEvent):
        return "alias", "không dùng bí danh YAML (*), hãy viết đầy đủ", "no YAML aliases (*), write it out"
    if getattr(event, "anchor", None):
        return "anchor", "không dùng neo YAML (&), hãy viết đầy đủ", "no YAML anchors (&), write it out"
    if getattr(event, "tag", None):
        return "tag", "không dùng thẻ YAML (!)", "no YAML tags (!)"
    if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)) and depth >= MAX_NESTING:
        return "too-deep", f"lồng nhau quá {MAX_NESTING} tầng", f"nested deeper than {MAX_NESTING} levels"
    return None


def _add_yaml_error(source: Source, error: yaml.YAMLError) -> None:
    mark = getattr(error, "problem_mark", None)
    message = "YAML viết sai ở đây: xem lại thụt dòng, dấu hai chấm, dấu ngoặc kép"
    detail = str(getattr(error, "problem", None) or "cannot be read as YAML")
    source.findings.append(Finding(source.file, *_mark(mark), "bad-yaml", message, f"bad YAML: {detail}"))


def _mark(mark: Any) -> tuple[int, int]:
    """Line and column from 1; the beginning of the file when the parser names no place."""
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


def _build(source: Source, node: Any, path: Path) -> Tree:
    # A position is kept per key, so that an error about a value points at the line where its key stands.
    source.positions.setdefault(path, _mark(node.start_mark))
    if isinstance(node, yaml.ScalarNode):
        return None if not node.style and node.value in _PLAIN_NULLS else str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_build(source, item, (*path, index)) for index, item in enumerate(node.value)]
    tree: dict[str, Tree] = {}
    for key_node, value_node in node.value:
        mark = _mark(key_node.start_mark)
        if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
            source.findings.append(
                Finding(source.file, *mark, "bad-key", "khoá phải là một từ đơn", "a key must be a single word")
            )
            continue
        key = str(key_node.value)
        if key in tree:
            message, message_en = f"khoá “{key}” bị viết hai lần", f"key '{key}' is written twice"
            source.findings.append(Finding(source.file, *mark, "duplicate-key", message, message_en))
            continue
        source.positions[(*path, key)] = mark
        tree[key] = _build(source, value_node, (*path, key))
    return tree


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

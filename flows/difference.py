"""What differs between two versions of the content, in words: for whoever publishes, and for whoever asks later.

Compared is what was written, not its layout: a moved comment or a folded line is no difference. Steps that only got another
name are told as renamed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import SequenceMatcher
from enum import Enum, StrEnum
from typing import Any, TypeAlias

from pydantic import BaseModel

from flows import audio
from flows.catalogs import parse_po
from flows.library import Library
from flows.schema import Flow, Step
from flows.source import Path
from flows.spoken_keys import in_words

ALIKE = 0.75  # how alike two steps must be, of 1, to be one step under another name
MAX_SHOWN = 60  # characters of a text shown from each side
_TARGETS = frozenset({"goto", "next", "else", "skip", "on_release"})  # keys that name a step

Leaves: TypeAlias = "dict[Path, str]"


class Kind(StrEnum):
    """What happened to something."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `place` is "flow.step" or "flow" of the older version (of the newer one for what is added), "" for
    what belongs to the whole set; people may stand there.
    """

    kind: Kind
    place: str
    message: str  # Vietnamese
    message_en: str

    def in_language(self, language: str) -> str:
        """The message in "vi" or "en"."""
        return self.message_en if language == "en" else self.message


def difference(before: Library, after: Library) -> list[Change]:
    """Everything that differs, flow by flow and then the set; empty when both read the same."""
    changes: list[Change] = []
    for name in sorted({*before.flows, *after.flows}):
        old, new = before.flows.get(name), after.flows.get(name)
        if old is None and new is not None:
            changes.append(_flow_change(Kind.ADDED, new))
        elif new is None and old is not None:
            changes.append(_flow_change(Kind.REMOVED, old))
            changes += [_step_change(Kind.REMOVED, f"{name}.{step}") for step in old.steps]
        elif old is not None and new is not None:
            changes += _of_flow(old, new)
    changes += _of_tree("set.yaml", _leaves(before.manifest), _leaves(after.manifest))
    changes += _of_tree("lines.yaml", _all_leaves(before.lines), _all_leaves(after.lines))
    return changes


def file_difference(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[Change]:
    """Files that differ and are no flows: the danger lexicon, translations, recordings. (Flows, set, lines: `difference`.)"""
    changes = []
    for name in sorted({*before, *after}):
        if name.startswith(("flows/", "transcripts/", "directory/")) or name in ("set.yaml", "lines.yaml"):
            continue
        old, new = before.get(name), after.get(name)
        if old is None:
            changes.append(Change(Kind.ADDED, "", f"tệp {name}: mới", f"file {name}: new"))
        elif new is None:
            changes.append(Change(Kind.REMOVED, "", f"tệp {name}: đã bỏ", f"file {name}: removed"))
        elif audio.is_audio(name):
            if audio.pointer(old) != audio.pointer(new):
                changes.append(Change(Kind.CHANGED, "", f"tệp {name}: ghi lại", f"file {name}: recorded anew"))
        elif name.endswith(".po") and old != new:
            changes.append(_translated(name, old, new))
        elif old != new:
            more, fewer = _counted_lines(old, new)
            counts = f"+{more} −{fewer}"
            changes.append(Change(Kind.CHANGED, "", f"tệp {name}: {counts} dòng", f"file {name}: {counts} lines"))
    return changes


def _translated(name: str, old: bytes, new: bytes) -> Change:
    """How many texts of a language came, changed and went; what is fuzzy or empty is not shown and counts as not there."""
    before, after = (
        {
            key: entry.text
            for key, entry in parse_po(name, "", content).entries.items()
            if entry.text and not entry.fuzzy
        }
        for content in (old, new)
    )
    came, gone = len(after.keys() - before.keys()), len(before.keys() - after.keys())
    changed = sum(before[key] != after[key] for key in before.keys() & after.keys())
    return Change(
        Kind.CHANGED,
        "",
        f"tệp {name}: bản dịch mới {came}, đổi {changed}, bỏ {gone}",
        f"file {name}: translations new {came}, changed {changed}, gone {gone}",
    )


def touched(changes: list[Change]) -> set[str]:
    """The steps of the older version that a change removes, renames or alters: where people may stand."""
    return {change.place for change in changes if change.kind is not Kind.ADDED and "." in change.place}


# --- flows ------------------------------------------------------------------------------------------------------


def _flow_change(kind: Kind, flow: Flow) -> Change:
    said, said_en = {
        Kind.ADDED: ("luồng mới", "new flow"),
        Kind.REMOVED: ("đã bỏ cả luồng", "flow removed"),
    }[kind]
    count = len(flow.steps)
    return Change(
        kind, flow.flow, f"{flow.flow}: {said} “{flow.title}”, {count} bước", f"{flow.flow}: {said_en}, steps: {count}"
    )


def _step_change(kind: Kind, place: str, new_name: str = "") -> Change:
    said, said_en = {
        Kind.ADDED: ("bước mới", "new step"),
        Kind.REMOVED: ("đã bỏ bước này", "step removed"),
        Kind.RENAMED: (f"đổi tên thành “{new_name}”", f"renamed to '{new_name}'"),
    }[kind]
    return Change(kind, place, f"{place}: {said}", f"{place}: {said_en}")


def _of_flow(old: Flow, new: Flow) -> Iterator[Change]:
    name = old.flow
    renamed = _renamed(old, new)
    for key, label, label_en in (("title", "tên", "title"), ("start", "bước đầu", "first step")):
        was, now = getattr(old, key), getattr(new, key)
        if (renamed.get(was, was) if key == "start" else was) != now:
            yield Change(
                Kind.CHANGED, name, f"{name}: {label} “{was}” → “{now}”", f"{name}: {label_en} '{was}' → '{now}'"
            )
    for step, part in old.steps.items():
        place = f"{name}.{step}"
        if step in renamed:
            yield _step_change(Kind.RENAMED, place, renamed[step])
        elif step not in new.steps:
            yield _step_change(Kind.REMOVED, place)
            continue
        yield from _of_tree(place, _step_leaves(part, renamed), _step_leaves(new.steps[renamed.get(step, step)]), place)
    taken = set(renamed.values())
    for step in new.steps:
        if step not in old.steps and step not in taken:
            yield _step_change(Kind.ADDED, f"{name}.{step}")


def _renamed(old: Flow, new: Flow) -> dict[str, str]:
    """Old name to new name, for steps that went and came much alike; the most alike pairs first, each step once."""
    gone = {step: _fingerprint(part) for step, part in old.steps.items() if step not in new.steps}
    come = {step: _fingerprint(part) for step, part in new.steps.items() if step not in old.steps}
    pairs = []
    for was, old_print in gone.items():
        for now, new_print in come.items():
            if old_print[0] == new_print[0]:
                likeness = _likeness(old_print[1], new_print[1])
                if likeness >= ALIKE:
                    pairs.append((-likeness, was, now))
    found: dict[str, str] = {}
    for _, was, now in sorted(pairs):
        if was not in found and now not in found.values():
            found[was] = now
    return found


def _fingerprint(step: Step) -> tuple[str, str]:
    """The kind of a step, and all it says and does except where it leads (neighbours may be renamed, too)."""
    leaves = _step_leaves(step)
    kept = (f"{'.'.join(map(str, path))}={leaf}" for path, leaf in leaves.items() if path[-1] not in _TARGETS)
    return step.kind.value, "\n".join(kept)


def _likeness(one: str, other: str) -> float:
    if one == other:
        # Steps without any words of their own (`return: true`) say nothing about being the same.
        return 1.0 if one.count("=") > 1 or len(one) > MAX_SHOWN else 0.0
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE else 0.0


# --- trees ------------------------------------------------------------------------------------------------------


def _step_leaves(step: Step, renamed: Mapping[str, str] | None = None) -> Leaves:
    leaves = _leaves(step)
    if not renamed:
        return leaves
    # A way that leads to the same step under its new name is no difference.
    return {path: renamed.get(leaf, leaf) if path[-1] in _TARGETS else leaf for path, leaf in leaves.items()}


def _leaves(model: BaseModel) -> Leaves:
    found: Leaves = {}
    _collect(model.model_dump(by_alias=True, exclude_defaults=True), (), found)
    return found


def _all_leaves(models: Mapping[str, BaseModel]) -> Leaves:
    return {(name, *path): leaf for name, model in models.items() for path, leaf in _leaves(model).items()}


def _collect(tree: Any, path: Path, found: Leaves) -> None:
    if isinstance(tree, dict):
        for key, value in tree.items():
            _collect(value, (*path, str(key)), found)
    elif isinstance(tree, list) and all(isinstance(item, str) for item in tree):
        found[path] = " / ".join(map(_written, tree))
    elif isinstance(tree, list):
        for index, item in enumerate(tree):
            _collect(item, (*path, index), found)
    elif tree is not None:
        found[path] = _written(tree)


def _written(value: object) -> str:
    """A value as one writes it in a file."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        unit, size = next(((u, n) for u, n in (("h", 3600), ("m", 60)) if seconds % n == 0), ("s", 1))
        return f"{seconds // size}{unit}"
    return str(value.value if isinstance(value, Enum) else value)


def _of_tree(name: str, old: Leaves, new: Leaves, place: str = "") -> Iterator[Change]:
    """The leaves that differ; a whole branch (a choice, a variable) that came or went is told once, at its root."""
    told: set[Path] = set()
    for path in dict.fromkeys([*old, *new]):
        if old.get(path) == new.get(path):
            continue
        root = _root(path, new if path in old else old) if (path in old) != (path in new) else path
        if root in told:
            continue
        told.add(root)
        yield _leaf_change(name, place, root, _shown(root, old), _shown(root, new))


def _root(path: Path, other: Leaves) -> Path:
    """The shortest beginning of a path under which the other side has nothing at all."""
    for length in range(1, len(path)):
        if not any(known[:length] == path[:length] for known in other):
            return path[:length]
    return path


def _shown(root: Path, leaves: Leaves) -> str | None:
    """What stands there, short: the leaf itself, or the words below it."""
    below = [leaf for path, leaf in leaves.items() if path[: len(root)] == root]
    if not below:
        return None
    text = " ".join(", ".join(below).split())
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1].rstrip() + "…"


def _leaf_change(name: str, place: str, path: Path, was: str | None, now: str | None) -> Change:
    key, key_en = in_words(path)
    # Long texts often differ only far behind: then both shortened sides look the same.
    if was == now:
        return Change(
            Kind.CHANGED, place, f"{name}: {key} “{was}” (đổi ở phần sau)", f"{name}: {key_en} '{was}' (further on)"
        )
    if was is None:
        return Change(Kind.CHANGED, place, f"{name}: thêm {key}: “{now}”", f"{name}: {key_en} added: '{now}'")
    if now is None:
        return Change(Kind.CHANGED, place, f"{name}: bỏ {key}: “{was}”", f"{name}: {key_en} removed: '{was}'")
    return Change(Kind.CHANGED, place, f"{name}: {key} “{was}” → “{now}”", f"{name}: {key_en} '{was}' → '{now}'")


def _counted_lines(old: bytes, new: bytes) -> tuple[int, int]:
    """Lines that came and lines that went."""
    before, after = old.splitlines(), new.splitlines()
    same = sum(block.size for block in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks())
    return len(after) - same, len(before) - same

"""Rewrites what failing transcripts expect to what comes now, for review in the diff: comments and layout stay as they are.

Only expectations and the labels of pressed buttons are touched, one value at a time. Nothing is accepted by this: whoever
commits the diff says that the new talk is the right one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import yaml

from flows.library import Library
from flows.rehearsal import Outcome, Seen, run
from flows.source import Path
from flows.text import fold
from flows.transcripts import Expect, Host, Script, scripts

MIN_LIKENESS = 0.4  # of 1: below it a text that came is not taken for the one that was expected
MAX_PIECE = 60  # characters of a new piece in `says`
_PLAIN = re.compile(r"[^\W\d_][^:#\[\]{},&*!|>'\"%@`\n\\]*")
_WORDS_OF_YAML = frozenset({"yes", "no", "true", "false", "on", "off", "null", "~", "y", "n"})


@dataclass(frozen=True, slots=True)
class Updated:
    """A transcript with its expectations as things are now; `outcome` is how it ends with them."""

    content: bytes
    changed: bool
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Edit:
    """What to write at a path; None takes the item out of its list."""

    path: Path
    value: str | None


def update(library: Library, script: Script, host: Host, content: bytes) -> Updated:
    """Play a transcript and rewrite what differs, until it passes or nothing more can be rewritten."""
    changed = False
    outcome = run(library, script, host)
    # A button that is found again makes later turns play, which may differ again: at most once a turn.
    for _ in range(len(script.transcript.turns) + 1):
        edits = list(_edits(script, outcome))
        if not outcome.failures or not edits:
            break
        rewritten = _apply(content.decode("utf-8-sig"), edits).encode()
        read = scripts({script.source.file: rewritten})[0]
        if rewritten == content or not read:
            break
        content, script, changed = rewritten, read[0], True
        outcome = run(library, script, host)
    return Updated(content, changed, outcome)


# --- what differs -------------------------------------------------------------------------------------------------------


def _edits(script: Script, outcome: Outcome) -> Iterator[_Edit]:
    turns = script.transcript.turns
    for index, (turn, seen) in enumerate(zip(turns, outcome.seen, strict=False)):
        yield from _of_turn(("turns", index, "expect"), turn.expect, seen)
    reached = len(outcome.seen)
    if reached < len(turns):
        yield from _pressed(reached, turns[reached].choose, outcome.seen)
        return
    end, last = script.transcript.end, outcome.seen[-1]
    if end.status is not None and end.status != last.status:
        yield _Edit(("end", "status"), last.status)
    for name, expected in end.variables.items():
        came = outcome.variables.get(name, "empty")
        if came != expected:
            yield _Edit(("end", "variables", name), came)


def _of_turn(path: Path, expect: Expect, seen: Seen) -> Iterator[_Edit]:
    taken: set[str] = set()
    for position, piece in enumerate(expect.says):
        if unicodedata.normalize("NFC", piece) not in seen.said:
            found = _nearest(piece, [one for one in pieces(seen.said) if one not in taken])
            taken.add(found or "")
            yield _Edit((*path, "says", position), found)
    for position, piece in enumerate(expect.not_says):
        if unicodedata.normalize("NFC", piece) in seen.said:
            yield _Edit((*path, "not_says", position), None)
    known = {fold(label) for label in expect.choices}
    new = [label for label in seen.offered if fold(label) not in known]
    for position, label in enumerate(expect.choices):
        if fold(label) not in {fold(offered) for offered in seen.offered}:
            found = _nearest(label, new)
            new = [one for one in new if one != found]
            yield _Edit((*path, "choices", position), found)
    for position, effect in enumerate(expect.effects):
        if effect not in seen.effects:
            yield _Edit((*path, "effects", position), None)
    for key, expected, came in (
        ("step", expect.step, seen.step),
        ("severity", None if expect.severity is None else expect.severity.value, seen.severity),
        ("status", expect.status, seen.status),
    ):
        if expected is not None and expected != came:
            yield _Edit((*path, key), came)


def _pressed(index: int, label: str | None, seen: Sequence[Seen]) -> Iterator[_Edit]:
    """A button that is not there any more: the one most like it, when there is one."""
    found = _nearest(label, seen[-1].offered) if label is not None and seen else None
    if found is not None:
        yield _Edit(("turns", index, "choose"), found)


def pieces(said: str) -> list[str]:
    """Sentences and lines of what was said, each short enough to be a piece."""
    found = []
    for sentence in re.split(r"\n|(?<=[.!?…])\s+", said):
        piece = sentence.strip().rstrip(".")
        if len(piece) > MAX_PIECE:
            piece = piece[:MAX_PIECE].rsplit(" ", 1)[0]
        found += [piece] if piece else []
    return found


def _nearest(wanted: str, there: Sequence[str]) -> str | None:
    """What comes closest, without regard to case and accents; None when nothing is alike."""
    scored = [(SequenceMatcher(None, fold(wanted), fold(one), autojunk=False).ratio(), one) for one in there]
    best = max(scored, default=(0.0, ""), key=lambda pair: pair[0])
    return best[1] if best[0] >= MIN_LIKENESS else None


# --- writing ------------------------------------------------------------------------------------------------------------


def _apply(text: str, edits: Sequence[_Edit]) -> str:
    """Write the edits into the text, the last one first, so that places before it stay where they are."""
    root = yaml.compose(
        text, Loader=yaml.CSafeLoader
    )  # as `source.parse`: PyYAML's own parser refuses some of what it takes
    spans: list[tuple[int, int, str]] = []
    gone: dict[Path, set[int]] = {}
    for edit in edits:
        node = _node(root, edit.path)
        if edit.value is None and isinstance(edit.path[-1], int):
            gone.setdefault(edit.path[:-1], set()).add(edit.path[-1])
        elif edit.value is not None and isinstance(node, yaml.ScalarNode):
            spans.append((node.start_mark.index, node.end_mark.index, written(edit.value)))
    values = {edit.path: edit.value for edit in edits}
    for path, positions in gone.items():
        node = _node(root, path)
        if isinstance(node, yaml.ScalarNode):  # one text where a list could be
            spans.append((node.start_mark.index, node.end_mark.index, "[]"))
        elif isinstance(node, yaml.SequenceNode):
            left = [
                values.get((*path, number)) or item.value
                for number, item in enumerate(node.value)
                if number not in positions
            ]
            start, end = node.start_mark.index, node.end_mark.index
            spans = [span for span in spans if not start <= span[0] < end]
            spans.append((start, end, f"[{', '.join(map(written, left))}]"))
    for start, end, value in sorted(spans, reverse=True):
        old = text[start:end]
        text = text[:start] + value + old[len(old.rstrip()) :] + text[end:]
    return text


def _node(root: yaml.Node | None, path: Path) -> yaml.Node | None:
    node = root
    for part in path:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part] if part < len(node.value) else None
        # One text where a list could be stands for its only item: the path ends early.
    return node


def written(text: str) -> str:
    """A text as a YAML scalar: plain when nothing in it could be misread, else in double quotes."""
    if _PLAIN.fullmatch(text) and text == text.strip() and text.lower() not in _WORDS_OF_YAML:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

"""Every text a seeker may read, with the place where it is written, for the checks that read texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flows.library import Library
from flows.schema import Step
from flows.templates import compile_text

SET_FILE = "set.yaml"
LINES_FILE = "lines.yaml"


@dataclass(frozen=True, slots=True)
class WrittenText:
    """One text as written, placeholders included."""

    file: str
    path: tuple[str | int, ...]
    text: str
    labels: tuple[str, ...] = ()  # choices printed below it where a platform has no buttons
    begins: bool = False  # may be the beginning of a message, so a locked screen may show it
    step: str = ""  # the step that says it; empty for phrases and lines

    def pieces(self) -> list[tuple[str, str]]:
        """The text in order as (plain text, name of the placeholder behind it or nothing)."""
        parts = [*compile_text(self.text, {}).parts, ""]
        return list(zip(parts[::2], parts[1::2], strict=True))

    def placeholders(self) -> set[str]:
        """Names in braces: variables, `line.<id>`, and what the host fills into phrases."""
        return {name for _, name in self.pieces() if name}


def all_texts(library: Library) -> Iterator[WrittenText]:
    """Texts of steps, labels, phrases, shown values and lines, in the order of the files."""
    for name, flow in library.flows.items():
        for index, text in enumerate(flow.on_resume.say if flow.on_resume is not None else ()):
            yield WrittenText(library.files[name], ("on_resume", "say", index), text, begins=True)
        for step_name, step in flow.steps.items():
            yield from _of_step(library.files[name], ("steps", step_name), step)
    for key, phrase in library.phrases.items():
        yield WrittenText(SET_FILE, ("phrases", key), phrase, begins=True)
    for key, variable in library.manifest.variables.items():
        for value, shown in variable.shown.items():
            yield WrittenText(SET_FILE, ("variables", key, "shown", value), shown)
    for key, line in library.lines.items():
        yield WrittenText(LINES_FILE, (key, "name"), line.name)
        yield WrittenText(LINES_FILE, (key, "who"), line.who)


def step_texts(library: Library, flow: str, step: str) -> list[WrittenText]:
    """The texts of one step."""
    return list(_of_step(library.files[flow], ("steps", step), library.flows[flow].steps[step]))


def _of_step(file: str, path: tuple[str | int, ...], step: Step) -> Iterator[WrittenText]:
    name = str(path[-1])
    says = step.say or []
    labels = tuple(choice.label for choice in (step.choices or {}).values())
    for index, text in enumerate(says):
        last = index == len(says) - 1
        yield WrittenText(file, (*path, "say", index), text, labels if last else (), begins=True, step=name)
    if step.ask is not None and step.ask.invalid is not None:
        for index, text in enumerate(step.ask.invalid):
            yield WrittenText(file, (*path, "ask", "invalid", index), text, begins=True, step=name)
    for index, text in enumerate(step.invalid or ()):
        yield WrittenText(file, (*path, "invalid", index), text, begins=True, step=name)
    for choice_id, choice in (step.choices or {}).items():
        yield WrittenText(file, (*path, "choices", choice_id, "label"), choice.label, step=name)

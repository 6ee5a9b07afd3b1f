"""Every text a seeker may read, with the place where it is written, for the checks that read texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flows.catalogs import context_of
from flows.library import Library
from flows.phrases import PHRASES
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
    place: str = ""  # the flow, and the step when it has one; empty in set.yaml and lines.yaml

    @property
    def context(self) -> str:
        """Where it is said, as translations name it ("safety.ask.choices.safe")."""
        path = self.path[2:] if self.path[:1] == ("steps",) else self.path
        return context_of(self.place, path)

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
            yield WrittenText(library.files[name], ("on_resume", "say", index), text, begins=True, place=name)
        for step_name in flow.steps:
            yield from step_texts(library, name, step_name)
    for key, phrase in library.phrases.items():
        whole = PHRASES[key].whole if key in PHRASES else True
        yield WrittenText(SET_FILE, ("phrases", key), phrase, begins=whole)
    for key, variable in library.manifest.variables.items():
        for value, shown in variable.shown.items():
            yield WrittenText(SET_FILE, ("variables", key, "shown", value), shown)
    for key, line in library.lines.items():
        yield WrittenText(LINES_FILE, (key, "name"), line.name)
        yield WrittenText(LINES_FILE, (key, "who"), line.who)


def step_texts(library: Library, flow: str, step: str) -> list[WrittenText]:
    """The texts of one step."""
    return list(_of_step(flow, library.files[flow], step, library.flows[flow].steps[step]))


def translatable(library: Library) -> Iterator[WrittenText]:
    """What a seeker may read in another language: everything but the national lines, whose names stay as they are known."""
    return (text for text in all_texts(library) if text.file != LINES_FILE)


def translated(library: Library) -> Iterator[tuple[str, WrittenText]]:
    """Every translation that can be shown, by language; its place is the line of its PO file."""
    written = list(translatable(library))
    labels = {(text.context, text.text) for text in written if text.path[-1:] == ("label",)}
    for language, catalog in library.catalogs.items():
        shown = {context: catalog.text(context, label) or label for context, label in labels}
        for text in written:
            found = catalog.text(text.context, text.text)
            if found is None:
                continue
            below: tuple[str, ...] = ()
            if text.labels:
                choices = library.flows[text.place.partition(".")[0]].steps[text.step].choices or {}
                below = tuple(shown[f"{text.place}.choices.{choice_id}"] for choice_id in choices)
            path = (text.context, text.text)
            yield language, WrittenText(catalog.source.file, path, found, below, text.begins, text.step, text.place)


def _of_step(flow: str, file: str, name: str, step: Step) -> Iterator[WrittenText]:
    path, place = ("steps", name), f"{flow}.{name}"
    says = step.say or []
    labels = tuple(choice.label for choice in (step.choices or {}).values())
    for index, text in enumerate(says):
        last = index == len(says) - 1
        yield WrittenText(file, (*path, "say", index), text, labels if last else (), True, name, place)
    if step.ask is not None and step.ask.invalid is not None:
        for index, text in enumerate(step.ask.invalid):
            yield WrittenText(file, (*path, "ask", "invalid", index), text, begins=True, step=name, place=place)
    for index, text in enumerate(step.invalid or ()):
        yield WrittenText(file, (*path, "invalid", index), text, begins=True, step=name, place=place)
    if step.remind is not None:
        yield WrittenText(file, (*path, "remind", "say"), step.remind.say, begins=True, step=name, place=place)
    for choice_id, choice in (step.choices or {}).items():
        yield WrittenText(file, (*path, "choices", choice_id, "label"), choice.label, step=name, place=place)

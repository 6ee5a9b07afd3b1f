"""Every line that the shipped flows say, as each platform shows it: fitting, complete, neutral at its beginning, answerable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from bot.channels.render import Rendered, is_neutral, render, wording
from bot.shipped import content_files
from bot.worlds import load_world
from flows import rehearsal
from flows.effects import Button, Chose, Said, Say, Sprint
from flows.engine import advance
from flows.library import Library
from flows.platforms import CHOICES_PER_MESSAGE, PLATFORMS, Capabilities, numbered
from flows.session import Session, Status
from flows.text import length
from flows.transcripts import scripts
from handlers.directory_files import load_seed
from handlers.model import Outgoing
from handlers.rehearsal import REHEARSED_AT, RehearsalHost
from handlers.world import Libraries
from tests.fakes.road import ZONE


@dataclass(frozen=True)
class Played:
    """What the shipped transcripts have brought up."""

    library: Library
    lines: frozenset[tuple[str, tuple[Button, ...], bool, str]]
    questions: tuple[tuple[Session, tuple[Button, ...]], ...]  # a session that waits, and what it offers


@cache
def played() -> Played:
    """Every transcript of the shipped set, once."""
    files = content_files()
    world = load_world(files, list(load_seed(files)), ZONE, Libraries())
    found, _ = scripts(files)
    lines: set[tuple[str, tuple[Button, ...], bool, str]] = set()
    questions: dict[str, tuple[Session, tuple[Button, ...]]] = {}
    once: set[str] = set()

    def noted(*given: Any) -> Sprint[Session]:
        sprint = advance(*given)
        for effect in sprint.effects:
            if not isinstance(effect, Say):
                continue
            # The numbers of buttons differ from talk to talk; what is shown does not.
            labels = tuple(Button(button.label, f"q.{n}") for n, button in enumerate(effect.buttons))
            lines.add((effect.text, labels, effect.wants_location, effect.language))
            key = f"{effect.step} {[button.label for button in effect.buttons]}"
            if effect.buttons and sprint.session.status is Status.WAITING and key not in once:
                once.add(key)
                questions[key] = (sprint.session, effect.buttons)
        return sprint

    original = rehearsal.advance
    rehearsal.advance = noted
    try:
        for script in found:
            rehearsal.run(world.library, script, RehearsalHost(world))
    finally:
        rehearsal.advance = original
    return Played(world.library, frozenset(lines), tuple(questions.values()))


def outgoing() -> Iterator[Outgoing]:
    for text, buttons, wants_location, language in sorted(played().lines, key=str):
        yield Outgoing(text=text, buttons=buttons, wants_location=wants_location, language=language)


def as_shown(line: Outgoing, capabilities: Capabilities) -> Rendered:
    return render(line, capabilities, wording(played().library)(line.language))


def test_the_transcripts_bring_up_every_step_that_asks() -> None:
    assert len(played().lines) > 60
    asking = {
        f"{name}.{step_name}"
        for name, flow in played().library.flows.items()
        for step_name, step in flow.steps.items()
        if step.choices
    }
    assert asking <= {session.place() for session, _ in played().questions}


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
def test_each_line_fits_is_whole_and_begins_neutrally(platform: str) -> None:
    capabilities = PLATFORMS[platform]
    for line in outgoing():
        rendered = as_shown(line, capabilities)
        shown = "\n".join(rendered.texts)
        assert "".join(line.text.split()) in "".join(shown.split()), "nothing of the text is lost"
        for part in rendered.parts:
            assert 0 < length(part.text, capabilities.unit) <= capabilities.max_text
            assert len(part.buttons) <= capabilities.max_buttons
            assert is_neutral(part.text) or not capabilities.previews, part.text[:40]
        pressable = [button for part in rendered.parts for button in part.buttons]
        if capabilities.buttons:
            assert [button.data for button in pressable] == [button.data for button in line.buttons]
        else:
            assert all(button.label in shown for button in line.buttons)


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
def test_no_shipped_line_needs_a_second_message_for_its_text(platform: str) -> None:
    """A question and its choices arrive as one; only a long list of choices goes on in the next message."""
    capabilities = PLATFORMS[platform]
    for line in outgoing():
        rendered = as_shown(line, capabilities)
        pages = 1
        if capabilities.buttons and line.buttons:
            pages = -(-len(line.buttons) // capabilities.max_buttons)
        elif line.buttons:
            pages = -(-len(line.buttons) // CHOICES_PER_MESSAGE)
        assert len(rendered.parts) == pages + bool(rendered.share), line.text


def test_the_number_printed_before_a_choice_means_that_choice() -> None:
    """On platforms without buttons typing the number must do what pressing would."""
    asked = played()
    assert len(asked.questions) > 30
    for session, buttons in asked.questions:
        if len(buttons) == 1:
            continue  # printed without a number
        assert numbered([button.label for button in buttons]).count("\n") == len(buttons) - 1
        for index, button in enumerate(buttons):
            pressed = advance(asked.library, session, Chose(button.data), REHEARSED_AT)
            typed = advance(asked.library, session, Said(str(index + 1)), REHEARSED_AT)
            assert typed.session.place() == pressed.session.place(), (session.place(), button.label)
            assert [type(effect) for effect in typed.effects] == [type(effect) for effect in pressed.effects]
            assert typed.session.variables == pressed.session.variables


def test_a_single_choice_can_be_typed_as_it_is_printed() -> None:
    asked = played()
    single = [(session, buttons[0]) for session, buttons in asked.questions if len(buttons) == 1]
    assert single
    for session, button in single:
        pressed = advance(asked.library, session, Chose(button.data), REHEARSED_AT)
        typed = advance(asked.library, session, Said(button.label), REHEARSED_AT)
        assert typed.session.place() == pressed.session.place()

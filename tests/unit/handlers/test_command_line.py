"""Whoever stands at the command line has a name in the log, and it can pass for nobody else's."""

from __future__ import annotations

import pytest

from handlers.command_line import COMMAND_LINE, at_command_line, is_command_line, named, plain_name
from handlers.model import new_uid


@pytest.mark.parametrize("name", ["", "  ", "x" * 300, "system", "ạ́" * 60, "a\u202eb", "command line", "\ud800"])
def test_an_actor_is_short_printable_and_known_again(name: str) -> None:
    actor = at_command_line(name)
    assert len(actor) <= 64
    assert actor.isprintable()
    assert actor.encode()
    assert is_command_line(actor)
    assert named(actor) == (plain_name(name) or "somebody")


def test_nobody_else_is_taken_for_the_command_line() -> None:
    for actor in ("system", "seeker", new_uid(), "", "command liner", "command line2: Mai"):
        assert not is_command_line(actor)
        assert named(actor) == actor
    assert is_command_line(COMMAND_LINE)  # rows from before names stood there
    assert named(COMMAND_LINE) == COMMAND_LINE

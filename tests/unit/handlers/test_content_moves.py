"""New content meets people in the middle of a conversation: who is taken along, and who finishes on what she began with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.shipped import content_files
from flows.loader import load
from tests.fakes.road import Road, shipped_world

ENTRY = "entry: welcome\n"


@pytest.fixture
def road() -> Iterator[Road]:
    """A hotline of its own."""
    road = Road()
    yield road
    road.close()


def publish(road: Road, *edits: tuple[str, str, str]) -> str:
    """Put changed content in force; the version."""
    files = content_files()
    for file, old, new in edits:
        text = files[file].decode()
        assert text.count(old) == 1, f"{old!r} in {file}"
        files[file] = text.replace(old, new).encode()
    library = load(files).library
    assert library is not None
    world = shipped_world()
    world.libraries.add(world.library)
    world.libraries.add(library)
    road.worlds.replace(replace(world, library=library))
    return library.version


QUESTION = ("flows/safety.yaml", "Lúc này bạn nhắn tin có an toàn không?", "Bạn nhắn tin lúc này có an toàn chứ?")


def test_without_a_map_she_finishes_on_the_version_she_began_with(road: Road) -> None:
    road.starts("a")
    began = road.contact(road.case_of("a")).content_version
    publish(road, QUESTION)
    road.types("a", "nhắc lại")
    assert "nhắn tin có an toàn không" in road.texts("a")[-1]
    assert road.contact(road.case_of("a")).content_version == began


def test_with_a_map_she_goes_on_in_the_new_one(road: Road) -> None:
    road.starts("a")
    version = publish(road, QUESTION, ("set.yaml", ENTRY, ENTRY + "moved: {safety: safety}\n"))
    road.types("a", "nhắc lại")
    assert "nhắn tin lúc này có an toàn chứ" in road.texts("a")[-1]
    assert road.contact(road.case_of("a")).content_version == version
    road.presses("a", "Có")
    assert road.case_of("a").summary.answers["Lúc nhắn có an toàn không"] == "có"


def test_a_flow_may_shorten_the_time_in_which_she_is_known(road: Road) -> None:
    world = road.worlds.current
    session = {"frames": [["welcome", "safety", "called"], ["safety", "ask", "open"]]}
    assert world.resume_window(None) == world.resume_window(session) == timedelta(minutes=30)
    publish(road, ("flows/safety.yaml", "start: ask\n", "start: ask\nresume_within: 5m\n"))
    assert road.worlds.current.resume_window(session) == timedelta(minutes=5)
    publish(road, ("flows/safety.yaml", "start: ask\n", "start: ask\nresume_within: 5h\n"))
    assert road.worlds.current.resume_window(session) == timedelta(minutes=30)

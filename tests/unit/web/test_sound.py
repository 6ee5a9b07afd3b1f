"""Recordings: heard by those who do not read, whole or in ranges, stored nowhere on the phone."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from bot.channels.webchat import new_token
from bot.web.sound import KEPT, Recordings
from handlers.seeker import SeekerView, ViewLine, ViewRequest
from tests.unit.web.fakes import make_deps
from tests.unit.web.serving import Page, serving

SHA = "ab" * 32
SOUND = b"ID3" + bytes(range(97))


@dataclass
class Content:
    """Says which recordings were read."""

    known: dict[str, bytes] = field(default_factory=lambda: {SHA: SOUND})
    read: list[str] = field(default_factory=list)

    def recording(self, sha256: str) -> bytes | None:
        self.read.append(sha256)
        return self.known.get(sha256)


def deps_with(content: Content) -> Any:
    deps, _, door = make_deps()
    door.uow = SimpleNamespace(content=content, get_setting=lambda name: None)
    return deps


async def test_a_recording_is_played_from_memory_the_second_time_and_never_cached_on_the_phone() -> None:
    content = Content()
    async with serving(deps_with(content)) as http:
        for _ in range(2):
            answer = await http.get(f"/audio/{SHA}.mp3")
            assert (answer.status, answer.content_type, await answer.read()) == (200, "audio/mpeg", SOUND)
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Accept-Ranges"] == "bytes"
    assert content.read == [SHA]


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-1", 0, 2), ("bytes=10-", 10, 100), ("bytes=-5", 95, 100), ("bytes=90-999", 90, 100)],
)
async def test_phones_get_the_range_they_ask_for(asked: str, start: int, stop: int) -> None:
    async with serving(deps_with(Content())) as http:
        answer = await http.get(f"/audio/{SHA}.mp3", headers={"Range": asked})
        assert (answer.status, await answer.read()) == (206, SOUND[start:stop])
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/100"


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=5-2", "bytes=a-b"])
async def test_a_range_that_is_none_is_refused(asked: str) -> None:
    async with serving(deps_with(Content())) as http:
        assert (await http.get(f"/audio/{SHA}.mp3", headers={"Range": asked})).status == 416


@pytest.mark.parametrize("name", ["cd" * 32 + ".mp3", "x.mp3", SHA, SHA.upper() + ".mp3", "..%2fset.yaml"])
async def test_anything_else_is_not_there(name: str) -> None:
    async with serving(deps_with(Content())) as http:
        assert (await http.get(f"/audio/{name}")).status == 404


async def test_memory_keeps_only_the_recordings_heard_last() -> None:
    content = Content({f"{number:064x}": b"x" for number in range(KEPT + 1)})
    deps, recordings = deps_with(content), Recordings()
    for number in [*range(KEPT + 1), KEPT, 0]:
        assert await recordings.get(deps.door, f"{number:064x}") == b"x"
    assert content.read.count(f"{0:064x}") == 2
    assert content.read.count(f"{KEPT:064x}") == 1


async def test_the_page_offers_the_recording_under_its_line_in_its_language() -> None:
    deps, _, door = make_deps()
    line = ViewLine(seq=1, who="bot", text="Koj puas nyab xeeb?", audio=SHA, language="hmn")
    door.answers[ViewRequest] = lambda request: SeekerView(lines=(line,), last_seq=1)
    async with serving(deps) as http:
        page = Page(await (await http.post("/", data={"token": new_token(), "act": "start"})).text())
    (player,) = page.all("audio")
    assert player["src"] == f"/audio/{SHA}.mp3"
    assert player["preload"] == "none"
    assert [attrs["lang"] for attrs in page.all("p") if "lang" in attrs] == ["hmn"]

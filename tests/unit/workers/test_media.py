"""The worker that fetches: once, cleaned, and a platform that does not answer keeps nobody waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bot.media.cleaning import cleaned
from bot.workers.media import MediaWorker
from handlers.errors import FetchLater
from handlers.model import Attachment, Case, MediaKind, MediaState, MessageKind
from tests.e2e.harness import eventually
from tests.fakes.road import EMERGENCY, Road
from tests.fakes.sounds import SECRET, opus, picture
from tests.unit.web.desk_fakes import HotlineDoor
from tests.unit.web.fakes import FakeWakeups


class Platform:
    """A channel that can fetch."""

    def __init__(self, files: dict[str, bytes | Exception | None]) -> None:
        self.files, self.asked = files, list[str]()

    async def fetch(self, source: str, most: int) -> bytes | None:
        self.asked.append(source)
        found = self.files[source]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def road() -> Iterator[Road]:
    road = Road(keeps_media=True)
    road.hire("tuvan")
    road.types("a", EMERGENCY)
    yield road
    road.close()


def worker(road: Road, platform: object) -> MediaWorker:
    wakeups = FakeWakeups()
    return MediaWorker(HotlineDoor(road, wakeups), wakeups, {"tg": platform}, 5_000_000, cleaned)


def shows(road: Road, source: str, kind: MediaKind = MediaKind.IMAGE) -> Case:
    road.sends("a", MessageKind.UNSUPPORTED, attachment=Attachment(kind, source))
    return road.case_of("a")


def states(road: Road, case: Case) -> list[tuple[MediaState, str]]:
    return [(one.state, one.mime) for one in road.do(lambda uow: uow.media.of_case(case.uid))]


async def test_what_is_fetched_is_cleaned_and_kept(road: Road) -> None:
    shows(road, "p")
    case = shows(road, "v", MediaKind.VOICE)
    platform = Platform({"p": picture(), "v": opus()})
    await worker(road, platform)._step()
    assert states(road, case) == [(MediaState.KEPT, "image/jpeg"), (MediaState.KEPT, "audio/ogg")]
    bodies = [
        road.do(lambda uow, uid=one.uid: uow.media.body(uid))
        for one in road.do(lambda uow: uow.media.of_case(case.uid))
    ]
    assert all(body and SECRET not in body for body in bodies)
    await worker(road, platform)._step()
    assert platform.asked == ["p", "v"], "once"


@pytest.mark.parametrize("found", [None, b"", b"no picture at all", b"%PDF-1.7"])
async def test_what_is_not_there_or_no_picture_is_refused(road: Road, found: bytes | None) -> None:
    case = shows(road, "p")
    await worker(road, Platform({"p": found}))._step()
    assert states(road, case) == [(MediaState.REFUSED, "")]


@pytest.mark.parametrize("error", [FetchLater("x"), TimeoutError(), RuntimeError("canary")])
async def test_a_platform_that_does_not_answer_is_asked_again_and_holds_up_nobody(
    road: Road, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    shows(road, "bad")
    case = shows(road, "good")
    await worker(road, Platform({"bad": error, "good": picture()}))._step()
    assert states(road, case) == [(MediaState.WANTED, ""), (MediaState.KEPT, "image/jpeg")]
    assert "canary" not in capsys.readouterr().out


async def test_a_channel_that_fetches_nothing_is_passed_over(road: Road) -> None:
    case = shows(road, "p")
    await worker(road, object())._step()
    assert states(road, case) == [(MediaState.REFUSED, "")]


async def test_it_runs_until_cancelled(road: Road) -> None:
    case = shows(road, "p")
    running = asyncio.create_task(worker(road, Platform({"p": picture()})).run())

    async def kept() -> bool:
        return states(road, case) == [(MediaState.KEPT, "image/jpeg")]

    await eventually(kept, what="a kept picture")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

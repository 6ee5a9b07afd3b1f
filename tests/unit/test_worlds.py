"""The world that decisions are made in: published once, replaced when something is published, never by something broken."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from pathlib import Path

import pytest

from bot import worlds as worlds_module
from bot.config import Config
from bot.shipped import content_files
from bot.wiring import Service, open_content, open_service
from bot.worlds import FIRST_START, ContentBroken, load_places, load_world
from flows.loader import load
from handlers.ports import ContentSet, UnitOfWork
from handlers.world import Libraries
from tests.contract.builders import START, act
from tests.e2e.harness import eventually
from tests.fakes.road import ZONE
from tests.unit.handlers.test_places_elsewhere import TWO


def changed(suffix: str = "2") -> dict[str, bytes]:
    """The shipped content with one other word in it."""
    files = content_files()
    return {**files, "set.yaml": files["set.yaml"] + f"\n# {suffix}\n".encode()}


async def publish(service: Service, files: dict[str, bytes], version: str) -> None:
    def work(uow: UnitOfWork) -> None:
        uow.content.publish(ContentSet(version=version, files=files, published_at=START, published_by="test"))

    await act(service.storage.door, work)


async def version_of(service: Service) -> str | None:
    return await service.storage.door.read(lambda uow: uow.content.current())


def test_broken_content_names_its_place() -> None:
    with pytest.raises(ContentBroken, match=r"\.yaml:1:1: missing-file"):
        load_world({"set.yaml": b"a: [\n"}, [], ZONE, Libraries())


async def test_the_first_start_publishes_and_later_ones_do_not(tmp_path: Path) -> None:
    config = Config(var=tmp_path / "var")
    async with open_service(config, demo=False) as first:
        version = await version_of(first)
        published = await first.storage.door.read(lambda uow: uow.content.get(version or ""))
        assert published is not None
        assert published.published_by == FIRST_START
        assert await first.storage.door.read(lambda uow: uow.services.all())
        loaded = load(changed()).library
        assert loaded is not None
        await publish(first, changed(), loaded.version)
    async with open_service(config, demo=False) as second:
        assert await version_of(second) == loaded.version != version
        assert second.worlds.current.library.version == loaded.version


async def test_what_is_published_is_used_and_what_is_broken_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worlds_module, "LOOK_EVERY_S", 0.01)
    async with open_service(Config(var=tmp_path / "var"), demo=False, in_memory=True) as service:
        watching = asyncio.create_task(service.source.watch(service.worlds))
        before = service.worlds.current
        await publish(service, {"set.yaml": b"a: [\n"}, "broken")
        await asyncio.sleep(0.1)
        assert service.worlds.current is before  # the old world goes on
        assert not watching.done()
        loaded = load(changed()).library
        assert loaded is not None
        await publish(service, changed(), loaded.version)
        await eventually(lambda: service.worlds.current.library.version == loaded.version)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_watching_survives_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds_module, "LOOK_EVERY_S", 0.01)
    async with open_service(Config(var=tmp_path / "var"), demo=False, in_memory=True) as service:
        looks: list[int] = []

        async def breaks(query: object) -> None:
            looks.append(1)
            raise OSError("the disk is away")

        monkeypatch.setattr(service.storage.door, "read", breaks)
        watching = asyncio.create_task(service.source.watch(service.worlds))
        await eventually(lambda: len(looks) >= 3)
        assert not watching.done()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


SQUARE = json.dumps([[[[103.6, 22.2], [103.8, 22.2], [103.8, 22.5], [103.6, 22.5], [103.6, 22.2]]]])


async def test_loaded_boundaries_are_used_at_once_and_places_stay_the_same_ones_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worlds_module, "LOOK_EVERY_S", 0.01)
    async with open_service(Config(var=tmp_path / "var"), demo=False, in_memory=True) as service:
        watching = asyncio.create_task(service.source.watch(service.worlds))
        before = service.worlds.current
        assert before.gazetteer.nearest_communes(22.3, 103.7).codes[0] != "03408"
        await act(service.storage.door, lambda uow: uow.services.replace([{"id": "x", "name": "X", "kind": "club"}]))
        await eventually(lambda: service.worlds.current.directory.get("x") is not None)
        assert service.worlds.current.gazetteer is before.gazetteer
        assert service.worlds.current.library is before.library, (
            "reading flows and words again would make everybody wait"
        )
        assert service.worlds.current.screening is before.screening
        await act(service.storage.door, lambda uow: uow.boundaries.replace({"03408": SQUARE}))
        await eventually(lambda: service.worlds.current.gazetteer.nearest_communes(22.3, 103.7).codes[0] == "03408")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_imported_holidays_and_ways_count_before_the_contents_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worlds_module, "LOOK_EVERY_S", 0.01)
    async with open_service(Config(var=tmp_path / "var"), demo=False, in_memory=True) as service:
        watching = asyncio.create_task(service.source.watch(service.worlds))
        assert date(2026, 9, 2) in service.worlds.current.directory.holidays
        ways = "commune,to,minutes,source\n03390,03408,50,S\n"
        await act(service.storage.door, lambda uow: uow.services.put_beside("travel", ways))
        await act(service.storage.door, lambda uow: uow.services.put_beside("holidays", "day\n2026-09-03\n"))
        await eventually(lambda: service.worlds.current.directory.holidays == {date(2026, 9, 3)})
        assert service.worlds.current.directory.travel["03408"] == {"03390": 50}
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_directory_imported_before_the_first_start_is_kept(tmp_path: Path) -> None:
    config = Config(var=tmp_path / "var")
    async with open_content(config) as door:
        await act(door, lambda uow: uow.services.replace([{"id": "x", "name": "X", "kind": "club"}]))
    async with open_service(config, demo=False) as service:
        assert [one.id for one in service.worlds.current.directory.services] == ["x"]


async def test_the_places_of_another_province_are_a_folder(tmp_path: Path) -> None:
    for name, content in TWO.items():
        (tmp_path / name).write_bytes(content)
    async with open_service(Config(var=tmp_path / "var", places=tmp_path), demo=False, in_memory=True) as service:
        assert service.worlds.current.gazetteer.resolve("Yên Đổ").codes == ("00002",)


@pytest.mark.parametrize("written", [{}, {"units.csv": b"era\n"}])
def test_unusable_places_are_said_in_words(tmp_path: Path, written: dict[str, bytes]) -> None:
    for name, content in written.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ContentBroken, match="gazetteer"):
        load_places(tmp_path)


@pytest.mark.parametrize("name", ["holidays.csv", "travel.csv"])
def test_unreadable_days_and_ways_are_broken_content(name: str) -> None:
    with pytest.raises(ContentBroken, match=f"{name}:2"):
        load_world({**content_files(), f"directory/{name}": b"day,commune\nx,y\n"}, [], ZONE, Libraries())

"""The world that decisions are made in: published once, replaced when something is published, never by something broken."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot import worlds as worlds_module
from bot.config import Config
from bot.shipped import content_files
from bot.wiring import Service, open_service
from bot.worlds import FIRST_START, ContentBroken, load_world
from flows.loader import load
from handlers.ports import ContentSet, UnitOfWork
from handlers.world import Libraries
from tests.contract.builders import START, act
from tests.e2e.harness import eventually
from tests.fakes.road import ZONE


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

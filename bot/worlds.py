"""Keeps the world current: publishes the shipped content at the first start, notices new content within a second."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from bot import shipped
from flows.loader import load, version_of
from handlers.directory import Directory, Service, load_seed
from handlers.errors import BinhAnError
from handlers.ports import ContentSet, ContentStore, Door, UnitOfWork
from handlers.rules.places import Gazetteer
from handlers.rules.screening import Screening
from handlers.world import Libraries, World, Worlds

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
FIRST_START = "first start"


class ContentBroken(BinhAnError):
    """The content cannot be used; run `python -m bot flows check` and repair what it says."""

    code = "content-broken"


def load_world(
    files: dict[str, bytes],
    services: list[Service],
    zone: ZoneInfo,
    libraries: Libraries,
    pulled: frozenset[str] = frozenset(),
) -> World:
    """A world of one content set and a directory. Raises ContentBroken with the first finding."""
    loaded = load(files)
    if loaded.library is None:
        raise ContentBroken(loaded.findings[0].in_language("en") if loaded.findings else "no content")
    libraries.add(loaded.library)
    try:
        screening = Screening.load(files)
    except ValueError as error:
        raise ContentBroken(str(error).splitlines()[0]) from None
    return World(
        library=loaded.library,
        libraries=libraries,
        screening=screening,
        gazetteer=Gazetteer.load(shipped.place_files()),
        directory=Directory(services),
        zone=zone,
        pulled=pulled,
    )


class WorldSource:
    """Reads the world from storage and watches for changes."""

    def __init__(
        self, door: Door, zone: ZoneInfo, content: Path | None = None, pulled: frozenset[str] = frozenset()
    ) -> None:
        """`zone` is the time zone of the configuration, `content` the folder the first start publishes; `pulled`: the channels
        that their reader fetches.
        """
        self._door, self._zone, self._content, self._pulled = door, zone, content, pulled
        self._libraries = Libraries()
        self._seen: tuple[str | None, int] = (None, -1)

    async def begin(self) -> Worlds:
        """The world to start with; the very first start publishes the shipped content and seeds the directory."""
        await self._door.run(_publish_shipped, shipped.content_files(self._content))
        worlds = Worlds(await self._read())
        # Content, lexicon and gazetteer are a large graph that lives as long as the process: the collector need not walk it.
        gc.collect()
        gc.freeze()
        return worlds

    async def watch(self, worlds: Worlds) -> None:
        """Replace the world whenever content or directory have changed; until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                if await self._door.read(_state) != self._seen:
                    worlds.replace(await self._read())
                    log.info("world.replaced", version=worlds.current.library.version[:12])
            except Exception as error:
                # The old world goes on working, whatever it was; loud, because what an editor published is not in use.
                log.error("world.not_replaced", error=type(error).__name__)

    async def _read(self) -> World:
        state = await self._door.read(_state)
        files, rows = await self._door.read(_content)
        services = [Service.from_row(row) for row in rows]
        world = load_world(files, services, self._zone, self._libraries, self._pulled)
        self._seen = state
        return world


def _state(uow: UnitOfWork) -> tuple[str | None, int]:
    return uow.content.current(), uow.services.revision()


def _content(uow: UnitOfWork) -> tuple[dict[str, bytes], list[dict[str, str]]]:
    version = uow.content.current()
    found = uow.content.get(version) if version else None
    if found is None:
        raise ContentBroken("nothing is published")
    return dict(found.files), uow.services.all()


def _publish_shipped(uow: UnitOfWork, sets: Sequence[dict[str, bytes]]) -> list[bool]:
    """First start: the shipped set becomes the published one. Later starts change nothing (an upgrade only says so)."""
    return [_publish_first(uow, uow.content, files) for files in sets]


def _publish_first(uow: UnitOfWork, content: ContentStore, files: dict[str, bytes]) -> bool:
    current = content.current()
    if current is not None:  # what is shipped does not run, so it is not loaded either
        version = version_of(files)
        if current != version and content.get(version) is None:
            log.warning("content.newer_shipped", published=current[:12], shipped=version[:12])
        return False
    loaded = load(files)
    if loaded.library is None:
        raise ContentBroken(loaded.findings[0].in_language("en") if loaded.findings else "no content")
    version = loaded.library.version
    content.publish(ContentSet(version=version, files=files, published_at=uow.now, published_by=FIRST_START))
    uow.services.replace([service.to_row() for service in load_seed(files)])
    return True

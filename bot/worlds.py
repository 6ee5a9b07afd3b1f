"""Keeps the world current: publishes the shipped content at the first start, notices new content within a second."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo

import structlog

from bot import shipped
from flows.library import Library
from flows.loader import Loaded, load
from handlers.directory import Directory
from handlers.directory_files import TABLES_BESIDE, load_seed, read_holidays, read_travel
from handlers.errors import BinhAnError
from handlers.ports import ContentSet, ContentStore, Door, UnitOfWork
from handlers.rules.boundaries import Boundaries
from handlers.rules.places import Gazetteer
from handlers.rules.screening import FOLDER as LEXICON
from handlers.rules.screening import Screening
from handlers.service import Service
from handlers.world import Libraries, World, Worlds

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
BESIDE = "directory/"  # what operators import changes without the flows
FIRST_START = "first start"


class ContentBroken(BinhAnError):
    """The content cannot be used; run `python -m bot flows check` and repair what it says."""

    code = "content-broken"


def load_world(
    files: dict[str, bytes],
    services: list[Service],
    zone: ZoneInfo,
    libraries: Libraries,
    *,
    gazetteer: Gazetteer | None = None,
    pulled: frozenset[str] = frozenset(),
) -> World:
    """A world of one content set and a directory; without `gazetteer` with the shipped places. Raises ContentBroken."""
    library = library_of(files)
    libraries.add(library)
    try:
        screening = _screening_of(files)
        directory = Directory(
            services,
            read_holidays(files.get("directory/holidays.csv", b"")),
            read_travel(files.get("directory/travel.csv", b"")),
        )
    except ValueError as error:
        raise ContentBroken(str(error).splitlines()[0]) from None
    return World(
        library=library,
        libraries=libraries,
        screening=screening,
        gazetteer=gazetteer or load_places(None),
        directory=directory,
        zone=zone,
        pulled=pulled,
    )


def library_of(files: Mapping[str, bytes]) -> Library:
    """The flows of a content set; ContentBroken when they cannot be used."""
    found = loaded(files)
    if found.library is None:
        raise ContentBroken(found.findings[0].in_language("en") if found.findings else "no content")
    return found.library


def loaded(files: Mapping[str, bytes]) -> Loaded:
    """The flows of a content set and every mistake in them; what was read last is not read again."""
    return _loaded(tuple(sorted((name, content) for name, content in files.items() if not name.startswith(BESIDE))))


def _screening_of(files: Mapping[str, bytes]) -> Screening:
    """The lexicon of a content set; LexiconError (a ValueError) when it cannot be used."""
    return _screening(tuple(sorted((name, content) for name, content in files.items() if name.startswith(LEXICON))))


# Reading flows and lexicon takes the better part of a second, during which nobody is answered. When a hospital's hours change
# they are the same as before: whoever presses a button at the desk must not make everybody wait.


@lru_cache(maxsize=2)
def _loaded(files: tuple[tuple[str, bytes], ...]) -> Loaded:
    return load(dict(files))


@lru_cache(maxsize=2)
def _screening(files: tuple[tuple[str, bytes], ...]) -> Screening:
    return Screening.load(dict(files))


@lru_cache(maxsize=2)
def _places(files: tuple[tuple[str, bytes], ...]) -> Gazetteer:
    return Gazetteer.load(dict(files))


class WorldSource:
    """Reads the world from storage and watches for changes."""

    def __init__(
        self,
        door: Door,
        zone: ZoneInfo,
        content: Path | None = None,
        *,
        pulled: frozenset[str] = frozenset(),
        places: Path | None = None,
    ) -> None:
        """`zone` is the time zone of the configuration, `content` the folder the first start publishes, `pulled` the channels
        that their reader fetches, `places` the folder with the tables of places. Raises ContentBroken when those cannot be used.
        """
        self._door, self._zone, self._content, self._pulled = door, zone, content, pulled
        self._libraries = Libraries()
        self._seen: State = (None, -1, -1)
        self._gazetteer = load_places(places)
        self._boundaries = -1  # the revision the gazetteer has

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
        if state[2] != self._boundaries:
            areas = await self._door.read(lambda uow: uow.boundaries.all())
            self._gazetteer = self._gazetteer.with_boundaries(Boundaries.from_rows(areas))
            self._boundaries = state[2]
        services = [Service.from_row(row) for row in rows]
        world = load_world(files, services, self._zone, self._libraries, gazetteer=self._gazetteer, pulled=self._pulled)
        self._seen = state
        return world


def load_places(folder: Path | None) -> Gazetteer:
    """The places of a folder, or the shipped ones. Raises ContentBroken with what is wrong in it."""
    try:
        return _places(tuple(shipped.place_files(folder).items()))
    except (ValueError, OSError) as error:
        raise ContentBroken(f"places {folder or ''}: {error}") from None


State: TypeAlias = tuple[str | None, int, int]
"""What a world was made of: content version, revision of the directory, revision of the boundaries."""


def _state(uow: UnitOfWork) -> State:
    return uow.content.current(), uow.services.revision(), uow.boundaries.revision()


def _content(uow: UnitOfWork) -> tuple[dict[str, bytes], list[dict[str, str]]]:
    version = uow.content.current()
    found = uow.content.get(version) if version else None
    if found is None:
        raise ContentBroken("nothing is published")
    beside = {path: uow.services.beside(name) for name, path in TABLES_BESIDE.items()}
    imported = {path: text.encode() for path, text in beside.items() if text is not None}
    return {**found.files, **imported}, uow.services.all()


def _publish_shipped(uow: UnitOfWork, sets: Sequence[dict[str, bytes]]) -> list[bool]:
    """First start: the shipped set becomes the published one. Later starts change nothing."""
    return [_publish_first(uow, uow.content, files) for files in sets]


def _publish_first(uow: UnitOfWork, content: ContentStore, files: dict[str, bytes]) -> bool:
    if content.current() is not None:  # what is shipped does not run, so it is not loaded either
        return False
    version = library_of(files).version
    content.publish(ContentSet(version=version, files=files, published_at=uow.now, published_by=FIRST_START))
    if not uow.services.revision():  # an operator may have imported a directory before
        uow.services.replace([service.to_row() for service in load_seed(files)])
    return True

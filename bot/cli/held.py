"""The directory as it is stored, with the content and the places it is used with: what commands at a terminal begin with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot import shipped, wiring
from bot.cli.csv_files import fail
from bot.config import Config
from bot.worlds import load_places
from handlers import directory_changes as changes
from handlers.directory import Directory
from handlers.directory_files import TABLES_BESIDE, load_seed, read_holidays, read_travel
from handlers.ports import UnitOfWork
from handlers.rules.boundaries import Boundaries
from handlers.rules.places import Gazetteer
from handlers.service import Service


@dataclass(frozen=True, slots=True)
class Held:
    """Services with the content's files and the places they are used with."""

    services: list[Service]
    revision: int  # 0 before the very first start
    files: dict[str, bytes]
    gazetteer: Gazetteer

    def directory(self) -> Directory:
        """With holidays and travel times; exit 2 when those cannot be read."""
        try:
            holidays = read_holidays(self.files.get(TABLES_BESIDE["holidays"], b""))
            travel = read_travel(self.files.get(TABLES_BESIDE["travel"], b""))
        except ValueError as wrong:
            fail(2, f"directory: {wrong}")
        return Directory(self.services, holidays, travel)


def shipped_held() -> Held:
    """What comes with the product; no store is looked at."""
    files = shipped.content_files()
    return Held(list(load_seed(files)), 0, files, Gazetteer.load(shipped.place_files()))


def read_held(config: Config, *, begin: bool = False) -> Held:
    """What is stored; before the very first start what that would begin with (`begin`: and store it)."""

    def read(uow: UnitOfWork) -> tuple[list[dict[str, str]], int, dict[str, bytes], dict[str, str]]:
        version = uow.content.current()
        published = uow.content.get(version) if version else None
        files = dict(published.files) if published else shipped.content_files(config.content)
        beside = {path: uow.services.beside(name) for name, path in TABLES_BESIDE.items()}
        imported = {path: text.encode() for path, text in beside.items() if text is not None}
        return uow.services.all(), uow.services.revision(), {**files, **imported}, uow.boundaries.all()

    async def run() -> tuple[list[dict[str, str]], int, dict[str, bytes], dict[str, str]]:
        async with wiring.open_content(config) as door:
            found = await door.read(read)
            if begin and not found[1]:
                await door.run(changes.begin, load_seed(found[2]))
                found = await door.read(read)
            return found

    rows, revision, files, areas = asyncio.run(run())
    try:
        services = [Service.from_row(row) for row in rows] if revision else list(load_seed(files))
    except ValueError as wrong:
        fail(2, f"directory: {wrong}")
    places = load_places(config.places)
    return Held(services, revision, files, places.with_boundaries(Boundaries.from_rows(areas)) if areas else places)

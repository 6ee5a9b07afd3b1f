"""The lookup pepper, for commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from bot.config import Config
from bot.wiring.opening import installation_of, storage_of
from handlers.errors import BinhAnError
from storage import pepper_change, second_place
from storage.installation import SECRETS, Installation, NoData
from storage.open import Storage, utc_now
from storage.pepper_change import Changed, Retired
from storage.peppers import BEGINNING, begun, current
from storage.rehashing import Under, under, void_codes
from storage.secrets import pepper_ids, pepper_number
from storage.uow import over_sql


@dataclass(frozen=True, slots=True)
class PepperShown:
    """One lookup pepper as `keys show` lists it."""

    name: str
    under: Under  # what is found with it
    current: bool  # it makes new hashes
    begun: bool  # it makes or has made hashes
    since: datetime | None  # None: since the beginning
    here: bool
    second: bool


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[tuple[Installation, Storage]]:
    here = installation_of(config)
    here.must_have_begun()
    if not here.has_data:
        raise NoData(f"{here.file.name} is not there")
    storage = storage_of(config, upgrade=False, peppers_may_lack=True)
    try:
        yield here, storage
    finally:
        await storage.close()


def rotate_pepper(config: Config) -> tuple[Changed, Under]:
    """Let a new lookup pepper make every hash, while the service may run; the second place gets it first. Also how many codes are
    still found with older ones.
    """

    async def rotate() -> tuple[Changed, Under]:
        async with _opened(config) as (here, storage):
            _keep(here, storage)  # a disk that is away stops it here
            pepper_change.prepare(here.secrets, await _current(storage))
            _keep(here, storage)
            done = await pepper_change.change(here.secrets, storage.door, storage.keys)
            await _leave_no_trace(storage)
            used = await _used(storage)
            older = [one for name, one in used.items() if name != done.pepper]
            codes = Under(
                return_codes=sum(one.return_codes for one in older),
                spare_codes=sum(one.spare_codes for one in older),
                bind_codes=sum(one.bind_codes for one in older),
            )
            return done, codes

    return asyncio.run(rotate())


def prepare_pepper(config: Config) -> str:
    """Make the next lookup pepper without using it; its name."""

    async def make() -> str:
        async with _opened(config) as (here, storage):
            return pepper_change.prepare(here.secrets, await _current(storage))

    return asyncio.run(make())


def void_old_codes(config: Config) -> tuple[Under, list[str]]:
    """Codes that were given under older lookup peppers do not work any more: how many, and whose spare codes (names)."""

    async def void() -> tuple[Under, list[str]]:
        async with _opened(config) as (_, storage):
            done = await storage.door.run(void_codes, None)
            if done[0].codes:
                await _leave_no_trace(storage)
            return done

    return asyncio.run(void())


def retire_peppers(config: Config) -> Retired:
    """Take old lookup peppers away, here and in the second place; none where nobody can say what is found with them."""

    async def retire() -> Retired:
        async with _opened(config) as (here, storage):
            now = utc_now()
            since = await storage.door.read(over_sql(begun))
            done = pepper_change.retire(here.secrets, since, await _used(storage), now)
            if here.second is not None:
                second_place.retire_there(here.second, done.gone)
            return done

    return asyncio.run(retire()) if installation_of(config).has_data else Retired([], {}, {})


def show_peppers(config: Config) -> list[PepperShown]:
    """Every lookup pepper, oldest first; none where the data cannot be looked at."""

    async def show() -> list[PepperShown]:
        async with _opened(config) as (here, storage):
            since = await storage.door.read(over_sql(begun))
            used = await _used(storage)
            present = pepper_ids(here.secrets)
            there = pepper_ids(here.second / SECRETS) if here.second is not None else []
            newest = max(since, key=pepper_number)
            listed = sorted({*present, *used, newest}, key=pepper_number)
            return [
                PepperShown(
                    name=name,
                    under=used.get(name, Under()),
                    current=name == newest,
                    begun=name in since,
                    since=None if since.get(name) == BEGINNING else since.get(name),
                    here=name in present,
                    second=name in there,
                )
                for name in listed
            ]

    try:
        return asyncio.run(show())
    except BinhAnError:
        return []


def _keep(here: Installation, storage: Storage) -> None:
    if here.second is not None:
        second_place.copy_keys(here.secrets, storage.keys, here.second, utc_now())


async def _leave_no_trace(storage: Storage) -> None:
    """Hashes of before are what whoever has the old pepper looks for: they must not stay in the files until the daily run."""
    with suppress(Exception):  # what was done is done, and that run does this too
        await storage.tidy()


async def _current(storage: Storage) -> str:
    return await storage.door.read(over_sql(current))


async def _used(storage: Storage) -> dict[str, Under]:
    now = utc_now()
    return await storage.door.read(over_sql(lambda uow: under(uow, now)))

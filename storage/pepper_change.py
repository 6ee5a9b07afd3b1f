"""Changes the lookup pepper while everything runs: who can be found, is found at every moment, and nobody is made twice.

**Order.** The new file is durable, and every machine at work can read it, before the database says that it makes new hashes
(`storage/peppers.py` says why nobody is missed then). After that contacts and staff's accounts are hashed anew in small steps,
from their addresses, which lie sealed beside the hash. A process that dies in between leaves nothing but work for the next run.

Codes are found with the older pepper for as long as its file is there, or until somebody makes them void. An older file stays
while anything is found with it, and for a week in any case (`storage/rotation.py`, `KEPT`): a backup from before brings codes
back that need it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from handlers.errors import StorageUnavailable
from handlers.ports import Door
from storage.data_keys import Keys
from storage.peppers import COUNT_ADDRESSES, current
from storage.rehashing import TABLES, Step, Under, begin_pepper, rehash
from storage.rotation import KEPT, OTHERS_WITHIN_S, wait_for_others
from storage.secrets import new_pepper, pepper_ids, pepper_number, sync_folder
from storage.uow import Executes, over_sql

PAUSE_S: Final = 0.01
"""Between two steps: whoever has a message to store goes first."""
PATIENCE_S: Final = 60.0
"""How long a busy database, or rows that somebody else works on, are waited for."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change of the pepper did."""

    pepper: str
    contacts: int
    accounts: int
    left: int  # rows whose address does not open: they stay under the older one
    resumed: bool  # an earlier change had been interrupted, and this finished it
    seconds: float


@dataclass(frozen=True, slots=True)
class Retired:
    """What became of the older peppers."""

    gone: list[str]
    waiting: dict[str, datetime]  # until when they stay for the backups
    needed: dict[str, Under]  # what is still found with them


def prepare(folder: Path, now_current: str) -> str:
    """Have a new pepper lie in the secrets folder, unused; its name. One that lies there already is enough."""
    waiting = [name for name in pepper_ids(folder) if pepper_number(name) > pepper_number(now_current)]
    return waiting[-1] if waiting else new_pepper(folder, pepper_number(now_current))


async def change(
    folder: Path, door: Door, keys: Keys, *, within_s: float = OTHERS_WITHIN_S, sleep: Sleep = asyncio.sleep
) -> Changed:
    """Let a new pepper (the prepared one, else one made now) make every hash. An interrupted change is finished instead. Raises
    NotEverywhere after `within_s`, KeyMissing, StorageUnavailable; whatever happens everybody stays found.
    """
    began = time.monotonic()
    pepper = await door.read(over_sql(current))
    moved, left = {"contacts": 0, "accounts": 0}, 0
    if pepper in keys.peppers.names():
        moved, left = await rehash_all(door, sleep)
    resumed = any(moved.values())
    if not resumed:
        pepper = prepare(folder, pepper)
        keys.peppers.learn()
        for name in keys.peppers.ids():
            await asyncio.to_thread(wait_for_others, keys, name, within_s)
        await _patiently(door, begin_pepper, pepper, sleep)
        moved, left = await rehash_all(door, sleep)
    return Changed(pepper, moved["contacts"], moved["accounts"], left, resumed, time.monotonic() - began)


async def rehash_all(door: Door, sleep: Sleep = asyncio.sleep) -> tuple[dict[str, int], int]:
    """Hash everything anew that is under an older pepper, by table how much; and how much of it does not open. What somebody
    works on is waited for; StorageUnavailable when that takes longer than a minute.
    """
    moved = dict.fromkeys(TABLES, 0)
    until = time.monotonic() + PATIENCE_S
    while True:
        progress, left = 0, 0
        for table in TABLES:
            step = Step(-1)
            while step.last:
                step = await _patiently(door, rehash, (table, max(0, step.last)), sleep)
                moved[table] += step.moved
                progress += step.moved
                left += step.left
                await sleep(PAUSE_S)
        if await door.read(over_sql(_to_do)) <= left:
            return moved, left
        if progress:
            until = time.monotonic() + PATIENCE_S
        if time.monotonic() > until:
            raise StorageUnavailable("some rows are held by another process; run this again")
        await sleep(0.2)


def _to_do(runner: Executes) -> int:
    pepper = current(runner)
    counted = (runner.execute(statement) for statement in COUNT_ADDRESSES.values())
    return sum(count for rows in counted for name, count in rows if name != pepper)


async def _patiently(door: Door, operation: Any, item: Any, sleep: Sleep) -> Any:
    """Do it; while the database is busy, again and again."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await door.run(operation, item)
        except StorageUnavailable:
            if time.monotonic() > until:
                raise
            await sleep(0.2)


def retire(folder: Path, since: Mapping[str, datetime], used: Mapping[str, Under], now: datetime) -> Retired:
    """Take away the files of peppers that were replaced a week ago and with which nothing is found any more. `since`: when each
    began (`storage.peppers.begun`), `used`: what is found with each.
    """
    newest = max(since, key=pepper_number)
    done = Retired([], {}, {})
    for name in pepper_ids(folder):
        if pepper_number(name) >= pepper_number(newest):
            continue
        until = min(at for other, at in since.items() if pepper_number(other) > pepper_number(name)) + KEPT
        if name in used and used[name].anything:
            done.needed[name] = used[name]
        elif until > now:
            done.waiting[name] = until
        else:
            (folder / name).unlink()
            done.gone.append(name)
    sync_folder(folder)
    return done

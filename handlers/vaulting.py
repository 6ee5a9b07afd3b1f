"""The vault, counters and alarms for those who stand outside of transactions: each call is a unit of work of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from handlers import alarms, quotas
from handlers.alarms import Alarm
from handlers.operation import operation
from handlers.paging import DESK_ONLY, Surfaces
from handlers.ports import Door, UnitOfWork
from handlers.quotas import Count

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class DoorVault:
    """`handlers.ports.Vault` on a door."""

    door: Door

    async def get(self, name: str) -> str | None:
        """The secret, or None. Goes through the writer: a reader beside it could see an older one."""
        return await self._run(lambda uow: uow.vault.get(name))

    async def put(self, name: str, value: str) -> None:
        """Durable when it returns."""
        await self._run(lambda uow: uow.vault.put(name, value))

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        """The lease for so many seconds from now."""
        return await self._run(lambda uow: uow.vault.take(name, holder, uow.now + timedelta(seconds=seconds)))

    async def give_back(self, name: str, holder: str) -> None:
        """Free again."""
        await self._run(lambda uow: uow.vault.give_back(name, holder))

    async def _run(self, work: Callable[[UnitOfWork], R]) -> R:
        return await alone(self.door, work)


async def alone(door: Door, work: Callable[[UnitOfWork], R]) -> R:
    """Do something in a unit of work of its own."""

    @operation("writer")
    def together(uow: UnitOfWork, items: Sequence[None]) -> list[R]:
        return [work(uow) for _ in items]

    return await door.run(together, None)


@dataclass(frozen=True, slots=True)
class DoorCounters:
    """`handlers.ports.Counters` on a door."""

    door: Door

    async def add(self, name: str, month: str, used: int) -> int:
        """So many more; the sum."""
        return await self.door.run(quotas.count, Count(name, month, used))


class DoorAlarms:
    """`handlers.ports.Alarms` on a door. What has been said is remembered, so that a channel may say it again and again."""

    def __init__(
        self,
        door: Door,
        told: Callable[[str, str, bool], None] = lambda *_: None,
        surfaces: Surfaces = DESK_ONLY,
    ) -> None:
        """`told` hears of every change: name, code, and whether it is wrong now (for the log)."""
        self._door, self._told, self._surfaces = door, told, surfaces
        self._known: dict[tuple[str, str], bool] = {}

    async def sound(self, name: str, code: str) -> None:
        """Something is wrong."""
        if self._known.get((name, code)) is not True:
            await alone(self._door, lambda uow: alarms.sound(uow, Alarm(name, code), self._surfaces))
            self._known[name, code] = True
            self._told(name, code, True)

    async def hush(self, name: str, code: str) -> None:
        """It is well again; the first time this also takes back what an earlier run has left."""
        if self._known.get((name, code)) is not False:
            was_on = await alone(self._door, lambda uow: alarms.hush(uow, Alarm(name, code)))
            self._known[name, code] = False
            if was_on:
                self._told(name, code, False)

"""The desk page on the real operations of a hotline in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from bot.web.deps import WebDeps
from bot.web.hub import Hub
from bot.web.passwords import hash_password
from handlers.errors import StorageUnavailable
from handlers.model import Role, Staff
from tests.fakes.hotline import Hotline
from tests.unit.web.fakes import FakeWakeups, make_deps

PASSWORD = "con suối nhỏ sau nhà 7"


class HotlineDoor:
    """The real operations on the hotline in memory; every commit rings."""

    def __init__(self, hotline: Hotline, wakeups: FakeWakeups) -> None:
        self.hotline, self.wakeups = hotline, wakeups
        self.down = False
        self.ran: list[str] = []

    async def run(self, operation: Any, item: Any) -> Any:
        if self.down:
            raise StorageUnavailable
        self.ran.append(type(item).__name__)
        result = self.hotline.run(operation, item)
        self.wakeups.ring("desk", "seeker")
        return result

    async def read(self, query: Callable[[Any], Any]) -> Any:
        if self.down:
            raise StorageUnavailable
        return self.hotline.do(query)


def desk_deps(hotline: Hotline, **changes: Any) -> tuple[WebDeps, HotlineDoor]:
    """Page dependencies with the real desk on the hotline in memory."""
    wakeups = FakeWakeups()
    door = HotlineDoor(hotline, wakeups)
    deps, _, _ = make_deps(door=door, wakeups=wakeups, hub=Hub(wakeups), desk=hotline.desk, **changes)
    return deps, door


@cache
def password_hash() -> str:
    """The hash of `PASSWORD`, made once: it is slow on purpose."""
    return hash_password(PASSWORD)


def hire(hotline: Hotline, name: str, *roles: Role, alias: str = "") -> Staff:
    """Somebody who can sign in with `PASSWORD`."""
    staff = replace(hotline.hire(name, *roles, alias=alias), password_hash=password_hash())
    hotline.do(lambda uow: uow.staff.save(staff))
    return staff

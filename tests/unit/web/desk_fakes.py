"""The desk page on the real operations of a hotline in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from bot.looking import Channels, Looking
from bot.shipped import place_files
from bot.web.deps import DeskHelp, WebDeps
from bot.web.hub import Hub
from bot.web.passwords import hash_password
from handlers.directory import Directory
from handlers.duty import EverybodyByRole
from handlers.errors import StorageUnavailable
from handlers.handoff import Handoff
from handlers.model import Role, Staff
from handlers.referring import Referring
from handlers.rules.places import Gazetteer
from handlers.staffing import Staffing
from tests.fakes.hotline import Hotline, Phrases
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
    referring = Referring(hotline.desk, Phrases())

    def directory() -> Directory:
        return Directory.from_rows(hotline.do(lambda uow: uow.services.all()))

    help_at_desk = DeskHelp(
        referring=referring, handoff=Handoff(referring, Phrases()), directory=directory, gazetteer=gazetteer
    )
    made: dict[str, Any] = {
        "door": door,
        "wakeups": wakeups,
        "hub": Hub(wakeups),
        "desk": hotline.desk,
        "help": help_at_desk,
    }
    made["look"] = Looking(door, EverybodyByRole(), Channels(page=("web",))).standing
    made["staffing"] = Staffing(hotline.escalations.staff_disabled)
    deps, _, _ = make_deps(**(made | changes))
    return deps, door


@cache
def gazetteer() -> Gazetteer:
    """The shipped places, loaded once."""
    return Gazetteer.load(place_files())


@cache
def password_hash() -> str:
    """The hash of `PASSWORD`, made once: it is slow on purpose."""
    return hash_password(PASSWORD)


def hire(hotline: Hotline, name: str, *roles: Role, alias: str = "") -> Staff:
    """Somebody who can sign in with `PASSWORD`."""
    staff = replace(hotline.hire(name, *roles, alias=alias), password_hash=password_hash())
    hotline.do(lambda uow: uow.staff.save(staff))
    return staff

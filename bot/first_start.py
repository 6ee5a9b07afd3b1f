"""The very first start without a configuration: three staff members, always on duty, so that a newcomer can see everything."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.web.passwords import hash_password, new_password
from handlers.model import Role
from handlers.ports import Door
from handlers.staffing import AddStaff, Staffing

FIRST = (
    ("tuvan", "Hoa", (Role.COUNSELLOR,)),
    ("giamsat", "Lan", (Role.SUPERVISOR,)),
    ("bientap", "Mai", (Role.EDITOR,)),
)
"""Sign-in name, the alias seekers see, roles."""


@dataclass(frozen=True, slots=True)
class FirstStaff:
    """Somebody made at the first start, with the password that is shown once on the terminal."""

    name: str
    role: str
    password: str = field(repr=False)


async def make_first_staff(door: Door, staffing: Staffing) -> tuple[FirstStaff, ...]:
    """Make the demo's staff when there is nobody yet; nothing otherwise."""
    if await door.read(lambda uow: uow.staff.all()):
        return ()
    made = []
    for name, alias, roles in FIRST:
        password = new_password()
        await door.run(
            staffing.add,
            AddStaff(name=name, alias=alias, roles=roles, password_hash=hash_password(password), woman=True),
        )
        made.append(FirstStaff(name, roles[0].value, password))
    return tuple(made)

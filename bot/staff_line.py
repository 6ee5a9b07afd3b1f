"""What staff write to the bot that calls them: a code that binds their account, or the case they take. A view of the desk's
commands, like the desk page; whatever it answers goes out through the outbox.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from handlers import paging
from handlers.accounts import Bind, bind, code_in, whose
from handlers.calling import open_of
from handlers.desk import Claim, Desk
from handlers.errors import AlreadyClaimed, BinhAnError
from handlers.model import Address, Staff
from handlers.ports import Door, UnitOfWork
from handlers.vaulting import alone

_TAKES = re.compile(r"/?(?:nhận|nhan|claim)\s+([A-Za-z0-9]{2})[- ]?([A-Za-z0-9]{4})\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DeskByText:
    """`handlers.ports.StaffLine` for a messenger on which staff are called one by one."""

    door: Door
    desk: Desk

    async def take(self, address: Address, text: str) -> bool:
        """Deal with a staff member's word; False for everybody else's."""
        code = code_in(text)
        if code and await self.door.run(bind, Bind(address=address, code=code, told=address.channel)) is not None:
            return True
        staff = await self.door.read(lambda uow: whose(uow, address))
        if staff is None:
            return False
        found = _TAKES.fullmatch(text.strip())
        if found is None:
            await self._answer(staff, address, paging.HELP)
        else:
            await self._claim(staff, address, f"{found[1]}-{found[2]}".upper())
        return True

    async def _claim(self, staff: Staff, address: Address, case_code: str) -> None:
        epoch = await self.door.read(lambda uow: _epoch_of(uow, case_code))
        try:
            await self.door.run(self.desk.claim, Claim(staff_uid=staff.uid, case_code=case_code, epoch=epoch))
        except AlreadyClaimed:
            await self._answer(staff, address, paging.GONE, case_code)
        except BinhAnError:
            await self._answer(staff, address, paging.NO_CASE)
        else:
            await self._answer(staff, address, paging.YOURS, case_code)

    async def _answer(self, staff: Staff, address: Address, note: str, case_code: str = "") -> None:
        def tell(uow: UnitOfWork) -> None:
            case = uow.cases.by_code(case_code) if case_code else None
            escalation = open_of(uow, case) if case is not None else None
            paging.tell_account(uow, staff.uid, address.channel, note=note, case=case, escalation=escalation)

        await alone(self.door, tell)


def _epoch_of(uow: UnitOfWork, case_code: str) -> int:
    """The attempt that calls now: who types a code means the newest."""
    case = uow.cases.by_code(case_code)
    escalation = open_of(uow, case) if case is not None else None
    return escalation.epoch if escalation is not None else 1

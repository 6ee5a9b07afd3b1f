"""Staff erase everything of a person at once, with a reason and the case code typed a second time. There is no way back.

The reason is chosen, not written: it stands in the audit log, which holds no words about people and outlives the case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from handlers.command_line import at_command_line
from handlers.desk_views import case_of
from handlers.errors import BinhAnError, NoSuchCase
from handlers.housekeeping import Housekeeping
from handlers.model import Case
from handlers.operation import operation
from handlers.permissions import Action, require
from handlers.ports import UnitOfWork


class EraseReason(StrEnum):
    """Why somebody erases at once what would go by itself."""

    SHE_ASKED = "she_asked"
    DANGER = "danger"  # what is kept here endangers somebody
    MISTAKE = "mistake"  # it never belonged here: written by mistake, about somebody else
    TRIAL = "trial"  # staff have tried something out


class NotConfirmed(BinhAnError):
    """The case code was not typed a second time; nothing was erased. Type it exactly as it stands on the case."""

    code = "not-confirmed"


class StillCalling(BinhAnError):
    """Somebody is being called for this person or talks with her, or she has just written; close the case first, then erase."""

    code = "still-calling"


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseNow:
    """A staff member (`staff_uid`), or whoever is named at the command line (`command_line`), erases a case and whose it is."""

    case_code: str
    confirm: str  # the code once more
    reason: EraseReason
    staff_uid: str = ""
    command_line: str = ""


@dataclass(frozen=True, slots=True)
class Erasing:
    """Erasing at once, as an operation."""

    housekeeping: Housekeeping

    @operation("erase")
    def erase_now(self, uow: UnitOfWork, items: Sequence[EraseNow]) -> list[int]:
        """Destroy it and every other case of the same person; how many cases. NotAllowed, NoSuchCase, NotConfirmed,
        StillCalling.
        """
        return [self._erase(uow, item) for item in items]

    def _erase(self, uow: UnitOfWork, item: EraseNow) -> int:
        if item.command_line:
            actor, case = at_command_line(item.command_line), _any_case(uow, item.case_code)
        else:
            actor = require(uow, item.staff_uid, Action.ERASE_NOW).uid
            case = case_of(uow, item.case_code)
        if item.confirm.strip().upper() != case.code.upper():
            raise NotConfirmed
        hers = [case.uid, *(one.uid for one in uow.cases.all_of(case.contact_uid))]
        contact = uow.contacts.load([case.contact_uid], wait=True).get(case.contact_uid)
        if uow.escalations.open_of(hers) or (contact is not None and contact.pending):
            raise StillCalling(case.code)  # what she has just written must be read by somebody
        return self.housekeeping.erase_now(uow, case, actor, item.reason.value)


def _any_case(uow: UnitOfWork, code: str) -> Case:
    """Also one that the desk never sees: whoever works at the command line reads nothing of it."""
    case = uow.cases.by_code(code.strip())
    if case is None:
        raise NoSuchCase
    return case

"""What would an order about one person yield? Counts and kinds, never content, so that the operator knows before one comes.

It is asked for by case code. There is no question by name, number or account, on purpose: nobody is told whether somebody wrote.
Whoever holds the server, its secrets and an account's number could work it out while the contact is kept, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from handlers import audit
from handlers.command_line import at_command_line
from handlers.model import AuditEntry
from handlers.operation import operation

if TYPE_CHECKING:
    from handlers.ports import UnitOfWork


class Readable(StrEnum):
    """Who holds database, key store and secret files: can that person read it?"""

    CLEAR = "in clear"
    OPENS = "sealed, and the key is here"
    SHUT = "sealed, and the key is destroyed"
    HASHED = "a keyed hash only"


@dataclass(frozen=True, slots=True)
class Yielded:
    """One kind of record: how many there are, and whether they can be read."""

    what: str
    count: int
    readable: Readable


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an order would yield. `cases`: how many stays of that person can still be told to be hers."""

    case_code: str
    erased: bool
    cases: int
    kinds: tuple[Yielded, ...]
    goes_at: datetime | None = None  # when the address goes by itself, if nothing more comes

    @property
    def readable(self) -> int:
        """Sealed records that can still be opened."""
        return sum(one.count for one in self.kinds if one.readable is Readable.OPENS)


@dataclass(frozen=True, slots=True)
class Drill:
    """Somebody (`by`, from the command line) asks about a case."""

    case_code: str
    by: str


@operation("keep")
def drill(uow: UnitOfWork, items: Sequence[Drill]) -> list[Answer | None]:
    """The answer for each case code, None where there is no such case at all; the question itself is audited."""
    answers = []
    for item in items:
        answer = uow.keeping.answer(item.case_code.strip().upper())
        code = answer.case_code if answer else ""
        uow.audit.add(AuditEntry(actor=at_command_line(item.by), action=audit.DRILLED, object=code))
        answers.append(answer)
    return answers

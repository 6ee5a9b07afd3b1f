"""Return codes on SQL: only a keyed hash of each is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select

from storage.crypto import code_hash
from storage.registers import return_codes

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_FORGET = delete(return_codes).where(return_codes.c.contact_uid == bindparam("b_contact"))
_ADD = insert(return_codes)
_FIND = select(return_codes.c.contact_uid).where(return_codes.c.code_hash == bindparam("code_hash"))


class ReturnCodes:
    """`handlers.ports.CodeStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def save(self, code: str, contact_uid: str) -> None:
        """Remember the code; an older one of the same contact stops working."""
        self._uow.flush()
        self._uow.execute(_FORGET, {"b_contact": contact_uid})
        hashed = code_hash(self._uow.pepper, code)
        self._uow.execute(_ADD, {"code_hash": hashed, "contact_uid": contact_uid, "created_at": self._uow.now})

    def redeem(self, code: str) -> str | None:
        """The contact this code leads to, or None."""
        found: str | None = self._uow.execute(_FIND, {"code_hash": code_hash(self._uow.pepper, code)}).scalar()
        return found

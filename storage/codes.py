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
        self._found: dict[str, str] = {}  # codes that led somewhere, and the pepper each was found with

    def save(self, code: str, contact_uid: str) -> None:
        """Remember the code; an older one of the same contact stops working. One that was just found keeps its pepper: codes
        that were given under an older one can thus be made void all together.
        """
        self._uow.flush()
        self._uow.execute(_FORGET, {"b_contact": contact_uid})
        pepper = self._found.get(code) or self._uow.peppers.settle()
        hashed = code_hash(self._uow.peppers.get(pepper), code)
        row = {"code_hash": hashed, "pepper": pepper, "contact_uid": contact_uid, "created_at": self._uow.now}
        self._uow.execute(_ADD, row)

    def redeem(self, code: str) -> str | None:
        """The contact this code leads to, or None."""
        return self._uow.peppers.look(lambda: self._find(code))

    def _find(self, code: str) -> str | None:
        for name in self._uow.peppers.names:
            hashed = code_hash(self._uow.peppers.get(name), code)
            found: str | None = self._uow.execute(_FIND, {"code_hash": hashed}).scalar()
            if found is not None:
                self._found[code] = name
                return found
        return None

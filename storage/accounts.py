"""Staff's accounts on SQL: found by keyed hash, sealed under a key of the staff member, bound by a code that works once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, or_, select

from handlers.model import Address, new_uid
from storage.channel_tables import accounts, bind_codes
from storage.crypto import bind_hash, lookup_of
from storage.types import among

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_OFFER = insert(bind_codes)
_WITHDRAW = delete(bind_codes).where(
    or_(bind_codes.c.staff_uid == bindparam("b_staff"), bind_codes.c.code_hash == bindparam("b_hash"))
)
_OFFERED = select(bind_codes.c.staff_uid).where(
    bind_codes.c.code_hash == bindparam("code_hash"), bind_codes.c.expires_at > bindparam("now")
)
_BIND = insert(accounts)
_LET_GO = delete(accounts).where(
    or_(
        accounts.c.lookup == bindparam("b_lookup"),
        (accounts.c.staff_uid == bindparam("b_staff")) & (accounts.c.channel == bindparam("b_channel")),
    )
)
_AT = select(accounts.c.staff_uid).where(among(accounts.c.lookup, "lookups"))
_OF = (
    select(accounts.c.uid, accounts.c.channel, accounts.c.address_sealed)
    .where(accounts.c.staff_uid == bindparam("staff_uid"))
    .order_by(accounts.c.channel)
)
_UNBIND = delete(accounts).where(
    accounts.c.staff_uid == bindparam("b_staff"),
    or_(bindparam("b_channel") == "", accounts.c.channel == bindparam("b_channel")),
)


class Accounts:
    """`handlers.ports.AccountStore` on SQL. Rare, so written at once."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def offer(self, code: str, staff_uid: str, until: datetime) -> None:
        """This code binds an account to her until then."""
        pepper = self._uow.peppers.settle()
        hashed = bind_hash(self._uow.peppers.get(pepper), code)
        self._uow.execute(_WITHDRAW, {"b_staff": staff_uid, "b_hash": hashed})
        row = {"code_hash": hashed, "pepper": pepper, "staff_uid": staff_uid, "expires_at": until}
        self._uow.execute(_OFFER, row)

    def bind(self, code: str, address: Address) -> str | None:
        """Spend the code; whose account it is now, or None."""
        pepper = self._uow.peppers.settle()
        staff_uid = self._spend(code)
        if staff_uid is None:
            return None
        for lookup in self._uow.peppers.lookups(address):
            self._uow.execute(_LET_GO, {"b_lookup": lookup, "b_staff": staff_uid, "b_channel": address.channel})
        if not self._uow.keys.holds(staff_uid):
            self._uow.keys.make("staff", staff_uid)
        uid = new_uid()
        sealed = self._uow.keys.seal("accounts", "address", uid, staff_uid, address.platform_id.encode())
        lookup = lookup_of(self._uow.peppers.get(pepper), address)
        row = {"uid": uid, "staff_uid": staff_uid, "channel": address.channel, "lookup": lookup, "pepper": pepper}
        self._uow.execute(_BIND, {**row, "address_sealed": sealed, "bound_at": self._uow.now})
        return staff_uid

    def _spend(self, code: str) -> str | None:
        """Whose code it was; it works once, also when two come with it at the same moment."""
        for name in reversed(self._uow.peppers.names):
            hashed = bind_hash(self._uow.peppers.get(name), code)
            self._uow.lock_name(f"bind:{hashed.hex()}")
            staff_uid: str | None = self._uow.execute(_OFFERED, {"code_hash": hashed, "now": self._uow.now}).scalar()
            if staff_uid is not None:
                self._uow.execute(_WITHDRAW, {"b_staff": staff_uid, "b_hash": hashed})
                return staff_uid
        return None

    def staff_at(self, address: Address) -> str | None:
        """Whose account this is, or None."""
        return self._uow.peppers.look(lambda: self._staff_at(self._uow.peppers.lookups(address)))

    def _staff_at(self, lookups: list[str]) -> str | None:
        found: str | None = self._uow.execute(_AT, {"lookups": lookups}).scalar()
        return found

    def address_of(self, staff_uid: str, channel: str) -> Address | None:
        """Her account on this channel, or None (also when it does not open any more)."""
        for row in self._uow.execute(_OF, {"staff_uid": staff_uid}):
            if row.channel == channel:
                self._uow.keys.load([staff_uid])
                plain = self._uow.keys.try_unseal("accounts", "address", row.uid, staff_uid, row.address_sealed)
                return None if plain is None else Address(channel, plain.decode())
        return None

    def of(self, staff_uid: str) -> list[str]:
        """The channels on which she has an account."""
        return [row.channel for row in self._uow.execute(_OF, {"staff_uid": staff_uid})]

    def unbind(self, staff_uid: str, channel: str = "") -> int:
        """Let her accounts go."""
        gone: int = self._uow.execute(_UNBIND, {"b_staff": staff_uid, "b_channel": channel}).rowcount
        return gone

"""The vault on SQL: secrets sealed under a data key of their own, and leases."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from storage.channel_tables import vault

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_GET = select(vault.c.value_sealed).where(vault.c.name == bindparam("name"))
_insert = insert(vault)
_PUT = _insert.on_conflict_do_update(
    index_elements=[vault.c.name],
    set_={"value_sealed": _insert.excluded.value_sealed, "updated_at": _insert.excluded.updated_at},
)
_lease = insert(vault)
_TAKE = _lease.on_conflict_do_update(
    index_elements=[vault.c.name],
    set_={"lease_holder": _lease.excluded.lease_holder, "lease_until": _lease.excluded.lease_until},
    where=or_(
        vault.c.lease_until.is_(None),
        vault.c.lease_until <= bindparam("now", type_=vault.c.lease_until.type),
        vault.c.lease_holder == _lease.excluded.lease_holder,
    ),
)
_GIVE_BACK = (
    update(vault)
    .where(vault.c.name == bindparam("b_name"), vault.c.lease_holder == bindparam("b_holder"))
    .values(lease_holder=None, lease_until=None)
)


class SqlVault:
    """`handlers.ports.VaultStore` on SQL. Rare, so written at once."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def get(self, name: str) -> str | None:
        """The secret of this name, or None (also when its key is gone: then it must be handed out anew)."""
        sealed = self._uow.execute(_GET, {"name": name}).scalar()
        owner = key_uid(name)
        self._uow.keys.load([owner])
        plain = self._uow.keys.try_unseal("vault", "value", owner, owner, sealed)
        return None if plain is None else plain.decode()

    def put(self, name: str, value: str) -> None:
        """Write it."""
        owner = key_uid(name)
        if not self._uow.keys.holds(owner):
            self._uow.keys.make("vault", owner)
        sealed = self._uow.keys.seal("vault", "value", owner, owner, value.encode())
        self._uow.execute(_PUT, {"name": name, "value_sealed": sealed, "updated_at": self._uow.now})

    def take(self, name: str, holder: str, until: datetime) -> bool:
        """The lease is this holder's until then, or False."""
        values = {"name": name, "lease_holder": holder, "lease_until": until, "now": self._uow.now}
        return self._uow.execute(_TAKE, values).rowcount == 1

    def give_back(self, name: str, holder: str) -> None:
        """The lease is free again."""
        self._uow.execute(_GIVE_BACK, {"b_name": name, "b_holder": holder})


def key_uid(name: str) -> str:
    """The owner uid of this secret's data key: made of its name, so that there is one for ever."""
    return hashlib.sha256(f"vault|{name}".encode()).hexdigest()[:32]

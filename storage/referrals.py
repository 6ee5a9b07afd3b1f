"""Referrals on SQL: what is told to a service is sealed under the case's own key, a page's address is kept only as a hash."""

from __future__ import annotations

from collections.abc import Mapping as Values
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from handlers.referral import Referral, ReferralLink
from storage.records import Mapping, pack
from storage.registers import referral_links, referrals

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_rows = Mapping(referrals, Referral)
_links = Mapping(referral_links, ReferralLink)
_details = msgspec.json.Decoder(dict[str, str])
_select = select(*_rows.columns, referrals.c.details_sealed)
_BY_UID = _select.where(referrals.c.uid == bindparam("uid"))
_OF_CASE = _select.where(referrals.c.case_uid == bindparam("case_uid")).order_by(referrals.c.id)
_LINK = select(*_links.columns).where(referral_links.c.token_hash == bindparam("token_hash"))
_LINKS_OF = select(*_links.columns).where(
    referral_links.c.referral_uid == bindparam("referral_uid"), referral_links.c.ended_at.is_(None)
)
_ADD_LINK = insert(referral_links)
_SAVE_LINK = (
    update(referral_links)
    .where(referral_links.c.token_hash == bindparam("b_token_hash"))
    .values(opened_at=bindparam("b_opened_at"), tries=bindparam("b_tries"), ended_at=bindparam("b_ended_at"))
)
_END_LINKS = (
    update(referral_links)
    .where(referral_links.c.referral_uid == bindparam("b_referral_uid"), referral_links.c.ended_at.is_(None))
    .values(ended_at=bindparam("b_ended_at"))
)
FORGET = (
    delete(referral_links).where(referral_links.c.case_uid == bindparam("gone")),
    delete(referrals).where(referrals.c.case_uid == bindparam("gone")),
)
"""What goes with a case that is destroyed (`storage/cases.py`)."""


class Referrals:
    """`handlers.ports.ReferralStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def add(self, referral: Referral) -> None:
        """A new one; its case is stored already, in this unit of work at the latest."""
        self._uow.flush()
        self._uow.execute(_rows.insert, _rows.values(referral) | {"details_sealed": self._seal(referral)})

    def save(self, referral: Referral) -> None:
        """Write all fields."""
        self._uow.execute(_rows.update, _rows.changes(referral) | {"details_sealed": self._seal(referral)})

    def get(self, uid: str) -> Referral | None:
        """By uid."""
        found = self._read(_BY_UID, {"uid": uid})
        return found[0] if found else None

    def of_case(self, case_uid: str) -> list[Referral]:
        """All of a case, oldest first."""
        return self._read(_OF_CASE, {"case_uid": case_uid})

    def add_link(self, link: ReferralLink) -> None:
        """A new one-time page."""
        self._uow.execute(_ADD_LINK, _links.values(link))

    def link(self, token_hash: bytes) -> ReferralLink | None:
        """The page behind this hash of its address."""
        row = self._uow.execute(_LINK, {"token_hash": token_hash}).first()
        return None if row is None else _links.record(row)

    def open_links(self, referral_uid: str) -> list[ReferralLink]:
        """The pages of a referral that have not ended."""
        return [_links.record(row) for row in self._uow.execute(_LINKS_OF, {"referral_uid": referral_uid})]

    def save_link(self, link: ReferralLink) -> None:
        """Write when it was opened, how often a wrong code was typed, and when it ended."""
        changes = {"b_token_hash": link.token_hash, "b_opened_at": link.opened_at, "b_tries": link.tries}
        self._uow.execute(_SAVE_LINK, changes | {"b_ended_at": link.ended_at})

    def end_links(self, referral_uid: str) -> None:
        """Every page of a referral ends now."""
        self._uow.execute(_END_LINKS, {"b_referral_uid": referral_uid, "b_ended_at": self._uow.now})

    def _read(self, statement: Any, values: Values[str, Any]) -> list[Referral]:
        rows = self._uow.execute(statement, values).all()
        owner = _rows.names.index("case_uid")
        self._uow.keys.load(row[owner] for row in rows)
        found = []
        for row in rows:
            plain = self._uow.keys.try_unseal("referrals", "details", row[0], row[owner], row[-1])
            found.append(_rows.record(row, details={} if plain is None else _details.decode(plain)))
        return found

    def _seal(self, referral: Referral) -> bytes | None:
        if not referral.details:
            return None
        plain = pack(dict(referral.details))
        return self._uow.keys.seal("referrals", "details", referral.uid, referral.case_uid, plain)

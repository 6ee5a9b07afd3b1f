"""Keeps the lock order contact, case, escalation for the stores of one unit of work, where others write at the same time.

The contact is the lane: whoever changes anything of a person holds her contact's row first. What was read without holding it may
be old a moment later, so the stores do not remember it (`Locks.has`). On the embedded database everything is held always.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from storage.tables import cases, contacts, escalations
from storage.types import among

if TYPE_CHECKING:
    from storage.uow import RunsStatements

_CONTACTS = select(contacts.c.uid).where(among(contacts.c.uid, "uids"))
_CONTACT_OF_CASE = select(contacts.c.uid).where(
    contacts.c.uid.in_(select(cases.c.contact_uid).where(cases.c.uid == bindparam("uid")))
)
_CONTACT_OF_CODE = select(contacts.c.uid).where(
    contacts.c.uid.in_(select(cases.c.contact_uid).where(cases.c.code == bindparam("code")))
)
_CONTACTS_OF_OWNED = select(contacts.c.uid).where(
    contacts.c.uid.in_(
        select(cases.c.contact_uid)
        .join(escalations, escalations.c.case_uid == cases.c.uid)
        .where(escalations.c.owner_uid == bindparam("staff_uid"))
    )
)
_CONTACT_OF_ESCALATION = select(contacts.c.uid).where(
    contacts.c.uid.in_(
        select(cases.c.contact_uid)
        .join(escalations, escalations.c.case_uid == cases.c.uid)
        .where(escalations.c.uid == bindparam("uid"))
    )
)
_CASE_OF_ESCALATION = select(cases.c.uid).where(
    cases.c.uid.in_(select(escalations.c.case_uid).where(escalations.c.uid == bindparam("uid")))
)


class Moved(Exception):
    """What was to be locked has changed hands meanwhile; doing the whole again finds it."""


class Locks:
    """What one unit of work holds."""

    def __init__(self, runner: RunsStatements) -> None:
        """Nothing yet."""
        self._runner = runner
        self._locking = runner.locks
        self._contacts: set[str] = set()
        self._cases: set[str] = set()

    def has(self, contact_uid: str) -> bool:
        """Is everything of this contact ours until the end?"""
        return not self._locking or contact_uid in self._contacts

    def note(self, contact_uids: Iterable[str]) -> None:
        """These contacts' rows have just been locked, or are new."""
        if self._locking:
            self._contacts.update(contact_uids)

    def contacts(self, uids: Iterable[str]) -> None:
        """Hold these contacts, in the order of their rows; gone ones have nothing to hold."""
        if not self._locking:
            return
        wanted = [uid for uid in uids if uid not in self._contacts]
        if wanted:
            self._runner.hold(_CONTACTS, {"uids": wanted})
            self._contacts.update(wanted)

    def contact_of_case(self, uid: str) -> None:
        """Hold the contact of this case."""
        if self._locking and uid not in self._cases:
            self._note(_CONTACT_OF_CASE, {"uid": uid})
            self._cases.add(uid)

    def contact_of_code(self, code: str) -> None:
        """Hold the contact of the case with this code."""
        if self._locking:
            self._note(_CONTACT_OF_CODE, {"code": code})

    def around_escalation(self, uid: str) -> None:
        """Hold the contact and the case of this escalation."""
        if self._locking:
            self._note(_CONTACT_OF_ESCALATION, {"uid": uid})
            self._cases.update(row[0] for row in self._runner.hold(_CASE_OF_ESCALATION, {"uid": uid}))

    def around_owned(self, staff_uid: str) -> None:
        """Hold the contacts of everything this staff member has."""
        if self._locking:
            self._note(_CONTACTS_OF_OWNED, {"staff_uid": staff_uid})

    def check(self, contact_uid: str) -> None:
        """A case that was locked belongs to this contact: was it that one we hold? Moved otherwise.

        A contact that is gone has no row; its cases are locked by themselves.
        """
        if self._locking and contact_uid not in self._contacts:
            if self._runner.execute(_CONTACTS, {"uids": [contact_uid]}).first() is not None:
                raise Moved
            self._contacts.add(contact_uid)

    def _note(self, statement: object, values: dict[str, str]) -> None:
        self._contacts.update(row[0] for row in self._runner.hold(statement, values))  # type: ignore[arg-type]

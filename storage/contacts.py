"""Contacts on SQL: found by keyed hash, their address and session sealed under a key of their own."""

from __future__ import annotations

from collections.abc import Mapping as Values
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, delete, insert, or_, select, text, update

from handlers.model import Address, Contact, InboxState, OutboxState, Reminder, new_uid
from storage.channel_tables import handles
from storage.crypto import lookup_of
from storage.records import Buffer, Mapping, alike, pack
from storage.registers import key_removals, return_codes
from storage.standing import count_standing
from storage.tables import contacts, inbox, outbox
from storage.types import among, word

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_rows = Mapping(contacts, Contact)
_reminder = msgspec.json.Decoder(Reminder)
_select = select(*_rows.columns, contacts.c.session_sealed, contacts.c.reminder_sealed, contacts.c.lookup)
_BY_LOOKUP = _select.where(among(contacts.c.lookup, "lookups"))
_BY_UID = _select.where(contacts.c.uid == bindparam("uid"))
_BY_UIDS = _select.where(among(contacts.c.uid, "uids"))
_READY = (
    select(contacts.c.uid)
    .where(
        contacts.c.pending > text("0"),
        or_(contacts.c.next_run_at.is_(None), contacts.c.next_run_at <= bindparam("now")),
    )
    .order_by(contacts.c.last_served_at.nulls_first(), contacts.c.id)
    .limit(bindparam("most"))
)
_TIMERS = (
    _select.where(contacts.c.session_due_at <= bindparam("now"), contacts.c.pending == 0)
    .order_by(contacts.c.session_due_at)
    .limit(bindparam("most"))
)
_REMINDERS = (
    _select.where(contacts.c.reminder_due_at <= bindparam("now"))
    .order_by(contacts.c.reminder_due_at)
    .limit(bindparam("most"))
)
_ERASURE = _select.where(contacts.c.erase_at <= bindparam("now")).order_by(contacts.c.erase_at).limit(bindparam("most"))
_UNFINISHED = (word(OutboxState.PENDING), word(OutboxState.SENDING), word(OutboxState.HELD))
_DETACH = (
    update(contacts).where(contacts.c.uid == bindparam("gone")).values(lookup=bindparam("nobody"))
)  # the address no longer leads here; what is under way still goes out
NOWHERE = "detached:"
"""How the lookup of a contact begins whose address does not lead to it any more."""
_ADDRESS = select(contacts.c.channel, contacts.c.lookup, contacts.c.address_sealed).where(
    contacts.c.uid == bindparam("uid")
)
_FORGET = (
    update(inbox)
    .where(inbox.c.contact_uid == bindparam("gone"))
    .values(contact_uid=None, message_sealed=None, state=InboxState.DONE),
    delete(outbox).where(outbox.c.contact_uid == bindparam("gone"), outbox.c.state.in_(_UNFINISHED)),
    delete(return_codes).where(return_codes.c.contact_uid == bindparam("gone")),
    delete(handles).where(handles.c.owner_uid == bindparam("gone")),
    delete(contacts).where(contacts.c.uid == bindparam("gone")),
)
_REMOVE_KEY = insert(key_removals)


class Contacts:
    """`handlers.ports.ContactStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow
        self._buffer: Buffer[Contact] = Buffer()
        self._by_lookup: dict[str, str] = {}
        self._addresses: dict[str, tuple[str, str, Address]] = {}  # of contacts made here, until they are inserted

    def open(self, addresses: Sequence[Address]) -> list[Contact]:
        """The contact of each address, in order; missing ones are made, each with a data key of its own."""
        peppers = self._uow.peppers
        if not peppers.look(lambda: self._all_there(addresses)):
            pepper = peppers.settle()
            for address in addresses:
                if self._uid_at(address) is None:
                    self._make(pepper, address)
        return [self.get(self._uid_at(address) or "") for address in addresses]

    def find(self, address: Address) -> Contact | None:
        """The contact of this address, or None. Only a look: nothing is locked by it."""
        return self._uow.peppers.look(lambda: self._look_at(address))

    def _look_at(self, address: Address) -> Contact | None:
        uid = self._uid_at(address)
        if uid is not None:
            return self.get(uid)
        lookups = self._uow.peppers.lookups(address)
        found = self._read(self._uow.execute(_BY_LOOKUP, {"lookups": lookups}).all())
        return found[0] if found else None

    def get(self, uid: str) -> Contact:
        """The contact; KeyError when it is gone."""
        known = self._buffer.get(uid)
        if known is not None:
            return known
        found = self._held(_BY_UID, {"uid": uid})
        if not found:
            raise KeyError(uid)
        return found[0]

    def save(self, contact: Contact) -> None:
        """Write all fields at the end of the unit of work."""
        self._buffer.save(contact)

    def ready(self, limit: int) -> list[str]:
        """Uids of lanes with pending messages whose time has come, longest unserved first."""
        self._uow.flush()
        return [row.uid for row in self._uow.execute(_READY, {"now": self._uow.now, "most": limit}).all()]

    def load(self, uids: Sequence[str], *, wait: bool = False) -> dict[str, Contact]:
        """These contacts; gone ones, and (without `wait`) those another process works on, are missing from the result."""
        unknown = [uid for uid in dict.fromkeys(uids) if self._buffer.get(uid) is None]
        if unknown:
            self._held(_BY_UIDS, {"uids": unknown}, skip=not wait)
        found = {uid: self._buffer.get(uid) for uid in uids}
        return {uid: contact for uid, contact in found.items() if contact is not None}

    def due_timers(self, limit: int) -> list[Contact]:
        """Contacts whose session timer has come, with nothing pending."""
        return self._due(_TIMERS, limit)

    def due_reminders(self, limit: int) -> list[Contact]:
        """Contacts whose reminder has come."""
        return self._due(_REMINDERS, limit)

    def due_erasure(self, limit: int) -> list[Contact]:
        """Contacts whose time to be forgotten has come."""
        return self._due(_ERASURE, limit)

    def standing(self, since: datetime) -> dict[tuple[str, str], int]:
        """How many people stand where in the flows, by (content version, "flow.step")."""
        return count_standing(self._uow, since)

    def renew(self, uid: str) -> Contact | None:
        """Her address leads to a new contact from now on; None when it does not open, or leads to another already."""
        self._uow.flush()
        self._uow.keys.load([uid])
        for row in self._uow.execute(_ADDRESS, {"uid": uid}).all():
            plain = self._uow.keys.try_unseal("contacts", "address", uid, uid, row.address_sealed)
            if plain is not None and not row.lookup.startswith(NOWHERE):
                self._uow.execute(_DETACH, {"gone": uid, "nobody": NOWHERE + uid})
                self._leads_nowhere(uid)
                return self.open([Address(row.channel, plain.decode("utf-8", "surrogatepass"))])[0]
        return None

    def forget(self, uid: str) -> None:
        """Take the contact and what hangs on it away; its key is destroyed right after the commit."""
        self._uow.flush()
        if not self._uow.hold(_BY_UID, {"uid": uid}).first():
            return
        for statement in _FORGET:
            self._uow.execute(statement, {"gone": uid})
        self._uow.execute(_REMOVE_KEY, {"uid": uid, "removed_at": self._uow.now})
        self._uow.keys.removed.append(uid)
        self._buffer.drop(uid)
        self._leads_nowhere(uid)

    def flush(self) -> None:
        """Write buffered contacts."""
        if not self._buffer:
            return
        changed, added = self._buffer.take()
        for alike_ones in alike(self._changes(contact, before) for contact, before in changed):
            self._uow.execute(_rows.update, alike_ones)
        if added:
            self._uow.execute(_rows.insert, [self._new_row(contact) for contact in added])

    def _due(self, statement: Any, limit: int) -> list[Contact]:
        self._uow.flush()
        return self._held(statement, {"now": self._uow.now, "most": limit}, skip=True)

    def _all_there(self, addresses: Sequence[Address]) -> bool:
        """Find whoever there is at these addresses, under every pepper; is it everybody?"""
        lookups = [lookup for address in addresses for lookup in self._uow.peppers.lookups(address)]
        self._find(lookups)
        self._detach_hidden(lookups)
        return all(self._uid_at(address) is not None for address in addresses)

    def _uid_at(self, address: Address) -> str | None:
        """Whom this address leads to, as far as is known here."""
        lookups = self._uow.peppers.lookups(address)
        return next((self._by_lookup[lookup] for lookup in lookups if lookup in self._by_lookup), None)

    def _leads_nowhere(self, uid: str) -> None:
        self._by_lookup = {lookup: known for lookup, known in self._by_lookup.items() if known != uid}

    def _find(self, lookups: Sequence[str]) -> None:
        unknown = list({lookup: None for lookup in lookups if lookup not in self._by_lookup})
        if unknown:
            self._held(_BY_LOOKUP, {"lookups": unknown})

    def _held(self, statement: Any, values: Values[str, Any], *, skip: bool = False) -> list[Contact]:
        rows = self._uow.hold(statement, values, skip=skip).all()
        self._uow.locks.note(row[0] for row in rows)
        return self._read(rows)

    def _detach_hidden(self, lookups: Sequence[str]) -> None:
        """Somebody who has erased everything is greeted like anybody: her address leads to a new contact from now on."""
        for lookup in lookups:
            uid = self._by_lookup.get(lookup)
            known = None if uid is None else self._buffer.get(uid)
            if uid is not None and known is not None and known.hidden_at is not None:
                self._uow.flush()
                self._uow.execute(_DETACH, {"gone": uid, "nobody": NOWHERE + uid})
                del self._by_lookup[lookup]

    def _make(self, pepper: str, address: Address) -> None:
        contact = Contact(uid=new_uid(), channel=address.channel)
        lookup = lookup_of(self._uow.peppers.get(pepper), address)
        self._uow.keys.make("contact", contact.uid)
        self._uow.locks.note([contact.uid])
        self._by_lookup[lookup] = contact.uid
        self._addresses[contact.uid] = (lookup, pepper, address)
        self._buffer.add(contact)

    def _read(self, rows: Sequence[Any]) -> list[Contact]:
        self._uow.keys.load(row[0] for row in rows)
        contacts_read = []
        for row in rows:
            uid, sealed = row[0], row[_rows.width]
            known = self._buffer.get(uid)
            if known is None:
                plain = self._uow.keys.try_unseal("contacts", "session", uid, uid, sealed)
                session = None if plain is None else msgspec.json.decode(plain)
                reminder = self._open_reminder(uid, row[_rows.width + 1])
                known = _rows.record(row, session=session, reminder=reminder)
                if self._uow.locks.has(uid):
                    known = self._buffer.seen(known)
            if self._uow.locks.has(uid):
                self._by_lookup[row[-1]] = uid
            contacts_read.append(known)
        return contacts_read

    def _open_reminder(self, uid: str, sealed: bytes | None) -> Reminder | None:
        plain = self._uow.keys.try_unseal("contacts", "reminder", uid, uid, sealed)
        return None if plain is None else _reminder.decode(plain)

    def _changes(self, contact: Contact, before: Contact | None) -> dict[str, Any]:
        changed = _rows.changes(contact, before)
        if before is None or contact.session != before.session:
            changed["session_sealed"] = self._seal("session", contact.uid, contact.session)
        if before is None or contact.reminder != before.reminder:
            changed["reminder_sealed"] = self._seal("reminder", contact.uid, contact.reminder)
        return changed

    def _seal(self, column: str, uid: str, value: Any) -> bytes | None:
        return None if value is None else self._uow.keys.seal("contacts", column, uid, uid, pack(value))

    def _new_row(self, contact: Contact) -> dict[str, Any]:
        lookup, pepper, address = self._addresses.pop(contact.uid)
        plain = address.platform_id.encode("utf-8", "surrogatepass")
        sealed = self._uow.keys.seal("contacts", "address", contact.uid, contact.uid, plain)
        return _rows.values(contact) | {
            "lookup": lookup,
            "pepper": pepper,
            "address_sealed": sealed,
            "session_sealed": self._seal("session", contact.uid, contact.session),
            "reminder_sealed": self._seal("reminder", contact.uid, contact.reminder),
        }

"""What is left of people who were erased: bytes in living files, and fields of a backup that the keys of now still open.

Used by the tests and by `make bench NAME=keeping`, which prints the counts (security.md part 2 row 19).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from handlers.errors import KeyMissing
from handlers.model import (
    Address,
    AuditEntry,
    Direction,
    Disposition,
    InboxState,
    Media,
    MediaKind,
    MessageKind,
    Outgoing,
    Reminder,
    StoredMessage,
    Summary,
    new_uid,
)
from handlers.ports import UnitOfWork
from handlers.referral import Item, Referral, ReferralStatus
from storage.crypto import Unreadable
from storage.data_keys import Keys
from storage.keyring import KeyRing
from storage.open import Storage
from storage.tables import metadata
from tests.contract.builders import act, case_of, escalation, inbox_row, line, outbox_row

STAFFS = frozenset({"accounts", "factors", "vault"})
"""Tables whose sealed fields are about staff and platforms, not about whoever wrote."""
OWNERS = {
    "contacts": "uid",
    "inbox": "contact_uid",
    "cases": "uid",
    "lines": "case_uid",
    "outbox": "contact_uid",
    "referrals": "case_uid",
    "media": "case_uid",
}
"""Whose key seals the fields of a table. A table that gets a sealed column gets an entry here, or every test of this fails."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who wrote; whatever can be kept of her holds her canary."""

    contact_uid: str
    case_uid: str
    code: str
    canary: str
    platform_id: str

    @property
    def needles(self) -> tuple[bytes, ...]:
        """What must not stand anywhere in clear."""
        return self.canary.encode(), self.platform_id.encode()


@dataclass(frozen=True, slots=True)
class Field:
    """One sealed field as it lies in the database (and in every backup of that day)."""

    table: str
    column: str
    row_uid: str
    owner_uid: str
    sealed: bytes


async def plant(storage: Storage, number: int) -> Person:
    """Somebody writes, talks, is answered and done; her canary goes wherever text and addresses go."""
    canary, platform_id = f"chim-hoàng-yến-{number:04}-{new_uid()}", f"8490{number:07}{new_uid()[:8]}"

    def work(uow: UnitOfWork) -> Person:
        (contact,) = uow.contacts.open([Address("telegram", platform_id)])
        row = inbox_row(contact, message=StoredMessage(kind=MessageKind.TEXT, text=canary), received_at=uow.now)
        uow.inbox.accept([(row, "telegram", f"update-{number}-{uow.now:%m%d}")])
        case = case_of(
            contact, f"K{number}-{uow.now:%m%d}", opened_at=uow.now, summary=Summary(answers={canary: canary})
        )
        case = replace(case, closed_at=uow.now, disposition=Disposition.INFORMED, category="dv_physical")
        uow.cases.add(case)
        uow.escalations.add(replace(escalation(case), state="ended", next_due_at=None, ended_reason="closed"))
        uow.lines.add(line(case, 1, canary, direction=Direction.IN, author="seeker", created_at=uow.now))
        uow.lines.add(line(case, 2, canary, direction=Direction.NOTE, author=new_uid(), created_at=uow.now))
        uow.outbox.add(outbox_row(contact, outgoing=Outgoing(text=canary), case_uid=case.uid, created_at=uow.now))
        uow.codes.save(canary, contact.uid)
        uow.audit.add(AuditEntry(actor="system", action="case.opened", object=case.code))
        uow.referrals.add(_referral(uow, case.uid, canary))
        picture = Media(
            uid=new_uid(),
            case_uid=case.uid,
            seq=1,
            kind=MediaKind.IMAGE,
            channel="telegram",
            source=canary,
            created_at=uow.now,
        )
        uow.media.add(picture)
        uow.media.keep(picture, canary.encode())
        reminder = Reminder(text=canary, purpose="reminder", case_uid=case.uid)
        held = replace(
            uow.contacts.get(contact.uid),
            session={"step": "a.b", "name": canary},
            reminder=reminder,
            reminder_due_at=uow.now + timedelta(days=1),
            last_inbound_at=uow.now,
            erase_at=uow.now + timedelta(days=30),
            pending=0,
        )
        uow.contacts.save(held)
        uow.inbox.save(replace(row, state=InboxState.DEAD))  # keeps its payload
        return Person(contact.uid, case.uid, case.code, canary, platform_id)

    return await act(storage.door, work)


def _referral(uow: UnitOfWork, case_uid: str, canary: str) -> Referral:
    return Referral(
        uid=new_uid(),
        case_uid=case_uid,
        status=ReferralStatus.WANTED,
        need="medical",
        kind="hospital",
        service_id="",
        items=(Item.NAME,),
        consent_step="a.b",
        consent_text="abc",
        consented_at=uow.now,
        made_by="system",
        created_at=uow.now,
        changed_at=uow.now,
        details={Item.NAME: canary},
    )


async def sealed_fields(storage: Storage) -> list[Field]:
    """Every sealed field there is, of every table that has one."""
    columns = [
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_sealed") and table.name not in STAFFS
    ]

    def look(uow: UnitOfWork) -> list[Field]:
        execute = uow._runner._connection.execute  # type: ignore[attr-defined]
        found = []
        for table, column in columns:
            owner = OWNERS[table]
            for row_uid, owner_uid, sealed in execute(f"SELECT uid, {owner}, {column} FROM {table}").fetchall():
                if sealed is not None:
                    found.append(Field(table, column.removesuffix("_sealed"), row_uid, owner_uid, bytes(sealed)))
        return found

    return await storage.door.read(look)


def opens(fields: Iterable[Field], keys: Keys) -> list[Field]:
    """Those that these keys open."""
    ring, found = KeyRing(keys), []
    for one in fields:
        try:
            ring.unseal(one.table, one.column, one.row_uid, one.owner_uid, one.sealed)
            found.append(one)
        except (KeyMissing, Unreadable):
            continue
    return found


def of(people: Iterable[Person], fields: Iterable[Field]) -> list[Field]:
    """The fields of these people."""
    uids = {uid for person in people for uid in (person.contact_uid, person.case_uid)}
    return [one for one in fields if one.owner_uid in uids]


def wrapped_keys(storage: Storage) -> dict[str, bytes]:
    """Every wrapped data key as it lies in the key store, by owner."""
    return {uid: bytes(wrapped) for uid, _, _, wrapped in storage.keys._all()}


def found_in(folder: Path, needles: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """Which of these bytes stand in which file under the folder."""
    hits = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            hits += [(path.name, needle) for needle in needles if needle in content]
    return hits

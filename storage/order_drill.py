"""What an order about one case would yield, counted in every table that may hold something about that person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Table, bindparam, func, select

from handlers.errors import KeyMissing
from handlers.model import Direction, InboxState
from handlers.order_drill import Answer, Readable, Yielded
from storage.channel_tables import handles, media
from storage.crypto import Unreadable
from storage.registers import referral_links, referrals, return_codes
from storage.tables import audit_log, cases, contacts, escalations, inbox, lines, outbox
from storage.types import among, word

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_CASE = select(cases.c.uid, cases.c.code, cases.c.contact_uid, cases.c.erased_at).where(
    cases.c.code == bindparam("code")
)
_HERS = select(cases.c.uid, cases.c.code, cases.c.erased_at, cases.c.summary_sealed).where(
    cases.c.contact_uid == bindparam("contact")
)
_CONTACT = select(
    contacts.c.uid,
    contacts.c.address_sealed,
    contacts.c.session_sealed,
    contacts.c.reminder_sealed,
    contacts.c.erase_at,
).where(contacts.c.uid == bindparam("contact"))
_LINES = select(lines.c.uid, lines.c.case_uid, lines.c.direction, lines.c.body_sealed).where(
    among(lines.c.case_uid, "cases")
)
_DETAILS = select(referrals.c.uid, referrals.c.case_uid, referrals.c.details_sealed).where(
    among(referrals.c.case_uid, "cases")
)
_MEDIA = select(media.c.uid, media.c.case_uid, media.c.source_sealed, media.c.body_sealed).where(
    among(media.c.case_uid, "cases")
)
_WAITING = select(inbox.c.uid, inbox.c.message_sealed).where(
    inbox.c.contact_uid == bindparam("contact"), inbox.c.state != word(InboxState.DONE)
)
_OUTGOING = select(outbox.c.uid, outbox.c.outgoing_sealed).where(outbox.c.contact_uid == bindparam("contact"))


def _count(table: Table, column: Column[Any], name: str) -> Any:
    return select(func.count()).select_from(table).where(among(column, name))


_COUNTS = (
    ("numbers and times of messages that came in", _count(inbox, inbox.c.contact_uid, "contacts"), "contacts"),
    ("lines that went out, and whether they arrived", _count(outbox, outbox.c.contact_uid, "contacts"), "contacts"),
    ("calls for a human, and who answered", _count(escalations, escalations.c.case_uid, "cases"), "cases"),
    (
        "numbers the platform gave to messages that can still be taken away",
        _count(handles, handles.c.owner_uid, "owners"),
        "owners",
    ),
    ("one-time pages for services", _count(referral_links, referral_links.c.case_uid, "cases"), "cases"),
    ("rows of the audit log that name her cases", _count(audit_log, audit_log.c.object, "codes"), "codes"),
)
_RETURN_CODES = _count(return_codes, return_codes.c.contact_uid, "contacts")
OF_A_STAY = "stays: code, times, severity, category, channel"
REMAINS = "what is left of a stay: code, month, severity, category, channel, how it ended, the day it was destroyed"


class Answering:
    """Counts for one question."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def answer(self, code: str) -> Answer | None:
        """What there is about the case with this code, and about whoever wrote it; None when there is no such case."""
        self._uow.flush()
        row = self._uow.execute(_CASE, {"code": code}).first()
        if row is None:
            return None
        hers = self._uow.execute(_HERS, {"contact": row.contact_uid}).all() if row.contact_uid else []
        contact = self._uow.execute(_CONTACT, {"contact": row.contact_uid}).first() if row.contact_uid else None
        asked = {
            "contacts": [contact.uid] if contact else [],
            "cases": [one.uid for one in hers] or [row.uid],
            "codes": [one.code for one in hers] or [row.code],
        }
        asked["owners"] = asked["contacts"] + asked["cases"]
        kinds = [*self._of_contact(contact), *self._of_cases(hers, asked["cases"])]
        for what, statement, name in _COUNTS:
            kinds.append(Yielded(what, self._number(statement, {name: asked[name]}), Readable.CLEAR))
        kinds.append(Yielded(OF_A_STAY, len(hers), Readable.CLEAR))
        kinds.append(Yielded(REMAINS, 0 if hers else 1, Readable.CLEAR))
        return Answer(
            case_code=row.code,
            erased=row.erased_at is not None,
            cases=len(hers),
            kinds=tuple(one for one in kinds if one.count),
            goes_at=contact.erase_at if contact else None,
        )

    def _of_contact(self, contact: Any | None) -> list[Yielded]:
        if contact is None:
            return []
        uid = contact.uid
        waiting = self._uow.execute(_WAITING, {"contact": uid}).all()
        going = self._uow.execute(_OUTGOING, {"contact": uid}).all()
        found = [
            self._sealed("her address at the platform", "contacts", "address", [(uid, uid, contact.address_sealed)]),
            self._sealed(
                "where the talk stands (session)", "contacts", "session", [(uid, uid, contact.session_sealed)]
            ),
            self._sealed("a reminder she asked for", "contacts", "reminder", [(uid, uid, contact.reminder_sealed)]),
            self._sealed("messages not yet handled", "inbox", "message", [(one[0], uid, one[1]) for one in waiting]),
            self._sealed("lines not yet sent", "outbox", "outgoing", [(one[0], uid, one[1]) for one in going]),
        ]
        codes = self._number(_RETURN_CODES, {"contacts": [uid]})
        hashed = [
            Yielded("her address, to look her up by her account's number", 1, Readable.HASHED),
            Yielded("a return code", codes, Readable.HASHED),
        ]
        return [one for pair in found for one in pair] + hashed

    def _of_cases(self, hers: list[Any], uids: list[str]) -> list[Yielded]:
        said = self._uow.execute(_LINES, {"cases": uids}).all()
        told = self._uow.execute(_DETAILS, {"cases": uids}).all()
        notes = [(one.uid, one.case_uid, one.body_sealed) for one in said if one.direction is Direction.NOTE]
        talk = [(one.uid, one.case_uid, one.body_sealed) for one in said if one.direction is not Direction.NOTE]
        details = [(one.uid, one.case_uid, one.details_sealed) for one in told]
        seen = self._uow.execute(_MEDIA, {"cases": uids}).all()
        bodies = [(one.uid, one.case_uid, one.body_sealed) for one in seen]
        sources = [(one.uid, one.case_uid, one.source_sealed) for one in seen]
        found = [
            self._sealed("lines of talks", "lines", "body", talk),
            self._sealed("notes of staff", "lines", "body", notes),
            self._sealed("summaries (signs, answers)", "cases", "summary", [(one[0], one[0], one[3]) for one in hers]),
            self._sealed("what services were told", "referrals", "details", details),
            self._sealed("pictures and voice notes", "media", "body", bodies),
            self._sealed("where the platform keeps pictures and voice notes", "media", "source", sources),
        ]
        return [one for pair in found for one in pair]

    def _sealed(
        self, what: str, table: str, column: str, rows: list[tuple[str, str, bytes | None]]
    ) -> tuple[Yielded, Yielded]:
        """How many of these (row, owner, ciphertext) open, and how many do not: tried, not guessed."""
        opens = shut = 0
        for uid, owner, sealed in rows:
            if sealed is None:
                continue
            try:
                self._uow.keys.unseal(table, column, uid, owner, sealed)
                opens += 1
            except (KeyMissing, Unreadable):
                shut += 1
        return Yielded(what, opens, Readable.OPENS), Yielded(what, shut, Readable.SHUT)

    def _number(self, statement: Any, values: dict[str, Any]) -> int:
        return int(self._uow.execute(statement, values).scalar())

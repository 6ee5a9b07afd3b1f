"""A hotline in one hand: the real operations on SQLite in memory, a clock that moves when told, and words for what people do.

Every operation runs in a savepoint of one long transaction, so that a test can throw the whole hotline away at once.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from flows.effects import Button
from flows.severity import Severity
from handlers.desk import Claim, Close, Desk, Note, OpenCase, Queue, ReadLines, Release, Reply, SetDuty
from handlers.duty import Duty, EverybodyByRole
from handlers.escalation import Call, Escalations, Reason
from handlers.leaving import Leavers
from handlers.model import (
    Address,
    Case,
    Contact,
    Direction,
    Disposition,
    DutySwitch,
    Escalation,
    OutboxRow,
    Role,
    Staff,
    new_uid,
)
from handlers.outgoing import append_line
from handlers.rules import leaving
from handlers.stays import Ending, Stays, case_due_at
from storage import schema
from storage.engine import connect
from storage.keyring import KeyRing
from storage.keystore import KeyStore
from storage.prepared import Runner
from storage.secrets import Peppers, throwaway
from storage.types import from_micros
from storage.uow import SqlUnitOfWork

R = TypeVar("R")
START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # a Monday, nine in the morning in Lai Châu


class Phrases:
    """Says a phrase's own name, so that tests can ask which one was said."""

    def say(self, key: str, language: str = "", /, **values: str) -> str:
        return " ".join([f"<{key}>", *(f"{name}={value}" for name, value in sorted(values.items()))])


@dataclass
class Cellar:
    """What is slow to make and safe to share between hotlines of one test run: the tables and the key store."""

    connection: sqlite3.Connection
    keys: KeyStore
    peppers: Peppers

    @classmethod
    def dig(cls) -> Cellar:
        secrets = throwaway()
        connection = connect(None)
        schema.create(connection)
        return cls(connection, KeyStore(None, secrets, lambda: START), secrets.peppers)


_cellar: list[Cellar] = []


def cellar() -> Cellar:
    """The shared cellar, dug once."""
    if not _cellar:
        _cellar.append(Cellar.dig())
    return _cellar[0]


@dataclass
class Hotline:
    """One hotline; `close` forgets everything that happened in it."""

    duty: Duty = field(default_factory=EverybodyByRole)
    now: datetime = START
    gone: dict[str, datetime] = field(default_factory=dict)  # staff uid -> last seen at the desk, of those who are gone
    edges: list[datetime] = field(
        default_factory=list
    )  # moments that the roster alone knows of: looked at when they come
    crash_at: int | None = None  # the next unit of work dies before its n-th statement; 0: just before the commit

    def __post_init__(self) -> None:
        self._cellar = cellar()
        self.connection = self._cellar.connection
        self.connection.execute("BEGIN IMMEDIATE")
        ending = Ending(UTC)
        self.escalations = Escalations(self.duty, Phrases(), ending)
        self.stays = Stays(self.duty, Phrases(), ending)
        self.desk = Desk(self.escalations)

    def close(self) -> None:
        self.connection.execute("ROLLBACK")

    # --- transactions -----------------------------------------------------------------------------------------------

    def do(self, work: Callable[[SqlUnitOfWork], R]) -> R:
        """One unit of work: all or nothing."""
        self.connection.execute("SAVEPOINT unit")
        try:
            uow = MortalUnitOfWork(Runner(self.connection), KeyRing(self._cellar.keys), self._cellar.peppers, self.now)
            uow.statements_left, self.crash_at = self.crash_at, None
            result = work(uow)
            uow.finish()
            if uow.statements_left is not None:
                raise Crash
        except BaseException:
            self.connection.execute("ROLLBACK TO unit")
            self.connection.execute("RELEASE unit")
            raise
        self.connection.execute("RELEASE unit")
        return result

    def run(self, operation: Callable[[Any, Sequence[Any]], list[R]], item: Any) -> R:
        return self.do(lambda uow: operation(uow, [item])[0])

    # --- staff ------------------------------------------------------------------------------------------------------

    def hire(self, name: str, *roles: Role, alias: str = "", enabled: bool = True) -> Staff:
        staff = Staff(
            uid=new_uid(),
            name=name,
            alias=alias or name.title(),
            roles=roles or (Role.COUNSELLOR,),
            created_at=self.now,
            enabled=enabled,
        )
        self.do(lambda uow: uow.staff.save(staff))
        return staff

    def claim(self, staff: Staff, case: Case, epoch: int | None = None) -> Any:
        seen = epoch if epoch is not None else (self.escalation(case).epoch if self.escalation(case) else 1)
        return self.run(self.desk.claim, Claim(staff_uid=staff.uid, case_code=case.code, epoch=seen))

    def reply(self, staff: Staff, case: Case, words: str = "Chào chị.", key: str = "") -> Any:
        item = Reply(staff_uid=staff.uid, case_code=case.code, text=words, client_key=key or new_uid())
        return self.run(self.desk.reply, item)

    def note(self, staff: Staff, case: Case, words: str = "Gọi lại chiều nay.") -> Any:
        item = Note(staff_uid=staff.uid, case_code=case.code, text=words, client_key=new_uid())
        return self.run(self.desk.note, item)

    def release(self, staff: Staff, case: Case) -> None:
        self.run(self.desk.release, Release(staff_uid=staff.uid, case_code=case.code))

    def close_case(self, staff: Staff, case: Case, disposition: Disposition = Disposition.HELPED) -> None:
        self.run(self.desk.close, Close(staff_uid=staff.uid, case_code=case.code, disposition=disposition))

    def look(self, staff: Staff, case: Case, reason: str = "") -> Any:
        return self.run(self.desk.open_case, OpenCase(staff_uid=staff.uid, case_code=case.code, reason=reason))

    def peek(self, staff: Staff, case: Case) -> Any:
        """What somebody would see, without leaving a trace: the look is rolled back."""
        seen: list[Any] = []

        def work(uow: SqlUnitOfWork) -> None:
            seen.extend(self.desk.open_case(uow, [OpenCase(staff_uid=staff.uid, case_code=case.code)]))
            raise Crash

        with contextlib.suppress(Crash):
            self.do(work)
        return seen[0]

    def new_lines(self, staff: Staff, case: Case, after_seq: int = 0) -> Any:
        item = ReadLines(staff_uid=staff.uid, case_code=case.code, after_seq=after_seq)
        return self.run(self.desk.read_lines, item)

    def queue(self, staff: Staff) -> Any:
        return self.run(self.desk.queue, Queue(staff_uid=staff.uid))

    def set_duty(self, staff: Staff, duty: DutySwitch) -> Staff:
        return self.run(self.desk.set_duty, SetDuty(staff_uid=staff.uid, duty=duty))

    def disable(self, staff: Staff) -> None:
        def work(uow: SqlUnitOfWork) -> None:
            uow.staff.save(replace(uow.staff.get(staff.uid) or staff, enabled=False))
            self.escalations.staff_disabled(uow, staff.uid)

        self.do(work)

    # --- the seeker -------------------------------------------------------------------------------------------------

    def arrive(self, name: str = "s1", channel: str = "web") -> Case:
        """Somebody opens the chat: a contact with an open case."""

        def work(uow: SqlUnitOfWork) -> Case:
            contact = uow.contacts.open([Address(channel=channel, platform_id=name)])[0]
            uow.contacts.save(replace(contact, last_inbound_at=self.now, stay_started_at=self.now))
            uid = new_uid()
            case = Case(
                uid=uid, contact_uid=contact.uid, code=f"C-{uid[-8:]}".upper(), opened_at=self.now, channel=channel
            )
            case = replace(case, last_inbound_at=self.now)
            case = replace(case, next_due_at=case_due_at(case, calling=False))
            uow.cases.add(case)
            return case

        return self.do(work)

    def writes(
        self,
        case: Case,
        severity: Severity = Severity.NONE,
        category: str = "",
        *,
        reason: Reason = Reason.SCREENED,
        agreed: bool = False,
    ) -> Case:
        """She writes a line; `severity` is what screening makes of it."""

        def work(uow: SqlUnitOfWork) -> Case:
            contact = replace(uow.contacts.get(case.contact_uid), last_inbound_at=self.now, quiet=False)
            uow.contacts.save(contact)
            fresh, _ = append_line(
                uow, uow.cases.get(case.uid), direction=Direction.IN, author="seeker", text="một dòng của chị"
            )
            return self.escalations.seeker_wrote(uow, contact, fresh, Call(severity, category, reason, agreed))

        return self.do(work)

    def asks_for_person(self, case: Case) -> Case:
        return self.writes(case, reason=Reason.ASKED)

    def on_case(self, case: Case, work: Callable[[SqlUnitOfWork, Contact, Case], R]) -> R:
        """Do something with the contact and the case as they stand."""
        return self.do(lambda uow: work(uow, uow.contacts.get(case.contact_uid), uow.cases.get(case.uid)))

    def cancels(self, case: Case, *, quiet: bool = False) -> bool:
        return self.on_case(
            case, lambda uow, who, now: self.escalations.cancel_by_seeker(uow, who, now, quiet=quiet).ended
        )

    # --- time -------------------------------------------------------------------------------------------------------

    def passes(self, seconds: float) -> None:
        """Time passes with the tickers running: they look whenever something is due."""
        until = self.now + timedelta(seconds=seconds)
        while True:
            due = self._next_due()
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            self.tick()
        self.now = until

    def tick(self) -> None:
        """One look of the tickers, one unit of work per row, until nothing is due."""
        for _ in range(200):
            done = [self.watch_owners()]
            done += [self.run(self.escalations.tick, uid) for uid in self.do(lambda u: self.escalations.due(u, 64))]
            done += [self.run(self.stays.tick, uid) for uid in self.do(lambda u: self.stays.due(u, 64))]
            if not any(done):
                return
        raise AssertionError("the tickers never come to rest")

    def watch_owners(self) -> bool:
        """One look after owners who go; True when something was done."""
        gone = {uid: self.now - at for uid, at in self.gone.items()}
        leavers = Leavers(self.escalations)
        return any([self.run(leavers.look, item) for item in self.do(lambda uow: leavers.due(uow, gone))])

    def _shifts(self) -> list[datetime]:
        """When whoever leaves, or has left, is to be looked at next; the worker looks every few seconds."""
        edges = [edge for edge in self.edges if edge > self.now]
        if not self.select("SELECT 1 FROM escalations WHERE leaving = 'left'"):
            return edges

        def work(uow: SqlUnitOfWork) -> list[datetime | None]:
            held = uow.escalations.held()
            worked = {one.uid: uow.lines.newest_by(one.case_uid, one.owner_uid or "") for one in held}
            return [leaving.over_at(one, worked[one.uid]) for one in held]

        return edges + [moment for moment in self.do(work) if moment is not None and moment > self.now]

    def _next_due(self) -> datetime | None:
        soonest = self.select(
            "SELECT min(at) AS at FROM (SELECT next_due_at AS at FROM escalations WHERE next_due_at IS NOT NULL"
            " UNION ALL SELECT next_due_at FROM cases WHERE next_due_at IS NOT NULL)"
        )[0]["at"]
        moments = self._shifts() + ([] if soonest is None else [from_micros(soonest)])
        return min(moments, default=None)

    # --- looking ----------------------------------------------------------------------------------------------------

    def case(self, case: Case) -> Case:
        return self.do(lambda uow: uow.cases.get(case.uid))

    def escalation(self, case: Case) -> Escalation | None:
        return self.do(lambda uow: uow.escalations.open_of([case.uid]).get(case.uid))

    def contact(self, case: Case) -> Contact:
        return self.do(lambda uow: uow.contacts.get(case.contact_uid))

    def change_contact(self, case: Case, **changes: Any) -> None:
        self.do(lambda uow: uow.contacts.save(replace(uow.contacts.get(case.contact_uid), **changes)))

    def said(self, case: Case) -> list[str]:
        """What was written to her, in order, whatever became of it."""
        lines = self.do(lambda uow: uow.lines.of_case(case.uid))
        return [line.text for line in lines if line.direction is Direction.OUT]

    def select(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query over the tables, as plain mappings."""
        cursor = self.connection.execute(query)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def rows(self, where: str = "1=1") -> list[dict[str, Any]]:
        """Outbox rows as plain mappings (clear columns)."""
        return self.select(f"SELECT * FROM outbox WHERE {where} ORDER BY id")

    def pages(self, where: str = "1=1") -> list[dict[str, Any]]:
        return self.rows(f"kind = 'page' AND {where}")

    def audit(self) -> list[str]:
        return [row["action"] for row in self.select("SELECT action FROM audit_log ORDER BY seq")]

    def facts(self) -> list[Any]:
        return self.do(lambda uow: uow.facts.all())


class Crash(Exception):
    """The process died before the commit."""


class MortalUnitOfWork(SqlUnitOfWork):
    """Dies before its n-th statement when told to."""

    statements_left: int | None = None

    def execute(self, statement: Any, values: Any = None) -> Any:
        if self.statements_left is not None:
            self.statements_left -= 1
            if self.statements_left == 0:
                raise Crash
        return super().execute(statement, values)


__all__ = ["START", "Button", "Crash", "Hotline", "OutboxRow", "Phrases", "cellar"]

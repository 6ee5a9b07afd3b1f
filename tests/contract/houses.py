"""Whole installations of one kind, each in a place of its own, for tests that move them about."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from handlers.model import Address, AuditEntry, MessageKind, StoredMessage
from handlers.ports import UnitOfWork
from storage.checking import check_installation
from storage.installation import Installation
from storage.open import Storage, open_storage
from storage.postgres.checking import check_postgres
from tests.contract.builders import Clock, act, case_of, escalation, inbox_row, line, outbox_row, page
from tests.servers.postgres import drop_database, kept, let_go, make_database

KINDS = ["sqlite", "postgres", "postgres, keys in a database"]


@dataclass
class Houses:
    """Makes installations, each empty; takes their databases away at the end."""

    kind: str
    folder: Path
    server: Any
    made: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def new(self, **more: Any) -> Installation:
        number = next(self.numbers)
        here = Installation(self.folder / f"var{number}", **more)
        if self.kind != "sqlite":
            here = replace(here, database=self._database(f"binhan_house_{number}"))
        if self.kind == KINDS[2]:
            here = replace(here, keys_url=self._database(f"binhan_house_{number}_keys"))
        return here

    def _database(self, name: str) -> str:
        self.made.append(name)
        return make_database(self.server.url, name)

    def close(self) -> None:
        for name in self.made:
            drop_database(self.server.url, name)


SHAPED: dict[str, str] = {}
"""By server: the name of a database that holds every table, to copy from."""


def shape(here: Installation) -> None:
    """Before the first opening of an empty database: a copy of one that went through the migrations, which takes a fifth of the
    time. That a start makes an empty database is shown in tests/migrations.
    """
    server, _, name = here.database.rpartition("/")
    if here.shared and server in SHAPED:
        empty = kept(here.database).execute("SELECT to_regclass('alembic_version')").fetchone() == (None,)
        let_go(here.database)
        if empty:
            make_database(server, name, SHAPED[server])


@asynccontextmanager
async def opened(here: Installation, clock: Clock | None = None) -> AsyncIterator[Storage]:
    shape(here)
    storage = open_storage(here.database, here.var, clock=clock or Clock(), keys_url=here.keys_url)
    try:
        yield storage
    finally:
        await storage.close()


async def live(storage: Storage, number: int = 1) -> tuple[str, str]:
    """Somebody with what can be sealed, a line on its way, and a page."""

    def work(uow: UnitOfWork) -> tuple[str, str]:
        (contact,) = uow.contacts.open([Address("telegram", f"p{number}")])
        uow.contacts.save(replace(contact, session={"step": f"a.{number}"}, pending=1))
        message = StoredMessage(kind=MessageKind.TEXT, text=f"tin của {number}")
        uow.inbox.accept([(inbox_row(contact, message=message), "telegram", f"m{number}")])
        case = case_of(contact, f"K{number}")
        said = line(case, 1, f"dòng của {number}")
        uow.cases.add(case)
        uow.escalations.add(escalation(case))
        uow.lines.add(said)
        uow.outbox.add(outbox_row(contact, said.text, line_uid=said.uid, case_uid=case.uid))
        uow.outbox.add(page(case))
        uow.audit.add(AuditEntry(actor="system", action="case.opened", object=case.code))
        return contact.uid, case.uid

    return await act(storage.door, work)


def problems(here: Installation) -> list[str]:
    if not here.shared:
        return check_installation(here.var)
    found = check_postgres((here.database, ""), (here.keys_url, ""), here.var)
    return [one for one in found if not one.startswith("setting:")]  # the tests' server is a hasty one

"""A backup and its drill at size: how long each takes, how much would be lost, and whether anything goes out by itself.

Run: `make bench NAME=restore` (PEOPLE in the environment, 3,000 without). On SQLite and on PostgreSQL, each person with a talk of
eight lines, one of them on its way; one in fifty is erased after the backup. The keys are kept apart, in a second place.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from handlers.model import Address, Direction, new_uid  # noqa: E402
from handlers.ports import UnitOfWork  # noqa: E402
from storage.backup import backup  # noqa: E402
from storage.drill import RPO, RTO, drill  # noqa: E402
from storage.installation import Installation  # noqa: E402
from storage.open import Storage, open_storage  # noqa: E402
from storage.second_place import copy_keys  # noqa: E402
from tests.contract.builders import case_of, line, outbox_row  # noqa: E402
from tests.servers.postgres import PostgresServer, make_database  # noqa: E402

PEOPLE = int(os.environ.get("PEOPLE", "3000"))
AT_ONCE = 100
LINES = 8
ERASED = 50


def some_people(first: int) -> Any:
    """A batch of people with their talks."""

    def work(uow: UnitOfWork, items: Any) -> list[list[tuple[str, str]]]:
        made = []
        contacts = uow.contacts.open([Address("telegram", f"p{first + number}") for number in range(AT_ONCE)])
        for number, contact in enumerate(contacts):
            case = case_of(contact, f"K{first + number}", next_seq=LINES + 1, opened_at=uow.now)
            uow.cases.add(case)
            for seq in range(1, LINES + 1):
                direction = Direction.IN if seq % 2 else Direction.OUT
                said = line(case, seq, f"dòng {seq} của người {first + number} " * 4, direction=direction)
                uow.lines.add(said)
            fresh = uow.now + timedelta(minutes=15)
            uow.outbox.add(outbox_row(contact, "đang đi", case_uid=case.uid, line_uid=said.uid, fresh_until=fresh))
            made.append((contact.uid, case.uid))
        return [made for _ in items]

    return work


async def fill(storage: Storage) -> list[tuple[str, str]]:
    """Everybody; contact and case of each."""
    people: list[tuple[str, str]] = []
    for first in range(0, PEOPLE, AT_ONCE):
        people += await storage.door.run(some_people(first), None)
    return people


async def erase(storage: Storage, people: list[tuple[str, str]]) -> int:
    """What the end of an erasure does to each."""

    def work(uow: UnitOfWork, items: Any) -> list[None]:
        for contact_uid, case_uid in items[0]:
            uow.cases.destroy(case_uid)
            uow.contacts.forget(contact_uid)
        return [None for _ in items]

    for first in range(0, len(people), AT_ONCE):
        await storage.door.run(work, people[first : first + AT_ONCE])
    return 2 * len(people)


def megabytes(folder: Path) -> float:
    """What lies in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


async def measure(name: str, here: Installation, copy: Path) -> None:
    """Fill, back up, erase, rehearse; one line."""
    assert here.second is not None
    storage = open_storage(here.database, here.var, keys_url=here.keys_url)
    try:
        people = await fill(storage)
        copy_keys(here.secrets, storage.keys, here.second, datetime.now(UTC), begin=True)
        done = await asyncio.to_thread(backup, here, copy)
        erased = await erase(storage, people[::ERASED])
        await asyncio.sleep(1.1)  # a copy of the key store is named after its second
        copy_keys(here.secrets, storage.keys, here.second, datetime.now(UTC))
    finally:
        await storage.close()
    found = drill(copy, here)
    print(
        f"{name:<11} {done.rows} rows, {megabytes(copy):.0f} MB: backup {done.seconds:.1f} s; RPO {found.age_s:.0f} s "
        f"(aim {RPO.total_seconds():.0f}), RTO {found.restored_s:.1f} s (aim {RTO.total_seconds():.0f}); "
        f"{found.opened} of {found.fields} fields open (+{found.looked_s:.1f} s), keys missing {found.keys_missing}, "
        f"erased since {found.erased} of {erased}, held {found.held}, sent by itself {found.sent}, "
        f"{'passed' if found.passed else 'NOT passed'}"
    )


def main() -> None:
    """One line for each database."""
    server = PostgresServer()
    try:
        for name in ("SQLite", "PostgreSQL"):
            with tempfile.TemporaryDirectory() as made:
                folder = Path(made)
                url = "" if name == "SQLite" else make_database(server.url, f"bench_{new_uid()[:8]}")
                here = Installation(folder / "var", url, second=folder / "second")
                asyncio.run(measure(name, here, folder / "copy"))
    finally:
        server.close()


if __name__ == "__main__":
    main()

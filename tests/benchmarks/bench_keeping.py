"""What is proven about keeping, erasing and the audit log (security.md part 2, rows 19 and 24), and what it costs.

Run: `make bench NAME=keeping`. Targets: no byte of anybody erased in living files, no field of an old backup that the keys of now
open, every flipped byte of a hundred rows of the audit log noticed; and nobody waits long while the daily run works.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402

from handlers.audit_log import check_log  # noqa: E402
from handlers.audit_signing import HeadSigner  # noqa: E402
from handlers.housekeeping import Housekeeping  # noqa: E402
from handlers.keeping import Keeping, Run  # noqa: E402
from handlers.model import AuditEntry  # noqa: E402
from handlers.policies import POLICIES  # noqa: E402
from handlers.stays import Ending  # noqa: E402
from storage import schema  # noqa: E402
from storage.engine import connect  # noqa: E402
from storage.open import Storage, open_storage  # noqa: E402
from tests import tampering  # noqa: E402
from tests.contract.builders import Clock, act  # noqa: E402
from tests.residue import Person, found_in, of, opens, plant, sealed_fields, wrapped_keys  # noqa: E402
from tests.servers import postgres  # noqa: E402
from tests.servers.process import Missing  # noqa: E402

ROWS = 100
GONE, STAY = 200, 50
MANY = 2000
LOG_ROWS = 20_000


def tamper() -> None:
    """Row 24: each byte of a hundred rows, on the real table."""
    with closing(connect(None)) as connection:
        schema.create(connection)
        keys = tampering.fill(connection, ROWS)
        started = perf_counter()
        count, missed = tampering.flip_every_byte(connection, keys, ROWS)
        print(
            f"audit: {count} bytes of {ROWS} rows flipped one by one, {count - len(missed)} noticed, {len(missed)} missed"
        )
        print(f"       in {perf_counter() - started:.1f} s")


async def check(storage: Storage) -> None:
    """How long a check of the whole log takes."""
    signer = HeadSigner(storage.secrets.audit)

    def write(uow, items: list[int]) -> list[None]:
        for number in items:
            for part in range(100):
                uow.audit.add(AuditEntry(actor="system", action="case.read", object=f"K{number}", detail={"n": part}))
        return [None] * len(items)

    for start in range(0, LOG_ROWS // 100, 8):
        await asyncio.gather(*(storage.door.run(write, start + each) for each in range(8)))
    await storage.door.run(signer.sign, None)
    started = perf_counter()
    report = await check_log(storage.door, signer.keys)
    took = perf_counter() - started
    print(
        f"audit: {report.rows} rows checked in {took:.2f} s ({report.rows / took:,.0f}/s), problems: {len(report.problems)}"
    )


async def residue(storage: Storage, clock: Clock, folder: Path, server_files: Path | None, url: str) -> None:
    """Row 19: people are erased by time; what is left of them?"""
    gone = [await plant(storage, number) for number in range(GONE)]
    stay = [await plant(storage, GONE + number) for number in range(STAY)]
    backup, old_keys = await sealed_fields(storage), wrapped_keys(storage)
    before = len(opens(of(gone, backup), storage.keys))
    await act(storage.door, lambda uow: _stay(uow, stay))
    clock.move(days=31)
    started = perf_counter()
    run = await keeping(storage).run(storage.door)
    print(f"daily run: {_removed(run)} records of {GONE} people in {perf_counter() - started:.2f} s, {_words(run)}")
    needles = [needle for one in gone for needle in one.needles]
    keys = [old_keys[uid] for one in gone for uid in (one.contact_uid, one.case_uid)]
    hits = found_in(folder, [*needles, *keys])
    print(
        f"residue: {sum(map(len, needles))} canary bytes of {len(gone)} people planted, {_bytes(hits)} in living files"
    )
    sealed = [one.sealed for one in of(gone, backup)]
    print(f"         {len(keys)} wrapped keys and {len(sealed)} ciphertexts of theirs: ", end="")
    print(f"{len(found_in(folder, keys))} and {len(found_in(folder, sealed))} in living files of `var`")
    if server_files is not None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        print(
            f"         {_bytes(found_in(server_files, needles))} canary bytes in all files of the server, its log included"
        )
    after, kept = opens(of(gone, backup), storage.keys), opens(of(stay, backup), storage.keys)
    print(f"backup of before: {before} fields of theirs opened then, {len(after)} open with the keys of now")
    print(
        f"                  (of those who stay {len(kept)} of {len(of(stay, backup))}: their closed talks' time has come, too)"
    )


def _stay(uow, people: list[Person]) -> None:
    for one in people:
        contact = uow.contacts.get(one.contact_uid)
        uow.contacts.save(replace(contact, erase_at=contact.erase_at.replace(year=contact.erase_at.year + 1)))


async def beside(storage: Storage, clock: Clock) -> None:
    """How long a message waits for its commit while the run removes many."""
    for number in range(0, MANY, 50):
        await asyncio.gather(*(plant(storage, 10_000 + number + each) for each in range(50)))
    clock.move(days=31)
    waits: list[float] = []
    running = asyncio.create_task(keeping(storage).run(storage.door))
    started = perf_counter()
    while not running.done():
        asked = perf_counter()
        await act(storage.door, lambda uow: uow.set_setting("bench", str(len(waits))))
        waits.append(perf_counter() - asked)
        await asyncio.sleep(0.005)
    run, took = await running, perf_counter() - started
    waits.sort()
    print(
        f"daily run: {_removed(run)} records of {MANY} people in {took:.1f} s, {_words(run)}; meanwhile a commit waits"
    )
    print(
        f"           {waits[len(waits) // 2] * 1000:.0f} ms (half), {waits[len(waits) * 99 // 100] * 1000:.0f} ms (p99), ",
        end="",
    )
    print(f"{waits[-1] * 1000:.0f} ms at most (a message may wait 1300 ms)")


def keeping(storage: Storage) -> Keeping:
    """The daily run as it ships."""
    return Keeping(POLICIES, Housekeeping(Ending(UTC)), storage.tidy, storage.secrets.audit)


def _removed(run: Run) -> int:
    return sum(one.removed for one in run.found)


def _words(run: Run) -> str:
    left = sum(one.left for one in run.found)
    return f"{left} overdue left" if run.clean else f"NOT clean, {left} overdue left"


def _bytes(hits: list[tuple[str, bytes]]) -> int:
    return sum(len(needle) for _, needle in hits)


async def measure(name: str, where: str, server_files: Path | None = None) -> None:
    """Everything on one database."""
    print(f"--- {name}")
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        storage = open_storage(where, Path(folder), clock=clock)
        try:
            await residue(storage, clock, Path(folder), server_files, where)
            await beside(storage, clock)
            await check(storage)
        finally:
            await storage.close()


def main() -> None:
    """Print the figures."""
    tamper()
    asyncio.run(measure("SQLite", ""))
    try:
        server = postgres.server(hasty=False)
    except Missing as missing:
        print(f"--- PostgreSQL: {missing}")
        return
    try:
        url = postgres.make_database(server.url, "binhan_bench_keeping")
        files = server._folder / "data" if isinstance(server, postgres.PostgresServer) else None
        asyncio.run(measure("PostgreSQL", url, files))
    finally:
        server.close()


if __name__ == "__main__":
    main()

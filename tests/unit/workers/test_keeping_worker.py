"""The daily run begins when it is due, in one process, and the signed head goes where the operator says."""

from __future__ import annotations

import asyncio
from datetime import UTC, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.heads import read_heads
from bot.workers.keeping import KeepingWorker
from handlers.audit_log import check_log
from handlers.audit_signing import Acknowledge, HeadSigner
from handlers.housekeeping import Housekeeping
from handlers.keeping import Keeping, Tidied, scheduled_at
from handlers.policies import POLICIES
from handlers.ports import UnitOfWork
from handlers.stays import Ending
from handlers.watching import Finding, findings
from storage.open import MEMORY, Storage, just_do, open_storage
from tests.contract.builders import START, Clock, act

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def storage(clock: Clock):
    opened = open_storage(MEMORY, clock=clock)
    yield opened
    await opened.close()


def worker(storage: Storage, *heads: Path, tidy=None) -> KeepingWorker:
    keeping = Keeping(POLICIES, Housekeeping(Ending(UTC)), tidy or storage.tidy, storage.secrets.audit)
    signer = HeadSigner(storage.secrets.audit)
    return KeepingWorker(
        storage.door, keeping, signer, just_do, at=time(3, 30), zone=ZONE, heads=heads, look_every_s=0.01
    )


def test_the_newest_moment_at_that_hour() -> None:
    # 19:00 in Greenwich is two in the morning in Lai Châu: the last half past three was yesterday.
    assert scheduled_at(time(3, 30), ZONE, START) == START - timedelta(hours=22, minutes=30)
    assert scheduled_at(time(2, 0), ZONE, START) == START


async def test_once_a_day_and_the_head_is_kept(storage: Storage, clock: Clock, tmp_path: Path) -> None:
    heads = (tmp_path / "one.txt", tmp_path / "two.txt", tmp_path / "not there" / "three.txt")
    works = worker(storage, *heads)
    assert await works.look()
    assert not await works.look()
    clock.move(hours=1)
    assert not await works.look()
    clock.move(hours=1)
    assert await works.look()  # half past three has come
    assert not await works.look()
    clock.move(days=1)
    assert await works.look()
    kept = read_heads(heads[0])
    assert [one.seq for one in kept] == [1, 2, 3]
    assert kept == read_heads(heads[1])
    report = await check_log(storage.door, works._signer.keys, kept)
    assert (report.problems, report.anchors) == ((), 3)


async def test_a_log_that_somebody_edited_is_heard_within_the_hour(storage: Storage, clock: Clock) -> None:
    works = worker(storage)
    assert await works.look()  # its own row in the log
    assert await works.look_at_log()
    assert not await works.look_at_log(), "once an hour is enough"
    await tamper(storage, "UPDATE audit_log SET actor = 'nobody' WHERE seq = 1")
    assert await storage.door.read(lambda uow: findings(uow)) == []
    clock.move(hours=1)
    assert await works.look_at_log()
    clock.move(hours=1, seconds=5)
    assert await works.look_at_log()
    assert await storage.door.read(lambda uow: findings(uow)) == [Finding("audit-changed", 1, 3605)]
    await tamper(storage, "UPDATE audit_log SET actor = 'system' WHERE seq = 1")
    clock.move(hours=1)
    assert await works.look_at_log()
    assert await storage.door.read(lambda uow: findings(uow)) == []


async def test_a_known_finding_rings_no_more_and_a_new_one_does(storage: Storage, clock: Clock) -> None:
    works = worker(storage)
    assert await works.look()

    async def rings(statement: str = "") -> bool:
        if statement:
            await tamper(storage, statement)
        clock.move(hours=1)
        assert await works.look_at_log()
        return bool(await storage.door.read(lambda uow: findings(uow)))

    assert await rings("UPDATE audit_log SET actor = 'nobody' WHERE seq = 1")
    flaws = (await check_log(storage.door, works._signer.keys)).flaws
    wish = Acknowledge(tuple(one.mark for one in flaws), "unknown", "command line: lan")
    await storage.door.run(works._signer.acknowledge, wish)
    assert not await rings()
    assert not await rings()
    assert await rings("UPDATE audit_log SET actor = 'somebody' WHERE seq = 1")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_head SET hash = 'no hash'",
        "UPDATE audit_signed SET says = CAST(x'ff' AS TEXT)",
    ],
)
async def test_a_log_that_cannot_even_be_checked_rings(storage: Storage, clock: Clock, statement: str) -> None:
    works = worker(storage)
    assert await works.look()
    await tamper(storage, statement)
    assert await works.look_at_log()
    assert [one.code for one in await storage.door.read(lambda uow: findings(uow))] == ["audit-changed"]


async def tamper(storage: Storage, statement: str) -> None:
    """As somebody who may write everything in the database."""

    def write(uow: UnitOfWork) -> None:
        connection = uow._runner._connection  # type: ignore[attr-defined]
        connection.execute("DROP TRIGGER IF EXISTS audit_log_no_update")
        connection.execute(statement)

    await act(storage.door, write)


async def test_a_run_that_fails_is_tried_again_after_an_hour_and_ends_nothing(storage: Storage, clock: Clock) -> None:
    fails = [True]

    async def tidy() -> Tidied:
        if fails:
            raise OSError
        return Tidied()

    works = worker(storage, tidy=tidy)
    task = asyncio.create_task(works.run())
    for _ in range(200):
        await asyncio.sleep(0.01)
        if await storage.door.read(lambda uow: uow.keeping.runs(9)):
            break
    await asyncio.sleep(0.1)
    assert len(await storage.door.read(lambda uow: uow.keeping.runs(9))) == 1
    fails.clear()
    clock.move(hours=1)
    for _ in range(200):
        await asyncio.sleep(0.01)
        runs = await storage.door.read(lambda uow: uow.keeping.runs(9))
        if any(run.clean for run in runs):
            break
    assert [run.clean for run in runs] == [True, False]
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

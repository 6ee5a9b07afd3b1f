"""The door: one commit for many, one failure for one, and a plain answer when nothing can be stored."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from handlers import failpoints
from handlers.errors import StorageUnavailable
from handlers.ports import UnitOfWork
from storage.door import MOST
from storage.open import MEMORY, Storage, open_storage
from tests.contract.builders import Clock, act, address, case_of


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    opened = open_storage(tmp_path / "data.db", clock=Clock())
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


class Counting:
    """An operation that writes one setting per item and remembers in what company it was called."""

    failpoint = "accept"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, uow: UnitOfWork, items: Sequence[str]) -> list[str]:
        self.calls.append(list(items))
        for item in items:
            if item.startswith("bad"):
                raise ValueError(item)
            uow.set_setting(item, item)
            uow.ring(item)
        return [item.upper() for item in items]


@asynccontextmanager
async def busy_writer(storage: Storage) -> AsyncIterator[None]:
    """Keep the writer busy while everything inside queues up."""
    started, free = threading.Event(), threading.Event()

    def wait(_uow: UnitOfWork, items: Sequence[None]) -> list[None]:
        started.set()
        free.wait(10)
        return list(items)

    holding = asyncio.create_task(storage.door.run(wait, None))
    await asyncio.to_thread(started.wait, 10)
    try:
        yield
    finally:
        free.set()
        await holding


async def queue_up(storage: Storage, operation: Counting, items: Sequence[str]) -> list[str | BaseException]:
    async with busy_writer(storage):
        tasks = [asyncio.create_task(storage.door.run(operation, item)) for item in items]
        await asyncio.sleep(0.01)
    return await asyncio.gather(*tasks, return_exceptions=True)


async def stored(storage: Storage, names: Sequence[str]) -> list[str | None]:
    return await storage.door.read(lambda uow: [uow.get_setting(name) for name in names])


async def test_what_is_queued_goes_into_one_call_and_one_commit_up_to_64(storage: Storage) -> None:
    counting = Counting()
    items = [f"s{number}" for number in range(MOST + 6)]
    assert await queue_up(storage, counting, items) == [item.upper() for item in items]
    assert counting.calls == [items[:MOST], items[MOST:]]
    assert await stored(storage, items) == items


async def test_one_bad_item_in_64_fails_alone(storage: Storage) -> None:
    counting = Counting()
    items = [f"s{number}" for number in range(MOST)]
    items[40] = "bad40"
    answers = await queue_up(storage, counting, items)
    assert [str(answer) for answer in answers if isinstance(answer, BaseException)] == ["bad40"]
    assert isinstance(answers[40], ValueError)
    assert await stored(storage, items) == [*items[:40], None, *items[41:]]


async def test_a_database_error_of_one_item_reaches_only_its_caller(storage: Storage) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))

    def add_case(uow: UnitOfWork, codes: Sequence[str]) -> list[str]:
        for code in codes:
            uow.cases.add(case_of(contact, code))
        return list(codes)

    async with busy_writer(storage):
        codes = ("A", "B", "A", "C")
        tasks = [asyncio.create_task(storage.door.run(add_case, code)) for code in codes]
        await asyncio.sleep(0.01)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, str)] == ["A", "B", "C"]
    assert isinstance(answers[2], sqlite3.IntegrityError)
    assert len(await act(storage.door, lambda uow: uow.cases.all_of(contact.uid))) == 3


async def test_different_operations_share_a_commit_in_order_of_arrival(storage: Storage) -> None:
    order: list[str] = []

    def first(_uow: UnitOfWork, items: Sequence[int]) -> list[int]:
        order.append(f"first {list(items)}")
        return list(items)

    def second(_uow: UnitOfWork, items: Sequence[int]) -> list[int]:
        order.append(f"second {list(items)}")
        return list(items)

    async with busy_writer(storage):
        tasks = [asyncio.create_task(storage.door.run(work, n)) for n, work in enumerate((first, second, first))]
        await asyncio.sleep(0.01)
    assert await asyncio.gather(*tasks) == [0, 1, 2]
    assert order == ["first [0, 2]", "second [1]"]


async def test_rings_come_after_the_commit_and_never_for_what_failed(storage: Storage) -> None:
    counting = Counting()
    await queue_up(storage, counting, ["good", "bad"])
    assert await storage.wakeups.wait("good", 0.5)
    assert not await storage.wakeups.wait("bad", 0.01)


async def test_too_few_results_are_an_error_and_nothing_is_stored(storage: Storage) -> None:
    def forgetful(uow: UnitOfWork, items: Sequence[str]) -> list[str]:
        uow.set_setting("x", "1")
        return []

    with pytest.raises(RuntimeError, match="0 results for 1 items"):
        await storage.door.run(forgetful, "x")
    assert await stored(storage, ["x"]) == [None]


async def test_a_look_that_writes_nothing_commits_nothing(storage: Storage, tmp_path: Path) -> None:
    await act(storage.door, lambda uow: uow.contacts.open([address()]))
    before = (tmp_path / "data.db-wal").stat()
    for _ in range(5):
        await act(storage.door, lambda uow: uow.contacts.ready(5))
        await act(storage.door, lambda uow: uow.contacts.save(uow.contacts.open([address()])[0]))
    after = (tmp_path / "data.db-wal").stat()
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


@pytest.mark.parametrize("where", ["file", MEMORY])
async def test_a_read_cannot_write(tmp_path: Path, where: str) -> None:
    storage = open_storage(tmp_path / "data.db" if where == "file" else MEMORY)
    with pytest.raises(RuntimeError, match="must not write"):
        await storage.door.read(lambda uow: uow.set_setting("x", "1"))
    assert await stored(storage, ["x"]) == [None]
    await act(storage.door, lambda uow: uow.set_setting("x", "2"))
    assert await stored(storage, ["x"]) == ["2"]
    await storage.close()


async def test_a_read_does_not_wait_for_the_writer(storage: Storage) -> None:
    await act(storage.door, lambda uow: uow.set_setting("x", "1"))
    async with busy_writer(storage):
        assert await asyncio.wait_for(stored(storage, ["x"]), 5) == ["1"]


async def test_a_locked_database_is_said_within_a_second_and_a_half(storage: Storage, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "data.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    counting = Counting()
    started = time.monotonic()
    answers = await asyncio.gather(*(storage.door.run(counting, f"s{n}") for n in range(3)), return_exceptions=True)
    assert time.monotonic() - started < 1.5 + 1.0  # slack for a busy machine
    assert [type(answer) for answer in answers] == [StorageUnavailable] * 3
    other.execute("ROLLBACK")
    assert await storage.door.run(counting, "s0") == "S0"
    other.close()


async def test_a_short_lock_is_waited_for(storage: Storage, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "data.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    asyncio.get_running_loop().call_later(0.2, other.execute, "ROLLBACK")
    assert await storage.door.run(Counting(), "s") == "S"
    other.close()


async def test_a_full_disk_is_said_at_once_and_leaves_what_was_there(storage: Storage) -> None:
    await act(storage.door, lambda uow: uow.set_setting("x", "1"))
    connection = storage.door._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages}").fetchall()
    with pytest.raises(StorageUnavailable, match="disk full"):
        await act(storage.door, lambda uow: uow.set_setting("y", "z" * 100_000))
    connection.execute("PRAGMA max_page_count=1000000").fetchall()
    await act(storage.door, lambda uow: uow.set_setting("y", "2"))
    assert await stored(storage, ["x", "y"]) == ["1", "2"]


async def test_a_stuck_writer_is_said_to_those_who_wait_and_their_items_are_not_done_later(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.callers.PATIENCE_S", 0.1)
    counting = Counting()
    async with busy_writer(storage):
        await asyncio.sleep(0.15)
        with pytest.raises(StorageUnavailable, match="does not answer"):
            await storage.door.run(counting, "late")
    await act(storage.door, lambda uow: uow.set_setting("x", "1"))
    assert counting.calls == []


async def test_a_caller_who_leaves_before_his_turn_takes_his_item_along(storage: Storage) -> None:
    counting = Counting()
    async with busy_writer(storage):
        task = asyncio.create_task(storage.door.run(counting, "s"))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await act(storage.door, lambda uow: uow.set_setting("x", "1"))
    assert counting.calls == []


async def test_closing_finishes_what_is_queued_and_then_refuses(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "data.db")
    counting = Counting()
    async with busy_writer(storage):
        tasks = [asyncio.create_task(storage.door.run(counting, f"s{n}")) for n in range(3)]
        await asyncio.sleep(0.01)
        closing = asyncio.create_task(storage.close())
        await asyncio.sleep(0.01)
    assert await asyncio.gather(*tasks) == ["S0", "S1", "S2"]
    await closing
    await storage.close()
    with pytest.raises(StorageUnavailable, match="closed"):
        await storage.door.run(counting, "s")
    with pytest.raises(StorageUnavailable, match="closed"):
        await stored(storage, ["s0"])
    again = open_storage(tmp_path / "data.db")
    assert await stored(again, ["s0", "s2"]) == ["s0", "s2"]
    await again.close()


async def test_two_processes_worth_of_doors_share_one_file(storage: Storage, tmp_path: Path) -> None:
    beside = open_storage(tmp_path / "data.db")
    one, two = Counting(), Counting()
    work = [storage.door.run(one, f"a{n}") for n in range(20)] + [beside.door.run(two, f"b{n}") for n in range(20)]
    await asyncio.gather(*work)
    assert None not in await stored(storage, [f"{side}{n}" for side in "ab" for n in range(20)])
    await beside.close()


# --- failpoints --------------------------------------------------------------------------------------------------------------


async def test_before_the_commit_nothing_is_stored_after_it_everything(storage: Storage) -> None:
    counting = Counting()
    failpoints.arm("accept.before_commit:raise")
    with pytest.raises(failpoints.Hit, match=r"accept\.before_commit"):
        await storage.door.run(counting, "x")
    failpoints.arm("accept.after_commit:raise")
    with pytest.raises(failpoints.Hit, match=r"accept\.after_commit"):
        await storage.door.run(partial(counting), "y")
    assert await stored(storage, ["x", "y"]) == [None, "y"]
    assert len(counting.calls) == 2  # what is committed is never replayed


async def test_keys_are_durable_before_the_rows_that_need_them(storage: Storage) -> None:
    failpoints.arm("keys.after_commit:raise")
    with pytest.raises(failpoints.Hit):
        await act(storage.door, lambda uow: uow.contacts.open([address()]))
    assert len(storage.keys.owners()) == 1  # an orphan, harmless
    assert await act(storage.door, lambda uow: uow.contacts.find(address())) is None


async def test_keys_that_cannot_be_destroyed_now_go_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(tmp_path / "data.db")
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))

    def fail(_uids: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(storage.keys, "destroy", fail)
    await act(storage.door, lambda uow: uow.contacts.forget(contact.uid))
    assert contact.uid in storage.keys.owners()
    await storage.close()
    again = open_storage(tmp_path / "data.db")
    assert contact.uid not in again.keys.owners()
    await again.close()

"""The loops survive whatever happens in them, count what failed, and give back what they hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.workers import inbox as inbox_module
from bot.workers import loop
from bot.workers import outbox as outbox_module
from bot.workers.inbox import InboxWorker
from bot.workers.outbox import OutboxWorker
from flows.platforms import Capabilities
from handlers.delivery import LEASE, Ours, backoff, claim, record, take_back
from handlers.errors import StorageUnavailable
from handlers.model import Address, OutboxKind, OutboxState, Outcome, SendJob
from handlers.ports import SendResult
from handlers.rules.windows import ALWAYS_OPEN
from storage.open import MEMORY, Storage, open_storage
from storage.wakeups import LocalWakeups
from tests.contract.builders import CHANNEL, Clock, act, address, outbox_row


class Phone:
    """A channel that answers what a test tells it to."""

    name = CHANNEL
    capabilities = Capabilities(buttons=True, max_buttons=9, max_text=4096)
    window = ALWAYS_OPEN

    def __init__(self, *results: SendResult | Exception) -> None:
        self.results = list(results)
        self.seen: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, address: Address, outgoing: Any, key: str = "") -> SendResult:
        self.seen.append(outgoing.text)
        await self.gate.wait()
        result = self.results.pop(0) if self.results else SendResult(outcome=Outcome.SENT)
        if isinstance(result, Exception):
            raise result
        return result


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    opened = open_storage(MEMORY, clock=Clock())
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "PAUSE_AFTER_ERROR_S", 0.01)
    monkeypatch.setattr(inbox_module, "RETRY_STORAGE_S", 0.01)
    monkeypatch.setattr(outbox_module, "RETRY_RECORD_S", 0.01)


async def _until(condition: Callable[[], Any]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


class Running:
    """A loop under way, ended at the end of the test."""

    def __init__(self, coroutine: Any) -> None:
        self._task = asyncio.create_task(coroutine)

    async def __aenter__(self) -> asyncio.Task[None]:
        return self._task

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def _two_lines(storage: Storage) -> None:
    def write(uow: Any) -> None:
        (contact,) = uow.contacts.open([address()])
        for number in (1, 2):
            uow.outbox.add(outbox_row(contact, f"dòng {number}"))

    await act(storage.door, write)


async def _states(storage: Storage) -> list[tuple[str, int]]:
    def read(uow: Any) -> list[tuple[str, int]]:
        from sqlalchemy import select

        from storage.tables import outbox

        rows = uow.execute(select(outbox.c.state, outbox.c.attempts).order_by(outbox.c.id)).all()
        return [(row.state, row.attempts) for row in rows]

    return await act(storage.door, read)


async def test_a_loop_goes_on_after_an_exception() -> None:
    steps: list[int] = []

    async def step() -> bool:
        steps.append(1)
        if len(steps) == 1:
            raise ValueError("a bug")
        return len(steps) < 5

    async with Running(loop.forever("test", step, LocalWakeups(), "test")):
        await _until(lambda: len(steps) >= 5)


async def test_lines_go_out_in_order_one_at_a_time(storage: Storage) -> None:
    await _two_lines(storage)
    phone = Phone()
    phone.gate.clear()
    worker = OutboxWorker(storage.door, storage.wakeups, {CHANNEL: phone}, {})  # type: ignore[dict-item]
    async with Running(worker.run()):
        await _until(lambda: phone.seen)
        await asyncio.sleep(0.05)
        assert len(phone.seen) == 1, "the second waits for the first"
        phone.gate.set()
        await _until(lambda: len(phone.seen) == 2)
        await _until(lambda: not worker._sending)
    assert [state for state, _ in await _states(storage)] == [OutboxState.SENT, OutboxState.SENT]


async def test_a_channel_that_raises_loses_nothing(storage: Storage) -> None:
    await _two_lines(storage)
    phone = Phone(RuntimeError("a bug"), SendResult(outcome=Outcome.RETRY, retry_after=timedelta(0)))
    worker = OutboxWorker(storage.door, storage.wakeups, {CHANNEL: phone}, {})  # type: ignore[dict-item]
    async with Running(worker.run()):
        await _until(lambda: phone.seen)
        await _until(lambda: not worker._sending)
    first, second = await _states(storage)
    assert first == (OutboxState.PENDING, 1)
    assert second == (OutboxState.PENDING, 0), "nothing overtakes it"


async def test_an_outcome_is_written_down_also_when_storage_is_away_for_a_moment(storage: Storage) -> None:
    await _two_lines(storage)
    failures = [StorageUnavailable("locked"), StorageUnavailable("locked")]

    class Door:
        async def run(self, operation: Any, item: Any) -> Any:
            if operation is record and failures:
                raise failures.pop()
            return await storage.door.run(operation, item)

    worker = OutboxWorker(Door(), storage.wakeups, {CHANNEL: Phone()}, {})  # type: ignore[arg-type, dict-item]
    async with Running(worker.run()):
        await _until(lambda: not failures)
        await _until(lambda: not worker._sending)
    assert (await _states(storage))[0][0] == OutboxState.SENT


async def test_a_stop_lets_what_is_being_sent_finish(storage: Storage) -> None:
    await _two_lines(storage)
    phone = Phone()
    phone.gate.clear()
    worker = OutboxWorker(storage.door, storage.wakeups, {CHANNEL: phone}, {})  # type: ignore[dict-item]
    async with Running(worker.run()) as task:
        await _until(lambda: phone.seen)
        task.cancel()
        await asyncio.sleep(0.02)
        assert not task.done()
        phone.gate.set()
        await asyncio.gather(task, return_exceptions=True)
    assert [state for state, _ in await _states(storage)] == [OutboxState.SENT, OutboxState.PENDING]


async def test_a_restart_takes_back_what_the_dead_one_was_sending_and_the_late_one_changes_nothing(
    storage: Storage,
) -> None:
    await _two_lines(storage)
    (dead,) = await act(storage.door, lambda uow: uow.outbox.claim(9, LEASE, frozenset()))
    assert await act(storage.door, lambda uow: uow.outbox.claim(9, LEASE, frozenset())) == []
    assert await storage.door.run(take_back, Ours()) == 1
    (ours,) = await act(storage.door, lambda uow: uow.outbox.claim(9, LEASE, frozenset()))
    assert (ours.row.uid, ours.row.attempts) == (dead.row.uid, 1), "the try it died in does not count"
    assert not await act(
        storage.door, lambda uow: uow.outbox.record(dead.row.uid, dead.row.lease_token or "", Outcome.FAILED)
    )
    assert await act(
        storage.door, lambda uow: uow.outbox.record(ours.row.uid, ours.row.lease_token or "", Outcome.SENT)
    )


class SlowDoor:
    """A database that takes its time over claims and keeps what it is told of our leases."""

    def __init__(self, storage: Storage) -> None:
        self.storage, self.slow, self.ours = storage, asyncio.Event(), Ours()

    async def run(self, operation: Any, item: Any) -> Any:
        if operation is take_back:
            self.ours = item
            return 0
        done = await self.storage.door.run(operation, item)
        if operation is claim:
            await self.slow.wait()  # committed, and nobody has heard of it yet
        return done


async def test_what_is_ours_is_asked_when_leases_are_looked_at_and_not_before(storage: Storage) -> None:
    """Found by a storm of kills: a take-back that waited for a slow database took a row that we had just begun to send."""
    await _two_lines(storage)
    phone, door = Phone(), SlowDoor(storage)
    phone.gate.clear()
    worker = OutboxWorker(door, storage.wakeups, {CHANNEL: phone}, {})  # type: ignore[arg-type, dict-item]
    worker._open = True
    await worker._take_back()
    assert not door.ours.claiming()
    looking = asyncio.create_task(worker.look())
    await _until(lambda: worker._looking)
    assert door.ours.claiming(), "what it brings may be ours"
    door.slow.set()
    await looking
    assert not door.ours.claiming()
    (token,) = worker._tokens
    assert token in door.ours.holding
    worker._open = False
    phone.gate.set()
    await _until(lambda: not worker._sending)


@pytest.mark.parametrize(
    ("attempts", "at_least_s", "at_most_s"), [(1, 0.5, 0.6), (2, 1, 1.2), (6, 16, 19.2), (50, 20, 24)]
)
def test_waits_double_and_end_at_twenty_seconds(attempts: int, at_least_s: float, at_most_s: float) -> None:
    assert at_least_s <= backoff(attempts).total_seconds() <= at_most_s


async def test_pages_without_a_surface_and_lines_without_an_address_fail_visibly(storage: Storage) -> None:
    await _two_lines(storage)
    worker = OutboxWorker(storage.door, storage.wakeups, {}, {})
    (job,) = await act(storage.door, lambda uow: uow.outbox.claim(9, LEASE, frozenset()))
    assert (await worker._hand_over(job)).error_class == "NoSuchChannel"
    nowhere = SendJob(row=job.row, address=None)
    assert (await worker._hand_over(nowhere)).error_class == "NoAddress"
    page = SendJob(row=replace(job.row, kind=OutboxKind.PAGE, surface="pager"))
    assert (await worker._hand_over(page)).error_class == "NoSuchSurface"


class Lanes:
    """Stands for storage and the use-case: `script` says what each try of the lane does."""

    def __init__(self, *script: object) -> None:
        self.script = list(script)
        self.failed: list[str] = []

    async def run(self, operation: Any, item: Any) -> Any:
        if operation == self.fail:
            self.failed.append(item.error_class)
            return len(self.failed) >= 3
        step = self.script.pop(0) if self.script else False
        if isinstance(step, Exception):
            raise step
        return step

    async def read(self, query: Any) -> Sequence[str]:
        return []

    def handle(self) -> None: ...

    def fail(self) -> None: ...


async def test_a_lane_is_emptied_and_ends() -> None:
    lanes = Lanes(True, True, False, "never")
    worker = InboxWorker(lanes, LocalWakeups(), lanes)  # type: ignore[arg-type]
    worker.nudge("a")
    await _until(lambda: not worker._busy)
    assert lanes.script == ["never"]


async def test_a_message_that_fails_is_counted_and_storage_that_is_away_is_not() -> None:
    lanes = Lanes(
        StorageUnavailable("full"), ValueError("people's text"), StorageUnavailable("full"), KeyError("x"), False
    )
    worker = InboxWorker(lanes, LocalWakeups(), lanes)  # type: ignore[arg-type]
    worker.nudge("a")
    await _until(lambda: not worker._busy)
    assert lanes.failed == ["ValueError", "KeyError"]


async def test_a_nudge_during_the_last_look_is_not_lost() -> None:
    lanes = Lanes(False, False)
    worker = InboxWorker(lanes, LocalWakeups(), lanes)  # type: ignore[arg-type]
    worker.nudge("a")
    worker.nudge("a")
    await _until(lambda: not worker._busy)
    assert len(lanes.script) <= 1
    worker.nudge("b")
    await _until(lambda: not worker._busy)
    assert lanes.script == []


def test_the_lease_outlives_the_longest_send() -> None:
    assert LEASE.total_seconds() > outbox_module.SEND_LIMIT_S * 2
    assert datetime.now(UTC).tzinfo is UTC

"""The door to PostgreSQL: a few writer threads, each with a connection of its own, take what is queued into shared commits.

What `storage/door.py` promises holds here too. Beside it:
- What callers hand in within one turn of their event loop stays together in one commit.
- A shared transaction that meets a lock, a deadlock or a failing item is rolled back and its items run one by one; whoever
  meets a lock again goes behind the others and then waits for it, so that one frozen process delays only its own lanes.
- A connection that broke before the commit was sent is replaced and the batch done again. One that breaks during the commit
  leaves it open whether the batch was stored: its callers hear StorageUnavailable, and every operation bears being repeated.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from handlers import failpoints
from handlers.errors import StorageUnavailable
from handlers.ports import UnitOfWork, Wakeups
from storage import callers
from storage.callers import Callers, Job, destroy_keys, failpoint_of, groups_of, passed
from storage.data_keys import Keys
from storage.keyring import KeyRing
from storage.locks import Moved
from storage.postgres.connection import begin_transaction, connect, is_busy, is_conflict, roll_back, unavailable
from storage.postgres.readers import Readers
from storage.postgres.runner import Locking, PostgresRunner, Waiting
from storage.postgres.seats import Seat
from storage.secrets import Peppers
from storage.uow import LONG_AGO, SqlUnitOfWork

if TYPE_CHECKING:
    from handlers.ports import Door

log = logging.getLogger(__name__)

MOST = 64
WRITERS = 3
GATHER_S = 0.02
"""How long a writer waits for another one to finish, so that their items share a commit; then it goes on beside it."""
TRIES = 4
"""How often one item is done again after a conflict before its caller hears of it."""
TROUBLE_LASTS_S = 4.0
"""So long after the database was away, senders first write down what they have sent before anybody takes their rows over."""
SLOW_S = 2.0  # a commit that takes longer counts as such a time (a server that was frozen), but not more often than
SLOW_AGAIN_S = 60.0  # this: where everything is slow, the rows of the dead must still be taken over

TOGETHER = "BEGIN; SET LOCAL lock_timeout = '250ms'; SELECT clock_timestamp()"
ALONE = "BEGIN; SET LOCAL lock_timeout = '100ms'; SELECT clock_timestamp()"
PATIENT = "BEGIN; SET LOCAL lock_timeout = '{ms}ms'; SELECT clock_timestamp()"
PATIENCE_MS = range(400, 1200)
"""Drawn anew each time: two that wait for each other would give up at the same moment, and meet again, for ever."""

_CLOSE = object()
R = TypeVar("R")


@dataclass(eq=False, slots=True)
class _Writer:
    """One thread and what it is at."""

    connection: psycopg.Connection[Any] | None = None
    waiting: Waiting = field(default_factory=Waiting)
    committing: bool = False


class PostgresDoor(Callers):
    """`handlers.ports.Door` on one PostgreSQL database. Make it on any thread, use it from any event loop, close it once."""

    def __init__(
        self,
        given: dict[str, Any],
        keys: Keys,
        peppers: Peppers,
        wakeups: Wakeups,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """`given` are libpq's parameters; `clock` (tests) takes the place of the database's own."""
        super().__init__(wakeups)
        self._given = given
        self._keys = keys
        self._peppers = peppers
        self._clock = clock
        self.seat = Seat(given)
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._bundles: dict[asyncio.AbstractEventLoop, list[Job]] = {}
        self._turn = threading.Lock()
        self._taken: dict[Job, _Writer] = {}
        self._troubled_at = -TROUBLE_LASTS_S
        self._slow_at = -SLOW_AGAIN_S
        self._readers = Readers(given, self._unit)
        self._writers = [
            threading.Thread(target=self._write, name=f"storage-writer-{number}", daemon=True)
            for number in range(WRITERS)
        ]
        for thread in self._writers:
            thread.start()

    # --- for everybody ------------------------------------------------------------------------------------------------

    async def read(self, query: Callable[[UnitOfWork], R]) -> R:
        """See `handlers.ports.Door.read`; StorageUnavailable after `readers.READ_WITHIN_S`."""
        if self._closed:
            raise StorageUnavailable("closed")
        return await self._readers.read(query)

    async def close(self) -> None:
        """Finish what is queued, then give the connections back. Safe to repeat."""
        if not self._closed:
            self._closed = True
            for loop in list(self._bundles):
                self._hand_over(loop)
            for _ in self._writers:
                self._queue.put(_CLOSE)
        await asyncio.to_thread(self._end)  # in one thread: who is stopped while it waits leaves no connection behind

    def _end(self) -> None:
        for thread in self._writers:
            thread.join(callers.COMMIT_PATIENCE_S)
        self._readers.close()
        self.seat.close()  # last: until here others leave alone what we are sending

    def _hand_in(self, job: Job) -> None:
        """Everything that is handed in within one turn of the loop goes over together."""
        bundle = self._bundles.get(job.loop)
        if bundle is None:
            self._bundles[job.loop] = [job]
            job.loop.call_soon(self._hand_over, job.loop)
        else:
            bundle.append(job)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        bundle = self._bundles.pop(loop, None)
        if bundle:
            self._queue.put(bundle)

    def _is_stuck(self, job: Job, now: float) -> bool:
        """Nothing moves: of all writers for a job that waits; for one that is being done, the database does not answer its
        own writer. During a commit nobody is told: it is not known what becomes of it.
        """
        writer = self._taken.get(job)
        if writer is None:
            return not job.taken and now - self._progress_at > callers.PATIENCE_S
        since = writer.waiting.since
        return not writer.committing and since is not None and now - since > callers.PATIENCE_S

    # --- the writers' threads -------------------------------------------------------------------------------------------

    def _write(self) -> None:
        writer = _Writer()
        try:
            while True:
                first = self._queue.get()
                # While another writer is at work, what is handed in gathers here, for one commit instead of many.
                alone = self._turn.acquire(timeout=GATHER_S)
                try:
                    closing = self._serve_next(writer, first)
                finally:
                    if alone:
                        self._turn.release()
                if closing:
                    return
        finally:
            if writer.connection is not None:
                writer.connection.close()

    def _serve_next(self, writer: _Writer, first: Any) -> bool:
        """Do everything that is queued now; True when the door is to be closed."""
        batch, closing = self._take(first)
        self._progress_at = time.monotonic()
        if batch:
            self._taken.update(dict.fromkeys(batch, writer))
            rung = self._serve(writer, batch)
            for job in batch:
                del self._taken[job]
            self._answer([job for job in batch if not self._goes_again(job)], rung)
        return closing

    def _take(self, first: Any) -> tuple[list[Job], bool]:
        batch: list[Job] = []
        bundle = first
        while bundle is not _CLOSE:
            if bundle[0].patient and batch:  # it waits for a lock: nobody shall wait with it
                self._queue.put(bundle)
                return batch, False
            for job in bundle:
                if not job.withdrawn:
                    job.taken = True
                    batch.append(job)
            if len(batch) >= MOST or bundle[0].patient:
                return batch, False
            try:
                bundle = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _goes_again(self, job: Job) -> bool:
        """A job that has met a lock alone goes behind the others once, and waits for it then."""
        if job.patient or self._closed or job.error is None or not is_busy(job.error):
            return False
        job.patient, job.error = True, None
        self._queue.put([job])
        return True

    def _serve(self, writer: _Writer, batch: list[Job]) -> set[str]:
        """Do the batch, or each item alone when that fails; returns what is to be rung."""
        if len(batch) > 1:
            try:
                return set(self._commit(writer, batch, Locking.TOGETHER, TOGETHER))
            except Exception as error:
                lost = unavailable(error)
                if lost is not None or isinstance(error, StorageUnavailable):
                    self._fail(batch, lost or error)
                    return set()
        rung: set[str] = set()
        for job in batch:
            self._progress_at = time.monotonic()
            rung |= self._serve_one(writer, job)
        return rung

    def _serve_one(self, writer: _Writer, job: Job) -> set[str]:
        for left in reversed(range(TRIES)):
            try:
                return set(self._commit(writer, [job], Locking.ALONE, _patient() if job.patient else ALONE))
            except Exception as error:
                waited = job.patient and is_busy(error) and left == TRIES - 1  # once more: the other may have given way
                if left and (waited or is_conflict(error) or isinstance(error, Moved)):
                    time.sleep(0.005 * (TRIES - left))
                    continue
                job.error = unavailable(error) or error
                if job.patient and is_busy(error):
                    job.error = StorageUnavailable("locked by another process")
                break
        return set()

    def _fail(self, batch: list[Job], error: BaseException) -> None:
        for job in batch:
            job.error = error
        log.error("nothing can be stored: %s", getattr(error, "detail", type(error).__name__))

    def _commit(self, writer: _Writer, batch: list[Job], locking: Locking, begin: str) -> list[str]:
        """One transaction. A connection that turns out to be dead before the commit is replaced once."""
        for again in (True, False):
            writer.committing = False
            fresh = writer.connection is None
            try:
                if writer.connection is None:
                    with writer.waiting:
                        writer.connection = self._connect()
                return self._transaction(writer, writer.connection, batch, locking, begin)
            except Exception as error:
                gone = unavailable(error) is not None or isinstance(error, StorageUnavailable)
                if gone:
                    self._drop(writer)
                if not gone or fresh or not again or writer.committing:
                    raise
            finally:
                writer.committing = False
        raise AssertionError("unreachable")

    def _transaction(
        self, writer: _Writer, connection: psycopg.Connection[Any], batch: list[Job], locking: Locking, begin: str
    ) -> list[str]:
        started = time.monotonic()
        names: list[str] = []
        runner = PostgresRunner(connection, locking, self.seat, writer.waiting)
        try:
            with writer.waiting:
                now = begin_transaction(connection, begin)
            uow = self._unit(runner, now)
            for operation, jobs in groups_of(batch):
                names.append(failpoint_of(operation))
                self._call(operation, jobs, uow)
                self._progress_at = time.monotonic()
            uow.finish()
            if not runner.changed:
                roll_back(connection)  # nothing was written: an idle look must cost no fsync
                return list(uow.rung)
            for name in names:
                failpoints.passing(f"{name}.before_commit")
            writer.committing = True
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            raise
        finally:
            self._note_time(time.monotonic() - started)
        destroy_keys(uow)
        passed(names, "after_commit", batch)
        return list(uow.rung)

    def _note_time(self, seconds: float) -> None:
        now = time.monotonic()
        if seconds > SLOW_S and now - self._slow_at > SLOW_AGAIN_S:
            self._slow_at = self._troubled_at = now

    def _unit(self, runner: PostgresRunner, now: datetime) -> SqlUnitOfWork:
        at = now if self._clock is None else self._clock()
        uow = SqlUnitOfWork(runner, KeyRing(self._keys), self._peppers, at, self.seat.mark)
        if time.monotonic() - self._troubled_at < TROUBLE_LASTS_S:
            uow.expired_before = LONG_AGO
        return uow

    def _connect(self) -> psycopg.Connection[Any]:
        self.seat.wait()
        return connect(self._given)

    def _drop(self, writer: _Writer) -> None:
        self._troubled_at = time.monotonic()
        self.seat.forget()
        connection, writer.connection = writer.connection, None
        if connection is not None:
            connection.close()


def _patient() -> str:
    return PATIENT.format(ms=random.choice(PATIENCE_MS))  # noqa: S311 (no secret)


if TYPE_CHECKING:

    def _is_a_door(door: PostgresDoor) -> Door:
        return door

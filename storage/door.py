"""The one way into the embedded database: a writer thread that takes whatever is queued into one durable commit.

Why one thread: SQLite has one writer at a time anyway, and the price of a turn is the fsync and the number of statements;
both are shared by everybody in the batch. A batch that fails is rolled back and replayed one by one, so that an exception
reaches only its own caller.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from handlers import failpoints
from handlers.errors import StorageUnavailable
from handlers.ports import UnitOfWork, Wakeups
from storage import callers
from storage.callers import Callers, Job, destroy_keys, failpoint_of, groups_of, passed
from storage.data_keys import Keys
from storage.engine import is_busy, unavailable
from storage.keyring import KeyRing
from storage.prepared import Runner
from storage.secrets import Peppers
from storage.uow import SqlUnitOfWork

if TYPE_CHECKING:
    from datetime import datetime

    from handlers.ports import Door

log = logging.getLogger(__name__)

MOST = 64
READERS = 2
_CLOSE = object()

R = TypeVar("R")


class SqliteDoor(Callers):
    """`handlers.ports.Door` on one SQLite database. Make it on any thread, use it from any event loop, close it once."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        open_reader: Callable[[], sqlite3.Connection] | None,
        keys: Keys,
        peppers: Peppers,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
    ) -> None:
        """`open_reader` None (a database in memory): reads take their turn on the writer's `connection`."""
        super().__init__(wakeups)
        self._connection = connection
        self._open_reader = open_reader
        self._keys = keys
        self._peppers = peppers
        self._clock = clock
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._local = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="storage-reader")
        self._writer = threading.Thread(target=self._write, name="storage-writer", daemon=True)
        self._writer.start()

    # --- for everybody ------------------------------------------------------------------------------------------------

    async def read(self, query: Callable[[UnitOfWork], R]) -> R:
        """See `handlers.ports.Door.read`."""
        if self._closed:
            raise StorageUnavailable("closed")
        result: R
        if self._open_reader is None:
            result = await self._enqueue(query, None, reads=True)
        else:
            result = await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query)
        return result

    async def close(self) -> None:
        """Finish what is queued, then give the connections back. Safe to repeat."""
        if not self._closed:
            self._closed = True
            self._queue.put(_CLOSE)
        await asyncio.to_thread(self._end)  # in one thread: who is stopped while it waits leaves no connection behind

    def _end(self) -> None:
        self._writer.join()
        self._readers.shutdown()
        for connection in self._reader_connections:
            connection.close()
        self._reader_connections.clear()

    def _hand_in(self, job: Job) -> None:
        self._queue.put(job)

    # --- the writer's thread --------------------------------------------------------------------------------------------

    def _write(self) -> None:
        connection = self._connection
        try:
            while True:
                first = self._queue.get()
                batch, closing = self._take(first)
                self._progress_at = time.monotonic()
                if batch:
                    self._answer(batch, self._serve(connection, batch))
                if closing:
                    return
        finally:
            connection.close()

    def _take(self, first: Any) -> tuple[list[Job], bool]:
        batch: list[Job] = []
        job = first
        while job is not _CLOSE:
            if not job.withdrawn:
                job.taken = True
                batch.append(job)
            if len(batch) == MOST:
                return batch, False
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _serve(self, connection: sqlite3.Connection, batch: list[Job]) -> set[str]:
        """Do the batch, or each item alone when that fails; returns what is to be rung."""
        rung: set[str] = set()
        try:
            rung.update(self._commit(connection, batch))
        except Exception as error:
            lost = unavailable(error)
            if lost is not None or len(batch) == 1:
                for job in batch:
                    job.error = lost or error
                if lost is not None:
                    log.error("nothing can be stored: %s", lost.detail)
                return rung
            for job in batch:
                self._progress_at = time.monotonic()
                rung |= self._serve(connection, [job])
        return rung

    def _commit(self, connection: sqlite3.Connection, batch: list[Job]) -> Sequence[str]:
        self._begin(connection, batch)
        names: list[str] = []
        try:
            uow = SqlUnitOfWork(Runner(connection), KeyRing(self._keys), self._peppers, self._clock())
            before = connection.total_changes
            for operation, jobs in groups_of(batch):
                names.append(failpoint_of(operation))
                self._call(operation, jobs, uow)
            uow.finish()
            if connection.total_changes == before:
                connection.rollback()  # nothing was written: an idle look must cost no fsync
                return list(uow.rung)
            for name in names:
                failpoints.passing(f"{name}.before_commit")
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        destroy_keys(uow)
        passed(names, "after_commit", batch)
        return list(uow.rung)

    def _begin(self, connection: sqlite3.Connection, batch: list[Job]) -> None:
        deadline = min(job.queued_at for job in batch) + callers.PATIENCE_S
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except Exception as error:
                connection.rollback()
                if not is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)

    def _call(self, operation: Callable[..., Any], jobs: list[Job], uow: SqlUnitOfWork) -> None:
        if jobs[0].reads:
            uow.flush()
            for job in jobs:
                job.result = self._look(operation)
            return
        super()._call(operation, jobs, uow)

    def _look(self, query: Callable[[UnitOfWork], R]) -> R:
        """A read on the writer's connection; like the readers' ones it cannot write."""
        self._connection.execute("PRAGMA query_only=ON")
        try:
            return self._query(self._connection, query)
        finally:
            self._connection.execute("PRAGMA query_only=OFF")

    def _query(self, connection: sqlite3.Connection, query: Callable[[UnitOfWork], R]) -> R:
        try:
            return query(SqlUnitOfWork(Runner(connection), KeyRing(self._keys), self._peppers, self._clock()))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY:
                raise RuntimeError("a read must not write") from None
            raise

    # --- the readers' threads --------------------------------------------------------------------------------------------

    def _read(self, query: Callable[[UnitOfWork], R]) -> R:
        connection = getattr(self._local, "connection", None)
        try:
            if connection is None:
                assert self._open_reader is not None
                connection = self._local.connection = self._open_reader()
                self._reader_connections.append(connection)
            connection.execute("BEGIN")
            try:
                return self._query(connection, query)
            finally:
                connection.rollback()
        except Exception as error:
            lost = unavailable(error)
            if lost is not None:
                raise lost from None
            raise


if TYPE_CHECKING:

    def _is_a_door(door: SqliteDoor) -> Door:
        return door

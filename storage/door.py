"""The one way into the database: a writer thread that takes whatever is queued into one durable commit.

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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from handlers import failpoints
from handlers.errors import StorageUnavailable
from handlers.ports import Operation, UnitOfWork, Wakeups
from storage.engine import is_busy, unavailable
from storage.keyring import KeyRing
from storage.keystore import KeyStore
from storage.prepared import Runner
from storage.uow import SqlUnitOfWork

if TYPE_CHECKING:
    from datetime import datetime

    from handlers.ports import Door

log = logging.getLogger(__name__)

MOST = 64
PATIENCE_S = 1.3
"""How long an item may wait for a lock or a stuck writer before its caller hears that nothing can be stored."""
COMMIT_PATIENCE_S = 10.0
"""How long a caller waits for a batch that has begun; whether it was stored is not known when this runs out."""
WATCH_S = 0.2
"""How often a loop looks whether one of its callers has waited too long."""
READERS = 2
LAST = "claim"
"""The operation that looks for what others have written, by its failpoint's name."""
_CLOSE = object()

A = TypeVar("A")
R = TypeVar("R")


@dataclass(eq=False, slots=True)
class _Job:
    operation: Callable[..., Any]
    item: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    reads: bool = False
    queued_at: float = field(default_factory=time.monotonic)
    taken: bool = False
    withdrawn: bool = False
    result: Any = None
    error: BaseException | None = None


class SqliteDoor:
    """`handlers.ports.Door` on one SQLite database. Make it on any thread, use it from any event loop, close it once."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        open_reader: Callable[[], sqlite3.Connection] | None,
        keys: KeyStore,
        pepper: bytes,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
    ) -> None:
        """`open_reader` None (a database in memory): reads take their turn on the writer's `connection`."""
        self._connection = connection
        self._open_reader = open_reader
        self._keys = keys
        self._pepper = pepper
        self._wakeups = wakeups
        self._clock = clock
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._watched: dict[asyncio.AbstractEventLoop, dict[_Job, None]] = {}
        self._progress_at = time.monotonic()
        self._closed = False
        self._local = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="storage-reader")
        self._writer = threading.Thread(target=self._write, name="storage-writer", daemon=True)
        self._writer.start()

    # --- for everybody ------------------------------------------------------------------------------------------------

    async def run(self, operation: Operation[A, R], item: A) -> R:
        """See `handlers.ports.Door.run`."""
        result: R = await self._enqueue(operation, item, reads=False)
        return result

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
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._reader_connections:
            connection.close()
        self._reader_connections.clear()

    async def _enqueue(self, operation: Callable[..., Any], item: Any, *, reads: bool) -> Any:
        if self._closed:
            raise StorageUnavailable("closed")
        loop = asyncio.get_running_loop()
        job = _Job(operation, item, loop, loop.create_future(), reads)
        watched = self._watched.get(loop)
        if watched is None:
            watched = self._watched[loop] = {}
            loop.call_later(WATCH_S, self._watch, loop)
        watched[job] = None
        self._queue.put(job)
        try:
            return await job.future
        finally:
            watched.pop(job, None)
            job.withdrawn = True  # no effect once it is taken

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell the callers of one loop who have waited too long; one timer for all of them, none while nobody waits."""
        watched = self._watched[loop]
        if not watched:
            del self._watched[loop]
            return
        now = time.monotonic()
        stuck = now - self._progress_at > PATIENCE_S
        for job in list(watched):
            waited = now - job.queued_at
            if (
                (stuck and waited > PATIENCE_S and not job.taken) or waited > COMMIT_PATIENCE_S
            ) and not job.future.done():
                job.future.set_exception(StorageUnavailable("the writer does not answer"))
        loop.call_later(WATCH_S, self._watch, loop)

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

    def _take(self, first: Any) -> tuple[list[_Job], bool]:
        batch: list[_Job] = []
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

    def _serve(self, connection: sqlite3.Connection, batch: list[_Job]) -> set[str]:
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

    def _commit(self, connection: sqlite3.Connection, batch: list[_Job]) -> Sequence[str]:
        self._begin(connection, batch)
        names: list[str] = []
        try:
            uow = SqlUnitOfWork(Runner(connection), KeyRing(self._keys), self._pepper, self._clock())
            before = connection.total_changes
            for operation, jobs in _groups(batch):
                names.append(_failpoint(operation))
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
        _destroy_keys(uow)
        try:
            for name in names:
                failpoints.passing(f"{name}.after_commit")
        except failpoints.Hit as hit:  # it is committed: replaying would do it twice
            for job in batch:
                job.error = hit
        return list(uow.rung)

    def _begin(self, connection: sqlite3.Connection, batch: list[_Job]) -> None:
        deadline = min(job.queued_at for job in batch) + PATIENCE_S
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except Exception as error:
                connection.rollback()
                if not is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)

    def _call(self, operation: Callable[..., Any], jobs: list[_Job], uow: SqlUnitOfWork) -> None:
        if jobs[0].reads:
            uow.flush()
            for job in jobs:
                job.result = self._look(operation)
            return
        results = operation(uow, [job.item for job in jobs])
        if len(results) != len(jobs):
            raise RuntimeError(f"{_failpoint(operation)}: {len(results)} results for {len(jobs)} items")
        for job, result in zip(jobs, results, strict=True):
            job.result = result

    def _look(self, query: Callable[[UnitOfWork], R]) -> R:
        """A read on the writer's connection; like the readers' ones it cannot write."""
        self._connection.execute("PRAGMA query_only=ON")
        try:
            return self._query(self._connection, query)
        finally:
            self._connection.execute("PRAGMA query_only=OFF")

    def _answer(self, batch: list[_Job], rung: set[str]) -> None:
        """One call into each loop that waits, and the first of them rings: every call wakes a thread that wants the
        interpreter, which is dearer than anything done in it.
        """
        self._progress_at = time.monotonic()
        for loop in dict.fromkeys(job.loop for job in batch):
            theirs = [job for job in batch if job.loop is loop]
            try:
                loop.call_soon_threadsafe(self._settle, theirs, rung)
                rung = set()
            except RuntimeError:
                log.warning("%d callers are gone", len(theirs))  # their loop is closed; what was done is done
        if rung:
            self._wakeups.ring(*rung)

    def _settle(self, batch: list[_Job], rung: set[str]) -> None:
        """On the loop that waits."""
        for job in batch:
            if job.future.done():
                continue
            if job.error is None:
                job.future.set_result(job.result)
            else:
                job.future.set_exception(job.error)
        if rung:
            self._wakeups.ring(*rung)

    def _query(self, connection: sqlite3.Connection, query: Callable[[UnitOfWork], R]) -> R:
        try:
            return query(SqlUnitOfWork(Runner(connection), KeyRing(self._keys), self._pepper, self._clock()))
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


def _destroy_keys(uow: SqlUnitOfWork) -> None:
    """After the commit. When it fails it is done at the next start: which keys must go stands in the database."""
    try:
        uow.keys.destroy_removed()
    except Exception as error:
        log.error("keys not yet destroyed: %s", type(error).__name__)


def _groups(batch: list[_Job]) -> list[tuple[Callable[..., Any], list[_Job]]]:
    groups: dict[tuple[Callable[..., Any], bool], list[_Job]] = {}
    for job in batch:
        groups.setdefault((job.operation, job.reads), []).append(job)
    # A claim goes last, so that it finds what the others of its batch have written.
    ordered = sorted(groups.items(), key=lambda group: _failpoint(group[0][0]) == LAST)
    return [(operation, jobs) for (operation, _), jobs in ordered]


def _failpoint(operation: Callable[..., Any]) -> str:
    inner = getattr(operation, "func", operation)  # a functools.partial of an operation is that operation
    name = str(getattr(operation, "failpoint", None) or getattr(inner, "failpoint", "writer"))
    return name if f"{name}.before_commit" in failpoints.NAMES else "writer"


if TYPE_CHECKING:

    def _is_a_door(door: SqliteDoor) -> Door:
        return door

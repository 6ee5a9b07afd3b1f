"""Looks at the database on a consistent snapshot, beside the writers: a few threads, each with a connection of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

import psycopg

from handlers.errors import StorageUnavailable
from handlers.ports import UnitOfWork
from storage.postgres.connection import begin_transaction, connect, is_busy, roll_back, unavailable
from storage.postgres.runner import Locking, PostgresRunner

READERS = 3
READ_WITHIN_S = 3.0
"""How long a look may take; a frozen server answers nobody."""

LOOKING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT clock_timestamp()"

R = TypeVar("R")


class Readers:
    """For a door: whatever only looks. A connection that turns out to be dead is replaced once."""

    def __init__(self, given: dict[str, Any], unit: Callable[[PostgresRunner, datetime], UnitOfWork]) -> None:
        """`given` are libpq's parameters; `unit` makes a unit of work that sees what the runner sees."""
        self._given = given
        self._unit = unit
        self._local = threading.local()
        self._connections: list[psycopg.Connection[Any]] = []
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="storage-reader")

    async def read(self, query: Callable[[UnitOfWork], R]) -> R:
        """See `handlers.ports.Door.read`; StorageUnavailable after `READ_WITHIN_S`."""
        look = asyncio.get_running_loop().run_in_executor(self._threads, self._read, query)
        done, _ = await asyncio.wait({look}, timeout=READ_WITHIN_S)
        if not done:
            look.cancel()
            raise StorageUnavailable("the database does not answer")
        return look.result()

    def close(self) -> None:
        """Give the connections back. Safe to repeat."""
        self._threads.shutdown(cancel_futures=True)
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    # --- the threads ----------------------------------------------------------------------------------------------------

    def _read(self, query: Callable[[UnitOfWork], R]) -> R:
        for again in (True, False):
            connection = getattr(self._local, "connection", None)
            fresh = connection is None
            try:
                if connection is None:
                    connection = self._local.connection = connect(self._given)
                    self._connections.append(connection)
                return self._look(connection, query)
            except Exception as error:
                lost = unavailable(error) or (error if isinstance(error, StorageUnavailable) else None)
                if lost is None and is_busy(error):
                    raise StorageUnavailable("the database takes too long") from None
                if lost is None:
                    raise
                self._forget(connection)
                if fresh or not again:
                    raise lost from None
        raise AssertionError("unreachable")

    def _look(self, connection: psycopg.Connection[Any], query: Callable[[UnitOfWork], R]) -> R:
        now = begin_transaction(connection, LOOKING)
        try:
            return query(self._unit(PostgresRunner(connection, Locking.NEVER), now))
        except psycopg.errors.ReadOnlySqlTransaction:
            raise RuntimeError("a read must not write") from None
        finally:
            roll_back(connection)

    def _forget(self, connection: psycopg.Connection[Any] | None) -> None:
        self._local.connection = None
        if connection is not None:
            connection.close()
            self._connections.remove(connection)

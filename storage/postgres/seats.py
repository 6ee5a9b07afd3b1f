"""How processes know which of them work: each holds an advisory lock on its number, by a connection that does nothing else.

A dead process's lock goes with its connection, at once and without anybody's help. A frozen one (a machine that paused) is
silent, and the server ends the connection. The first eight characters of a lease token are the number of the process that took
the lease, so that rows whose sender is dead or frozen go out again within seconds.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Collection
from typing import Any, Final

import psycopg

from handlers.errors import StorageUnavailable
from storage.postgres.connection import CONNECT_WITHIN_S, SEATS, connect

BEAT_EVERY_S: Final = 0.5
"""How often a process shows that it works."""
SILENT_FOR_S: Final = 4.0
"""A process that shows nothing for so long loses its seat (PostgreSQL 14 and newer; before, only the dead lose theirs)."""
GONE_FOR_S: Final = 3.0
"""How long a seat must have been empty before anybody takes over; after a restart of the database all are back sooner.

Together a frozen process is noticed after 7 to 8 s: later than `handlers.delivery.STARTS_WITHIN`, up to which it may go on with
what it has in its hand, and sooner than the 10 s that nobody's messages may wait for it.
"""
CLOSES_WITHIN_S: Final = 5.0

_TAKE = "SELECT pg_advisory_lock_shared($1, $2)"
_LIVING = (
    "SELECT DISTINCT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND objsubid = 2 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Seat:
    """This process's number, held from a thread of its own, and what it has seen of the others'."""

    def __init__(self, given: dict[str, Any]) -> None:
        """A new number, different from everybody else's; `given` are libpq's parameters."""
        self.number = secrets.randbelow(2**31 - 1) + 1
        self._given = given
        self._missing_since: dict[str, float] = {}
        self._lock = threading.Lock()
        self._changed = threading.Condition()  # guards the next three, and is told of each change
        self._taken = self._wanted = self._closing = False
        self._failed = 0
        self._thread = threading.Thread(target=self._sit, name="storage-seat", daemon=True)
        self._thread.start()

    @property
    def mark(self) -> str:
        """How lease tokens of this process begin."""
        return f"{self.number:08x}"

    def wait(self) -> None:
        """Until the seat is ours: nobody may take a lease before others can see that it works. StorageUnavailable when the
        next try fails, at the latest after `CONNECT_WITHIN_S`.
        """
        with self._changed:
            if self._taken:
                return
            failed = self._failed
            self._wanted = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._taken or self._failed != failed, CONNECT_WITHIN_S)
            if not self._taken:
                raise StorageUnavailable("no connection to the database")

    def gone(self, connection: psycopg.Connection[Any], marks: Collection[str]) -> set[str]:
        """Those of `marks` whose seats have been seen to be empty for `GONE_FOR_S`."""
        living = {f"{row[0]:08x}" for row in connection.execute(_LIVING, (SEATS,)).fetchall()}
        now = time.monotonic()
        with self._lock:
            missing = set(marks) - living
            self._missing_since = {mark: self._missing_since.get(mark, now) for mark in missing}
            return {mark for mark, since in self._missing_since.items() if now - since >= GONE_FOR_S}

    def forget(self) -> None:
        """The database was away: all were missing, and all are given time to come back."""
        with self._lock:
            self._missing_since = {}

    def close(self) -> None:
        """Leave it. Safe to repeat."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(CLOSES_WITHIN_S)

    # --- the thread -----------------------------------------------------------------------------------------------------

    def _sit(self) -> None:
        while not self._closing:
            lost = False
            try:
                self._hold()
            except (psycopg.Error, StorageUnavailable):  # whoever writes says that the database is away
                lost = self._taken
            with self._changed:
                self._taken = False
                if not lost:  # a seat that was ours is asked for again at once
                    self._failed += 1
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._wanted or self._closing, BEAT_EVERY_S)
                self._wanted = False

    def _hold(self) -> None:
        """Take the seat, and show that we work until it is lost or we leave."""
        with contextlib.closing(connect(self._given)) as connection:
            with contextlib.suppress(psycopg.errors.UndefinedObject):
                connection.execute(f"SET idle_session_timeout = '{round(SILENT_FOR_S * 1000)}ms'")
            connection.execute(_TAKE, (SEATS, self.number))
            with self._changed:
                self._taken = True
                self._changed.notify_all()
            while not self._leaving(BEAT_EVERY_S):
                connection.execute("SELECT 1")

    def _leaving(self, within_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._closing, within_s)

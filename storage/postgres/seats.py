"""How processes know which of them live: each connection of a process holds a shared advisory lock on the process's number.

A dead process's locks go with its connections, at once and without anybody's help. The first eight characters of a lease
token are the number of the process that took the lease, so that rows whose sender has died go out again within seconds.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Collection
from typing import Any, Final

import psycopg

from storage.postgres.connection import SEATS

GONE_FOR_S: Final = 5.0
"""How long a process must have been seen without any connection; after a restart of the database all reconnect sooner."""
_TAKE = "SELECT pg_advisory_lock_shared($1, $2)"
_LIVING = (
    "SELECT DISTINCT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND objsubid = 2 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Seat:
    """This process's number, and what it has seen of the others'."""

    def __init__(self) -> None:
        """A new number, different from everybody else's."""
        self.number = secrets.randbelow(2**31 - 1) + 1
        self._missing_since: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def mark(self) -> str:
        """How lease tokens of this process begin."""
        return f"{self.number:08x}"

    def take(self, connection: psycopg.Connection[Any]) -> None:
        """Hold our number for as long as this connection lives."""
        connection.execute(_TAKE, (SEATS, self.number))

    def gone(self, connection: psycopg.Connection[Any], marks: Collection[str]) -> set[str]:
        """Those of `marks` whose processes have been seen to be gone for `GONE_FOR_S`."""
        living = {f"{row[0]:08x}" for row in connection.execute(_LIVING, (SEATS,)).fetchall()}
        now = time.monotonic()
        with self._lock:
            missing = set(marks) - living
            self._missing_since = {mark: self._missing_since.get(mark, now) for mark in missing}
            return {mark for mark, since in self._missing_since.items() if now - since >= GONE_FOR_S}

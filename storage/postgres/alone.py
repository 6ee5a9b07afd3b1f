"""What only one process may do at a time (asking a platform for updates): under an advisory lock of its own connection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg

from handlers.errors import StorageUnavailable
from storage.postgres.connection import connect

log = logging.getLogger(__name__)

ASK_EVERY_S: Final = 1.0
ANSWERS_WITHIN_S: Final = 3.0
FROZEN_AFTER: Final = "6s"
"""A process that has not been heard of for so long has lost its turn: somebody else goes on."""

_TRY = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"


class Alone:
    """Does work under a name for as long as no other process does."""

    def __init__(self, given: dict[str, Any]) -> None:
        """`given` are libpq's parameters."""
        self._given = given

    async def do(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Until the work ends by itself or we are cancelled: wait for our turn, work, stop when the turn is lost."""
        while True:
            connection = await self._ask(name)
            if connection is None:
                await asyncio.sleep(ASK_EVERY_S)
                continue
            working = asyncio.ensure_future(work())
            try:
                if await self._watch(connection, working):
                    return working.result()
                log.warning("%s: another process goes on with it", name)
            finally:
                working.cancel()
                try:
                    with contextlib.suppress(asyncio.CancelledError, Exception):
                        await working
                finally:
                    connection.close()  # here and not in a thread: a second stop would take that away before it begins

    async def _ask(self, name: str) -> psycopg.Connection[Any] | None:
        """The connection that holds our turn, None when it is not our turn. However often who asks is stopped meanwhile: the turn
        must not be held by a connection that nobody has.
        """
        handing = _Handing()
        try:
            return await asyncio.to_thread(self._turn, name, handing)
        except BaseException:
            handing.decline()
            raise

    def _turn(self, name: str, handing: _Handing) -> psycopg.Connection[Any] | None:
        try:
            connection = connect(self._given)
        except StorageUnavailable:
            return None
        try:
            with contextlib.suppress(psycopg.errors.UndefinedObject):  # before version 14
                connection.execute(f"SET idle_session_timeout = '{FROZEN_AFTER}'")
            row = connection.execute(_TRY, (f"alone:{name}",)).fetchone()
            if row is not None and row[0] and handing.over(connection):
                return connection
        except psycopg.Error:
            pass
        connection.close()
        return None

    async def _watch(self, connection: psycopg.Connection[Any], working: asyncio.Future[None]) -> bool:
        """True when the work has ended, False when our turn is lost."""
        while True:
            done, _ = await asyncio.wait({working}, timeout=ASK_EVERY_S)
            if done:
                return True
            asking = asyncio.ensure_future(asyncio.to_thread(_lives, connection))
            answered, _ = await asyncio.wait({asking}, timeout=ANSWERS_WITHIN_S)
            if not answered or not asking.result():
                return working.done()


class _Handing:
    """A connection on its way from the thread that opened it to who asked for it, who may have gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._declined = False
        self._connection: psycopg.Connection[Any] | None = None

    def over(self, connection: psycopg.Connection[Any]) -> bool:
        """Whether there still is somebody to have it; otherwise it stays the thread's."""
        with self._lock:
            if not self._declined:
                self._connection = connection
            return not self._declined

    def decline(self) -> None:
        """Nobody will have it: what has come is closed, and what comes later is not taken."""
        with self._lock:
            self._declined = True
            if self._connection is not None:
                self._connection.close()


def _lives(connection: psycopg.Connection[Any]) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True

"""PostgreSQL connections with the settings that durability rests on, and what its errors mean for us."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from psycopg import conninfo

from handlers.errors import BinhAnError, StorageUnavailable
from storage.types import in_utc

log = logging.getLogger(__name__)

CONNECT_WITHIN_S: Final = 2
OLDEST: Final = 130000
"""PostgreSQL 13: what this program is tested from."""
SEATS: Final = 0x42A4
"""The class of the advisory locks by which processes know that another one lives (`seats.py`)."""

SESSION: Final = {
    "TimeZone": "UTC",
    "client_min_messages": "warning",
    "synchronous_commit": "on",
    # Every statement of the program has its index (a test holds it to that); a plan must not change because a table was small,
    # or its figures old, when it was made.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "8s",  # a frozen process gives its rows back after that
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
SOCKET: Final = {
    "connect_timeout": CONNECT_WITHIN_S,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class UnsuitableDatabase(BinhAnError):
    """This PostgreSQL cannot hold the hotline's data as it must."""

    code = "unsuitable-database"


def parameters(url: str, password: str = "", name: str = "binhan") -> dict[str, Any]:
    """What to give to libpq: the address, how long to wait, and our settings for the session."""
    given = conninfo.conninfo_to_dict(url)
    if password:
        given["password"] = password
    options = " ".join(f"-c {setting}={value}" for setting, value in SESSION.items())
    given["options"] = f"{given.get('options', '')} {options}".strip()
    return {**SOCKET, "application_name": name, **given}


def connect(given: dict[str, Any]) -> psycopg.Connection[Any]:
    """A connection whose transactions the caller begins and ends; StorageUnavailable when nobody answers."""
    try:
        connection: psycopg.Connection[Any] = psycopg.Connection.connect(
            **given, autocommit=True, prepare_threshold=2, cursor_factory=psycopg.RawCursor
        )
    except psycopg.Error as error:
        raise unavailable(error) or StorageUnavailable(_short(error)) from None
    connection.prepared_max = 400  # every statement of the program
    return connection


def begin_transaction(connection: psycopg.Connection[Any], words: str) -> datetime:
    """Begin a transaction and read the database's clock, in one message to the server."""
    cursor = psycopg.Cursor(connection)
    cursor.execute(words.encode())
    while cursor.nextset():
        pass
    row = cursor.fetchone()
    assert row is not None
    now: datetime = row[0]
    return in_utc(now)


def roll_back(connection: psycopg.Connection[Any]) -> None:
    """End the transaction; a connection that cannot even do that is closed, and replaced by whoever needs one."""
    try:
        connection.execute("ROLLBACK")
    except psycopg.Error:
        connection.close()


def refuse_unsuitable(connection: psycopg.Connection[Any]) -> None:
    """UnsuitableDatabase, in words, for a server too old or a database that would mangle Vietnamese."""
    if connection.info.server_version < OLDEST:
        raise UnsuitableDatabase(f"version {connection.info.server_version // 10000}; version 13 or newer is needed")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UnsuitableDatabase(f"its encoding is {encoding}; make one with ENCODING 'UTF8'")


def in_words(url: str) -> str:
    """The address without what might be secret, for messages to operators."""
    parts = urlsplit(url)
    place = f"{parts.hostname or 'localhost'}:{parts.port or 5432}"
    return f"postgresql://{place}/{parts.path.lstrip('/')}"


_BUSY = {"55P03": "locked by another process", "57014": "it took too long"}
_CONFLICT = frozenset({"40001", "40P01", "23505"})
_UNAVAILABLE = {
    "25006": "read-only",
    "25P03": "the transaction was given up by the server",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "57P01": "the server is stopping",
    "57P02": "the server has crashed",
    "57P03": "the server is starting or stopping",
    "58030": "input or output error",
    "XX001": "damaged",
    "XX002": "damaged",
}


def unavailable(error: BaseException) -> StorageUnavailable | None:
    """StorageUnavailable when this error means that nothing can be stored now; None when it is about the operation."""
    if not isinstance(error, psycopg.Error):
        return None
    state = error.sqlstate or ""
    if state in _UNAVAILABLE:
        return StorageUnavailable(_UNAVAILABLE[state])
    if state.startswith("08") or (not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)):
        return StorageUnavailable("no connection to the database")
    return None


def is_busy(error: BaseException) -> bool:
    """Does somebody else hold a row we need, or did it take too long?"""
    return isinstance(error, psycopg.Error) and error.sqlstate in _BUSY


def is_conflict(error: BaseException) -> bool:
    """Would doing the same again most likely succeed? A unique index counts: whoever was first has committed by now."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _CONFLICT


def _short(error: BaseException) -> str:
    """The class of an error: its text may quote values."""
    return type(error).__name__

"""Opens storage on PostgreSQL. Secrets and, unless it lies elsewhere, the key store are files in `var`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from storage.keystore import KeyStore
from storage.nerves import local_nerves, open_nerves
from storage.open import Storage, utc_now
from storage.postgres import schema
from storage.postgres.alone import Alone
from storage.postgres.connection import connect, parameters, unavailable
from storage.postgres.door import PostgresDoor
from storage.postgres.runner import Locking, PostgresRunner
from storage.removals import finish_removals
from storage.secrets import load_secrets


def open_postgres(
    url: str, var: Path, *, clock: Callable[[], datetime] | None, password: str, redis: tuple[str, str] = ("", "")
) -> Storage:
    """See `storage.open.open_storage`. `redis`: address and password."""
    given = parameters(url, password)
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with closing(connect(given)) as connection:
            schema.refuse_unsuitable(connection)
            found = schema.revision(connection)
            holds_people = found is not None and _holds_people(connection)
            secrets = load_secrets(var, needed=holds_people)
            schema.settle(given)
            keys = KeyStore(var / "keys.db", secrets, clock or utc_now)
            finish_removals(PostgresRunner(connection, Locking.ALONE), keys, (clock or utc_now)())
    except Exception as error:
        lost = unavailable(error)
        if lost is not None:
            raise lost from None
        raise
    nerves = open_nerves(*redis, secrets) if redis[0] else local_nerves()
    door = PostgresDoor(given, keys, secrets.pepper, nerves.wakeups, clock)
    return Storage(door, secrets, keys, nerves, shared=True, alone=Alone(given).do)


def upgrade_postgres(url: str, password: str = "") -> list[str]:
    """Bring the database to this program's shape; the revisions that were applied. StorageUnavailable, NewerDatabase."""
    try:
        return schema.upgrade(parameters(url, password, "binhan upgrade"))
    except Exception as error:
        lost = unavailable(error)
        if lost is not None:
            raise lost from None
        raise


def _holds_people(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT EXISTS (SELECT 1 FROM contacts) OR EXISTS (SELECT 1 FROM cases)").fetchone()
    return row is not None and bool(row[0])

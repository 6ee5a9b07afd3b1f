"""Opens storage on PostgreSQL. Secrets and, unless it lies elsewhere, the key store are files in `var`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from handlers.ports import Wakeups
from storage.keystore import KeyStore
from storage.open import Storage, utc_now
from storage.postgres import schema
from storage.postgres.connection import connect, parameters, unavailable
from storage.postgres.door import PostgresDoor
from storage.postgres.runner import Locking, PostgresRunner
from storage.removals import finish_removals
from storage.secrets import load_secrets


def open_postgres(
    url: str, var: Path, *, clock: Callable[[], datetime] | None, password: str, wakeups: Wakeups, name: str = "binhan"
) -> Storage:
    """See `storage.open.open_storage`. `name` is how this process is called in the server's own lists."""
    given = parameters(url, password, name)
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
    door = PostgresDoor(given, keys, secrets.pepper, wakeups, clock)
    return Storage(door, wakeups, secrets, keys, shared=True)


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

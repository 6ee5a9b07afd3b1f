"""Opens storage on PostgreSQL. Secrets and, unless it lies elsewhere, the key store are files in `var`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from handlers.errors import KeyMissing
from storage import peppers
from storage.data_keys import Keys
from storage.keystore import KeyStore
from storage.lock import one_at_a_time
from storage.nerves import local_nerves, open_nerves
from storage.open import Storage, utc_now
from storage.postgres import schema
from storage.postgres.alone import Alone
from storage.postgres.connection import connect, parameters, refuse_unsuitable, unavailable
from storage.postgres.door import PostgresDoor
from storage.postgres.runner import Locking, PostgresRunner
from storage.postgres.tidying import tidy_postgres
from storage.removals import finish_removals
from storage.secrets import Secrets, load_secrets

Address = tuple[str, str]
"""An address and its password, kept apart."""


def open_keys(
    address: Address, var: Path, secrets: Secrets, clock: Callable[[], datetime], *, patience_s: float = 1.0
) -> Keys:
    """The key store: `var`/keys.db, or a database of its own. KeyMissing when keys were begun in the other place. `patience_s`:
    see `KeyStore`.
    """
    if not address[0]:
        return KeyStore(var / "keys.db", secrets, clock, patience_s=patience_s)
    from storage.postgres.keystore import PostgresKeyStore

    keys = PostgresKeyStore(parameters(*address, "binhan keys"), secrets, clock)
    if (var / "keys.db").exists() and not keys.owners():
        keys.close()
        raise KeyMissing(
            "var/keys.db holds keys and database.keys_url leads to an empty store; the keys must move along first"
        )
    return keys


def open_postgres(
    database: Address,
    var: Path,
    *,
    clock: Callable[[], datetime] | None,
    redis: Address = ("", ""),
    keys: Address = ("", ""),
    peppers_may_lack: bool = False,
) -> Storage:
    """See `storage.open.open_storage`."""
    given = parameters(*database)
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with closing(connect(given)) as connection:
            refuse_unsuitable(connection)
            found = schema.revision(connection)
            holds_people = found is not None and _holds_people(connection)
            with one_at_a_time(var):
                secrets = load_secrets(var, needed=holds_people)
            schema.settle(given)
            store = open_keys(keys, var, secrets, clock or utc_now)
            store.require()
            store.say_held()
            runner = PostgresRunner(connection, Locking.ALONE)
            try:
                if not peppers_may_lack:
                    peppers.require(runner, secrets.peppers)
                finish_removals(runner, store)
            except BaseException:
                store.close()
                raise
    except Exception as error:
        lost = unavailable(error)
        if lost is not None:
            raise lost from None
        raise
    nerves = open_nerves(*redis, secrets) if redis[0] else local_nerves()
    door = PostgresDoor(given, store, secrets.peppers, nerves.wakeups, clock)
    tidy = partial(tidy_postgres, given, None if keys[0] else var / "keys.db", store)
    return Storage(door, secrets, store, nerves, shared=True, alone=Alone(given).do, tidy=tidy)


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
    """Is there anything that the secrets of another place would make unreadable? Staff come before the first seeker: a second
    machine that begins with secrets of its own would not know anybody again.
    """
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM contacts) OR EXISTS (SELECT 1 FROM cases) OR EXISTS (SELECT 1 FROM staff)"
    ).fetchone()
    return row is not None and bool(row[0])

"""Looks an installation on PostgreSQL over for `db check`: version, settings, keys, chain. Changes nothing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from handlers.errors import BinhAnError
from storage.checking import check_records, compare
from storage.data_keys import Keys
from storage.open import utc_now
from storage.postgres import schema
from storage.postgres.connection import connect, in_words, parameters
from storage.postgres.open import Address, open_keys
from storage.postgres.runner import Locking, PostgresRunner
from storage.secrets import load_secrets

_ON = ("fsync", "full_page_writes")
"""What must be on for a committed message to outlive a power cut; `synchronous_commit` we switch on ourselves."""


def check_postgres(database: Address, keys: Address, var: Path) -> list[str]:
    """Everything that is wrong, a line each; empty when all is well. Raises what makes looking impossible (BinhAnError)."""
    with closing(connect(parameters(*database, "binhan check"))) as connection:
        if schema.revision(connection) is None:
            return [f"{in_words(database[0])} is empty; `serve` makes the tables"]
        try:
            schema.check(connection)
        except BinhAnError as error:
            return [f"{error.code}: {error}"]
        connection.execute("SET statement_timeout = 0")  # this may read much
        problems = _settings(connection)
        secrets = load_secrets(var, needed=True)
        store = open_keys(keys, var, secrets, utc_now)
        try:
            store.opens()
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            problems += check_records(PostgresRunner(connection, Locking.NEVER), store, secrets)
        except BinhAnError as error:
            problems.append(f"{error.code}: {error}")
        finally:
            store.close()
    return problems


def compare_keys(given: dict[str, Any], keys: Keys) -> list[str]:
    """Rows and keys side by side, a line for what does not fit; an empty database has nothing to compare."""
    with closing(connect(given)) as connection:
        if schema.revision(connection) is None:
            return []
        schema.check(connection)
        connection.execute("SET statement_timeout = 0")
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return compare(PostgresRunner(connection, Locking.NEVER), keys)


def _settings(connection: psycopg.Connection[Any]) -> list[str]:
    found = []
    for name in _ON:
        row = connection.execute("SELECT current_setting($1)", (name,)).fetchone()
        if row is None or row[0] != "on":
            found.append(
                f"setting: {name} is off; a power cut can lose what was accepted, switch it on in postgresql.conf"
            )
    collation = connection.execute("SELECT datcollate FROM pg_database WHERE datname = current_database()").fetchone()
    if collation is not None and collation[0] not in ("C", "POSIX", "C.UTF-8", "C.utf8"):
        found.append(
            f"collation: {collation[0]} changes with the operating system, and then indexes must be rebuilt (REINDEX); "
            "a database made with LC_COLLATE 'C' does not"
        )
    return found

"""After rows were removed from PostgreSQL: no key of theirs is left, and their space is given back.

What PostgreSQL keeps in its write-ahead log and in archives of it is ciphertext whose keys are gone; it goes when those files go.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from handlers.keeping import Tidied
from storage.data_keys import Keys
from storage.postgres.connection import connect
from storage.postgres.dump import tables
from storage.postgres.runner import Locking, PostgresRunner
from storage.removals import settle_removals
from storage.tidying import rewrite

log = logging.getLogger(__name__)


async def tidy_postgres(given: dict[str, Any], keys_file: Path | None, keys: Keys) -> Tidied:
    """Beside the service, on a connection of its own. `given` are libpq's parameters; `keys_file` None: keys in a database."""
    return await asyncio.to_thread(_tidy, given, keys_file, keys)


def _tidy(given: dict[str, Any], keys_file: Path | None, keys: Keys) -> Tidied:
    with closing(connect(given)) as connection:
        tidied = settle_removals(PostgresRunner(connection, Locking.ALONE), keys)
        connection.execute("SET statement_timeout = 0")  # a large table takes its time, and nobody waits for it
        for table in tables(connection):  # each: what is forgotten in a list written by hand keeps its space
            try:
                connection.execute(sql.SQL("VACUUM {}").format(sql.Identifier(table)))
            except psycopg.errors.LockNotAvailable:
                log.warning("%s: others were at work, its space is given back the next time", table)
    if keys_file is not None:
        rewrite(keys_file)
    return tidied

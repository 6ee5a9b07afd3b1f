"""After rows were removed from PostgreSQL: no key of theirs is left, and their space is given back.

What PostgreSQL keeps in its write-ahead log and in archives of it is ciphertext whose keys are gone; it goes when those files go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from handlers.keeping import Tidied
from storage.keystore import Keys
from storage.postgres.connection import connect
from storage.postgres.runner import Locking, PostgresRunner
from storage.removals import settle_removals
from storage.tidying import rewrite

log = logging.getLogger(__name__)

TABLES: Final = (
    "contacts",
    "inbox",
    "cases",
    "lines",
    "escalations",
    "outbox",
    "referrals",
    "referral_links",
    "return_codes",
    "sign_ins",
    "failures",
    "key_removals",
    "audit_log",
)


async def tidy_postgres(
    given: dict[str, Any], keys_file: Path | None, keys: Keys, clock: Callable[[], datetime]
) -> Tidied:
    """Beside the service, on a connection of its own. `given` are libpq's parameters; `keys_file` None: keys in a database."""
    return await asyncio.to_thread(_tidy, given, keys_file, keys, clock)


def _tidy(given: dict[str, Any], keys_file: Path | None, keys: Keys, clock: Callable[[], datetime]) -> Tidied:
    with closing(connect(given)) as connection:
        tidied = settle_removals(PostgresRunner(connection, Locking.ALONE), keys, clock())
        connection.execute("SET statement_timeout = 0")  # a large table takes its time, and nobody waits for it
        for table in TABLES:
            try:
                connection.execute(f"VACUUM {table}")
            except psycopg.errors.LockNotAvailable:
                log.warning("%s: others were at work, its space is given back the next time", table)
    if keys_file is not None:
        rewrite(keys_file)
    return tidied

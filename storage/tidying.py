"""After rows were removed from the embedded database: no key of theirs is left, and no byte of them in the file or its log.

`secure_delete` has overwritten them with zeros already; what is left are copies that SQLite makes when it moves rows about, and
the log, which holds old pages until it is emptied.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from handlers.keeping import Tidied
from storage.data_keys import Keys
from storage.engine import connect, is_busy
from storage.prepared import Runner
from storage.removals import settle_removals

log = logging.getLogger(__name__)

REWRITE_UP_TO: Final = 256 * 1024 * 1024
"""A larger file is not written anew every day: nobody can write meanwhile, and a message that waits longer than a second or so is
refused (and brought again by its platform). 16 MB take a tenth of a second.
"""
BUSY_S: Final = 5.0


async def tidy_file(path: Path, keys_file: Path, keys: Keys) -> Tidied:
    """Beside a running service, on connections of its own."""
    return await asyncio.to_thread(_tidy, path, keys_file, keys)


def _tidy(path: Path, keys_file: Path, keys: Keys) -> Tidied:
    with closing(connect(path, busy_s=BUSY_S)) as connection:
        tidied = settle_removals(Runner(connection), keys)
    rewrite(keys_file)
    rewrite(path)
    return tidied


def rewrite(path: Path) -> None:
    """Write a database file anew, so that nothing is in it but what is there. A destroyed key was found in a page from which
    SQLite had moved it away before (one of some thousands): with the backup of its day it would have opened a talk.
    """
    with closing(connect(path, busy_s=BUSY_S)) as connection:
        if path.stat().st_size <= REWRITE_UP_TO:
            _calmly(connection, "VACUUM")
        _calmly(connection, "PRAGMA wal_checkpoint(TRUNCATE)")


def _calmly(connection: sqlite3.Connection, statement: str) -> None:
    try:
        connection.execute(statement).fetchall()
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise
        log.warning("%s: others were at work, it is done the next time", statement.split()[-1])

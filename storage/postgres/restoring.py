"""Fills an empty PostgreSQL database from a dump: tables, rows and whatever the caller does with them are one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from storage.backup import NotEmpty
from storage.postgres import schema
from storage.postgres.connection import connect, refuse_unsuitable
from storage.postgres.dump import load, tables
from storage.postgres.runner import Locking, PostgresRunner
from storage.schema import missing, run_revisions


def refuse_filled(given: Mapping[str, Any]) -> None:
    """NotEmpty when there are tables already; UnsuitableDatabase, StorageUnavailable."""
    with closing(connect(dict(given))) as there:
        refuse_unsuitable(there)
        if schema.revision(there) is not None or tables(there):
            raise NotEmpty("the database holds tables; make a new one")


@contextmanager
def restored(given: Mapping[str, Any], folder: Path, revision: str) -> Iterator[PostgresRunner]:
    """Make the tables as they were at `revision`, fill them, bring them to this program's shape; commits when the caller is done.

    Whatever goes wrong leaves the database empty. A process that starts meanwhile waits, and finds all of it or nothing.
    """
    missing(revision)  # refuses a newer program's before anything is made
    patient = schema.patient(dict(given))
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(**patient), poolclass=NullPool)
    with psycopg.connect(**patient, autocommit=True) as guard:
        guard.execute(schema.ONE_AT_A_TIME)
        with engine.connect() as session, session.begin():
            run_revisions(session, to=revision)
            raw = session.connection.driver_connection
            assert isinstance(raw, psycopg.Connection)
            load(raw, folder)
            run_revisions(session)
            plain, raw.cursor_factory = raw.cursor_factory, psycopg.RawCursor
            try:
                yield PostgresRunner(raw, Locking.ALONE)
            finally:
                raw.cursor_factory = plain

"""Brings a PostgreSQL database to the shape this program knows, and refuses one it does not know.

Other than the embedded one it is never upgraded by a start: processes of the older version may be running. An empty database is
made by the first start; two that start at once wait for each other.
"""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import storage.registers
import storage.staff_tables  # noqa: F401
from storage.postgres.connection import refuse_unsuitable
from storage.schema import accept, missing, run_revisions

_REVISION = "SELECT version_num FROM alembic_version"
ONE_AT_A_TIME = "SELECT pg_advisory_lock(7031902)"
"""A number of our own; the lock goes with the connection."""


def revision(connection: psycopg.Connection[Any]) -> str | None:
    """The revision of this database; None when it is empty."""
    found = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
    if found is None or found[0] is None:
        return None
    row = connection.execute(_REVISION).fetchone()
    return None if row is None else str(row[0])


def check(connection: psycopg.Connection[Any]) -> None:
    """Is this database as this program needs it? OlderDatabase, NewerDatabase or UnsuitableDatabase when it is not."""
    refuse_unsuitable(connection)
    accept(revision(connection))


def upgrade(given: dict[str, Any]) -> list[str]:
    """Bring the database to the newest shape; returns the revisions that were applied. Safe to repeat, and at the same time.

    `given` are libpq's parameters. All revisions are one transaction. NewerDatabase when the database is ahead of the program.
    """
    with psycopg.connect(**patient(given), autocommit=True) as guard:
        refuse_unsuitable(guard)
        guard.execute(ONE_AT_A_TIME)
        lacking = missing(revision(guard))
        if lacking:
            waits = patient(given)
            engine = create_engine(
                "postgresql+psycopg://", creator=lambda: psycopg.connect(**waits), poolclass=NullPool
            )
            with engine.connect() as session:
                run_revisions(session)
                session.commit()
    return lacking


def settle(given: dict[str, Any]) -> None:
    """Make an empty database; accept one that is as needed; refuse any other."""
    with psycopg.connect(**given, autocommit=True) as connection:
        refuse_unsuitable(connection)
        found = revision(connection)
    if found is None:
        upgrade(given)
    else:
        accept(found)


def patient(given: dict[str, Any]) -> dict[str, Any]:
    """A change of shape, or a restore, may take longer than a message."""
    return {
        **given,
        "options": f"{given['options']} -c statement_timeout=0 -c lock_timeout=30s -c idle_in_transaction_session_timeout=0",
    }

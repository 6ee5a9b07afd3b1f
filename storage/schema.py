"""Brings a database to the shape this program knows, and refuses one it does not know.

`serve` upgrades the embedded database itself; other commands use it as it is and ask for an upgrade when it is older.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

import storage.channel_tables
import storage.registers  # noqa: F401 - their tables belong to the same metadata
from handlers.errors import BinhAnError
from storage.engine import connect
from storage.tables import metadata

_MIGRATIONS = Path(__file__).parent / "migrations"


class NewerDatabase(BinhAnError):
    """The database was written by a newer version of this program; start that version, or restore a backup of this one."""

    code = "newer-database"


class OlderDatabase(BinhAnError):
    """The database was written by an older version of this program; run `db upgrade` (`serve` does it for an embedded one)."""

    code = "older-database"


def head() -> str:
    """The newest revision this program knows."""
    return _known()[-1]


def revision(path: Path) -> str | None:
    """The revision of this database; None when it is empty or not there."""
    if not path.exists():
        return None
    connection = connect(path, busy_s=1.0)
    try:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
    finally:
        connection.close()
    return None if row is None else str(row[0])


def check(path: Path) -> None:
    """Is this database as this program needs it? OlderDatabase or NewerDatabase when it is not."""
    accept(revision(path))


def accept(found: str | None) -> None:
    """Is this revision the one this program needs? OlderDatabase or NewerDatabase when it is not."""
    if found == head():
        return
    if found is not None and found not in _known():
        raise NewerDatabase(f"revision {found}, known up to {head()}")
    raise OlderDatabase(f"revision {found or 'none'}, needed {head()}")


def missing(found: str | None) -> list[str]:
    """The revisions a database of revision `found` lacks, oldest first; NewerDatabase when it is ahead of this program."""
    known = _known()
    if found is None:
        return known
    if found not in known:
        raise NewerDatabase(f"revision {found}, known up to {head()}")
    return known[known.index(found) + 1 :]


def upgrade(path: Path) -> list[str]:
    """Bring the database to the newest shape, making it when it is not there; returns the revisions that were applied.

    Safe to repeat. Each revision is one transaction. NewerDatabase when the database is ahead of the program.
    """
    lacking = missing(revision(path))
    if not lacking:
        return []
    connection = connect(path, busy_s=5.0)
    try:
        # Batch changes rebuild tables; references are checked again when the connection is opened for use.
        connection.execute("PRAGMA foreign_keys=OFF")
        _through_alembic(connection)
    finally:
        connection.close()
    return lacking


def settle(path: Path, *, upgraded: bool) -> None:
    """Make or upgrade the database (`upgraded`), or only accept it when it already is as needed or not there yet."""
    if upgraded or revision(path) is None:
        upgrade(path)
    else:
        check(path)


def create(connection: sqlite3.Connection) -> None:
    """Make every table in an empty database in memory, as the migrations would (a test holds the two equal)."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as session:
        metadata.create_all(session)
        session.commit()


def _through_alembic(connection: sqlite3.Connection) -> None:
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.connect() as session:
        session.exec_driver_sql("BEGIN IMMEDIATE")
        run_revisions(session)
        session.commit()


def run_revisions(session: Connection, to: str = "head") -> None:
    """Run the revisions this database lacks, up to `to`, on a SQLAlchemy connection whose transaction the caller ends."""
    # Imported here alone: a start that has nothing to upgrade, as after a crash, must not wait for it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = session
    command.upgrade(config, to)


def _known() -> list[str]:
    """All revisions, oldest first: the files are named after them and in their order (a test holds this to what Alembic says)."""
    return sorted(path.name.split("_", 1)[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))

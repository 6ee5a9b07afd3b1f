"""A database as an older program left it: migrated up to one revision and no further."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from storage import schema
from storage.engine import connect


def migrate(path: Path, revision: str) -> None:
    """Make the database at `path` up to this revision."""
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
        with engine.connect() as session:
            session.exec_driver_sql("BEGIN IMMEDIATE")
            config = Config()
            config.set_main_option("script_location", str(schema._MIGRATIONS))
            config.set_main_option("path_separator", "os")
            config.attributes["connection"] = session
            command.upgrade(config, revision)
            session.commit()

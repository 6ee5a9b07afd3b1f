"""Runs revisions for `storage/schema.py` (which hands over a connection) or for Alembic's own command line."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import storage.registers
import storage.staff_tables  # noqa: F401
from storage.tables import metadata


def run(connection: object) -> None:
    """All revisions that are missing, in one transaction where the database can."""
    context.configure(
        connection=connection,  # type: ignore[arg-type]
        target_metadata=metadata,
        render_as_batch=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=NullPool)
    with engine.connect() as own:
        run(own)

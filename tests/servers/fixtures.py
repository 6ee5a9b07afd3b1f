"""Fixtures over the servers: one of each for a test run, started by the first test that needs it, in the main thread."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from storage.postgres import schema
from storage.postgres.connection import parameters
from storage.tables import metadata
from tests.servers import postgres, redis
from tests.servers.process import Missing


def no_server(missing: Missing) -> None:
    """In CI a server that is missing is a failure: a suite that nobody runs proves nothing."""
    if os.environ.get("CI"):
        pytest.fail(str(missing))
    pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer | postgres.GivenServer]:
    """A PostgreSQL for suites that do not kill it."""
    try:
        server = postgres.server()
    except Missing as missing:
        no_server(missing)
        raise
    yield server
    server.close()


@pytest.fixture(scope="session")
def shaped_postgres(postgres_server: postgres.PostgresServer | postgres.GivenServer) -> Iterator[str]:
    """A database through all migrations, made once, that nobody connects to; its name, to copy from."""
    name = f"binhan_shaped_{os.getpid()}"
    schema.upgrade(parameters(postgres.make_database(postgres_server.url, name)))
    yield name
    postgres.drop_database(postgres_server.url, name)


@pytest.fixture(scope="session")
def migrated_postgres(
    postgres_server: postgres.PostgresServer | postgres.GivenServer, shaped_postgres: str
) -> Iterator[str]:
    """A database through all migrations; its address."""
    name = f"binhan_test_{os.getpid()}"
    url = postgres.make_database(postgres_server.url, name, shaped_postgres)
    yield url
    postgres.let_go(url)
    postgres.drop_database(postgres_server.url, name)


@pytest.fixture
def empty_postgres(migrated_postgres: str) -> str:
    """The migrated database without a row in it; its address."""
    connection = postgres.kept(migrated_postgres)
    # Deleting is quicker than TRUNCATE while tables are small; the audit log's own guard must let us.
    tables = "; ".join(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables))
    connection.execute(f"SET session_replication_role = replica; {tables}; RESET session_replication_role")  # type: ignore[arg-type]
    return migrated_postgres


@pytest.fixture(scope="session")
def redis_server() -> Iterator[redis.RedisServer]:
    """A Redis for suites that do not kill it."""
    try:
        server = redis.RedisServer()
    except Missing as missing:
        no_server(missing)
        raise
    yield server
    server.close()

"""Storage on a file, in memory and on PostgreSQL: every contract test of a store runs on all three."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage import schema
from storage.open import MEMORY, Storage, open_storage
from storage.secrets import load_secrets
from tests.contract.builders import Clock
from tests.contract.houses import KINDS, SHAPED, Houses


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database through all migrations, made once."""
    path = tmp_path_factory.mktemp("migrated") / "data.db"
    schema.upgrade(path)
    return path


@pytest.fixture(params=["file", "memory", "postgres"])
async def storage(
    request: pytest.FixtureRequest, tmp_path: Path, migrated: Path, clock: Clock
) -> AsyncIterator[Storage]:
    where: str | Path = MEMORY
    if request.param == "file":
        where = tmp_path / "data.db"
        load_secrets(tmp_path)
        shutil.copy(migrated, where)
    elif request.param == "postgres":
        where = request.getfixturevalue("empty_postgres")
    opened = open_storage(where, tmp_path, clock=clock)
    yield opened
    await opened.close()


@pytest.fixture(params=KINDS)
def houses(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Houses]:
    """Whole installations of each kind."""
    server = None if request.param == KINDS[0] else request.getfixturevalue("postgres_server")
    if server is not None:
        SHAPED[server.url] = request.getfixturevalue("shaped_postgres")
    made = Houses(request.param, tmp_path, server)
    yield made
    made.close()

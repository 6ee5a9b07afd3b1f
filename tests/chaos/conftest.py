"""One launcher for all crash tests: it imports the program once. And the program alone, or as several processes on servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.harness import Launcher, Program
from tests.fakes.pager import FakePager
from tests.fakes.telegram import FakeTelegram
from tests.servers.fixtures import no_server
from tests.servers.postgres import PostgresServer
from tests.servers.process import Missing
from tests.servers.redis import RedisServer


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    one = Launcher()
    yield one
    one.close()


@pytest.fixture
async def program(launcher: Launcher, tmp_path: Path) -> AsyncIterator[Program]:
    fake = await FakeTelegram().start()
    one = Program(launcher, tmp_path, fake)
    one.prepare()
    await one.employ()
    yield one
    if one.pid and launcher.code(one.pid) is None:
        await one.kill()
    await fake.stop()


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[PostgresServer, RedisServer]]:
    """Servers of these tests' own, started in the main thread: they will be killed."""
    try:
        postgres, redis = PostgresServer(), RedisServer()
    except Missing as missing:
        no_server(missing)
        raise
    yield postgres, redis
    redis.close()
    postgres.close()


@pytest.fixture
async def pager() -> AsyncIterator[FakePager]:
    one = await FakePager().start()
    yield one
    await one.stop()


@pytest.fixture
async def cluster(
    launcher: Launcher, tmp_path: Path, servers: tuple[PostgresServer, RedisServer], pager: FakePager
) -> AsyncIterator[Cluster]:
    fake = await FakeTelegram().start()
    made = await Cluster.prepared(launcher, tmp_path, fake, *servers, "worker", "worker", "web", pager=pager.url)
    yield made
    await made.end()
    await fake.stop()

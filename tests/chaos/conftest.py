"""One launcher for all crash tests: it imports the program once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.chaos.harness import Launcher, Program
from tests.fakes.telegram import FakeTelegram


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

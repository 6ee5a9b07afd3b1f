"""A road for tests of the middle of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.road import Road


@pytest.fixture
def road() -> Iterator[Road]:
    road = Road()
    yield road
    road.close()

"""A hotline in memory for the desk's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.hotline import Hotline


@pytest.fixture
def hotline() -> Iterator[Hotline]:
    hotline = Hotline()
    yield hotline
    hotline.close()

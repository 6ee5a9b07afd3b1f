"""The session-wide check: after every test, no canary of it may sit in a log, on the terminal, in a file, a database or Redis.

A finding turns the test red, whatever it was about. `pytest.mark.aloud("why")` is for tests whose purpose is to print people's
words at a terminal; what they print is not looked at, everything else is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.canaries.cage import Found, cage
from tests.canaries.places import Logs, files_of, postgres_dump, redis_dump
from tests.canaries.planting import plant, uproot

WATCHED = "canaries"
"""Under this name the report of a test says how many spellings of canaries were looked for after it."""

logs = Logs()
_SECTIONS = ("stdout", "stderr", "log")


def pytest_configure(config: pytest.Config) -> None:
    """From now on."""
    config.addinivalue_line("markers", "aloud(why): prints people's words at a terminal on purpose")
    plant()


def pytest_unconfigure() -> None:
    """No longer."""
    uproot()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """A new cage for every test."""
    cage.clear()
    logs.lines.clear()
    logs.begin()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """The standard handlers of a test are made anew for each phase: so is ours."""
    logs.begin()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Look while the databases still stand and again when everything has been closed."""
    found = [*_in_servers(item)]
    result = yield
    found += _in_process(item)
    item.user_properties.append((WATCHED, len(cage)))
    cage.clear()
    logs.lines.clear()
    if found:
        lines = "\n".join(f"  {one}" for one in sorted({str(one) for one in found}))
        pytest.fail(f"what belongs to nobody else came out:\n{lines}", pytrace=False)
    return result


def _in_servers(item: pytest.Item) -> Iterator[Found]:
    given: dict[str, Any] = getattr(item, "funcargs", {})
    if len(cage) and "empty_postgres" in given:
        for place, content in postgres_dump(given["empty_postgres"]):
            yield from cage.look(content, place)
    if len(cage) and "redis_server" in given:
        for place, content in redis_dump(given["redis_server"].url):
            yield from cage.look(content, place)


def _in_process(item: pytest.Item) -> list[Found]:
    found = cage.look("\n".join(logs.lines), "the log")
    if item.get_closest_marker("aloud") is None:
        for when, name, content in item._report_sections:
            if name in _SECTIONS:
                found += cage.look(content, f"{name} at {when}")
    given: dict[str, Any] = getattr(item, "funcargs", {})
    if "tmp_path" in given:
        for place, content in files_of(given["tmp_path"]):
            found += cage.look(content, place)
    return found

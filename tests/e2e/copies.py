"""A PostgreSQL with the shipped settings whose backups are kept by the shipped scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.e2e.deployment import DEPLOY
from tests.servers.fixtures import no_server
from tests.servers.postgres import OWNER, PostgresServer, find
from tests.servers.process import Missing, as_whom, folder

SCRIPTS = DEPLOY / "postgresql"


@dataclass
class Kept:
    """A server with the shipped settings, and where its backups go. Both belong to the account that PostgreSQL runs as."""

    server: PostgresServer
    home: Path
    programs: Path
    environment: dict[str, str]

    @property
    def backups(self) -> Path:
        return self.home / "backups"

    def run(self, name: str, *argv: str, code: int = 0, **environment: str) -> str:
        done = subprocess.run(
            [str(self.home / "scripts" / name), *argv], cwd=self.home, env={**self.environment, **environment},
            capture_output=True, text=True, stdin=subprocess.DEVNULL, **as_whom(),
        )  # type: ignore[call-overload] # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return str(done.stdout + done.stderr)

    def run_sql(self, target: str, statement: str) -> list[str]:
        """What a recovered server answers; only its own account may ask."""
        argv = [str(self.programs / "psql"), "-qAtX", "-h", str(self.home / target / "socket"), "-p", "5432"]
        done = subprocess.run(
            [*argv, "-d", "hotline", "-c", statement], env=self.environment, capture_output=True, text=True, **as_whom()
        )  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr
        return str(done.stdout).split()

    def stop(self, target: str) -> None:
        argv = [str(self.programs / "pg_ctl"), "-D", str(self.home / target / "data"), "-m", "fast", "-w", "stop"]
        subprocess.run(argv, env=self.environment, check=True, capture_output=True, **as_whom())  # type: ignore[call-overload]

    def do(self, *statements: str, database: str = "postgres") -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = []
        with psycopg.connect(f"{self.server.url}/{database}", autocommit=True) as there:
            for one in statements:
                done = there.execute(one)  # type: ignore[call-overload]
                rows = done.fetchall() if done.description else []
        return rows

    def archived(self, within_s: float = 60) -> None:
        """Wait until what has been written so far is in the archive: what `archive_timeout` does once a minute."""
        ((last,),) = self.do("SELECT pg_walfile_name(pg_current_wal_lsn())")
        self.do("SELECT pg_switch_wal()")
        end = time.monotonic() + within_s
        while not (self.backups / "wal" / f"{last}.gz").exists():
            assert time.monotonic() < end, self.do("SELECT * FROM pg_stat_archiver")
            time.sleep(0.05)


def own(top: Path) -> None:
    """Give a folder with all in it to the account that servers run as."""
    if os.getuid() == 0:
        for path in (top, *top.rglob("*")):
            shutil.chown(path, **as_whom())


@contextmanager
def keeping() -> Iterator[Kept]:
    """A server whose backups are kept, gone with everything at the end."""
    home = folder()
    try:
        programs = find()
    except Missing as missing:
        no_server(missing)
        raise
    if not all((programs.folder / name).exists() for name in ("pg_basebackup", "pg_ctl")) and not shutil.which(
        "pg_ctl"
    ):
        pytest.skip("no pg_basebackup beside the server")
    shutil.copytree(SCRIPTS, home / "scripts")  # where that account may read them
    own(home)
    environment = {
        **programs.environment, "PATH": f"{programs.folder}:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": str(home),
        "PGHOST": "127.0.0.1", "PGUSER": OWNER, "BINHAN_DATA_BACKUPS": str(home / "backups"), "PGBIN": str(programs.folder),
    }  # fmt: skip
    server = PostgresServer(config=home / "scripts" / "binhan.conf", environment=environment)
    environment["PGPORT"] = str(server.port)
    server_archives = f"ALTER SYSTEM SET archive_command = '{home}/scripts/archive-wal %p %f'"
    made = Kept(server, home, programs.folder, environment)
    try:
        made.do(server_archives, "SELECT pg_reload_conf()")
        yield made
    finally:
        server.close()
        shutil.rmtree(home, ignore_errors=True)

"""Backups of a PostgreSQL in service, by the shipped settings and scripts: what was committed a moment ago is there again."""

from __future__ import annotations

import gzip
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

from storage.postgres import schema
from storage.postgres.connection import parameters
from tests.e2e.deployment import DEPLOY
from tests.servers.fixtures import no_server
from tests.servers.postgres import OWNER, PostgresServer, find
from tests.servers.process import Missing, as_whom, folder

SCRIPTS = DEPLOY / "postgresql"
RPO_S = 300


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


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    with keeping() as made:
        yield made


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


def test_the_shipped_settings_lose_nothing_and_archive_within_five_minutes(kept: Kept) -> None:
    settings = dict(kept.do("SELECT name, setting FROM pg_settings"))  # type: ignore[arg-type]
    assert {settings[name] for name in ("fsync", "full_page_writes", "synchronous_commit", "archive_mode")} == {"on"}
    assert 0 < int(settings["archive_timeout"]) <= RPO_S / 2
    assert settings["log_error_verbosity"] == "terse"
    assert settings["log_statement"] == "none"
    assert int(settings["port"]) < 32_768


def test_the_last_archived_moment_comes_back_beside_the_running_server(kept: Kept) -> None:
    made = kept.run("make-database", BINHAN_DATABASE="hotline", BINHAN_ROLE="hotline")
    assert "database hotline: there" in made
    kept.run("make-database", BINHAN_DATABASE="hotline", BINHAN_ROLE="hotline")  # safe to repeat
    schema.upgrade(parameters(f"{kept.server.url}/hotline"))
    kept.do("CREATE TABLE said (n integer)", "INSERT INTO said VALUES (1)", database="hotline")
    assert "base backup:" in kept.run("base-backup")
    kept.do("INSERT INTO said VALUES (2)", database="hotline")
    kept.archived()
    ((moment,),) = kept.do("SELECT clock_timestamp()::text")
    time.sleep(0.1)
    kept.do("INSERT INTO said VALUES (3)", database="hotline")
    kept.archived()
    kept.do("INSERT INTO said VALUES (4)", database="hotline")  # not yet away: the machine burns now

    began = time.monotonic()
    for target, argv, expected in (("newest", [], [1, 2, 3]), ("earlier", [str(moment)], [1, 2])):
        said = kept.run("recover", str(kept.home / target), *argv)
        try:
            assert f"host={kept.home / target}/socket" in said
            found = kept.run_sql(target, "SELECT n FROM said ORDER BY n")
            assert found == [str(n) for n in expected], said
            assert kept.run_sql(target, "SELECT count(*) FROM contacts") == ["0"], "our own tables are there too"
            if os.getuid() == 0:  # somebody else than the two accounts that may
                with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
                    psycopg.connect(host=str(kept.home / target / "socket"), port=5432, user=OWNER, dbname="hotline")
        finally:
            kept.stop(target)
    assert time.monotonic() - began < 30 * 60
    assert kept.do("SELECT max(n) FROM said", database="hotline") == [(4,)], "the one in service was not touched"
    assert "is there already" in kept.run("recover", str(kept.home / "newest"), code=2)


def test_an_archived_piece_is_whole_and_is_never_overwritten(kept: Kept) -> None:
    piece = kept.home / "piece"
    name = "0000000A0000000000000001"
    piece.write_bytes(os.urandom(100_000))
    piece.chmod(0o644)
    kept.run("archive-wal", str(piece), name)
    kept.run("archive-wal", str(piece), name)  # asked again after a crash: fine, it is the same
    assert gzip.decompress((kept.backups / "wal" / f"{name}.gz").read_bytes()) == piece.read_bytes()
    assert (kept.backups / "wal" / f"{name}.gz").stat().st_mode & 0o077 == 0
    back = kept.home / "back"
    kept.run("fetch-wal", name, str(back))
    assert back.read_bytes() == piece.read_bytes()
    kept.run("fetch-wal", "0000000A0000000000000002", str(back), code=1)
    piece.write_bytes(os.urandom(100_000))
    assert "other content" in kept.run("archive-wal", str(piece), name, code=1)
    full = kept.run("archive-wal", str(piece), "0000000A0000000000000003", code=1, BINHAN_DATA_BACKUPS="/dev/full")
    assert full, "an archive that cannot be written is an error, so that PostgreSQL keeps the piece"
    assert not list((kept.backups / "wal").glob(".*")), "nothing half is left"


def test_what_is_too_old_goes_and_what_is_needed_stays(kept: Kept) -> None:
    kept.run("base-backup")
    old = kept.backups / "base" / "20200101T000000Z"
    shutil.copytree(max((kept.backups / "base").iterdir()), old)
    own(old)
    os.utime(old, (1_577_836_800, 1_577_836_800))
    wal = kept.backups / "wal"
    for name in ("000000010000000000000000", "00000002.history"):
        (wal / f"{name}.gz").write_bytes(gzip.compress(b"x"))
    needed = sorted(path.name for path in wal.iterdir())
    kept.do("INSERT INTO said VALUES (5)", database="hotline")
    kept.archived()
    time.sleep(1.1)  # names of copies tell seconds
    kept.run("base-backup")
    assert not old.exists()
    left = {path.name for path in wal.iterdir()}
    assert "000000010000000000000000.gz" not in left
    assert "00000002.history.gz" in left
    oldest = min(path for path in (kept.backups / "base").iterdir())
    assert set(needed[-2:]) - {"000000010000000000000000.gz"} <= left, oldest
    (wal / "00000002.history.gz").unlink()  # an invented one
    kept.run("recover", str(kept.home / "again"))
    try:
        assert kept.run_sql("again", "SELECT max(n) FROM said") == ["5"]
    finally:
        kept.stop("again")

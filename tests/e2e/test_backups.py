"""Backups of a PostgreSQL in service, by the shipped settings and scripts: what was committed a moment ago is there again."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from handlers.health import BACKED_UP
from storage.postgres import schema
from storage.postgres.connection import parameters
from tests.e2e.copies import Kept, keeping, own
from tests.servers.postgres import OWNER

RPO_S = 300


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    with keeping() as made:
        assert "database hotline: there" in made.run("make-database", BINHAN_DATABASE="hotline", BINHAN_ROLE="hotline")
        schema.upgrade(parameters(f"{made.server.url}/hotline"))
        made.do("CREATE TABLE said (n integer)", database="hotline")
        yield made


def test_the_shipped_settings_lose_nothing_and_archive_within_five_minutes(kept: Kept) -> None:
    settings = dict(kept.do("SELECT name, setting FROM pg_settings"))  # type: ignore[arg-type]
    assert {settings[name] for name in ("fsync", "full_page_writes", "synchronous_commit", "archive_mode")} == {"on"}
    print(f"figure: every change is archived within {settings['archive_timeout']} s, by the shipped settings")
    assert 0 < int(settings["archive_timeout"]) <= RPO_S / 2
    assert settings["log_error_verbosity"] == "terse"
    assert settings["log_statement"] == "none"
    assert int(settings["port"]) < 32_768


def test_the_last_archived_moment_comes_back_beside_the_running_server(kept: Kept) -> None:
    kept.run("make-database", BINHAN_DATABASE="hotline", BINHAN_ROLE="hotline")  # safe to repeat
    kept.do("INSERT INTO said VALUES (1)", database="hotline")
    said = kept.run("base-backup", BINHAN_DATABASE="hotline")
    assert "base backup:" in said
    assert "status page" not in said
    ((noted,),) = kept.do(f"SELECT value FROM settings WHERE name = '{BACKED_UP}'", database="hotline")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(str(noted))).total_seconds()) < 120, "the status page knows"
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
            found = kept.run_sql(target, "SELECT n FROM said WHERE n < 5 ORDER BY n")
            assert found == [str(n) for n in expected], said
            assert kept.run_sql(target, "SELECT count(*) FROM contacts") == ["0"], "our own tables are there too"
            if os.getuid() == 0:  # somebody else than the two accounts that may
                with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
                    psycopg.connect(host=str(kept.home / target / "socket"), port=5432, user=OWNER, dbname="hotline")
        finally:
            kept.stop(target)
    assert time.monotonic() - began < 30 * 60
    there = kept.do("SELECT max(n) FROM said WHERE n < 5", database="hotline")
    assert there == [(4,)], "the one in service was not touched"
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
    said = kept.run("base-backup", BINHAN_DATABASE="nowhere")
    assert "base backup:" in said, "a copy that could not be noted is a copy"
    assert "the status page does not know of this copy" in said
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

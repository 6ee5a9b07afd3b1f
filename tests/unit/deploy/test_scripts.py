"""The scripts of deploy/, run: what they do, in which order, and what they leave alone when something goes wrong."""

from __future__ import annotations

import getpass
import gzip
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.e2e.deployment import DEPLOY, RUNNING

UNITS = [f"binhan-{name.replace('-', '@')}.service" for name in RUNNING]


@dataclass
class Machine:
    """A machine whose managers only write down what they are told; scripts run on it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "bin").mkdir()
        self.environment = {"PATH": f"{self.folder}/bin:/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.folder)}

    def program(self, path: str, body: str) -> Path:
        """A program of our own on this machine, with `say` for the log."""
        made = self.folder / path
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(f'#!/bin/sh\nsay() {{ echo "$*" >> "{self.folder}/log"; }}\n{body}\n', "utf-8")
        made.chmod(0o755)
        return made

    def run(self, script: str, *argv: str, code: int = 0, **environment: str) -> str:
        done = subprocess.run(
            [str(DEPLOY / script), *argv], env={**self.environment, **environment}, cwd=self.folder,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def log(self) -> list[str]:
        path = self.folder / "log"
        return path.read_text("utf-8").splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_services_are_restarted_one_after_the_other_and_the_rest_is_left_when_one_fails(machine: Machine) -> None:
    machine.program("bin/systemctl", 'say "$@"; [ "$2" != "$FAILS" ]')
    machine.run("systemd/restart", FAILS="")
    assert machine.log == [f"restart {unit}" for unit in UNITS]
    said = machine.run("systemd/restart", code=1, FAILS="binhan-web@2.service")
    assert machine.log[len(UNITS) :] == [f"restart {unit}" for unit in UNITS[:2]]
    assert "journalctl -u binhan-web@2" in said


def test_containers_are_restarted_one_after_the_other_too(machine: Machine) -> None:
    machine.program("bin/docker", 'say "$@"; for last; do :; done; [ "$last" != "$FAILS" ]')
    machine.run("containers/restart", FAILS="")
    assert [line.split()[-1] for line in machine.log] == list(RUNNING)
    assert all("--wait" in line and "--no-deps" in line for line in machine.log)
    said = machine.run("containers/restart", code=1, FAILS="web-1")
    assert len(machine.log) == len(RUNNING) + 1
    assert "docker compose logs --tail 50 web-1" in said


def test_a_command_runs_as_the_account_of_the_service_with_its_secrets(machine: Machine) -> None:
    machine.program("bin/systemd-run", 'for one; do say "$one"; done')
    machine.run("systemd/binhan", "staff", "add", "lan tu", "--alias", "Mai", SUDO_USER="lan it")
    told = machine.log
    assert told[told.index("--") + 1 :] == [
        "/opt/binhan/current/bin/binhan",
        "staff",
        "add",
        "lan tu",
        "--alias",
        "Mai",
    ]
    for wanted in ("User=binhan", "LoadCredential=binhan:/etc/binhan/secrets", "NoNewPrivileges=yes"):
        assert f"--property={wanted}" in told
    assert "--pipe" in told, "nobody sits at a terminal here"
    assert "--setenv=SUDO_USER=lan it" in told, "the audit log would say binhan for everybody"
    machine.run("systemd/binhan", "staff", "list")
    assert f"--setenv=SUDO_USER={getpass.getuser()}" in machine.log, "signed in as root, without sudo"


@pytest.fixture
def upgrading(machine: Machine) -> Machine:
    """Version `old` runs, `new` is installed; what its commands do stands in the environment."""
    machine.program("bin/systemctl", 'say "$@"')
    machine.program("command", '"$BINHAN_PROGRAM" "$@"')
    machine.program(
        "opt/new/bin/binhan",
        'say "new: $*"\ncase "$*" in\n"config check") exit "$CONFIG" ;;\n'
        '"db check") [ -z "$CHECK" ] || { echo "$CHECK"; exit 1; } ;;\n"db upgrade") exit "$UPGRADE" ;;\nesac',
    )
    (machine.folder / "opt/current").symlink_to("old")
    machine.environment |= {"BINHAN_OPT": f"{machine.folder}/opt", "BINHAN_COMMAND": f"{machine.folder}/command"}
    machine.environment |= {"CONFIG": "0", "CHECK": "", "UPGRADE": "0"}
    return machine


RESTARTS = [f"restart {unit}" for unit in UNITS]
STOP, START = (f"{word} binhan-worker@1.service binhan-worker@2.service" for word in ("stop", "start"))
CHECKS = ["new: config check", "new: db check"]


def current(machine: Machine) -> str:
    return os.readlink(machine.folder / "opt/current")


@pytest.mark.parametrize("check", ["", "postgresql://localhost:5432/binhan is empty; `serve` makes the tables"])
def test_an_upgrade_stops_nobody_when_the_database_stays_as_it_is(upgrading: Machine, check: str) -> None:
    assert "version new runs" in upgrading.run("systemd/upgrade", "new", CHECK=check)
    assert upgrading.log == [*CHECKS, *RESTARTS]
    assert current(upgrading) == "new"


def test_only_the_workers_rest_while_the_database_changes_its_shape(upgrading: Machine) -> None:
    upgrading.run(
        "systemd/upgrade", "new", CHECK="older-database: revision 0001, needed 0002. The database was written by"
    )
    assert upgrading.log == [*CHECKS, STOP, "new: db upgrade", *RESTARTS]
    assert current(upgrading) == "new"


@pytest.mark.parametrize(
    ("environment", "log"),
    [
        ({"CONFIG": "2"}, CHECKS[:1]),
        ({"CHECK": "audit: row 7 was changed"}, CHECKS),
        ({"CHECK": "newer-database: revision 9"}, CHECKS),
        ({"CHECK": "older-database: revision 1", "UPGRADE": "2"}, [*CHECKS, STOP, "new: db upgrade", START]),
    ],
)
def test_an_upgrade_that_cannot_be_leaves_all_as_it_was(
    upgrading: Machine, environment: dict[str, str], log: list[str]
) -> None:
    code = {"CONFIG": 2, "UPGRADE": 2}.get(next(reversed(environment)), 1)
    upgrading.run("systemd/upgrade", "new", code=code, **environment)
    assert upgrading.log == log
    assert current(upgrading) == "old"


def test_a_version_that_is_not_installed_is_not_run(upgrading: Machine) -> None:
    assert "install it first" in upgrading.run("systemd/upgrade", "newest", code=2)
    assert upgrading.log == []


def test_installing_again_overwrites_nothing_that_was_written_here(machine: Machine) -> None:
    root = machine.folder / "root"
    machine.run("systemd/install", "v1", DESTDIR=str(root), BINHAN_NO_PACKAGES="1")
    for kept in ("etc/binhan/config.yaml", "etc/caddy/Caddyfile"):
        with (root / kept).open("a") as file:
            file.write("# ours\n")
    (root / "etc/systemd/system/binhan-auditor.service").write_text("[Unit]\n")
    said = machine.run("systemd/install", "v2", DESTDIR=str(root), BINHAN_NO_PACKAGES="1")
    assert "/etc/binhan/config.yaml: left as it is" in said
    assert (root / "etc/binhan/config.yaml").read_text("utf-8").endswith("# ours\n")
    for unit in ("binhan-auditor.service", "binhan-web@.service", "binhan-check-backups.timer"):
        shipped = (DEPLOY / "systemd" / unit).read_bytes()
        assert (root / "etc/systemd/system" / unit).read_bytes() == shipped
    assert (root / "etc/binhan/secrets").stat().st_mode & 0o777 == 0o700
    assert (root / "var/lib/binhan").stat().st_mode & 0o777 == 0o700
    installed = {path.name for path in (root / "usr/local/lib/binhan").iterdir()}
    for unit in ("binhan-base-backup.service", "binhan-check-backups.service", "binhan-nightly-backup.service"):
        command = (root / "etc/systemd/system" / unit).read_text("utf-8").split("ExecStart=")[1].split("\n")[0]
        assert Path(command).name in installed
    for script in installed:
        assert os.access(root / "usr/local/lib/binhan" / script, os.X_OK)
    for name in ("", "../x", "current"):
        machine.run("systemd/install", name or ".", code=2, DESTDIR=str(root), BINHAN_NO_PACKAGES="1")


def test_the_nightly_copy_goes_when_it_is_too_old_and_sooner_with_keys_in_it(machine: Machine) -> None:
    machine.program("binhan", 'say "$@"; for last; do :; done; mkdir -p "$last"; [ -z "$FAILS" ]')
    for name, days, has_keys in (("20260101T000000Z", 31, False), ("20260102T000000Z", 20, False),
                                 ("20260103T000000Z", 8, True), ("20260104T000000Z", 6, True), ("notes", 99, True)):  # fmt: skip
        folder = machine.folder / "dumps" / name
        folder.mkdir(parents=True)
        if has_keys:
            (folder / "keys.db").touch()
        os.utime(folder, (time.time() - days * 86_400 - 3600,) * 2)
    given = {"BINHAN_DUMPS": f"{machine.folder}/dumps", "BINHAN_PROGRAM": f"{machine.folder}/binhan"}
    machine.run("systemd/nightly-backup", code=1, FAILS="1", **given)
    assert len(list((machine.folder / "dumps").iterdir())) == 6, "an old copy goes only when there is a new one"
    time.sleep(1.1)
    machine.run("systemd/nightly-backup", FAILS="", **given)
    left = {path.name for path in (machine.folder / "dumps").iterdir()}
    assert {"20260102T000000Z", "20260104T000000Z", "notes"} < left
    assert not {"20260101T000000Z", "20260103T000000Z"} & left
    assert machine.log[-1].startswith("backup --config /etc/binhan/config.yaml ")


class _Alarm(BaseHTTPRequestHandler):
    heard: list[object]

    def do_POST(self) -> None:
        self.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def alarm() -> Iterator[tuple[str, list[object]]]:
    heard: list[object] = []
    with HTTPServer(("127.0.0.1", 0), type("Alarm", (_Alarm,), {"heard": heard})) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/geheim", heard
        server.shutdown()
        thread.join()


def test_backups_that_are_not_fresh_ring(machine: Machine, alarm: tuple[str, list[object]]) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    address, heard = alarm
    (machine.folder / "alarm-url").write_text(f"{address}\n")
    to = machine.folder / "data"
    (to / "wal").mkdir(parents=True)
    (to / "base" / "20261128T000000Z").mkdir(parents=True)
    piece = to / "wal" / "000000010000000000000001.gz"
    piece.write_bytes(gzip.compress(b"x"))
    given = {"BINHAN_DATA_BACKUPS": str(to), "BINHAN_ALARM_FILE": f"{machine.folder}/alarm-url"}
    assert machine.run("postgresql/check-backups", **given, BINHAN_DISK_FULL_PERCENT="101") == ""
    assert heard == []

    os.utime(piece, (time.time() - 400,) * 2)
    (to / "wal" / ".half").write_bytes(b"")  # what is being written is not there yet
    said = machine.run("postgresql/check-backups", code=1, **given, BINHAN_DISK_FULL_PERCENT="101")
    os.utime(to / "base" / "20261128T000000Z", (time.time() - 30 * 3600,) * 2)
    said += machine.run("postgresql/check-backups", code=1, **given, BINHAN_DISK_FULL_PERCENT="0")
    assert [[one["code"] for one in told["findings"]] for told in heard] == [  # type: ignore[index]
        ["backup-log-late"],
        ["backup-log-late", "backup-base-late", "disk-filling"],
    ]
    assert all(told["service"] == "binhan" and told["state"] == "alarm" for told in heard)  # type: ignore[index]
    (machine.folder / "alarm-url").write_text("http://127.0.0.1:1/geheim\n")
    said += machine.run("postgresql/check-backups", code=1, **given)
    assert "alarm-not-told" in said
    assert "geheim" not in said
    gone = machine.run("postgresql/check-backups", code=1, BINHAN_DATA_BACKUPS=str(machine.folder / "nowhere"))
    assert [line.split(":")[0] for line in gone.splitlines()] == ["backup-log-late", "backup-base-late", "disk-filling"]


@pytest.mark.parametrize("script", ["pin", "make-venv", "systemd/upgrade", "postgresql/recover"])
def test_used_wrongly_a_script_says_how_and_does_nothing(machine: Machine, script: str) -> None:
    said = machine.run(script, *(["--wrong"] if script == "pin" else []), code=2)
    assert said.strip()
    assert "set -eu" not in said


def test_a_version_that_runs_is_never_changed(machine: Machine) -> None:
    (machine.folder / "v1").mkdir()
    assert "is there already" in machine.run("make-venv", str(machine.folder / "v1"), code=2)

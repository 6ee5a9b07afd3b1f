"""The program behind the walls that its deployment builds: nobody's account, nothing to write but its data, no way out."""

from __future__ import annotations

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.channels.webchat import new_token
from tests import walls
from tests.servers.process import free_port

ROOT = Path(__file__).resolve().parents[2]
TRIED = "telegram.poll_failed"
NEEDED = ("unshare", "setpriv", "chroot", "mount")


@functools.cache
def missing() -> str:
    """Why the walls cannot be built here; "" where they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "walls are built of Linux namespaces by root"
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    if lacking:
        return f"{', '.join(lacking)} are not here (Debian: util-linux, coreutils)"
    done = subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True, text=True, check=False)
    return f"no namespaces here: {done.stderr.strip()}" if done.returncode else ""


@pytest.fixture
def needs_walls() -> None:
    """In CI walls that cannot be built are a failure, as with every other thing a test needs."""
    if missing():
        pytest.fail(missing()) if os.environ.get("CI") else pytest.skip(missing())


@pytest.fixture
def outside() -> Iterator[int]:
    """Somebody outside who listens on every address of this machine; the port."""
    with socket.socket() as listening:
        listening.bind(("0.0.0.0", 0))  # what must not be reached
        listening.listen()
        yield listening.getsockname()[1]


def code() -> list[Path]:
    """The code, and the interpreter with its libraries, wherever they are installed."""
    found = [ROOT]
    for path in dict.fromkeys((Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve())):
        if not any(path.is_relative_to(known) for known in (*found, Path("/usr"))):
            found.append(path)
    return found


def behind_walls(
    tmp_path: Path, outside: int, *, hole: Path | None = None, open_network: bool = False, serve: bool = False
) -> tuple[dict[str, Any], str]:
    """What was found there, and what the program logged."""
    data, root, log = tmp_path / "data", tmp_path / "root", tmp_path / "log"
    root.mkdir()
    data.mkdir(mode=0o700)
    os.chown(data, walls.NOBODY, walls.NOBODY)
    config = data / "config.yaml"
    channel = "{name: telegram, platform: telegram, token: 'env:PROBE_TOKEN', mode: polling"
    config.write_text(f"var: {data}/var\nchannels:\n  - {channel}, base_url: 'http://{walls.NOWHERE}'}}\n")
    shown = [*map(str, code()), *([str(hole)] if hole else [])]
    order = {
        "root": str(root), "code": shown, "data": str(data), "hole": str(hole or ""), "open_network": open_network,
        "python": str(Path(sys.prefix).resolve() / "bin" / "python"), "config": str(config) if serve else "",
        "secrets": {"PROBE_TOKEN": "1:probe"}, "port": free_port(), "log": str(log), "tried": TRIED,
        "message": {"token": new_token(), "after": "0", "text": "xin chào", "mid": "m1"},
        "folders": ["/", "/etc", "/tmp", *shown, str(data)], "ways": [(walls.NOWHERE, 443), ("127.0.0.1", outside)],
    }  # fmt: skip
    apart = ["unshare", "--mount", "--propagation", "private", *([] if open_network else ["--net"])]
    argv = [*apart, sys.executable, walls.__file__, json.dumps(order)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=180)
    said = log.read_text(errors="replace") if log.exists() else ""
    assert done.returncode == 0, done.stderr + said
    return json.loads(done.stdout), said


@pytest.mark.usefixtures("needs_walls")
def test_it_serves_as_nobody_with_one_folder_to_write_and_no_way_out(tmp_path: Path, outside: int) -> None:
    socket.create_connection(("127.0.0.1", outside), 3).close()  # from here it can be reached
    found, said = behind_walls(tmp_path, outside, serve=True)
    data, served = str(tmp_path / "data"), found["served"]
    writable = {folder for folder, what in found["nobody"].items() if what == "written"}
    assert writable == {data}
    refused = {folder: what for folder, what in found["root"].items() if folder != data}
    assert set(refused.values()) == {"EROFS"}, "no account at all could write there"
    assert found["nobody"][f"{walls.NOWHERE}:443"] == "ENETUNREACH"
    assert found["nobody"][f"127.0.0.1:{outside}"] == "ECONNREFUSED"

    assert served["ready"] == 200, said
    status, page = served["answer"]
    assert status == 200, said
    assert {line["who"] for line in json.loads(page)["lines"]} > {"me"}, "the bot has answered"
    assert TRIED in said, "and before that it had tried to get out, and failed"
    nobody, nothing = str(walls.NOBODY), "0" * 16
    assert served["status"] == {
        "Uid": " ".join([nobody] * 4), "Gid": " ".join([nobody] * 4), "CapEff": nothing, "CapPrm": nothing,
        "CapBnd": nothing, "NoNewPrivs": "1",
    }  # fmt: skip
    assert set(served["writable"]) == {data, "/dev/null", "/dev/urandom"}


@pytest.mark.usefixtures("needs_walls")
def test_a_hole_in_the_walls_is_seen(tmp_path: Path, outside: int) -> None:
    hole = tmp_path / "hole"
    hole.mkdir()
    found, _ = behind_walls(tmp_path, outside, hole=hole, open_network=True)
    assert found["root"][str(hole)] == "written"
    assert found["nobody"][f"127.0.0.1:{outside}"] == "reached"

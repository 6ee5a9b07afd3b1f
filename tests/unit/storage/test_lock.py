"""Only one `serve` at a time; the lock of a dead one does not matter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.lock import AlreadyServing, ServeLock


def test_a_second_one_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    with ServeLock(tmp_path), pytest.raises(AlreadyServing, match=str(os.getpid())):
        ServeLock(tmp_path)
    ServeLock(tmp_path).release()


def test_releasing_twice_is_fine(tmp_path: Path) -> None:
    lock = ServeLock(tmp_path)
    lock.release()
    lock.release()


def test_a_process_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    code = "import os, signal, sys, pathlib; from storage.lock import ServeLock; ServeLock(pathlib.Path(sys.argv[1])); "
    ended = subprocess.run([sys.executable, "-c", code + "os.kill(os.getpid(), signal.SIGKILL)", tmp_path], check=False)
    assert ended.returncode < 0
    ServeLock(tmp_path).release()
